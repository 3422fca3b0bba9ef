//! A dead endpoint for five days, with a clock that is turned by hand: what waits, what is tried, and how all of it ends.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use countersign::breaker::Breaker;
use countersign::clock::Clock;
use countersign::dispatch::{Backlog, Delivery, Dispatcher, Endpoint, Failure, Jitter, Schedule, Settled};
use countersign::egress::{Egress, NotResolved, Resolve, Resolving};
use countersign::tls::ClientAuth;
use rustls::pki_types::UnixTime;

use crate::receiver::Receiver;
use crate::world::*;

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// The seconds since the beginning, and the clock that shows them.
#[derive(Debug, Clone)]
struct Time {
    began: u64,
    passed: Arc<AtomicU64>,
}

impl Time {
    fn new() -> Self {
        Self {
            began: UnixTime::now().as_secs(),
            passed: Arc::default(),
        }
    }

    fn now(&self) -> UnixTime {
        at(self.began + self.passed.load(SeqCst))
    }
}

/// Has no address before the endpoint comes back.
#[derive(Debug)]
struct Back {
    at: u64,
    time: Time,
}

impl Resolve for Back {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
        let back = self.time.passed.load(SeqCst) >= self.at;
        let loopback = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
        let answer = if back {
            Ok(loopback)
        } else {
            Err(NotResolved::new("no such name"))
        };
        Box::pin(async { answer })
    }
}

#[derive(Debug, Default, PartialEq)]
struct Figures {
    tries: usize,
    not_now: usize,
    most_waiting: usize,
    delivered: usize,
    expired: usize,
    given_up: usize,
    /// How long after its last moment a delivery ended.
    latest: u64,
}

/// Deliveries for five days, each to be tried for three, to an endpoint that comes back on some day.
async fn five_days(every: u64, back: u64) -> Figures {
    let time = Time::new();
    let receiver = Receiver::good(world().server_config(ClientAuth::Require)).await;
    let clock = time.clone();
    let egress = Egress::new().with_guard(loopback()).with_resolver(Back {
        at: back,
        time: time.clone(),
    });
    let dispatcher = Dispatcher::builder()
        .with_egress(egress)
        .with_ports([receiver.port()])
        .with_breaker(Breaker::new(10).trip_in_a_row(5))
        .with_clock(Clock::new(move || clock.now()))
        .build();
    dispatcher
        .set_identity(tenant("acme"), world().sender(&world().acme, "acme"))
        .expect("TLS");
    let to = endpoint("acme", &receiver.url(HOST));
    let mut backlog = Backlog::new(Schedule::standard_webhooks());
    let mut figures = Figures::default();
    let mut next_push = 0;
    loop {
        let now = time.now();
        if next_push < 5 * DAY && time.passed.load(SeqCst) == next_push {
            let id = format!("msg_{next_push}");
            let expires = at(now.as_secs() + 3 * DAY);
            backlog.push(to.clone(), delivery("acme", &id).with_expiry(expires), now);
            next_push += every;
        }
        play(&dispatcher, &mut backlog, &mut figures, now).await;
        figures.most_waiting = figures.most_waiting.max(backlog.len());
        let push = (next_push < 5 * DAY).then_some(next_push);
        let due = backlog.next_at().map(|at| at.as_secs() - time.began);
        let Some(next) = push.into_iter().chain(due).min() else {
            return figures;
        };
        time.passed.store(next, SeqCst);
    }
}

/// All that is due now.
async fn play(dispatcher: &Dispatcher, backlog: &mut Backlog, figures: &mut Figures, now: UnixTime) {
    while let Some(queued) = backlog.next(now) {
        let outcome = dispatcher.deliver(queued.endpoint(), queued.delivery()).await;
        let last = queued.delivery().expires().expect("a last moment").as_secs();
        match &outcome.failure {
            Some(Failure::NotNow(_)) => figures.not_now += 1,
            Some(Failure::Expired { .. }) => figures.expired += 1,
            _ => figures.tries += 1,
        }
        match backlog.settle(queued, &outcome, now, Jitter::NONE) {
            Settled::Delivered => figures.delivered += 1,
            Settled::Ended(_) => {
                figures.given_up += 1;
                figures.latest = figures.latest.max(now.as_secs().saturating_sub(last));
            }
            Settled::Waits { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

/// A probe every ten minutes at most, however much waits.
#[tokio::test]
async fn a_dead_endpoint_costs_a_probe_now_and_then_for_five_days() {
    let figures = five_days(MINUTE, u64::MAX).await;
    println!("{figures:?}");
    assert_eq!(figures.delivered, 0);
    // Nobody waits for ever: all of 7,200 have ended, and the second after their last moment at the latest.
    assert_eq!(figures.given_up, 7_200, "{figures:?}");
    assert!(figures.latest <= 1, "{figures:?}");
    // What came in three days.
    assert!(figures.most_waiting <= 3 * 1_440 + 1, "{figures:?}");
    // Eight days of waiting in all, in each of which there are 144 times ten minutes; and one more question after each
    // probe, whether the circuit is open.
    assert!(figures.tries <= 8 * 144 + 20, "{figures:?}");
    assert!(figures.not_now <= figures.tries + 1, "{figures:?}");
}

#[tokio::test]
async fn what_waits_is_delivered_when_the_endpoint_comes_back() {
    let figures = five_days(10 * MINUTE, 2 * DAY).await;
    println!("{figures:?}");
    // Within the ten minutes for which a circuit is open, and without those whose tries are used up before.
    assert_eq!(figures.delivered + figures.given_up, 720, "{figures:?}");
    assert!(figures.given_up <= 10, "{figures:?}");
    assert_eq!(figures.expired, 0, "{figures:?}");
    assert!(figures.tries <= 720 + 2 * 144 + 20, "{figures:?}");
    assert!(figures.not_now <= 2 * 144 + 20, "{figures:?}");
}

/// The dispatcher itself sends nothing after the last moment, also where a delivery has waited for its turn.
#[tokio::test]
async fn a_delivery_is_not_sent_after_its_last_moment() {
    let receiver = Receiver::good(world().server_config(ClientAuth::Require)).await;
    let log = Log::default();
    let now = Arc::new(AtomicU64::new(1_790_000_000));
    let hands = now.clone();
    let breaker = Breaker::<Endpoint>::new(10).trip_in_a_row(1);
    let dispatcher = builder(&[receiver.port()])
        .with_breaker(breaker.clone())
        .with_clock(Clock::new(move || at(hands.load(SeqCst))))
        .observed_by(Arc::new(log.clone()))
        .build();
    dispatcher
        .set_identity(tenant("acme"), world().sender(&world().acme, "acme"))
        .expect("TLS");
    let to = endpoint("acme", &receiver.url(HOST));
    let last = now.load(SeqCst);
    let what: Delivery = delivery("acme", "msg_1").with_expiry(at(last));
    assert_eq!(dispatcher.deliver(&to, &what).await.code(), "delivered");
    now.store(last + 1, SeqCst);
    let outcome = dispatcher.deliver(&to, &what).await;
    assert_eq!(outcome.failure, Some(Failure::Expired { at: at(last) }));
    let fault = outcome.fault().map(|fault| fault.code());
    assert_eq!(
        (outcome.fate, outcome.code(), fault),
        (
            countersign::dispatch::Fate::Dead,
            "dispatch.expired",
            Some("policy")
        )
    );
    assert_eq!(receiver.seen().len(), 1);
    assert_eq!(
        log.take().last().map(String::as_str),
        Some("msg_1: dispatch.expired, policy")
    );
    // It says nothing about the endpoint.
    assert_eq!(breaker.state(&to, at(last + 1)).name(), "closed");
}

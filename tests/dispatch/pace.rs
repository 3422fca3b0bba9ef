//! How much at once, what is left alone, and which connections are used again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use bytes::Bytes;
use countersign::breaker::{Breaker, State};
use countersign::clock::Clock;
use countersign::dispatch::{Connected, Dispatcher, Endpoint, Fate, Fault};
use countersign::testing::TestCa;
use countersign::tls::ClientAuth;
use http::Response;
use http_body_util::Full;
use rustls::ServerConfig;
use rustls::pki_types::UnixTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use crate::receiver::{Receiver, read_request, with_http2};
use crate::world::*;

fn config() -> ServerConfig {
    world().server_config(ClientAuth::Require)
}

fn with_tenants(dispatcher: Dispatcher) -> Dispatcher {
    for (name, certificate) in [("acme", &world().acme), ("globex", &world().globex)] {
        let sender = world().sender(certificate, name);
        dispatcher.set_identity(tenant(name), sender).expect("TLS");
    }
    dispatcher
}

/// Slow, and counts how many requests it has at once.
async fn slow(each: Duration) -> (Receiver, Arc<AtomicUsize>) {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let peak = most.clone();
    let receiver = Receiver::http(config(), move |_| {
        let (now, most) = (now.clone(), most.clone());
        async move {
            most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            tokio::time::sleep(each).await;
            now.fetch_sub(1, SeqCst);
            Response::new(Full::<Bytes>::default())
        }
    })
    .await;
    (receiver, peak)
}

/// So many deliveries of acme's, all at once.
fn many_of_acme(count: usize, dispatcher: &Dispatcher, receiver: &Receiver) -> JoinSet<Fate> {
    let deliveries = (0..count).map(|number| {
        let (dispatcher, to) = (dispatcher.clone(), endpoint("acme", &receiver.url(HOST)));
        let what = delivery("acme", &format!("msg_{number}"));
        async move { dispatcher.deliver(&to, &what).await.fate }
    });
    deliveries.collect()
}

async fn globex_is_served_within(limit: Duration, dispatcher: &Dispatcher, receiver: &Receiver) {
    let began = Instant::now();
    let to = endpoint("globex", &receiver.url(HOST));
    let outcome = dispatcher.deliver(&to, &delivery("globex", "msg_1")).await;
    assert_eq!(outcome.fate, Fate::Delivered);
    assert!(began.elapsed() < limit, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_slow_tenant_waits_for_itself_and_delays_nobody() {
    let (slow, peak) = slow(Duration::from_millis(300)).await;
    let fast = Receiver::good(config()).await;
    let limits = limits(|limits| (limits.in_all, limits.per_tenant) = (8, 3));
    let dispatcher = with_tenants(builder(&[slow.port(), fast.port()]).with_limits(limits).build());
    let deliveries = many_of_acme(12, &dispatcher, &slow);
    tokio::time::sleep(Duration::from_millis(100)).await;
    globex_is_served_within(Duration::from_millis(250), &dispatcher, &fast).await;
    assert_eq!(deliveries.join_all().await, [Fate::Delivered; 12]);
    assert_eq!(peak.load(SeqCst), 3);
}

/// All general places are taken by others, who are slow: whoever has nothing under way still gets one of the rest.
#[tokio::test]
async fn places_are_kept_for_those_who_have_none() {
    let (slow, peak) = slow(Duration::from_millis(600)).await;
    let fast = Receiver::good(config()).await;
    let limits = limits(|limits| (limits.in_all, limits.per_tenant) = (8, 8));
    let dispatcher = with_tenants(builder(&[slow.port(), fast.port()]).with_limits(limits).build());
    let deliveries = many_of_acme(20, &dispatcher, &slow);
    tokio::time::sleep(Duration::from_millis(200)).await;
    globex_is_served_within(Duration::from_millis(350), &dispatcher, &fast).await;
    deliveries.join_all().await;
    // Six general places, and the one that the first delivery took of the rest.
    assert!((6..=7).contains(&peak.load(SeqCst)), "{}", peak.load(SeqCst));
}

// --- circuits -----------------------------------------------------------------------------------------------------------

fn clock() -> (Clock, Arc<std::sync::atomic::AtomicU64>) {
    let hands = Arc::new(std::sync::atomic::AtomicU64::new(UnixTime::now().as_secs()));
    let read = hands.clone();
    let clock = Clock::new(move || UnixTime::since_unix_epoch(Duration::from_secs(read.load(SeqCst))));
    (clock, hands)
}

#[tokio::test]
async fn an_endpoint_that_fails_is_left_alone_and_probed() {
    let healthy = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let state = healthy.clone();
    let receiver = Receiver::http(config(), move |_| {
        let status = if state.load(SeqCst) { 204 } else { 500 };
        async move {
            let mut response = Response::new(Full::<Bytes>::default());
            *response.status_mut() = status.try_into().expect("a status");
            response
        }
    })
    .await;
    let (clock, hands) = clock();
    let log = Log::default();
    let breaker = Breaker::<Endpoint>::new(100).trip_at_rate(50, 4);
    let dispatcher = builder(&[receiver.port()])
        .with_breaker(breaker.clone())
        .with_clock(clock.clone())
        .observed_by(Arc::new(log.clone()));
    let dispatcher = with_tenants(dispatcher.build());
    let bad = endpoint("acme", &receiver.url(HOST));
    let other = endpoint("globex", &receiver.url(HOST));
    let send = async |to: &Endpoint, owner: &str| dispatcher.deliver(to, &delivery(owner, "msg_1")).await;
    for _ in 0..4 {
        let outcome = send(&bad, "acme").await;
        assert_eq!(outcome.to_string(), "dispatch.status: answered 500");
    }
    let State::Open { until } = breaker.state(&bad, clock.now()) else {
        panic!("open")
    };
    let outcome = send(&bad, "acme").await;
    assert_eq!(
        (outcome.code(), outcome.fault()),
        ("breaker.open", Some(Fault::Theirs))
    );
    let after = Duration::from_secs(until.as_secs() - clock.now().as_secs());
    assert_eq!(outcome.fate, Fate::Retry { after });
    assert_eq!(receiver.seen().len(), 4, "nothing was sent");
    // Another tenant's circuit to the very same URL is its own.
    assert_eq!(send(&other, "globex").await.code(), "dispatch.status");

    healthy.store(true, SeqCst);
    hands.store(until.as_secs(), SeqCst);
    assert_eq!(send(&bad, "acme").await.fate, Fate::Delivered);
    let changes = |line: &String| line.starts_with("circuit");
    assert_eq!(
        log.take().into_iter().filter(changes).collect::<Vec<_>>(),
        [
            "circuit of acme: closed -> open",
            "circuit of acme: open -> half_open",
            "circuit of acme: half_open -> closed"
        ]
    );
}

/// Our certificate is refused thirty times: our fault, and no reason to leave the consumer alone.
#[tokio::test]
async fn our_own_faults_are_not_charged_to_the_endpoint() {
    let receiver = Receiver::good(config()).await;
    let breaker = Breaker::<Endpoint>::new(100).trip_at_rate(1, 1);
    let dispatcher = builder(&[receiver.port()]).with_breaker(breaker.clone()).build();
    let stranger = TestCa::new("Strangers Root").client(&uri("acme")).issue();
    dispatcher
        .set_identity(tenant("acme"), world().sender(&stranger, "acme"))
        .expect("TLS");
    let to = endpoint("acme", &receiver.url(HOST));
    for _ in 0..30 {
        let outcome = dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
        assert_eq!(
            (outcome.code(), outcome.fault()),
            ("dispatch.identity_refused", Some(Fault::Ours))
        );
    }
    let closed = State::Closed {
        requests: 0,
        failures: 0,
    };
    assert_eq!(breaker.state(&to, UnixTime::now()), closed);
}

// --- connections that are used again ------------------------------------------------------------------------------------

/// Serves so many requests on each connection, and then closes it without a word.
async fn closing_after(requests: usize) -> Receiver {
    Receiver::tls(config(), move |_, mut tls| async move {
        for _ in 0..requests {
            read_request(&mut tls).await;
            let _ = tls.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
            let _ = tls.flush().await;
        }
        let _ = tls.shutdown().await;
    })
    .await
}

#[tokio::test]
async fn a_connection_that_died_while_idle_is_not_used() {
    let receiver = closing_after(1).await;
    let dispatcher = with_tenants(builder(&[receiver.port()]).build());
    let to = endpoint("acme", &receiver.url(HOST));
    for _ in 0..5 {
        let outcome = dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
        assert_eq!(outcome.fate, Fate::Delivered, "{outcome:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The server takes the second request on a kept connection and closes without an answer: it may have been handled, so
/// it is not sent again behind the queue's back.
#[tokio::test]
async fn what_may_have_been_handled_is_not_sent_twice() {
    let received = Arc::new(AtomicUsize::new(0));
    let count = received.clone();
    let receiver = Receiver::tls(config(), move |_, mut tls| {
        let count = count.clone();
        async move {
            read_request(&mut tls).await;
            count.fetch_add(1, SeqCst);
            let _ = tls.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
            read_request(&mut tls).await;
            count.fetch_add(1, SeqCst);
        }
    })
    .await;
    let dispatcher = with_tenants(builder(&[receiver.port()]).build());
    let to = endpoint("acme", &receiver.url(HOST));
    let first = dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
    assert_eq!(first.fate, Fate::Delivered);
    let second = dispatcher.deliver(&to, &delivery("acme", "msg_2")).await;
    assert_eq!(
        (second.code(), second.fault()),
        ("dispatch.no_answer", Some(Fault::Network))
    );
    assert_eq!(received.load(SeqCst), 2);
}

/// The first connection answers one request and resets the second, any other answers all.
async fn resetting(reason: h2::Reason) -> Receiver {
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(with_http2(config())));
    Receiver::tcp(move |number, io| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(tls) = acceptor.accept(io).await else {
                return;
            };
            let mut connection = h2::server::handshake(tls).await.expect("HTTP/2");
            let mut answered = 0;
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                drop(request);
                answered += 1;
                if number == 0 && answered == 2 {
                    respond.send_reset(reason);
                    continue;
                }
                let response = Response::builder().status(204).body(()).expect("a response");
                let _ = respond.send_response(response, true);
            }
        }
    })
    .await
}

/// HTTP/2 says which requests will not be handled: GOAWAY below their number, REFUSED_STREAM. Those are sent again. Any
/// other reset leaves open what was done (RFC 9113 §8.7), "no error" too.
#[tokio::test]
async fn what_http2_says_was_not_handled_is_sent_again_at_once() {
    for (reason, expected) in [
        (h2::Reason::REFUSED_STREAM, ("delivered", Some(Connected::Fresh))),
        (h2::Reason::NO_ERROR, ("dispatch.no_answer", None)),
        (h2::Reason::CANCEL, ("dispatch.no_answer", None)),
    ] {
        let receiver = resetting(reason).await;
        let dispatcher = with_tenants(builder(&[receiver.port()]).build());
        let to = endpoint("acme", &receiver.url(HOST));
        let send = async || dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
        assert_eq!(send().await.fate, Fate::Delivered, "{reason:?}");
        let second = send().await;
        let connection = second.answer.as_ref().map(|answer| answer.connection);
        assert_eq!((second.code(), connection), expected, "{reason:?}");
    }
}

#[tokio::test]
async fn idle_connections_are_few_and_closed_in_time() {
    let open = Arc::new(AtomicUsize::new(0));
    let count = open.clone();
    let receiver = Receiver::tls(config(), move |_, mut tls| {
        let count = count.clone();
        async move {
            count.fetch_add(1, SeqCst);
            read_request(&mut tls).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            let _ = tls.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
            let _ = tls.read(&mut [0; 16]).await;
            count.fetch_sub(1, SeqCst);
        }
    })
    .await;
    let limits = limits(|limits| {
        limits.idle_per_endpoint = 2;
        limits.idle_for = Duration::from_millis(400);
    });
    let dispatcher = with_tenants(builder(&[receiver.port()]).with_limits(limits).build());
    let mut deliveries = JoinSet::new();
    for number in 0..6 {
        let (dispatcher, to) = (dispatcher.clone(), endpoint("acme", &receiver.url(HOST)));
        let what = delivery("acme", &format!("msg_{number}"));
        deliveries.spawn(async move { dispatcher.deliver(&to, &what).await.fate });
    }
    assert_eq!(deliveries.join_all().await, [Fate::Delivered; 6]);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(open.load(SeqCst), 2);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(open.load(SeqCst), 0);
}

#[tokio::test]
async fn a_connection_is_not_used_beyond_the_servers_certificate() {
    let world = world();
    let (clock, hands) = clock();
    let soon = clock.now().as_secs() + 100;
    let ends = UnixTime::since_unix_epoch(Duration::from_secs(soon));
    let server = world
        .servers
        .server(HOST)
        .validity(countersign::testing::NOT_BEFORE, ends);
    let config = world.server_config_showing(&server.issue(), ClientAuth::Require);
    let receiver = Receiver::good(config).await;
    let dispatcher = with_tenants(builder(&[receiver.port()]).with_clock(clock).build());
    let to = endpoint("acme", &receiver.url(HOST));
    let send = async || dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
    assert_eq!(send().await.fate, Fate::Delivered);
    hands.store(soon, SeqCst);
    assert_eq!(
        send().await.answer.expect("an answer").connection,
        Connected::Reused
    );
    hands.store(soon + 1, SeqCst);
    let late = send().await;
    assert_eq!(
        (late.fate, late.code(), late.fault()),
        (Fate::Dead, "trust.expired", Some(Fault::Theirs))
    );
    assert_eq!(receiver.seen().len(), 2);
}

/// Many share an HTTP/2 connection. When one request on it gets no answer, the next ones do not wait there as well.
#[tokio::test]
async fn a_connection_that_may_be_dead_is_given_to_nobody() {
    let config = with_http2(config());
    let receiver = Receiver::http(config, |seen| async move {
        if seen.connection == 0 && seen.headers["webhook-id"] != "msg_1" {
            std::future::pending::<()>().await;
        }
        Response::new(Full::<Bytes>::default())
    })
    .await;
    let mut short = deadlines();
    short.answer = Duration::from_millis(300);
    let dispatcher = with_tenants(builder(&[receiver.port()]).with_deadlines(short).build());
    let to = endpoint("acme", &receiver.url(HOST));
    let send = async |id| dispatcher.deliver(&to, &delivery("acme", id)).await;
    assert_eq!(send("msg_1").await.fate, Fate::Delivered);
    assert_eq!(send("msg_2").await.code(), "dispatch.answer_timed_out");
    let third = send("msg_3").await;
    assert_eq!(third.answer.expect("an answer").connection, Connected::Fresh);
}

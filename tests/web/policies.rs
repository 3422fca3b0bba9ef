//! Trust goes on after the handshake: what is withdrawn is gone for connections that are open.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use countersign::identity::SpkiHash;
use countersign::testing::{NOT_BEFORE, TestCa};
use countersign::tls::ClientAuth;
use countersign::trust::PinSet;
use http_body_util::Full;
use hyper::body::Bytes;
use tokio::task::JoinSet;

use crate::door::{Door, Plan, TEMPLATE, keys, world};
use crate::sender::{Delivery, Greeting, Sender, Version, delivery, empty, said};
use crate::support::at;

const OK: &str = r#"{"status": 200}"#;

impl Door {
    fn order(&self, id: &str) -> Delivery {
        delivery("acme", id, OK, self.hands.now())
    }
}

#[tokio::test]
async fn what_is_withdrawn_is_gone_for_open_connections() {
    /// What is changed, how, and back.
    type Change = (&'static str, fn(&Door), fn(&Door), &'static str);
    let changes: [Change; 3] = [
        (
            "the pin",
            |door| door.pins.replace(PinSet::default()),
            |door| door.pins.replace(world().pins()),
            "refused: nobody trust.not_pinned",
        ),
        (
            "the tenant",
            |door| door.tenants.replace(world().tenants(&["globex"])),
            |door| door.tenants.replace(world().tenants(&["acme", "globex"])),
            "refused: nobody tenant.unknown",
        ),
        (
            "the authority",
            |door| door.ca.replace(world().trust(&TestCa::new("The Next Root"))),
            |door| door.ca.replace(world().trust(&world().ca)),
            "refused: nobody trust.unknown_issuer",
        ),
    ];
    let good = said(200, format!("acme acme-2026 URI {TEMPLATE}"));
    for version in [Version::Http1, Version::Http2] {
        for (name, withdraw, give_back, line) in changes {
            let door = Door::open().await;
            let sender = Sender::connect(door.address, Some(&world().acme), version).await;
            let mut sender = sender.expect("a connection");
            for id in ["msg_1", "msg_2"] {
                assert_eq!(sender.send(door.order(id)).await, good, "{name}, {version:?}");
            }
            withdraw(&door);
            door.log.take();
            for id in ["msg_3", "msg_4"] {
                assert_eq!(
                    sender.send(door.order(id)).await,
                    empty(403),
                    "{name}, {version:?}"
                );
                assert_eq!(door.log.take(), [line], "{name}, {version:?}");
            }
            give_back(&door);
            assert_eq!(
                sender.send(door.order("msg_3")).await,
                good,
                "{name}, {version:?}: nothing was lost"
            );
        }
    }
}

#[tokio::test]
async fn many_requests_on_one_connection_while_the_policy_changes() {
    let door = Door::open().await;
    let sender = Sender::connect(door.address, Some(&world().acme), Version::Http2).await;
    let (mut sender, order) = (sender.expect("a connection"), door.order("msg_1").to("/who"));
    for number in 0..10_000 {
        let pinned = number % 40 < 20;
        match number % 40 {
            0 => door.pins.replace(world().pins()),
            20 => door.pins.replace(PinSet::default()),
            _ => {}
        }
        let expected = if pinned { said(200, "acme") } else { empty(403) };
        assert_eq!(sender.send(order.clone()).await, expected, "request {number}");
    }
}

/// A policy that somebody else changes while requests are under way: whether acme is pinned, and since when.
struct Changing {
    pinned: AtomicU64,
    answered: AtomicU64,
}

impl Changing {
    /// Odd while it changes, else twice the number of changes.
    fn epoch(&self) -> u64 {
        self.pinned.load(SeqCst)
    }

    fn change(&self, door: &Door) {
        let epoch = self.pinned.fetch_add(1, SeqCst);
        if epoch.is_multiple_of(4) {
            door.pins.replace(PinSet::default());
        } else {
            door.pins.replace(world().pins());
        }
        self.pinned.fetch_add(1, SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_that_follows_a_change_is_answered_by_the_policy_before_it() {
    const REQUESTS: u64 = 10_000;
    const STREAMS: u64 = 8;
    /// So many answers from one change to the next.
    const BETWEEN: u64 = 100;
    let door = Door::open().await;
    let changing = Arc::new(Changing {
        pinned: AtomicU64::new(0),
        answered: AtomicU64::new(0),
    });
    let greeting = Greeting::new(Some(&world().acme), Version::Http2);
    let Sender::Http2(requests) = Sender::greet(door.address, greeting).await.expect("a connection") else {
        panic!("HTTP/2 was asked for");
    };
    // Without a body: h2 closes a connection after 1,024 requests that were answered before their body had come.
    let ask = door
        .order("msg_1")
        .to("/who")
        .request(Version::Http2)
        .map(|_| Full::<Bytes>::default());
    let first = Sender::Http2(requests.clone()).ask(ask.clone()).await;
    assert_eq!(
        first.expect("an answer"),
        said(200, "acme"),
        "the handshake is over"
    );
    let mut streams = JoinSet::new();
    for _ in 0..STREAMS {
        let (changing, ask) = (changing.clone(), ask.clone());
        let mut stream = Sender::Http2(requests.clone());
        streams.spawn(async move {
            let mut seen = [0_u64; 2];
            for _ in 0..REQUESTS / STREAMS {
                let before = changing.epoch();
                let answer = stream.ask(ask.clone()).await.expect("an answer");
                changing.answered.fetch_add(1, SeqCst);
                if before % 2 == 1 || changing.epoch() != before {
                    continue; // Under way while it changed: either answer is right.
                }
                let (expected, which) = match before % 4 {
                    0 => (said(200, "acme"), 0),
                    _ => (empty(403), 1),
                };
                assert_eq!(answer, expected, "in epoch {before}");
                seen[which] += 1;
            }
            seen
        });
    }
    let mut next = BETWEEN;
    while !streams.is_empty() {
        if changing.answered.load(SeqCst) >= next {
            changing.change(&door);
            next += BETWEEN;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        if let Some(seen) = streams.try_join_next() {
            let seen = seen.expect("no panic");
            assert!(
                seen.iter().all(|count| *count > 50),
                "too few between two changes: {seen:?}"
            );
        }
    }
    println!(
        "changes: {} while {REQUESTS} requests went by",
        changing.epoch() / 2
    );
}

#[tokio::test]
async fn a_certificate_that_expires_while_its_connection_is_open_counts_no_more() {
    for version in [Version::Http1, Version::Http2] {
        let (world, door) = (world(), Door::open().await);
        let not_after = at(door.hands.now().as_secs() + 3_600);
        let name = TEMPLATE.replace("{tenant}", "acme");
        let short = world.ca.client(&name).validity(NOT_BEFORE, not_after).issue();
        door.pins.replace(PinSet::new([SpkiHash::of(&short.spki_der())]));
        let sender = Sender::connect(door.address, Some(&short), version).await;
        let mut sender = sender.expect("a connection");
        let good = said(200, format!("acme acme-2026 URI {TEMPLATE}"));
        for (turned, expected) in [(0, &good), (3_600, &good), (1, &empty(403))] {
            door.hands.turn(turned);
            door.log.take();
            let order = door.order(&format!("msg_{turned}"));
            assert_eq!(
                sender.send(order).await,
                *expected,
                "{version:?}: {turned} seconds later"
            );
        }
        assert_eq!(door.log.take(), ["refused: nobody trust.expired"], "{version:?}");
    }
}

#[tokio::test]
async fn where_certificates_are_only_offered_each_route_demands_what_it_needs() {
    let plan = Plan {
        client_auth: ClientAuth::Offer,
        keys: keys(&["acme"]),
        ..Plan::default()
    };
    let (world, door) = (world(), Door::planned(plan).await);
    let both = said(200, format!("acme acme-2026 URI {TEMPLATE}"));
    #[rustfmt::skip]
    let cases = [
        (None, "/orders", empty(401), "refused: nobody identity.no_certificate"),
        (None, "/who", empty(401), "refused: nobody identity.no_certificate"),
        (None, "/hook", said(200, "acme acme-2026"), "accepted: acme"),
        (Some(&world.acme), "/orders", both, "accepted: acme"),
        (Some(&world.acme), "/hook", said(200, "acme acme-2026"), "accepted: acme"),
    ];
    for (number, (certificate, path, expected, line)) in cases.into_iter().enumerate() {
        let sender = Sender::connect(door.address, certificate, Version::Http1).await;
        let order = door.order(&format!("msg_{number}")).to(path);
        assert_eq!(
            sender.expect("a connection").send(order).await,
            expected,
            "{number}: {path}"
        );
        assert_eq!(door.log.take(), ["connected", line], "{number}: {path}");
    }
    let stranger = TestCa::new("Somebody Else")
        .client("spiffe://acme.example/tenant/acme")
        .issue();
    let sender = Sender::connect(door.address, Some(&stranger), Version::Http1).await;
    let sent = match sender {
        Ok(mut sender) => sender.try_send(door.order("msg_stranger").to("/hook")).await,
        Err(error) => Err(error),
    };
    door.log.wait_for("not connected: trust.unknown_issuer").await;
    assert!(
        sent.is_err(),
        "a certificate that is shown must be good: {sent:?}"
    );
}

//! Limits that count: fields, requests, connections in all and of each, frames.

use std::net::{IpAddr, Ipv4Addr};

use axum::Router;
use axum::routing::{get, post};
use countersign::tls::ClientAuth;
use countersign::web::{Acceptor, Bounds, CallerLayer, Clock, Server};
use rustls::pki_types::UnixTime;
use tokio::time::{sleep, timeout};

use super::{BOTH, OK, good, millis};
use crate::door::{Door, world};
use crate::frames::{PING, Raw, frame};
use crate::greetings::policy;
use crate::sender::{Greeting, Sender, Version, delivery, empty, said};
use crate::support::secs;

#[tokio::test]
async fn header_fields_that_are_too_many_or_too_large_are_refused_and_told() {
    let door = Door::bounded(Bounds::default()).await;
    let fields = |number: usize, size: usize| {
        let mut order = door.ordered("msg_1", OK);
        for field in 0..number {
            let name = http::HeaderName::try_from(format!("x-{field}")).expect("a name");
            let value = http::HeaderValue::try_from("a".repeat(size)).expect("a value");
            order.headers.insert(name, value);
        }
        order
    };
    for version in BOTH {
        for (name, number, size) in [("many", 120, 1), ("large", 1, 17_000), ("larger", 1, 40_000)] {
            let mut sender = door.sender(version).await;
            let answer = sender.try_send(fields(number, size)).await;
            // A sender that is still writing may see the end first.
            if let Ok(answer) = answer {
                assert_eq!(answer, empty(431), "{name}, {version:?}");
            }
            if (name, version) != ("larger", Version::Http2) {
                door.log.wait_for("cut: connection.large_headers").await;
            }
            door.log.take();
        }
        let mut sender = door.sender(version).await;
        let order = fields(80, 20);
        assert_eq!(sender.send(order).await.status, 200, "{version:?}");
    }
}

#[tokio::test]
async fn a_connection_takes_so_many_requests() {
    let door = Door::bounded(Bounds::default().with_requests(3)).await;
    for version in BOTH {
        let mut sender = door.sender(version).await;
        for number in 1..=3 {
            let order = door.ordered(&format!("msg_{version:?}_{number}"), OK);
            let answer = sender.send(order).await;
            let closes = answer.headers.get("connection").is_some();
            assert_eq!(answer, good(), "{version:?}");
            assert_eq!(closes, number == 3 && version == Version::Http1, "{version:?}");
        }
        door.empties().await;
        assert_eq!(door.cuts(), ["cut: connection.requests"], "{version:?}");
    }
}

#[tokio::test]
async fn so_many_connections_are_open_in_all_and_of_one_source() {
    let bounds = Bounds::default()
        .with_connections(8)
        .with_connections_per_source(4);
    let door = Door::bounded(bounds).await;
    let from = async |last: u8| {
        let greeting = Greeting::new(Some(&world().acme), Version::Http1);
        let tls = greeting
            .from(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)))
            .tls(door.address)
            .await;
        tls.ok()
    };
    let mut open = Vec::new();
    for (source, expected) in [(2, 4), (3, 2), (4, 1), (5, 1), (6, 0)] {
        let mut taken = 0;
        for _ in 0..6 {
            let tls = from(source).await;
            taken += usize::from(tls.is_some());
            open.extend(tls);
        }
        assert_eq!(taken, expected, "of 127.0.0.{source}");
    }
    let told = door.log.take();
    let count = |code: &str| {
        told.iter()
            .filter(|line| **line == format!("not connected: {code}"))
            .count()
    };
    assert_eq!(
        (
            count("connection.too_many_of_source"),
            count("connection.too_many")
        ),
        (2, 4 + 5 + 5 + 6),
        "{told:?}"
    );
    drop(open);
    door.empties().await;
    assert!(from(6).await.is_some(), "places are given back");
}

#[tokio::test]
async fn so_many_connections_are_open_of_one_tenant() {
    let door = Door::bounded(Bounds::default().with_connections_per_tenant(2)).await;
    let (_one, _two) = (door.raw().await, door.raw().await);
    while door.drain.connections() < 2 {
        sleep(millis(5)).await;
    }
    sleep(millis(100)).await;
    let mut third = door.sender(Version::Http1).await;
    third
        .try_send(door.ordered("msg_1", OK))
        .await
        .expect_err("closed");
    assert_eq!(door.cuts(), ["cut: connection.too_many_of_tenant"]);
    let globex = Sender::of(door.address, &world().globex).await;
    let order = delivery("globex", "msg_2", OK, door.hands.now());
    let mut globex = globex;
    assert_eq!(globex.send(order).await.status, 200, "others are not concerned");
}

/// After its certificate has ended it is nobody's, and nobody's connections are as many as there may be in all.
#[tokio::test]
async fn whose_a_connection_is_is_asked_in_the_time_of_the_acceptor() {
    const CENTURY: u64 = 100 * 365 * 24 * 3600;
    for (later, served) in [(0, false), (CENTURY, true)] {
        let policy = policy();
        let acceptor = Acceptor::new(world().server_config(policy.trust(), ClientAuth::Require));
        let now = Clock::new(move || crate::support::at(UnixTime::now().as_secs() + later));
        let server = Server::bind("127.0.0.1:0", acceptor.with_clock(now)).await;
        let server = server.expect("a port").with_policy(policy);
        let server = server.with_bounds(Bounds::default().with_connections_per_tenant(1));
        let address = server.local_addr();
        let app = Router::new().route("/orders", post(async || "served"));
        tokio::spawn(server.serve(app));
        let order = || delivery("acme", "msg_1", OK, crate::support::at(0));
        let mut first = Sender::of(address, &world().acme).await;
        assert_eq!(first.send(order()).await, said(200, "served"));
        let mut second = Sender::of(address, &world().acme).await;
        assert_eq!(second.try_send(order()).await.is_ok(), served, "{later} s later");
    }
}

/// Nobody has told the server by which policy: the layers find out whose a connection is.
#[tokio::test]
async fn a_tenants_last_too_many_connection_ends_after_its_first_answer() {
    let policy = policy();
    let acceptor = Acceptor::new(world().server_config(policy.trust(), ClientAuth::Require));
    let server = Server::bind("127.0.0.1:0", acceptor).await.expect("a port");
    let (address, drain) = (server.local_addr(), server.drain());
    let app = Router::new().route("/orders", post(async || "served"));
    let app = app
        .route("/", get(async || "served"))
        .layer(CallerLayer::new(policy));
    let server = server.with_bounds(Bounds::default().with_connections_per_tenant(1));
    tokio::spawn(server.serve(app));
    let mut senders = Vec::new();
    for closes in [false, true] {
        let mut sender = Sender::of(address, &world().acme).await;
        let order = delivery("acme", "msg_1", OK, crate::support::at(0));
        let answer = sender.send(order).await;
        assert_eq!(answer, said(200, "served"));
        assert_eq!(answer.headers.get("connection").is_some(), closes);
        senders.push(sender);
    }
    let closed = async {
        while drain.connections() > 1 {
            sleep(millis(10)).await;
        }
    };
    timeout(secs(20), closed).await.expect("the second is closed");
}

#[tokio::test]
async fn frames_that_carry_nothing_are_counted_by_the_second() {
    let door = Door::bounded(Bounds::default().with_pings_per_second(20)).await;
    let mut raw = Raw::open(&door).await;
    let pings = frame(PING, 0, 0, &[7; 8]).repeat(21);
    raw.say(&pings).await.expect("taken");
    timeout(secs(20), raw.end()).await.expect("it ends");
    assert_eq!(door.cuts(), ["cut: connection.pings"]);

    let mut slow = Raw::open(&door).await;
    for _ in 0..30 {
        slow.say(&frame(PING, 0, 0, &[7; 8])).await.expect("taken");
        sleep(millis(100)).await;
    }
    assert_eq!(door.cuts(), Vec::<String>::new(), "ten a second");
}

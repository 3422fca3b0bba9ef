//! The crate's own server: whom it serves, and by which limits it leaves whom.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{get, post};
use bytes::Bytes;
use countersign::tls::ClientAuth;
use countersign::web::{Acceptor, Bounds, CallerLayer, PayloadLayer, Server};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::client::TlsStream;

use crate::door::{Desk, Door, Plan, TEMPLATE, world};
use crate::frames::{CONTINUATION, END_HEADERS, END_STREAM, HEADERS, PING, Raw, frame, request};
use crate::greetings::policy;
use crate::sender::{Answer, Greeting, Sender, Version, delivery, empty, said};
use crate::support::secs;

const OK: &str = r#"{"status": 200}"#;
const HOLD: &str = r#"{"status": 200, "hold": true}"#;
const BOTH: [Version; 2] = [Version::Http1, Version::Http2];

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn good() -> Answer {
    said(200, format!("acme acme-2026 URI {TEMPLATE}"))
}

impl Door {
    pub(crate) async fn bounded(bounds: Bounds) -> Self {
        Self::planned(Plan {
            bounds: Some(bounds),
            ..Plan::default()
        })
        .await
    }

    async fn sender(&self, version: Version) -> Sender {
        let sender = Sender::connect(self.address, Some(&world().acme), version).await;
        sender.expect("a connection")
    }

    async fn raw(&self) -> TlsStream<TcpStream> {
        let greeting = Greeting::new(Some(&world().acme), Version::Http1);
        greeting.tls(self.address).await.expect("a connection")
    }

    fn ordered(&self, id: &str, body: &str) -> crate::sender::Delivery {
        delivery("acme", id, body, self.hands.now())
    }

    /// All connections are closed before long.
    pub(crate) async fn empties(&self) {
        let empty = async {
            while self.drain.connections() > 0 {
                sleep(millis(10)).await;
            }
        };
        timeout(secs(30), empty).await.expect("all are closed");
    }

    fn cuts(&self) -> Vec<String> {
        let told = self.log.take().into_iter();
        told.filter(|line| line.starts_with("cut: ")).collect()
    }
}

/// Reads to the end, which is a proper one.
async fn ends(mut tls: TlsStream<TcpStream>) -> Vec<u8> {
    let mut read = Vec::new();
    let end = timeout(secs(30), tls.read_to_end(&mut read))
        .await
        .expect("it ends");
    end.expect("close_notify");
    read
}

#[tokio::test]
async fn deliveries_are_served_by_both_versions_of_http() {
    let door = Door::bounded(Bounds::default()).await;
    for (number, version) in BOTH.into_iter().enumerate() {
        let mut sender = door.sender(version).await;
        for again in 0..3 {
            let order = door.ordered(&format!("msg_{number}_{again}"), OK);
            assert_eq!(sender.send(order).await, good(), "{version:?}");
        }
    }
    let offered = Greeting::new(Some(&world().acme), Version::Http2).offering(&["http/1.1", "h2"]);
    let tls = offered.tls(door.address).await.expect("a connection");
    assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]), "it knows both");
    assert_eq!(door.cuts(), Vec::<String>::new());
}

#[tokio::test]
async fn services_of_hyper_are_served() {
    let acceptor = Acceptor::new(world().server_config(policy().trust(), ClientAuth::Require));
    let server = Server::bind("127.0.0.1:0", acceptor).await.expect("a port");
    let address = server.local_addr();
    let service = hyper::service::service_fn(async |request: Request<Incoming>| {
        let whose = request
            .extensions()
            .get::<countersign::web::Connection>()
            .is_some();
        Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from(format!("{whose}"))))
    });
    let served = tokio::spawn(server.serve_hyper(service));
    for version in BOTH {
        let sender = Sender::connect(address, Some(&world().acme), version).await;
        let mut sender = sender.expect("a connection");
        let order = delivery("acme", "msg_1", OK, crate::support::at(0));
        assert_eq!(sender.send(order).await, said(200, "true"));
    }
    served.abort();
}

#[tokio::test]
async fn it_ends_when_it_is_asked_to_and_whoever_is_served_is_served_to_the_end() {
    let acceptor = Acceptor::new(world().server_config(policy().trust(), ClientAuth::Require));
    let server = Server::bind("127.0.0.1:0", acceptor).await.expect("a port");
    let (address, drain) = (server.local_addr(), server.drain());
    let (ask, asked) = tokio::sync::oneshot::channel::<()>();
    let app = Router::new().route(
        "/orders",
        post(async || {
            sleep(millis(500)).await;
            "served"
        }),
    );
    let served = tokio::spawn(server.serve_until(app, async move { drop(asked.await) }));
    let idle = Sender::connect(address, Some(&world().acme), Version::Http1).await;
    let busy = Sender::connect(address, Some(&world().acme), Version::Http2).await;
    let order = delivery("acme", "msg_1", OK, crate::support::at(0));
    let answer = tokio::spawn(async move { busy.expect("a connection").send(order).await });
    while drain.connections() < 2 {
        sleep(millis(5)).await;
    }
    sleep(millis(200)).await;
    let begun = Instant::now();
    ask.send(()).expect("it listens");
    assert_eq!(answer.await.expect("no panic"), said(200, "served"));
    let drained = timeout(secs(20), served)
        .await
        .expect("it ends")
        .expect("no panic");
    assert_eq!(
        drained.cut, 0,
        "the one that never sent a request is not waited for"
    );
    assert!(begun.elapsed() < secs(20));
    drop(idle);
}

#[tokio::test]
async fn somebody_else_may_drain_it() {
    let acceptor = Acceptor::new(world().server_config(policy().trust(), ClientAuth::Require));
    let server = Server::bind("127.0.0.1:0", acceptor).await.expect("a port");
    let drain = server.drain();
    let served = tokio::spawn(server.serve_until(Router::new(), std::future::pending()));
    sleep(millis(50)).await;
    drain.shut(secs(20)).await;
    timeout(secs(20), served)
        .await
        .expect("it ends")
        .expect("no panic");
}

// --- time ---------------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn header_fields_that_trickle_are_left() {
    let door = Door::bounded(Bounds::default().with_header_timeout(millis(700))).await;
    let mut tls = door.raw().await;
    tls.write_all(b"POST /orders HTTP/1.1\r\nhost: ")
        .await
        .expect("taken");
    let trickled = async {
        // A byte now and then, as long as it is taken.
        while tls.write_all(b"a").await.is_ok() {
            sleep(millis(50)).await;
        }
    };
    timeout(secs(30), trickled).await.expect("it is left");
    assert_eq!(door.cuts(), ["cut: connection.slow_headers"]);

    let mut raw = Raw::open(&door).await;
    let begun = [
        frame(HEADERS, 0, 1, &request("/orders")),
        frame(CONTINUATION, END_HEADERS, 1, &[0; 500])[..9].to_vec(),
    ];
    raw.say(&begun.concat()).await.expect("taken");
    let trickled = async {
        while raw.say(&[0]).await.is_ok() {
            sleep(millis(50)).await;
        }
    };
    timeout(secs(30), trickled).await.expect("it is left");
    assert_eq!(door.cuts(), ["cut: connection.slow_headers"]);
    door.empties().await;
}

#[tokio::test]
async fn whoever_asks_nothing_is_left_and_whoever_waits_is_not() {
    let door = Door::bounded(Bounds::default().with_idle_timeout(millis(500))).await;
    for version in BOTH {
        let mut sender = door.sender(version).await;
        let order = door.ordered(&format!("msg_{version:?}"), HOLD);
        let held = tokio::spawn(async move { (sender.try_send(order).await, sender) });
        door.desk.begun().await;
        sleep(millis(1_500)).await;
        assert!(!held.is_finished(), "a handler takes as long as it takes");
        let cuts = door.cuts();
        assert_eq!(cuts, Vec::<String>::new(), "{version:?}: nor is it told to leave");
        door.desk.go.add_permits(1);
        let (answer, _sender) = held.await.expect("no panic");
        assert_eq!(answer.expect("an answer"), good(), "{version:?}");
        door.empties().await;
        assert_eq!(door.cuts(), ["cut: connection.idle"], "{version:?}");
    }
    let silent = door.raw().await;
    assert_eq!(ends(silent).await, b"", "no request at all");
    assert_eq!(door.cuts(), ["cut: connection.idle"]);
}

#[tokio::test]
async fn an_old_connection_ends_with_the_requests_under_way() {
    let bounds = Bounds::default().with_lifetime(millis(500)).with_grace(secs(20));
    let door = Door::bounded(bounds).await;
    for version in BOTH {
        let mut sender = door.sender(version).await;
        let order = door.ordered(&format!("msg_{version:?}"), HOLD);
        let held = tokio::spawn(async move { (sender.try_send(order).await, sender) });
        door.desk.begun().await;
        door.log.wait_for("cut: connection.old").await;
        door.desk.go.add_permits(1);
        let (answer, _sender) = held.await.expect("no panic");
        assert_eq!(answer.expect("an answer"), good(), "{version:?}");
        door.empties().await;
        door.log.take();
    }
}

#[tokio::test]
async fn an_old_connection_has_no_more_than_the_grace() {
    let bounds = Bounds::default()
        .with_lifetime(millis(300))
        .with_grace(millis(300));
    let door = Door::bounded(bounds).await;
    for version in BOTH {
        let mut sender = door.sender(version).await;
        let order = door.ordered(&format!("msg_{version:?}"), HOLD);
        let held = tokio::spawn(async move { sender.try_send(order).await.map_err(|_| ()) });
        let answer = timeout(secs(20), held).await.expect("it ends").expect("no panic");
        assert_eq!(answer, Err(()), "{version:?}");
        door.empties().await;
    }
    door.desk.go.add_permits(2);
}

/// 64 MiB: more than any system keeps for a peer that reads nothing.
static LARGE: [u8; 1 << 26] = [0; 1 << 26];

fn large(_: PayloadLayer, _: CallerLayer) -> Router<std::sync::Arc<Desk>> {
    Router::new().route("/large", post(async || Bytes::from_static(&LARGE)))
}

#[tokio::test]
async fn whoever_takes_nothing_is_left() {
    let plan = Plan {
        bounds: Some(Bounds::default().with_stall_timeout(millis(500))),
        route: large,
        ..Plan::default()
    };
    let door = Door::planned(plan).await;
    let mut tls = door.raw().await;
    tls.write_all(b"POST /large HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")
        .await
        .expect("taken");
    door.log.wait_for("cut: connection.stalled").await;
    door.empties().await;
    door.log.take();
    drop(tls);

    let mut raw = Raw::open(&door).await;
    let asked = frame(HEADERS, END_HEADERS | END_STREAM, 1, &request("/large"));
    raw.say(&asked).await.expect("taken");
    let reads = async { raw.end().await };
    timeout(secs(30), reads).await.expect("it is left");
    assert_eq!(door.cuts(), ["cut: connection.stalled"], "the stream's window");

    // Who reads, however large it is, is served.
    let mut sender = door.sender(Version::Http2).await;
    let mut order = door.ordered("msg_1", OK);
    order.path = "/large";
    assert_eq!(sender.send(order).await.body.len(), LARGE.len());
}

// --- numbers ------------------------------------------------------------------------------------------------------------

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

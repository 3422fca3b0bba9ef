//! The crate's own server: whom it serves, and by which limits it leaves whom.

mod numbers;

use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use countersign::tls::ClientAuth;
use countersign::web::{Acceptor, Bounds, CallerLayer, PayloadLayer, RequestBody, Server};
use http::{Request, Response};
use http_body_util::Full;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::client::TlsStream;

use crate::door::{Desk, Door, Plan, TEMPLATE, world};
use crate::frames::{CONTINUATION, END_HEADERS, END_STREAM, HEADERS, Raw, frame, request};
use crate::greetings::policy;
use crate::sender::{Answer, Greeting, Sender, Version, delivery, said};
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

    pub(crate) fn cuts(&self) -> Vec<String> {
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
    let service = hyper::service::service_fn(async |request: Request<RequestBody>| {
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

#[tokio::test]
async fn a_time_that_is_beyond_every_clock_is_for_ever() {
    let ever = Duration::MAX;
    let bounds = Bounds::default()
        .with_header_timeout(ever)
        .with_idle_timeout(ever)
        .with_stall_timeout(ever)
        .with_lifetime(ever)
        .with_grace(ever);
    for (requests, name) in [(10, "goes on"), (1, "leaves")] {
        let door = Door::bounded(bounds.with_requests(requests)).await;
        for version in BOTH {
            let order = door.ordered(&format!("msg_{version:?}"), OK);
            assert_eq!(door.sender(version).await.send(order).await, good(), "{name}");
            door.empties().await;
        }
    }
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

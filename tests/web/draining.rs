//! How it ends: nobody new, time for those who are there, and then no more.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::post;
use countersign::tls::ClientAuth;
use countersign::web::{Acceptor, Bounds, Connection, Drain, Drained, Listener, Server};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::door::{Door, TEMPLATE, world};
use crate::sender::{Answer, Greeting, Sender, Version, delivery, said};
use crate::support::{at, secs};

const OK: &str = r#"{"status": 200}"#;
const HOLD: &str = r#"{"status": 200, "hold": true}"#;

impl Door {
    async fn connect(&self, version: Version) -> Sender {
        let sender = Sender::connect(self.address, Some(&world().acme), version).await;
        sender.expect("a connection")
    }

    /// A delivery whose handler has begun and waits.
    async fn held(&self, version: Version, id: &str) -> JoinHandle<Result<Answer, String>> {
        let mut sender = self.connect(version).await;
        let held = delivery("acme", id, HOLD, self.hands.now());
        let held =
            tokio::spawn(async move { sender.try_send(held).await.map_err(|error| error.to_string()) });
        self.desk.begun().await;
        held
    }
}

/// Whether nobody listens there any more.
async fn closed(address: SocketAddr) -> bool {
    for _ in 0..200 {
        if TcpStream::connect(address).await.is_err() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

fn cut(drained: Drained) -> usize {
    drained.cut
}

#[tokio::test]
async fn who_is_being_served_is_served_to_the_end() {
    let door = Door::open().await;
    let good = said(200, format!("acme acme-2026 URI {TEMPLATE}"));
    let mut idle = door.connect(Version::Http1).await;
    let mut idle2 = door.connect(Version::Http2).await;
    for (number, sender) in [&mut idle, &mut idle2].into_iter().enumerate() {
        let order = delivery("acme", &format!("msg_{number}"), OK, door.hands.now());
        assert_eq!(sender.send(order).await, good);
    }
    let _half_open = TcpStream::connect(door.address).await.expect("open");
    let held = door.held(Version::Http1, "msg_held").await;
    let held2 = door.held(Version::Http2, "msg_held2").await;
    assert_eq!(door.drain.connections(), 4);

    let drain = door.drain.clone();
    let shut = tokio::spawn(async move { drain.shut(secs(60)).await });
    assert!(closed(door.address).await, "nobody new");
    let again = delivery("acme", "msg_again", OK, door.hands.now());
    assert!(
        idle.try_send(again).await.is_err(),
        "an idle connection is closed"
    );
    assert!(!shut.is_finished(), "it waits for the others");

    door.desk.go.add_permits(2);
    assert_eq!(held.await.expect("no panic"), Ok(good.clone()));
    assert_eq!(held2.await.expect("no panic"), Ok(good));
    assert_eq!(shut.await.map(cut).expect("no panic"), 0);
    door.served.await.expect("no panic").expect("no error");
}

#[tokio::test]
async fn who_takes_longer_is_cut_off() {
    for version in [Version::Http1, Version::Http2] {
        let door = Door::open().await;
        let held = door.held(version, "msg_held").await;
        let begun = Instant::now();
        assert_eq!(
            cut(door.drain.shut(Duration::from_millis(300)).await),
            1,
            "{version:?}"
        );
        let ended = timeout(secs(20), async { (held.await, door.served.await) }).await;
        let (held, served) = ended.expect("both end");
        held.expect("no panic").expect_err("cut off");
        served.expect("no panic").expect("no error");
        assert!(begun.elapsed() < secs(20), "{version:?}: {:?}", begun.elapsed());
        assert_eq!(cut(door.drain.shut(secs(60)).await), 0, "nothing is left");
    }
}

/// What is cut off is told that it was meant so (RFC 8446 §6.1): without `close_notify`, its end is an error.
#[tokio::test]
async fn who_is_cut_off_is_told_with_close_notify() {
    let door = Door::open().await;
    let greeting = Greeting::new(Some(&world().acme), Version::Http1);
    let mut tls = greeting.tls(door.address).await.expect("a connection");
    // The beginning of a request, which is waited for.
    tls.write_all(b"POST /orders HTTP/1.1\r\nhost: ")
        .await
        .expect("taken");
    while door.drain.connections() < 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(cut(door.drain.shut(Duration::from_millis(200)).await), 1);
    let end = timeout(secs(20), tls.read_to_end(&mut Vec::new())).await;
    assert_eq!(end.expect("it ends").map_err(|error| error.kind()), Ok(0));
}

// --- without axum -------------------------------------------------------------------------------------------------------

async fn serve(mut listener: Listener, drain: Drain, go: Arc<Semaphore>) -> usize {
    let mut connections = JoinSet::new();
    while let Some((secured, _)) = listener.next().await {
        let (begun, go) = (drain.begun(), go.clone());
        let service = service_fn(move |_: Request<Incoming>| {
            let go = go.clone();
            async move {
                go.acquire().await.expect("open").forget();
                Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from("served")))
            }
        });
        connections.spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            let mut served = std::pin::pin!(server.serve_connection(TokioIo::new(secured), service));
            tokio::select! {
                _ = served.as_mut() => return,
                () = begun => served.as_mut().graceful_shutdown(),
            }
            let _ = served.await;
        });
    }
    connections.join_all().await.len()
}

/// A request that is under way on a connection of its own.
fn request_on(address: SocketAddr, version: Version) -> JoinHandle<Result<Answer, String>> {
    tokio::spawn(async move {
        let sender = Sender::connect(address, Some(&world().acme), version).await;
        let order = delivery("acme", "msg_1", OK, at(0));
        let answer = sender.expect("a connection").try_send(order).await;
        answer.map_err(|error| error.to_string())
    })
}

#[tokio::test]
async fn a_loop_of_ones_own_ends_too() {
    let world = world();
    let policy = world.trust(&world.ca);
    let acceptor = Acceptor::new(world.server_config(Arc::new(policy), ClientAuth::Require));
    let listener = Listener::bind("127.0.0.1:0", acceptor).await.expect("a port");
    let (address, drain, go) = (
        listener.local_addr(),
        listener.drain(),
        Arc::new(Semaphore::new(0)),
    );
    let serving = tokio::spawn(serve(listener, drain.clone(), go.clone()));
    let sent = [
        request_on(address, Version::Http1),
        request_on(address, Version::Http2),
    ];
    while drain.connections() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let shutting = drain.clone();
    let shut = tokio::spawn(async move { shutting.shut(secs(60)).await });
    assert!(closed(address).await);
    go.add_permits(2);
    for answer in sent {
        assert_eq!(answer.await.expect("no panic"), Ok(said(200, "served")));
    }
    assert_eq!(shut.await.map(cut).expect("no panic"), 0);
    assert_eq!(serving.await.expect("no panic"), 2, "the loop ended by itself");
}

/// Two ports of one acceptor have one drain: the port that is asked to end, and has nobody, tells of the other's connections.
#[tokio::test]
async fn who_is_cut_off_at_another_port_is_counted() {
    let config = world().server_config(Arc::new(world().trust(&world().ca)), ClientAuth::Require);
    let acceptor = Acceptor::new(config);
    let bind = || Server::bind("127.0.0.1:0", acceptor.clone());
    let (quiet, busy) = (bind().await.expect("a port"), bind().await.expect("a port"));
    let (address, drain) = (busy.local_addr(), acceptor.drain());
    let app = || Router::new().route("/orders", post(std::future::pending::<()>));
    let busy = tokio::spawn(busy.serve(app()));
    let sent = request_on(address, Version::Http1);
    let is_there = async {
        while drain.connections() < 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(secs(20), is_there).await.expect("a connection");
    let bounds = Bounds::default().with_grace(Duration::from_millis(300));
    let quiet = quiet.with_bounds(bounds).serve_until(app(), async {});
    let drained = timeout(secs(20), quiet).await.expect("it ends");
    assert_eq!(cut(drained), 1);
    sent.await.expect("no panic").expect_err("cut off");
    timeout(secs(20), busy).await.expect("it ends").expect("no panic");
}

#[tokio::test]
async fn what_a_drain_knows_of_outlives_its_acceptor() {
    let world = world();
    let config = world.server_config(Arc::new(world.trust(&world.ca)), ClientAuth::Require);
    let drain = Acceptor::new(config).drain();
    let begun = drain.begun();
    assert_eq!(cut(drain.shut(secs(60)).await), 0);
    drop(drain);
    begun.await;
    let _: fn(&Connection) -> Option<&str> = Connection::server_name;
}

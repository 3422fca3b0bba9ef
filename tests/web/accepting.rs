//! A port: of which the system can accept nothing just now, which is left, and what is asked before each request.

use std::convert::Infallible;
use std::fs::File;
use std::future::{Ready, ready};
use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use countersign::tls::ClientAuth;
use countersign::web::{Acceptor, Listener, RequestBody, Server};
use http::{Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tower::Service;

use crate::door::Door;
use crate::sender::{Greeting, Sender, Version, delivery, said};
use crate::support::secs;

const TEST: &str = "accepting::that_no_descriptor_is_left_is_told_and_the_port_serves_on";
/// Set in the process that has few file descriptors.
const INSIDE: &str = "COUNTERSIGN_TEST_FEW_DESCRIPTORS";
/// `EMFILE`.
const NONE_LEFT: &str = "not accepting: Some(24)";

/// In a process of its own, which may open so few files that it runs out of them.
#[test]
fn that_no_descriptor_is_left_is_told_and_the_port_serves_on() {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        return runtime.expect("a runtime").block_on(run_out());
    }
    let own = std::env::current_exe().expect("a path");
    let inside = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$@\"", "sh"])
        .arg(own)
        .args(["--exact", TEST, "--nocapture"])
        .env(INSIDE, "yes")
        .output()
        .expect("a shell");
    let said = String::from_utf8_lossy(&inside.stdout);
    assert!(
        inside.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&inside.stderr)
    );
}

async fn run_out() {
    let door = Door::open().await;
    let mut taken = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file);
    }
    taken.pop();
    // Takes the last one.
    let waiting = TcpStream::connect(door.address)
        .await
        .expect("in the system's queue");
    door.log.wait_for(NONE_LEFT).await;
    tokio::time::sleep(secs(2)).await;
    let told = door.log.take();
    assert!(told.iter().all(|line| line == NONE_LEFT), "{told:?}");
    // 10 + 20 + 40 + ... milliseconds: it is asked again, and not in a busy loop.
    assert!(
        (2..=9).contains(&told.len()),
        "told {} times in two seconds",
        told.len()
    );

    drop((waiting, taken));
    let greeting = Greeting::new(Some(&crate::door::world().acme), Version::Http1);
    let served = tokio::time::timeout(secs(10), greeting.tls(door.address)).await;
    served.expect("soon").expect("a connection");
    tokio::time::timeout(secs(10), door.log.wait_for("connected"))
        .await
        .expect("told");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(
        !door.log.take().iter().any(|line| line == NONE_LEFT),
        "it is over"
    );
}

#[tokio::test]
async fn a_listener_that_is_dropped_leaves_its_port() {
    let world = crate::door::world();
    let config = world.server_config(Arc::new(world.trust(&world.ca)), ClientAuth::Require);
    let bound = Listener::bind("127.0.0.1:0", Acceptor::new(config)).await;
    let listener = bound.expect("a port");
    let address = listener.local_addr();
    TcpListener::bind(address).await.expect_err("it is taken");
    drop(listener);
    let free = async {
        while TcpListener::bind(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(secs(10), free).await.expect("it is free");
}

/// Refuses whoever has not asked it whether it is ready. A clone has not.
#[derive(Debug, Default)]
struct Particular {
    ready: bool,
}

impl Clone for Particular {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Service<Request<RequestBody>> for Particular {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<RequestBody>) -> Self::Future {
        ready(Ok(Response::new(format!(
            "ready: {}",
            std::mem::take(&mut self.ready)
        ))))
    }
}

#[tokio::test]
async fn a_service_is_asked_whether_it_is_ready_before_each_request() {
    let world = crate::door::world();
    let config = world.server_config(Arc::new(world.trust(&world.ca)), ClientAuth::Require);
    let bound = Server::bind("127.0.0.1:0", Acceptor::new(config)).await;
    let server = bound.expect("a port");
    let address = server.local_addr();
    let served = tokio::spawn(server.serve(Particular::default()));
    for version in [Version::Http1, Version::Http2] {
        let sender = Sender::connect(address, Some(&world.acme), version).await;
        let mut sender = sender.expect("a connection");
        for id in ["msg_1", "msg_2"] {
            let order = delivery("acme", id, "{}", crate::support::at(0));
            assert_eq!(sender.send(order).await, said(200, "ready: true"), "{version:?}");
        }
    }
    served.abort();
}

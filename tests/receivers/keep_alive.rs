//! Node closes connections that have been idle for some seconds, and announces that. Over a network with latency, what is
//! sent just before arrives just after: those connections are not to be used any more.

use std::time::Duration;

use countersign::dispatch::{Connected, Delivery, Dispatcher, Endpoint, Fate};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::process::or_skip;
use crate::sending::{loopback, to_loopback};
use crate::server::{Kind, Server, Version};
use crate::world::{HOST, Shows, World};

/// One way.
const LATENCY: Duration = Duration::from_millis(40);
/// When Node closes an idle connection: by default it announces five seconds, and its newer versions wait for a second
/// more, for this very reason.
const CLOSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(6)];

#[test]
fn node_closes_idle_connections_and_none_of_them_is_used_too_late() {
    if or_skip("Node as a receiver", Kind::Node.find()).is_none() {
        return;
    }
    let world = World::new("keep-alive");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = Server::start(Kind::Node, &world, Version::V13);
    runtime.block_on(play(&world, server.port("good").expect("a port")));
}

async fn play(world: &World, server: u16) {
    let port = far_away(server).await;
    let mut pairs = JoinSet::new();
    // Around the last moment at which a request could still arrive in time, and well before.
    let around = CLOSES.into_iter().flat_map(|closes| {
        let begin = closes - 3 * LATENCY;
        (0..32).map(move |step| begin + Duration::from_millis(4) * step)
    });
    for wait in around.chain([Duration::from_secs(2)]) {
        let (dispatcher, to) = (dispatcher(world, port), endpoint(world, port));
        let tenant = world.acme.id();
        pairs.spawn(async move {
            let what = Delivery::new(tenant, "msg_1", "{}");
            let first = dispatcher.deliver(&to, &what).await;
            assert_eq!(first.fate, Fate::Delivered, "{first:?}");
            sleep(wait).await;
            (wait, dispatcher.deliver(&to, &what).await)
        });
    }
    let outcomes = pairs.join_all().await;
    let lost: Vec<_> = outcomes
        .iter()
        .filter(|(_, outcome)| outcome.fate != Fate::Delivered)
        .map(|(wait, outcome)| (wait, outcome.code()))
        .collect();
    assert_eq!(lost, [], "of {}", outcomes.len());
    for (wait, outcome) in outcomes {
        let early = wait < CLOSES[0] / 2;
        let expected = if early {
            Connected::Reused
        } else {
            Connected::Fresh
        };
        assert_eq!(
            outcome.answer.expect("an answer").connection,
            expected,
            "{wait:?}"
        );
    }
}

fn dispatcher(world: &World, port: u16) -> Dispatcher {
    let dispatcher = to_loopback(&[port]).build();
    dispatcher
        .set_identity(world.acme.id(), world.sender(Shows::Good))
        .expect("a sender");
    dispatcher
}

fn endpoint(world: &World, port: u16) -> Endpoint {
    Endpoint::parse(world.acme.id(), &format!("https://{HOST}:{port}/ok")).expect("a URL")
}

/// The same server, with latency in both directions.
async fn far_away(server: u16) -> u16 {
    let listener = TcpListener::bind(loopback(0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            tokio::spawn(async move {
                let far = TcpStream::connect(loopback(server)).await.expect("the server");
                let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
                tokio::join!(later(from_near, to_far), later(from_far, to_near));
            });
        }
    });
    port
}

/// Hands everything on, its end too, after a while.
async fn later(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let (send, mut arrives) = mpsc::channel::<(Instant, Vec<u8>)>(64);
    let read = async move {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let _ = send
                .send((Instant::now() + LATENCY, buffer[..length].to_vec()))
                .await;
        }
        let _ = send.send((Instant::now() + LATENCY, Vec::new())).await;
    };
    let write = async move {
        while let Some((at, bytes)) = arrives.recv().await {
            sleep_until(at).await;
            if bytes.is_empty() || to.write_all(&bytes).await.is_err() {
                let _ = to.shutdown().await;
            }
        }
    };
    tokio::join!(read, write);
}

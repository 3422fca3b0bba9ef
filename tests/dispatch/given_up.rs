//! A claim that is given up while its tenant's deliveries wait: what is sent then may be for somebody else's server.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign::dispatch::{Dispatcher, Endpoint, EndpointOwners, Fate, Fault, Outcome};
use countersign::tls::ClientAuth;
use http::{HeaderValue, Response, header};
use http_body_util::Full;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};

use crate::receiver::{Receiver, with_http2};
use crate::world::*;

type Verdict = (Fate, &'static str, Option<Fault>);

/// Who has the endpoint once Acme has given it up, and what becomes of Acme's delivery.
const CASES: [(Option<&str>, Verdict); 3] = [
    (Some("acme"), (Fate::Delivered, "delivered", None)),
    (None, (Fate::Dead, "dispatch.unclaimed", Some(Fault::Policy))),
    (
        Some("globex"),
        (Fate::Dead, "dispatch.not_their_endpoint", Some(Fault::Policy)),
    ),
];

fn config() -> ServerConfig {
    world().server_config(ClientAuth::Require)
}

fn verdict(outcome: &Outcome) -> Verdict {
    (outcome.fate, outcome.code(), outcome.fault())
}

/// Delivers for Acme alone, one at a time, to its own endpoint.
fn acmes(port: u16, owners: &EndpointOwners, log: &Log) -> (Dispatcher, Endpoint) {
    let dispatcher = builder(&[port])
        .with_owners(owners.clone())
        .with_limits(limits(|limits| limits.per_tenant = 1))
        .observed_by(Arc::new(log.clone()))
        .build();
    let sender = world().sender(&world().acme, "acme");
    dispatcher.set_identity(tenant("acme"), sender).expect("TLS");
    let to = endpoint("acme", &format!("https://{HOST}:{port}/hooks"));
    assert_eq!(owners.claim(&to), Ok(()));
    (dispatcher, to)
}

/// Acme gives the endpoint up, and perhaps somebody claims it.
fn give_up(owners: &EndpointOwners, acmes: &Endpoint, next: Option<&str>) {
    assert!(owners.release(acmes));
    if let Some(next) = next {
        let port = acmes.port();
        let theirs = endpoint(next, &format!("https://{HOST}:{port}/"));
        assert_eq!(owners.claim(&theirs), Ok(()));
    }
}

/// Tells of each request, answers when it may, and closes the connection: for the next, another is opened.
async fn held(go: &Arc<Semaphore>) -> (Receiver, mpsc::UnboundedReceiver<()>) {
    let (tell, told) = mpsc::unbounded_channel();
    let go = go.clone();
    let receiver = Receiver::http(config(), move |_| {
        let (go, tell) = (go.clone(), tell.clone());
        async move {
            let _ = tell.send(());
            let _ = go.acquire().await;
            let mut response = Response::new(Full::<Bytes>::default());
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
            response
        }
    });
    (receiver.await, told)
}

/// Acme's only place is taken by a slow consumer. Whoever waits for it does not even show Acme's certificate.
#[tokio::test]
async fn a_delivery_that_waits_for_its_turn_is_not_sent_to_who_has_the_endpoint_since() {
    for (next, expected) in CASES {
        let go = Arc::new(Semaphore::new(0));
        let (receiver, mut told) = held(&go).await;
        let (owners, log) = (EndpointOwners::per_host(), Log::default());
        let (dispatcher, to) = acmes(receiver.port(), &owners, &log);
        let (slow, what) = (delivery("acme", "msg_1"), delivery("acme", "msg_2"));
        let mut before = pin!(dispatcher.deliver(&to, &slow));
        tokio::select! {
            outcome = &mut before => panic!("{outcome:?}"),
            told = told.recv() => told.expect("a request"),
        }
        let mut waiting = pin!(dispatcher.deliver(&to, &what));
        let waits = tokio::time::timeout(Duration::ZERO, &mut waiting).await;
        assert!(waits.is_err(), "{waits:?}");

        give_up(&owners, &to, next);
        go.add_permits(2);
        assert_eq!(verdict(&before.await), CASES[0].1, "it was sent before");
        log.take();
        assert_eq!(verdict(&waiting.await), expected);
        let (_, code, fault) = expected;
        let told = match fault {
            Some(fault) => vec![format!("msg_2: {code}, {}", fault.code())],
            None => vec![
                "msg_2: Connecting".to_owned(),
                "msg_2: Sending".to_owned(),
                format!("msg_2: delivered to {HOST} for acme"),
            ],
        };
        assert_eq!(log.take(), told);
    }
}

/// In front of this receiver, a wire that tells of each connection, and lets nothing through before it may.
async fn wire(inside: &Receiver, go: &Arc<Semaphore>) -> (Receiver, mpsc::UnboundedReceiver<()>) {
    let (tell, told) = mpsc::unbounded_channel();
    let (go, target) = (go.clone(), inside.address);
    let receiver = Receiver::tcp(move |_, mut io| {
        let (go, tell) = (go.clone(), tell.clone());
        async move {
            let _ = tell.send(());
            let _ = go.acquire().await;
            if let Ok(mut there) = TcpStream::connect(target).await {
                let _ = tokio::io::copy_bidirectional(&mut io, &mut there).await;
            }
        }
    });
    (receiver.await, told)
}

/// The last moment is when the request goes out: the handshake may take long.
#[tokio::test]
async fn a_delivery_that_is_connecting_is_not_sent_to_who_has_the_endpoint_since() {
    for (http2, (next, expected)) in [false, true]
        .into_iter()
        .flat_map(|h2| CASES.map(|case| (h2, case)))
    {
        let config = if http2 { with_http2(config()) } else { config() };
        let inside = Receiver::good(config).await;
        let go = Arc::new(Semaphore::new(0));
        let (receiver, mut told) = wire(&inside, &go).await;
        let owners = EndpointOwners::per_host();
        let (dispatcher, to) = acmes(receiver.port(), &owners, &Log::default());
        let what = delivery("acme", "msg_1");
        let mut connecting = pin!(dispatcher.deliver(&to, &what));
        tokio::select! {
            outcome = &mut connecting => panic!("{outcome:?}"),
            told = told.recv() => told.expect("a connection"),
        }
        give_up(&owners, &to, next);
        go.add_permits(1);
        assert_eq!(verdict(&connecting.await), expected, "http2 {http2}");
        let sent = usize::from(next == Some("acme"));
        assert_eq!(inside.seen().len(), sent, "http2 {http2}, {next:?}");
    }
}

//! Through a proxy of our own: the checked address is asked for, and whose fault it is when it fails.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::breaker::{Breaker, State};
use countersign::dispatch::{Deadlines, Dispatcher, Endpoint, Failure, Fate, Fault};
use countersign::egress::{Egress, Proxy};
use countersign::tls::ClientAuth;
use rustls::pki_types::UnixTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;

use super::{dispatcher, failure, forbidden};
use crate::receiver::Receiver;
use crate::world::*;

/// A proxy that connects to its own table of addresses, and tells what it was asked.
async fn proxy(answer: &'static str, target: SocketAddr) -> (Receiver, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    let proxy = Receiver::tcp(move |_, mut io| {
        let heard = heard.clone();
        async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = io.read_u8().await else { return };
                head.push(byte);
            }
            heard
                .lock()
                .expect("no panic")
                .push(String::from_utf8(head).expect("ASCII"));
            let _ = io.write_all(answer.as_bytes()).await;
            if answer.starts_with("HTTP/1.1 200") {
                let Ok(mut there) = TcpStream::connect(target).await else {
                    return;
                };
                let _ = copy_bidirectional(&mut io, &mut there).await;
            }
        }
    })
    .await;
    (proxy, asked)
}

#[tokio::test]
async fn through_a_proxy_the_checked_address_is_asked_for_and_tls_goes_to_the_end() {
    let receiver = Receiver::good(world().server_config(ClientAuth::Require)).await;
    let (proxy, asked) = proxy("HTTP/1.1 200 Connected\r\n\r\n", receiver.address).await;
    let book = Book::default()
        .answers(HOST, &[&["93.184.215.14"]])
        .answers("inside.example", &[&["10.0.0.1"]]);
    let way = Proxy::at(proxy.address).with_authorization(http::HeaderValue::from_static("Basic c2VjcmV0"));
    assert_eq!(format!("{way:?}"), format!("Proxy({})", proxy.address));
    let egress = Egress::new().with_resolver(book).through(way);
    let dispatcher = dispatcher(egress, &[443]);
    assert_eq!(
        failure(&dispatcher, &format!("https://{HOST}/hooks")).await.0,
        Fate::Delivered
    );
    let heard = asked.lock().expect("no panic").join("").to_ascii_lowercase();
    assert!(
        heard.starts_with("connect 93.184.215.14:443 http/1.1\r\n"),
        "{heard}"
    );
    assert!(
        heard.contains("proxy-authorization: basic c2vjcmv0\r\n"),
        "{heard}"
    );
    assert!(
        !heard.contains("acme"),
        "the name is not the proxy's to know: {heard}"
    );
    assert_eq!(receiver.seen()[0].certificate.as_ref(), Some(world().acme.leaf()));

    // Where the guard says no, the proxy is not even asked.
    let inside = failure(&dispatcher, "https://inside.example/").await;
    assert_eq!(inside, forbidden("10.0.0.1:443"));
    let literal = failure(&dispatcher, "https://169.254.169.254/").await;
    assert_eq!(literal, forbidden("169.254.169.254:443"));
    assert_eq!(asked.lock().expect("no panic").len(), 1);
}

#[tokio::test]
async fn what_fails_at_our_proxy_is_our_fault() {
    let nobody = Receiver::tcp(|_, io| async move { drop(io) }).await;
    let gone = nobody.address;
    for answer in [
        "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        "HTTP/1.1 403 Forbidden\r\n\r\n",
        "HTTP/1.1 500 Internal Server Error\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n",
        "SSH-2.0\r\n\r\n",
        "",
    ] {
        let (proxy, asked) = proxy(answer, gone).await;
        let egress = Egress::new().through(Proxy::at(proxy.address));
        let (fate, failure, fault) = failure(&dispatcher(egress, &[443]), "https://93.184.215.14/").await;
        assert_eq!(fault, Some(Fault::Ours), "{answer}");
        assert_eq!(
            fate,
            Fate::Retry {
                after: std::time::Duration::ZERO
            }
        );
        assert_eq!(failure.map(|failure| failure.code()), Some("dispatch.proxy"));
        assert_eq!(asked.lock().expect("no panic").len(), 1);
    }
}

/// What a gateway says about whom it should have reached is about them: their circuit opens.
#[tokio::test]
async fn what_our_proxy_says_about_a_dead_consumer_is_charged_to_the_consumer() {
    let nobody = Receiver::tcp(|_, io| async move { drop(io) }).await;
    for (answer, status) in [
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", 502),
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", 503),
        ("HTTP/1.1 504 Gateway Timeout\r\n\r\n", 504),
    ] {
        let (proxy, _) = proxy(answer, nobody.address).await;
        let breaker = Breaker::<Endpoint>::new(100).trip_at_rate(50, 3);
        let dispatcher = through(&proxy, &breaker, deadlines());
        let unreachable = Failure::Unreachable {
            address: "93.184.215.14:443".parse().expect("an address"),
            reason: format!("our proxy answered {status}"),
        };
        let expected = (AT_ONCE, Some(unreachable), Some(Fault::Network));
        for _ in 0..3 {
            assert_eq!(failure(&dispatcher, CONSUMER).await, expected);
        }
        let (_, failure, fault) = failure(&dispatcher, CONSUMER).await;
        let left_alone = (failure.map(|failure| failure.code()), fault);
        assert_eq!(
            left_alone,
            (Some("breaker.open"), Some(Fault::Theirs)),
            "{status}"
        );
    }
}

const CONSUMER: &str = "https://93.184.215.14/";

const AT_ONCE: Fate = Fate::Retry {
    after: Duration::ZERO,
};

fn through(proxy: &Receiver, breaker: &Breaker<Endpoint>, deadlines: Deadlines) -> Dispatcher {
    let dispatcher = Dispatcher::builder()
        .with_egress(Egress::new().through(Proxy::at(proxy.address)))
        .with_deadlines(deadlines)
        .with_breaker(breaker.clone())
        .build();
    let sender = world().sender(&world().acme, "acme");
    dispatcher.set_identity(tenant("acme"), sender).expect("TLS");
    dispatcher
}

/// Silent about everybody, or silent about one alone: then it waits for that one, as we do.
#[tokio::test]
async fn a_proxy_that_never_answers_is_our_fault_unless_it_answers_others() {
    let proxy = Receiver::tcp(|_, mut io| async move {
        let mut head = [0; 24];
        let _ = io.read_exact(&mut head).await;
        if head.starts_with(b"CONNECT 93.184.215.15:") {
            let _ = io.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await;
        }
        std::future::pending::<()>().await;
    })
    .await;
    let breaker = Breaker::<Endpoint>::new(100).trip_at_rate(50, 100);
    let short = deadlines().with_connecting(Duration::from_millis(500));
    let dispatcher = through(&proxy, &breaker, short);
    let (fate, silent, fault) = failure(&dispatcher, CONSUMER).await;
    assert_eq!((fate, fault), (AT_ONCE, Some(Fault::Ours)));
    let reason = "it did not answer in time".to_owned();
    let proxy = proxy.address.to_string();
    assert_eq!(silent, Some(Failure::Proxy { proxy, reason }));
    let closed = |failures| State::Closed {
        requests: failures,
        failures,
    };
    let state = || breaker.state(&endpoint("acme", CONSUMER), UnixTime::now());
    assert_eq!(state(), closed(0));

    let other = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        failure(&dispatcher, "https://93.184.215.15/").await
    };
    let ((_, silent, fault), _) = tokio::join!(failure(&dispatcher, CONSUMER), other);
    let code = silent.map(|failure| failure.code());
    assert_eq!(
        (code, fault),
        (Some("dispatch.connecting_timed_out"), Some(Fault::Network))
    );
    assert_eq!(state(), closed(1));
}

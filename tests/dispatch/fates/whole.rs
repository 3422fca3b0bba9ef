//! The time for the whole delivery: what has no answer by then has failed, and what has one was answered.

use std::future::pending;
use std::time::{Duration, Instant};

use bytes::Bytes;
use countersign::dispatch::{BodyEnd, Connected, Deadlines, Delivery, Outcome, TenantIdentity};
use countersign::elsewhere::{Fetched, Keep};
use countersign::payload::{HmacSigner, KeyCache, KeySource, Scheme, TenantKeys};
use countersign::tenant::TenantId;
use http::{Response, StatusCode};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{AT_ONCE, Expected, Fate, Fault, after, config, verdict};
use crate::receiver::{Receiver, read_request, with_http2};
use crate::world::*;

/// Patient in everything but the whole.
fn within(whole: Duration) -> Deadlines {
    let long = Duration::from_secs(60);
    Deadlines::default()
        .with_handshake(long)
        .with_answer(long)
        .with_body(long)
        .with_whole(whole)
}

async fn deliver(receiver: &Receiver, sender: TenantIdentity, whole: Duration, what: Delivery) -> Outcome {
    let dispatcher = builder(&[receiver.port()]).with_deadlines(within(whole)).build();
    dispatcher.set_identity(tenant("acme"), sender).expect("TLS");
    dispatcher
        .deliver(&endpoint("acme", &receiver.url(HOST)), &what)
        .await
}

/// It never has the key that is asked for.
#[derive(Debug)]
struct Sealed;

impl KeySource for Sealed {
    fn fetch_keys<'a>(&'a self, _: &'a TenantId) -> Fetched<'a, TenantKeys> {
        Box::pin(pending())
    }
}

fn without_a_key() -> TenantIdentity {
    let keys = KeyCache::new(Sealed, Keep::default());
    let signer = HmacSigner::new(Scheme::standard_webhooks(), keys);
    let credentials = world().credentials(&world().acme);
    let trust = world().trust(&world().servers);
    TenantIdentity::new(&world().tls, credentials, trust, signer).expect("a sender")
}

#[tokio::test]
async fn what_has_no_answer_by_then_has_failed_whatever_it_waits_for() {
    let silent = Receiver::tcp(|_, io| async move {
        pending::<()>().await;
        drop(io);
    })
    .await;
    let listening = |config| {
        Receiver::tls(config, |_, mut tls| async move {
            read_request(&mut tls).await;
            pending::<()>().await;
        })
    };
    let keyed = || world().sender(&world().acme, "acme");
    let rows = [
        ("signing", listening(config()).await, without_a_key()),
        ("the handshake", silent, keyed()),
        ("the answer, HTTP/1.1", listening(config()).await, keyed()),
        (
            "the answer, HTTP/2",
            listening(with_http2(config())).await,
            keyed(),
        ),
    ];
    let expected = (after(60), "dispatch.timed_out", Some(Fault::Network));
    for (name, receiver, sender) in rows {
        let what = delivery("acme", "msg_1");
        let outcome = deliver(&receiver, sender, Duration::from_millis(300), what).await;
        assert_eq!(verdict(&outcome), expected, "{name}: {outcome:?}");
        assert_eq!(
            outcome.to_string(),
            "dispatch.timed_out: the delivery took too long"
        );
    }
}

// --- answered by then ---------------------------------------------------------------------------------------------------

/// Long enough for a head on a busy machine, and much shorter than all else.
const WHOLE: Duration = Duration::from_secs(4);

/// Answers at once with this status, and then with a byte every now and then. Tells when nobody reads on.
async fn trickling(status: StatusCode, left: mpsc::UnboundedSender<()>) -> Receiver {
    Receiver::tls(config(), move |_, mut tls| {
        let left = left.clone();
        async move {
            read_request(&mut tls).await;
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: 1000000\r\n\r\n");
            let _ = tls.write_all(head.as_bytes()).await;
            while tls.write_all(b"x").await.is_ok() && tls.flush().await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let _ = left.send(());
        }
    })
    .await
}

/// The same in HTTP/2, where it is told that nobody waits for more on this stream.
async fn trickling2(status: StatusCode, left: mpsc::UnboundedSender<()>) -> Receiver {
    Receiver::tls(with_http2(config()), move |_, tls| {
        let left = left.clone();
        async move {
            let mut connection = h2::server::handshake(tls).await.expect("HTTP/2");
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                let head = Response::builder().status(status).body(()).expect("a head");
                let left = left.clone();
                tokio::spawn(async move {
                    let mut body = respond.send_response(head, false).expect("a stream");
                    while body.send_data(Bytes::from_static(b"x"), false).is_ok() {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    let _ = left.send(());
                });
            }
        }
    })
    .await
}

async fn answers_and_goes_on(name: &str, status: StatusCode, http2: bool, expected: Expected) {
    let (tell, mut left) = mpsc::unbounded_channel();
    let receiver = match http2 {
        true => trickling2(status, tell).await,
        false => trickling(status, tell).await,
    };
    let began = Instant::now();
    let sender = world().sender(&world().acme, "acme");
    let outcome = deliver(&receiver, sender, WHOLE, delivery("acme", "msg_1")).await;
    assert_eq!(verdict(&outcome), expected, "{name}: {outcome:?}");
    assert!(began.elapsed() < 8 * WHOLE, "{name}: {:?}", began.elapsed());
    let answer = outcome.answer.expect("an answer");
    let told = (answer.status, answer.end, answer.request, answer.connection);
    let head = (status.as_u16(), BodyEnd::CutOff, BodyEnd::Whole, Connected::Fresh);
    assert_eq!(told, head, "{name}");
    assert!(answer.body.iter().all(|byte| *byte == b'x'), "{name}: {answer:?}");
    assert!(!answer.body.is_empty(), "{name}: what came is kept");
    let left = tokio::time::timeout(Duration::from_secs(20), left.recv()).await;
    assert_eq!(left, Ok(Some(())), "{name}: nobody reads on");
}

/// At once: each takes all of its time.
#[tokio::test]
async fn who_has_answered_by_then_has_answered_and_is_read_no_further() {
    let delivered = (Fate::Delivered, "delivered", None);
    let theirs = |fate, code| (fate, code, Some(Fault::Theirs));
    let rows = [
        ("200", StatusCode::OK, false, delivered),
        ("200, HTTP/2", StatusCode::OK, true, delivered),
        (
            "410",
            StatusCode::GONE,
            false,
            theirs(Fate::Gone, "dispatch.gone"),
        ),
        (
            "503",
            StatusCode::SERVICE_UNAVAILABLE,
            false,
            theirs(after(60), "dispatch.status"),
        ),
    ];
    let all = rows.map(|(name, status, http2, expected)| answers_and_goes_on(name, status, http2, expected));
    JoinSet::from_iter(all).join_all().await;
}

/// It has said that it took what it does not take.
#[tokio::test]
async fn who_has_answered_by_then_and_not_taken_all_is_not_believed() {
    let stops = Receiver::tls(config(), |_, mut tls| async move {
        let mut byte = [0; 1];
        let _ = tokio::io::AsyncReadExt::read(&mut tls, &mut byte).await;
        let taken = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\ntaken";
        let _ = tls.write_all(taken).await;
        let _ = tls.flush().await;
        pending::<()>().await;
    })
    .await;
    let large = Delivery::new(tenant("acme"), "msg_1", vec![b' '; 10 << 20]);
    let sender = world().sender(&world().acme, "acme");
    let outcome = deliver(&stops, sender, WHOLE, large).await;
    let expected = (AT_ONCE, "dispatch.not_taken", Some(Fault::Theirs));
    assert_eq!(verdict(&outcome), expected, "{outcome:?}");
    let answer = outcome.answer.expect("an answer");
    let told = (&answer.body[..], answer.end, answer.request);
    assert_eq!(told, (&b"taken"[..], BodyEnd::Whole, BodyEnd::CutOff));
}

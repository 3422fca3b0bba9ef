//! What HTTP does with a connection: how much is said, read and waited for, and how it is left.

mod left;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use countersign::dispatch::{BodyEnd, Connected, Deadlines, Delivery, Dispatcher, Fate, Fault, Outcome};
use countersign::tls::ClientAuth;
use http::Response;
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::server::TlsStream;

use crate::frames::{Frames, GOAWAY, RST_STREAM};
use crate::receiver::{Receiver, read_request, with_http2};
use crate::world::*;

const AT_ONCE: Fate = Fate::Retry {
    after: Duration::ZERO,
};
const DELIVERED: (Fate, &str, Option<Fault>) = (Fate::Delivered, "delivered", None);

fn config() -> ServerConfig {
    world().server_config(ClientAuth::Require)
}

fn patient() -> Deadlines {
    Deadlines::default()
        .with_answer(Duration::from_secs(30))
        .with_whole(Duration::from_secs(60))
}

fn dispatcher(receiver: &Receiver, deadlines: Deadlines) -> Dispatcher {
    let dispatcher = builder(&[receiver.port()]).with_deadlines(deadlines).build();
    let sender = world().sender(&world().acme, "acme");
    dispatcher.set_identity(tenant("acme"), sender).expect("TLS");
    dispatcher
}

async fn send(dispatcher: &Dispatcher, receiver: &Receiver, body: impl Into<Bytes>) -> Outcome {
    let delivery = Delivery::new(tenant("acme"), "msg_1", body);
    let to = endpoint("acme", &receiver.url(HOST));
    dispatcher.deliver(&to, &delivery).await
}

fn verdict(outcome: &Outcome) -> (Fate, &'static str, Option<Fault>) {
    (outcome.fate, outcome.code(), outcome.fault())
}

// --- answered before all was read ---------------------------------------------------------------------------------------

/// More than the system holds on the way, by far.
const BIG: usize = 10 << 20;

/// Reads the head, and not more than a few bytes behind it.
async fn read_head(tls: &mut TlsStream<TcpStream>) -> usize {
    let mut read = Vec::new();
    while !read.windows(4).any(|end| end == b"\r\n\r\n") {
        read.push(tls.read_u8().await.expect("a head"));
    }
    read.len()
}

const TAKEN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\ntaken";

/// Answers after the head, and then takes its time.
async fn slow_reader() -> (Receiver, mpsc::UnboundedReceiver<usize>) {
    let (tell, told) = mpsc::unbounded_channel();
    let receiver = Receiver::tls(config(), move |_, mut tls| {
        let tell = tell.clone();
        async move {
            read_head(&mut tls).await;
            let _ = tls.write_all(TAKEN).await;
            let _ = tls.flush().await;
            let (mut read, mut buffer) = (0, vec![0; 16 << 10]);
            while read < BIG {
                tokio::time::sleep(Duration::from_millis(5)).await;
                match tls.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(more) => read += more,
                }
            }
            let _ = tell.send(read);
            let _ = tls.read(&mut buffer).await;
        }
    })
    .await;
    (receiver, told)
}

async fn slow_reader2() -> (Receiver, mpsc::UnboundedReceiver<usize>) {
    let (tell, told) = mpsc::unbounded_channel();
    let receiver = Receiver::tls(with_http2(config()), move |_, tls| {
        let tell = tell.clone();
        async move {
            let mut connection = h2::server::handshake(tls).await.expect("HTTP/2");
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                let tell = tell.clone();
                tokio::spawn(async move {
                    let _ = respond.send_response(Response::new(()), true);
                    let mut body = request.into_body();
                    let mut read = 0;
                    while let Some(Ok(data)) = body.data().await {
                        read += data.len();
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        let _ = body.flow_control().release_capacity(data.len());
                    }
                    let _ = tell.send(read);
                });
            }
        }
    })
    .await;
    (receiver, told)
}

#[tokio::test]
async fn a_delivery_that_is_read_slowly_after_the_answer_arrives_whole() {
    for http2 in [false, true] {
        let (receiver, mut told) = if http2 {
            slow_reader2().await
        } else {
            slow_reader().await
        };
        let dispatcher = dispatcher(&receiver, patient());
        let outcome = send(&dispatcher, &receiver, vec![b' '; BIG]).await;
        assert_eq!(verdict(&outcome), DELIVERED, "{outcome:?}");
        let request = outcome.answer.expect("an answer").request;
        assert_eq!(request, BodyEnd::Whole);
        drop(dispatcher);
        assert_eq!(told.recv().await, Some(BIG), "http2 {http2}");
    }
}

/// It says that it has taken what it has not: nothing of it is believed.
#[tokio::test]
async fn a_delivery_that_is_not_taken_is_not_delivered_whatever_the_answer_says() {
    let stops = Receiver::tls(config(), |_, mut tls| async move {
        read_head(&mut tls).await;
        let _ = tls.write_all(TAKEN).await;
        let _ = tls.flush().await;
        std::future::pending::<()>().await;
    });
    let closes = Receiver::tls(config(), |_, mut tls| async move {
        read_head(&mut tls).await;
        let _ = tls.write_all(TAKEN).await;
        let _ = tls.shutdown().await;
        std::future::pending::<()>().await;
    });
    // Giving the window back to nobody, or by the way that RFC 9113 §8.1 has for it.
    let two = |reset: bool| {
        Receiver::tls(with_http2(config()), move |_, tls| async move {
            let mut frames = Frames::begin(tls).await.expect("a preface");
            let stream = frames.request().await.expect("a request");
            frames.answer(stream).await.expect("taken");
            if reset {
                let no_error = frames.write(RST_STREAM, 0, stream, &[0; 4]);
                no_error.await.expect("taken");
            }
            frames.drain().await;
        })
    };
    let rows = [
        ("HTTP/1.1, stops", stops.await),
        ("HTTP/1.1, closes", closes.await),
        ("HTTP/2, stops", two(false).await),
        ("HTTP/2, resets", two(true).await),
    ];
    let mut seen = Vec::new();
    for (name, receiver) in &rows {
        let short = patient().with_answer(Duration::from_secs(2));
        let outcome = send(&dispatcher(receiver, short), receiver, vec![b' '; BIG]).await;
        let answered = outcome
            .answer
            .as_ref()
            .map(|answer| (answer.status, answer.request));
        seen.push((*name, verdict(&outcome), answered));
    }
    let not_taken = (AT_ONCE, "dispatch.not_taken", Some(Fault::Theirs));
    let expected = rows.map(|(name, _)| (name, not_taken, Some((200, BodyEnd::CutOff))));
    assert_eq!(seen, expected);
}

// --- how much is said ---------------------------------------------------------------------------------------------------

fn with_fields(count: usize) -> String {
    let fields = (0..count).map(|number| format!("f{number}: v\r\n"));
    let fields: String = fields.collect();
    format!("HTTP/1.1 200 OK\r\n{fields}content-length: 0\r\n\r\n")
}

#[tokio::test]
async fn an_answer_may_have_a_hundred_fields() {
    let not_http = (AT_ONCE, "dispatch.not_http", Some(Fault::Theirs));
    // One more says how long its body is.
    for (fields, expected) in [(99, DELIVERED), (100, not_http), (2_047, not_http)] {
        let receiver = Receiver::saying(config(), with_fields(fields)).await;
        let outcome = send(&dispatcher(&receiver, patient()), &receiver, "{}").await;
        assert_eq!(verdict(&outcome), expected, "{fields}: {outcome:?}");
    }
}

#[tokio::test]
async fn interim_responses_have_an_end() {
    let hints = b"HTTP/1.1 103 Early Hints\r\n\r\n";
    let few = Receiver::saying(config(), [&hints.repeat(100)[..], TAKEN].concat());
    let endless = Receiver::tls(config(), move |_, mut tls| async move {
        read_request(&mut tls).await;
        while tls.write_all(&hints.repeat(100)).await.is_ok() {}
    });
    let two = |few: bool| {
        Receiver::tls(with_http2(config()), move |_, tls| async move {
            let mut frames = Frames::begin(tls).await.expect("a preface");
            let stream = frames.request().await.expect("a request");
            let mut said = 0;
            while (!few || said < 100) && frames.early_hints(stream).await.is_ok() {
                said += 1;
            }
            let _ = frames.answer(stream).await;
            frames.drain().await;
        })
    };
    let theirs = (AT_ONCE, "dispatch.not_http", Some(Fault::Theirs));
    let rows = [
        ("HTTP/1.1, few", few.await, DELIVERED),
        ("HTTP/1.1, endless", endless.await, theirs),
        ("HTTP/2, few", two(true).await, DELIVERED),
        ("HTTP/2, endless", two(false).await, theirs),
    ];
    for (name, receiver, expected) in &rows {
        let outcome = send(&dispatcher(receiver, patient()), receiver, "{}").await;
        assert_eq!(verdict(&outcome), *expected, "{name}: {outcome:?}");
        if let Some(failure) = outcome.failure {
            let said = "the answer is not HTTP: the server says too much before it answers";
            assert_eq!(failure.to_string(), said, "{name}");
        }
    }
}

// --- HTTP/2: who waits for whom -----------------------------------------------------------------------------------------

/// Longer than any ping of ours would be waited for, and within the time that an answer may take.
#[tokio::test]
async fn a_server_that_reads_nothing_for_a_while_is_not_given_up() {
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(with_http2(config())));
    let receiver = Receiver::tcp(move |_, io| {
        let acceptor = acceptor.clone();
        async move {
            let tls = acceptor.accept(io).await.expect("TLS");
            tokio::time::sleep(Duration::from_millis(11_500)).await;
            let mut connection = h2::server::handshake(tls).await.expect("HTTP/2");
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                let _ = respond.send_response(Response::new(()), true);
            }
        }
    })
    .await;
    let outcome = send(&dispatcher(&receiver, patient()), &receiver, "{}").await;
    assert_eq!(verdict(&outcome), DELIVERED, "{outcome:?}");
}

/// The server takes one request at a time on a connection: the others get connections of their own, and the first is
/// used again.
#[tokio::test]
async fn nobody_waits_for_a_place_on_a_busy_connection() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let peak = most.clone();
    let receiver = Receiver::tls(with_http2(config()), move |_, tls| {
        let (now, most) = (now.clone(), most.clone());
        async move {
            let one = h2::server::Builder::new()
                .max_concurrent_streams(1)
                .handshake(tls);
            let mut connection: h2::server::Connection<_, Bytes> = one.await.expect("HTTP/2");
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                let (now, most) = (now.clone(), most.clone());
                tokio::spawn(async move {
                    most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                    tokio::time::sleep(Duration::from_millis(1_500)).await;
                    now.fetch_sub(1, SeqCst);
                    let _ = respond.send_response(Response::new(()), true);
                });
            }
        }
    })
    .await;
    let dispatcher = dispatcher(&receiver, patient().with_answer(Duration::from_secs(4)));
    let first = send(&dispatcher, &receiver, "{}").await;
    assert_eq!(verdict(&first), DELIVERED, "{first:?}");
    let receiver = Arc::new(receiver);
    let mut deliveries = JoinSet::new();
    for _ in 0..6 {
        let (dispatcher, receiver) = (dispatcher.clone(), receiver.clone());
        deliveries.spawn(async move { send(&dispatcher, &receiver, "{}").await });
    }
    let outcomes = deliveries.join_all().await;
    for outcome in &outcomes {
        assert_eq!(verdict(outcome), DELIVERED, "{outcome:?}");
    }
    let reused = |outcome: &&Outcome| {
        let answer = outcome.answer.as_ref().expect("an answer");
        answer.connection == Connected::Reused
    };
    assert_eq!(outcomes.iter().filter(reused).count(), 1);
    assert_eq!(peak.load(SeqCst), 6);
}

/// A server that goes away says which requests it has not looked at (RFC 9113 §6.8): the one above the last is sent again
/// at once. Not so one that it may have handled, or where it goes away with an error.
#[tokio::test]
async fn what_a_server_that_goes_away_has_not_processed_is_sent_again() {
    const NO_ERROR: u32 = 0;
    const ENHANCE_YOUR_CALM: u32 = 11;
    let network = |code| (AT_ONCE, code, Some(Fault::Network));
    for (name, last, reason, expected, connections) in [
        ("below it", 1_u32, NO_ERROR, DELIVERED, 2),
        ("including it", 3, NO_ERROR, network("dispatch.no_answer"), 1),
        (
            "with an error",
            1,
            ENHANCE_YOUR_CALM,
            network("dispatch.no_answer"),
            1,
        ),
    ] {
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = accepted.clone();
        let receiver = Receiver::tls(with_http2(config()), move |number, tls| {
            count.fetch_add(1, SeqCst);
            async move {
                let mut frames = Frames::begin(tls).await.expect("a preface");
                let first = frames.request().await.expect("a request");
                frames.answer(first).await.expect("taken");
                if number == 0 && frames.request().await.is_ok() {
                    let goodbye = [last.to_be_bytes(), reason.to_be_bytes()].concat();
                    frames.write(GOAWAY, 0, 0, &goodbye).await.expect("taken");
                    return;
                }
                frames.drain().await;
            }
        })
        .await;
        let dispatcher = dispatcher(&receiver, patient());
        let first = send(&dispatcher, &receiver, "{}").await;
        assert_eq!(verdict(&first), DELIVERED, "{name}: {first:?}");
        let second = send(&dispatcher, &receiver, "{}").await;
        assert_eq!(verdict(&second), expected, "{name}: {second:?}");
        assert_eq!(accepted.load(SeqCst), connections, "{name}");
        if let Some(answer) = second.answer {
            assert_eq!(answer.connection, Connected::Fresh, "{name}");
        }
    }
}

/// How the dispatcher has left a connection. Without `close_notify`, an end is an error to who reads it (RFC 8446 §6.1).
async fn end(tls: &mut TlsStream<TcpStream>) -> &'static str {
    match tokio::io::copy(tls, &mut tokio::io::sink()).await {
        Ok(_) => "close_notify",
        Err(_) => "cut",
    }
}

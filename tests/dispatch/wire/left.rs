//! How a connection is left.

use std::sync::Arc;
use std::time::Duration;

use countersign::dispatch::Dispatcher;
use http::Response;
use rustls::ServerConfig;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;

use super::{TAKEN, config, dispatcher, end, patient, send};
use crate::receiver::{Receiver, read_request, with_http2};
use crate::world::*;

async fn left(
    config: ServerConfig,
    answer: &'static [u8],
    leave: impl AsyncFnOnce(&Dispatcher, &Receiver, &Log),
) -> &'static str {
    let (tell, mut told) = mpsc::unbounded_channel();
    let receiver = Receiver::tls(config, move |_, mut tls| {
        let tell = tell.clone();
        async move {
            if !answer.is_empty() {
                read_request(&mut tls).await;
                let _ = tls.write_all(answer).await;
                let _ = tls.flush().await;
            }
            let _ = tell.send(end(&mut tls).await);
        }
    })
    .await;
    let log = Log::default();
    let mut rules = limits(|limits| limits.idle_for = Duration::from_millis(200));
    rules.body = 16;
    let dispatcher = builder(&[receiver.port()])
        .with_deadlines(patient().with_answer(Duration::from_millis(300)))
        .with_limits(rules)
        .observed_by(Arc::new(log.clone()))
        .build();
    let sender = world().sender(&world().acme, "acme");
    dispatcher.set_identity(tenant("acme"), sender).expect("TLS");
    leave(&dispatcher, &receiver, &log).await;
    let told = tokio::time::timeout(Duration::from_secs(20), told.recv()).await;
    // The dispatcher lives: it is not left because of that.
    drop(dispatcher);
    told.map_or("still open", |told| told.expect("a connection"))
}

#[tokio::test]
async fn no_connection_is_left_without_a_word() {
    let expect = |code: &'static str| {
        async move |dispatcher: &Dispatcher, receiver: &Receiver, _: &Log| {
            let outcome = send(dispatcher, receiver, "{}").await;
            assert_eq!(outcome.code(), code, "{outcome:?}");
        }
    };
    let (not_asked, too_late) = ("dispatch.identity_not_asked", "dispatch.answer_timed_out");
    let long = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nmore than is kept, and not all";
    // As soon as the request is under way, and before any other delivery has ended.
    let called_off = async |dispatcher: &Dispatcher, receiver: &Receiver, log: &Log| {
        let sending = async {
            while !log.take().iter().any(|line| line == "msg_1: Sending") {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            biased;
            () = sending => {}
            outcome = send(dispatcher, receiver, "{}") => panic!("{outcome:?}"),
        }
    };
    let (tls12, tls13) = (&rustls::version::TLS12, &rustls::version::TLS13);
    #[rustfmt::skip]
    let rows = [
        ("not asked, TLS 1.2", left(unasking(tls12), b"", expect(not_asked)).await),
        ("not asked, TLS 1.3", left(unasking(tls13), b"", expect(not_asked)).await),
        ("too late", left(config(), b"", expect(too_late)).await),
        ("too late, HTTP/2", left(with_http2(config()), b"", expect(too_late)).await),
        ("idle for too long", left(config(), TAKEN, expect("delivered")).await),
        ("a long answer", left(config(), long, expect("delivered")).await),
        ("no HTTP", left(config(), b"220 ready\r\n\r\n", expect("dispatch.not_http")).await),
        ("called off", left(config(), b"", called_off).await),
        ("called off, HTTP/2", left(with_http2(config()), b"", called_off).await),
    ];
    // All of them at once: who breaks the one sees whether he breaks the others.
    assert_eq!(rows, rows.map(|(name, _)| (name, "close_notify")));
}

/// A peer that reads nothing more does not keep us for ever.
#[tokio::test]
async fn an_http2_connection_that_nobody_holds_is_closed_however_it_is_stuck() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let receiver = Receiver::tls(with_http2(config()), move |_, tls| {
        let tell = tell.clone();
        async move {
            let mut connection = h2::server::handshake(tls).await.expect("HTTP/2");
            let mut held = Vec::new();
            // Answers, and gives the window back to nobody: the rest of the request waits in HTTP/2.
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                let _ = respond.send_response(Response::new(()), true);
                held.push(request);
            }
            let _ = tell.send(());
        }
    })
    .await;
    let dispatcher = dispatcher(&receiver, patient().with_answer(Duration::from_millis(300)));
    let outcome = send(&dispatcher, &receiver, vec![b' '; 1 << 20]).await;
    assert_eq!(outcome.code(), "dispatch.not_taken");
    let closed = tokio::time::timeout(Duration::from_secs(10), told.recv()).await;
    assert_eq!(closed, Ok(Some(())), "while the dispatcher lives");
    drop(dispatcher);
}

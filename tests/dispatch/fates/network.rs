//! Fates by the network: no address, nobody at the port, silence, and bodies without end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use countersign::breaker::NotNow;
use countersign::dispatch::{BodyEnd, Deadlines, Failure, Fate, Fault, Stage};
use countersign::replay::NotFresh;
use countersign::testing::utc;
use countersign::web::Clock;
use http::{Response, StatusCode};
use http_body_util::Full;
use rustls::pki_types::UnixTime;
use tokio::io::AsyncWriteExt as _;

use super::{AT_ONCE, after, attempt, attempt_as, config, verdict};
use crate::receiver::{Receiver, read_request};
use crate::world::*;

#[tokio::test]
async fn a_name_without_an_address_is_tried_again() {
    let dispatcher = builder_with(Book::default().fails(HOST), &[443]).build();
    dispatcher
        .set_identity(tenant("acme"), world().sender(&world().acme, "acme"))
        .expect("TLS");
    let to = endpoint("acme", "https://hooks.acme.example/");
    let outcome = dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
    assert_eq!(
        verdict(&outcome),
        (AT_ONCE, "dispatch.not_resolved", Some(Fault::Network))
    );
}

#[tokio::test]
async fn nobody_at_the_port_is_tried_again() {
    let receiver = Receiver::good(config()).await;
    let port = receiver.port();
    drop(receiver);
    tokio::task::yield_now().await;
    let dispatcher = builder(&[port]).build();
    dispatcher
        .set_identity(tenant("acme"), world().sender(&world().acme, "acme"))
        .expect("TLS");
    let to = endpoint("acme", &format!("https://{HOST}:{port}/"));
    let outcome = dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
    assert_eq!(
        verdict(&outcome),
        (AT_ONCE, "dispatch.unreachable", Some(Fault::Network))
    );
}

/// Nobody reckons in seconds since 1970.
#[test]
fn times_are_told_as_dates() {
    let (at, now) = (utc(2026, 11, 26), utc(2026, 11, 27));
    let (day, next) = ("2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z");
    let stale = NotFresh::Stale { signed: at, now };
    let ahead = NotFresh::FromTheFuture { signed: now, now: at };
    for (told, expected) in [
        (
            Failure::Expired { at }.to_string(),
            format!("the delivery was not to be tried after {day}"),
        ),
        (
            Failure::NotNow(NotNow::Open { until: at }).to_string(),
            format!("it failed too often, and is not tried before {day}"),
        ),
        (
            stale.to_string(),
            format!("signed at {day} and too old at {next}"),
        ),
        (
            ahead.to_string(),
            format!("signed at {next}, which lies in the future of {day}"),
        ),
    ] {
        assert_eq!(told, expected);
    }
}

/// By its own default breaker: no rate within a minute sees it.
#[tokio::test]
async fn who_is_tried_once_a_minute_is_left_alone_after_ten_failures() {
    let receiver = Receiver::good(config()).await;
    let port = receiver.port();
    drop(receiver);
    tokio::task::yield_now().await;
    let began = UnixTime::now().as_secs();
    let hands = Arc::new(AtomicU64::new(began));
    let read = hands.clone();
    let clock = Clock::new(move || UnixTime::since_unix_epoch(Duration::from_secs(read.load(SeqCst))));
    let dispatcher = builder(&[port]).with_clock(clock).build();
    dispatcher
        .set_identity(tenant("acme"), world().sender(&world().acme, "acme"))
        .expect("TLS");
    let to = endpoint("acme", &format!("https://{HOST}:{port}/"));
    let mut codes = Vec::new();
    for minute in 0..11 {
        // The circuit is open for half a minute at first.
        hands.store(began + minute * 65 - minute / 10 * 60, SeqCst);
        codes.push(dispatcher.deliver(&to, &delivery("acme", "msg_1")).await.code());
    }
    let expected = [["dispatch.unreachable"; 10].as_slice(), &["breaker.open"]].concat();
    assert_eq!(codes, expected);
}

fn short(set: impl FnOnce(&mut Deadlines)) -> Deadlines {
    let mut short = deadlines();
    set(&mut short);
    short
}

#[tokio::test]
async fn whoever_is_silent_runs_into_the_deadline_of_that_stage() {
    let moment = Duration::from_millis(200);
    let silent = Receiver::tcp(|_, io| async move {
        std::future::pending::<()>().await;
        drop(io);
    })
    .await;
    let handshake = short(|deadlines| deadlines.handshake = moment);
    let outcome = attempt_as(&silent, &world().acme, handshake).await;
    let expected = (after(60), "dispatch.handshake_timed_out", Some(Fault::Network));
    assert_eq!(verdict(&outcome), expected);

    let listening = Receiver::tls(config(), |_, mut tls| async move {
        read_request(&mut tls).await;
        std::future::pending::<()>().await;
    })
    .await;
    let answer = short(|deadlines| deadlines.answer = moment);
    let outcome = attempt_as(&listening, &world().acme, answer).await;
    assert_eq!(
        verdict(&outcome),
        (after(60), "dispatch.answer_timed_out", Some(Fault::Network))
    );
    let whole = short(|deadlines| deadlines.whole = moment);
    let outcome = attempt_as(&listening, &world().acme, whole).await;
    assert_eq!(
        verdict(&outcome),
        (after(60), "dispatch.timed_out", Some(Fault::Network))
    );
    let expected = Failure::TimedOut {
        stage: Stage::Delivering,
    };
    assert_eq!(outcome.failure, Some(expected));
}

#[tokio::test]
async fn whoever_closes_or_speaks_no_tls_or_no_http_is_tried_again() {
    let network = Some(Fault::Network);
    let theirs = Some(Fault::Theirs);
    let closes = Receiver::tcp(|_, io| async move { drop(io) }).await;
    assert_eq!(
        verdict(&attempt(&closes).await),
        (AT_ONCE, "dispatch.handshake", theirs)
    );

    let plain = Receiver::tcp(|_, mut io| async move {
        read_request(&mut io).await;
        let _ = io.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let short = short(|deadlines| deadlines.handshake = Duration::from_millis(500));
    let outcome = attempt_as(&plain, &world().acme, short).await;
    assert_eq!(outcome.fault().map(|_| ()), Some(()), "{outcome:?}");

    for (said, code, fault) in [
        ("", "dispatch.no_answer", network),
        ("HTTP/1.1 200 OK\r\nContent-Le", "dispatch.no_answer", network),
        ("SSH-2.0-OpenSSH_9.9\r\n\r\n", "dispatch.not_http", theirs),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n",
            "dispatch.not_http",
            theirs,
        ),
    ] {
        let receiver = Receiver::saying(config(), said).await;
        assert_eq!(
            verdict(&attempt(&receiver).await),
            (AT_ONCE, code, fault),
            "{said:?}"
        );
    }
}

#[tokio::test]
async fn of_a_huge_or_trickling_body_the_status_counts_and_the_connection_is_closed() {
    let huge = Receiver::http(config(), |_| async {
        let mut response = Response::new(Full::from(vec![b'x'; 10_000_000]));
        *response.status_mut() = StatusCode::ACCEPTED;
        response
    })
    .await;
    let trickles = Receiver::tls(config(), |_, mut tls| async move {
        read_request(&mut tls).await;
        let head = b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\n";
        let _ = tls.write_all(head).await;
        while tls.write_all(b"x").await.is_ok() && tls.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    for (receiver, kept) in [(&huge, 16 * 1024..=16 * 1024), (&trickles, 1..=100)] {
        let dispatcher = builder(&[receiver.port()]).build();
        dispatcher
            .set_identity(tenant("acme"), world().sender(&world().acme, "acme"))
            .expect("TLS");
        let to = endpoint("acme", &receiver.url(HOST));
        for _ in 0..2 {
            let outcome = dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
            assert_eq!(outcome.fate, Fate::Delivered);
            let answer = outcome.answer.expect("an answer");
            assert_eq!((answer.status, answer.end), (202, BodyEnd::CutOff));
            assert_eq!(answer.connection, countersign::dispatch::Connected::Fresh);
            assert!(kept.contains(&answer.body.len()), "{}", answer.body.len());
        }
    }
}

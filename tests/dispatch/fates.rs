//! What becomes of a delivery: each row of the classification, against a real socket.

mod certificates;
mod network;
mod whole;

use std::time::Duration;

use bytes::Bytes;
use countersign::dispatch::{Deadlines, Fate, Fault, NotImplemented, Outcome, RetryRules};
use countersign::testing::TestCert;
use countersign::tls::ClientAuth;
use http::Response;
use http_body_util::Full;
use rustls::ServerConfig;

use crate::receiver::Receiver;
use crate::world::*;

type Fields = &'static [(&'static str, &'static str)];

type Expected = (Fate, &'static str, Option<Fault>);

const AT_ONCE: Fate = Fate::Retry {
    after: Duration::ZERO,
};

fn after(seconds: u64) -> Fate {
    Fate::Retry {
        after: Duration::from_secs(seconds),
    }
}

fn config() -> ServerConfig {
    world().server_config(ClientAuth::Require)
}

/// Acme's attempt at one delivery.
async fn attempt(receiver: &Receiver) -> Outcome {
    attempt_as(receiver, &world().acme, deadlines()).await
}

async fn attempt_as(receiver: &Receiver, certificate: &TestCert, deadlines: Deadlines) -> Outcome {
    let dispatcher = builder(&[receiver.port()]).with_deadlines(deadlines).build();
    let sender = world().sender(certificate, "acme");
    dispatcher.set_identity(tenant("acme"), sender).expect("TLS");
    let to = endpoint("acme", &receiver.url(HOST));
    dispatcher.deliver(&to, &delivery("acme", "msg_1")).await
}

fn verdict(outcome: &Outcome) -> (Fate, &'static str, Option<Fault>) {
    (outcome.fate, outcome.code(), outcome.fault())
}

#[tokio::test]
async fn each_status_has_its_fate() {
    let (theirs, status) = (Some(Fault::Theirs), "dispatch.status");
    let rows: &[(u16, Fields, Expected)] = &[
        (200, &[], (Fate::Delivered, "delivered", None)),
        (201, &[], (Fate::Delivered, "delivered", None)),
        (204, &[], (Fate::Delivered, "delivered", None)),
        (
            299,
            &[("retry-after", "60")],
            (Fate::Delivered, "delivered", None),
        ),
        (
            301,
            &[("location", "https://127.0.0.1/")],
            (Fate::Dead, "dispatch.redirected", theirs),
        ),
        (
            302,
            &[("location", "/elsewhere")],
            (Fate::Dead, "dispatch.redirected", theirs),
        ),
        (304, &[], (Fate::Dead, "dispatch.redirected", theirs)),
        (
            307,
            &[("location", "/elsewhere")],
            (Fate::Dead, "dispatch.redirected", theirs),
        ),
        (
            308,
            &[("retry-after", "60")],
            (Fate::Dead, "dispatch.redirected", theirs),
        ),
        (400, &[], (AT_ONCE, status, theirs)),
        (401, &[], (AT_ONCE, status, theirs)),
        (403, &[], (AT_ONCE, status, theirs)),
        (404, &[], (AT_ONCE, status, theirs)),
        (405, &[], (AT_ONCE, status, theirs)),
        (408, &[], (after(60), status, theirs)),
        (410, &[], (Fate::Gone, "dispatch.gone", theirs)),
        (
            410,
            &[("retry-after", "60")],
            (Fate::Gone, "dispatch.gone", theirs),
        ),
        (413, &[], (AT_ONCE, status, theirs)),
        (415, &[], (AT_ONCE, status, theirs)),
        (421, &[], (AT_ONCE, status, theirs)),
        (422, &[], (AT_ONCE, status, theirs)),
        (425, &[], (after(60), status, theirs)),
        (429, &[], (after(60), status, theirs)),
        (429, &[("retry-after", "300")], (after(300), status, theirs)),
        (429, &[("retry-after", "5")], (after(60), status, theirs)),
        (
            429,
            &[("retry-after", "99999999999999999999")],
            (after(86_400), status, theirs),
        ),
        (429, &[("retry-after", "-5")], (after(60), status, theirs)),
        (429, &[("retry-after", "1.5")], (after(60), status, theirs)),
        (429, &[("retry-after", "soon")], (after(60), status, theirs)),
        (
            429,
            &[("retry-after", "300"), ("retry-after", "301")],
            (after(60), status, theirs),
        ),
        (
            429,
            &[("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT")],
            (after(60), status, theirs),
        ),
        (
            429,
            &[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")],
            (after(86_400), status, theirs),
        ),
        (
            495,
            &[],
            (AT_ONCE, "dispatch.identity_refused", Some(Fault::Ours)),
        ),
        (
            496,
            &[],
            (AT_ONCE, "dispatch.identity_refused", Some(Fault::Ours)),
        ),
        (500, &[], (AT_ONCE, status, theirs)),
        (500, &[("retry-after", "7")], (after(7), status, theirs)),
        (501, &[], (AT_ONCE, status, theirs)),
        (502, &[], (after(60), status, theirs)),
        (503, &[], (after(60), status, theirs)),
        (503, &[("retry-after", "120")], (after(120), status, theirs)),
        (504, &[], (after(60), status, theirs)),
        (599, &[], (AT_ONCE, status, theirs)),
        (999, &[], (AT_ONCE, status, theirs)),
    ];
    for (answer, fields, expected) in rows {
        let (answer, fields) = (*answer, fields.to_vec());
        let named = format!("{answer} {fields:?}");
        let receiver = Receiver::http(config(), move |_| {
            let mut response = Response::builder().status(answer);
            for (name, value) in &fields {
                response = response.header(*name, *value);
            }
            let response = response.body(Full::<Bytes>::default()).expect("a response");
            async { response }
        })
        .await;
        let outcome = attempt(&receiver).await;
        assert_eq!(verdict(&outcome), *expected, "{named}");
        assert_eq!(
            outcome.answer.map(|answer| answer.status),
            Some(answer),
            "{named}"
        );
        assert_eq!(
            receiver.seen().len(),
            1,
            "{named}: nobody is asked twice, nor elsewhere"
        );
    }
}

#[tokio::test]
async fn retry_after_a_date_counts_from_now() {
    let date = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(600));
    let answer = format!("HTTP/1.1 429 Slow down\r\nRetry-After: {date}\r\nContent-Length: 0\r\n\r\n");
    let receiver = Receiver::saying(config(), answer).await;
    let outcome = attempt(&receiver).await;
    let Fate::Retry { after } = outcome.fate else {
        panic!("{outcome:?}")
    };
    assert!((590..=601).contains(&after.as_secs()), "{after:?}");
}

#[tokio::test]
async fn of_501_the_rules_decide() {
    let receiver = Receiver::saying(config(), "HTTP/1.1 501 No\r\nContent-Length: 0\r\n\r\n").await;
    let mut rules = RetryRules::default();
    rules.not_implemented = NotImplemented::Gone;
    let dispatcher = builder(&[receiver.port()]).with_retry_rules(rules).build();
    dispatcher
        .set_identity(tenant("acme"), world().sender(&world().acme, "acme"))
        .expect("TLS");
    let to = endpoint("acme", &receiver.url(HOST));
    let outcome = dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
    assert_eq!(
        verdict(&outcome),
        (Fate::Gone, "dispatch.gone", Some(Fault::Theirs))
    );
}

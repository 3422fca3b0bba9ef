//! What becomes of a delivery: each row of the classification, against a real socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use countersign::breaker::NotNow;
use countersign::dispatch::{
    BodyEnd, Deadlines, Failure, Fate, Fault, NotImplemented, Outcome, RetryRules, Stage,
};
use countersign::identity::SpkiHash;
use countersign::replay::NotFresh;
use countersign::testing::{TestCa, TestCert, utc};
use countersign::tls::ClientAuth;
use countersign::trust::{Crls, DenyList, PinSet, PrivateCa, Revocation, Untrusted, VerifyPeer};
use countersign::web::Clock;
use http::{Response, StatusCode};
use http_body_util::Full;
use rustls::ServerConfig;
use rustls::pki_types::UnixTime;
use tokio::io::AsyncWriteExt as _;

use crate::receiver::{Receiver, read_request, with_http2};
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

// --- our certificate ----------------------------------------------------------------------------------------------------

/// Under TLS 1.3 the alert arrives with the first read, under TLS 1.2 in the handshake. HTTP/2 begins to write at once.
#[tokio::test]
async fn a_refused_certificate_is_our_fault_whenever_the_alert_comes() {
    let stranger = TestCa::new("Strangers Root");
    let ours = world().clients.client(&uri("acme"));
    let rows: Vec<(&str, TestCert)> = vec![
        ("unknown_ca", stranger.client(&uri("acme")).issue()),
        ("unsupported_certificate", ours.server_only().issue()),
    ];
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        for http2 in [false, true] {
            for (alert, certificate) in &rows {
                let mut config = only(version);
                if http2 {
                    config = with_http2(config);
                }
                let receiver = Receiver::good(config).await;
                let outcome = attempt_as(&receiver, certificate, deadlines()).await;
                let expected = (AT_ONCE, "dispatch.identity_refused", Some(Fault::Ours));
                assert_eq!(verdict(&outcome), expected, "{outcome:?}");
                let said = outcome.failure.expect("a failure").to_string();
                assert_eq!(said, format!("the server refused our certificate: {alert}"));
            }
        }
    }
}

fn only(version: &'static rustls::SupportedProtocolVersion) -> ServerConfig {
    let world = world();
    let trust = countersign::tls::HandshakeVerifier::new(world.tls.provider(), world.trust(&world.clients));
    ServerConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_client_cert_verifier(std::sync::Arc::new(trust))
        .with_single_cert(world.server.chain(), world.server.key())
        .expect("a pair")
}

/// The alert, and at once a reset that overtakes whatever we still have to write: the reason is found all the same.
#[tokio::test]
async fn an_alert_is_found_behind_a_reset() {
    let stranger = TestCa::new("Strangers Root").client(&uri("acme")).issue();
    for http2 in [false, true] {
        let config = if http2 { with_http2(config()) } else { config() };
        let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
        let receiver = Receiver::tcp(move |_, io| {
            let acceptor = acceptor.clone();
            async move {
                if let Err((_, io)) = acceptor.accept(io).into_fallible().await {
                    // Unread bytes in the receive buffer, and no lingering: the system sends RST.
                    let _ = io.set_zero_linger();
                    drop(io);
                }
            }
        })
        .await;
        for round in 0..20 {
            let dispatcher = builder(&[receiver.port()]).build();
            let sender = world().sender(&stranger, "acme");
            dispatcher.set_identity(tenant("acme"), sender).expect("TLS");
            let to = endpoint("acme", &receiver.url(HOST));
            let big = countersign::dispatch::Delivery::new(tenant("acme"), "msg_1", vec![b' '; 300_000]);
            let outcome = dispatcher.deliver(&to, &big).await;
            let expected = (AT_ONCE, "dispatch.identity_refused", Some(Fault::Ours));
            assert_eq!(
                verdict(&outcome),
                expected,
                "round {round}, http2 {http2}: {outcome:?}"
            );
        }
    }
}

/// nginx completes the handshake, and says it with a page under 400. Another page under 400, or the same under another
/// status, is theirs.
#[tokio::test]
async fn what_nginx_says_about_our_certificate_is_our_fault() {
    let page = |what: &str| {
        format!(
            "<html>\r\n<head><title>400 {what}</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n\
             <center>{what}</center>\r\n<hr><center>nginx/1.26.3</center>\r\n</body>\r\n</html>\r\n"
        )
    };
    let refused = (AT_ONCE, "dispatch.identity_refused", Some(Fault::Ours));
    let theirs = (AT_ONCE, "dispatch.status", Some(Fault::Theirs));
    for (status, what, expected) in [
        (400, "No required SSL certificate was sent", refused),
        (400, "The SSL certificate error", refused),
        (400, "The plain HTTP request was sent to HTTPS port", theirs),
        (400, "Request Header Or Cookie Too Large", theirs),
        (500, "No required SSL certificate was sent", theirs),
    ] {
        let page = page(what);
        let head =
            format!("HTTP/1.1 {status} Bad Request\r\nServer: nginx/1.26.3\r\nContent-Type: text/html\r\n");
        let length = format!("Content-Length: {}\r\nConnection: close\r\n\r\n", page.len());
        let receiver = Receiver::saying(config(), format!("{head}{length}{page}")).await;
        let outcome = attempt(&receiver).await;
        assert_eq!(verdict(&outcome), expected, "{status} {what}");
        if expected == refused {
            let failure = Failure::IdentityRefusedByStatus { status };
            assert_eq!(outcome.failure, Some(failure), "{what}");
        }
    }
}

/// Our own revocation lists, and our own rules, say nothing against the server: whoever has to look renews them.
#[tokio::test]
async fn lists_of_ours_that_are_out_of_date_are_our_fault_and_tried_again() {
    let world = world();
    let receiver = Receiver::good(config()).await;
    let list = || world.servers.crl(7);
    let revoked = list().revoke(&world.server);
    let other = TestCa::new("Others Root").crl(7);
    let ours = |code| (AT_ONCE, code, Some(Fault::Ours));
    let (now, then) = (UnixTime::now(), utc(2020, 6, 1));
    for (name, list, loaded, expected) in [
        ("expired", list().expired(), then, ours("trust.crl_expired")),
        (
            "from the future",
            list().not_yet_valid(),
            utc(2090, 6, 1),
            ours("trust.crl_from_the_future"),
        ),
        (
            "another authority's",
            other,
            now,
            ours("trust.revocation_unknown"),
        ),
        (
            "revoked",
            revoked,
            now,
            (Fate::Dead, "trust.revoked", Some(Fault::Theirs)),
        ),
        ("good", list(), now, (Fate::Delivered, "delivered", None)),
    ] {
        let crls = Crls::from_der([list.issue().der().clone()], loaded);
        let revocation = Revocation::required(crls.expect("a list"));
        let trust = PrivateCa::builder(world.tls.algorithms())
            .pem(world.servers.pem().as_bytes())
            .with_revocation(revocation)
            .build(UnixTime::now())
            .expect("an anchor");
        let dispatcher = builder(&[receiver.port()]).build();
        let sender = world.sender_trusting(&world.acme, "acme", trust);
        dispatcher.set_identity(tenant("acme"), sender).expect("TLS");
        let to = endpoint("acme", &receiver.url(HOST));
        let outcome = dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
        assert_eq!(verdict(&outcome), expected, "{name}: {outcome:?}");
    }
    // Nor is it the server's fault that our authority has signed a list that it may not sign.
    let servers = TestCa::builder("Servers Root").without_crl_sign().issue();
    let receiver =
        Receiver::good(world.server_config_showing(&servers.server(HOST).issue(), ClientAuth::Require)).await;
    let crls = Crls::from_der([servers.crl(7).issue().der().clone()], now);
    let trust = PrivateCa::builder(world.tls.algorithms())
        .pem(servers.pem().as_bytes())
        .with_revocation(Revocation::required(crls.expect("a list")))
        .build(now)
        .expect("an anchor");
    let dispatcher = builder(&[receiver.port()]).build();
    let sender = world.sender_trusting(&world.acme, "acme", trust);
    dispatcher.set_identity(tenant("acme"), sender).expect("TLS");
    let to = endpoint("acme", &receiver.url(HOST));
    let outcome = dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
    assert_eq!(verdict(&outcome), ours("trust.crl_issuer"), "{outcome:?}");
    let alone = world.sender_trusting(&world.acme, "acme", DenyList::new());
    let dispatcher = builder(&[receiver.port()]).build();
    dispatcher.set_identity(tenant("acme"), alone).expect("TLS");
    let to = endpoint("acme", &receiver.url(HOST));
    let outcome = dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
    let expected = (AT_ONCE, "trust.nothing_before", Some(Fault::Ours));
    assert_eq!(verdict(&outcome), expected);
}

#[tokio::test]
async fn our_own_certificate_is_not_shown_once_it_has_expired() {
    let receiver = Receiver::good(config()).await;
    let expired = world().clients.client(&uri("acme")).expired().issue();
    let outcome = attempt_as(&receiver, &expired, deadlines()).await;
    let expected = (AT_ONCE, "dispatch.own_certificate", Some(Fault::Ours));
    assert_eq!(verdict(&outcome), expected);
    assert_eq!(receiver.seen().len(), 0);
}

#[tokio::test]
async fn a_server_that_does_not_ask_gets_nothing_unless_it_is_allowed() {
    let world = world();
    let receiver = Receiver::good(unasking(&rustls::version::TLS13)).await;
    let outcome = attempt(&receiver).await;
    let expected = (AT_ONCE, "dispatch.identity_not_asked", Some(Fault::Theirs));
    assert_eq!(verdict(&outcome), expected);
    assert_eq!(receiver.seen().len(), 0);

    let dispatcher = builder(&[receiver.port()]).build();
    dispatcher
        .set_identity(tenant("acme"), world.sender(&world.acme, "acme"))
        .expect("TLS");
    let to = endpoint("acme", &receiver.url(HOST)).allow_no_certificate_request();
    let outcome = dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
    assert_eq!(outcome.fate, Fate::Delivered);
    assert_eq!(receiver.seen()[0].certificate, None);
}

// --- their certificate --------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_server_that_is_not_trusted_is_dead_and_gets_nothing() {
    let world = world();
    let stranger = TestCa::new("Strangers Root").server(HOST).issue();
    let elsewhere = world.servers.server("hooks.initech.example").issue();
    let expired = world.servers.server(HOST).expired().issue();
    for (certificate, code) in [
        (&stranger, "trust.unknown_issuer"),
        (&elsewhere, "trust.wrong_name"),
        (&expired, "trust.expired"),
    ] {
        let config = world.server_config_showing(certificate, ClientAuth::Require);
        let receiver = Receiver::good(config).await;
        let outcome = attempt(&receiver).await;
        assert_eq!(verdict(&outcome), (Fate::Dead, code, Some(Fault::Theirs)));
        assert_eq!(receiver.seen().len(), 0);
    }
}

#[tokio::test]
async fn a_key_that_is_not_pinned_is_dead_alone_and_beside_an_authority() {
    let world = world();
    let receiver = Receiver::good(config()).await;
    let key = SpkiHash::of(&world.server.spki_der());
    let (other, backup) = (SpkiHash::of(b"another key"), SpkiHash::of(b"the backup"));
    let send = async |sender| {
        let dispatcher = builder(&[receiver.port()]).build();
        dispatcher.set_identity(tenant("acme"), sender).expect("TLS");
        let to = endpoint("acme", &receiver.url(HOST));
        dispatcher.deliver(&to, &delivery("acme", "msg_1")).await
    };
    let (good, bad) = (PinSet::new([key, backup]), PinSet::new([other, backup]));
    let authority = || world.trust(&world.servers);
    for (sender, pinned) in [
        (world.sender_trusting(&world.acme, "acme", good.clone()), true),
        (
            world.sender_trusting(&world.acme, "acme", authority().and(good)),
            true,
        ),
        (world.sender_trusting(&world.acme, "acme", bad.clone()), false),
        (
            world.sender_trusting(&world.acme, "acme", authority().and(bad)),
            false,
        ),
    ] {
        let outcome = send(sender).await;
        if pinned {
            assert_eq!(verdict(&outcome), (Fate::Delivered, "delivered", None));
        } else {
            assert_eq!(
                verdict(&outcome),
                (Fate::Dead, "trust.not_pinned", Some(Fault::Theirs))
            );
            let expected = Failure::Untrusted(Untrusted::NotPinned { spki: key });
            assert_eq!(outcome.failure, Some(expected));
        }
    }
    assert_eq!(receiver.seen().len(), 2);
}

// --- the network --------------------------------------------------------------------------------------------------------

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

//! Fates by certificates: ours refused or expired, theirs not trusted or not pinned.

use countersign::dispatch::{Failure, Fate, Fault};
use countersign::identity::SpkiHash;
use countersign::testing::{TestCa, TestCert, utc};
use countersign::tls::ClientAuth;
use countersign::trust::{Crls, DenyList, PinSet, PrivateCa, Revocation, Untrusted, VerifyPeer as _};
use rustls::ServerConfig;
use rustls::pki_types::UnixTime;

use super::{AT_ONCE, attempt, attempt_as, config, verdict};
use crate::receiver::{Receiver, with_http2};
use crate::world::*;

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

//! Versions, offers, and servers that a client refuses.

use std::sync::Arc;

use countersign::refusal::Refusal;
use countersign::testing::{NOW, TestCa, TestCert, utc};
use countersign::tls::rustls::AlertDescription;
use countersign::tls::{ClientAuth, Credentials, HandshakeVerifier, Tls, rustls};
use countersign::trust::{PinSet, ReportOnly, Untrusted};
use countersign::web::Connection;

use super::{address, policy, spki, tenant};
use crate::stage;
use crate::stage::*;

#[test]
fn only_tls_1_3_unless_it_is_allowed() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let mut config = Tls::new(provider())
        .server_config(&server_credentials(), private(&[&root]), ClientAuth::Require)
        .expect("a configuration");
    config.time_provider = Clock::at(NOW);
    let server = Arc::new(config);
    assert!(meet(&server, &client(&cert, VERSIONS[0])).is_full());
    let old = meet(&server, &client(&cert, VERSIONS[1]));
    assert_eq!(old.alert(), Some(AlertDescription::ProtocolVersion));
    assert!(meet(&stage::server(private(&[&root])), &client(&cert, VERSIONS[1])).is_full());
}

#[test]
fn an_offer_lets_strangers_in_as_nobody_and_refuses_bad_certificates() {
    let root = TestCa::new("Root");
    let mut config = Tls::new(provider())
        .allow_tls12()
        .server_config(&server_credentials(), private(&[&root]), ClientAuth::Offer)
        .expect("a configuration");
    config.time_provider = Clock::at(NOW);
    let server = Arc::new(config);
    for version in VERSIONS {
        let stranger = meet(&server, &anonymous(version));
        assert!(stranger.is_full());
        let seen = stranger.handshake.server.expect("connected");
        assert_eq!(seen.peer_certificates(), None);
        let connection = Connection::new(address(), seen.peer_certificates()).expect("a connection");
        assert_eq!(
            tenant(&connection, &policy(private(&[&root])), NOW),
            Err(Refusal::NoCertificate)
        );
        assert!(meet(&server, &client(&root.client(ACME).issue(), version)).is_full());
        let bad = meet(
            &server,
            &client(&TestCa::new("Other").client(ACME).issue(), version),
        );
        assert_eq!(bad.reason, Some(Untrusted::UnknownIssuer));
        assert_eq!(bad.alert(), Some(AlertDescription::UnknownCA));
    }
}

#[test]
fn a_client_refuses_a_server_for_the_exact_reason() {
    let root = TestCa::new("Root");
    let own = root.client(ACME).issue();
    let credentials =
        |cert: &TestCert| Credentials::new(&provider(), cert.chain(), cert.key()).expect("a pair");
    let expired = Untrusted::Expired {
        not_after: utc(2021, 1, 1),
        now: NOW,
    };
    let purpose = Untrusted::ExtendedKeyUsage { needed: "serverAuth" };
    let name = Untrusted::WrongName { name: SERVER.into() };
    for (case, cert, expected) in [
        ("good", root.server(SERVER), None),
        (
            "another authority",
            TestCa::new("Other").server(SERVER),
            Some((Untrusted::UnknownIssuer, AlertDescription::UnknownCA)),
        ),
        (
            "expired",
            root.server(SERVER).expired(),
            Some((expired, AlertDescription::CertificateExpired)),
        ),
        (
            "a client's",
            root.client(SERVER),
            Some((purpose, AlertDescription::UnsupportedCertificate)),
        ),
        (
            "another server's",
            root.server("other.example"),
            Some((name, AlertDescription::BadCertificate)),
        ),
    ] {
        let tls = |now| Tls::new(provider()).with_time_provider(Clock::at(now));
        // A configuration is made of good credentials only; these have expired since.
        let made = if case == "expired" { utc(2020, 7, 1) } else { NOW };
        let server = tls(made).server_config(
            &credentials(&cert.issue()),
            private(&[&root]),
            ClientAuth::Require,
        );
        let client = tls(NOW).client_config(&credentials(&own), private(&[&root]));
        let (mut server, client) = (server.expect("a server"), client.expect("a client"));
        server.time_provider = Clock::at(NOW);
        let outcome = meet(&Arc::new(server), &Arc::new(client));
        let (reason, alert) = expected.unzip();
        assert_eq!(outcome.reason, reason, "{case}");
        let alert = alert.map(rustls::Error::AlertReceived);
        assert_eq!(outcome.handshake.server.err(), alert, "{case}");
    }
}

#[test]
fn a_verifier_of_ones_own_configuration_names_no_authority() {
    use countersign::tls::rustls::server::danger::ClientCertVerifier as _;
    let verifier = HandshakeVerifier::new(&provider(), ReportOnly::new(PinSet::default()));
    assert!(verifier.root_hint_subjects().is_empty());
    assert!(verifier.client_auth_mandatory() && verifier.offer_client_auth());
    let offered = HandshakeVerifier::new(&provider(), PinSet::default()).with_client_auth(ClientAuth::Offer);
    assert!(!offered.client_auth_mandatory() && offered.offer_client_auth());
    let _ = spki(&TestCa::new("Root"));
}

//! What a handshake adds: nothing shown, nothing readable, its clock, its kinds of keys, and the other role.

use std::sync::Arc;

use countersign::identity::Malformed;
use countersign::testing::{KeyAlgorithm, NOW, TestCa, TestKey, utc};
use countersign::tls::rustls;
use countersign::tls::rustls::AlertDescription::{
    BadCertificate, CertificateExpired, CertificateRequired, DecryptError, UnknownCA,
};
use countersign::tls::rustls::pki_types::CertificateDer;
use countersign::trust::{Crls, Revocation, Untrusted};

use super::past;
use crate::stage::*;

#[test]
fn who_shows_nothing_is_told_that_something_is_required() {
    let root = TestCa::new("Acme Root");
    for version in VERSIONS {
        let outcome = meet(&server(private(&[&root])), &anonymous(version));
        let error = outcome.handshake.server.as_ref().err();
        assert_eq!(error, Some(&rustls::Error::NoCertificatesPresented));
        assert_eq!(
            outcome.alert(),
            Some(CertificateRequired),
            "{:?}",
            version.version
        );
        assert_eq!(outcome.reason, None);
    }
}

#[test]
fn what_is_no_certificate_at_all_is_told_so() {
    let root = TestCa::new("Acme Root");
    let good = root.client(ACME).issue();
    let truncated = CertificateDer::from(good.leaf()[..good.leaf().len() - 1].to_vec());
    let padded = CertificateDer::from([good.leaf().as_ref(), b"\0"].concat());
    for der in [CertificateDer::from(b"junk".to_vec()), truncated, padded] {
        for version in VERSIONS {
            let client = client_with(vec![der.clone()], good.test_key(), version);
            let outcome = meet(&server(private(&[&root])), &client);
            assert_eq!(
                outcome.reason,
                Some(Untrusted::Malformed(Malformed::Certificate)),
                "{:?}",
                version.version
            );
            assert_eq!(outcome.alert(), Some(BadCertificate));
        }
    }
}

#[test]
fn the_clock_that_counts_is_the_configurations() {
    let root = TestCa::new("Acme Root");
    let crls = Crls::from_der(
        [root
            .crl(1)
            .this_update(utc(2025, 6, 1))
            .next_update(utc(2026, 2, 1))
            .issue()
            .der()
            .clone()],
        NOW,
    );
    let trust = with_revocation(&root, Revocation::required(crls.expect("a CRL")));
    let cert = root.client(ACME).issue();
    let clock = Clock::at(NOW);
    let server = Arc::new(server_config(trust, &clock));
    for (now, reason, alert) in [
        (utc(2025, 6, 1), None, None),
        (utc(2026, 2, 1), None, None),
        (
            seconds(utc(2026, 2, 1), 1),
            Some(Untrusted::CrlExpired {
                next_update: utc(2026, 2, 1),
                now: seconds(utc(2026, 2, 1), 1),
            }),
            Some(UnknownCA),
        ),
        (
            seconds(utc(2025, 6, 1), -1),
            Some(Untrusted::CrlFromTheFuture {
                this_update: utc(2025, 6, 1),
                now: seconds(utc(2025, 6, 1), -1),
            }),
            Some(UnknownCA),
        ),
    ] {
        clock.set(now);
        for version in VERSIONS {
            let outcome = meet(&server, &client(&cert, version));
            assert_eq!((outcome.reason.clone(), outcome.alert()), (reason.clone(), alert));
        }
    }
}

#[test]
fn each_kind_of_key_is_let_in_and_its_twin_is_not() {
    use KeyAlgorithm::{EcdsaP256, EcdsaP384, EcdsaP521, Ed25519, Rsa2048};
    for algorithm in [EcdsaP256, EcdsaP384, EcdsaP521, Ed25519, Rsa2048] {
        let root = TestCa::builder("Acme Root").key_algorithm(algorithm).issue();
        let key = TestKey::generate(algorithm);
        let good = root.client(ACME).with_key(&key).issue();
        let evil = root.evil_twin().client(ACME).with_key(&key).issue();
        let expired = root.client(ACME).with_key(&key).expired().issue();
        for version in VERSIONS {
            let server = server(private(&[&root]));
            let outcome = meet(&server, &client(&good, version));
            assert!(outcome.is_full(), "{algorithm:?}: {outcome:?}");
            assert_eq!(outcome.reason, None);
            for (cert, reason, alert) in [
                (&evil, Untrusted::Signature, DecryptError),
                (&expired, past(), CertificateExpired),
            ] {
                let outcome = meet(&server, &client(cert, version));
                assert_eq!(outcome.reason.as_ref(), Some(&reason), "{algorithm:?}");
                assert_eq!(outcome.alert(), Some(alert), "{algorithm:?}");
            }
        }
    }
}

#[test]
fn a_server_is_judged_as_a_server() {
    let root = TestCa::new("Acme Root");
    let trust = private(&[&root]);
    let wrong = |needed| Untrusted::ExtendedKeyUsage { needed };
    for (name, cert, expected) in [
        (SERVER, root.server(SERVER), Ok(())),
        (SERVER, root.server("*.example.com"), Ok(())),
        (
            "other.example",
            root.server(SERVER),
            Err(Untrusted::WrongName {
                name: "other.example".into(),
            }),
        ),
        ("192.0.2.7", root.server("192.0.2.7"), Ok(())),
        (
            "192.0.2.8",
            root.server("192.0.2.7"),
            Err(Untrusted::WrongName {
                name: "192.0.2.8".into(),
            }),
        ),
        // A common name is no server's name.
        (
            SERVER,
            root.server("other.example").common_name(SERVER),
            Err(Untrusted::WrongName { name: SERVER.into() }),
        ),
        (SERVER, root.client(SERVER), Err(wrong("serverAuth"))),
        (SERVER, root.client(SERVER).client_and_server(), Ok(())),
        (
            SERVER,
            root.server(SERVER).without_eku(),
            Err(Untrusted::NoExtendedKeyUsage { needed: "serverAuth" }),
        ),
    ] {
        let answer = verify_server(&trust, &cert.issue(), name).map(|_| ());
        assert_eq!(answer, expected, "{name}");
    }
}

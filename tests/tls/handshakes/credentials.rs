//! Credentials: a pair, in order, in time, and trusted.

use std::sync::Arc;

use countersign::testing::{NOT_BEFORE, NOW, TestCa, utc};
use countersign::tls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use countersign::tls::{ClientAuth, Credentials, InvalidCredentials, InvalidTls, Tls, rustls};
use countersign::trust::{Role, Untrusted};

use crate::stage::*;

#[test]
fn credentials_are_a_pair_or_nothing() {
    let root = TestCa::new("Root");
    let (one, two) = (root.server(SERVER).issue(), root.server(SERVER).issue());
    let read = |chain: &str, key: &str| {
        Credentials::from_pem(&provider(), chain.as_bytes(), key.as_bytes()).map(|_| ())
    };
    let given = || "the PEM text given".to_owned();
    assert_eq!(read(&one.chain_pem(), &one.key_pem()), Ok(()));
    let together = format!("{}{}", one.key_pem(), one.chain_pem());
    assert_eq!(read(&together, &together), Ok(()));
    for (case, chain, key, expected) in [
        (
            "no certificate",
            one.key_pem(),
            one.key_pem(),
            InvalidCredentials::NoCertificate { file: given() },
        ),
        (
            "no key",
            one.chain_pem(),
            one.chain_pem(),
            InvalidCredentials::NoKey { file: given() },
        ),
        (
            "nothing",
            String::new(),
            String::new(),
            InvalidCredentials::NoCertificate { file: given() },
        ),
    ] {
        assert_eq!(read(&chain, &key), Err(expected), "{case}");
    }
    assert_eq!(
        read(&one.chain_pem(), &two.key_pem()),
        Err(other_key("the PEM text given", None))
    );
    let missing = Credentials::from_pem_files(&provider(), "/nonexistent/a.pem", "/nonexistent/b.pem");
    assert!(matches!(
        missing.map(|_| ()),
        Err(InvalidCredentials::Unreadable { file, .. }) if file == "/nonexistent/a.pem"
    ));
    let shown = format!("{:?}", server_credentials());
    assert_eq!(shown, "Credentials { certificates: 1, .. }");
}

#[test]
fn credentials_say_what_is_wrong_with_them() {
    let root = TestCa::new("Root");
    let issuing = root.intermediate("Issuing");
    let cert = issuing.server(SERVER).issue();
    let (leaf, issuer, top) = (
        cert.chain()[0].clone(),
        cert.chain()[1].clone(),
        root.certificate().clone(),
    );
    let other = TestCa::new("Other").certificate().clone();
    let read = |chain: &[&CertificateDer<'static>]| {
        let chain = chain.iter().map(|&der| der.clone()).collect();
        Credentials::new(&provider(), chain, cert.key()).map(|_| ())
    };
    let junk = CertificateDer::from(vec![0x30, 0]);
    for (case, chain, expected) in [
        ("in order", vec![&leaf, &issuer], Ok(())),
        ("with the root", vec![&leaf, &issuer, &top], Ok(())),
        ("the leaf alone", vec![&leaf], Ok(())),
        ("with another root behind", vec![&leaf, &issuer, &other], Ok(())),
        (
            "the issuer first",
            vec![&issuer, &leaf],
            Err(other_key("the certificates and the key given", Some(2))),
        ),
        (
            "the root in between",
            vec![&leaf, &top, &issuer],
            Err(InvalidCredentials::Order { place: 1 }),
        ),
        (
            "another in between",
            vec![&leaf, &issuer, &other, &top],
            Err(InvalidCredentials::Order { place: 2 }),
        ),
        (
            "junk",
            vec![&junk],
            Err(InvalidCredentials::Certificate { place: 1 }),
        ),
        (
            "junk behind",
            vec![&leaf, &junk],
            Err(InvalidCredentials::Certificate { place: 2 }),
        ),
    ] {
        assert_eq!(read(&chain), expected, "{case}");
    }
    let from_pem = |key: &str| {
        Credentials::from_pem(&provider(), cert.chain_pem().as_bytes(), key.as_bytes()).map(|_| ())
    };
    let encrypted = InvalidCredentials::EncryptedKey {
        file: "the PEM text given".to_owned(),
    };
    for key in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMIIB\n-----END RSA PRIVATE KEY-----\n",
    ] {
        assert_eq!(from_pem(key), Err(encrypted.clone()));
    }
    let unusable = Credentials::new(
        &provider(),
        cert.chain(),
        rustls::pki_types::PrivatePkcs8KeyDer::from(vec![0x30, 0]).into(),
    );
    assert!(matches!(
        unusable.map(|_| ()),
        Err(InvalidCredentials::Key { .. })
    ));
    for (error, says) in [
        (
            other_key("a.pem", None),
            "give the key that its request was made with",
        ),
        (
            other_key("a.pem", Some(2)),
            "but that of certificate 2; write the leaf first",
        ),
        (encrypted, "decrypt it with `openssl pkey`"),
    ] {
        assert!(error.to_string().contains(says), "{error}");
    }
}

/// Rule 10: what peers would refuse is refused here, before anybody sees it.
#[test]
fn credentials_out_of_time_make_no_configuration() {
    let root = TestCa::new("Root");
    let issuing = root
        .intermediate_builder("Issuing")
        .validity(NOT_BEFORE, utc(2026, 6, 1))
        .issue();
    let cert = issuing
        .server(SERVER)
        .validity(utc(2025, 1, 1), utc(2026, 9, 1))
        .issue();
    let credentials = Credentials::new(&provider(), cert.chain(), cert.key()).expect("a pair");
    let expired = |place, not_after, now| InvalidCredentials::Expired {
        place,
        not_after,
        now,
    };
    for (now, expected) in [
        (utc(2025, 1, 1), Ok(())),
        (utc(2026, 6, 1), Ok(())),
        (
            seconds(utc(2025, 1, 1), -1),
            Err(InvalidCredentials::NotYetValid {
                place: 1,
                not_before: utc(2025, 1, 1),
                now: seconds(utc(2025, 1, 1), -1),
            }),
        ),
        (
            seconds(utc(2026, 6, 1), 1),
            Err(expired(2, utc(2026, 6, 1), seconds(utc(2026, 6, 1), 1))),
        ),
        (
            seconds(utc(2026, 9, 1), 1),
            Err(expired(1, utc(2026, 9, 1), seconds(utc(2026, 9, 1), 1))),
        ),
    ] {
        assert_eq!(credentials.check(now), expected);
        let tls = Tls::new(provider()).with_time_provider(Clock::at(now));
        let server = tls.server_config(&credentials, private(&[&root]), ClientAuth::Require);
        let client = tls.client_config(&credentials, private(&[&root]));
        let expected = expected.map_err(InvalidTls::Credentials);
        assert_eq!(server.map(|_| ()), expected);
        assert_eq!(client.map(|_| ()), expected);
    }
    #[derive(Debug)]
    struct Stopped;
    impl rustls::time_provider::TimeProvider for Stopped {
        fn current_time(&self) -> Option<UnixTime> {
            None
        }
    }
    let tls = Tls::new(provider()).with_time_provider(Arc::new(Stopped));
    let server = tls.server_config(&credentials, private(&[&root]), ClientAuth::Require);
    assert_eq!(server.map(|_| ()), Err(InvalidTls::NoTime));
}

/// Rule 10: verified by one's own verifier before they are used.
#[test]
fn credentials_are_asked_of_ones_own_policy() {
    let (root, other) = (TestCa::new("Root"), TestCa::new("Other"));
    let cert = root.intermediate("Issuing").client(ACME).issue();
    let credentials = Credentials::new(&provider(), cert.chain(), cert.key()).expect("a pair");
    let name = ServerName::try_from(SERVER).expect("a name");
    let server = Role::Server { name: &name };
    let untrusted = |reason| Err(InvalidCredentials::Untrusted { reason });
    for (trust, role, expected) in [
        (&root, Role::Client, Ok(())),
        (&other, Role::Client, untrusted(Untrusted::UnknownIssuer)),
        (
            &root,
            server,
            untrusted(Untrusted::ExtendedKeyUsage { needed: "serverAuth" }),
        ),
    ] {
        assert_eq!(credentials.check_trusted(&private(&[trust]), role, NOW), expected);
    }
}

fn other_key(file: &str, place: Option<usize>) -> InvalidCredentials {
    InvalidCredentials::OtherKey {
        key_file: file.to_owned(),
        chain_file: file.to_owned(),
        place,
    }
}

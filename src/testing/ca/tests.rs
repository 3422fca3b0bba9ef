use rustls_pki_types::CertificateDer;
use webpki::{EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};
use x509_parser::prelude::*;

use super::*;
use crate::testing::{KeyAlgorithm, NOT_AFTER, NOT_BEFORE, NOW, TestCert, utc};

fn verify(cert: &TestCert, root: &TestCa) -> Result<(), Error> {
    let chain = cert.chain();
    let (_, intermediates) = chain.split_first().expect("a leaf");
    let anchors = [anchor_from_trusted_cert(root.certificate()).expect("an anchor")];
    let algorithms = rustls::crypto::aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .all;
    let leaf = EndEntityCert::try_from(cert.leaf()).expect("a certificate");
    leaf.verify_for_usage(
        algorithms,
        &anchors,
        intermediates,
        NOW,
        KeyUsage::client_auth(),
        None,
        None,
    )
    .map(|_| ())
}

fn parsed<'a>(der: &'a CertificateDer<'static>) -> X509Certificate<'a> {
    X509Certificate::from_der(der).expect("a certificate").1
}

#[test]
fn chains_of_any_depth_lead_to_their_root() {
    let root = TestCa::new("Root");
    let mut ca = root.clone();
    for depth in 0..5 {
        let cert = ca.client("acme.example").issue();
        assert_eq!(cert.chain().len(), depth + 1);
        assert_eq!(verify(&cert, &root), Ok(()), "{depth}");
        ca = ca.intermediate(&format!("Issuing {depth}"));
    }
}

#[test]
fn each_twin_is_refused_for_what_it_is() {
    let root = TestCa::new("Root");
    let constrained = TestCa::builder("Root")
        .permitted_dns("acme.example")
        .excluded_dns("eu.acme.example")
        .issue();
    let issuing = || root.intermediate_builder("Issuing");
    let expired = Error::CertExpired {
        time: NOW,
        not_after: utc(2021, 1, 1),
    };
    let early = Error::CertNotValidYet {
        time: NOW,
        not_before: utc(2090, 1, 1),
    };
    let short = root
        .intermediate_builder("Short")
        .path_len(0)
        .issue()
        .intermediate("Too deep");

    for (case, ca, anchor, expected) in [
        ("good", issuing().issue(), &root, Ok(())),
        (
            "twin of the root",
            root.evil_twin(),
            &root,
            Err(Error::InvalidSignatureForPublicKey),
        ),
        ("expired", issuing().expired().issue(), &root, Err(expired)),
        (
            "not yet valid",
            issuing().not_yet_valid().issue(),
            &root,
            Err(early),
        ),
        (
            "not a CA",
            issuing().not_a_ca().issue(),
            &root,
            Err(Error::EndEntityUsedAsCa),
        ),
        (
            "path too long",
            short,
            &root,
            Err(Error::PathLenConstraintViolated),
        ),
        (
            "in the permitted domain",
            constrained.clone(),
            &constrained,
            Ok(()),
        ),
    ] {
        assert_eq!(
            verify(&ca.client("acme.example").issue(), anchor),
            expected,
            "{case}"
        );
    }
    for (name, expected) in [
        ("eu.acme.example", Err(Error::NameConstraintViolation)),
        ("us.acme.example", Ok(())),
        ("other.example", Err(Error::NameConstraintViolation)),
    ] {
        assert_eq!(
            verify(&constrained.client(name).issue(), &constrained),
            expected,
            "{name}"
        );
    }
}

#[test]
fn an_intermediate_for_servers_issues_no_clients() {
    let root = TestCa::new("Root");
    let servers = root.intermediate_builder("Servers").server_only().issue();
    let refused = verify(&servers.client("acme.example").issue(), &root);
    assert!(
        matches!(refused, Err(Error::RequiredEkuNotFoundContext(_))),
        "{refused:?}"
    );
}

#[test]
fn the_twin_has_the_name_but_not_the_key() {
    let ca = TestCa::builder("Root")
        .key_algorithm(KeyAlgorithm::Ed25519)
        .issue();
    let twin = ca.evil_twin();
    assert_eq!(
        parsed(twin.certificate()).subject(),
        parsed(ca.certificate()).subject()
    );
    assert_eq!(twin.test_key().algorithm(), KeyAlgorithm::Ed25519);
    assert_ne!(twin.spki_der(), ca.spki_der());
}

#[test]
fn a_cross_signed_ca_is_trusted_by_way_of_both_roots() {
    let (ours, theirs) = (TestCa::new("Ours"), TestCa::new("Theirs"));
    let cross = ours.cross_signed_by(&theirs);
    assert_eq!(cross.spki_der(), ours.spki_der());

    let cert = cross.client("acme.example").issue();
    assert_eq!(verify(&cert, &ours), Ok(()));
    assert_eq!(verify(&cert, &theirs), Ok(()));
    assert_eq!(
        verify(&ours.client("acme.example").issue(), &theirs),
        Err(Error::UnknownIssuer)
    );
}

#[test]
fn a_root_says_what_a_root_should() {
    let ca = TestCa::new("Root");
    let cert = parsed(ca.certificate());
    let constraints = cert
        .basic_constraints()
        .expect("well-formed")
        .expect("present")
        .value;
    let usage = cert.key_usage().expect("well-formed").expect("present").value;

    assert_eq!(cert.subject().to_string(), "CN=Root");
    assert_eq!(cert.subject(), cert.issuer());
    assert_eq!((constraints.ca, constraints.path_len_constraint), (true, None));
    assert!(usage.key_cert_sign() && usage.crl_sign());
    assert_eq!(
        cert.validity().not_before.timestamp() as u64,
        NOT_BEFORE.as_secs()
    );
    assert_eq!(cert.validity().not_after.timestamp() as u64, NOT_AFTER.as_secs());
    assert_eq!(ca.chain(), []);
}

#[test]
fn key_usages_are_left_out_one_by_one() {
    for (ca, expected) in [
        (TestCa::builder("Root").issue(), (true, true)),
        (
            TestCa::builder("Root").without_key_cert_sign().issue(),
            (false, true),
        ),
        (TestCa::builder("Root").without_crl_sign().issue(), (true, false)),
        (
            TestCa::builder("Root")
                .without_crl_sign()
                .without_key_cert_sign()
                .issue(),
            (false, false),
        ),
    ] {
        let cert = parsed(ca.certificate());
        let usage = cert.key_usage().expect("well-formed").expect("present").value;
        assert_eq!((usage.key_cert_sign(), usage.crl_sign()), expected);
    }
}

#[test]
fn each_algorithm_signs() {
    for algorithm in [
        KeyAlgorithm::EcdsaP256,
        KeyAlgorithm::EcdsaP384,
        KeyAlgorithm::EcdsaP521,
        KeyAlgorithm::Ed25519,
        KeyAlgorithm::Rsa2048,
    ] {
        let root = TestCa::builder("Root").key_algorithm(algorithm).issue();
        assert_eq!(
            verify(&root.client("acme.example").issue(), &root),
            Ok(()),
            "{algorithm:?}"
        );
    }
}

//! What is no anchor, named with the remedy.

use countersign::testing::{KeyAlgorithm, NOW, TestCa, TestCert, TestKey};
use countersign::trust::{PinSet, PrivateCa, Untrusted};

use super::{TEXT, pem_refusal, refusal, spki};
use crate::stage::*;

/// What `openssl req -x509` makes unless told otherwise: it is no leaf, and as an anchor no peer may show it either. Its key
/// can be pinned.
#[test]
fn a_self_signed_authority_is_told_what_it_can_be_used_for() {
    let made = TestCert::self_signed(ACME).as_ca().without_key_usage().issue();
    let pem = made.chain_pem();
    let as_leaf = PrivateCa::builder(algorithms()).leaf_pem(pem.as_bytes());
    assert!(
        refusal(as_leaf).ends_with("make it again with CA:FALSE, or pin its key (`PinSet`)"),
        "of itself"
    );
    let issued = TestCa::new("Root").intermediate("Issuing").pem();
    let as_leaf = PrivateCa::builder(algorithms()).leaf_pem(issued.as_bytes());
    assert_eq!(
        refusal(as_leaf),
        format!("{TEXT}CN=Issuing is a certificate authority; give it as an anchor, not as a leaf")
    );
    let anchor = PrivateCa::from_pem(pem.as_bytes(), algorithms(), NOW);
    assert_eq!(
        anchor.map(|trust| verify(&trust, &made)),
        Ok(Err(Untrusted::CaAsLeaf))
    );
    let pinned = PinSet::new([spki(&made.spki_der())]);
    assert_eq!(verify(&pinned, &made).map(|_| ()), Ok(()));
}

#[test]
fn a_leaf_that_is_trusted_as_it_is_must_not_have_expired() {
    let old = TestCert::self_signed(ACME).expired().issue();
    let refused = refusal(PrivateCa::builder(algorithms()).leaf_pem(old.chain_pem().as_bytes()));
    let expected = " expired at 2021-01-01T00:00:00Z; remove it, or give its successor";
    assert!(refused.ends_with(expected), "{refused}");
}

#[test]
fn anchors_are_refused_with_their_name_and_the_remedy() {
    let good = TestCa::new("Good").pem();
    let weak = |spki: &[u8]| TestCa::builder("Weak").raw_spki(spki).issue().pem();
    for (case, bad, expected) in [
        (
            "expired",
            TestCa::builder("Old").expired().issue().pem(),
            "CN=Old expired at 2021-01-01T00:00:00Z; remove it, or give its successor",
        ),
        (
            "no CA",
            TestCa::new("Root")
                .intermediate_builder("Leaf")
                .not_a_ca()
                .issue()
                .pem(),
            "CN=Leaf is not a certificate authority (basicConstraints cA is false); give its issuer, or trust it as a \
             leaf",
        ),
        (
            "no CA, self-signed",
            TestCa::builder("Leaf").not_a_ca().issue().pem(),
            "CN=Leaf is not a certificate authority (basicConstraints cA is false), and self-signed; trust it as a leaf \
             (`leaf_pem`)",
        ),
        (
            "no keyCertSign",
            TestCa::builder("Idle").without_key_cert_sign().issue().pem(),
            "CN=Idle may not sign certificates (keyUsage lacks keyCertSign); give the CA certificate that may",
        ),
        (
            "weak RSA",
            weak(&rsa_spki(1024)),
            "CN=Weak has a weak key (RSA below 2048 bits); have the CA issue a new one",
        ),
        (
            "unusual curve",
            weak(&unusual_curve_spki()),
            "CN=Weak has a key of a kind that is not supported; RSA, ECDSA on P-256, P-384 and P-521 (uncompressed), \
             Ed25519 and ML-DSA are",
        ),
        (
            "not X.509",
            "-----BEGIN CERTIFICATE-----\nanVuaw==\n-----END CERTIFICATE-----\n".to_owned(),
            "a certificate in it cannot be used: the certificate is not X.509 in DER, or is cut off, or has bytes behind it; \
             export it again from the CA, or have the CA issue it anew",
        ),
    ] {
        // Alone, and behind a good one, in the same text or in another source: one bad anchor spoils all.
        let behind = format!("{good}{bad}");
        for pem in [&bad, &behind] {
            assert_eq!(pem_refusal(pem), format!("{TEXT}{expected}"), "{case}");
        }
        let two = PrivateCa::builder(algorithms())
            .pem(good.as_bytes())
            .pem(bad.as_bytes());
        assert_eq!(refusal(two), format!("{TEXT}{expected}"), "{case}");
    }
}

#[test]
fn texts_without_a_certificate_are_no_anchors() {
    let key = TestKey::generate(KeyAlgorithm::default()).pem();
    let nothing =
        format!("{TEXT}holds no certificate; give the CA certificates as PEM sections \"BEGIN CERTIFICATE\"");
    for (case, pem) in [
        ("empty", ""),
        ("whitespace", " \n\t\r\n \n"),
        ("garbage", "\u{feff}not PEM at all"),
        ("only a key", key.as_str()),
    ] {
        assert_eq!(pem_refusal(pem), nothing, "{case}");
    }
    let root = TestCa::new("Root").pem();
    let behind = root.lines().count() + 1;
    let torn = root.split("-----END").next().expect("a beginning");
    let trusted = root.replace(" CERT", " TRUSTED CERT");
    for (case, pem, expected) in [
        (
            "only a CRL",
            TestCa::new("Root").crl(1).issue().pem(),
            "line 1: X509 CRL is not read here; keep it in a file of its own".to_owned(),
        ),
        (
            "DER in place of PEM",
            "\u{30}\u{02}\u{05}\u{00}".to_owned(),
            "binary, as DER or PKCS#12; convert it with `openssl x509`, `crl` or `pkey` and `-inform DER`, or with \
             `openssl pkcs12`"
                .to_owned(),
        ),
        (
            "torn",
            torn.to_owned(),
            "line 1: CERTIFICATE has no END; the text was cut off, export it again".to_owned(),
        ),
        // A good certificate and then one that is not taken: all or nothing.
        (
            "torn, behind a good one",
            format!("{root}{torn}"),
            format!("line {behind}: CERTIFICATE has no END; the text was cut off, export it again"),
        ),
        (
            "with OpenSSL's own trust settings, behind a good one",
            format!("{root}{trusted}"),
            format!("line {behind}: TRUSTED CERTIFICATE is not read here; write it as CERTIFICATE with `openssl x509`"),
        ),
    ] {
        assert_eq!(pem_refusal(&pem), format!("{TEXT}cannot be taken as PEM: {expected}"), "{case}");
    }
    let marked = PrivateCa::from_pem(
        format!("\u{feff}{root}{}", TestCa::new("Two").pem()).as_bytes(),
        algorithms(),
        NOW,
    );
    assert_eq!(marked.expect("anchors").anchors().count(), 2);
    assert_eq!(
        refusal(PrivateCa::builder(algorithms())),
        "certificate authorities from nothing: holds no certificate; give the CA certificates as PEM sections \"BEGIN \
         CERTIFICATE\""
    );
}

#[test]
fn files_are_named() {
    let directory = std::env::temp_dir().join(format!("countersign-anchors-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let missing = directory.join("missing.pem");
    let refused = PrivateCa::from_pem_file(&missing, algorithms(), NOW).map(|_| ());
    let refused = refused.expect_err("no file").to_string();
    assert!(
        refused.starts_with(&format!(
            "certificate authorities from {}: cannot be read (",
            missing.display()
        )) && refused.ends_with("); check that the file exists and that this process may read it"),
        "{refused}"
    );
    let empty = directory.join("empty.pem");
    std::fs::write(&empty, "").expect("a file");
    let refused = PrivateCa::from_pem_file(&empty, algorithms(), NOW).map(|_| ());
    assert_eq!(
        refused.expect_err("empty").to_string(),
        format!(
            "certificate authorities from {}: holds no certificate; give the CA certificates as PEM sections \"BEGIN \
             CERTIFICATE\"",
            empty.display()
        )
    );
    let directory_as_file = PrivateCa::from_pem_file(&directory, algorithms(), NOW).map(|_| ());
    assert!(
        directory_as_file
            .expect_err("a directory")
            .to_string()
            .contains(": cannot be read (")
    );
    let root = TestCa::new("Root");
    let good = directory.join("good.pem");
    std::fs::write(&good, root.pem()).expect("a file");
    let trust = PrivateCa::from_pem_file(&good, algorithms(), NOW).expect("an anchor");
    assert_eq!(verify(&trust, &root.client(ACME).issue()).map(|_| ()), Ok(()));
    std::fs::remove_dir_all(&directory).expect("removed");
}

//! Each evil twin is refused for exactly what it is, and told exactly the alert that is right.

use std::time::Duration;

use countersign::codes::Seen;
use countersign::identity::{Malformed, Name, NameKind};
use countersign::testing::{KeyAlgorithm, NOW, TestCa, TestCert};
use countersign::tls::rustls;
use countersign::tls::rustls::AlertDescription::{
    AccessDenied, BadCertificate, CertificateExpired, CertificateRevoked, DecryptError, UnknownCA,
    UnsupportedCertificate,
};
use countersign::trust::{
    Crls, DenyList, ExpectedPeers, PinSet, PrivateCa, Profile, PublicCa, Revocation, Untrusted, VerifyPeer,
};

use super::{Never, Twin, early, past, serial, spki, twin, wrong_purpose};
use crate::stage::*;

/// What is wrong with the leaf.
fn evil_leaves(root: &TestCa) -> Vec<Twin> {
    let acme = || root.client(ACME);
    let own = || private(&[root]);
    let mut twins = Vec::new();
    for (name, cert, reason, alert) in [
        (
            "another CA",
            TestCa::new("Other").client(ACME),
            Untrusted::UnknownIssuer,
            UnknownCA,
        ),
        (
            "the CA's evil twin",
            root.evil_twin().client(ACME),
            Untrusted::Signature,
            DecryptError,
        ),
        (
            "self-signed",
            TestCert::self_signed(ACME),
            Untrusted::UnknownIssuer,
            UnknownCA,
        ),
        ("expired", acme().expired(), past(), CertificateExpired),
        (
            "not yet valid",
            acme().not_yet_valid(),
            early(),
            CertificateExpired,
        ),
        (
            "no extended key usage",
            acme().without_eku(),
            Untrusted::NoExtendedKeyUsage { needed: "clientAuth" },
            UnsupportedCertificate,
        ),
        (
            "server's extended key usage",
            acme().server_only(),
            wrong_purpose(),
            UnsupportedCertificate,
        ),
        (
            "any extended key usage",
            acme().any_eku(),
            wrong_purpose(),
            UnsupportedCertificate,
        ),
        (
            "no digital signatures",
            acme().without_digital_signature(),
            Untrusted::KeyUsage,
            UnsupportedCertificate,
        ),
        (
            "CA as leaf",
            acme().as_ca(),
            Untrusted::CaAsLeaf,
            UnsupportedCertificate,
        ),
        (
            "leaf that may sign certificates",
            acme().with_key_cert_sign(),
            Untrusted::CaAsLeaf,
            UnsupportedCertificate,
        ),
        (
            "weak RSA key",
            acme().raw_spki(&rsa_spki(1024)),
            Untrusted::WeakKey,
            UnsupportedCertificate,
        ),
        (
            "almost strong RSA key",
            acme().raw_spki(&rsa_spki(2040)),
            Untrusted::WeakKey,
            UnsupportedCertificate,
        ),
        (
            "unusual curve",
            acme().raw_spki(&unusual_curve_spki()),
            Untrusted::UnsupportedKey,
            UnsupportedCertificate,
        ),
        (
            "id-RSASSA-PSS key",
            acme().raw_spki(&spki_of(
                &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10],
                &[0x30, 0],
            )),
            Untrusted::UnsupportedKey,
            UnsupportedCertificate,
        ),
        (
            "Ed448 key",
            acme().raw_spki(&spki_of(&[0x2b, 0x65, 0x71], &[7; 57])),
            Untrusted::UnsupportedKey,
            UnsupportedCertificate,
        ),
        (
            "key as a compressed point",
            acme().raw_spki(&compressed_spki(root)),
            Untrusted::UnsupportedKey,
            UnsupportedCertificate,
        ),
        (
            "leaf that may sign CRLs",
            acme().with_crl_sign(),
            Untrusted::CrlSignerAsLeaf,
            UnsupportedCertificate,
        ),
        (
            "unknown critical extension",
            acme().critical_extension(&[1, 2, 3], b"\x05\x00"),
            Untrusted::Malformed(Malformed::CriticalExtension {
                oid: Seen::of("1.2.3"),
            }),
            BadCertificate,
        ),
        (
            "NUL in its name",
            root.client("spiffe://acme.example/tenant/acme\0.evil"),
            Untrusted::Malformed(Malformed::Name {
                kind: NameKind::Uri,
                seen: Seen::of("spiffe://acme.example/tenant/acme\0.evil"),
            }),
            BadCertificate,
        ),
    ] {
        twins.push(twin(name, own(), &cert.issue(), reason, alert));
    }
    twins
}

/// What is wrong above the leaf.
fn evil_paths(root: &TestCa) -> Vec<Twin> {
    let issuing = || root.intermediate_builder("Issuing");
    let mut twins = Vec::new();
    for (name, issuer, reason, alert) in [
        ("expired issuer", issuing().expired(), past(), CertificateExpired),
        (
            "issuer not yet valid",
            issuing().not_yet_valid(),
            early(),
            CertificateExpired,
        ),
        (
            "issuer that is no CA",
            issuing().not_a_ca(),
            Untrusted::LeafAsCa,
            UnknownCA,
        ),
        (
            "issuer without keyCertSign",
            issuing().without_key_cert_sign(),
            Untrusted::IssuerKeyUsage,
            UnknownCA,
        ),
        (
            "issuer for servers",
            issuing().server_only(),
            wrong_purpose(),
            UnsupportedCertificate,
        ),
        (
            "issuer for other names",
            issuing().permitted_dns("other.example"),
            Untrusted::NameConstraint,
            BadCertificate,
        ),
        (
            "issuer with an unknown critical extension",
            issuing().critical_extension(&[1, 2, 3], b"\x05\x00"),
            Untrusted::CriticalExtension {
                oid: Some(Seen::of("1.2.3")),
            },
            BadCertificate,
        ),
    ] {
        let cert = issuer.issue().client("hooks.acme.example").issue();
        twins.push(twin(name, private(&[root]), &cert, reason, alert));
    }
    let short = issuing().path_len(0).issue().intermediate("Too deep");
    twins.push(twin(
        "path too long",
        private(&[root]),
        &short.client(ACME).issue(),
        Untrusted::PathLength,
        UnknownCA,
    ));
    let junk: Vec<_> = (0..7).map(|_| root.evil_twin().certificate().clone()).collect();
    let costly = root.evil_twin().client(ACME).issue().with_chain(junk.clone());
    twins.push(twin(
        "made to be expensive",
        private(&[root]),
        &costly,
        Untrusted::PathBudget,
        UnknownCA,
    ));
    let crowd = [junk.clone(), junk].concat();
    twins.push(twin(
        "a crowd",
        private(&[root]),
        &root.client(ACME).issue().with_chain(crowd),
        Untrusted::Malformed(Malformed::TooManyCertificates { limit: 8 }),
        BadCertificate,
    ));
    let p521 = TestCa::builder("Root")
        .key_algorithm(KeyAlgorithm::EcdsaP521)
        .issue();
    let ring = rustls::crypto::ring::default_provider()
        .signature_verification_algorithms
        .all;
    let without_p521 = PrivateCa::builder(ring)
        .der(p521.certificate().clone())
        .build(NOW)
        .expect("an anchor");
    twins.push(twin(
        "signed in a way that the provider does not know",
        without_p521,
        &p521.client(ACME).issue(),
        Untrusted::SignatureAlgorithm,
        DecryptError,
    ));
    twins
}

/// What the operator's own policy says.
fn evil_by_policy(root: &TestCa) -> Vec<Twin> {
    let good = root.client(ACME).issue();
    let leaf = chain(good.chain()).leaf().clone();
    let own = || private(&[root]);
    let crl = |crl: countersign::testing::CrlBuilder| {
        Crls::from_der([crl.issue().der().clone()], NOW).expect("a CRL")
    };
    let mut twins = vec![twin(
        "not pinned",
        own().and(PinSet::new([spki(b"another key")])),
        &good,
        Untrusted::NotPinned { spki: leaf.spki() },
        AccessDenied,
    )];
    twins.push(twin(
        "on the deny list",
        own().and(DenyList::new().certificate(&leaf)),
        &good,
        Untrusted::OnDenyList,
        CertificateRevoked,
    ));
    twins.push(twin(
        "a deny list alone",
        DenyList::new(),
        &good,
        Untrusted::NothingBefore,
        AccessDenied,
    ));
    twins.push(twin(
        "denied by another verifier",
        own().and(Never),
        &good,
        Untrusted::Denied {
            reason: "out of principle",
        },
        AccessDenied,
    ));
    let named = ExpectedPeers::names([Name::Uri("spiffe://acme.example/tenant/other".into())]);
    let named = PublicCa::builder(named, algorithms())
        .pem(root.pem().as_bytes())
        .build(NOW);
    twins.push(twin(
        "another customer of the CA",
        named.expect("a public CA"),
        &good,
        Untrusted::UnexpectedName,
        AccessDenied,
    ));
    let lifetime = leaf.validity().lifetime();
    let max = lifetime - Duration::from_secs(1);
    twins.push(twin(
        "valid for too long",
        with_profile(root, Profile::strict().with_max_lifetime(max)),
        &good,
        Untrusted::Lifetime { lifetime, max },
        UnsupportedCertificate,
    ));
    twins.push(twin(
        "no policy",
        with_profile(root, Profile::strict().require_policy("1.3.6.1.4.1.99999.1")),
        &good,
        Untrusted::Policy {
            required: "1.3.6.1.4.1.99999.1".into(),
        },
        UnsupportedCertificate,
    ));
    let serial = serial(&good);
    twins.push(twin(
        "revoked",
        with_revocation(root, Revocation::required(crl(root.crl(1).revoke(&good)))),
        &good,
        Untrusted::Revoked {
            serial: serial.clone(),
        },
        CertificateRevoked,
    ));
    twins.push(twin(
        "revocation unknown",
        with_revocation(root, Revocation::required(crl(TestCa::new("Other").crl(1)))),
        &good,
        Untrusted::RevocationUnknown {
            serial,
            passed_over: vec![],
        },
        UnknownCA,
    ));
    twins
}

#[test]
fn each_twin_is_refused_for_what_it_is_and_told_the_right_alert() {
    let root = TestCa::new("Acme Root");
    let twins = [evil_leaves(&root), evil_paths(&root), evil_by_policy(&root)].concat_all();
    assert!(twins.len() >= 30, "{}", twins.len());
    for Twin {
        name,
        trust,
        chain,
        key,
        reason,
        alert,
    } in twins
    {
        for version in VERSIONS {
            let outcome = meet(&server(trust.clone()), &client_with(chain.clone(), &key, version));
            let version = version.version;
            assert_eq!(outcome.reason.as_ref(), Some(&reason), "{name}, {version:?}");
            assert_eq!(outcome.alert(), Some(alert), "{name}, {version:?}");
            assert!(
                matches!(
                    outcome.handshake.server,
                    Err(rustls::Error::InvalidCertificate(_))
                ),
                "{name}: {:?}",
                outcome.handshake.server
            );
        }
    }
}

trait ConcatAll {
    fn concat_all(self) -> Vec<Twin>;
}

impl<const N: usize> ConcatAll for [Vec<Twin>; N] {
    fn concat_all(self) -> Vec<Twin> {
        self.into_iter().flatten().collect()
    }
}

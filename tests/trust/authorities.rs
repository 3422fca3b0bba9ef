//! Do we trust it? Each evil twin is refused for exactly what it is, and told exactly the alert that is right.

use crate::stage;

use std::sync::Arc;
use std::time::Duration;

use countersign::identity::{ChainLimits, Malformed, Name, NameKind, SerialNumber, SpkiHash};
use countersign::live::Live;
use countersign::testing::{KeyAlgorithm, NOW, TestCa, TestCert, TestKey, utc};
use countersign::tls::Reason;
use countersign::tls::rustls;
use countersign::tls::rustls::AlertDescription::{
    self, AccessDenied, BadCertificate, CertificateExpired, CertificateRequired, CertificateRevoked,
    DecryptError, UnknownCA, UnsupportedCertificate,
};
use countersign::tls::rustls::pki_types::{CertificateDer, TrustAnchor};
use countersign::trust::{
    Crls, DenyList, Evidence, ExpectedPeers, KnownSender, PinSet, Presented, PrivateCa, Profile, PublicCa,
    Remembered, ReportOnly, Revocation, Untrusted, VerifyPeer, WebRoots,
};

use stage::*;

const DAY: u64 = 24 * 60 * 60;

fn spki(der: &[u8]) -> SpkiHash {
    SpkiHash::of(der)
}

fn serial(cert: &TestCert) -> SerialNumber {
    SerialNumber::from_bytes(cert.serial().as_bytes())
}

// -- each reason, each alert ---------------------------------------------------------------------------------------------

struct Twin {
    name: &'static str,
    trust: Arc<dyn VerifyPeer>,
    chain: Vec<CertificateDer<'static>>,
    key: TestKey,
    reason: Untrusted,
    alert: AlertDescription,
}

fn twin(
    name: &'static str,
    trust: impl VerifyPeer + 'static,
    cert: &TestCert,
    reason: Untrusted,
    alert: AlertDescription,
) -> Twin {
    Twin {
        name,
        trust: Arc::new(trust),
        chain: cert.chain(),
        key: cert.test_key().clone(),
        reason,
        alert,
    }
}

/// Says no in its own words.
#[derive(Debug)]
struct Never;

impl VerifyPeer for Never {
    fn verify_peer(&self, _: &Presented<'_>) -> Result<Evidence, Untrusted> {
        Err(Untrusted::Denied {
            reason: "out of principle",
        })
    }
}

fn past() -> Untrusted {
    Untrusted::Expired {
        not_after: utc(2021, 1, 1),
        now: NOW,
    }
}

fn early() -> Untrusted {
    Untrusted::NotYetValid {
        not_before: utc(2090, 1, 1),
        now: NOW,
    }
}

fn wrong_purpose() -> Untrusted {
    Untrusted::ExtendedKeyUsage { needed: "clientAuth" }
}

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
            Untrusted::Malformed(Malformed::CriticalExtension),
            BadCertificate,
        ),
        (
            "NUL in its name",
            root.client("spiffe://acme.example/tenant/acme\0.evil"),
            Untrusted::Malformed(Malformed::Name { kind: NameKind::Uri }),
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
            Untrusted::CriticalExtension,
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

// -- shapes of paths -----------------------------------------------------------------------------------------------------

#[test]
fn any_certificate_on_the_path_may_be_the_anchor() {
    let root = TestCa::new("Acme Root");
    let middle = root.intermediate("Acme EU");
    let issuing = middle.intermediate("Acme EU Issuing");
    let cert = issuing.client(ACME).issue();
    let keys = |cas: &[&TestCa]| cas.iter().map(|ca| spki(&ca.spki_der())).collect::<Vec<_>>();
    for (anchor, issuers) in [
        (&root, keys(&[&issuing, &middle])),
        (&middle, keys(&[&issuing])),
        (&issuing, keys(&[])),
    ] {
        let evidence = verify(&private(&[anchor]), &cert).expect("trusted");
        assert_eq!(evidence.anchor, Some(spki(&anchor.spki_der())));
        assert_eq!(evidence.issuers.to_vec(), issuers);
    }
    // The root itself may come along, in any order, and makes no difference.
    let above = vec![
        root.certificate().clone(),
        middle.certificate().clone(),
        issuing.certificate().clone(),
    ];
    let evidence = verify(&private(&[&root]), &cert.clone().with_chain(above)).expect("trusted");
    assert_eq!(evidence.issuers.to_vec(), keys(&[&issuing, &middle]));
    // A missing link is a missing link.
    let torn = cert.clone().with_chain(vec![issuing.certificate().clone()]);
    assert_eq!(verify(&private(&[&root]), &torn), Err(Untrusted::UnknownIssuer));
}

#[test]
fn a_leaf_may_be_trusted_as_it_is_and_only_that_leaf() {
    let pem = |cert: &TestCert| cert.clone().with_chain(vec![]).chain_pem();
    let trusting = |cert: &TestCert| {
        PrivateCa::builder(algorithms())
            .leaf_pem(pem(cert).as_bytes())
            .build(NOW)
    };
    let key = TestKey::generate(KeyAlgorithm::default());
    let own = TestCert::self_signed(ACME).with_key(&key).issue();
    let trust = trusting(&own).expect("a leaf");
    let evidence = verify(&trust, &own).expect("trusted");
    assert_eq!(evidence.anchor, Some(spki(&own.spki_der())));

    // The same key and name under another signature, or another key: not byte for byte the same.
    for (case, other) in [
        ("renewed", TestCert::self_signed(ACME).with_key(&key)),
        ("same name", TestCert::self_signed(ACME)),
    ] {
        assert_eq!(
            verify(&trust, &other.issue()),
            Err(Untrusted::UnknownIssuer),
            "{case}"
        );
    }
    // It is no issuer, whatever it signs.
    let forged = TestCa::builder("self-signed")
        .with_key(&key)
        .issue()
        .client(ACME)
        .issue();
    assert_eq!(verify(&trust, &forged), Err(Untrusted::UnknownIssuer));
    let below = forged.with_chain(vec![own.leaf().clone()]);
    assert_eq!(verify(&trust, &below), Err(Untrusted::LeafAsCa));

    // The profile is asked of it too, and so are its dates.
    for (case, twin, expected) in [
        (
            "CA",
            TestCert::self_signed(ACME).with_key_cert_sign(),
            Untrusted::CaAsLeaf,
        ),
        (
            "server",
            TestCert::self_signed(ACME).server_only(),
            wrong_purpose(),
        ),
        (
            "no EKU",
            TestCert::self_signed(ACME).without_eku(),
            Untrusted::NoExtendedKeyUsage { needed: "clientAuth" },
        ),
        (
            "weak",
            TestCert::self_signed(ACME).raw_spki(&rsa_spki(1024)),
            Untrusted::WeakKey,
        ),
        ("not yet", TestCert::self_signed(ACME).not_yet_valid(), early()),
    ] {
        let twin = twin.issue();
        assert_eq!(
            verify(&trusting(&twin).expect("a leaf"), &twin),
            Err(expected),
            "{case}"
        );
    }
    let short = TestCert::self_signed(ACME)
        .validity(utc(2025, 1, 1), utc(2026, 6, 1))
        .issue();
    let trust = trusting(&short).expect("a leaf");
    let late = seconds(utc(2026, 6, 1), 1);
    assert_eq!(
        verify_at(&trust, &short, late),
        Err(Untrusted::Expired {
            not_after: utc(2026, 6, 1),
            now: late,
        })
    );
}

#[test]
fn an_expired_leaf_is_not_taken() {
    let cert = TestCert::self_signed(ACME)
        .validity(utc(2025, 1, 1), utc(2026, 6, 1))
        .issue();
    let built = |now| {
        let pem = cert.clone().with_chain(vec![]).chain_pem();
        let built = PrivateCa::builder(algorithms())
            .leaf_pem(pem.as_bytes())
            .build(now);
        built.map(|_| ()).map_err(|invalid| invalid.to_string())
    };
    assert_eq!(built(utc(2026, 6, 1)), Ok(()), "in its last second");
    let refused = built(seconds(utc(2026, 6, 1), 1)).expect_err("expired");
    assert!(
        refused.starts_with(&format!("{TEXT}CN=")) && refused.ends_with("; remove it, or give its successor"),
        "{refused}"
    );
}

/// The authority is one's own, so no name is asked for; the profile is, and it is the one that was given.
#[test]
fn adobe_sign_is_trusted_below_the_authority_that_was_given_to_it() {
    let (own, other) = (TestCa::new("Own"), TestCa::new("Other"));
    let trust = |profile: Option<Profile>| {
        let sender = KnownSender::adobe_sign();
        let pem = own.pem();
        let built = match profile {
            Some(profile) => sender.trust_within(pem.as_bytes(), profile, algorithms(), NOW),
            None => sender.trust(pem.as_bytes(), algorithms(), NOW),
        };
        built.expect("anchors")
    };
    let strict = trust(None);
    let server = own.client(ACME).server_only().issue();
    for (case, cert, expected) in [
        ("ours", own.client(ACME).issue(), Ok(())),
        (
            "of others",
            other.client(ACME).issue(),
            Err(Untrusted::UnknownIssuer),
        ),
        ("for servers", server.clone(), Err(wrong_purpose())),
    ] {
        assert_eq!(verify(&*strict, &cert).map(|_| ()), expected, "{case}");
    }
    let lenient = trust(Some(Profile::strict().allow_server_auth_as_client()));
    assert_eq!(verify(&*lenient, &server).map(|_| ()), Ok(()));
}

#[test]
fn a_cross_signed_issuer_leads_to_either_root() {
    let (old, new) = (TestCa::new("Old Root"), TestCa::new("New Root"));
    let issuing = old.intermediate("Issuing");
    let crossed = issuing.cross_signed_by(&new);
    let cert = issuing.client(ACME).issue();
    let both = cert
        .clone()
        .with_chain(vec![issuing.certificate().clone(), crossed.certificate().clone()]);
    for (anchor, other) in [(&old, &new), (&new, &old)] {
        let evidence = verify(&private(&[anchor]), &both).expect("trusted");
        assert_eq!(evidence.anchor, Some(spki(&anchor.spki_der())));
        assert_eq!(verify(&private(&[other, anchor]), &both).map(|_| ()), Ok(()));
    }
    assert_eq!(verify(&private(&[&new]), &cert), Err(Untrusted::UnknownIssuer));
    // One of two paths is bad: the other one counts.
    let expired = TestCa::builder("Issuing")
        .with_key(&issuing)
        .issue()
        .cross_signed_by(&old);
    let stale = old
        .intermediate_builder("Issuing")
        .with_key(&issuing)
        .expired()
        .issue();
    for above in [[&stale, &expired], [&expired, &stale]] {
        let above = above.iter().map(|ca| ca.certificate().clone()).collect();
        assert_eq!(
            verify(&private(&[&old]), &cert.clone().with_chain(above)).map(|_| ()),
            Ok(())
        );
    }
}

#[test]
fn an_expired_root_leaves_the_path_to_another() {
    let old = TestCa::builder("Old Root")
        .validity(utc(2025, 1, 1), utc(2026, 6, 1))
        .issue();
    let new = TestCa::new("New Root");
    let issuing = old.intermediate("Issuing");
    let crossed = issuing.cross_signed_by(&new);
    let above = [issuing.certificate().clone(), crossed.certificate().clone()];
    let cert = issuing.client(ACME).issue();
    for anchors in [[&old, &new], [&new, &old]] {
        for above in [above.to_vec(), above.iter().rev().cloned().collect()] {
            let evidence = verify_at(
                &private(&anchors),
                &cert.clone().with_chain(above),
                utc(2027, 1, 1),
            );
            assert_eq!(
                evidence.map(|evidence| evidence.anchor),
                Ok(Some(spki(&new.spki_der())))
            );
        }
    }
}

#[test]
fn two_roots_of_one_name_are_two_roots() {
    let root = TestCa::new("Root");
    let twin = root.evil_twin();
    let (good, evil) = (root.client(ACME).issue(), twin.client(ACME).issue());
    assert_eq!(verify(&private(&[&root]), &evil), Err(Untrusted::Signature));
    let both = private(&[&twin, &root]);
    for (cert, ca) in [(&good, &root), (&evil, &twin)] {
        let evidence = verify(&both, cert).expect("trusted");
        assert_eq!(evidence.anchor, Some(spki(&ca.spki_der())));
    }
}

#[test]
fn a_root_renewed_under_its_key_outlives_the_old_one() {
    let key = TestKey::generate(KeyAlgorithm::default());
    let root = |until| {
        TestCa::builder("Root")
            .with_key(&key)
            .validity(utc(2024, 1, 1), until)
            .issue()
    };
    let (old, new) = (root(utc(2026, 6, 1)), root(utc(2036, 6, 1)));
    let cert = old.client(ACME).issue();
    for anchors in [[&old, &new], [&new, &old]] {
        let trust = private(&anchors);
        let evidence = verify(&trust, &cert).expect("trusted");
        assert_eq!(
            evidence.valid.not_after,
            utc(2036, 6, 1),
            "the longest-lived speaks"
        );
        assert_eq!(verify_at(&trust, &cert, utc(2027, 1, 1)).map(|_| ()), Ok(()));
        let late = utc(2037, 1, 1);
        let expired = Untrusted::Expired {
            not_after: utc(2036, 6, 1),
            now: late,
        };
        assert_eq!(verify_at(&trust, &cert, late), Err(expired));
    }
}

#[test]
fn an_anchor_that_expires_while_in_use_ends_trust() {
    let root = TestCa::builder("Root")
        .validity(utc(2025, 1, 1), utc(2026, 6, 1))
        .issue();
    let issuing = root.intermediate("Issuing");
    let cert = issuing.client(ACME).issue();
    let trust = private(&[&root]);
    let evidence = verify(&trust, &cert).expect("trusted");
    assert_eq!(evidence.valid.not_after, utc(2026, 6, 1));
    assert_eq!(evidence.valid.not_before, utc(2025, 1, 1));
    assert_eq!(verify_at(&trust, &cert, utc(2026, 6, 1)).map(|_| ()), Ok(()));
    let late = seconds(utc(2026, 6, 1), 1);
    assert_eq!(
        verify_at(&trust, &cert, late),
        Err(Untrusted::Expired {
            not_after: utc(2026, 6, 1),
            now: late
        })
    );
    let soon = seconds(utc(2025, 1, 1), -1);
    assert_eq!(
        verify_at(&trust, &cert, soon),
        Err(Untrusted::NotYetValid {
            not_before: utc(2025, 1, 1),
            now: soon
        })
    );
}

#[test]
fn paths_are_followed_to_six_intermediates() {
    let root = TestCa::new("Root");
    let limits = Profile::strict();
    let mut issuer = root.clone();
    for depth in 0..=6 {
        let cert = issuer.client(ACME).issue();
        let trust = with_profile(&root, limits.clone());
        let found = verify(&trust, &cert).map(|evidence| evidence.issuers.len());
        assert_eq!(found, Ok(depth));
        let shorter = Profile::strict().with_max_path_length(depth.saturating_sub(1));
        if depth > 0 {
            assert_eq!(
                verify(&with_profile(&root, shorter), &cert),
                Err(Untrusted::PathLength)
            );
        }
        let exactly = Profile::strict().with_max_path_length(depth);
        assert_eq!(verify(&with_profile(&root, exactly), &cert).map(|_| ()), Ok(()));
        issuer = issuer.intermediate(&format!("Issuing {depth}"));
    }
    // Seven intermediates and the leaf: within the limit on certificates, beyond that on depth.
    let cert = issuer.client(ACME).issue();
    assert_eq!(verify(&private(&[&root]), &cert), Err(Untrusted::PathLength));
}

#[test]
fn limits_come_before_any_signature() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let junk = |count: usize| vec![root.evil_twin().certificate().clone(); count];
    let crowded = cert.clone().with_chain(junk(3));
    let limits = |certificates, bytes| {
        Profile::strict().with_limits(
            ChainLimits::default()
                .with_certificates(certificates)
                .with_bytes(bytes),
        )
    };
    let bytes: usize = crowded.chain().iter().map(|der| der.len()).sum();
    for (profile, expected) in [
        (limits(4, bytes), Ok(())),
        (limits(3, bytes), Err(Malformed::TooManyCertificates { limit: 3 })),
        (
            limits(4, bytes - 1),
            Err(Malformed::ChainTooLarge { limit: bytes - 1 }),
        ),
    ] {
        let answer = verify(&with_profile(&root, profile), &crowded).map(|_| ());
        assert_eq!(answer, expected.map_err(Untrusted::from));
    }
    // Whoever reads a chain without a handshake has limits of the reader.
    let big = root.client(ACME).extension(&[1, 2, 3], &[0; 16 * 1024]).issue();
    assert_eq!(
        verify(&private(&[&root]), &big),
        Err(Untrusted::Malformed(Malformed::ChainTooLarge {
            limit: 16 * 1024
        }))
    );
}

#[test]
fn more_anchors_than_are_scanned_give_the_same_answers() {
    let others: Vec<_> = (0..40).map(|n| TestCa::new(&format!("Other {n}"))).collect();
    let root = TestCa::new("Root");
    let issuing = root.intermediate("Issuing");
    let twin = root.evil_twin();
    let certs = [
        root.client(ACME).issue(),
        issuing.client(ACME).issue(),
        twin.client(ACME).issue(),
        root.client(ACME).expired().issue(),
        TestCa::new("Stranger").client(ACME).issue(),
        issuing.client(ACME).issue().with_chain(vec![]),
        TestCert::self_signed(ACME).issue(),
        issuing.client(ACME).issue().with_chain(vec![
            CertificateDer::from(b"junk".to_vec()),
            issuing.certificate().clone(),
        ]),
        root.client(ACME).as_ca().issue(),
    ];
    let few = private(&[&root]);
    let last: Vec<_> = others.iter().chain([&root]).collect();
    let first: Vec<_> = std::iter::once(&root).chain(&others).collect();
    for many in [private(&last), private(&first)] {
        for (place, cert) in certs.iter().enumerate() {
            assert_eq!(verify(&many, cert), verify(&few, cert), "certificate {place}");
        }
        for other in &others {
            let evidence = verify(&many, &other.intermediate("Its own").client(ACME).issue());
            assert_eq!(evidence.expect("trusted").anchor, Some(spki(&other.spki_der())));
        }
    }
    // With the evil twin trusted too, by name alone neither is found: the key decides.
    let both: Vec<_> = last.into_iter().chain([&twin]).collect();
    let evidence = verify(&private(&both), &certs[2]).expect("trusted");
    assert_eq!(evidence.anchor, Some(spki(&twin.spki_der())));
}

#[test]
fn names_are_kept_within_constraints() {
    let permitted = TestCa::builder("Root").permitted_dns("acme.example").issue();
    let excluded = TestCa::builder("Root").excluded_dns("evil.example").issue();
    let both = TestCa::builder("Root")
        .permitted_dns("acme.example")
        .excluded_dns("eu.acme.example")
        .issue();
    let nested = permitted
        .intermediate_builder("EU")
        .permitted_dns("eu.acme.example")
        .issue();
    let no = Err(Untrusted::NameConstraint);
    for (case, root, issuer, name, expected) in [
        ("the domain", &permitted, &permitted, "acme.example", Ok(())),
        ("below it", &permitted, &permitted, "a.b.acme.example", Ok(())),
        (
            "its end only",
            &permitted,
            &permitted,
            "notacme.example",
            no.clone(),
        ),
        ("another", &permitted, &permitted, "other.example", no.clone()),
        ("case", &permitted, &permitted, "ACME.Example", Ok(())),
        ("not excluded", &excluded, &excluded, "acme.example", Ok(())),
        ("excluded", &excluded, &excluded, "a.evil.example", no.clone()),
        ("both, in", &both, &both, "us.acme.example", Ok(())),
        ("both, out", &both, &both, "x.eu.acme.example", no.clone()),
        ("nested, in", &permitted, &nested, "x.eu.acme.example", Ok(())),
        (
            "nested, out of the inner",
            &permitted,
            &nested,
            "us.acme.example",
            no.clone(),
        ),
        // A name of another type than the one constrained is not constrained (RFC 5280 §4.2.1.10).
        ("a URI", &permitted, &permitted, ACME, Ok(())),
    ] {
        let answer = verify(&private(&[root]), &issuer.client(name).issue());
        match (&answer, &expected) {
            (Ok(evidence), Ok(())) => assert!(evidence.name_constrained, "{case}"),
            _ => assert_eq!(answer.map(|_| ()), expected, "{case}"),
        }
    }
    // Whether the anchor or an intermediate constrains, the evidence says so; and no other does.
    let free = TestCa::new("Free");
    let below = free
        .intermediate_builder("EU")
        .permitted_dns("acme.example")
        .issue();
    let constrained = |trust: &TestCa, ca: &TestCa| {
        verify(&private(&[trust]), &ca.client("acme.example").issue())
            .expect("trusted")
            .name_constrained
    };
    assert!(!constrained(&free, &free));
    assert!(!constrained(&free, &free.intermediate("EU")));
    assert!(constrained(&free, &below));
    assert!(constrained(&free, &below.intermediate("Issuing")));
    assert!(constrained(&below, &below));
}

#[test]
fn an_issuer_without_key_usage_or_purpose_is_one_for_all() {
    let root = TestCa::new("Root");
    for (case, issuer, expected) in [
        ("no EKU", root.intermediate_builder("Issuing"), Ok(())),
        (
            "server EKU",
            root.intermediate_builder("Issuing").server_only(),
            Err(wrong_purpose()),
        ),
    ] {
        let issuer = issuer.issue();
        for cert in [
            issuer.client(ACME).issue(),
            issuer.intermediate("Deeper").client(ACME).issue(),
        ] {
            assert_eq!(verify(&private(&[&root]), &cert).map(|_| ()), expected, "{case}");
        }
    }
}

// -- what the profile lets in --------------------------------------------------------------------------------------------

/// A profile, the twins that it lets in, the twins whose answer it changes.
type Option_ = (
    &'static str,
    Profile,
    &'static [&'static str],
    &'static [&'static str],
);

#[test]
fn each_option_of_the_profile_changes_its_own_twins_and_no_other() {
    let root = TestCa::new("Root");
    let acme = || root.client(ACME);
    let twins: Vec<(&str, TestCert)> = vec![
        ("good", acme().issue()),
        ("no EKU", acme().without_eku().issue()),
        ("server EKU", acme().server_only().issue()),
        ("both EKUs", acme().client_and_server().issue()),
        ("any EKU", acme().any_eku().issue()),
        ("CA", acme().as_ca().issue()),
        ("keyCertSign", acme().with_key_cert_sign().issue()),
        ("no digitalSignature", acme().without_digital_signature().issue()),
        ("weak", acme().raw_spki(&rsa_spki(1024)).issue()),
        ("expired", acme().expired().issue()),
        ("not yet", acme().not_yet_valid().issue()),
        ("evil", root.evil_twin().client(ACME).issue()),
        (
            "server issuer",
            root.intermediate_builder("S")
                .server_only()
                .issue()
                .client(ACME)
                .issue(),
        ),
        (
            "issuer without keyCertSign",
            root.intermediate_builder("K")
                .without_key_cert_sign()
                .issue()
                .client(ACME)
                .issue(),
        ),
        ("deep", root.intermediate("D").client(ACME).issue()),
        (
            "short-lived",
            acme().validity(utc(2025, 12, 31), utc(2026, 1, 2)).issue(),
        ),
        ("policy", acme().policy_oid(&[1, 3, 6, 1, 4, 1, 99999, 1]).issue()),
        (
            "other policy",
            acme().policy_oid(&[1, 3, 6, 1, 4, 1, 99999, 11]).issue(),
        ),
    ];
    let strict = with_profile(&root, Profile::strict());
    let options: [Option_; 7] = [
        (
            "missing EKU",
            Profile::strict().allow_missing_eku(),
            &["no EKU"],
            &[],
        ),
        (
            "server EKU",
            Profile::strict().allow_server_auth_as_client(),
            // As documented: a leaf without a purpose is one for servers as well.
            &["server EKU", "no EKU"],
            &[],
        ),
        (
            "lifetime",
            Profile::strict().with_max_lifetime(Duration::from_secs(2 * DAY)),
            &[],
            &["good", "both EKUs", "deep", "policy", "other policy"],
        ),
        (
            "path length",
            Profile::strict().with_max_path_length(0),
            &[],
            &["deep"],
        ),
        (
            "policy",
            Profile::strict().require_policy("1.3.6.1.4.1.99999.1"),
            &[],
            &["good", "both EKUs", "deep", "short-lived", "other policy"],
        ),
        (
            "limits",
            Profile::strict().with_limits(ChainLimits::default().with_certificates(1)),
            &[],
            &["deep"],
        ),
        ("none", Profile::strict(), &[], &[]),
    ];
    for (option, profile, let_in, kept_out) in options {
        let trust = with_profile(&root, profile);
        for (twin, cert) in &twins {
            let (before, after) = (verify(&strict, cert).is_ok(), verify(&trust, cert).is_ok());
            let expected = (before || let_in.contains(twin)) && !kept_out.contains(twin);
            assert_eq!(after, expected, "{option}: {twin}: {:?}", verify(&trust, cert));
        }
    }
}

#[test]
fn server_auth_as_client_takes_an_issuer_for_servers_and_none_for_something_else() {
    let root = TestCa::new("Root");
    let trust = with_profile(&root, Profile::strict().allow_server_auth_as_client());
    let servers = root.intermediate_builder("Servers").server_only().issue();
    assert_eq!(
        verify(&trust, &servers.client(ACME).server_only().issue()).map(|_| ()),
        Ok(())
    );
    assert_eq!(
        verify(&trust, &servers.client(ACME).any_eku().issue()),
        Err(wrong_purpose())
    );
    // Towards a server nothing is loosened.
    let answer = verify_server(&trust, &root.client(SERVER).issue(), SERVER);
    assert_eq!(answer, Err(Untrusted::ExtendedKeyUsage { needed: "serverAuth" }));
}

#[test]
fn a_lifetime_is_allowed_to_the_second() {
    let root = TestCa::new("Root");
    let trust = |seconds| {
        with_profile(
            &root,
            Profile::strict().with_max_lifetime(Duration::from_secs(seconds)),
        )
    };
    let cert = root
        .client(ACME)
        .validity(utc(2026, 1, 1), utc(2026, 1, 2))
        .issue();
    assert_eq!(verify(&trust(DAY), &cert).map(|_| ()), Ok(()));
    assert_eq!(
        verify(&trust(DAY - 1), &cert),
        Err(Untrusted::Lifetime {
            lifetime: Duration::from_secs(DAY),
            max: Duration::from_secs(DAY - 1)
        })
    );
}

// -- anchors that must not be ones ---------------------------------------------------------------------------------------

fn refusal(builder: countersign::trust::PrivateCaBuilder) -> String {
    match builder.build(NOW) {
        Ok(trust) => panic!("built: {trust:?}"),
        Err(invalid) => invalid.to_string(),
    }
}

fn pem_refusal(pem: &str) -> String {
    refusal(PrivateCa::builder(algorithms()).pem(pem.as_bytes()))
}

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

/// Wider and narrower limits count in the handshake too, through whatever the authority is wrapped in.
#[test]
fn limits_of_a_profile_count_in_the_handshake() {
    let root = TestCa::new("Root");
    let wide = ChainLimits::default().with_certificates(12).with_bytes(40_000);
    let trust = || with_profile(&root, Profile::strict().with_limits(wide));
    let pins = || PinSet::new([spki(&root.spki_der())]);
    let wrapped: Vec<(&str, Arc<dyn VerifyPeer>)> = vec![
        ("alone", Arc::new(trust())),
        ("first", Arc::new(trust().and(pins()))),
        ("second", Arc::new(pins().and(trust()))),
        ("live", Arc::new(Live::new(trust()))),
        ("remembered", Arc::new(Remembered::new(trust()))),
        ("boxed", Arc::new(Box::new(trust()))),
        ("reported", Arc::new(trust().and(ReportOnly::new(trust())))),
    ];
    let junk = |count| vec![root.evil_twin().certificate().clone(); count];
    let cert = root.client(ACME).with_key(&root).issue();
    let too_many = |limit| Some(Untrusted::Malformed(Malformed::TooManyCertificates { limit }));
    let too_large = |limit| Some(Untrusted::Malformed(Malformed::ChainTooLarge { limit }));
    let bulky = |bytes: usize| {
        let leaf = root.client(ACME).with_key(&root);
        leaf.extension(&[1, 2, 3], &vec![0; bytes]).issue()
    };
    for version in VERSIONS {
        for (case, trust) in &wrapped {
            assert_eq!(trust.limits(), wide, "{case}");
            for (size, cert, expected) in [
                ("twelve", cert.clone().with_chain(junk(11)), None),
                ("thirteen", cert.clone().with_chain(junk(12)), too_many(12)),
                ("large", bulky(38_000), None),
                ("too large", bulky(40_000), too_large(40_000)),
            ] {
                let (reason, _) = refused(trust.clone(), &cert, version);
                assert_eq!(reason, expected, "{case}, {size}");
            }
        }
        let strict = cert.clone().with_chain(junk(8));
        assert_eq!(refused(private(&[&root]), &strict, version).0, too_many(8));
    }
}

const TEXT: &str = "certificate authorities from the PEM text given: ";

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
            "a certificate in it is not X.509 in DER; export it again from the CA",
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

#[test]
fn public_authorities_are_refused_by_their_key() {
    let is_public = |refused: &str| {
        refused.ends_with(
            "is a public authority, which issues to anybody; for senders with a public certificate use PublicCa, \
             together with their exact names or keys",
        )
    };
    // What browsers ship, as it stands. Some are too old to be an anchor at all.
    let (mut public, mut otherwise) = (0, Vec::new());
    for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        let refused = refusal(PrivateCa::builder(algorithms()).der(der.clone()));
        if is_public(&refused) {
            public += 1;
        } else {
            otherwise.push(refused);
        }
    }
    assert!(public > 100, "{public}");
    assert_eq!(otherwise, Vec::<String>::new());

    // The key of a public root under a certificate and a name of our own: still everybody's authority.
    let ours = TestCa::new("Ours");
    let root = webpki_roots_spki();
    for crossed in [
        ours.intermediate_builder("Crossed").raw_spki(&root).issue(),
        TestCa::builder("Renamed").raw_spki(&root).issue(),
    ] {
        let refused = refusal(builder(&[&crossed]));
        assert!(is_public(&refused), "{refused}");
        let refused = refusal(builder(&[&ours, &crossed]));
        assert!(is_public(&refused), "{refused}");
    }
    // As a public authority, with names, they are what they are.
    for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().take(3) {
        let pem = pem_of(der);
        let only = ExpectedPeers::names([Name::Dns("hooks.example".into())]);
        let built = PublicCa::builder(only, algorithms())
            .pem(pem.as_bytes())
            .build(NOW);
        assert_eq!(built.map(|_| ()), Ok(()));
    }
}

/// Let's Encrypt's R14 (RSA, by ISRG Root X1) and E8 (P-384, by ISRG Root X2), from letsencrypt.org/certificates.
const PUBLIC_INTERMEDIATES: [(&str, &str); 2] =
    [("R14", include_str!("r14.pem")), ("E8", include_str!("e8.pem"))];

#[test]
fn intermediates_of_public_authorities_are_refused_too() {
    for (name, pem) in PUBLIC_INTERMEDIATES {
        let refused = PrivateCa::from_pem(pem.as_bytes(), algorithms(), NOW).map(|_| ());
        assert_eq!(
            refused.map_err(|error| error.to_string()),
            Err(format!(
                "certificate authorities from the PEM text given: C=US, O=Let's Encrypt, CN={name} was issued by a public \
                 authority, so whom it issues to is not for you to say; for senders with a public certificate use PublicCa, \
                 together with their exact names or keys"
            ))
        );
        let named = PublicCa::builder(
            ExpectedPeers::names([Name::Dns("x.example".into())]),
            algorithms(),
        );
        assert_eq!(named.pem(pem.as_bytes()).build(NOW).map(|_| ()), Ok(()), "{name}");
    }
}

/// Of the first public root, DER.
fn webpki_roots_spki() -> Vec<u8> {
    let der = &webpki_root_certs::TLS_SERVER_ROOT_CERTS[0];
    let anchor: TrustAnchor<'_> = webpki::anchor_from_trusted_cert(der).expect("an anchor");
    tlv(0x30, &anchor.subject_public_key_info)
}

fn pem_of(der: &CertificateDer<'_>) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

#[test]
fn a_public_authority_needs_names_or_pins() {
    let root = TestCa::new("Public Root");
    let expected = "certificate authorities from public authorities: a public authority proves nothing about who it \
                    is; give exact names or pins of the senders";
    for nobody in [ExpectedPeers::names([]), ExpectedPeers::pins(PinSet::default())] {
        let built = PublicCa::builder(nobody, algorithms())
            .pem(root.pem().as_bytes())
            .build(NOW);
        assert_eq!(
            built.map(|_| ()).map_err(|error| error.to_string()),
            Err(expected.to_owned())
        );
    }
}

#[test]
fn a_public_authoritys_names_match_exactly_and_by_type() {
    let root = TestCa::new("Public Root");
    let trust = |only| {
        PublicCa::builder(only, algorithms())
            .pem(root.pem().as_bytes())
            .build(NOW)
            .expect("a public CA")
    };
    let dns = trust(ExpectedPeers::names([Name::Dns("hooks.sender.example".into())]));
    let no = Err(Untrusted::UnexpectedName);
    for (case, cert, expected) in [
        ("exact", root.client("hooks.sender.example"), Ok(())),
        ("upper case", root.client("Hooks.Sender.Example"), Ok(())),
        (
            "one of two",
            root.client("a.example").dns("hooks.sender.example"),
            Ok(()),
        ),
        ("below", root.client("a.hooks.sender.example"), no.clone()),
        ("above", root.client("sender.example"), no.clone()),
        ("wildcard", root.client("*.sender.example"), no.clone()),
        (
            "common name",
            root.client("other.example").common_name("hooks.sender.example"),
            no.clone(),
        ),
        ("mail", root.client("a@hooks.sender.example"), no.clone()),
        ("URI", root.client("https://hooks.sender.example"), no.clone()),
    ] {
        assert_eq!(verify(&dns, &cert.issue()).map(|_| ()), expected, "{case}");
    }

    let common = trust(ExpectedPeers::names([Name::CommonName("webhooks".into())]));
    let bare = || root.client("x.example").without_san();
    for (case, cert, expected) in [
        ("one", bare().common_name("webhooks"), Ok(())),
        (
            "two",
            bare().common_name("webhooks").common_name("other"),
            no.clone(),
        ),
        (
            "two, the other way",
            bare().common_name("other").common_name("webhooks"),
            no.clone(),
        ),
        (
            "the second in a string of disputed reading",
            bare()
                .common_name("webhooks")
                .raw_common_name(30, b"\0o\0t\0h\0e\0r"),
            no.clone(),
        ),
        (
            "the second beside an organization",
            bare().raw_subject(&sequence(&[
                rdn(&[attribute(3, 12, b"webhooks")]),
                rdn(&[attribute(3, 12, b"other"), attribute(10, 12, b"Evil")]),
            ])),
            no.clone(),
        ),
        ("DNS", root.client("webhooks"), no.clone()),
        (
            "organizational unit",
            bare().organizational_unit("webhooks"),
            no.clone(),
        ),
    ] {
        assert_eq!(verify(&common, &cert.issue()).map(|_| ()), expected, "{case}");
    }
    // Below an issuer that constrains names a common name proves nothing: it escapes the constraint.
    let customer = root
        .intermediate_builder("Customer")
        .permitted_dns("customer.example")
        .issue();
    let escaped = customer
        .client("x.customer.example")
        .common_name("webhooks")
        .issue();
    assert_eq!(verify(&common, &escaped).map(|_| ()), no);
    let bare = customer
        .client("x.customer.example")
        .without_san()
        .common_name("webhooks")
        .issue();
    assert_eq!(verify(&common, &bare).map(|_| ()), no);
    // Nor does an organizational unit.
    let unit = trust(ExpectedPeers::names([Name::OrganizationalUnit(
        "webhooks".into(),
    )]));
    let of_unit = |ca: &TestCa| {
        let leaf = ca
            .client("x.customer.example")
            .organizational_unit("webhooks")
            .issue();
        verify(&unit, &leaf).map(|_| ())
    };
    assert_eq!(of_unit(&root), Ok(()));
    assert_eq!(of_unit(&customer), no);
    assert_eq!(of_unit(&customer.intermediate("Below")), no);
    let inside = trust(ExpectedPeers::names([Name::Dns("x.customer.example".into())]));
    assert_eq!(verify(&inside, &escaped).map(|_| ()), Ok(()));
}

// -- what is counted -----------------------------------------------------------------------------------------------------

fn handshakes(trust: &PrivateCa) -> Vec<u64> {
    trust.usage().map(|usage| usage.handshakes.uses).collect()
}

#[test]
fn anchors_count_completed_handshakes_only() {
    let (old, new) = (TestCa::new("Old"), TestCa::new("New"));
    let trust = private(&[&old, &new]);
    let server = server(trust.clone());
    let (by_old, by_new) = (
        old.client(ACME).issue(),
        new.intermediate("I").client(ACME).issue(),
    );
    let thief = TestKey::generate(KeyAlgorithm::default());
    for version in VERSIONS {
        let before = handshakes(&trust);
        // Asked without a handshake, refused, and with a stolen certificate: nothing is counted.
        assert_eq!(verify(&trust, &by_old).map(|_| ()), Ok(()));
        meet(&server, &client(&old.client(ACME).expired().issue(), version));
        let stolen = meet(&server, &client_with(by_old.chain(), &thief, version));
        assert_eq!(stolen.alert(), Some(DecryptError));
        assert_eq!(handshakes(&trust), before);

        for (cert, expected) in [
            (&by_old, [before[0] + 1, before[1]]),
            (&by_new, [before[0] + 1, before[1] + 1]),
        ] {
            assert!(meet(&server, &client(cert, version)).is_full());
            assert_eq!(handshakes(&trust), expected);
        }
    }
    let usage: Vec<_> = trust.usage().collect();
    assert_eq!(usage[0].subject, "CN=Old");
    assert_eq!(usage[0].spki, spki(&old.spki_der()));
    assert_eq!(usage[1].validity.not_after, countersign::testing::NOT_AFTER);
}

#[test]
fn anchors_count_wherever_their_verifier_stands() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let pins = || PinSet::new([spki(&cert.spki_der())]);
    let trust = private(&[&root]);
    let places: Vec<(&str, Arc<dyn VerifyPeer>)> = vec![
        ("first", Arc::new(trust.clone().and(pins()))),
        ("second", Arc::new(pins().and(trust.clone()))),
        ("third", Arc::new(pins().and(pins().and(trust.clone())))),
    ];
    for (counted, (case, joined)) in (1..).zip(places) {
        assert!(meet(&server(joined), &client(&cert, VERSIONS[0])).is_full());
        assert_eq!(handshakes(&trust), [counted], "{case}");
    }
}

/// RFC 5280 §4.1.2.6: an authority has a name, or nobody could say whose its certificates and lists are.
#[test]
fn an_authority_without_a_name_issues_nothing() {
    let nameless = TestCa::builder("-").without_name().issue();
    assert_eq!(
        refusal(builder(&[&nameless])),
        "certificate authorities from the certificate given:  breaks RFC 5280: an authority without a name (section \
         4.1.2.6); have the CA issue a new one"
    );
    let root = TestCa::new("Root");
    let between = root.intermediate_builder("-").without_name().issue();
    let rule = "an authority without a name (section 4.1.2.6)";
    for issuer in [&between, &between.intermediate("Below")] {
        let answer = verify(&private(&[&root]), &issuer.client(ACME).issue());
        assert_eq!(answer, Err(Untrusted::Rfc5280 { rule }));
    }
}

#[test]
fn the_reason_is_that_of_the_connection_watched() {
    let root = TestCa::new("Root");
    let server = server(private(&[&root]));
    let bad = client(&root.client(ACME).expired().issue(), VERSIONS[0]);
    let good = client(&root.client(ACME).issue(), VERSIONS[0]);
    let ((), seen) = Reason::watch(|| {
        assert_eq!(meet(&server, &bad).reason, Some(past()));
        assert_eq!(meet(&server, &good).reason, None);
    });
    assert_eq!(seen.untrusted(), None);
}

/// Authorities of one's own beside those of the web: for servers, by their name, and never for clients.
/// What would refuse every server, or nobody, is found when it is built.
#[test]
fn web_roots_that_check_revocation_want_a_list_that_counts() {
    let (own, other) = (TestCa::new("Own Root"), TestCa::new("Own Root"));
    let crl = |crl: countersign::testing::CrlBuilder| {
        Crls::from_der([crl.issue().der().clone()], NOW).expect("a CRL")
    };
    let built = |revocation| {
        let builder = WebRoots::builder(algorithms()).own_pem(own.pem().as_bytes());
        let built = builder.with_revocation(revocation).build(NOW);
        built.map_err(|invalid| invalid.to_string())
    };
    let refused = built(Revocation::required(Crls::default())).map(|_| ());
    let expected = "certificate authorities from CRLs: revocation is required and no CRL is loaded; give the CRLs of every authority on the path";
    assert_eq!(refused, Err(expected.to_owned()));
    let foreign = built(Revocation::required(crl(other.crl(1)))).expect_err("another's list");
    assert!(
        foreign.contains("no CRL of CN=Own Root is signed with the key"),
        "{foreign}"
    );
    let revoked = own.server("hooks.example").issue();
    let roots = built(Revocation::required(crl(own.crl(1).revoke(&revoked)))).expect("good anchors");
    let answer = verify_server(&roots, &revoked, "hooks.example").map(|_| ());
    assert!(matches!(answer, Err(Untrusted::Revoked { .. })), "{answer:?}");
}

#[test]
fn web_roots_with_authorities_of_ones_own() {
    let (own, other) = (TestCa::new("Company Root"), TestCa::new("Another Root"));
    let roots = WebRoots::builder(algorithms())
        .own_pem(own.pem().as_bytes())
        .build(NOW)
        .expect("good anchors");
    let (good, strange) = (own.server(SERVER).issue(), other.server(SERVER).issue());
    let wrong_name = Untrusted::WrongName {
        name: "hooks.globex.example".to_owned(),
    };
    assert_eq!(verify_server(&roots, &good, SERVER).map(|_| ()), Ok(()));
    assert_eq!(
        verify_server(&roots, &good, "hooks.globex.example"),
        Err(wrong_name)
    );
    assert_eq!(
        verify_server(&roots, &strange, SERVER),
        Err(Untrusted::UnknownIssuer)
    );
    assert_eq!(
        verify(&roots, &own.client(ACME).issue()),
        Err(Untrusted::ServersOnly)
    );
    assert_eq!(
        verify_server(&WebRoots::new(algorithms()), &good, SERVER),
        Err(Untrusted::UnknownIssuer)
    );
}

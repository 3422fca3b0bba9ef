//! P: paths, and what stands on them.

use std::sync::Arc;

use countersign::identity::{Malformed, Name, PeerChain, SpkiHash};
use countersign::live::Live;
use countersign::testing::{NOW, TestCa};
use countersign::tls::rustls::AlertDescription::UnsupportedCertificate;
use countersign::tls::rustls::pki_types::CertificateDer;
use countersign::trust::{
    Crls, DenyList, ExpectedPeers, InvalidCrls, Pin, PinSet, PrivateCa, Profile, PublicCa, Remembered,
    Revocation, Role, Untrusted, VerifiedPeer, VerifyPeer,
};

use super::{crls, key_of};
use crate::stage::*;

fn locked(name: &str) -> Vec<[u64; 3]> {
    let lock = include_str!("../../../Cargo.lock");
    let packages = lock.split("[[package]]");
    let of_name = packages.filter(|package| package.contains(&format!("\nname = \"{name}\"\n")));
    let version = |package: &str| {
        let line = package
            .lines()
            .find_map(|line| line.strip_prefix("version = \""))?;
        let plain = line.trim_end_matches('"').split(['-', '+']).next()?;
        let mut parts = plain.split('.').map(|part| part.parse().ok());
        Some([parts.next()??, parts.next()??, parts.next()??])
    };
    of_name.filter_map(version).collect()
}

/// RUSTSEC-2026-0049, -0098, -0099, -0104; RUSTSEC-2024-0399, -0336 (P3); RUSTSEC-2026-0048 (P2).
#[test]
fn p1_the_versions_in_use_are_mended_ones() {
    for (name, least) in [
        ("rustls-webpki", [0, 103, 13]),
        ("rustls", [0, 23, 18]),
        ("aws-lc-sys", [0, 39, 0]),
    ] {
        let found = locked(name);
        assert!(!found.is_empty(), "{name}");
        assert!(found.iter().all(|version| *version >= least), "{name}: {found:?}");
    }
    // RUSTSEC-2026-0042. Only there for those who build with FIPS, whose own lock it is in.
    let fips = locked("aws-lc-fips-sys");
    assert!(fips.iter().all(|version| *version >= [0, 13, 13]), "{fips:?}");
}

/// RUSTSEC-2026-0098: constraints on URIs were passed over.
#[test]
fn p1_constraints_on_uris_are_not_passed_over() {
    let subtree = |name: Vec<u8>| sequence(&[name]);
    let uri = |host: &str| tlv(0x86, host.as_bytes());
    let permitted = |names: &[Vec<u8>]| {
        let trees: Vec<_> = names.iter().cloned().map(subtree).collect();
        sequence(&[tlv(0xa0, &trees.concat())])
    };
    let excluded = |names: &[Vec<u8>]| {
        let trees: Vec<_> = names.iter().cloned().map(subtree).collect();
        sequence(&[tlv(0xa1, &trees.concat())])
    };
    for (case, constraints) in [
        ("permitted", permitted(&[uri("other.example")])),
        ("excluded", excluded(&[uri("acme.example")])),
    ] {
        let root = TestCa::builder("Root")
            .critical_extension(NAME_CONSTRAINTS, &constraints)
            .issue();
        let answer = verify(&private(&[&root]), &root.client(ACME).issue());
        let expected = Untrusted::UnsupportedNameConstraint { kind: "URI" };
        assert_eq!(answer, Err(expected), "{case}");
    }
}

/// RUSTSEC-2026-0099, CVE-2025-61727: a wildcard reaches out of what is permitted, or into what is excluded.
#[test]
fn p1_a_wildcard_does_not_reach_past_constraints() {
    let permitted = TestCa::builder("Root").permitted_dns("accept.example").issue();
    let narrow = TestCa::builder("Root").permitted_dns("a.accept.example").issue();
    let excluded = TestCa::builder("Root").excluded_dns("reject.example").issue();
    let excluded_below = TestCa::builder("Root").excluded_dns("a.reject.example").issue();
    for (case, root, name, expected) in [
        ("within", &permitted, "*.accept.example", Ok(())),
        (
            "past",
            &narrow,
            "*.accept.example",
            Err(Untrusted::NameConstraint),
        ),
        (
            "into",
            &excluded,
            "*.reject.example",
            Err(Untrusted::NameConstraint),
        ),
        (
            "over",
            &excluded_below,
            "*.reject.example",
            Err(Untrusted::NameConstraint),
        ),
    ] {
        let answer = verify(&private(&[root]), &root.client(name).issue()).map(|_| ());
        assert_eq!(answer, expected, "{case}");
    }
}

/// RUSTSEC-2026-0104: a list that panics the reader, before any signature is looked at.
#[test]
fn p1_no_list_panics_its_reader() {
    let root = TestCa::new("Root");
    let list = root.crl(7).revoke(42).revoke(0x1234_5678).issue();
    let whole = list.der().as_ref();
    let read = |der: Vec<u8>| Crls::from_der([der.into()], NOW).map(|crls| crls.len());
    assert_eq!(read(whole.to_vec()), Ok(1));
    for end in 0..whole.len() {
        let reason = "not a CRL in DER".to_owned();
        assert_eq!(
            read(whole[..end].to_vec()),
            Err(InvalidCrls::Malformed { issuer: None, reason }),
            "{end}"
        );
    }
    let mut bent = 0;
    for place in 0..whole.len() {
        for flip in [0x01, 0x80, 0xff, whole[place]] {
            let mut der = whole.to_vec();
            der[place] ^= flip;
            // Read or refused; what is read is not believed without its signature.
            let Ok(crls) = Crls::from_der([der.into()], NOW) else {
                continue;
            };
            let trust = builder(&[&root])
                .with_revocation(Revocation::required(crls))
                .build(NOW);
            let Ok(trust) = trust else {
                bent += 1;
                continue;
            };
            let cert = root.client(ACME).with_key(&root).serial(42).issue();
            let answer = verify(&trust, &cert).map(|_| ());
            assert_ne!(answer, Ok(()), "byte {place} ^ {flip:#x}");
        }
    }
    assert!(bent > 100, "{bent} lists were read and not believed");
}

/// CVE-2022-21657: the purpose was not asked for.
#[test]
fn p5_the_purpose_is_asked_for() {
    let root = TestCa::new("Root");
    let servers = root.intermediate_builder("Servers").server_only().issue();
    for (case, cert, code) in [
        (
            "none",
            root.client(ACME).without_eku(),
            "trust.no_extended_key_usage",
        ),
        ("any", root.client(ACME).any_eku(), "trust.extended_key_usage"),
        (
            "server",
            root.client(ACME).server_only(),
            "trust.extended_key_usage",
        ),
        (
            "issuer for servers",
            servers.client(ACME),
            "trust.extended_key_usage",
        ),
    ] {
        for version in VERSIONS {
            let (reason, alert) = refused(private(&[&root]), &cert.clone().issue(), version);
            assert_eq!(reason.map(|reason| reason.code()), Some(code), "{case}");
            assert_eq!(alert, Some(UnsupportedCertificate), "{case}");
        }
    }
}

/// CVE-2024-24783, CVE-2026-27138: what is unknown, or bent, panics the verifier.
#[test]
fn p6_no_certificate_panics_its_reader_and_no_bent_one_is_let_in() {
    let root = TestCa::new("Root");
    let issuing = root.intermediate("Issuing");
    let cert = issuing
        .client(ACME)
        .common_name("acme")
        .organizational_unit("unit")
        .issue();
    let trust = private(&[&root]);
    let (leaf, issuer) = (cert.leaf().as_ref(), issuing.certificate().as_ref());
    let ask = |chain: [&[u8]; 2]| {
        let chain = PeerChain::parse(chain.map(CertificateDer::from))?;
        VerifiedPeer::verify(&trust, chain, Role::Client, NOW).map(|_| ())
    };
    assert_eq!(ask([leaf, issuer]), Ok(()));
    let torn = Err(Untrusted::Malformed(Malformed::Certificate));
    let mut refused = std::collections::BTreeSet::new();
    for place in 0..leaf.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bent = leaf.to_vec();
            bent[place] ^= flip;
            let answer = ask([&bent, issuer]);
            refused.insert(
                answer
                    .err()
                    .map_or("trusted".to_owned(), |error| format!("leaf {}", error.code())),
            );
        }
        assert_eq!(ask([&leaf[..place], issuer]), torn, "leaf, cut at {place}");
    }
    for place in 0..issuer.len() {
        let mut bent = issuer.to_vec();
        bent[place] ^= 0x01;
        let answer = ask([leaf, &bent]);
        refused.insert(
            answer
                .err()
                .map_or("trusted".to_owned(), |error| format!("issuer {}", error.code())),
        );
        refused.extend(
            ask([leaf, &issuer[..place]])
                .err()
                .map(|error| format!("cut {}", error.code())),
        );
    }
    let codes: Vec<_> = refused.iter().map(String::as_str).collect();
    assert_eq!(
        codes,
        [
            "cut trust.path",
            "issuer trust.critical_extension",
            "issuer trust.not_yet_valid",
            "issuer trust.path",
            "issuer trust.signature",
            "issuer trust.signature_algorithm",
            "issuer trust.unknown_issuer",
            "leaf identity.certificate",
            "leaf identity.critical_extension",
            "leaf identity.extension",
            "leaf identity.name",
            "leaf identity.version",
            "leaf trust.not_yet_valid",
            "leaf trust.path",
            "leaf trust.signature",
            "leaf trust.unknown_issuer"
        ]
    );
    // A key of an algorithm that nobody knows.
    let algorithm = sequence(&[tlv(6, &[0x2a, 3, 4, 5])]);
    let unknown = sequence(&[algorithm, tlv(3, &[0, 1, 2, 3])]);
    let odd = root.client(ACME).raw_spki(&unknown).issue();
    assert_eq!(verify(&trust, &odd), Err(Untrusted::UnsupportedKey));
}

/// CVE-2026-27137: constraints on e-mail addresses.
#[test]
fn p6_constraints_on_mail_are_not_passed_over() {
    let tree = sequence(&[tlv(0x81, b"acme.example")]);
    let root = TestCa::builder("Root")
        .critical_extension(NAME_CONSTRAINTS, &sequence(&[tlv(0xa1, &tree)]))
        .issue();
    let answer = verify(&private(&[&root]), &root.client("ops@acme.example").issue());
    let kind = "e-mail address";
    assert_eq!(answer, Err(Untrusted::UnsupportedNameConstraint { kind }));
}

/// Anchors that rustls and webpki take without a word.
#[test]
fn p8_bad_anchors_are_refused() {
    for (case, anchor, message) in [
        ("expired", TestCa::builder("X").expired().issue(), "expired at"),
        (
            "no CA",
            TestCa::builder("X").not_a_ca().issue(),
            "is not a certificate authority",
        ),
        (
            "no keyCertSign",
            TestCa::builder("X").without_key_cert_sign().issue(),
            "may not sign certificates",
        ),
        (
            "weak",
            TestCa::builder("X").raw_spki(&rsa_spki(1024)).issue(),
            "has a weak key",
        ),
        (
            "unknown critical extension",
            TestCa::builder("X")
                .critical_extension(&[1, 2, 3], &[5, 0])
                .issue(),
            "critical extension",
        ),
    ] {
        let refused = builder(&[&anchor]).build(NOW).map(|_| ()).expect_err(case);
        assert!(refused.to_string().contains(message), "{case}: {refused}");
        let public = PublicCa::builder(
            ExpectedPeers::names([Name::Dns("x.example".into())]),
            algorithms(),
        );
        let refused = public
            .pem(anchor.pem().as_bytes())
            .build(NOW)
            .map(|_| ())
            .expect_err(case);
        assert!(refused.to_string().contains(message), "{case}: {refused}");
    }
    let public = webpki_root_certs::TLS_SERVER_ROOT_CERTS[0].clone();
    let refused = PrivateCa::builder(algorithms())
        .der(public)
        .build(NOW)
        .map(|_| ());
    assert!(
        refused
            .expect_err("public")
            .to_string()
            .contains("is a public authority")
    );
}

/// CVE-2026-28755: a verdict is computed, and then nobody looks at it.
#[test]
fn p9_every_verdict_counts_wherever_it_stands() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    type Verifier = Arc<dyn VerifyPeer>;
    let yes: [Verifier; 3] = [
        Arc::new(private(&[&root])),
        Arc::new(PinSet::of([Pin::leaf(key_of(&cert))])),
        Arc::new(private(&[&root])),
    ];
    let revoked = with_revocation(&root, Revocation::required(crls([root.crl(1).revoke(&cert)])));
    let no: [(Verifier, &str); 6] = [
        (
            Arc::new(private(&[&TestCa::new("Other")])),
            "trust.unknown_issuer",
        ),
        (Arc::new(PinSet::new([SpkiHash::of(b"x")])), "trust.not_pinned"),
        (Arc::new(DenyList::new().key(key_of(&cert))), "trust.on_deny_list"),
        (Arc::new(revoked), "trust.revoked"),
        (
            Arc::new(with_profile(&root, Profile::strict().require_policy("1.2.3"))),
            "trust.policy",
        ),
        (Arc::new(Remembered::new(PinSet::default())), "trust.not_pinned"),
    ];
    let joined = |all: &[Verifier; 3]| {
        let [one, two, three] = all.clone();
        [
            Box::new(one.clone().and(two.clone()).and(three.clone())) as Box<dyn VerifyPeer>,
            Box::new(one.clone().and(two.clone().and(three.clone()))),
            Box::new(Remembered::new(one.and(Live::new(two)).and(three))),
        ]
    };
    for trust in joined(&yes) {
        assert_eq!(verify(&trust, &cert).map(|_| ()), Ok(()));
    }
    for (verdict, code) in &no {
        for place in 0..3 {
            let mut all = yes.clone();
            all[place] = verdict.clone();
            for trust in joined(&all) {
                let refused = verify(&trust, &cert).expect_err(code).code();
                // In front, a deny list has not seen anybody trusted yet.
                let expected = match (place, *code) {
                    (0, "trust.on_deny_list") => "trust.nothing_before",
                    _ => code,
                };
                assert_eq!(refused, expected, "in place {place}");
            }
        }
    }
}

//! Which paths lead to an anchor, and what counts along them.

use countersign::identity::{ChainLimits, Malformed};
use countersign::testing::{KeyAlgorithm, NOW, TestCa, TestCert, TestKey, utc};
use countersign::tls::rustls::pki_types::CertificateDer;
use countersign::trust::{PrivateCa, Profile, Untrusted};

use super::{TEXT, early, spki, wrong_purpose};
use crate::stage::*;

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

//! Which list counts, and what it is asked.

use countersign::testing::{NOT_AFTER, NOT_BEFORE, NOW, TestCa, utc};
use countersign::tls::rustls::AlertDescription::{CertificateRevoked, UnknownCA};
use countersign::trust::{Crls, Revocation, RevocationDepth, Unanswered, UnknownStatus, Untrusted};

use super::{asked, best_effort, built, crls, required, revoked, signed_by_nobody, unanswered, unknown};
use crate::stage::*;

#[test]
fn the_newest_by_number_counts_in_any_order() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    // The dates say the opposite of the numbers.
    let old = || root.crl(9).this_update(utc(2025, 12, 31));
    let new = || root.crl(10).this_update(utc(2025, 1, 1)).revoke(&cert);
    for lists in [
        vec![old(), new()],
        vec![new(), old()],
        vec![new(), old(), old(), new()],
    ] {
        let crls = crls(lists);
        assert_eq!(crls.len(), 1);
        for trust in [required(&root, crls.clone()), best_effort(&root, crls)] {
            assert_eq!(asked(&trust, &cert), Err(revoked(&cert)));
        }
    }
    // Numbers are numbers: 256 is more than 255, whatever their bytes look like.
    for (low, high) in [(255, 256), (0x7f, 0x80), (0xffff, 0x1_0000), (0, 1)] {
        for lists in [
            [root.crl(low), root.crl(high).revoke(&cert)],
            [root.crl(high).revoke(&cert), root.crl(low)],
        ] {
            assert_eq!(
                asked(&required(&root, crls(lists)), &cert),
                Err(revoked(&cert)),
                "{high}"
            );
        }
        // And a certificate that came off hold is one again.
        let released = crls([root.crl(low).revoke(&cert), root.crl(high)]);
        assert_eq!(asked(&required(&root, released), &cert), Ok(()), "{high}");
    }
}

#[test]
fn what_a_stranger_signed_puts_nothing_aside() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let own = || root.crl(7).revoke(&cert);
    let twin = root.evil_twin();
    for (case, forged) in [
        ("its own key named", twin.crl(9)),
        ("our key named", twin.crl(9).claiming_key_of(&root)),
    ] {
        for lists in [[own(), forged.clone()], [forged.clone(), own()]] {
            let crls = crls(lists);
            assert_eq!(
                asked(&best_effort(&root, crls.clone()), &cert),
                Err(revoked(&cert)),
                "{case}"
            );
            assert_eq!(
                asked(&required(&root, crls), &cert),
                Err(revoked(&cert)),
                "{case}"
            );
        }
        // Alone it says nothing, and that is said at once.
        let alone = crls([forged.revoke(&cert)]);
        let expected = signed_by_nobody("CN=Root");
        assert_eq!(
            built(&[&root], Revocation::best_effort(alone.clone())),
            expected,
            "{case}"
        );
        assert_eq!(built(&[&root], Revocation::required(alone)), expected, "{case}");
    }
    // Two authorities of one name, both trusted: each list speaks about its own.
    let theirs = twin.client(ACME).issue();
    let crls = crls([own(), twin.crl(1)]);
    let trust = builder(&[&root, &twin])
        .with_revocation(Revocation::required(crls))
        .build(NOW)
        .expect("anchors");
    assert_eq!(asked(&trust, &cert), Err(revoked(&cert)));
    assert_eq!(asked(&trust, &theirs), Ok(()));
    // And a list that was believed for one of them is not believed for the other.
    let trust = builder(&[&root, &twin])
        .with_revocation(Revocation::required(self::crls([root.crl(1).revoke(&theirs)])))
        .build(NOW)
        .expect("anchors");
    assert_eq!(asked(&trust, &cert), Ok(()));
    let foreign = unanswered(&theirs, "CN=Root", [Unanswered::Signature]);
    assert_eq!(asked(&trust, &theirs), Err(foreign));
}

/// The list of an intermediate, whose key is not known before a peer brings it.
#[test]
fn a_list_with_a_wrong_signature_is_never_passed_over_in_silence() {
    let root = TestCa::new("Root");
    let issuing = root.intermediate("Issuing");
    let twin = issuing.evil_twin();
    let cert = issuing.client(ACME).issue();
    let own = || issuing.crl(1);
    let forged = || twin.crl(9).claiming_key_of(&issuing).revoke(&cert);
    let report = Some(Box::new(Untrusted::CrlSignature {
        issuer: "CN=Issuing".to_owned(),
    }));
    for (case, lists, hard, reported) in [
        (
            "one that claims the issuer's key",
            vec![forged()],
            Err(unanswered(&cert, "CN=Issuing", [Unanswered::Signature])),
            report.clone(),
        ),
        (
            "one that names its own key",
            vec![twin.crl(9)],
            Err(unanswered(&cert, "CN=Issuing", [Unanswered::Signature])),
            report.clone(),
        ),
        (
            "one beside the issuer's own",
            vec![own(), forged()],
            Ok(()),
            report,
        ),
        (
            "another authority's of that name beside the issuer's own",
            vec![own(), twin.crl(9)],
            Ok(()),
            None,
        ),
        ("none", vec![own()], Ok(()), None),
    ] {
        let lists = crls(lists.into_iter().chain([root.crl(1)]));
        assert_eq!(asked(&required(&root, lists.clone()), &cert), hard, "{case}");
        let evidence = verify(&best_effort(&root, lists), &cert);
        assert_eq!(evidence.map(|evidence| evidence.reported), Ok(reported), "{case}");
    }
}

#[test]
fn the_whole_path_is_asked_after_unless_told_otherwise() {
    let root = TestCa::new("Root");
    let issuing = root.intermediate("Issuing");
    let cert = issuing.client(ACME).issue();
    let all = || [root.crl(1), issuing.crl(1)];
    let ca_revoked = || [root.crl(1).revoke(&issuing), issuing.crl(1)];
    let leaf_revoked = || [root.crl(1), issuing.crl(1).revoke(&cert)];
    let leaf = |revocation: Revocation| revocation.with_depth(RevocationDepth::Leaf);
    for (case, revocation, expected) in [
        ("all good", Revocation::required(crls(all())), Ok(())),
        (
            "leaf revoked",
            Revocation::required(crls(leaf_revoked())),
            Err(revoked(&cert)),
        ),
        (
            "issuer revoked",
            Revocation::required(crls(ca_revoked())),
            Err(revoked(&issuing)),
        ),
        (
            "issuer revoked, best effort",
            Revocation::best_effort(crls([root.crl(1).revoke(&issuing)])),
            Err(revoked(&issuing)),
        ),
        (
            "issuer revoked, only the leaf asked after",
            leaf(Revocation::required(crls(ca_revoked()))),
            Ok(()),
        ),
        (
            "leaf revoked, only the leaf asked after",
            leaf(Revocation::required(crls(leaf_revoked()))),
            Err(revoked(&cert)),
        ),
        (
            "no list for the leaf",
            Revocation::required(crls([root.crl(1)])),
            Err(unknown(&cert)),
        ),
        (
            "no list for the issuer",
            Revocation::required(crls([issuing.crl(1)])),
            Err(unknown(&issuing)),
        ),
        (
            "no list for the issuer, only the leaf asked after",
            leaf(Revocation::required(crls([issuing.crl(1)]))),
            Ok(()),
        ),
        (
            "no list for the leaf, best effort",
            Revocation::best_effort(crls([root.crl(1)])),
            Ok(()),
        ),
        (
            "the root's list names the leaf's number, which another issued",
            Revocation::required(crls([root.crl(1).revoke(&cert), issuing.crl(1)])),
            Ok(()),
        ),
    ] {
        assert_eq!(
            asked(&with_revocation(&root, revocation), &cert),
            expected,
            "{case}"
        );
    }
    assert_ne!(UnknownStatus::Refuse, UnknownStatus::Allow);
}

#[test]
fn a_revoked_issuer_on_one_path_leaves_the_other() {
    let (one, other) = (TestCa::new("One"), TestCa::new("Other"));
    let issuing = one.intermediate("Issuing");
    let crossed = issuing.cross_signed_by(&other);
    let cert = issuing
        .client(ACME)
        .issue()
        .with_chain(vec![issuing.certificate().clone(), crossed.certificate().clone()]);
    let lists = crls([one.crl(1).revoke(&issuing), other.crl(1), issuing.crl(1)]);
    let trust = |anchors: &[&TestCa]| {
        builder(anchors)
            .with_revocation(Revocation::required(lists.clone()))
            .build(NOW)
            .expect("anchors")
    };
    assert_eq!(asked(&trust(&[&one]), &cert), Err(revoked(&issuing)));
    assert_eq!(asked(&trust(&[&one, &other]), &cert), Ok(()));
    assert_eq!(asked(&trust(&[&other, &one]), &cert), Ok(()));
}

#[test]
fn who_may_not_sign_lists_is_not_believed() {
    let root = TestCa::builder("Root").without_crl_sign().issue();
    let cert = root.client(ACME).issue();
    let clean = required(&root, crls([root.crl(1)]));
    assert_eq!(asked(&clean, &cert), Err(Untrusted::CrlIssuer));
    let clean = best_effort(&root, crls([root.crl(1)]));
    assert_eq!(asked(&clean, &cert), Err(Untrusted::CrlIssuer));
    // To take trust away its word is good enough.
    let listed = best_effort(&root, crls([root.crl(1).revoke(&cert)]));
    assert_eq!(asked(&listed, &cert), Err(revoked(&cert)));

    let root = TestCa::new("Root");
    let issuing = root.intermediate_builder("Issuing").without_crl_sign().issue();
    let trust = required(&root, crls([root.crl(1), issuing.crl(1)]));
    assert_eq!(
        asked(&trust, &issuing.client(ACME).issue()),
        Err(Untrusted::CrlIssuer)
    );
}

#[test]
fn a_list_goes_out_of_date_while_it_is_in_use() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let lists = || {
        crls([root
            .crl(1)
            .this_update(utc(2025, 6, 1))
            .next_update(utc(2026, 2, 1))])
    };
    assert_eq!(lists().next_update(), Some(utc(2026, 2, 1)));
    for trust in [required(&root, lists()), best_effort(&root, lists())] {
        let evidence = verify(&trust, &cert).expect("trusted");
        assert_eq!(evidence.valid.not_before, utc(2025, 6, 1));
        assert_eq!(evidence.valid.not_after, utc(2026, 2, 1));
        let at = |now| verify_at(&trust, &cert, now).map(|_| ());
        assert_eq!(at(utc(2026, 2, 1)), Ok(()));
        let late = seconds(utc(2026, 2, 1), 1);
        assert_eq!(
            at(late),
            Err(Untrusted::CrlExpired {
                next_update: utc(2026, 2, 1),
                now: late
            })
        );
        let soon = seconds(utc(2025, 6, 1), -1);
        assert_eq!(
            at(soon),
            Err(Untrusted::CrlFromTheFuture {
                this_update: utc(2025, 6, 1),
                now: soon
            })
        );
    }
    // Whom it lists stays revoked, however old it gets.
    let trust = best_effort(
        &root,
        crls([root.crl(1).next_update(utc(2026, 2, 1)).revoke(&cert)]),
    );
    let late = verify_at(&trust, &cert, utc(2027, 1, 1)).map(|_| ());
    assert_eq!(late, Err(revoked(&cert)));
}

#[test]
fn the_window_is_that_of_every_list_that_was_asked() {
    let root = TestCa::new("Root");
    let issuing = root.intermediate("Issuing");
    let cert = issuing.client(ACME).issue();
    let lists = crls([
        root.crl(1)
            .this_update(utc(2025, 2, 1))
            .next_update(utc(2026, 5, 1)),
        issuing
            .crl(1)
            .this_update(utc(2025, 3, 1))
            .next_update(utc(2026, 6, 1)),
        // Not asked.
        TestCa::new("Other").crl(1).next_update(utc(2026, 1, 2)),
    ]);
    let valid = verify(&required(&root, lists.clone()), &cert)
        .expect("trusted")
        .valid;
    assert_eq!(
        (valid.not_before, valid.not_after),
        (utc(2025, 3, 1), utc(2026, 5, 1))
    );
    let leaf = Revocation::required(lists).with_depth(RevocationDepth::Leaf);
    let valid = verify(&with_revocation(&root, leaf), &cert)
        .expect("trusted")
        .valid;
    assert_eq!(
        (valid.not_before, valid.not_after),
        (utc(2025, 3, 1), utc(2026, 6, 1))
    );
    let none = verify(&best_effort(&root, Crls::default()), &cert)
        .expect("trusted")
        .valid;
    assert_eq!((none.not_before, none.not_after), (NOT_BEFORE, NOT_AFTER));
}

#[test]
fn the_alert_says_what_the_reason_is() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let mute = TestCa::builder("Root").without_crl_sign().issue();
    for version in VERSIONS {
        let listed = required(&root, crls([root.crl(1).revoke(&cert)]));
        assert_eq!(
            refused(listed, &cert, version),
            (Some(revoked(&cert)), Some(CertificateRevoked))
        );
        let issuing = root.intermediate("Issuing");
        let strange = required(&root, crls([root.crl(1), issuing.evil_twin().crl(1)]));
        let below = issuing.client(ACME).issue();
        let foreign = unanswered(&below, "CN=Issuing", [Unanswered::Signature]);
        assert_eq!(
            refused(strange, &below, version),
            (Some(foreign), Some(UnknownCA))
        );
        let mute_list = required(&mute, crls([mute.crl(1)]));
        let (reason, alert) = refused(mute_list, &mute.client(ACME).issue(), version);
        assert_eq!((reason, alert), (Some(Untrusted::CrlIssuer), Some(UnknownCA)));
    }
}

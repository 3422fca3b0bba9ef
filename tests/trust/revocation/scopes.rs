//! What a list speaks about: its scope, and whose points it names.

use countersign::testing::TestCa;
use countersign::trust::Unanswered;

use super::{CAS_ONLY, LEAVES_ONLY, asked, best_effort, crls, required, revoked, scope_of, unanswered};
use crate::stage::*;

#[test]
fn a_list_speaks_about_its_scope_only() {
    let root = TestCa::new("Root");
    let issuing = root.intermediate("Issuing");
    let scoped =
        |ca: &TestCa, scope: Vec<u8>| ca.crl(1).critical_extension(ISSUING_DISTRIBUTION_POINT, &scope);
    let one = "http://crl.example/1";
    let two = "http://crl.example/2";
    let pointing = |uris: &[&str]| {
        root.client(ACME)
            .extension(CRL_DISTRIBUTION_POINTS, &distribution_points(uris))
            .issue()
    };
    let leaves = || scope_of(&[LEAVES_ONLY], Some(&[one]));
    let cas = || scope_of(&[CAS_ONLY], Some(&[one]));
    let point = |uri: &str| scope_of(&[], Some(&[uri]));

    // A list for leaves says nothing of authorities, and the other way round.
    let (at_one, at_two, at_both, nowhere) = (
        pointing(&[one]),
        pointing(&[two]),
        pointing(&[two, one]),
        pointing(&[]),
    );
    let elsewhere = |uri: &str| {
        Some(Unanswered::OtherPoint {
            points: vec![uri.to_owned()],
        })
    };
    for (case, list, cert, silent) in [
        ("leaves", leaves(), &at_one, None),
        ("authorities", cas(), &at_one, Some(Unanswered::AuthoritiesOnly)),
        ("its point", point(one), &at_one, None),
        ("another point", point(two), &at_one, elsewhere(two)),
        // RUSTSEC-2026-0049: the second of two points counts as the first does.
        ("the second of two points", point(one), &at_both, None),
        ("the first of two points", point(two), &at_both, None),
        (
            "no point in the certificate",
            point(one),
            &nowhere,
            elsewhere(one),
        ),
        (
            "a point in upper case",
            point("http://CRL.example/1"),
            &at_one,
            elsewhere("http://CRL.example/1"),
        ),
        (
            "the right one of two points",
            scope_of(&[], Some(&[two, one])),
            &at_one,
            None,
        ),
        (
            "two for one",
            scope_of(&[], Some(&[one])),
            &at_two,
            elsewhere(one),
        ),
    ] {
        let lists = crls([scoped(&root, list.clone())]);
        let hard = silent.map_or(Ok(()), |reason| Err(unanswered(cert, "CN=Root", [reason])));
        assert_eq!(asked(&required(&root, lists.clone()), cert), hard, "{case}");
        assert_eq!(asked(&best_effort(&root, lists), cert), Ok(()), "{case}");
        // Whom it names is refused, whatever it is for: the issuer gives no serial number twice.
        let listed = crls([scoped(&root, list).revoke(cert)]);
        for trust in [required(&root, listed.clone()), best_effort(&root, listed)] {
            assert_eq!(asked(&trust, cert), Err(revoked(cert)), "{case}, named");
        }
    }

    // Both kinds together make a whole; neither puts the other aside.
    let cert = issuing.client(ACME).issue();
    let leaf_at_root = pointing(&[one]);
    let both = |ca: &TestCa| {
        [
            ca.crl(9)
                .critical_extension(ISSUING_DISTRIBUTION_POINT, &leaves()),
            ca.crl(1).critical_extension(ISSUING_DISTRIBUTION_POINT, &cas()),
        ]
    };
    let lists = crls(both(&root));
    assert_eq!(lists.len(), 2);
    assert_eq!(asked(&required(&root, lists), &leaf_at_root), Ok(()));
    // The intermediate names no distribution point, so neither speaks about it.
    let reasons = [
        Unanswered::LeavesOnly,
        Unanswered::OtherPoint {
            points: vec![one.to_owned()],
        },
    ];
    let silent = crls(both(&root).into_iter().chain([issuing.crl(1)]));
    assert_eq!(
        asked(&required(&root, silent), &cert),
        Err(unanswered(&issuing, "CN=Root", reasons))
    );
}

#[test]
fn a_point_of_another_issuer_or_for_some_reasons_is_none() {
    let root = TestCa::new("Root");
    let uri = "http://crl.example/1";
    let point = |more: Vec<u8>| sequence(&[sequence(&[full_name(&[uri]), more])]);
    let issuer = tlv(0xa2, &tlv(0xa4, &sequence(&[rdn(&[attribute(3, 12, b"Other")])])));
    let lists = crls([root
        .crl(1)
        .critical_extension(ISSUING_DISTRIBUTION_POINT, &scope_of(&[], Some(&[uri])))]);
    for (case, more) in [("another issuer", issuer), ("some reasons", tlv(0x81, &[1, 2]))] {
        let cert = root
            .client(ACME)
            .extension(CRL_DISTRIBUTION_POINTS, &point(more))
            .issue();
        assert_eq!(
            asked(&required(&root, lists.clone()), &cert),
            Err(unanswered(
                &cert,
                "CN=Root",
                [Unanswered::OtherPoint {
                    points: vec![uri.to_owned()],
                }]
            )),
            "{case}"
        );
    }
}

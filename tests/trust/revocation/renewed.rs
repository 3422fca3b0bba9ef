//! A list goes back for nobody.

use countersign::UnixTime;
use countersign::testing::{CrlBuilder, NOW, TestCa, utc};
use countersign::trust::{Crls, InvalidCrls};

use super::{crls, issuer, pem, required};

#[test]
fn renewing_takes_no_list_of_a_strangers() {
    let root = TestCa::new("Root");
    let twin = root.evil_twin();
    let forged = || twin.crl(9).claiming_key_of(&root);
    let current = crls([root.crl(1)]);
    // Loading it into a verifier verifies it, and from then on its signer is known.
    let _trust = required(&root, current.clone());
    let stranger = InvalidCrls::Stranger {
        issuer: "CN=Root".to_owned(),
    };
    let cases: [(_, _, Result<usize, InvalidCrls>); 3] = [
        ("the authority's own", pem(vec![root.crl(2)]), Ok(1)),
        ("a forged one alone", pem(vec![forged()]), Err(stranger.clone())),
        (
            "a forged one beside it",
            pem(vec![root.crl(2), forged()]),
            Err(stranger),
        ),
    ];
    for (case, lists, expected) in cases {
        let renewed = current.renew(lists.as_bytes(), NOW).map(|crls| crls.len());
        assert_eq!(renewed, expected, "{case}");
    }
}

/// One authority's list that is overdue keeps no other's from being renewed: it stays as it was, and refuses its own peers.
#[test]
fn a_list_that_is_overdue_stays_while_others_are_renewed() {
    let (root, other) = (TestCa::new("Root"), TestCa::new("Other"));
    let due = utc(2026, 6, 2);
    let late = |number| root.crl(number).next_update(due);
    let others = |number| other.crl(number).next_update(utc(2027, 1, 1));
    let current = crls([late(5), others(3)]);
    let expired = |next_update| {
        Err(InvalidCrls::Expired {
            issuer: issuer(),
            next_update,
        })
    };
    let after = utc(2026, 6, 3);
    for (case, lists, expected) in [
        (
            "it stands there as it was",
            vec![late(5), others(4)],
            Ok(Some(due)),
        ),
        (
            "another of its number",
            vec![late(5).next_update(utc(2026, 6, 1)), others(4)],
            expired(utc(2026, 6, 1)),
        ),
        (
            "a newer one, overdue as well",
            vec![late(6), others(4)],
            expired(due),
        ),
        (
            "an older one, overdue as well",
            vec![late(4), others(4)],
            expired(due),
        ),
        (
            "missing",
            vec![others(4)],
            Err(InvalidCrls::Missing { issuer: issuer() }),
        ),
        (
            "a stranger's",
            vec![
                root.evil_twin().crl(5).claiming_key_of(&root).next_update(due),
                others(4),
            ],
            Ok(Some(due)),
        ),
    ] {
        let renewed = current.renew(pem(lists).as_bytes(), after);
        let first = renewed.map(|crls| crls.next_update());
        assert_eq!(first, expected, "{case}");
    }
    // Nobody has one to begin with.
    let begun = Crls::from_pem(pem(vec![late(5), others(4)]).as_bytes(), after);
    assert_eq!(
        begun.map(|crls| crls.len()),
        expired(due).map(|_: Option<UnixTime>| 0)
    );
}

#[test]
fn renewing_never_goes_back() {
    let root = TestCa::new("Root");
    let other = TestCa::new("Other");
    let current = crls([root.crl(5), other.crl(3)]);
    let renew = |lists: Vec<CrlBuilder>| current.renew(pem(lists).as_bytes(), NOW).map(|crls| crls.len());
    for (case, lists, expected) in [
        ("the same", vec![root.crl(5), other.crl(3)], Ok(2)),
        ("newer", vec![root.crl(6), other.crl(3)], Ok(2)),
        (
            "one more",
            vec![root.crl(6), other.crl(4), TestCa::new("Third").crl(1)],
            Ok(3),
        ),
        (
            "old and newer",
            vec![root.crl(4), root.crl(6), other.crl(3)],
            Ok(2),
        ),
        (
            "older",
            vec![root.crl(4), other.crl(3)],
            Err(InvalidCrls::Rollback { issuer: issuer() }),
        ),
        (
            "older, and dated later",
            vec![root.crl(4).this_update(utc(2025, 12, 31)), other.crl(3)],
            Err(InvalidCrls::Rollback { issuer: issuer() }),
        ),
        (
            "newer, and dated earlier",
            vec![root.crl(6).this_update(utc(2024, 12, 31)), other.crl(3)],
            Ok(2),
        ),
        (
            "one missing",
            vec![other.crl(4)],
            Err(InvalidCrls::Missing { issuer: issuer() }),
        ),
        (
            "another key",
            vec![root.evil_twin().crl(9), other.crl(4)],
            Err(InvalidCrls::Missing { issuer: issuer() }),
        ),
        ("none", vec![], Err(InvalidCrls::Empty)),
        (
            "expired",
            vec![root.crl(6).expired(), other.crl(4)],
            Err(InvalidCrls::Expired {
                issuer: issuer(),
                next_update: utc(2021, 1, 1),
            }),
        ),
    ] {
        assert_eq!(renew(lists), expected, "{case}");
    }
}

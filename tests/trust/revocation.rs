//! Was it taken back? CRLs that must not be used are refused when they are read, and those in use are asked the right
//! question.

use crate::stage;

use std::sync::atomic::{AtomicUsize, Ordering};

use countersign::identity::{PeerChain, SerialNumber};
use countersign::testing::{CrlBuilder, NOT_AFTER, NOT_BEFORE, NOW, Serial, TestCa, TestCert, TestCrl, utc};
use countersign::tls::rustls::AlertDescription::{CertificateRevoked, UnknownCA};
use countersign::tls::rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm,
};
use countersign::trust::{
    Crls, InvalidCrls, PassedOver, PrivateCa, Revocation, RevocationDepth, Role, Unanswered, UnknownStatus,
    Untrusted, VerifiedPeer, VerifyPeer,
};

use stage::*;

fn crls(lists: impl IntoIterator<Item = CrlBuilder>) -> Crls {
    read(lists.into_iter().map(CrlBuilder::issue)).expect("good lists")
}

fn read(lists: impl IntoIterator<Item = TestCrl>) -> Result<Crls, InvalidCrls> {
    let lists: Vec<_> = lists.into_iter().collect();
    Crls::from_der(lists.iter().map(|list| list.der().clone()), NOW)
}

fn pem(lists: impl IntoIterator<Item = CrlBuilder>) -> String {
    lists.into_iter().map(|list| list.issue().pem()).collect()
}

fn required(anchor: &TestCa, crls: Crls) -> PrivateCa {
    with_revocation(anchor, Revocation::required(crls))
}

fn best_effort(anchor: &TestCa, crls: Crls) -> PrivateCa {
    with_revocation(anchor, Revocation::best_effort(crls))
}

fn serial_of(serial: &Serial) -> SerialNumber {
    SerialNumber::from_bytes(serial.as_bytes())
}

fn revoked(serial: impl Into<Serial>) -> Untrusted {
    Untrusted::Revoked {
        serial: serial_of(&serial.into()),
    }
}

fn unknown(serial: impl Into<Serial>) -> Untrusted {
    Untrusted::RevocationUnknown {
        serial: serial_of(&serial.into()),
        passed_over: vec![],
    }
}

/// No list speaks about it, and those of its issuer do not for these reasons.
fn unanswered(
    serial: impl Into<Serial>,
    issuer: &str,
    reasons: impl IntoIterator<Item = Unanswered>,
) -> Untrusted {
    Untrusted::RevocationUnknown {
        serial: serial_of(&serial.into()),
        passed_over: reasons
            .into_iter()
            .map(|reason| PassedOver::new(issuer, reason))
            .collect(),
    }
}

fn built(anchors: &[&TestCa], revocation: Revocation) -> Result<(), String> {
    let built = builder(anchors).with_revocation(revocation).build(NOW);
    built.map(|_| ()).map_err(|error| error.to_string())
}

fn signed_by_nobody(issuer: &str) -> Result<(), String> {
    Err(format!(
        "certificate authorities from CRLs: no CRL of {issuer} is signed with the key of the anchor of that name, so nobody \
         would be refused by it; fetch it from the CA itself, or give the anchor whose it is"
    ))
}

fn asked(trust: &dyn VerifyPeer, cert: &TestCert) -> Result<(), Untrusted> {
    verify(trust, cert).map(|_| ())
}

fn issuer() -> String {
    "CN=Root".to_owned()
}

// -- when they are read --------------------------------------------------------------------------------------------------

#[test]
fn lists_that_must_not_be_used_are_refused_when_read() {
    let root = TestCa::new("Root");
    let cases: Vec<(&str, CrlBuilder, InvalidCrls)> = vec![
        (
            "expired",
            root.crl(1).expired(),
            InvalidCrls::Expired {
                issuer: issuer(),
                next_update: utc(2021, 1, 1),
            },
        ),
        (
            "expired a second ago",
            root.crl(1).next_update(seconds(NOW, -1)),
            InvalidCrls::Expired {
                issuer: issuer(),
                next_update: seconds(NOW, -1),
            },
        ),
        (
            "from the future",
            root.crl(1).not_yet_valid(),
            InvalidCrls::FromTheFuture {
                issuer: issuer(),
                this_update: utc(2090, 1, 1),
            },
        ),
        (
            "from a second ahead",
            root.crl(1).this_update(seconds(NOW, 1)),
            InvalidCrls::FromTheFuture {
                issuer: issuer(),
                this_update: seconds(NOW, 1),
            },
        ),
        (
            "no number",
            root.crl(1).without_number(),
            InvalidCrls::NoNumber { issuer: issuer() },
        ),
        (
            "no next update",
            root.crl(1).without_next_update(),
            InvalidCrls::NoNextUpdate { issuer: issuer() },
        ),
        (
            "delta",
            root.crl(1).critical_extension(DELTA_CRL_INDICATOR, &[2, 1, 1]),
            InvalidCrls::Malformed {
                issuer: Some(issuer()),
                reason: "it is a delta, of what has changed (deltaCRLIndicator, 2.5.29.27)".into(),
            },
        ),
        (
            "delta that does not say so aloud",
            root.crl(1).extension(DELTA_CRL_INDICATOR, &[2, 1, 1]),
            InvalidCrls::Malformed {
                issuer: Some(issuer()),
                reason: "it is a delta, of what has changed (deltaCRLIndicator, 2.5.29.27)".into(),
            },
        ),
        (
            "indirect",
            root.crl(1)
                .critical_extension(ISSUING_DISTRIBUTION_POINT, &scope_of(&[(4, &[0xff])], None)),
            InvalidCrls::Malformed {
                issuer: Some(issuer()),
                reason: "it is indirect: it is about other issuers' certificates".into(),
            },
        ),
        (
            "for some reasons",
            root.crl(1)
                .critical_extension(ISSUING_DISTRIBUTION_POINT, &scope_of(&[(3, &[1, 2])], None)),
            InvalidCrls::Malformed {
                issuer: Some(issuer()),
                reason: "it is for some reasons only".into(),
            },
        ),
        (
            "for attribute certificates",
            root.crl(1)
                .critical_extension(ISSUING_DISTRIBUTION_POINT, &scope_of(&[(5, &[0xff])], None)),
            InvalidCrls::Malformed {
                issuer: Some(issuer()),
                reason: "its issuingDistributionPoint (2.5.29.28) says what it must not, such as that it is for attribute certificates".into(),
            },
        ),
        (
            "unknown critical extension",
            root.crl(1).critical_extension(&[1, 2, 3], &[5, 0]),
            InvalidCrls::Malformed {
                issuer: Some(issuer()),
                reason: "the critical extension \"1.2.3\" is not supported".into(),
            },
        ),
    ];
    let good = || TestCa::new("Other").crl(1).issue();
    for (case, list, expected) in cases {
        let list = list.issue();
        assert_eq!(read([list.clone()]).err().as_ref(), Some(&expected), "{case}");
        // One bad list spoils all, wherever it stands.
        assert_eq!(
            read([good(), list.clone()]).err().as_ref(),
            Some(&expected),
            "{case}"
        );
        assert_eq!(read([list, good()]).err().as_ref(), Some(&expected), "{case}");
    }
    // To the second, both ends included.
    let fresh = root.crl(1).this_update(NOW).next_update(seconds(NOW, 1));
    assert_eq!(read([fresh.issue()]).map(|crls| crls.len()), Ok(1));
}

#[test]
fn texts_without_a_list_are_refused() {
    for (case, text) in [("empty", ""), ("whitespace", " \n\n"), ("garbage", "junk")] {
        assert_eq!(
            Crls::from_pem(text.as_bytes(), NOW).err(),
            Some(InvalidCrls::Empty),
            "{case}"
        );
    }
    let whole = TestCa::new("Root").crl(1).issue().pem();
    let torn = whole.split("-----END").next().expect("a beginning");
    for (case, text, expected) in [
        (
            "torn",
            torn,
            "line 1: X509 CRL has no END; the text was cut off, export it again",
        ),
        (
            "certificates",
            &TestCa::new("Root").pem(),
            "line 1: CERTIFICATE is not read here; keep it in a file of its own",
        ),
    ] {
        assert_eq!(
            Crls::from_pem(text.as_bytes(), NOW)
                .map_err(|invalid| invalid.to_string())
                .err(),
            Some(format!("the CRLs cannot be taken as PEM: {expected}")),
            "{case}"
        );
    }
    let junk = "-----BEGIN X509 CRL-----\nanVuaw==\n-----END X509 CRL-----\n";
    assert_eq!(
        Crls::from_pem(junk.as_bytes(), NOW).err(),
        Some(InvalidCrls::Malformed {
            issuer: None,
            reason: "not a CRL in DER".into()
        })
    );
}

/// A list that is in the file and not seen lets in whom it revokes, under `best_effort`: so it is read, or the file is
/// refused.
#[test]
fn whom_a_list_in_the_file_revokes_is_never_let_in() {
    let (root, other) = (TestCa::new("Root"), TestCa::new("Other"));
    let client = root.client(ACME).serial(77).issue();
    let list = root.crl(1).revoke(77).issue().pem();
    let another = other.crl(1).issue().pem();
    let lines = list.trim_end().lines().count();
    let indented: String = list.lines().map(|line| format!("  {line}\n")).collect();
    let gone: String = list.trim_end().replace('\n', "\\n");
    let read = |text: &str| {
        Crls::from_pem(text.as_bytes(), NOW)
            .map(|lists| asked(&best_effort(&root, lists), &client))
            .map_err(|invalid| invalid.to_string())
    };
    let revoked = Err(revoked(77));
    for (case, text) in [
        ("both", format!("{another}{list}")),
        ("a byte order mark", format!("\u{feff}{list}{another}")),
        ("CRLF", format!("{another}{list}").replace('\n', "\r\n")),
        (
            "text between",
            format!("# of Other\n{another}\n# of Root\n{list}"),
        ),
    ] {
        assert_eq!(read(&text), Ok(revoked.clone()), "{case}");
    }
    let joined = another.trim_end().lines().count();
    for (case, text, expected) in [
        (
            "joined without a line break",
            format!("{}{list}", another.trim_end()),
            format!(
                "line {joined}: an END and the next BEGIN in one line; texts were joined, and one lacks its last line break"
            ),
        ),
        (
            "joined, the list first",
            format!("{}{another}", list.trim_end()),
            format!(
                "line {lines}: an END and the next BEGIN in one line; texts were joined, and one lacks its last line break"
            ),
        ),
        (
            "indented",
            format!("{another}{indented}"),
            format!(
                "line {}: a BEGIN or END is indented; put it at the beginning of its line",
                joined + 1
            ),
        ),
        (
            "another label",
            format!("{another}{}", list.replace("X509 CRL", "CRL")),
            format!(
                "line {}: CRL is not read here; the label of a CRL is X509 CRL (RFC 7468 6)",
                joined + 1
            ),
        ),
        (
            "a byte order mark in the middle",
            format!("{another}\u{feff}{list}"),
            format!(
                "line {}: a byte order mark in the middle; texts were joined, save each without it",
                joined + 1
            ),
        ),
        (
            "lost line breaks",
            format!("{another}{gone}"),
            format!(
                "line {}: the lines are joined by `\\n`, a backslash and a letter; put line breaks in their place",
                joined + 1
            ),
        ),
    ] {
        let expected = format!("the CRLs cannot be taken as PEM: {expected}");
        assert_eq!(read(&text), Err(expected), "{case}");
    }
}

#[test]
fn required_with_none_is_no_configuration() {
    let root = TestCa::new("Root");
    let none = Crls::default();
    let built = builder(&[&root])
        .with_revocation(Revocation::required(none.clone()))
        .build(NOW);
    assert_eq!(
        built.map(|_| ()).map_err(|error| error.to_string()),
        Err(
            "certificate authorities from CRLs: revocation is required and no CRL is loaded; give the CRLs of every \
             authority on the path"
                .to_owned()
        )
    );
    assert_eq!(
        asked(&best_effort(&root, none), &root.client(ACME).issue()),
        Ok(())
    );
}

#[test]
fn a_list_that_openssl_made_is_read() {
    // openssl ca -gencrl, with one revoked certificate, number 0x1000, key P-256.
    let crls =
        Crls::from_pem(include_bytes!("revocation/openssl.crl.pem"), utc(2026, 11, 23)).expect("a list");
    assert_eq!(crls.len(), 1);
    let root = include_bytes!("revocation/openssl.ca.pem");
    let now = utc(2026, 11, 23);
    let trust = PrivateCa::builder(algorithms())
        .pem(root)
        .with_revocation(Revocation::required(crls))
        .build(now)
        .expect("an anchor");
    let cert = |pem: &[u8]| {
        use countersign::tls::rustls::pki_types::{CertificateDer, pem::PemObject as _};
        let leaf = CertificateDer::from_pem_slice(pem).expect("a certificate");
        let role = countersign::trust::Role::Client;
        countersign::trust::VerifiedPeer::verify(&trust, chain(vec![leaf]), role, now).map(|_| ())
    };
    assert_eq!(cert(include_bytes!("revocation/openssl.good.pem")), Ok(()));
    assert_eq!(
        cert(include_bytes!("revocation/openssl.revoked.pem")),
        Err(Untrusted::Revoked {
            serial: SerialNumber::from_bytes(&[0x10, 0x02])
        })
    );
}

// -- the newest counts ---------------------------------------------------------------------------------------------------

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
fn an_entry_that_says_something_unknown_spoils_its_list() {
    const CERTIFICATE_ISSUER: &[u64] = &[2, 5, 29, 29];
    let root = TestCa::new("Root");
    let other = sequence(&[tlv(0xa4, &sequence(&[rdn(&[attribute(3, 12, b"Other")])]))]);
    for (case, list, expected) in [
        (
            "not known",
            root.crl(1)
                .revoke(1)
                .critical_entry_extension(&[1, 2, 3], &[5, 0])
                .revoke(2),
            Err("an entry of it: the critical extension \"1.2.3\" is not supported"),
        ),
        (
            "of another issuer",
            root.crl(1)
                .revoke(1)
                .critical_entry_extension(CERTIFICATE_ISSUER, &other),
            Err("an entry of it: it is indirect: it is about other issuers' certificates"),
        ),
        (
            "a reason that is none",
            root.crl(1)
                .revoke(1)
                .critical_entry_extension(REASON_CODE, &[10, 1, 7]),
            Err("an entry of it: UnsupportedRevocationReason"),
        ),
        (
            "a reason",
            root.crl(1)
                .revoke(1)
                .critical_entry_extension(REASON_CODE, &[10, 1, 1]),
            Ok(1),
        ),
    ] {
        let expected = expected.map_err(|reason: &str| InvalidCrls::Malformed {
            issuer: Some("CN=Root".to_owned()),
            reason: reason.to_owned(),
        });
        assert_eq!(read([list.issue()]).map(|crls| crls.len()), expected, "{case}");
    }
}

const REASON_CODE: &[u64] = &[2, 5, 29, 21];

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

// -- what is asked -------------------------------------------------------------------------------------------------------

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

// -- scope ---------------------------------------------------------------------------------------------------------------

/// IssuingDistributionPoint: these context tags with their contents, and a distribution point in front.
fn scope_of(flags: &[(u8, &[u8])], uris: Option<&[&str]>) -> Vec<u8> {
    let point = uris.map(full_name).into_iter();
    let flags = flags.iter().map(|(tag, contents)| tlv(0x80 | tag, contents));
    sequence(&point.chain(flags).collect::<Vec<_>>())
}

const LEAVES_ONLY: (u8, &[u8]) = (1, &[0xff]);
const CAS_ONLY: (u8, &[u8]) = (2, &[0xff]);

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

#[test]
fn a_refusal_names_four_lists_and_counts_the_others() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).serial(77).issue();
    let scoped = |shard: &u64| {
        let uri = format!("http://crl.example/{shard}");
        root.crl(*shard)
            .critical_extension(ISSUING_DISTRIBUTION_POINT, &scope_of(&[], Some(&[&uri])))
    };
    let about = |shard: u64| {
        format!(
            "the CRL of CN=Root is for the distribution point http://crl.example/{shard}, which the certificate does not name"
        )
    };
    let head = "no CRL speaks about the certificate with serial number 4d";
    for (shards, expected) in [
        (vec![1], format!("{head}; {}", about(1))),
        (
            vec![6, 5, 4, 3, 2, 1],
            format!(
                "{head}; {}; {}; {}; {}; and 2 more",
                about(6),
                about(5),
                about(4),
                about(3)
            ),
        ),
    ] {
        let trust = required(&root, crls(shards.iter().map(scoped)));
        assert_eq!(
            asked(&trust, &cert).map_err(|error| error.to_string()),
            Err(expected)
        );
    }
}

// -- serial numbers ------------------------------------------------------------------------------------------------------

#[test]
fn serial_numbers_of_every_length_are_found() {
    let root = TestCa::new("Root");
    let mut twenty = [0x55; 20];
    twenty[0] = 0x7f;
    let mut high = [0xaa; 20];
    high[0] = 0x80;
    let serials: Vec<Serial> = vec![
        Serial::from(1),
        Serial::from(0x80),
        Serial::from(0xff),
        Serial::from(0x0100),
        Serial::from(u64::MAX),
        Serial::from(&twenty[..]),
        // Twenty octets and one for the sign.
        Serial::from(&high[..]),
    ];
    for serial in &serials {
        let cert = root.client(ACME).serial(serial.clone()).issue();
        let others = serials.iter().filter(|other| *other != serial);
        let clean = others.fold(root.crl(1), |list, other| list.revoke(other.clone()));
        assert_eq!(
            asked(&required(&root, crls([clean.clone()])), &cert),
            Ok(()),
            "{serial:?}"
        );
        let listed = clean.revoke(serial.clone());
        assert_eq!(
            asked(&required(&root, crls([listed])), &cert),
            Err(revoked(serial.clone())),
            "{serial:?}"
        );
    }
    // Written with a zero in front, it is the same number.
    let padded = root.client(ACME).raw_serial(&[0x00, 0x2a]).issue();
    let answer = asked(&required(&root, crls([root.crl(1).revoke(42)])), &padded);
    assert!(
        matches!(answer, Err(Untrusted::Malformed(_))) || answer == Err(revoked(42)),
        "{answer:?}"
    );
    // Longer than the standard allows: refused, list or no list.
    let rule = "a serial number that is not positive or longer than 20 octets (section 4.1.2.2)";
    let unsound = || Err(Untrusted::Rfc5280 { rule });
    for (case, contents, expected) in [
        ("twenty octets", &[0x7f; 20][..], Ok(())),
        (
            "twenty and one for the sign",
            &[&[0], &[0x80; 20][..]].concat(),
            Ok(()),
        ),
        ("twenty-one octets", &[0x7f; 21], unsound()),
        ("twenty-one, hardly", &[&[1], &[0; 20][..]].concat(), unsound()),
        (
            "twenty-one and one for the sign",
            &[&[0], &[0x80; 21][..]].concat(),
            unsound(),
        ),
        ("negative", &[0x80; 3], unsound()),
        ("zero", &[0], unsound()),
    ] {
        let cert = root.client(ACME).raw_serial(contents).issue();
        assert_eq!(asked(&private(&[&root]), &cert), expected, "{case}");
    }
    // A list that names such a number is read, and does no harm.
    let long = root.crl(1).revoke(&[0x7f; 21][..]);
    assert_eq!(
        asked(&required(&root, crls([long])), &root.client(ACME).issue()),
        Ok(())
    );
}

#[test]
fn a_hundred_thousand_entries_are_found_in_little_memory() {
    let root = TestCa::new("Root");
    let count = 100_000_u64;
    // 16 bytes, as real authorities have them.
    let serial = |n: u64| {
        let bytes = [
            (0x4000_0000_0000_0000 + n).to_be_bytes(),
            n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes(),
        ];
        Serial::from(&bytes.concat()[..])
    };
    let list = (0..count)
        .fold(root.crl(1), |list, n| list.revoke(serial(n)))
        .issue();
    let mut trust = None;
    let info = allocation_counter::measure(|| {
        let crls = read([list.clone()]).expect("a list");
        trust = Some(required(&root, crls));
    });
    let trust = trust.expect("built");
    let good = root.client(ACME).serial(serial(count)).issue();
    let later = allocation_counter::measure(|| assert_eq!(asked(&trust, &good), Ok(())));
    // What the list itself weighs was dropped, for the anchor's signature was verified at once.
    let held = info.bytes_current + later.bytes_current;
    println!("100,000 entries: {held} bytes, {} while reading", info.bytes_max);
    assert!(held <= 4_000_000, "{held}");
    for (case, n) in [("first", 0), ("middle", count / 2), ("last", count - 1)] {
        let cert = root.client(ACME).serial(serial(n)).issue();
        assert_eq!(asked(&trust, &cert), Err(revoked(serial(n))), "{case}");
    }
    // The list of an intermediate is verified when the first handshake brings it.
    let issuing = root.intermediate("Issuing");
    let list = (0..count)
        .fold(issuing.crl(1), |list, n| list.revoke(serial(n)))
        .issue();
    let mut trust = None;
    let info = allocation_counter::measure(|| {
        let crls = read([root.crl(1).issue(), list.clone()]).expect("lists");
        trust = Some(required(&root, crls));
    });
    let trust = trust.expect("built");
    assert_eq!(asked(&trust, &issuing.client(ACME).issue()), Ok(()));
    println!("not yet verified: {} bytes", info.bytes_current);
    assert!(info.bytes_current <= 4_000_000, "{}", info.bytes_current);
    assert_eq!(
        asked(&trust, &issuing.client(ACME).serial(serial(7)).issue()),
        Err(revoked(serial(7)))
    );
}

/// An algorithm that counts how often it is used.
#[derive(Debug)]
struct Counting(&'static dyn SignatureVerificationAlgorithm, &'static AtomicUsize);

impl SignatureVerificationAlgorithm for Counting {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.verify_signature(key, message, signature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.0.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.0.signature_alg_id()
    }
}

#[test]
fn a_list_is_verified_once_and_not_once_a_handshake() {
    static USES: AtomicUsize = AtomicUsize::new(0);
    let root = TestCa::new("Root");
    let issuing = root.intermediate("Issuing");
    let lists = crls([root.crl(1), issuing.crl(1)]);
    let counting = algorithms()
        .iter()
        .map(|inner| &*Box::leak(Box::new(Counting(*inner, &USES))));
    let counting: Vec<&'static dyn SignatureVerificationAlgorithm> = counting.map(|one| one as _).collect();
    let trust = PrivateCa::builder(Vec::leak(counting))
        .der(root.certificate().clone())
        .with_revocation(Revocation::required(lists))
        .build(NOW)
        .expect("an anchor");
    assert_eq!(
        USES.load(Ordering::Relaxed),
        1,
        "the anchor's list is verified when it is loaded"
    );
    let cert = issuing.client(ACME).issue();
    for (handshake, signatures) in [("first", 4), ("second", 6), ("third", 8)] {
        // Leaf and intermediate each time; the intermediate's list the first time only. Asked once, without an explanation beside it.
        let chain = PeerChain::parse(cert.chain()).expect("a chain");
        assert!(VerifiedPeer::verify(&trust, chain, Role::Client, NOW).is_ok());
        assert_eq!(USES.load(Ordering::Relaxed), signatures, "{handshake}");
    }
}

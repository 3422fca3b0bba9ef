//! Lists that must not be used are refused when they are read.

use countersign::identity::SerialNumber;
use countersign::testing::{CrlBuilder, NOW, TestCa, utc};
use countersign::trust::{Crls, InvalidCrls, PrivateCa, Revocation, Untrusted};

use super::{LEAVES_ONLY, asked, best_effort, issuer, read, revoked, scope_of};
use crate::stage::*;

#[test]
fn lists_that_must_not_be_used_are_refused_when_read() {
    let root = TestCa::new("Root");
    let directory = tlv(0xa4, &sequence(&[rdn(&[attribute(3, 12, b"Part")])]));
    let without_a_point = || InvalidCrls::Malformed {
        issuer: Some(issuer()),
        reason:
            "its issuingDistributionPoint (2.5.29.28) does not say in full which distribution point it is for"
                .into(),
    };
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
            "for a point that is named by no URI",
            root.crl(1)
                .critical_extension(ISSUING_DISTRIBUTION_POINT, &point_of(0xa0, &directory)),
            InvalidCrls::Scope { issuer: issuer() },
        ),
        (
            "for a point beside its issuer",
            root.crl(1)
                .critical_extension(ISSUING_DISTRIBUTION_POINT, &point_of(0xa1, &attribute(3, 12, b"Part"))),
            without_a_point(),
        ),
        (
            "for leaves, of no point",
            root.crl(1)
                .critical_extension(ISSUING_DISTRIBUTION_POINT, &scope_of(&[LEAVES_ONLY], None)),
            without_a_point(),
        ),
        (
            "a scope that says nothing",
            root.crl(1)
                .critical_extension(ISSUING_DISTRIBUTION_POINT, &scope_of(&[], None)),
            without_a_point(),
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
    let last = root.crl(1).next_update(NOW);
    assert_eq!(read([last.issue()]).map(|crls| crls.len()), Ok(1));
}

/// IssuingDistributionPoint of a distribution point that is named in this way.
fn point_of(tag: u8, name: &[u8]) -> Vec<u8> {
    sequence(&[tlv(0xa0, &tlv(tag, name))])
}

/// How many lists were read, or why none.
type Read = Result<usize, String>;

/// One that says nothing is not made up for by another: whoever its authority has taken back would be let in.
#[test]
fn each_of_several_files_holds_a_list() {
    let (one, other) = (
        TestCa::new("One").crl(1).issue(),
        TestCa::new("Other").crl(1).issue(),
    );
    let (pem, both) = (one.pem(), one.pem() + &other.pem());
    let (pem, both, der) = (pem.as_bytes(), both.as_bytes(), other.der().as_ref());
    let page: &[u8] = b"<html><body>not found</body></html>";
    let lacks = |number, of| {
        Err(format!(
            "file {number} of {of} holds no CRL; give it as PEM sections \"BEGIN X509 CRL\", or one in DER"
        ))
    };
    let none = || Err(InvalidCrls::Empty.to_string());
    #[rustfmt::skip]
    let table: [(&str, Vec<&[u8]>, Read); 11] = [
        ("each its own", vec![pem, der], Ok(2)),
        ("two in one", vec![both], Ok(2)),
        ("nothing second", vec![pem, b""], lacks(2, 2)),
        ("nothing first", vec![b"", pem], lacks(1, 2)),
        ("a page second", vec![der, page], lacks(2, 2)),
        ("a page between", vec![pem, page, der], lacks(2, 3)),
        ("white space", vec![pem, b" \n"], lacks(2, 2)),
        ("nothing at all, twice", vec![b"", b""], lacks(1, 2)),
        ("no file", vec![], none()),
        ("the sole one empty", vec![b""], none()),
        ("the sole one a page", vec![page], none()),
    ];
    for (case, files, expected) in table {
        let read = Crls::from_files(files, NOW);
        let read = read.map(|lists| lists.len()).map_err(|why| why.to_string());
        assert_eq!(read, expected, "{case}");
    }
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
        Crls::from_pem(include_bytes!("../revocation/openssl.crl.pem"), utc(2026, 11, 23)).expect("a list");
    assert_eq!(crls.len(), 1);
    let root = include_bytes!("../revocation/openssl.ca.pem");
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
    assert_eq!(cert(include_bytes!("../revocation/openssl.good.pem")), Ok(()));
    assert_eq!(
        cert(include_bytes!("../revocation/openssl.revoked.pem")),
        Err(Untrusted::Revoked {
            serial: SerialNumber::from_bytes(&[0x10, 0x02])
        })
    );
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

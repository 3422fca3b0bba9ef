use webpki::{EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};
use x509_parser::prelude::*;

use super::*;
use crate::testing::{NOT_AFTER, NOT_BEFORE, NOW, utc};

fn ca() -> TestCa {
    TestCa::new("Root")
}

fn parsed(cert: &TestCert) -> X509Certificate<'_> {
    X509Certificate::from_der(cert.leaf()).expect("a certificate").1
}

/// The critical flag and the names.
fn alternative_names<'a>(cert: &X509Certificate<'a>) -> Option<(bool, Vec<GeneralName<'a>>)> {
    let extension = cert.subject_alternative_name().expect("well-formed")?;
    Some((extension.critical, extension.value.general_names.clone()))
}

#[test]
fn a_name_gets_the_type_that_its_form_shows() {
    for (name, expected) in [
        (
            "spiffe://acme.example/a",
            GeneralName::URI("spiffe://acme.example/a"),
        ),
        ("https://acme.example/", GeneralName::URI("https://acme.example/")),
        ("acme.example", GeneralName::DNSName("acme.example")),
        ("*.acme.example", GeneralName::DNSName("*.acme.example")),
        ("ops@acme.example", GeneralName::RFC822Name("ops@acme.example")),
        ("192.0.2.7", GeneralName::IPAddress(&[192, 0, 2, 7])),
        (
            "::1",
            GeneralName::IPAddress(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ),
    ] {
        let cert = ca().client(name).issue();
        assert_eq!(
            alternative_names(&parsed(&cert)),
            Some((true, vec![expected])),
            "{name}"
        );
    }
}

#[test]
fn names_are_written_as_they_are() {
    let ca = ca();
    let cert = ca
        .client("spiffe://a/b\0c")
        .dns("\n")
        .raw_san(2, b"\xff")
        .raw_san(4, b"\x30\x00")
        .common_name("x");
    let cert = cert.issue();
    let (critical, names) = alternative_names(&parsed(&cert)).expect("names");

    assert!(!critical);
    let [uri, dns, invalid, directory] = &names[..] else {
        unreachable!("four names: {names:?}")
    };
    assert_eq!(*uri, GeneralName::URI("spiffe://a/b\0c"));
    assert_eq!(*dns, GeneralName::DNSName("\n"));
    assert!(matches!(invalid, GeneralName::Invalid(_, b"\xff")), "{invalid:?}");
    assert!(
        matches!(directory, GeneralName::DirectoryName(_)),
        "{directory:?}"
    );

    let leaf = EndEntityCert::try_from(cert.leaf()).expect("a certificate");
    assert_eq!(leaf.valid_uri_names().collect::<Vec<_>>(), ["spiffe://a/b\0c"]);
}

#[test]
fn the_subject_holds_what_was_given_in_that_order() {
    let cert = ca()
        .client("acme.example")
        .without_san()
        .common_name("one")
        .organization("Acme")
        .common_name("two")
        .organizational_unit("a")
        .organizational_unit("b")
        .raw_common_name(30, b"\0t\0h\0r\0e\0e")
        .issue();
    let parsed = parsed(&cert);
    let attributes: Vec<_> = parsed.subject().iter_attributes().collect();
    let seen: Vec<_> = attributes
        .iter()
        .map(|attribute| (attribute.attr_type().to_id_string(), attribute.attr_value().data))
        .collect();
    let seen: Vec<_> = seen.iter().map(|(kind, value)| (kind.as_str(), *value)).collect();

    let (cn, o, ou) = ("2.5.4.3", "2.5.4.10", "2.5.4.11");
    let expected: [(_, &[u8]); 6] = [
        (cn, b"one"),
        (o, b"Acme"),
        (cn, b"two"),
        (ou, b"a"),
        (ou, b"b"),
        (cn, b"\0t\0h\0r\0e\0e"),
    ];
    assert_eq!(seen, expected);
    assert_eq!(parsed.issuer().to_string(), "CN=Root");
    assert_eq!(alternative_names(&parsed), None);
}

/// Extended key usages, key usages, and the CA flag.
type Uses = (Option<[bool; 3]>, Option<[bool; 3]>, Option<bool>);

fn uses(cert: &TestCert) -> Uses {
    let cert = parsed(cert);
    let extended = cert.extended_key_usage().expect("well-formed");
    let usage = cert.key_usage().expect("well-formed");
    let constraints = cert.basic_constraints().expect("well-formed");
    (
        extended.map(|e| [e.value.client_auth, e.value.server_auth, e.value.any]),
        usage.map(|u| {
            [
                u.value.digital_signature(),
                u.value.key_encipherment(),
                u.value.key_cert_sign(),
            ]
        }),
        constraints.map(|c| c.value.ca),
    )
}

#[test]
fn each_verb_changes_one_use() {
    let ca = ca();
    let acme = || ca.client("acme.example");
    let client = Some([true, false, false]);
    let signs = Some([true, false, false]);
    for (case, cert, expected) in [
        ("client", acme(), (client, signs, Some(false))),
        (
            "server",
            ca.server("acme.example"),
            (Some([false, true, false]), signs, Some(false)),
        ),
        (
            "self-signed",
            TestCert::self_signed("acme.example"),
            (client, signs, Some(false)),
        ),
        (
            "server only",
            acme().server_only(),
            (Some([false, true, false]), signs, Some(false)),
        ),
        (
            "client only",
            acme().server_only().client_only(),
            (client, signs, Some(false)),
        ),
        (
            "both",
            acme().client_and_server(),
            (Some([true, true, false]), signs, Some(false)),
        ),
        (
            "any",
            acme().any_eku(),
            (Some([false, false, true]), signs, Some(false)),
        ),
        ("no EKU", acme().without_eku(), (None, signs, Some(false))),
        ("CA", acme().as_ca(), (client, signs, Some(true))),
        (
            "keyCertSign",
            acme().with_key_cert_sign(),
            (client, Some([true, false, true]), Some(false)),
        ),
        (
            "no signing",
            acme().without_digital_signature(),
            (client, Some([false, true, false]), Some(false)),
        ),
        (
            "no usage",
            acme().without_key_usage(),
            (client, None, Some(false)),
        ),
    ] {
        assert_eq!(uses(&cert.issue()), expected, "{case}");
    }
}

#[test]
fn validity_is_the_one_asked_for() {
    let ca = ca();
    let acme = || ca.client("acme.example");
    for (case, cert, expected) in [
        ("default", acme(), (NOT_BEFORE, NOT_AFTER)),
        ("expired", acme().expired(), (utc(2020, 1, 1), utc(2021, 1, 1))),
        ("not yet", acme().not_yet_valid(), (utc(2090, 1, 1), NOT_AFTER)),
        (
            "own",
            acme().validity(utc(2049, 12, 31), utc(2050, 1, 1)),
            (utc(2049, 12, 31), utc(2050, 1, 1)),
        ),
    ] {
        let cert = cert.issue();
        let validity = parsed(&cert).validity().clone();
        let seen = (
            validity.not_before.timestamp() as u64,
            validity.not_after.timestamp() as u64,
        );
        assert_eq!(seen, (expected.0.as_secs(), expected.1.as_secs()), "{case}");
    }
}

#[test]
fn extensions_and_policies_are_added() {
    let cert = ca()
        .client("acme.example")
        .policy_oid(&[2, 5, 29, 32, 0])
        .policy_oid(&[1, 3, 6, 1, 4, 1, 99999]);
    let cert = cert
        .extension(&[1, 2, 3], b"\x05\x00")
        .critical_extension(&[1, 2, 4], b"\x05\x00")
        .issue();
    let parsed = parsed(&cert);

    let policies = parsed
        .extensions()
        .iter()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::CertificatePolicies(policies) => Some(policies.iter()),
            _ => None,
        });
    let policies: Vec<_> = policies
        .expect("policies")
        .map(|policy| policy.policy_id.to_id_string())
        .collect();
    assert_eq!(policies, ["2.5.29.32.0", "1.3.6.1.4.1.99999"]);

    let own = parsed
        .extensions()
        .iter()
        .map(|extension| (extension.oid.to_id_string(), extension));
    let own: Vec<_> = own
        .filter(|(oid, _)| oid.starts_with("1.2."))
        .map(|(oid, e)| (oid, e.critical))
        .collect();
    assert_eq!(own, [("1.2.3".to_owned(), false), ("1.2.4".to_owned(), true)]);
}

#[test]
fn serials_are_unique_or_as_asked_for() {
    let ca = ca();
    let cert = ca.client("acme.example").issue();
    let renewed = ca.client("acme.example").with_key(&cert).issue();
    assert_eq!(renewed.spki_der(), cert.spki_der());
    assert_ne!(renewed.serial(), cert.serial());

    for serial in [
        Serial::from(42),
        Serial::from(0xff),
        Serial::from(&[0x80; 20][..]),
    ] {
        let cert = ca.client("acme.example").serial(serial.clone()).issue();
        assert_eq!(parsed(&cert).serial.to_bytes_be(), serial.as_bytes());
        assert_eq!(*cert.serial(), serial);
    }
}

#[test]
fn each_twin_is_refused_for_what_it_is() {
    let ca = ca();
    let acme = || ca.client("acme.example");
    let anchors = [anchor_from_trusted_cert(ca.certificate()).expect("an anchor")];
    let algorithms = rustls::crypto::aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .all;
    let (early, late) = (utc(2090, 1, 1), utc(2021, 1, 1));

    for (case, cert, expected) in [
        ("good", acme(), Ok(())),
        (
            "many names",
            acme().uri("a://b").common_name("a").common_name("b"),
            Ok(()),
        ),
        (
            "expired",
            acme().expired(),
            Err(Error::CertExpired {
                time: NOW,
                not_after: late,
            }),
        ),
        (
            "not yet",
            acme().not_yet_valid(),
            Err(Error::CertNotValidYet {
                time: NOW,
                not_before: early,
            }),
        ),
        ("CA as leaf", acme().as_ca(), Err(Error::CaUsedAsEndEntity)),
        ("no EKU", acme().without_eku(), Ok(())),
        (
            "unknown critical",
            acme().critical_extension(&[1, 2, 3], b""),
            Err(Error::UnsupportedCriticalExtension),
        ),
        (
            "self-signed",
            TestCert::self_signed("acme.example"),
            Err(Error::UnknownIssuer),
        ),
    ] {
        let cert = cert.issue();
        let verified = EndEntityCert::try_from(cert.leaf()).and_then(|leaf| {
            leaf.verify_for_usage(
                algorithms,
                &anchors,
                &[],
                NOW,
                KeyUsage::client_auth(),
                None,
                None,
            )
            .map(|_| ())
        });
        assert_eq!(verified, expected, "{case}");
    }
}

#[test]
fn a_self_signed_certificate_is_its_own_issuer() {
    let nameless = TestCert::self_signed("acme.example").issue();
    assert_eq!(parsed(&nameless).issuer().to_string(), "CN=self-signed");

    let cert = TestCert::self_signed("acme.example").common_name("Acme").issue();
    let parsed = parsed(&cert);
    assert_eq!(parsed.subject().to_string(), "CN=Acme");
    assert_eq!(parsed.issuer(), parsed.subject());

    // Trusted by name and key, as an anchor would be.
    let anchors = [anchor_from_trusted_cert(cert.leaf()).expect("an anchor")];
    let algorithms = rustls::crypto::aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .all;
    let leaf = EndEntityCert::try_from(cert.leaf()).expect("a certificate");
    let usage = KeyUsage::client_auth();
    let verified = leaf.verify_for_usage(algorithms, &anchors, &[], NOW, usage, None, None);
    assert_eq!(verified.map(|_| ()), Ok(()));
}

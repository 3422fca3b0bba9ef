//! Name constraints on each type of name, those that nobody understands, and mail in the subject.

use std::net::IpAddr;

use countersign::testing::{LeafBuilder, TestCa};
use countersign::tls::rustls::pki_types::CertificateDer;
use countersign::trust::Untrusted;

use super::Subtrees::{Excluded, Permitted};
use super::{
    DIRECTORY, DNS, EMAIL, IP, OTHER, REGISTERED, Subtrees, URI, asked, chain_asked, constraining,
    constraining_raw,
};
use crate::stage::*;

/// Where webpki cannot compare a type of name, a constraint on it lets nobody of that type through: refused though
/// perhaps good, and never trusted though bad.
#[test]
fn constraints_on_each_type_of_name() {
    let dns = |name: &'static str| move |leaf: LeafBuilder| leaf.without_san().dns(name);
    let ip = |name: &'static str| {
        move |leaf: LeafBuilder| leaf.without_san().ip(name.parse::<IpAddr>().expect("an address"))
    };
    let raw = |tag: u8, name: &'static [u8]| move |leaf: LeafBuilder| leaf.without_san().raw_san(tag, name);
    type Names = Box<dyn Fn(LeafBuilder) -> LeafBuilder>;
    let no = || Err(Untrusted::NameConstraint);
    let unsupported = |kind| Err(Untrusted::UnsupportedNameConstraint { kind });
    type Case = (
        &'static str,
        Subtrees,
        u8,
        &'static [u8],
        Names,
        Result<(), Untrusted>,
    );
    let cases: Vec<Case> = vec![
        (
            "every DNS name",
            Permitted,
            DNS,
            b"",
            Box::new(dns("a.example")),
            Ok(()),
        ),
        (
            "no DNS name",
            Excluded,
            DNS,
            b"",
            Box::new(dns("a.example")),
            no(),
        ),
        (
            "a leading dot, below",
            Permitted,
            DNS,
            b".acme.example",
            Box::new(dns("x.acme.example")),
            Ok(()),
        ),
        (
            "excluded, a leading dot, below",
            Excluded,
            DNS,
            b".acme.example",
            Box::new(dns("x.acme.example")),
            no(),
        ),
        (
            "a wildcard within",
            Permitted,
            DNS,
            b"acme.example",
            Box::new(dns("*.acme.example")),
            Ok(()),
        ),
        (
            "a wildcard that reaches out",
            Permitted,
            DNS,
            b"x.acme.example",
            Box::new(dns("*.acme.example")),
            no(),
        ),
        (
            "a wildcard that reaches in",
            Excluded,
            DNS,
            b"x.acme.example",
            Box::new(dns("*.acme.example")),
            no(),
        ),
        (
            "one label",
            Permitted,
            DNS,
            b"example",
            Box::new(dns("acme.example")),
            Ok(()),
        ),
        (
            "longer than the name",
            Permitted,
            DNS,
            b"y.x.acme.example",
            Box::new(dns("x.acme.example")),
            no(),
        ),
        (
            "IPv4 within",
            Permitted,
            IP,
            &[192, 0, 2, 0, 255, 255, 255, 0],
            Box::new(ip("192.0.2.7")),
            Ok(()),
        ),
        (
            "IPv4 without",
            Permitted,
            IP,
            &[192, 0, 2, 0, 255, 255, 255, 0],
            Box::new(ip("192.0.3.7")),
            no(),
        ),
        (
            "IPv4 excluded",
            Excluded,
            IP,
            &[192, 0, 2, 0, 255, 255, 255, 0],
            Box::new(ip("192.0.2.7")),
            no(),
        ),
        (
            "IPv4 under IPv6",
            Permitted,
            IP,
            &[0; 32],
            Box::new(ip("192.0.2.7")),
            no(),
        ),
        (
            "IPv6 within",
            Permitted,
            IP,
            &[0; 32],
            Box::new(ip("2001:db8::1")),
            Ok(()),
        ),
        (
            "IPv6 excluded",
            Excluded,
            IP,
            &[0; 32],
            Box::new(ip("2001:db8::1")),
            no(),
        ),
        (
            "a URI",
            Permitted,
            URI,
            b"acme.example",
            Box::new(raw(6, b"spiffe://acme.example/a")),
            unsupported("URI"),
        ),
        (
            "a URI excluded",
            Excluded,
            URI,
            b"acme.example",
            Box::new(raw(6, b"spiffe://acme.example/a")),
            unsupported("URI"),
        ),
        (
            "a mailbox",
            Permitted,
            EMAIL,
            b"acme.example",
            Box::new(raw(1, b"a@acme.example")),
            unsupported("e-mail address"),
        ),
        (
            "a mailbox elsewhere",
            Permitted,
            EMAIL,
            b"other.example",
            Box::new(raw(1, b"a@acme.example")),
            unsupported("e-mail address"),
        ),
        (
            "a registered id",
            Permitted,
            REGISTERED,
            &[42],
            Box::new(raw(8, &[43])),
            unsupported("registeredID"),
        ),
        (
            "directory names",
            Permitted,
            DIRECTORY,
            &[0x30, 0],
            Box::new(dns("acme.example")),
            unsupported("directoryName"),
        ),
        (
            "no directory names",
            Excluded,
            DIRECTORY,
            &[0x30, 0],
            Box::new(dns("acme.example")),
            unsupported("directoryName"),
        ),
        (
            "a type that is not there",
            Permitted,
            OTHER,
            &[6, 1, 42, 0xa0, 2, 5, 0],
            Box::new(dns("acme.example")),
            Ok(()),
        ),
    ];
    for (case, subtrees, tag, base, names, expected) in &cases {
        let anchor = constraining(TestCa::builder("Root"), *subtrees, *tag, base);
        let root = TestCa::new("Root");
        let issuer = constraining(root.intermediate_builder("EU"), *subtrees, *tag, base);
        for (place, trust, ca) in [("anchor", &anchor, &anchor), ("issuer", &root, &issuer)] {
            let cert = names(ca.client("nobody.example")).issue();
            assert_eq!(&asked(&private(&[trust]), &cert), expected, "{case}, {place}");
        }
    }
}

/// RFC 5280 §4.2.1.10: "the minimum MUST be zero, and maximum MUST be absent"; a mask of an address has no holes.
#[test]
fn constraints_that_cannot_be_understood_let_nobody_through() {
    let root = TestCa::new("Root");
    let minimum = [tlv(DNS, b"acme.example"), vec![0x80, 1, 1]].concat();
    let maximum = [tlv(DNS, b"acme.example"), vec![0x81, 1, 1]].concat();
    let holes = tlv(IP, &[192, 0, 2, 0, 255, 0, 255, 0]);
    let short = tlv(IP, &[192, 0, 2, 0, 255]);
    let star = tlv(DNS, b"*.acme.example");
    for (case, subtree, name, expected) in [
        ("minimum", minimum, "acme.example", Untrusted::Path),
        ("maximum", maximum, "acme.example", Untrusted::Path),
        ("a mask with holes", holes, "192.0.2.7", Untrusted::NameConstraint),
        ("a short address", short, "192.0.2.7", Untrusted::NameConstraint),
        ("a wildcard", star, "x.acme.example", Untrusted::NameConstraint),
    ] {
        for subtrees in [Permitted, Excluded] {
            let ca = constraining_raw(root.intermediate_builder("EU"), subtrees, &subtree);
            let answer = asked(&private(&[&root]), &ca.client(name).issue());
            assert_eq!(answer, Err(expected.clone()), "{case}");
        }
    }
}

/// RFC 5280 §4.2.1.10: without alternative names, constraints on mail are about the address in the subject.
#[test]
fn mail_in_the_subject_is_constrained_too() {
    const EMAIL_ADDRESS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];
    let attribute = tlv(
        0x30,
        &[tlv(6, EMAIL_ADDRESS), tlv(0x16, b"a@evil.example")].concat(),
    );
    let subject = tlv(0x30, &tlv(0x31, &attribute));
    let named = |leaf: LeafBuilder| leaf.without_san().raw_subject(&subject);
    let root = TestCa::new("Root");
    let anchor = constraining(TestCa::builder("Root"), Excluded, EMAIL, b"evil.example");
    let above = constraining(root.intermediate_builder("EU"), Excluded, EMAIL, b"evil.example");
    for (trust, issuer, between) in [(&anchor, &anchor, vec![]), (&root, &above, above.chain())] {
        let chain = below_an_issuer_with_mail(issuer, between);
        assert_eq!(
            chain_asked(&private(&[trust]), chain),
            Err(Untrusted::UnsupportedNameConstraint {
                kind: "e-mail address"
            })
        );
    }
    let free = below_an_issuer_with_mail(&root, vec![]);
    assert_eq!(
        chain_asked(&private(&[&root]), free),
        Ok(()),
        "an issuer with mail that nobody constrains"
    );
    let issuer = constraining(root.intermediate_builder("EU"), Permitted, EMAIL, b"acme.example");
    let other = constraining(root.intermediate_builder("EU"), Permitted, DNS, b"acme.example");
    let kind = "e-mail address";
    let no = Err(Untrusted::UnsupportedNameConstraint { kind });
    for (case, trust, leaf, expected) in [
        ("by the anchor", &anchor, named(anchor.client(ACME)), no.clone()),
        ("by an issuer", &root, named(issuer.client(ACME)), no.clone()),
        (
            "further up",
            &root,
            named(issuer.intermediate("Issuing").client(ACME)),
            no,
        ),
        ("by nobody", &root, named(root.client(ACME)), Ok(())),
        ("names of another type", &root, named(other.client(ACME)), Ok(())),
        (
            "an alternative name is there",
            &root,
            issuer.client(ACME).raw_subject(&subject),
            Ok(()),
        ),
    ] {
        assert_eq!(asked(&private(&[trust]), &leaf.issue()), expected, "{case}");
    }
}

/// A leaf whose issuer's subject holds an e-mail address, as many an authority's does, and that `ca` has issued.
fn below_an_issuer_with_mail(
    ca: &TestCa,
    above: Vec<CertificateDer<'static>>,
) -> Vec<CertificateDer<'static>> {
    let named = |kind, name: &str| {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(kind, name);
        params
    };
    let email = rcgen::DnType::CustomDnType(vec![1, 2, 840, 113549, 1, 9, 1]);
    let mut params = named(email, "ca@evil.example");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let issuing_key = rcgen::KeyPair::generate().expect("a key");
    let name = if above.is_empty() { "Root" } else { "EU" };
    let signer = rcgen::Issuer::new(
        named(rcgen::DnType::CommonName, name),
        rcgen::KeyPair::from_pem(&ca.test_key().pem()).expect("a key"),
    );
    let issuing = params.signed_by(&issuing_key, &signer).expect("a certificate");
    let signer = rcgen::Issuer::new(params, issuing_key);

    let leaf_key = rcgen::KeyPair::generate().expect("a key");
    let mut leaf = named(rcgen::DnType::CommonName, "leaf");
    leaf.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    leaf.serial_number = Some(7.into());
    let leaf = leaf.signed_by(&leaf_key, &signer).expect("a certificate");
    let above = [vec![issuing.der().clone()], above].concat();
    [vec![leaf.der().clone()], above].concat()
}

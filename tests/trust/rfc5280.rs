//! Is the whole of RFC 5280 asked, also where webpki does not ask it? Paths that other implementations have let through.

use crate::stage;

use std::net::IpAddr;

use countersign::codes::Seen;
use countersign::identity::PeerChain;
use countersign::testing::{CaBuilder, LeafBuilder, NOW, TestCa, TestCert};
use countersign::tls::rustls::pki_types::{CertificateDer, ServerName};
use countersign::trust::{PrivateCa, Role, Untrusted, VerifiedPeer};

use stage::*;

fn asked(trust: &PrivateCa, cert: &TestCert) -> Result<(), Untrusted> {
    chain_asked(trust, cert.chain())
}

fn chain_asked(trust: &PrivateCa, chain: Vec<CertificateDer<'static>>) -> Result<(), Untrusted> {
    let chain = PeerChain::parse(chain)?;
    VerifiedPeer::verify(trust, chain, Role::Client, NOW).map(|_| ())
}

// -- anchors -------------------------------------------------------------------------------------------------------------

/// webpki takes name, key and constraints on names from an anchor, and nothing else (RFC 5937 §3.2).
#[test]
fn an_anchor_is_bound_by_its_own_certificate() {
    let root = TestCa::new("Root");
    let any = TestCa::builder("Root").path_len(1).issue();
    let none = TestCa::builder("Root").path_len(0).issue();
    let anchored = root.intermediate_builder("World").path_len(0).issue();
    let for_servers = TestCa::builder("Root").server_only().issue();
    let too_long = Err(Untrusted::PathLength);
    let below = |ca: &TestCa| ca.intermediate("EU");
    let deep = |ca: &TestCa| below(ca).intermediate("EU Issuing");
    for (case, anchor, issuer, expected) in [
        ("no limit", &root, deep(&root), Ok(())),
        ("one allowed, none there", &any, any.clone(), Ok(())),
        ("one allowed, one there", &any, below(&any), Ok(())),
        ("one allowed, two there", &any, deep(&any), too_long.clone()),
        ("none allowed, none there", &none, none.clone(), Ok(())),
        ("none allowed, one there", &none, below(&none), too_long.clone()),
        // RFC 5280 §4.2.1.9: self-issued ones do not count.
        (
            "none allowed, its own next key",
            &none,
            none.intermediate("Root"),
            Ok(()),
        ),
        ("an intermediate as anchor", &anchored, anchored.clone(), Ok(())),
        (
            "an intermediate as anchor, one below",
            &anchored,
            below(&anchored),
            too_long,
        ),
        (
            "for servers only",
            &for_servers,
            for_servers.clone(),
            Err(Untrusted::ExtendedKeyUsage { needed: "clientAuth" }),
        ),
        (
            "for servers only, one between",
            &for_servers,
            below(&for_servers),
            Err(Untrusted::ExtendedKeyUsage { needed: "clientAuth" }),
        ),
    ] {
        let cert = issuer.client(ACME).client_and_server().issue();
        assert_eq!(asked(&private(&[anchor]), &cert), expected, "{case}");
    }

    let server = for_servers.server("hooks.example.com").issue();
    let name = ServerName::try_from("hooks.example.com").expect("a name");
    let chain = PeerChain::parse(server.chain()).expect("a chain");
    let verified = VerifiedPeer::verify(
        &private(&[&for_servers]),
        chain,
        Role::Server { name: &name },
        NOW,
    );
    assert_eq!(
        verified.map(|_| ()),
        Ok(()),
        "servers of an authority for servers"
    );
}

/// Of two certificates of one root, it is enough that one allows the path, whichever was loaded first.
#[test]
fn a_root_of_two_certificates_allows_what_either_allows() {
    let narrow = TestCa::builder("Root").path_len(0).issue();
    let wide = TestCa::builder("Root").with_key(&narrow).issue();
    let cert = wide.intermediate("Issuing").client(ACME).issue();
    assert_eq!(asked(&private(&[&narrow]), &cert), Err(Untrusted::PathLength));
    for both in [[&narrow, &wide], [&wide, &narrow]] {
        assert_eq!(asked(&private(&both), &cert), Ok(()));
    }
}

// -- candidates ----------------------------------------------------------------------------------------------------------

/// Several certificates of one issuer, of which one leads to the anchor: wherever it stands among those that do not.
#[test]
fn the_good_issuer_is_found_among_bad_ones() {
    let (root, elsewhere) = (TestCa::new("Root"), TestCa::new("Elsewhere"));
    let good = root.intermediate("EU");
    let again = |ca: &TestCa| ca.intermediate_builder("EU").with_key(&good);
    let other_key = root.intermediate("EU");
    let cert = good.client(ACME).issue();
    for (case, bad, alone) in [
        ("another key", other_key, Untrusted::Signature),
        (
            "another root",
            again(&elsewhere).issue(),
            Untrusted::UnknownIssuer,
        ),
        (
            "a twin of the root",
            again(&root.evil_twin()).issue(),
            Untrusted::Signature,
        ),
        ("no CA", again(&root).not_a_ca().issue(), Untrusted::LeafAsCa),
        (
            "no keyCertSign",
            again(&root).without_key_cert_sign().issue(),
            Untrusted::IssuerKeyUsage,
        ),
        (
            "for servers",
            again(&root).server_only().issue(),
            Untrusted::ExtendedKeyUsage { needed: "clientAuth" },
        ),
        (
            "other names",
            constraining(again(&root), Permitted, URI, b"other.example"),
            Untrusted::UnsupportedNameConstraint { kind: "URI" },
        ),
        (
            "an unknown critical extension",
            again(&root).critical_extension(&[1, 2, 3], b"\x05\x00").issue(),
            Untrusted::CriticalExtension {
                oid: Some(Seen::of("1.2.3")),
            },
        ),
        (
            "unprocessed policies",
            again(&root).extension(&[2, 5, 29, 54], &[2, 1, 0]).issue(),
            Untrusted::Rfc5280 {
                rule: "constraints on policies that are not critical (sections 4.2.1.11 and 4.2.1.14)",
            },
        ),
    ] {
        let [good, bad] = [&good, &bad].map(|ca| ca.certificate().clone());
        let with = |others: &[&CertificateDer<'static>]| {
            cert.clone()
                .with_chain(others.iter().map(|der| (*der).clone()).collect())
        };
        let trust = private(&[&root]);
        assert_eq!(asked(&trust, &with(&[&bad])), Err(alone), "{case}, alone");
        for chain in [[&bad, &good, &bad], [&bad, &bad, &good], [&good, &bad, &bad]] {
            assert_eq!(asked(&trust, &with(&chain)), Ok(()), "{case}");
        }
        let anchor = root.certificate();
        assert_eq!(
            asked(&trust, &with(&[anchor, &bad, &good, anchor])),
            Ok(()),
            "{case}, root shown"
        );
    }
}

/// Two authorities that have issued each other lead round and round, and to the anchor if one of them does.
#[test]
fn a_circle_ends_at_the_anchor_or_nowhere() {
    let root = TestCa::new("Root");
    let (one, two) = (TestCa::new("One"), TestCa::new("Two"));
    let circle = [one.cross_signed_by(&two), two.cross_signed_by(&one)].map(|ca| ca.certificate().clone());
    let way_out = two.cross_signed_by(&root).certificate().clone();
    let cert = one.client(ACME).issue();
    let with = |others: &[CertificateDer<'static>]| cert.clone().with_chain(others.to_vec());
    let out = [circle.as_slice(), &[way_out]].concat();
    assert_eq!(
        asked(&private(&[&root]), &with(&circle)),
        Err(Untrusted::UnknownIssuer)
    );
    assert_eq!(asked(&private(&[&root]), &with(&out)), Ok(()));
    assert_eq!(
        asked(&private(&[&two]), &with(&circle)),
        Ok(()),
        "one of them is the anchor"
    );
}

// -- policies ------------------------------------------------------------------------------------------------------------

/// PKITS 4.8.4, 4.8.5, 4.8.9 and 4.8.12, as NIST writes them: not critical.
#[test]
fn what_is_demanded_of_policies_is_not_passed_over() {
    const POLICY_CONSTRAINTS: (&[u64], &[u8]) = (&[2, 5, 29, 36], &[0x30, 3, 0x80, 1, 0]);
    const INHIBIT_ANY_POLICY: (&[u64], &[u8]) = (&[2, 5, 29, 54], &[2, 1, 0]);
    let root = TestCa::new("Root");
    let refused = Err(Untrusted::Rfc5280 {
        rule: "constraints on policies that are not critical (sections 4.2.1.11 and 4.2.1.14)",
    });
    for (oid, value) in [POLICY_CONSTRAINTS, INHIBIT_ANY_POLICY] {
        let issuing = || root.intermediate_builder("Issuing");
        let issuer = issuing().extension(oid, value).issue();
        let critical = issuing().critical_extension(oid, value).issue();
        let leaf = |ca: &TestCa| ca.client(ACME);
        for (case, cert, expected) in [
            ("in an issuer", leaf(&issuer), refused.clone()),
            (
                "in an issuer further up",
                leaf(&issuer.intermediate("EU")),
                refused.clone(),
            ),
            ("in the leaf", leaf(&root).extension(oid, value), refused.clone()),
            (
                "critical",
                leaf(&critical),
                Err(Untrusted::CriticalExtension {
                    oid: Some(dotted(oid)),
                }),
            ),
        ] {
            assert_eq!(
                asked(&private(&[&root]), &cert.issue()),
                expected,
                "{case}, {oid:?}"
            );
        }
    }
}

// -- constraints on names ------------------------------------------------------------------------------------------------

#[derive(Clone, Copy)]
enum Subtrees {
    Permitted = 0xa0,
    Excluded = 0xa1,
}

use Subtrees::{Excluded, Permitted};

/// An authority that constrains names (RFC 5280 §4.2.1.10) by one subtree: the tag of its base, and the contents.
fn constraining(ca: CaBuilder, subtrees: Subtrees, tag: u8, base: &[u8]) -> TestCa {
    constraining_raw(ca, subtrees, &tlv(tag, base))
}

fn constraining_raw(ca: CaBuilder, subtrees: Subtrees, subtree: &[u8]) -> TestCa {
    let subtree = tlv(0x30, subtree);
    let value = tlv(0x30, &tlv(subtrees as u8, &subtree));
    ca.critical_extension(&[2, 5, 29, 30], &value).issue()
}

const OTHER: u8 = 0xa0;
const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const DIRECTORY: u8 = 0xa4;
const URI: u8 = 0x86;
const IP: u8 = 0x87;
const REGISTERED: u8 = 0x88;

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

fn dotted(oid: &[u64]) -> Seen {
    let arcs: Vec<_> = oid.iter().map(u64::to_string).collect();
    Seen::of(&arcs.join("."))
}

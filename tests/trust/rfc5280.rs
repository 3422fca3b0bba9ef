//! Is the whole of RFC 5280 asked, also where webpki does not ask it? Paths that other implementations have let through.

mod constraints;

use crate::stage;

use countersign::codes::Seen;
use countersign::identity::PeerChain;
use countersign::testing::{CaBuilder, NOW, TestCa, TestCert};
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

use Subtrees::Permitted;

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

fn dotted(oid: &[u64]) -> Seen {
    let arcs: Vec<_> = oid.iter().map(u64::to_string).collect();
    Seen::of(&arcs.join("."))
}

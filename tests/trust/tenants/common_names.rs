//! Common names: one attribute alone, in plain text, and none below name constraints.

use countersign::identity::{NameKind, SpkiHash};
use countersign::tenant::{NoTenant, ResolveTenant, Rule};
use countersign::testing::{NOW, TestCa};
use countersign::trust::{PinSet, VerifyPeer};

use super::{NOBODY, ambiguous, ask, built, id, is, spki, table};
use crate::stage::*;

/// N3: what is rendered, joined, or encoded otherwise is not the name.
#[test]
fn n3_a_common_name_is_one_attribute_alone_and_in_plain_text() {
    let root = TestCa::new("Root");
    let tenants = built(table().common_name(id("admin"), "admin"));
    let bare = || root.client("x.example").without_san();
    let raw = |rdns: &[Vec<u8>]| bare().raw_subject(&sequence(rdns));
    let (cn, o, ou) = (3, 10, 11);
    let second = || ambiguous("CN=admin", "a second common name");
    for (case, leaf, expected) in [
        ("UTF8String", bare().common_name("admin"), is("admin", "CN=admin")),
        (
            "PrintableString",
            bare().raw_common_name(19, b"admin"),
            is("admin", "CN=admin"),
        ),
        (
            "inside an organization",
            bare().organization("x,CN=admin"),
            NOBODY,
        ),
        (
            "inside an organization, slashes",
            bare().organization("x/CN=admin"),
            NOBODY,
        ),
        (
            "inside a unit",
            bare().organizational_unit("x\",CN=admin,\""),
            NOBODY,
        ),
        (
            "inside another common name",
            bare().common_name("x,CN=admin"),
            NOBODY,
        ),
        ("with the type in it", bare().common_name("CN=admin"), NOBODY),
        ("two", bare().common_name("admin").common_name("other"), second()),
        (
            "two, the other way",
            bare().common_name("other").common_name("admin"),
            second(),
        ),
        // Each rule matches each of the two.
        (
            "twice the same",
            bare().common_name("admin").common_name("admin"),
            ambiguous("CN=admin", "CN=admin"),
        ),
        ("TeletexString", bare().raw_common_name(20, b"admin"), NOBODY),
        (
            "BMPString",
            bare().raw_common_name(30, b"\0a\0d\0m\0i\0n"),
            NOBODY,
        ),
        (
            "UniversalString",
            bare().raw_common_name(28, b"\0\0\0a\0\0\0d\0\0\0m\0\0\0i\0\0\0n"),
            NOBODY,
        ),
        (
            "beside one in BMPString",
            bare().common_name("admin").raw_common_name(30, b"\0x"),
            second(),
        ),
        (
            "beside one in TeletexString",
            bare().raw_common_name(20, b"x").common_name("admin"),
            second(),
        ),
        (
            "in a multi-valued RDN",
            raw(&[rdn(&[attribute(cn, 12, b"admin"), attribute(o, 12, b"Evil")])]),
            NOBODY,
        ),
        (
            "beside one in a multi-valued RDN",
            raw(&[
                rdn(&[attribute(cn, 12, b"admin")]),
                rdn(&[attribute(cn, 12, b"other"), attribute(ou, 12, b"x")]),
            ]),
            second(),
        ),
        ("upper case", bare().common_name("Admin"), NOBODY),
        ("a space behind", bare().common_name("admin "), NOBODY),
        ("a letter that looks like it", bare().common_name("аdmin"), NOBODY),
        ("decomposed", bare().common_name("admi\u{0144}"), NOBODY),
        ("a wildcard", bare().common_name("*"), NOBODY),
        ("a pattern", bare().common_name("adm*"), NOBODY),
        ("in the alternative names", root.client("admin"), NOBODY),
    ] {
        assert_eq!(ask(&tenants, &root, leaf), expected, "{case}");
    }
    // A second name decides nothing where the rule asks for none.
    let by_uri = built(table().name(id("admin"), NameKind::Uri, ACME));
    assert_eq!(
        ask(
            &by_uri,
            &root,
            root.client(ACME).common_name("a").common_name("b")
        ),
        is("admin", &format!("URI:{ACME}"))
    );
}

/// N4: names of the subject escape name constraints, so below them they prove nothing.
#[test]
fn n4_subject_names_do_not_count_below_name_constraints() {
    let free = TestCa::new("Free");
    let anchor = TestCa::builder("Anchor").permitted_dns("acme.example").issue();
    let excluding = TestCa::builder("Excluding").excluded_dns("evil.example").issue();
    let below = free
        .intermediate_builder("Below")
        .permitted_dns("acme.example")
        .issue();
    let tables = [
        (
            NameKind::CommonName,
            built(table().common_name(id("admin"), "admin")),
        ),
        (
            NameKind::CommonName,
            built(
                table()
                    .template(NameKind::CommonName, "{tenant}")
                    .known(["admin"]),
            ),
        ),
        (
            NameKind::OrganizationalUnit,
            built(table().organizational_unit(id("admin"), "unit")),
        ),
        (
            NameKind::CommonName,
            built(
                table().rule(
                    Rule::name(id("admin"), NameKind::Dns, "a.acme.example")
                        .carrying(NameKind::CommonName, "admin"),
                ),
            ),
        ),
    ];
    for (root, issuer, counts) in [
        (&free, &free, true),
        (&free, &free.intermediate("Between"), true),
        (&anchor, &anchor, false),
        (&anchor, &anchor.intermediate("Between"), false),
        (&excluding, &excluding, false),
        (&free, &below, false),
        (&free, &below.intermediate("Between"), false),
    ] {
        for (kind, table) in &tables {
            let leaf = || {
                issuer
                    .client("a.acme.example")
                    .common_name("admin")
                    .organizational_unit("unit")
            };
            let answer = ask(table, root, leaf()).map(|(tenant, _)| tenant);
            let expected = match counts {
                true => Ok("admin".to_owned()),
                false => Err(NoTenant::Unconstrained { kind: *kind }),
            };
            assert_eq!(answer, expected, "{kind}");
        }
        // A DNS name is what they do constrain.
        let dns = built(table().name(id("admin"), NameKind::Dns, "a.acme.example"));
        assert_eq!(
            ask(&dns, root, issuer.client("a.acme.example")),
            is("admin", "DNS:a.acme.example")
        );
    }
}

/// N4: whichever of two verifiers has seen the constraint.
#[test]
fn n4_a_constraint_counts_where_the_authority_stands_second() {
    let anchor = TestCa::builder("Anchor").permitted_dns("acme.example").issue();
    let issuing = anchor.intermediate("Issuing");
    let leaf = issuing.client("a.acme.example").common_name("admin").issue();
    let pinned = || PinSet::new([SpkiHash::of(&leaf.spki_der())]);
    let tenants = built(table().common_name(id("admin"), "admin"));
    let kind = NameKind::CommonName;
    for (case, trust) in [
        (
            "first",
            Box::new(private(&[&anchor]).and(pinned())) as Box<dyn VerifyPeer>,
        ),
        ("second", Box::new(pinned().and(private(&[&anchor])))),
        (
            "between",
            Box::new(pinned().and(private(&[&anchor])).and(pinned())),
        ),
    ] {
        let peer = peer_at(&trust, &leaf, NOW).expect("trusted");
        let evidence = peer.evidence();
        assert!(evidence.name_constrained && evidence.pin.is_some(), "{case}");
        assert_eq!(evidence.anchor, Some(spki(&anchor)), "{case}");
        assert_eq!(*evidence.issuers, [spki(&issuing)], "{case}");
        let answer = tenants.resolve_tenant(&peer).map(|_| ());
        assert_eq!(answer, Err(NoTenant::Unconstrained { kind }), "{case}");
    }
}

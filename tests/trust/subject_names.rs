//! Ids of the subject, and host names wherever they stand: exactly one value, in plain text, below no constraints.

use countersign::identity::{Name, NameKind};
use countersign::tenant::{
    InvalidTable, NoTenant, ResolveTenant as _, Rule, TableProblem, TenantId, TenantTable,
};
use countersign::testing::{LeafBuilder, NOW, TestCa};
use countersign::trust::{ExpectedPeers, SharedCa, Untrusted, VerifyPeer};

use crate::stage::*;

const ACME_ID: &str = "b0f5a1d2-7c3e-4a56-9d0a-1f2e3d4c5b6a";
const OFBBR: &str = "OFBBR-12345678000195";

fn id(name: &str) -> TenantId {
    TenantId::parse(name).expect("a name")
}

/// The tenant, or why there is none.
fn ask(trust: &dyn VerifyPeer, rules: &[Rule], leaf: LeafBuilder) -> Result<String, NoTenant> {
    let mut table = TenantTable::builder();
    for rule in rules {
        table = table.rule(rule.clone());
    }
    let peer = peer_at(trust, &leaf.issue(), NOW).expect("trusted");
    let resolved = table.build().expect("a table").resolve_tenant(&peer);
    resolved.map(|resolved| format!("{} by {}", resolved.tenant, resolved.rule))
}

fn ambiguous(first: &str, second: &str) -> Result<String, NoTenant> {
    Err(NoTenant::Ambiguous {
        first: first.into(),
        second: second.into(),
    })
}

/// `0.9.2342.19200300.100.1.1` with a string of that tag.
fn user_id(tag: u8, text: &[u8]) -> Vec<u8> {
    let oid = [0x06, 10, 0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1];
    sequence(&[oid.to_vec(), tlv(tag, text)])
}

#[test]
fn an_id_of_the_subject_is_one_attribute_alone_and_in_plain_text() {
    let root = TestCa::new("Root");
    let constrained = root
        .intermediate_builder("Constrained")
        .permitted_dns("x.example")
        .issue();
    let trust = private(&[&root]);
    let bare = |ca: &TestCa| ca.client("x.example").without_san();
    let raw = |rdns: &[Vec<u8>]| bare(&root).raw_subject(&sequence(rdns));
    let by_user = [Rule::name(id("acme"), NameKind::UserId, ACME_ID)];
    let by_organization = [Rule::name(id("acme"), NameKind::OrganizationIdentifier, OFBBR)];
    // As Open Finance Brasil has it: the organization and its software.
    let by_both = [
        Rule::name(id("acme"), NameKind::OrganizationIdentifier, OFBBR).carrying(NameKind::UserId, ACME_ID)
    ];
    let (uid, oi) = (
        format!("UID={ACME_ID}"),
        format!("organizationIdentifier={OFBBR}"),
    );
    let (by_uid, by_oi) = (format!("acme by {uid}"), format!("acme by {oi}"));
    // A rule with conditions is called by its kind in words.
    let of_both = format!("organization identifier {OFBBR}");
    let nobody = || Err(NoTenant::NoRule);
    let unconstrained = |kind| Err(NoTenant::Unconstrained { kind });
    let utf8 = |text: &str| user_id(12, text.as_bytes());
    #[rustfmt::skip]
    let cases = [
        ("a user id", &by_user[..], bare(&root).user_id(ACME_ID), Ok(by_uid.clone())),
        ("an organization identifier", &by_organization, bare(&root).organization_identifier(OFBBR), Ok(by_oi)),
        ("both", &by_both, bare(&root).user_id(ACME_ID).organization_identifier(OFBBR), Ok(format!("acme by {of_both}"))),
        ("one of both", &by_both, bare(&root).organization_identifier(OFBBR), nobody()),
        ("another id", &by_user, bare(&root).user_id("b0f5a1d2"), nobody()),
        ("in upper case", &by_user, bare(&root).user_id(&ACME_ID.to_uppercase()), nobody()),
        ("with a space", &by_user, bare(&root).user_id(&format!("{ACME_ID} ")), nobody()),
        ("as a common name", &by_user, bare(&root).common_name(ACME_ID), nobody()),
        ("as another id", &by_user, bare(&root).organization_identifier(ACME_ID), nobody()),
        ("PrintableString", &by_user, raw(&[rdn(&[user_id(19, ACME_ID.as_bytes())])]), Ok(by_uid.clone())),
        ("TeletexString", &by_user, raw(&[rdn(&[user_id(20, ACME_ID.as_bytes())])]), nobody()),
        ("beside another attribute", &by_user, raw(&[rdn(&[utf8(ACME_ID), attribute(3, 12, b"x")])]), nobody()),
        ("not ASCII", &by_user, raw(&[rdn(&[utf8("j\u{f6}rg")])]), nobody()),
        ("a second one", &by_user, bare(&root).user_id(ACME_ID).user_id("other"), ambiguous(&uid, "a second user id")),
        ("a second one in a TeletexString", &by_user, raw(&[rdn(&[utf8(ACME_ID)]), rdn(&[user_id(20, b"x")])]), ambiguous(&uid, "a second user id")),
        ("a second one beside another attribute", &by_user, raw(&[rdn(&[utf8(ACME_ID)]), rdn(&[utf8("x"), attribute(3, 12, b"x")])]), ambiguous(&uid, "a second user id")),
        ("a second organization", &by_organization, bare(&root).organization_identifier(OFBBR).organization_identifier("OFBBR-1"), ambiguous(&oi, "a second organization identifier")),
        ("a second condition", &by_both, bare(&root).user_id(ACME_ID).user_id("x").organization_identifier(OFBBR), ambiguous(&of_both, "a second user id")),
        ("a second of another kind", &by_user, bare(&root).user_id(ACME_ID).common_name("a").common_name("b"), Ok(by_uid)),
        ("below constraints", &by_user, constrained.client("a.x.example").user_id(ACME_ID), unconstrained(NameKind::UserId)),
        ("below constraints", &by_organization, constrained.client("a.x.example").organization_identifier(OFBBR), unconstrained(NameKind::OrganizationIdentifier)),
    ];
    for (case, rules, leaf, expected) in cases {
        assert_eq!(ask(&trust, rules, leaf), expected, "{case}");
    }
    // So they are where a sender is expected under one.
    let expected = || ExpectedPeers::names([Name::parse(NameKind::UserId, ACME_ID).expect("an id")]);
    let shared = SharedCa::new(private(&[&root]), expected()).expect("somebody");
    #[rustfmt::skip]
    let cases = [
        ("its id", bare(&root).user_id(ACME_ID), Ok(())),
        ("another", bare(&root).user_id("x"), Err(Untrusted::UnexpectedName)),
        ("a second one", bare(&root).user_id(ACME_ID).user_id("x"), Err(Untrusted::UnexpectedName)),
        ("below constraints", constrained.client("a.x.example").user_id(ACME_ID), Err(Untrusted::UnexpectedName)),
    ];
    for (case, leaf, expected) in cases {
        assert_eq!(verify(&shared, &leaf.issue()).map(|_| ()), expected, "{case}");
    }
}

#[test]
fn a_host_name_counts_wherever_it_stands_and_once() {
    let root = TestCa::new("Root");
    let constrained = root
        .intermediate_builder("Constrained")
        .permitted_dns("hooks.example")
        .issue();
    let trust = private(&[&root]);
    let bare = || root.client("x.example").without_san();
    let plain = [Rule::host_name(id("acme"), "Hooks.Example")];
    let spki = countersign::identity::SpkiHash::of(&root.spki_der());
    let conditional = [Rule::host_name(id("acme"), "hooks.example").issued_by(spki)];
    let two = [plain[0].clone(), Rule::host_name(id("globex"), "globex.example")];
    let beside = [
        plain[0].clone(),
        Rule::name(id("acme"), NameKind::CommonName, "hooks.example"),
    ];
    // Looked up without conditions, and compared with them: the same answers.
    for (how, rules, label) in [
        ("looked up", &plain[..], "host name hooks.example"),
        ("compared", &conditional[..], "host name hooks.example"),
    ] {
        let good = || Ok(format!("acme by {label}"));
        #[rustfmt::skip]
        let cases = [
            ("a DNS name", bare().dns("hooks.example"), good()),
            ("a common name", bare().common_name("hooks.example"), good()),
            ("a common name in upper case", bare().common_name("HOOKS.example"), good()),
            ("both", bare().dns("hooks.example").common_name("hooks.example"), good()),
            ("both, and other DNS names", bare().dns("a.example").dns("hooks.example").common_name("hooks.example"), good()),
            ("a DNS name, and two common names", bare().dns("hooks.example").common_name("a").common_name("b"), good()),
            ("a common name, and a second", bare().common_name("hooks.example").common_name("b"), ambiguous(label, "a second common name")),
            ("another", bare().dns("x.hooks.example"), Err(NoTenant::NoRule)),
            ("a wildcard", bare().dns("*.example").common_name("*.example"), Err(NoTenant::NoRule)),
            ("an organizational unit", bare().organizational_unit("hooks.example"), Err(NoTenant::NoRule)),
            ("an e-mail address", bare().email("hooks.example"), Err(NoTenant::NoRule)),
            ("a DNS name below constraints", constrained.client("hooks.example"), good()),
            ("a common name below constraints", constrained.client("a.hooks.example").common_name("hooks.example"), Err(NoTenant::Unconstrained { kind: NameKind::CommonName })),
        ];
        for (case, leaf, expected) in cases {
            assert_eq!(ask(&trust, rules, leaf), expected, "{how}: {case}");
        }
    }
    let split = || bare().dns("globex.example").common_name("hooks.example");
    let mixed = ask(&trust, &two, split());
    assert_eq!(
        mixed,
        ambiguous("host name globex.example", "host name hooks.example")
    );
    let twice = ask(&trust, &beside, bare().common_name("hooks.example"));
    assert_eq!(twice, ambiguous("CN=hooks.example", "host name hooks.example"));
    for name in ["hooks example", "*.example", "10.0.0.1", ""] {
        let refused = TenantTable::builder().host_name(id("acme"), name).build();
        let invalid = Name::parse(NameKind::Dns, name).expect_err("no name");
        let expected = (format!("host name {name}"), TableProblem::Name(invalid));
        let refused = refused
            .map(|_| ())
            .map_err(|InvalidTable { rule, problem, .. }| (rule, problem));
        assert_eq!(refused, Err(expected), "{name:?}");
    }
}

//! Whose is it? Exactly one rule, exactly one name, or nobody.

use crate::stage;

use std::sync::Arc;

use countersign::identity::{InvalidName, Name, NameKind, SpkiHash};
use countersign::live::Live;
use countersign::tenant::{
    InvalidTable, InvalidTenantId, NoTenant, ResolveTenant, Resolved, Rule, TableProblem, TenantId,
    TenantTable, TenantTableBuilder,
};
use countersign::testing::{KeyAlgorithm, LeafBuilder, NOW, TestCa, TestKey};
use countersign::trust::{PinSet, VerifiedPeer, VerifyPeer};

use stage::*;

fn table() -> TenantTableBuilder {
    TenantTable::builder()
}

fn built(builder: TenantTableBuilder) -> TenantTable {
    builder.build().expect("a table")
}

/// Verified below its root, with whatever names it carries.
fn peer(root: &TestCa, leaf: LeafBuilder) -> VerifiedPeer {
    peer_at(&private(&[root]), &leaf.issue(), NOW).expect("trusted")
}

fn ask(table: &dyn ResolveTenant, root: &TestCa, leaf: LeafBuilder) -> Result<(String, String), NoTenant> {
    let resolved = table.resolve_tenant(&peer(root, leaf))?;
    Ok((resolved.tenant.to_string(), resolved.rule.to_string()))
}

fn is(tenant: &str, rule: &str) -> Result<(String, String), NoTenant> {
    Ok((tenant.to_owned(), rule.to_owned()))
}

fn unknown(rule: &str, name: &str) -> Result<(String, String), NoTenant> {
    Err(NoTenant::Unknown {
        rule: rule.into(),
        name: name.to_owned(),
    })
}

fn ambiguous(first: &str, second: &str) -> Result<(String, String), NoTenant> {
    Err(NoTenant::Ambiguous {
        first: first.into(),
        second: second.into(),
    })
}

fn id(name: &str) -> TenantId {
    TenantId::parse(name).expect("a tenant's name")
}

const NOBODY: Result<(String, String), NoTenant> = Err(NoTenant::NoRule);

fn spki(ca: &TestCa) -> SpkiHash {
    SpkiHash::of(&ca.spki_der())
}

// -- each kind of rule ---------------------------------------------------------------------------------------------------

#[test]
fn each_kind_of_rule_names_its_tenant_and_itself() {
    let root = TestCa::new("Root");
    let key = root.client(ACME).issue();
    let pin = SpkiHash::of(&key.spki_der());
    let bare = || root.client("x.example").without_san();
    for (case, rules, leaf, expected) in [
        (
            "URI template",
            table().uri("https://acme.example/tenants/{tenant}/hooks"),
            root.client("https://acme.example/tenants/globex/hooks"),
            is("globex", "URI https://acme.example/tenants/{tenant}/hooks"),
        ),
        (
            "SPIFFE template",
            table().uri("spiffe://acme.example/tenant/{tenant}"),
            root.client("spiffe://acme.example/tenant/globex"),
            is("globex", "URI spiffe://acme.example/tenant/{tenant}"),
        ),
        (
            "DNS template",
            table().template(NameKind::Dns, "{tenant}.hooks.example"),
            root.client("Globex.Hooks.Example"),
            is("globex", "DNS name {tenant}.hooks.example"),
        ),
        (
            "DNS template in upper case",
            table().template(NameKind::Dns, "{tenant}.Hooks.EXAMPLE"),
            root.client("globex.hooks.example"),
            is("globex", "DNS name {tenant}.Hooks.EXAMPLE"),
        ),
        (
            "e-mail template",
            table().template(NameKind::Email, "{tenant}@hooks.example"),
            root.client("globex@hooks.example"),
            is("globex", "e-mail address {tenant}@hooks.example"),
        ),
        (
            "common name template",
            table().template(NameKind::CommonName, "tenant-{tenant}"),
            bare().common_name("tenant-globex"),
            is("globex", "common name tenant-{tenant}"),
        ),
        (
            "organizational unit template",
            table().template(NameKind::OrganizationalUnit, "{tenant}"),
            bare().organizational_unit("globex"),
            is("globex", "organizational unit {tenant}"),
        ),
        (
            "URI",
            table().name(id("globex"), NameKind::Uri, "urn:globex"),
            bare().uri("urn:globex"),
            is("globex", "URI:urn:globex"),
        ),
        (
            "DNS name",
            table().name(id("globex"), NameKind::Dns, "Globex.Example"),
            root.client("globex.example"),
            is("globex", "DNS:globex.example"),
        ),
        (
            "e-mail address",
            table().name(id("globex"), NameKind::Email, "ops@globex.example"),
            root.client("ops@globex.example"),
            is("globex", "email:ops@globex.example"),
        ),
        (
            "IP address",
            table().name(id("globex"), NameKind::Ip, "2001:db8::1"),
            root.client("2001:db8:0::0:1"),
            is("globex", "IP:2001:db8::1"),
        ),
        (
            "common name",
            table().common_name(id("globex"), "Globex GmbH"),
            bare().common_name("Globex GmbH"),
            is("globex", "CN=Globex GmbH"),
        ),
        (
            "organizational unit",
            table().organizational_unit(id("globex"), "Bücher"),
            bare().organizational_unit("Bücher").organizational_unit("Other"),
            is("globex", "OU=Bücher"),
        ),
        (
            "pin",
            table().pin(id("globex"), pin),
            root.client(ACME).with_key(&key),
            is("globex", &format!("pin {pin}")),
        ),
        (
            "issuer",
            table().issuer(id("globex"), spki(&root)),
            root.client(ACME),
            is("globex", &format!("issuer {}", spki(&root))),
        ),
    ] {
        let table = built(rules.known(["globex"]));
        assert_eq!(ask(&table, &root, leaf), expected, "{case}");
        assert_eq!(
            ask(
                &table,
                &root,
                root.client("stranger.example").common_name("stranger")
            ),
            match case {
                "issuer" => is("globex", &format!("issuer {}", spki(&root))),
                _ => NOBODY,
            },
            "{case}: a stranger"
        );
    }
}

/// N1: a name of another type is another name.
#[test]
fn n1_types_are_never_confused() {
    type Leaf = fn(LeafBuilder, &str) -> LeafBuilder;
    let root = TestCa::new("Root");
    let bare = || root.client("x.example").without_san();
    let dns: (NameKind, Leaf) = (NameKind::Dns, |leaf, text| leaf.dns(text));
    let uri: (NameKind, Leaf) = (NameKind::Uri, |leaf, text| leaf.uri(text));
    let others: [(NameKind, Leaf); 3] = [
        (NameKind::CommonName, |leaf, text| leaf.common_name(text)),
        (NameKind::OrganizationalUnit, |leaf, text| {
            leaf.organizational_unit(text)
        }),
        (NameKind::Email, |leaf, text| leaf.email(text)),
    ];
    // A URI begins with a scheme, which no DNS name has.
    for (text, template, able) in [
        ("globex.example", "{tenant}.example", dns),
        ("urn:globex", "urn:{tenant}", uri),
    ] {
        let rules = [&[able], &others[..]].concat();
        let leaves = [&[dns, uri][..], &others].concat();
        for (rule, _) in &rules {
            let exact = built(table().name(id("globex"), *rule, text));
            let template = built(table().template(*rule, template).known(["globex"]));
            for (kind, leaf) in leaves
                .iter()
                .filter(|(kind, _)| *kind != NameKind::Dns || able.0 == NameKind::Dns)
            {
                for table in [&exact, &template] {
                    let answer = ask(table, &root, leaf(bare(), text)).map(|(tenant, _)| tenant);
                    let expected = if kind == rule {
                        Ok("globex".to_owned())
                    } else {
                        Err(NoTenant::NoRule)
                    };
                    assert_eq!(answer, expected, "{rule} asked about {kind}");
                }
            }
        }
    }
    // An address in a dNSName is no address, and one written as a URI neither.
    let ip = built(table().name(id("globex"), NameKind::Ip, "192.0.2.7"));
    assert_eq!(ask(&ip, &root, bare().common_name("192.0.2.7")), NOBODY);
    assert_eq!(ask(&ip, &root, bare().uri("192.0.2.7")), NOBODY);
}

// -- templates -----------------------------------------------------------------------------------------------------------

#[test]
fn a_template_takes_one_segment_and_no_more() {
    let root = TestCa::new("Root");
    let uri = built(
        table()
            .uri("https://acme.example/t/{tenant}/hooks")
            .known(["globex", "a", "b", "a.b", "Globex"]),
    );
    let rule = "URI https://acme.example/t/{tenant}/hooks";
    let at = |tenant: &str| root.client(&format!("https://acme.example/t/{tenant}/hooks"));
    for (tenant, expected) in [
        ("globex", is("globex", rule)),
        ("a.b", is("a.b", rule)),
        ("Globex", is("Globex", rule)),
        ("GLOBEX", unknown(rule, "GLOBEX")),
        ("initech", unknown(rule, "initech")),
        ("..", unknown(rule, "..")),
        ("", NOBODY),
        ("a/b", NOBODY),
        ("a/hooks/b", NOBODY),
        ("%67lobex", NOBODY),
        ("a%2fb", NOBODY),
        ("a;b", NOBODY),
        ("a?b", NOBODY),
        ("a#b", NOBODY),
        ("a:b", NOBODY),
        ("a@b", NOBODY),
        ("a\\b", NOBODY),
        ("a b", NOBODY),
    ] {
        assert_eq!(ask(&uri, &root, at(tenant)), expected, "{tenant:?}");
    }
    for near in [
        "https://acme.example/t/globex",
        "https://acme.example/t/globex/hooks/",
        "https://acme.example/t/globex/hooks?x",
        "https://acme.example:443/t/globex/hooks",
        "HTTPS://acme.example/t/globex/hooks",
        "https://ACME.example/t/globex/hooks",
        "http://acme.example/t/globex/hooks",
        "https://evil.example/https://acme.example/t/globex/hooks",
        "https://acme.example/t//hooks",
        "https://acme.example/t/hooks",
    ] {
        assert_eq!(ask(&uri, &root, root.client(near)), NOBODY, "{near}");
    }
}

#[test]
fn a_template_takes_one_label_and_no_more() {
    let root = TestCa::new("Root");
    let known = ["globex", "a.b", "globex.eu"];
    let dns = built(
        table()
            .template(NameKind::Dns, "hook-{tenant}.acme.example")
            .known(known),
    );
    let rule = "DNS name hook-{tenant}.acme.example";
    for (name, expected) in [
        ("hook-globex.acme.example", is("globex", rule)),
        ("HOOK-GLOBEX.acme.example", is("globex", rule)),
        ("hook-initech.acme.example", unknown(rule, "initech")),
        ("hook-globex.eu.acme.example", NOBODY),
        ("hook-a.b.acme.example", NOBODY),
        ("globex.acme.example", NOBODY),
        ("hook-globex.acme.example.evil.example", NOBODY),
        ("evil-hook-globex.acme.example", NOBODY),
        ("*.acme.example", NOBODY),
    ] {
        assert_eq!(ask(&dns, &root, root.client(name)), expected, "{name}");
    }
}

/// N6: below `spiffe:`, only what the standard writes.
#[test]
fn n6_a_spiffe_template_takes_spiffe_ids_only() {
    let root = TestCa::new("Root");
    let spiffe = built(
        table()
            .uri("spiffe://acme.example/tenant/{tenant}/hook")
            .known(["globex", ".", "~globex"]),
    );
    let rule = "URI spiffe://acme.example/tenant/{tenant}/hook";
    assert_eq!(
        ask(
            &spiffe,
            &root,
            root.client("spiffe://acme.example/tenant/globex/hook")
        ),
        is("globex", rule)
    );
    for bad in [
        "SPIFFE://acme.example/tenant/globex/hook",
        "spiffe://ACME.example/tenant/globex/hook",
        "spiffe://acme.example:443/tenant/globex/hook",
        "spiffe://x@acme.example/tenant/globex/hook",
        "spiffe://acme.example/tenant/./hook",
        "spiffe://acme.example/tenant/../hook",
        "spiffe://acme.example/tenant//hook",
        "spiffe://acme.example/tenant/~globex/hook",
        "spiffe://acme.example/tenant/globex/hook/",
        "spiffe://acme.example/tenant/globex/hook?x=y",
        "spiffe://acme.example/tenant/globex/hook#x",
        "spiffe://acme.example/tenant/%67lobex/hook",
        "spiffe://acme.example.evil.example/tenant/globex/hook",
        "spiffe://evil.example/tenant/globex/hook",
    ] {
        assert_eq!(ask(&spiffe, &root, root.client(bad)), NOBODY, "{bad}");
    }
    // An SVID has exactly one URI (X.509-SVID §2), whatever the other one says.
    let good = || root.client("spiffe://acme.example/tenant/globex/hook");
    for other in ["https://acme.example/", "spiffe://other.example/x"] {
        assert_eq!(
            ask(&spiffe, &root, good().uri(other)),
            ambiguous(rule, "a second URI beside a SPIFFE ID"),
            "{other}"
        );
    }
    let exact = built(table().name(id("globex"), NameKind::Uri, ACME));
    assert_eq!(
        ask(&exact, &root, root.client(ACME).uri("urn:x")),
        ambiguous(&format!("URI:{ACME}"), "a second URI beside a SPIFFE ID")
    );
    assert_eq!(
        ask(&exact, &root, root.client(ACME).dns("x.example")),
        is("globex", &format!("URI:{ACME}"))
    );
}

/// N6: the trust domain of one authority is not another's to name.
#[test]
fn n6_a_pooled_authority_names_only_its_own_domain() {
    let (foo, bar) = (TestCa::new("foo"), TestCa::new("bar"));
    let pooled = private(&[&foo, &bar]);
    let domain = |ca: &TestCa, domain: &str| {
        Rule::template(NameKind::Uri, &format!("spiffe://{domain}/{{tenant}}")).issued_by(spki(ca))
    };
    let tenants = built(
        table()
            .rule(domain(&foo, "foo.example"))
            .rule(domain(&bar, "bar.example"))
            .known(["globex"]),
    );
    let ask = |issuer: &TestCa, id: &str| {
        let peer = peer_at(&pooled, &issuer.client(id).issue(), NOW).expect("trusted");
        tenants
            .resolve_tenant(&peer)
            .map(|resolved| resolved.rule.to_string())
    };
    for (issuer, id, expected) in [
        (
            &foo,
            "spiffe://foo.example/globex",
            Ok("URI spiffe://foo.example/{tenant}".to_owned()),
        ),
        (
            &bar,
            "spiffe://bar.example/globex",
            Ok("URI spiffe://bar.example/{tenant}".to_owned()),
        ),
        (&foo, "spiffe://bar.example/globex", Err(NoTenant::NoRule)),
        (&bar, "spiffe://foo.example/globex", Err(NoTenant::NoRule)),
        (
            &foo.intermediate("deep"),
            "spiffe://foo.example/globex",
            Ok("URI spiffe://foo.example/{tenant}".to_owned()),
        ),
    ] {
        assert_eq!(ask(issuer, id), expected, "{id}");
    }
}

// -- ambiguity -----------------------------------------------------------------------------------------------------------

/// N7: two answers are none.
#[test]
fn n7_two_matches_are_none() {
    let root = TestCa::new("Root");
    let spiffe = "https://acme.example/{tenant}";
    let rule = "URI https://acme.example/{tenant}";
    let known = ["globex", "initech"];
    let globex = "https://acme.example/globex";
    for (case, rules, leaf, expected) in [
        (
            "one rule, two names of two tenants",
            table().uri(spiffe),
            root.client(globex).uri("https://acme.example/initech"),
            ambiguous(rule, rule),
        ),
        (
            "one rule, two names, one of a stranger",
            table().uri(spiffe),
            root.client(globex).uri("https://acme.example/stranger"),
            ambiguous(rule, rule),
        ),
        (
            "one rule, the same name twice",
            table().uri(spiffe),
            root.client(globex).uri(globex),
            ambiguous(rule, rule),
        ),
        (
            "two rules, two tenants",
            table()
                .uri(spiffe)
                .name(id("initech"), NameKind::Dns, "initech.example"),
            root.client(globex).dns("initech.example"),
            ambiguous("DNS:initech.example", rule),
        ),
        (
            "two rules, one tenant",
            table()
                .uri(spiffe)
                .name(id("globex"), NameKind::Dns, "globex.example"),
            root.client(globex).dns("globex.example"),
            ambiguous("DNS:globex.example", rule),
        ),
        (
            "two rules, one name",
            table().uri(spiffe).name(id("globex"), NameKind::Uri, globex),
            root.client(globex),
            ambiguous("URI:https://acme.example/globex", rule),
        ),
        (
            "two exact names of one tenant",
            table().name(id("globex"), NameKind::Dns, "a.example").name(
                id("globex"),
                NameKind::Dns,
                "b.example",
            ),
            root.client("a.example").dns("b.example"),
            ambiguous("DNS:a.example", "DNS:b.example"),
        ),
        (
            "a name and the issuer",
            table().uri(spiffe).issuer(id("globex"), spki(&root)),
            root.client(globex),
            ambiguous(rule, &format!("issuer {}", spki(&root))),
        ),
        (
            "the same conditional rule twice",
            table()
                .rule(Rule::name(id("globex"), NameKind::Uri, globex).issued_by(spki(&root)))
                .rule(Rule::name(id("globex"), NameKind::Uri, globex).issued_by(spki(&root))),
            root.client(globex),
            ambiguous(&format!("URI {globex}"), &format!("URI {globex}")),
        ),
    ] {
        assert_eq!(ask(&built(rules.known(known)), &root, leaf), expected, "{case}");
    }
    let pin = root.client("a.example").issue();
    let hash = SpkiHash::of(&pin.spki_der());
    let both = built(
        table()
            .pin(id("globex"), hash)
            .name(id("initech"), NameKind::Dns, "a.example"),
    );
    assert_eq!(
        ask(&both, &root, root.client("a.example").with_key(&pin)),
        ambiguous(&format!("pin {hash}"), "DNS:a.example")
    );
    // A name that no rule speaks about disturbs nobody.
    let one = built(table().uri(spiffe).known(known));
    assert_eq!(
        ask(
            &one,
            &root,
            root.client(globex)
                .dns("x.example")
                .email("a@x.example")
                .common_name("x")
        ),
        is("globex", rule)
    );
}

// -- conditions ----------------------------------------------------------------------------------------------------------

/// Kong's rule, and VTEX's: issuer fixed, organizational unit the tenant, common name the application.
#[test]
fn conditions_must_all_hold() {
    let root = TestCa::new("Root");
    let (ours, theirs) = (root.intermediate("Ours"), root.intermediate("Theirs"));
    let tenants = built(
        table()
            .rule(
                Rule::template(NameKind::OrganizationalUnit, "{tenant}")
                    .issued_by(spki(&ours))
                    .carrying(NameKind::CommonName, "billing"),
            )
            .known(["globex"]),
    );
    let rule = "organizational unit {tenant}";
    let from = |ca: &TestCa| ca.client("x.example").without_san();
    for (case, leaf, expected) in [
        (
            "all hold",
            from(&ours).organizational_unit("globex").common_name("billing"),
            is("globex", rule),
        ),
        (
            "another issuer",
            from(&theirs).organizational_unit("globex").common_name("billing"),
            NOBODY,
        ),
        (
            "another application",
            from(&ours).organizational_unit("globex").common_name("shipping"),
            NOBODY,
        ),
        (
            "no application",
            from(&ours).organizational_unit("globex"),
            NOBODY,
        ),
        (
            "the application elsewhere",
            from(&ours)
                .organizational_unit("globex")
                .organizational_unit_of("billing"),
            ambiguous(rule, rule),
        ),
        (
            "an application of another type",
            from(&ours).organizational_unit("globex").dns("billing"),
            NOBODY,
        ),
        (
            "two applications",
            from(&ours)
                .organizational_unit("globex")
                .common_name("billing")
                .common_name("shipping"),
            ambiguous(rule, "a second common name"),
        ),
        (
            "another tenant",
            from(&ours).organizational_unit("initech").common_name("billing"),
            unknown(rule, "initech"),
        ),
        (
            "two tenants",
            from(&ours)
                .organizational_unit("globex")
                .organizational_unit("initech")
                .common_name("billing"),
            ambiguous(rule, rule),
        ),
    ] {
        assert_eq!(ask(&tenants, &root, leaf), expected, "{case}");
    }
}

trait MoreUnits {
    fn organizational_unit_of(self, unit: &str) -> Self;
}

impl MoreUnits for LeafBuilder {
    /// The condition's text where the tenant stands, beside a common name that fulfils the condition.
    fn organizational_unit_of(self, unit: &str) -> Self {
        self.organizational_unit(unit).common_name("billing")
    }
}

#[test]
fn a_tenant_for_each_issuer_means_the_verified_path() {
    let root = TestCa::new("Root");
    let (one, two) = (root.intermediate("One"), root.intermediate("Two"));
    let tenants = built(
        table()
            .issuer(id("one"), spki(&one))
            .issuer(id("two"), spki(&two)),
    );
    let labels = [format!("issuer {}", spki(&one)), format!("issuer {}", spki(&two))];
    assert_eq!(ask(&tenants, &root, one.client(ACME)), is("one", &labels[0]));
    assert_eq!(ask(&tenants, &root, two.client(ACME)), is("two", &labels[1]));
    assert_eq!(ask(&tenants, &root, root.client(ACME)), NOBODY);
    // An issuer below both is both's; one stuffed beside the path is nobody's.
    assert_eq!(
        ask(
            &built(
                table()
                    .issuer(id("one"), spki(&one))
                    .issuer(id("root"), spki(&root))
            ),
            &root,
            one.client(ACME)
        ),
        ambiguous(&labels[0], &format!("issuer {}", spki(&root)))
    );
    // With a condition, whoever does not fulfil it is nobody, as for a rule on a key.
    let key = TestKey::generate(KeyAlgorithm::default());
    let pin = SpkiHash::of(&key.spki_der());
    for rule in [Rule::issuer(id("one"), spki(&one)), Rule::pin(id("one"), pin)] {
        let table = built(table().rule(rule.carrying(NameKind::CommonName, "billing")));
        let leaf = || one.client(ACME).with_key(&key);
        let named = ask(&table, &root, leaf().common_name("billing")).map(|(tenant, _)| tenant);
        assert_eq!(named, Ok("one".to_owned()));
        assert_eq!(ask(&table, &root, leaf().common_name("payroll")), NOBODY);
        assert_eq!(ask(&table, &root, leaf()), NOBODY);
    }
    let stuffed = one
        .client(ACME)
        .issue()
        .with_chain(vec![one.certificate().clone(), two.certificate().clone()]);
    let peer = peer_at(&private(&[&root]), &stuffed, NOW).expect("trusted");
    assert_eq!(
        tenants
            .resolve_tenant(&peer)
            .map(|resolved| resolved.tenant.to_string()),
        Ok("one".to_owned())
    );
}

// -- names of the subject ------------------------------------------------------------------------------------------------

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

/// N5: a wildcard is nobody.
#[test]
fn n5_wildcards_are_nobody() {
    let root = TestCa::new("Root");
    let tenants = built(
        table()
            .template(NameKind::Dns, "{tenant}.acme.example")
            .name(id("exact"), NameKind::Dns, "hooks.acme.example")
            .uri("https://acme.example/{tenant}")
            .template(NameKind::CommonName, "cn-{tenant}")
            .known(["globex", "*", "hooks2"]),
    );
    for leaf in [
        root.client("*.acme.example"),
        root.client("https://acme.example/*"),
        root.client("x.example").without_san().common_name("cn-*"),
    ] {
        assert_eq!(ask(&tenants, &root, leaf), NOBODY);
    }
}

// -- tables that must not be ---------------------------------------------------------------------------------------------

#[test]
fn mistakes_are_named_with_their_rule() {
    let hash = SpkiHash::of(b"");
    let invalid = |kind, name: &str| match Name::parse(kind, name) {
        Err(invalid) => TableProblem::Name(invalid),
        Ok(name) => panic!("{name}"),
    };
    let twice = |first: &str, second: &str| TableProblem::Twice {
        first: first.into(),
        second: second.into(),
    };
    let long = "x".repeat(129);
    for (case, rules, rule, problem) in [
        ("empty", table(), "table".to_owned(), TableProblem::Empty),
        (
            "only known ones",
            table().known(["a"]),
            "table".to_owned(),
            TableProblem::Empty,
        ),
        (
            "nobody known",
            table().uri("https://x/{tenant}"),
            "table".to_owned(),
            TableProblem::NobodyKnown,
        ),
        (
            "no placeholder",
            table().uri("https://x/y").known(["a"]),
            "URI https://x/y".to_owned(),
            TableProblem::NoPlaceholder,
        ),
        (
            "placeholder in upper case",
            table().uri("https://x/{Tenant}").known(["a"]),
            "URI https://x/{Tenant}".to_owned(),
            TableProblem::NoPlaceholder,
        ),
        (
            "two placeholders",
            table().uri("https://x/{tenant}/{tenant}").known(["a"]),
            "URI https://x/{tenant}/{tenant}".to_owned(),
            TableProblem::Placeholder,
        ),
        (
            "another placeholder",
            table().uri("https://x/{tenant}/{id}").known(["a"]),
            "URI https://x/{tenant}/{id}".to_owned(),
            TableProblem::Placeholder,
        ),
        (
            "nothing but the placeholder",
            table().uri("{tenant}").known(["a"]),
            "URI {tenant}".to_owned(),
            TableProblem::Scheme,
        ),
        (
            "a URI without a colon",
            table().uri("https//foo/{tenant}").known(["a"]),
            "URI https//foo/{tenant}".to_owned(),
            TableProblem::Scheme,
        ),
        (
            "a URI with one slash",
            table().uri("https:/foo/{tenant}").known(["a"]),
            "URI https:/foo/{tenant}".to_owned(),
            TableProblem::Scheme,
        ),
        (
            "the placeholder as scheme",
            table().uri("{tenant}:x").known(["a"]),
            "URI {tenant}:x".to_owned(),
            TableProblem::Scheme,
        ),
        (
            "a colon further on",
            table().uri("foo/{tenant}:x").known(["a"]),
            "URI foo/{tenant}:x".to_owned(),
            TableProblem::Scheme,
        ),
        (
            "a path with a colon",
            table().uri("1foo/a:{tenant}").known(["a"]),
            "URI 1foo/a:{tenant}".to_owned(),
            TableProblem::Scheme,
        ),
        (
            "part of a SPIFFE segment",
            table().uri("spiffe://td/t-{tenant}").known(["a"]),
            "URI spiffe://td/t-{tenant}".to_owned(),
            TableProblem::Spiffe,
        ),
        (
            "SPIFFE in upper case",
            table().uri("SPIFFE://td/{tenant}").known(["a"]),
            "URI SPIFFE://td/{tenant}".to_owned(),
            TableProblem::Spiffe,
        ),
        (
            "a trust domain in upper case",
            table().uri("spiffe://TD/{tenant}").known(["a"]),
            "URI spiffe://TD/{tenant}".to_owned(),
            TableProblem::Spiffe,
        ),
        (
            "a wildcard in a template",
            table().template(NameKind::Dns, "*.{tenant}.example").known(["a"]),
            "DNS name *.{tenant}.example".to_owned(),
            invalid(NameKind::Dns, "*.x.example"),
        ),
        (
            "an address as template",
            table().template(NameKind::Ip, "192.0.2.{tenant}").known(["a"]),
            "IP address 192.0.2.{tenant}".to_owned(),
            invalid(NameKind::Ip, "192.0.2.x"),
        ),
        (
            "a wildcard",
            table().name(id("a"), NameKind::Dns, "*.example"),
            "DNS name *.example".to_owned(),
            invalid(NameKind::Dns, "*.example"),
        ),
        (
            "a NUL",
            table().common_name(id("a"), "a\0b"),
            "common name a\0b".to_owned(),
            invalid(NameKind::CommonName, "a\0b"),
        ),
        (
            "a bad condition",
            table().rule(Rule::pin(id("a"), hash).carrying(NameKind::Ip, "1.2.3")),
            format!("pin {hash}"),
            invalid(NameKind::Ip, "1.2.3"),
        ),
        (
            "a known one that is none",
            table().uri("https://x/{tenant}").known(["a", "b\n"]),
            "known".to_owned(),
            TableProblem::Tenant("b\n".into()),
        ),
        (
            "a known one of too long a name",
            table().uri("https://x/{tenant}").known(["a", &long]),
            "known".to_owned(),
            TableProblem::Tenant(long.clone()),
        ),
        (
            "a name of two tenants",
            table()
                .name(id("a"), NameKind::Dns, "x.example")
                .name(id("b"), NameKind::Dns, "X.example"),
            "DNS:x.example".to_owned(),
            twice("a", "b"),
        ),
        (
            "a key of two tenants",
            table().pin(id("a"), hash).pin(id("b"), hash),
            format!("pin {hash}"),
            twice("a", "b"),
        ),
    ] {
        let refused: InvalidTable = rules.build().map(|_| ()).expect_err(case);
        assert_eq!((&refused.rule, &refused.problem), (&rule, &problem), "{case}");
        assert!(
            refused.to_string().starts_with(&format!("tenant rule {rule}: ")),
            "{case}"
        );
    }
    let _: fn(InvalidName) -> TableProblem = TableProblem::Name;
}

#[test]
fn tenants_names_are_plain() {
    for good in ["a", "Globex Inc.", "a/b:c@d", &"x".repeat(128)] {
        assert_eq!(
            TenantId::parse(good).map(|tenant| tenant.to_string()),
            Ok(good.to_owned())
        );
    }
    for bad in ["", " a", "a ", "a\n", "é", "a\0", "\u{7f}", &"x".repeat(129)] {
        let parsed: Result<TenantId, InvalidTenantId> = bad.parse();
        assert_eq!(
            parsed.map_err(|error| error.to_string()),
            Err(
                "a tenant's name is 1 to 128 printable ASCII characters without a space at either end"
                    .to_owned()
            ),
            "{bad:?}"
        );
    }
}

// -- a million, and while in use -----------------------------------------------------------------------------------------

#[test]
fn a_million_tenants_are_as_exact_as_a_thousand() {
    let root = TestCa::new("Root");
    let of = |count: u64| {
        let rules = (0..count).fold(table(), |rules, n| {
            rules.name(id(&format!("t{n}")), NameKind::Dns, &format!("t{n}.example"))
        });
        built(
            rules
                .uri("https://acme.example/{tenant}")
                .known((0..count).map(|n| format!("t{n}"))),
        )
    };
    let by_name = peer(&root, root.client("t77.example"));
    let by_template = peer(&root, root.client("https://acme.example/t88"));
    let nobody = peer(&root, root.client("t.example"));
    for count in [1_000, 1_000_000] {
        let table = of(count);
        assert_eq!(name_of(table.resolve_tenant(&by_name)), "t77", "{count}");
        assert_eq!(name_of(table.resolve_tenant(&by_template)), "t88", "{count}");
        assert_eq!(table.resolve_tenant(&nobody), Err(NoTenant::NoRule), "{count}");
    }
}

fn name_of(resolved: Result<Resolved, NoTenant>) -> String {
    resolved.expect("a tenant").tenant.to_string()
}

#[test]
fn a_table_is_replaced_as_a_whole() {
    let root = TestCa::new("Root");
    let tenants = |owner: &str| {
        built(
            table()
                .name(id(owner), NameKind::Dns, "a.example")
                .name(id(owner), NameKind::Dns, "b.example"),
        )
    };
    let live = Live::new(tenants("old"));
    let (a, b) = (
        peer(&root, root.client("a.example")),
        peer(&root, root.client("b.example")),
    );
    let before = live.generation();
    let snapshot: Arc<TenantTable> = live.load();
    live.replace(tenants("new"));
    assert!(live.generation() > before);
    for peer in [&a, &b] {
        assert_eq!(name_of(live.resolve_tenant(peer)), "new");
        assert_eq!(name_of(snapshot.resolve_tenant(peer)), "old");
    }
    // Also where it is replaced inside of another.
    let outer = Live::new(live.clone());
    let before = outer.generation();
    live.replace(tenants("new"));
    assert!(outer.generation() > before);
    // A mistake is found before anything is replaced.
    let refused = table()
        .uri("https://x")
        .known(["a"])
        .build()
        .map(|table| live.replace(table));
    assert_eq!(
        refused.map_err(|invalid| invalid.problem),
        Err(TableProblem::NoPlaceholder)
    );
    assert_eq!(name_of(live.resolve_tenant(&a)), "new");
}

//! Names that are not what they look like, and two answers that are none.

use countersign::identity::{NameKind, SpkiHash};
use countersign::tenant::{NoTenant, ResolveTenant, Rule};
use countersign::testing::{LeafBuilder, NOW, TestCa};

use super::{NOBODY, ambiguous, ask, built, id, is, spki, table};
use crate::stage::*;

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
    // Other URIs may stand beside others.
    let web = "https://acme.example/tenants/globex";
    for (table, rule) in [
        (
            table().name(id("globex"), NameKind::Uri, web),
            "URI:https://acme.example/tenants/globex",
        ),
        (
            table()
                .uri("https://acme.example/tenants/{tenant}")
                .known(["globex"]),
            "URI https://acme.example/tenants/{tenant}",
        ),
    ] {
        let asked = ask(&built(table), &root, root.client(web).uri("urn:x"));
        assert_eq!(asked, is("globex", rule));
    }
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

//! Each kind of rule, and the templates.

use countersign::identity::{NameKind, SpkiHash};
use countersign::tenant::{ResolveTenant, Rule};
use countersign::testing::{KeyAlgorithm, LeafBuilder, NOW, TestCa, TestKey};

use super::{NOBODY, ambiguous, ask, built, id, is, spki, table, unknown};
use crate::stage::*;

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
            "user id template",
            table().template(NameKind::UserId, "tenant-{tenant}"),
            bare().user_id("tenant-globex"),
            is("globex", "user id tenant-{tenant}"),
        ),
        (
            "organization identifier template",
            table().template(NameKind::OrganizationIdentifier, "{tenant}"),
            bare().organization_identifier("globex"),
            is("globex", "organization identifier {tenant}"),
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

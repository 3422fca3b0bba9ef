//! Tables: mistakes that are found when one is built, a million tenants, and one for another.

use std::sync::Arc;

use countersign::identity::{InvalidName, Name, NameKind, SpkiHash};
use countersign::live::Live;
use countersign::tenant::{
    InvalidTable, InvalidTenantId, NoTenant, ResolveTenant, Resolved, Rule, TableProblem, TenantId,
    TenantTable,
};
use countersign::testing::TestCa;

use super::{built, id, peer, table};

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
            "the same behind a letter",
            table().uri("foo/a:{tenant}").known(["a"]),
            "URI foo/a:{tenant}".to_owned(),
            TableProblem::Scheme,
        ),
        (
            "a scheme that begins with a digit",
            table().uri("1foo:{tenant}").known(["a"]),
            "URI 1foo:{tenant}".to_owned(),
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

#[test]
fn a_tenant_is_ordered_and_written_by_its_name() {
    let (acme, globex) = (id("acme"), id("globex"));
    assert_eq!(acme.partial_cmp(&globex), Some("acme".cmp("globex")));
    assert_eq!(globex.partial_cmp(&acme), Some("globex".cmp("acme")));
    assert_eq!(String::from(globex), "globex");
}

#[test]
fn an_answer_is_its_tenant_and_its_rule() {
    let resolved = |tenant: &str, rule: &str| Resolved::new(id(tenant), rule);
    assert_eq!(resolved("acme", "a rule"), resolved("acme", "a rule"));
    assert_ne!(resolved("acme", "a rule"), resolved("globex", "a rule"));
    assert_ne!(resolved("acme", "a rule"), resolved("acme", "another"));
}

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

/// What is kept of an answer ends with the table that gave it, also where that is shared.
#[test]
fn a_change_is_seen_through_an_arc() {
    let table = || {
        let template = TenantTable::builder().uri("spiffe://acme.example/{tenant}");
        template.known(["acme"]).build().expect("a table")
    };
    let live = Live::new(table());
    let shared: Arc<dyn ResolveTenant> = Arc::new(Arc::new(live.clone()));
    let first = ResolveTenant::generation(&live);
    for changes in 0..3 {
        assert_eq!(shared.generation(), first + changes);
        live.replace(table());
    }
}

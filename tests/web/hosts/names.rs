//! Names that sites are built of, and names that find none.

use std::sync::Arc;

use countersign::web::{InvalidSites, Site, Sites};
use rustls::ServerConfig;

use super::{ACME, ALSO_ACME, GLOBEX, OPEN};
use crate::door::world;

#[test]
fn what_is_no_name_finds_no_site() {
    let sites = world().sites().build().expect("sites");
    for name in [
        ".hooks.globex.example",
        "*.hooks.globex.example",
        "a..hooks.globex.example",
        "hooks.globex.example",
        "hooks.acme.example..",
        "hooks.acme.example:443",
        "a@hooks.acme.example",
        "",
        ".",
        "127.0.0.1",
    ] {
        assert!(sites.find(Some(name)).is_none(), "{name:?}");
    }
    for name in [ACME, "HOOKS.acme.example.", GLOBEX] {
        assert!(sites.find(Some(name)).is_some(), "{name:?}");
    }
}

#[test]
fn sites_that_nobody_would_find_are_not_built() {
    let world = world();
    let site = || world.open_site(OPEN);
    let not_a_name = |name: &str| InvalidSites::NotAName {
        name: name.to_owned(),
    };
    let twice = |name: &str| InvalidSites::Twice {
        name: name.to_owned(),
    };
    assert_eq!(Sites::builder().build().err(), Some(InvalidSites::Empty));
    for name in [
        "",
        ".",
        "*",
        "*.",
        "a.*.example",
        "a example",
        "a.example:443",
        "127.0.0.1",
        "[::1]",
        "b\u{fc}cher.example",
    ] {
        let built = Sites::builder().site(name, site()).build();
        assert_eq!(built.err(), Some(not_a_name(name)), "{name:?}");
    }
    let nowhere = Sites::builder().site(ACME, site()).serve_unknown_names();
    assert_eq!(nowhere.build().err(), Some(InvalidSites::NoneWithoutName));
    let weaker = world.sites().without_name(site()).serve_unknown_names();
    assert_eq!(weaker.build().err(), Some(InvalidSites::Weaker));
    for again in ["a.example", "A.example", "a.example."] {
        let built = Sites::builder()
            .site("a.example", site())
            .site(again, site())
            .build();
        assert_eq!(built.err(), Some(twice(again)), "{again:?}");
    }
    let unnamed = Sites::builder().without_name(site()).build().expect("one site");
    assert!(unnamed.find(None).is_some() && unnamed.find(Some("a.example")).is_none());
}

/// A default that is weaker than what it stands beside takes a loud name.
#[test]
fn who_leaves_the_name_out_does_not_get_in_for_less() {
    let world = world();
    let strict = || world.site(&world.policy(), ACME);
    let open = || world.open_site(OPEN);
    let beside = |named: Site| Sites::builder().site(ACME, named);
    for (case, builder, expected) in [
        (
            "open beside strict",
            beside(strict()).without_name(open()),
            Some(InvalidSites::Weaker),
        ),
        (
            "said loudly",
            beside(strict()).allow_weaker_without_name(open()),
            None,
        ),
        (
            "said loudly, then taken back",
            beside(strict())
                .allow_weaker_without_name(open())
                .without_name(open()),
            Some(InvalidSites::Weaker),
        ),
        ("open beside open", beside(open()).without_name(open()), None),
        ("strict beside open", beside(open()).without_name(strict()), None),
        (
            "strict beside strict",
            beside(strict()).without_name(strict()),
            None,
        ),
        ("open alone", Sites::builder().without_name(open()), None),
        (
            "one strict among open",
            beside(open()).site(ALSO_ACME, strict()).without_name(open()),
            Some(InvalidSites::Weaker),
        ),
    ] {
        assert_eq!(builder.build().err(), expected, "{case}");
    }
}

/// What a name may stand for, as a rule that looks at one entry at a time.
fn fits(written: &str, name: &str) -> Option<u8> {
    let plain = |name: &str| name.strip_suffix('.').unwrap_or(name).to_lowercase();
    let (written, name) = (plain(written), plain(name));
    let below = written
        .strip_prefix("*.")
        .and_then(|parent| name.strip_suffix(parent)?.strip_suffix('.'));
    match below {
        Some(label) if !label.is_empty() && !label.contains(['.', '*']) => Some(1),
        _ => (written == name).then_some(2),
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// CVE-2026-27588: a large table was matched by other rules than a small one.
    #[test]
    fn a_name_finds_its_site_whatever_else_is_served(
        written in proptest::collection::btree_set("(\\*\\.)?[ab](\\.[ab]){0,2}", 1..12),
        others in 0_usize..300,
        asked in proptest::collection::vec("[abAB](\\.[abAB]){0,3}\\.?", 1..20),
    ) {
        static CONFIG: std::sync::LazyLock<Arc<ServerConfig>> = std::sync::LazyLock::new(|| world().open_site(OPEN).config().clone());
        let site = || Site::for_anybody(ServerConfig::clone(&CONFIG));
        let table: Vec<_> = written.iter().map(|name| (name.clone(), site())).collect();
        let others = (0..others).map(|number| (format!("n{number}.others.example"), site()));
        let sites = table.iter().cloned().chain(others).fold(Sites::builder(), |sites, (name, site)| sites.site(name, site));
        let sites = sites.build().expect("sites");
        for name in &asked {
            let expected = table
                .iter()
                .filter_map(|(written, site)| Some((fits(written, name)?, site)))
                .max_by_key(|(rank, _)| *rank)
                .map(|(_, site)| Arc::as_ptr(site.config()));
            let found = sites.find(Some(name)).map(|site| Arc::as_ptr(site.config()));
            proptest::prop_assert_eq!(found, expected, "{}", name);
        }
    }
}

/// A label that is empty is no label: nothing stands in the place of the wildcard.
#[test]
fn a_name_with_an_empty_label_finds_no_site() {
    let world = world();
    let sites = Sites::builder()
        .site("*.b.example", world.open_site(OPEN))
        .without_name(world.open_site(OPEN))
        .build()
        .expect("sites");
    for (name, found) in [
        ("a.b.example", true),
        (".b.example", false),
        ("*.b.example", false),
        ("b.example", false),
        ("a.a.b.example", false),
        ("", false),
        (".", false),
    ] {
        assert_eq!(sites.find(Some(name)).is_some(), found, "{name:?}");
    }
}

//! Which paths are on which route, as the proxy reads them.

#[path = "../../../examples/incoming_proxy/paths.rs"]
#[allow(clippy::module_inception, reason = "the example's own file")]
mod paths;

use paths::{Pattern, Unclear, find};

const ROUTES: [&str; 6] = ["/hooks", "/erp/*", "/erp/open", "/", "/a.b/*", "/Status"];

#[test]
fn two_readers_must_find_one_route() {
    let patterns = ROUTES.map(|route| Pattern::parse(route).expect(route));
    let patterns: Vec<_> = patterns.iter().collect();
    for (path, expected) in [
        ("/hooks", Ok(Some("/hooks"))),
        ("/erp", Ok(Some("/erp/*"))),
        ("/erp/", Ok(Some("/erp/*"))),
        ("/erp/orders", Ok(Some("/erp/*"))),
        ("/erp/a%20b", Ok(Some("/erp/*"))),
        ("/erp/a//b", Ok(Some("/erp/*"))),
        ("/erp/a/../b", Ok(Some("/erp/*"))),
        ("/erp/b%C3%BCcher", Ok(Some("/erp/*"))),
        ("/erp/100%", Ok(Some("/erp/*"))),
        ("/erp/open", Ok(Some("/erp/open"))),
        ("/", Ok(Some("/"))),
        ("/a.b/c", Ok(Some("/a.b/*"))),
        ("/Status", Ok(Some("/Status"))),
        ("/nothing", Ok(None)),
        ("/erpx", Ok(None)),
        ("/hooks/below", Ok(None)),
        // What the other reader takes for another route, or for one at all.
        ("/hooks/", Err(Unclear)),
        ("/Hooks", Err(Unclear)),
        ("/status", Err(Unclear)),
        ("//hooks", Err(Unclear)),
        ("/./hooks", Err(Unclear)),
        ("/%68ooks", Err(Unclear)),
        ("/%2568ooks", Err(Unclear)),
        ("/hooks;v=1", Err(Unclear)),
        ("/hooks%2f", Err(Unclear)),
        ("/erp/../hooks", Err(Unclear)),
        ("/erp/..%2Fhooks", Err(Unclear)),
        ("/erp/%2e%2e/hooks", Err(Unclear)),
        ("/erp/%252e%252e/hooks", Err(Unclear)),
        ("/erp/..;/hooks", Err(Unclear)),
        ("/erp/..\\hooks", Err(Unclear)),
        ("/erp/..%5chooks", Err(Unclear)),
        ("/erp/open/", Err(Unclear)),
        ("/erp/OPEN", Err(Unclear)),
        ("/nothing/../hooks", Err(Unclear)),
        // What leaves the root, holds a control character, or is encoded again and again.
        ("/..", Err(Unclear)),
        ("/erp/../../hooks", Err(Unclear)),
        ("/erp/a%00b", Err(Unclear)),
        ("/erp/a%0ab", Err(Unclear)),
        ("/erp/%2525252541", Err(Unclear)),
    ] {
        let found = find(&patterns, path);
        let expected =
            expected.map(|route| route.and_then(|route| ROUTES.iter().position(|other| *other == route)));
        assert_eq!(found, expected, "{path}");
    }
}

#[test]
fn a_pattern_is_in_the_form_that_all_readers_share() {
    for good in ["/", "/*", "/a", "/a/*", "/a/b-c_d.e~f/*", "/A", "/v1/orders:paid"] {
        let pattern = Pattern::parse(good).expect(good);
        let shouted = Pattern::parse(&good.to_uppercase()).expect(good);
        assert!(
            pattern.is_like(&shouted),
            "one route to the lenient reader: {good}"
        );
    }
    for bad in [
        "",
        "*",
        "a",
        "a/*",
        "//",
        "//*",
        "/a/",
        "/a//b",
        "/a/../b",
        "/.",
        "/a/./b",
        "/a%20b",
        "/a;b",
        "/a?b",
        "/a#b",
        "/a*",
        "/*/a",
        "/a b",
        "/\u{fc}",
        "/a\\b",
        "https://a/b",
    ] {
        assert_eq!(Pattern::parse(bad), None, "{bad}");
    }
}

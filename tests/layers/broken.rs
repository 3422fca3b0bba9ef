//! Each rule broken once: every breach is found, and nothing else.

use crate::breaches;
use crate::reading::File;

/// A rule that was never seen to fire is no rule. Each row breaks one, or comes close and must not;
/// `//~` says what is to be found on its line.
#[test]
fn each_breach_is_found_and_nothing_else() {
    for (name, path, source) in CASES {
        let file = File {
            path: (*path).to_owned(),
            source: (*source).to_owned(),
        };
        assert_eq!(breaches(&[file]), expected(path, source), "{name}");
    }
}

fn expected(path: &str, source: &str) -> Vec<String> {
    let lines = source.lines().enumerate();
    lines
        .flat_map(|(above, line)| {
            let marks = line.split("//~").skip(1).map(str::trim);
            marks.map(move |breach| format!("{path}:{}: {breach}", above + 1))
        })
        .collect()
}

const CASES: &[(&str, &str, &str)] = &[
    (
        "an arrow that is drawn",
        "trust/mod.rs",
        "use crate::identity::Name;",
    ),
    (
        "a reversed arrow",
        "trust/mod.rs",
        "use crate::tenant::TenantId; //~ `trust` uses `tenant`",
    ),
    (
        "a group over many lines",
        "trust/pins.rs",
        "use std::fmt;
         use crate::{
             identity::{Name, SpkiHash},
             tenant::{self, TenantId as Id}, //~ `trust` uses `tenant`
             replay, //~ `trust` uses `replay`
         };",
    ),
    (
        "the core naming a plug",
        "gate/mod.rs",
        "use crate::web::Layer; //~ `gate` uses `web`",
    ),
    (
        "a path without `use`",
        "payload/hmac.rs",
        "fn f() { crate::tls::foo::<u8>() } //~ `payload` uses `tls`",
    ),
    (
        "a path in a macro",
        "identity/mod.rs",
        "macro_rules! m { () => { $crate::trust::Role } } //~ `identity` uses `trust`",
    ),
    (
        "a range is not a field",
        "live.rs",
        "const A: R = 0..crate::gate::LIMIT; //~ `live` uses `gate`",
    ),
    (
        "`super` within a room",
        "trust/pins.rs",
        "use super::{Untrusted, revocation::Crls};",
    ),
    (
        "`super` out of a room",
        "trust/pins.rs",
        "use super::{A, super::tenant::B}; //~ `trust` uses `tenant`",
    ),
    (
        "`super` out of a file",
        "live.rs",
        "use super::gate::Caller; //~ `live` uses `gate`",
    ),
    (
        "`super` out of a module in a file",
        "live.rs",
        "mod inner {
             mod deeper {}
             use super::{Live, super::gate::Caller}; //~ `live` uses `gate`
         }
         use self::inner::X;
         use super::gate::Caller; //~ `live` uses `gate`",
    ),
    (
        "visibility",
        "trust/mod.rs",
        "pub(in crate::trust) struct A;
         pub(crate) struct B;
         pub(in crate::web) struct C; //~ `trust` uses `web`",
    ),
    (
        "comments",
        "trust/mod.rs",
        "//! See [`crate::web`].
         /// [x](crate::tls)
         // crate::web
         /* crate::web /* crate::tls */ crate::web */
         use crate::tls; //~ `trust` uses `tls`",
    ),
    (
        "literals",
        "trust/mod.rs",
        r##"fn f() { f("crate::web \" crate::web", b"crate::tls", "//");
            f(r"\"); use crate::web; //~ `trust` uses `web`
            f(r#"a" crate::web "b"#);
            f('"', '\'', b'\\', 'ü', "crate::web"); }
            fn g<'a>(x: &'a str) -> char { '"' }
            use crate::tls; //~ `trust` uses `tls`"##,
    ),
    (
        "a test module, and what follows it",
        "trust/mod.rs",
        "#[cfg(test)]
         #[expect(missing_docs)]
         mod tests { use crate::testing::TestCa; fn f() { {} } }
         use crate::tls; //~ `trust` uses `tls`",
    ),
    (
        "a test module of a feature",
        "trust/mod.rs",
        r#"#[cfg(all(test, feature = "testing"))] pub(crate) mod tests { use crate::testing::TestCa; }"#,
    ),
    (
        "a module that ships as well",
        "trust/mod.rs",
        r#"#[cfg(any(test, feature = "testing"))]
           mod fixtures { use crate::testing::TestCa; } //~ `trust` uses `testing`
           #[cfg(all(not(test), feature = "testing"))]
           mod others { use crate::testing::TestCa; } //~ `trust` uses `testing`"#,
    ),
    (
        "an import for tests outside their module",
        "trust/mod.rs",
        "#[cfg(test)] use crate::testing::{TestCa}; //~ `trust` uses `testing`
         mod tests {}",
    ),
    (
        "names from the crate root",
        "gate/mod.rs",
        "use crate::Tenant; //~ `gate` takes `Tenant` from the crate root
         use crate::*; //~ `gate` takes `*` from the crate root
         use crate as root; //~ `gate` takes `crate` from the crate root
         use super::{self as root}; //~ `gate` takes `crate` from the crate root",
    ),
    (
        "a plug using the core and `tls`",
        "web/mod.rs",
        "use crate::{gate::Caller, tls::Acceptor};",
    ),
    (
        "a plug using others",
        "testing/mod.rs",
        "use crate::{tls, web}; //~ `testing` uses `tls` //~ `testing` uses `web`",
    ),
    (
        "a room without a row",
        "attic.rs",
        "use std::fmt; //~ `attic` has no row in the table",
    ),
    (
        "rustls in its folder",
        "tls/mod.rs",
        "use rustls::{ServerConfig, pki_types::UnixTime};",
    ),
    (
        "rustls in testing",
        "testing/mod.rs",
        "type C = ::rustls::ClientConfig;",
    ),
    (
        "rustls through `tls`",
        "web/mod.rs",
        "use crate::tls::{self, rustls::ServerConfig}; fn f(c: tls::rustls::ClientConfig) {}",
    ),
    (
        "names like it",
        "trust/mod.rs",
        "use rustls_pki_types::Der; fn f(c: C) { c.rustls; c.rustls() }",
    ),
    (
        "rustls in the core",
        "trust/mod.rs",
        "fn f(c: &rustls::ServerConfig) {} //~ `trust` names the crate `rustls`
         fn f(c: &::rustls::ServerConfig) {} //~ `trust` names the crate `rustls`
         use rustls as r; //~ `trust` names the crate `rustls`",
    ),
    (
        "rustls through tokio",
        "web/mod.rs",
        "use tokio_rustls::{
             TlsAcceptor,
             rustls::ServerConfig, //~ `web` names the crate `rustls`
         };",
    ),
    (
        "tokio's rustls outside `web`",
        "reload/mod.rs",
        "use tokio_rustls::TlsAcceptor; //~ `reload` names the crate `tokio_rustls`",
    ),
    (
        "a store's client outside `replay`",
        "web/mod.rs",
        "use redis::Client; //~ `web` names the crate `redis`",
    ),
    (
        "a clock in a plug",
        "tls/mod.rs",
        "fn f() { let now = UnixTime::now(); }",
    ),
    (
        "a clock in the core",
        "replay/memory.rs",
        "fn f() { let a = std::time::Instant::now(); //~ `replay` asks `Instant::now`
         let b = x.map_or_else(SystemTime::now, f); //~ `replay` asks `SystemTime::now`
         let c = pki::UnixTime::now(); //~ `replay` asks `UnixTime::now`
         assert!(a < Instant::now(), \"late\"); } //~ `replay` asks `Instant::now`",
    ),
    (
        "drawers",
        "observe/mod.rs",
        "pub(crate) mod utils; //~ `utils` is a drawer, not a module
         mod peer { mod error {} } //~ `error` is a drawer, not a module",
    ),
    (
        "lib.rs that shows the rooms",
        "lib.rs",
        "//! fn
         pub mod gate;
         pub use gate::Caller;
         pub use crate::web::Layer;
         #[cfg(test)] mod tests { fn f() {} }",
    ),
    (
        "lib.rs that does more",
        "lib.rs",
        "pub use rustls; //~ `lib` names the crate `rustls`
         fn logic() {} //~ `lib` holds logic
         mod common; //~ `common` is a drawer, not a module",
    ),
];

#[test]
fn a_test_module_in_a_file_of_its_own_is_not_read() {
    let uses_a_plug = "use crate::testing::TestCa;";
    let cases: &[(&str, &[&str])] = &[
        ("#[cfg(test)] mod tests;", &[]),
        ("mod tests;", &["trust/tests.rs:1: `trust` uses `testing`"]),
        (
            "#[cfg(test)] mod other;",
            &["trust/tests.rs:1: `trust` uses `testing`"],
        ),
    ];
    for (declaration, expected) in cases {
        let files =
            [("trust/mod.rs", *declaration), ("trust/tests.rs", uses_a_plug)].map(|(path, source)| File {
                path: path.to_owned(),
                source: source.to_owned(),
            });
        assert_eq!(breaches(&files), *expected, "{declaration}");
    }
}

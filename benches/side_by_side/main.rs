//! The speed of the crate beside each peer and each floor, in one run: `cargo bench --bench side_by_side`.
//!
//! How it measures is told in [`measure`], how to read what it prints in `benches/README.md`.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    missing_docs,
    reason = "a bench that cannot be set up should stop where it stands, and it measures time"
)]

mod attack;
mod client_cert;
mod dispatcher;
mod grown;
mod handshake;
#[path = "../../tests/support/jose/mod.rs"]
mod jose;
mod jwt;
mod jwt_least;
mod jwt_peers;
mod layers;
mod measure;
mod open_connection;
mod payload;
mod pins;
mod pki;
mod replaced;
mod report;
mod sockets;
mod spki;
mod tenants;

use report::{Options, Report};

type Part = (&'static str, fn(&mut Report));

/// Every part, by the name that `--rows` takes.
const PARTS: [Part; 14] = [
    ("spki", spki::run),
    ("pins", pins::run),
    ("tenants", tenants::run),
    ("payload", payload::run),
    ("jwt", jwt::run),
    ("open_connection", open_connection::run),
    ("client_cert", client_cert::run),
    ("handshake", handshake::run),
    ("replaced", replaced::run),
    ("sockets", sockets::run),
    ("dispatcher", dispatcher::run),
    ("attack", attack::run),
    ("grown", grown::run),
    ("layers", layers::run),
];

fn main() {
    let names = PARTS.map(|(name, _)| name);
    if let Some(help) = Options::help(std::env::args(), &names) {
        println!("{help}");
        return;
    }
    let options = match Options::read(std::env::args().skip(1), &names) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}");
            std::process::exit(2);
        }
    };
    let mut report = Report::new(&options);
    for (name, run) in PARTS {
        if options.wants(name) {
            report.begin(name);
            run(&mut report);
        }
    }
    report.finish();
}

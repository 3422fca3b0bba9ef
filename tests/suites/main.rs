//! **What others have found**: conformance suites and published vectors.

#[path = "../support/jose/mod.rs"]
mod jose_keys;

mod jose_rfcs;
mod limbo;
mod pkits;
mod wycheproof;

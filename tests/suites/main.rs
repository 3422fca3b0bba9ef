//! **What others have found**: conformance suites and published vectors.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::type_complexity,
    clippy::unwrap_used,
    reason = "tests say what they expect by failing loudly; a table is what it is"
)]

#[path = "../support/explained.rs"]
mod explained;
#[path = "../support/jose/mod.rs"]
mod jose_keys;
#[path = "../support/shared.rs"]
mod shared;

mod bettertls;
mod jose_rfcs;
mod limbo;
mod pkits;
mod structured_fields;
mod wycheproof;

//! **Who is it, do we trust it, whose is it?** Certificates, chains, lists, pins, tenants.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests say what they expect by failing loudly, some live in the present"
)]

#[path = "../support/shared.rs"]
mod shared;
#[path = "../support/stage.rs"]
mod stage;

mod authorities;
mod expected_peers;
mod found;
mod identity;
mod pins;
mod revocation;
mod rfc5280;
mod senders;
mod subject_names;
mod tenants;

//! **All five questions**, and the ways round them that have worked on others.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests say what they expect by failing loudly, some live in the present"
)]

#[path = "../support/reasons.rs"]
mod reasons;
#[path = "../support/stage.rs"]
mod stage;
#[path = "../support/time_and_tenants.rs"]
mod support;

mod bypass;
mod codes;
mod configuration;
mod gate_and_refusals;
mod lost;
mod second_checks;
mod secrets;
mod streamed;

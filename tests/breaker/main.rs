//! Is it worth trying? What `Breaker` promises: by tables, against a simple model, and with many threads.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests say what they expect by failing loudly"
)]

#[path = "../support/time_and_tenants.rs"]
mod support;

mod full;
mod model;
mod race;
mod steps;

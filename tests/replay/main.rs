//! **Is it fresh?** What every store promises.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests say what they expect by failing loudly"
)]

#[path = "../support/promise.rs"]
mod promise;
#[path = "../support/time_and_tenants.rs"]
mod support;

mod promises;

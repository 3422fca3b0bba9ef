//! **The handshake**: configurations, credentials, alerts, resumption.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests say what they expect by failing loudly, some live in the present"
)]

#[path = "../support/stage.rs"]
mod stage;

mod enrolment;
mod handshakes;
mod resumption;

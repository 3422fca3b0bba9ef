//! The payload room from outside.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::type_complexity,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "tests say what they expect by failing loudly"
)]

#[path = "../payload_support/mod.rs"]
mod payload_support;

mod deliveries;
mod differential;
mod families;
mod handshakes;
mod holes;
mod keyring;
mod public_key;
mod schemes;
mod signing;
mod streaming;
mod tokens;

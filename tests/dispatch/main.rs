//! The sender's side, against real sockets on loopback.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail as loudly as the test"
)]

#[path = "../support/sending.rs"]
mod sending;

mod alerts;
mod backlog;
mod deliveries;
mod deputy;
mod fates;
mod frames;
mod idle;
mod own_client;
mod pace;
mod partition;
mod receiver;
mod rotation;
mod ssrf;
mod wire;
mod world;

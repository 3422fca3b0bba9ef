//! The sender's side, against real sockets on loopback.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests say what they expect by failing loudly, some live in the present"
)]

#[path = "../support/keys.rs"]
mod keys;
#[path = "../support/sending.rs"]
mod sending;

mod alerts;
mod backlog;
mod deliveries;
mod deputy;
mod fates;
mod frames;
mod given_up;
mod idle;
mod own_client;
mod pace;
mod partition;
mod receiver;
mod rotation;
mod ssrf;
mod wire;
mod world;

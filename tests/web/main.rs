//! The front door over real sockets: who gets in, what the others are told, and what is told of them.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test says what it expects by failing loudly, and starts with the time of the system"
)]

#[path = "../support/time_and_tenants.rs"]
mod support;

mod accepting;
mod actix;
mod crowds;
mod deliveries;
mod demand;
mod door;
mod draining;
mod extractors;
mod greetings;
mod grpc;
mod handshakes;
mod hosts;
mod leaving;
mod policies;
mod requests;
mod sender;
mod slow;
mod sources;
mod wiring;

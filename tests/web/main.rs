//! The front door over real sockets: who gets in, what the others are told, and what is told of them.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests say what they expect by failing loudly, some live in the present"
)]

#[path = "../support/keys.rs"]
mod keys;
#[path = "../support/time_and_tenants.rs"]
mod support;

mod accepting;
mod actix;
mod balancers;
mod bounds;
mod crowds;
mod deliveries;
mod demand;
mod door;
mod draining;
mod elsewhere;
mod extractors;
mod floods;
mod frames;
mod greetings;
mod grpc;
mod handshakes;
mod hosts;
mod late;
mod leaving;
mod looping;
mod observing;
mod pacing;
mod policies;
mod probes;
mod quic;
mod requests;
mod sender;
mod slow;
mod sources;
mod spans;
mod tenants;
mod unread;
mod wiring;

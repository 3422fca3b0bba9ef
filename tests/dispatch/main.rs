//! The sender's side, against real sockets on loopback.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail as loudly as the test"
)]

mod deliveries;
mod fates;
mod partition;
mod receiver;
mod world;

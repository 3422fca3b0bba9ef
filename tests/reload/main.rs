//! What is kept in files and changes: put in force whole, or not at all.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests say what they expect by failing loudly, and live in the present"
)]

mod failing;
mod files;
#[path = "../support/mount.rs"]
mod mount;
mod rotation;
mod scripted;
mod swaps;
mod taken;
mod urls;
mod withdrawn;
mod world;

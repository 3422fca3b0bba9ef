//! Behind a proxy: whose certificate counts, in every format that proxies write.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests say what they expect by failing loudly"
)]

mod decisions;
mod emitted;
mod formats;
mod layers;
mod vectors;
mod world;

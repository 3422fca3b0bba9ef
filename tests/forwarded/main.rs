//! Behind a proxy: whose certificate counts, in every format that proxies write.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::type_complexity,
    reason = "tests say what they expect by failing loudly; a table is what it is"
)]

mod decisions;
mod elsewhere;
mod emitted;
mod formats;
mod layers;
mod mutated;
mod vectors;
mod world;

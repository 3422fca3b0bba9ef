//! **Did they say this?** JSON Web Signatures, tokens and key sets.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::type_complexity,
    clippy::unwrap_used,
    reason = "tests say what they expect by failing loudly; a table is what it is"
)]

#[path = "../support/jose/mod.rs"]
mod jose_keys;

mod claims;
mod configured;
mod differential;
mod elsewhere;
mod hostile;
mod interop;
mod key_sets;
mod one_key;
mod rotated;

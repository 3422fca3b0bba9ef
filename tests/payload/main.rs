//! The payload room from outside.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::type_complexity,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "tests say what they expect by failing loudly; a table is what it is"
)]

#[path = "../support/ebay_key.rs"]
mod ebay_key;
#[path = "../support/jose/mod.rs"]
mod jose_keys;
#[path = "../support/packages.rs"]
mod packages;
#[path = "../../examples/doctor/payload/sha1.rs"]
mod sha1;
#[path = "../support/shared.rs"]
mod shared;

#[path = "../support/vectors.rs"]
mod vectors;

mod deliveries;
mod differential;
mod facts;
mod families;
mod found;
mod handshakes;
mod holes;
mod http_signature;
mod keyring;
mod presets;
mod providers;
mod public_key;
mod published;
mod schemes;
mod shown;
mod signing;
mod streaming;
mod tokens;

use std::time::{SystemTime, UNIX_EPOCH};

/// The present of libraries that look at the clock themselves.
#[expect(clippy::disallowed_methods, reason = "so must we")]
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock after 1970").as_secs()
}

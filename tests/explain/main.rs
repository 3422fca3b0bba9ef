//! **Why not?** What is said of a refusal, and whether it is true.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests say what they expect by failing loudly"
)]

#[path = "../support/ebay_key.rs"]
mod ebay_key;
#[path = "../support/example.rs"]
mod example;
#[allow(dead_code, reason = "shared with other tests, which use more of it")]
#[path = "../support/process.rs"]
mod process;
#[path = "../support/reasons.rs"]
mod reasons;
#[path = "../../examples/doctor/payload/sha1.rs"]
mod sha1;
#[path = "../support/time_and_tenants.rs"]
mod support;
#[path = "../support/vectors.rs"]
mod vectors;

mod audits;
mod doctor;
mod doctor_payload;
mod doctor_provider;
mod messages;
mod new_user;
mod payloads;
mod peers;
mod sections;

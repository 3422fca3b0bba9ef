//! **Is it fresh?** What every store promises.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests say what they expect by failing loudly, some live in the present"
)]

#[cfg(feature = "postgres")]
#[path = "../support/postgres_server.rs"]
mod postgres_server;
#[path = "../support/promise.rs"]
mod promise;
#[path = "../support/time_and_tenants.rs"]
mod support;
#[path = "../support/told.rs"]
mod told;

mod claims;
#[cfg(target_os = "linux")]
mod memory_use;
mod model;
#[cfg(feature = "postgres")]
mod postgres;
mod promises;
mod room;

/// What the source of the memory store takes from its crate, where `model` compiles it again.
mod tenant {
    pub(crate) use countersign::tenant::TenantId;
}
mod replay {
    pub(crate) use countersign::replay::*;
}
mod clock {
    pub(crate) use countersign::clock::Monotonic;
}

//! **Is it fresh?** What every store promises.

#[path = "../support/promise.rs"]
mod promise;
#[path = "../support/time_and_tenants.rs"]
mod support;

mod promises;

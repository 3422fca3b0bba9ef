//! Keys of tenants, each of its own.

use countersign::payload::{Keyring, Scheme, Secret};
use countersign::tenant::TenantId;

/// Standard Webhooks' keys of these tenants, each with the name "<tenant>-2026".
pub(crate) fn keys(tenants: &[&str]) -> Keyring {
    let scheme = Scheme::standard_webhooks();
    let secret = |tenant: &str| match tenant {
        "acme" => "whsec_YWNtZS1zZWNyZXQtb2YtMzItYnl0ZXMtZm9yLXRlc3Q=",
        _ => "whsec_Z2xvYmV4LXNlY3JldC1vZi0zMi1ieXRlcy10b28tb2s=",
    };
    let ring = tenants.iter().fold(Keyring::builder(&scheme), |ring, tenant| {
        ring.key(
            TenantId::parse(tenant).expect("a tenant"),
            format!("{tenant}-2026"),
            Secret::new(secret(tenant)),
        )
    });
    ring.build().expect("good keys")
}

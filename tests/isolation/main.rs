//! 100 tenants, 1,000 deliveries each, to healthy and broken receivers, all at once. Does any of them ever speak for
//! another?
//!
//! The receivers judge, each by the certificate that the connection showed and by Standard Webhooks' own library. Every
//! tenant delivers to two places: one of its own, and one that all tenants share, where a connection that was kept for
//! one tenant would be at hand for the next.
//!
//! A test build does it with 20 deliveries each, or as many as `COUNTERSIGN_DELIVERIES` says. All of it:
//!
//! ```console
//! $ cargo test --release --all-features --test isolation -- --nocapture
//! ```
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests say what they expect by failing loudly"
)]

#[path = "../support/sending.rs"]
mod sending;

mod crowd;
mod receiver;

use std::time::Duration;

use countersign::dispatch::Limits;
use crowd::{AT_ONCE, Crowd, Member, TENANTS, WORKERS};

fn deliveries() -> usize {
    let wanted = std::env::var("COUNTERSIGN_DELIVERIES").ok();
    let wanted = wanted.map(|number| number.parse().expect("COUNTERSIGN_DELIVERIES is a number"));
    let standard = if cfg!(debug_assertions) { 20 } else { 1_000 };
    wanted.unwrap_or(standard).max(2 * AT_ONCE)
}

/// What broken tenants may cost the healthy ones: all of them, and all receivers, share the processors of one machine, and
/// whoever is refused costs a handshake each time. Where one waited for another, it would be hundreds.
const MOST_SLOWED: f64 = 10.0;
/// What memory may grow by from the half of the deliveries to their end.
const MOST_GROWN: usize = 64 << 20;

#[test]
fn isolation() {
    let deliveries = deliveries();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS as usize)
        .enable_all()
        .build()
        .expect("a runtime");
    let seen = runtime.block_on(async {
        let crowd = Crowd::gather().await;
        // The healthy ones open their connections; deliver half of the rest with nobody else there; and then the other half,
        // beside all of what the others have.
        let half = AT_ONCE + (deliveries - AT_ONCE) / 2;
        crowd.open(0..AT_ONCE).await;
        let alone = crowd.deliver(Member::is_healthy, AT_ONCE..half).await;
        let before = memory();
        let broken = crowd.deliver(|tenant| !tenant.is_healthy(), 0..deliveries);
        let healthy = crowd.deliver(Member::is_healthy, half..deliveries);
        let (_, beside) = tokio::join!(broken, healthy);
        let grown = memory().saturating_sub(before);
        crowd.assert_nothing_is_left_open().await;
        let slowed = beside.as_secs_f64() / alone.as_secs_f64();
        println!(
            "isolation: healthy tenants in {alone:.1?} alone, in {beside:.1?} beside broken ones: {slowed:.2}"
        );
        println!(
            "isolation: memory grew by {} MiB from the half to the end, at most {} connections open at once",
            grown >> 20,
            crowd.most_open(),
        );
        // A tenth of a second, as in a test build, is no measure. So much is less than a silent receiver is waited for.
        let most = alone.max(Duration::from_millis(250)).mul_f64(MOST_SLOWED);
        assert!(beside < most, "broken tenants slow the others: {slowed:.2}");
        assert!(grown < MOST_GROWN, "memory grew by {grown} bytes");
        let limits = Limits::default();
        let places = 2 * TENANTS;
        let most = TENANTS * limits.per_tenant + places * limits.idle_per_endpoint;
        assert!(
            crowd.most_open() <= most,
            "{} connections at once",
            crowd.most_open()
        );
        crowd.seen()
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    println!(
        "isolation: {} deliveries, {} under a wrong identity",
        seen.deliveries, seen.wrong
    );
    assert_eq!(seen.first_wrong, None);
    assert_eq!(
        (seen.deliveries, seen.wrong, seen.twice),
        (TENANTS * deliveries, 0, 0)
    );
}

/// Bytes of memory that this process has in use; 0 where the system does not say.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.map_or(0, |kib| kib.trim().parse::<usize>().expect("a number") * 1024)
}

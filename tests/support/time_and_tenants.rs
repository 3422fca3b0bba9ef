//! What several tests share.
#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing loudly"
)]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use countersign::clock::Monotonic;
use countersign::replay::{
    Claim, ClaimAnswer, Claimed, MemoryStore, ReplayStore, Settlement, StoreDown, StoreFuture,
};
use countersign::tenant::TenantId;
use rustls::pki_types::UnixTime;

pub(crate) fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).expect("a tenant's name")
}

/// What a future that waits for nothing answers.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

/// A store that is cut off while it is told to be, and by whose clock it is what time the latest claim says.
#[derive(Debug)]
pub(crate) struct Flaky {
    inner: MemoryStore,
    time: Arc<AtomicU64>,
    down: AtomicBool,
}

impl Default for Flaky {
    fn default() -> Self {
        let time = Arc::<AtomicU64>::default();
        let told = time.clone();
        let clock = Monotonic::new(move || secs(told.load(SeqCst)));
        Self {
            inner: MemoryStore::default().with_clock(clock),
            time,
            down: AtomicBool::new(false),
        }
    }
}

/// What it answers then.
pub(crate) fn cut_off() -> StoreDown {
    let reason = "connection reset".to_owned();
    StoreDown::Unavailable { reason }
}

impl Flaky {
    pub(crate) fn set_up(&self, up: bool) {
        self.down.store(!up, SeqCst);
    }

    pub(crate) fn len(&self) -> usize {
        self.inner.len()
    }

    fn reach(&self) -> Result<&MemoryStore, StoreDown> {
        if self.down.load(SeqCst) {
            return Err(cut_off());
        }
        Ok(&self.inner)
    }
}

impl ReplayStore for Flaky {
    fn claim<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ClaimAnswer> {
        self.time.fetch_max(claim.now.as_secs(), SeqCst);
        Box::pin(async { self.reach()?.claim(claim).await })
    }

    fn commit<'a>(&'a self, claimed: &'a Claimed) -> StoreFuture<'a, Settlement> {
        Box::pin(async { self.reach()?.commit(claimed).await })
    }

    fn release<'a>(&'a self, claimed: &'a Claimed) -> StoreFuture<'a, Settlement> {
        Box::pin(async { self.reach()?.release(claimed).await })
    }
}

mod shelf;

use std::fmt;
use std::sync::PoisonError;

use self::shelf::Shelf;
use super::sync::{Mutex, MutexGuard};
use super::{Claim, ClaimAnswer, Claimed, ReplayStore, Settlement, StoreFuture};
use crate::clock::Monotonic;

/// The claims of one process, in memory: bounded, fair, and gone with the process.
///
/// # When it is full
/// It refuses new deliveries ([`Full`](super::StoreDown::Full), [`ShareUsedUp`](super::StoreDown::ShareUsedUp): 503)
/// rather than forget one that may not be forgotten yet: a sender can be asked to wait, a replay cannot be taken back.
/// Where a lost delivery is worse than one handled twice, [`allow_forgetting`](Self::allow_forgetting) chooses the other
/// way.
///
/// # Time
/// Leases and windows are spans of the system's monotonic clock: the time of day may be set ahead and back again, and
/// nothing was forgotten meanwhile. Where it is set back, what is signed with a time is kept until the claims' clock, too, has
/// passed the end of its window: for so long its signature passes.
///
/// # Fairness
/// **No tenant may hold more than is still free.** One that floods the store is stopped at half of it, the next at half
/// of the rest, and whoever comes later finds room without anything having been set aside, or forgotten, for them. So a
/// store with room for four times what all tenants need in a window never refuses one of them because of any one other,
/// whatever that one does. Where the number of tenants is known, [`with_share`](Self::with_share) gives each a share of
/// its own instead, against any number of others.
///
/// # Memory
/// A claim takes at most [`BYTES_PER_CLAIM`](Self::BYTES_PER_CLAIM), however long the delivery's identity is, and each
/// tenant that has claims [`BYTES_PER_TENANT`](Self::BYTES_PER_TENANT) more; [`of_bytes`](Self::of_bytes) counts both.
/// A handled delivery stays for its whole window, by default 24 hours: the default store takes a bit more than one
/// delivery a second from one tenant, and a million claims take a quarter of a GiB. The table for the first million is
/// made at the start, so that no claim waits for it to grow; what is not used of it costs address space only.
///
/// ```
/// use countersign::replay::MemoryStore;
///
/// let for_two_hundred_tenants = MemoryStore::of_claims(200 * 10_000).with_share(10_000);
/// assert!(for_two_hundred_tenants.is_empty());
/// ```
pub struct MemoryStore {
    limits: Limits,
    clock: Monotonic,
    shelf: Mutex<Shelf>,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    capacity: usize,
    bytes: usize,
    share: Share,
    when_full: WhenFull,
}

/// How many claims one tenant may hold.
#[derive(Debug, Clone, Copy)]
enum Share {
    /// As many as are still free.
    OfWhatIsFree,
    Fixed(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WhenFull {
    Refuse,
    Forget,
}

impl MemoryStore {
    /// The most memory that one claim takes, tables included, in bytes.
    pub const BYTES_PER_CLAIM: usize = 256;
    /// The most memory that a tenant takes besides, while it has claims, in bytes.
    pub const BYTES_PER_TENANT: usize = 1280;

    /// A store of at most so many claims, of which no tenant may hold more than are still free.
    pub fn of_claims(capacity: usize) -> Self {
        Self {
            limits: Limits {
                capacity,
                bytes: usize::MAX,
                share: Share::OfWhatIsFree,
                when_full: WhenFull::Refuse,
            },
            clock: Monotonic::default(),
            shelf: Mutex::new(Shelf::for_claims(capacity)),
        }
    }

    /// A store of as many claims as fit into so many bytes, of which no tenant may hold more than are still free.
    pub fn of_bytes(bytes: usize) -> Self {
        let mut store = Self::of_claims(bytes / Self::BYTES_PER_CLAIM);
        store.limits.bytes = bytes;
        store
    }

    /// Each tenant may hold so many claims, whatever the others do. The share is its own where the capacity is enough
    /// for all; for a store that one tenant has for itself, give the capacity.
    #[must_use]
    pub fn with_share(mut self, claims: usize) -> Self {
        self.limits.share = Share::Fixed(claims);
        self
    }

    /// Forgets rather than refuses: a tenant that may hold no more loses the one of its own handled deliveries that is
    /// nearest to its end, and nobody else's.
    ///
    /// # Security
    /// What is forgotten within its window can be replayed, by whoever has recorded it. A delivery that is being
    /// handled is never forgotten.
    #[must_use]
    pub fn allow_forgetting(mut self) -> Self {
        self.limits.when_full = WhenFull::Forget;
        self
    }

    /// Counts leases and windows by this clock: for tests that do not wait.
    #[must_use]
    pub fn with_clock(mut self, clock: Monotonic) -> Self {
        self.clock = clock;
        self
    }

    /// How many claims it holds, including those that may be forgotten.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shelf, which is told what time it is: under the lock, so that no step is earlier than the one before it.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        let mut shelf = self.lock();
        shelf.pass(self.clock.elapsed());
        shelf
    }

    /// Nothing in here can panic half-way through a change, so a poisoned lock guards a sound shelf.
    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    /// A store of at most 200,000 claims.
    fn default() -> Self {
        Self::of_claims(200_000)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// One lock for all. A claim and its commit hold it for half a microsecond (measured with a million claims in it; the
/// throughput with eight threads is that of one), a fraction of what verifying the message costs: shards would buy
/// nothing, and cost the exact bounds.
impl ReplayStore for MemoryStore {
    fn claim<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ClaimAnswer> {
        Box::pin(async { self.shelf().claim(claim, &self.limits) })
    }

    fn commit<'a>(&'a self, claimed: &'a Claimed) -> StoreFuture<'a, Settlement> {
        Box::pin(async { self.shelf().commit(claimed, &self.limits) })
    }

    fn release<'a>(&'a self, claimed: &'a Claimed) -> StoreFuture<'a, Settlement> {
        Box::pin(async { Ok(self.shelf().release(claimed)) })
    }
}

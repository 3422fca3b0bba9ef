//! **Is it fresh?** Each delivery is handled once.
//!
//! Two halves. [`Tolerance`] compares the signed time with the present and is pure. A [`ReplayStore`] remembers what
//! was accepted, in two steps: *claim* a delivery before it is handled, then *commit* when it was, or *release* when
//! it was not. So a replay of a delivery that was handled is refused, and the sender's retry of one that was not is
//! let through. A claim is a lease: when a process dies with it, the retry is let through once it has run out.
//!
//! The ready-made store is [`MemoryStore`].

mod memory;
mod tolerance;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::UnixTime;
use sha2::{Digest as _, Sha256};

use crate::tenant::TenantId;

pub use memory::MemoryStore;
pub use tolerance::{NotFresh, Tolerance};

/// What a store answers with, when it does.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreDown>> + Send + 'a>>;

/// Remembers which deliveries were accepted.
///
/// What every implementation promises:
///
/// * of all claims of one key, at most one holds at a time, and no two grants of a key share a token;
/// * a committed key stays refused through the second [`Claim::keep_until`], even when its lease had run out before:
///   what was handled was handled;
/// * a released lease can be claimed again at once, an expired one in the second after its last;
/// * only the holder of a lease can release it;
/// * a future that is dropped before it is polled has done nothing.
pub trait ReplayStore: fmt::Debug + Send + Sync {
    /// Claims a delivery, atomically.
    fn claim<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ClaimAnswer>;

    /// It was handled: refuse it until [`Claim::keep_until`].
    fn commit<'a>(&'a self, claimed: &'a Claimed) -> StoreFuture<'a, Settlement>;

    /// It was not handled: let the next one through.
    fn release<'a>(&'a self, claimed: &'a Claimed) -> StoreFuture<'a, Settlement>;
}

impl<S: ReplayStore + ?Sized> ReplayStore for Arc<S> {
    fn claim<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ClaimAnswer> {
        (**self).claim(claim)
    }

    fn commit<'a>(&'a self, claimed: &'a Claimed) -> StoreFuture<'a, Settlement> {
        (**self).commit(claimed)
    }

    fn release<'a>(&'a self, claimed: &'a Claimed) -> StoreFuture<'a, Settlement> {
        (**self).release(claimed)
    }
}

/// The name of one delivery of one tenant under one scheme, in 32 bytes.
///
/// Made of nothing but what the signature covers, so that nobody can vary it without breaking the signature.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClaimKey([u8; 32]);

impl ClaimKey {
    /// The key of a delivery: a hash over tenant, scheme and `parts`, each with its length.
    pub fn of<'a>(tenant: &TenantId, scheme: &str, parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new_with_prefix(b"countersign claim\0");
        let mut take = |part: &[u8]| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        take(tenant.as_str().as_bytes());
        take(scheme.as_bytes());
        parts.into_iter().for_each(take);
        Self(hash.finalize().into())
    }

    /// The bytes, for a store of your own.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ClaimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimKey(")?;
        self.0
            .iter()
            .take(8)
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("..)")
    }
}

/// What is asked of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// The delivery.
    pub key: ClaimKey,
    /// Whose it is: stores share their room fairly between tenants.
    pub tenant: TenantId,
    /// The present, in seconds since 1970.
    pub now: UnixTime,
    /// How long the handler may take before the claim is up for others: it outlives a crash by no more than this.
    pub lease: Duration,
    /// Once committed, until when the delivery is refused.
    pub keep_until: UnixTime,
}

impl Claim {
    /// A claim at `now` under these terms, on a message that would pass as fresh until `fresh_until` (no end: `None`).
    pub fn new(
        key: ClaimKey,
        tenant: TenantId,
        now: UnixTime,
        terms: Terms,
        fresh_until: Option<UnixTime>,
    ) -> Self {
        let window = later(now, terms.window.max(terms.lease));
        Self {
            key,
            tenant,
            now,
            lease: terms.lease,
            keep_until: fresh_until.map_or(window, |until| window.max(until)),
        }
    }

    /// The last second of the lease: the delivery is up for others after it.
    pub fn lease_end(&self) -> UnixTime {
        later(self.now, self.lease)
    }
}

/// Whole seconds; cannot overflow.
fn later(now: UnixTime, by: Duration) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs().saturating_add(by.as_secs())))
}

/// For how long claims are held. Whole seconds: a fraction of one does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms {
    /// How long a handler may take. Default 60 seconds.
    pub lease: Duration,
    /// How long a handled delivery is refused at least. Default 24 hours. A message that stays fresh for longer is
    /// refused for as long as it does, and none is refused for a shorter time than the lease.
    pub window: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(60),
            window: Duration::from_secs(24 * 60 * 60),
        }
    }
}

impl Terms {
    /// A handler may take this long.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// A handled delivery is refused for this long at least.
    #[must_use]
    pub fn with_window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }
}

/// A claim that a store has granted. To be committed or released; if neither happens, the lease runs out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    key: ClaimKey,
    tenant: TenantId,
    token: u64,
    keep_until: UnixTime,
}

impl Claimed {
    /// For stores: `claim` is granted under this token. No two grants of one key may share a token.
    pub fn granted(claim: &Claim, token: u64) -> Self {
        Self {
            key: claim.key,
            tenant: claim.tenant.clone(),
            token,
            keep_until: claim.keep_until,
        }
    }

    /// The delivery.
    pub fn key(&self) -> ClaimKey {
        self.key
    }

    /// Whose it is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Which grant of this key it is.
    pub fn token(&self) -> u64 {
        self.token
    }

    /// Once committed, until when the delivery is refused.
    pub fn keep_until(&self) -> UnixTime {
        self.keep_until
    }
}

/// What a store says to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimAnswer {
    /// It is yours to handle.
    Granted(Claimed),
    /// It was handled before.
    Handled,
    /// Somebody is handling it at this moment, for `left` at most.
    InProgress {
        /// What is left of the other claim's lease.
        left: Duration,
    },
}

/// What became of a commit or a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settlement {
    /// Done.
    Done,
    /// The lease had run out, and the delivery was another's by then: it may be handled twice, so leases are too short.
    /// A commit is recorded nevertheless; a release has changed nothing.
    LeaseLost,
}

/// A delivery that is not to be handled (now).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Replayed {
    /// It was handled before.
    #[error("this delivery was handled before")]
    Handled,
    /// It is being handled at this moment; the sender is asked to come back.
    #[error("this delivery is being handled at this moment")]
    InProgress {
        /// What is left of the other claim's lease.
        left: Duration,
    },
}

impl Replayed {
    /// A stable name of the reason, for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Handled => "replay.handled",
            Self::InProgress { .. } => "replay.in_progress",
        }
    }
}

/// The store cannot tell. Nothing is handled without an answer: the sender gets 503 and tries again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreDown {
    /// It did not answer, or answered with an error.
    #[error("the replay store is unavailable: {reason}")]
    Unavailable {
        /// For the operator.
        reason: String,
    },
    /// It holds as many claims as it may, and none of them may be forgotten yet.
    #[error("the replay store is full")]
    Full,
    /// This tenant holds as many claims as it may, so that there is room for the others.
    #[error("the replay store holds as many claims of {tenant} as it may")]
    ShareUsedUp {
        /// Whose claims they are.
        tenant: TenantId,
    },
}

impl StoreDown {
    /// A stable name of the reason, for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "replay.store_unavailable",
            Self::Full => "replay.store_full",
            Self::ShareUsedUp { .. } => "replay.share_used_up",
        }
    }
}

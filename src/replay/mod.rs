//! Replay protection (**is it fresh?**): each delivery is handled once.
//!
//! Two halves. [`Tolerance`] compares the signed time with the present and is pure. A [`ReplayStore`] remembers what
//! was accepted, in two steps: *claim* a delivery before it is handled, then *commit* when it was, or *release* when
//! it was not. The ready-made stores are [`MemoryStore`], for one process, and with the feature `redis`
//! `RedisStore`, for a fleet.
//!
//! # The promise
//! * A delivery that was handled is not handled again within its window.
//! * One that was not is handled when the sender retries: at once after the handler failed, and when the lease has run
//!   out after a process was killed or cut off with it.
//! * Of the same delivery twice at once, one is handled; the other is asked to come back, with 503 and `Retry-After`.
//! * A store that cannot tell lets nothing through: 503, and the sender retries.
//!
//! # What nobody can promise
//! A process that dies *after* its handler has had an effect and *before* the store has heard of it leaves a lease
//! behind, and when that has run out, a retry is handled again: seen from outside, it cannot be told from a process that died
//! before the effect. To have the effect once even so, let the handler write the delivery's
//! [`claim_key`](crate::payload::Fresh::claim_key) in the same transaction as the effect, under a unique index. It is the same for
//! each retry.
//!
//! The same holds for a handler that takes longer than its lease ([`Settlement::LeaseLost`] tells of it).
//!
//! # When a clock is set
//! A receiver's clock that is set a day ahead and back again makes no store forget. Set back, it makes old messages fresh
//! again: by less than the window (24 hours by default) the stores still know them; by more, only [`MemoryStore`] does, which
//! keeps what is signed with a time until the receiver's clock has come so far again. What had ended by the receiver's clock and
//! by how long it has really taken, before the clock was set back, is forgotten there too. A clock of Redis' server that is set
//! ahead ends windows early: nothing there tells how long something has really taken.

mod claim;
mod memory;
#[cfg(feature = "postgres")]
mod postgres_store;
#[cfg(feature = "redis")]
mod redis_store;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod remote;
mod tolerance;
mod tolerance_text;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
// Where `memory` takes its lock from: the model of it in `tests` takes it from elsewhere.
use std::sync::{self, Arc};
use std::time::Duration;

use crate::codes::entries;
use crate::tenant::TenantId;

pub use claim::{Claim, ClaimKey, Claimed, Terms};
pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres_store::{InvalidPostgres, NotCommitted, PostgresStore, UnfitPostgres};
#[cfg(feature = "redis")]
pub use redis_store::{InvalidRedis, Persistence, RedisStore, Unfit};
pub use tolerance::{NotFresh, Tolerance};
pub use tolerance_text::InvalidTolerance;

/// A future of a store's answer.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreDown>> + Send + 'a>>;

/// A store of accepted deliveries, for replay protection.
///
/// What every implementation promises:
///
/// * of all claims of one key, at most one holds at a time, and no two grants of a key share a token;
/// * a committed key stays refused through the second [`Claim::keep_until`], even when its lease had run out before:
///   what was handled was handled; and through [`Claim::renew_until`] of each claim that it refuses;
/// * leases and windows are spans of the store's own clock: those who claim may have other clocks, which may be set ahead and
///   back, and the store forgets nothing for it. A window begins with the commit, so it may be a lease longer than stated,
///   never shorter;
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

/// An answer of a store to a claim.
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

/// The outcome of a commit or a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settlement {
    /// Done.
    Done,
    /// The lease had run out, and the delivery was another's by then: it may be handled twice, so leases are too short.
    /// A commit is recorded nevertheless; a release has changed nothing.
    LeaseLost,
}

entries! {
    Settlement []
    Self::Done => "replay.settled", Policy, "ours: claim, then commit or release",
        "Nothing.",
        "Nothing.";
    Self::LeaseLost => "replay.lease_lost", Ours, "ours: claim, then commit or release",
        "Make leases longer than any handler takes, or answer first and work afterwards.",
        "Nothing.";
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

entries! {
    Replayed []
    Self::Handled => "replay.handled", Policy 200, "ours: handled once",
        "Nothing.",
        "Nothing: it has arrived.";
    Self::InProgress { .. } => "replay.in_progress", Policy 503, "ours: handled once",
        "Nothing; where handlers take long, answer first.",
        "Wait for the answer longer, or come again after Retry-After.";
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

entries! {
    StoreDown []
    Self::Unavailable { .. } => "replay.store_unavailable", Ours 503, "RFC 9110 §15.6.4",
        "Bring the store back; the message has its words.",
        "Try again after Retry-After.";
    Self::Full => "replay.store_full", Ours 503, "RFC 9110 §15.6.4",
        "Give the store more room: `MemoryStore::of_claims`, or a shared store.",
        "Try again after Retry-After.";
    Self::ShareUsedUp { .. } => "replay.share_used_up", Ours 503, "ours: room is kept for others",
        "Give the store more room.",
        "Try again after Retry-After.";
}

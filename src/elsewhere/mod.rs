//! Answers that live elsewhere (**who else would know?**): in a database or a vault, too many to load, and remembered here.
//!
//! A decision waits for nothing. So it says what it lacks, as a [`Ticket`]; whoever may wait takes that to the source, and the
//! decision is asked again. [`TenantCache`](crate::tenant::TenantCache) does so for tenants, and
//! [`CallerLayer`](crate::web::CallerLayer) takes its tickets; [`KeyCache`](crate::payload::KeyCache) for keys, and
//! [`PayloadLayer`](crate::web::PayloadLayer). Whoever asks by hand finds the ticket in the
//! [refusal](crate::refusal::Refusal::ticket).
//!
//! # The promise
//! * One request for one answer at a time, however many wait for it. Whoever goes away leaves it to the next.
//! * An answer counts for its [time to live](Keep::with_time_to_live), by a clock that nobody sets. That there is none counts
//!   too, for a shorter time, and those answers have room of their own, so that nobody pushes others' keys out by asking for
//!   what is not there.
//! * While the source is down, old answers count for [as long as you say](Keep::with_stale); where there is none, it is an
//!   outage (503), never a refusal, and the sender's retry is let in when the source is back.
//! * A source that has failed, or took longer than [`Keep::with_patience`], is left alone about that answer for a
//!   [pause](Keep::with_pause).
//! * What was [invalidated](crate::payload::KeyCache::invalidate) is asked for again, also where an answer was on its way.
//! * A source is asked for nothing until all that is known without it was found good: the certificate is trusted, the head
//!   of the message is in order. So strangers do not reach it.

mod flight;
mod kept;
mod state;
mod term;
mod ticket;

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

pub(crate) use kept::{Fetch, Found, Kept};
pub(crate) use term::Term;
pub use ticket::Ticket;

/// A future of a source's answer: nothing, where there is none.
pub type Fetched<'a, T> = Pin<Box<dyn Future<Output = Result<Option<T>, SourceDown>> + Send + 'a>>;

/// The source cannot tell.
///
/// ```
/// use countersign::elsewhere::SourceDown;
///
/// assert_eq!(SourceDown::new("timeout").to_string(), "the source cannot tell: timeout");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the source cannot tell: {reason}")]
pub struct SourceDown {
    reason: Box<str>,
}

impl SourceDown {
    /// For this reason, which the operator reads (`last_failure` of the cache). No secret belongs in it.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self {
            reason: reason.to_string().into(),
        }
    }
}

/// The room and the time for answers that are remembered.
///
/// ```
/// use std::time::Duration;
/// use countersign::elsewhere::Keep;
///
/// let keep = Keep::default().with_time_to_live(Duration::from_secs(300)).with_stale(Duration::from_secs(6 * 3600));
/// assert_ne!(keep, Keep::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    pub(crate) answers: usize,
    pub(crate) absences: usize,
    pub(crate) time_to_live: Duration,
    pub(crate) absent: Duration,
    pub(crate) stale: Duration,
    pub(crate) patience: Duration,
    pub(crate) pause: Duration,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            answers: 10_000,
            absences: 10_000,
            time_to_live: Duration::from_secs(60),
            absent: Duration::from_secs(10),
            stale: Duration::from_secs(3600),
            patience: Duration::from_secs(5),
            pause: Duration::from_secs(5),
        }
    }
}

impl Keep {
    /// At most so many answers, and so many that there is none. Default 10,000 each. For one more, one that was not asked for
    /// lately is forgotten.
    #[must_use]
    pub fn with_room(self, answers: usize, absences: usize) -> Self {
        Self {
            answers,
            absences,
            ..self
        }
    }

    /// An answer counts for this long. Default a minute: that long a change at the source may take to count here, unless it is
    /// told ([`KeyCache::invalidate`](crate::payload::KeyCache::invalidate)).
    #[must_use]
    pub fn with_time_to_live(self, time_to_live: Duration) -> Self {
        Self { time_to_live, ..self }
    }

    /// That there is none counts for this long. Default 10 seconds.
    #[must_use]
    pub fn with_time_of_absence(self, absent: Duration) -> Self {
        Self { absent, ..self }
    }

    /// While the source is down, an answer counts for this much longer than its time to live. Default an hour; with zero,
    /// nothing is let in without the source.
    ///
    /// # Security
    /// So much longer, too, counts what was revoked at a source that cannot be reached.
    #[must_use]
    pub fn with_stale(self, stale: Duration) -> Self {
        Self { stale, ..self }
    }

    /// A request waits this long for the source. Default 5 seconds.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// A source that has failed is not asked for the same answer for this long. Default 5 seconds.
    #[must_use]
    pub fn with_pause(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }
}

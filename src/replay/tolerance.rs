use std::time::Duration;

use rustls_pki_types::UnixTime;

use crate::date::Date;

/// A time window around the present in which a signed time must lie, in either direction, both ends included.
///
/// In a configuration it is `5m`, or `past=1h future=5m`: whole numbers of `s`, `m`, `h` or `d`.
///
/// ```
/// use std::time::Duration;
/// use countersign::replay::{NotFresh, Tolerance};
/// # use rustls::pki_types::UnixTime;
///
/// let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
/// let tolerance = Tolerance::default();
/// assert_eq!(tolerance.check(at(1_000), at(1_300)), Ok(()));
/// assert_eq!(
///     tolerance.check(at(1_000), at(1_301)),
///     Err(NotFresh::Stale { signed: at(1_000), now: at(1_301) }),
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tolerance {
    /// How old it may be. Default five minutes.
    pub past: Duration,
    /// How far ahead it may be, for clocks that differ. Default five minutes.
    pub future: Duration,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self::within(Duration::from_secs(300))
    }
}

impl Tolerance {
    /// A tolerance that is the same in both directions.
    pub const fn within(distance: Duration) -> Self {
        Self {
            past: distance,
            future: distance,
        }
    }

    /// Compares a signed time with the present. Whole seconds; cannot overflow.
    ///
    /// # Errors
    /// [`NotFresh`], saying in which direction it is off.
    pub fn check(&self, signed: UnixTime, now: UnixTime) -> Result<(), NotFresh> {
        let age = now.as_secs().saturating_sub(signed.as_secs());
        let lead = signed.as_secs().saturating_sub(now.as_secs());
        if age > self.past.as_secs() {
            return Err(NotFresh::Stale { signed, now });
        }
        if lead > self.future.as_secs() {
            return Err(NotFresh::FromTheFuture { signed, now });
        }
        Ok(())
    }

    /// Until when any message passes that is signed by now: twice the tolerance from now, since it may have been signed by a
    /// clock that is ahead. What was handled is refused at least for that long.
    pub fn any_fresh_until(&self, now: UnixTime) -> UnixTime {
        let ahead = now.as_secs().saturating_add(self.future.as_secs());
        self.fresh_until(UnixTime::since_unix_epoch(Duration::from_secs(ahead)))
    }

    /// Until when a message signed at this time passes.
    pub fn fresh_until(&self, signed: UnixTime) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(
            signed.as_secs().saturating_add(self.past.as_secs()),
        ))
    }
}

/// A signed time outside the tolerance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotFresh {
    /// Too old.
    #[error("signed at {} and too old at {}", Date(*.signed), Date(*.now))]
    Stale {
        /// The signed time.
        signed: UnixTime,
        /// The present.
        now: UnixTime,
    },
    /// Too far ahead.
    #[error("signed at {}, which lies in the future of {}", Date(*.signed), Date(*.now))]
    FromTheFuture {
        /// The signed time.
        signed: UnixTime,
        /// The present.
        now: UnixTime,
    },
}

impl NotFresh {
    /// A stable name of the reason, for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Stale { .. } => "replay.stale",
            Self::FromTheFuture { .. } => "replay.from_the_future",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    #[test]
    fn both_directions_and_no_overflow() {
        let tolerance = Tolerance::within(Duration::from_secs(300));
        let stale = |signed, now| {
            Err(NotFresh::Stale {
                signed: at(signed),
                now: at(now),
            })
        };
        let future = |signed, now| {
            Err(NotFresh::FromTheFuture {
                signed: at(signed),
                now: at(now),
            })
        };
        let cases = [
            (1_000, 1_000, Ok(())),
            (1_000, 1_300, Ok(())),
            (1_000, 1_301, stale(1_000, 1_301)),
            (1_300, 1_000, Ok(())),
            (1_301, 1_000, future(1_301, 1_000)),
            (0, u64::MAX, stale(0, u64::MAX)),
            (u64::MAX, 0, future(u64::MAX, 0)),
        ];
        for (signed, now, expected) in cases {
            assert_eq!(
                tolerance.check(at(signed), at(now)),
                expected,
                "{signed} at {now}"
            );
        }
        assert_eq!(tolerance.fresh_until(at(u64::MAX)), at(u64::MAX));
        assert_eq!(tolerance.any_fresh_until(at(1_000)), at(1_600));
        assert_eq!(tolerance.any_fresh_until(at(u64::MAX - 400)), at(u64::MAX));
    }
}

//! Use of one among several, counted (**may the old one go?**): of anchors, pins, keys and one's own certificates.
//!
//! Whatever proves an identity is replaced in three steps, and no delivery is lost on the way: the new one is *staged*
//! beside the old one, so that both count; their use is *observed*, until nobody comes with the old one any more; then it
//! is *retired*. [`Usage`] is what was observed, and [`Retirement`] decides. The steps, for each kind, with the calls that
//! take them, are in [`docs::rotation`](crate::docs::rotation).
//!
//! A use is counted where the verdict is made: a handshake whose peer has proved its key, a payload whose signature was
//! verified. Counting takes two atomic numbers and no memory.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls_pki_types::UnixTime;

use crate::codes::entries;
use crate::date::Date;

/// The uses of an anchor, a pin, a key or a certificate, as far as this process knows.
///
/// ```
/// use countersign::usage::Usage;
///
/// let never = Usage::default();
/// assert_eq!((never.uses, never.last_used), (0, None));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Usage {
    /// How many times.
    pub uses: u64,
    /// When it was first used.
    pub first_used: Option<UnixTime>,
    /// When it was last used.
    pub last_used: Option<UnixTime>,
}

/// A count of uses. Hints to the operator, hence relaxed.
#[derive(Default)]
pub(crate) struct Hits {
    uses: AtomicU64,
    /// In seconds; zero for never.
    first: AtomicU64,
    last: AtomicU64,
}

impl Hits {
    #[inline]
    pub(crate) fn count(&self, now: UnixTime) {
        self.uses.fetch_add(1, Ordering::Relaxed);
        let now = now.as_secs();
        // One store a second at most, so that threads do not fight over it.
        if self.last.load(Ordering::Relaxed) < now {
            self.last.store(now, Ordering::Relaxed);
            let _ = self
                .first
                .compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    pub(crate) fn usage(&self) -> Usage {
        let time = |seconds: &AtomicU64| match seconds.load(Ordering::Relaxed) {
            0 => None,
            seconds => Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds))),
        };
        Usage {
            uses: self.uses.load(Ordering::Relaxed),
            first_used: time(&self.first),
            last_used: time(&self.last),
        }
    }

    /// Takes over what was counted of the same thing elsewhere, before this began to count.
    pub(crate) fn continue_from(&self, before: &Self) {
        let of = |number: &AtomicU64| number.load(Ordering::Relaxed);
        self.uses.fetch_add(of(&before.uses), Ordering::Relaxed);
        self.last.fetch_max(of(&before.last), Ordering::Relaxed);
        match (of(&self.first), of(&before.first)) {
            (_, 0) => {}
            (0, earlier) => self.first.store(earlier, Ordering::Relaxed),
            (own, earlier) => self.first.store(own.min(earlier), Ordering::Relaxed),
        }
    }
}

/// A copy goes on counting by itself.
impl Clone for Hits {
    fn clone(&self) -> Self {
        let copy = Self::default();
        copy.continue_from(self);
        copy
    }
}

impl fmt::Debug for Hits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.usage().fmt(f)
    }
}

/// The terms on which an old one may be retired: that nobody has used it for so long.
///
/// ```
/// use std::time::Duration;
/// use countersign::UnixTime;
/// use countersign::trust::PinSet;
/// use countersign::usage::{NotRetired, Retirement};
///
/// let pins: PinSet = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= label=2025\n\
///                     e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b857 label=2026".parse()?;
/// let now = UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000));
/// let old = pins.usage().find(|(pin, _)| pin.label() == Some("2025")).map(|(pin, _)| pin).expect("a pin");
/// // Nobody has used its successor: who would be let in, is not known.
/// let terms = Retirement::unused_for(Duration::from_secs(24 * 3600));
/// assert_eq!(pins.retire(&old, terms, now).err(), Some(NotRetired::NoSuccessor));
/// // Of a key that is lost, that does not matter.
/// assert_eq!(pins.retire(&old, Retirement::forced(), now)?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retirement(Terms);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Terms {
    UnusedFor(Duration),
    Forced,
}

impl Retirement {
    /// Only what nobody has used for so long, while others of its kind were used.
    ///
    /// Choose it longer than any peer is silent, and longer than any connection lives: a use is counted when a connection is
    /// made, and not with each request on it. Of clients that a proxy hands on, it is counted with their requests, once a second.
    pub fn unused_for(quiet: Duration) -> Self {
        Self(Terms::UnusedFor(quiet))
    }

    /// At once, whoever uses it still: for a key that is known to others.
    pub fn forced() -> Self {
        Self(Terms::Forced)
    }

    /// Whether nothing is asked.
    pub fn is_forced(self) -> bool {
        self.0 == Terms::Forced
    }

    /// Whether the old one may go, when the others were used like this.
    ///
    /// # Errors
    /// [`NotRetired`], but for [`Unknown`](NotRetired::Unknown).
    pub fn check(
        self,
        old: Usage,
        others: impl IntoIterator<Item = Usage>,
        now: UnixTime,
    ) -> Result<(), NotRetired> {
        let Terms::UnusedFor(quiet) = self.0 else {
            return Ok(());
        };
        let is_longer_ago = |time: UnixTime| now.as_secs().saturating_sub(time.as_secs()) > quiet.as_secs();
        if let Some(last_used) = old.last_used.filter(|last| !is_longer_ago(*last)) {
            return Err(NotRetired::StillUsed {
                uses: old.uses,
                last_used,
            });
        }
        let began = others.into_iter().filter_map(|other| other.first_used).min();
        let began = began.ok_or(NotRetired::NoSuccessor)?;
        let since = old.first_used.map_or(began, |first| first.min(began));
        if is_longer_ago(since) {
            Ok(())
        } else {
            Err(NotRetired::NotWatched { since })
        }
    }
}

/// The reason why an old one stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotRetired {
    /// Somebody has come with it within the time stated.
    #[error(
        "it is still used: {uses} times, last at {}; whoever comes with it has to change first",
        Date(*.last_used)
    )]
    StillUsed {
        /// How many times in all.
        uses: u64,
        /// When last.
        last_used: UnixTime,
    },
    /// None of the others has been used yet: nobody knows whether they work.
    #[error("none of those that would be left has been used yet; stage its successor, and wait for its use")]
    NoSuccessor,
    /// This process has not watched for long enough to say that nobody uses it.
    #[error(
        "their use has been watched since {} only, which is shorter than it is to be unused",
        Date(*.since)
    )]
    NotWatched {
        /// When one of them was first used.
        since: UnixTime,
    },
    /// There is none of this name.
    #[error("there is none of this name")]
    Unknown,
}

entries! {
    NotRetired []
    Self::StillUsed { .. } => "retire.still_used", Policy, "ours: nobody who still comes with the old one is shut out",
        "Wait, and tell whoever comes with it; retire it all the same with `Retirement::forced`, where it is lost.",
        "Change over to the new one.";
    Self::NoSuccessor => "retire.no_successor", Policy, "ours: one that has proved to work stays",
        "Stage the successor, and wait until it is used.",
        "Change over to the new one.";
    Self::NotWatched { .. } => "retire.not_watched", Policy, "ours: who has not watched cannot say that nobody comes",
        "Ask again when this process has watched for that long; a restart begins anew.",
        "Nothing: the receiver has to watch for longer.";
    Self::Unknown => "retire.unknown", Ours, "ours: what is retired must be there",
        "Look at the name or hash, and whether it is retired already.",
        "Nothing: the receiver has named another.";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(second))
    }

    fn used(times: &[u64]) -> Usage {
        let hits = Hits::default();
        times.iter().for_each(|second| hits.count(at(*second)));
        hits.usage()
    }

    #[test]
    fn what_is_used_stays_and_what_nobody_uses_may_go() {
        let still = |uses, last| {
            Err(NotRetired::StillUsed {
                uses,
                last_used: at(last),
            })
        };
        let terms = Retirement::unused_for(Duration::from_secs(100));
        for (name, old, others, expected) in [
            ("used now", &[1000][..], &[&[500][..]][..], still(1, 1000)),
            ("used at the limit", &[1, 900], &[&[500]], still(2, 900)),
            ("used before it", &[1, 899], &[&[500]], Ok(())),
            ("never used", &[], &[&[500]], Ok(())),
            ("others unused", &[899], &[&[], &[]], Err(NotRetired::NoSuccessor)),
            ("no others", &[899], &[], Err(NotRetired::NoSuccessor)),
            (
                "watched since a moment ago",
                &[],
                &[&[950], &[990]],
                Err(NotRetired::NotWatched { since: at(950) }),
            ),
            ("watched by the old one", &[10, 20], &[&[990]], Ok(())),
        ] {
            let others = others.iter().map(|times| used(times));
            assert_eq!(terms.check(used(old), others, at(1000)), expected, "{name}");
        }
        let in_use = used(&[1000]);
        assert_eq!(Retirement::forced().check(in_use, [], at(1000)), Ok(()));
    }

    #[test]
    fn counts_are_continued() {
        let (before, after) = (Hits::default(), Hits::default());
        before.count(at(10));
        before.count(at(20));
        after.count(at(30));
        after.continue_from(&before);
        let expected = Usage {
            uses: 3,
            first_used: Some(at(10)),
            last_used: Some(at(30)),
        };
        assert_eq!(after.usage(), expected);
        let fresh = Hits::default();
        fresh.continue_from(&before);
        assert_eq!(fresh.usage(), before.usage());
        before.continue_from(&Hits::default());
        assert_eq!(fresh.usage(), before.usage());
    }
}

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// A deviation from a regular time, as a value: so that many who wait for the same do not come back at once, and
/// tests still know when.
///
/// Times are spread over a fifth in both directions, evenly.
///
/// ```
/// use std::time::Duration;
/// use countersign::breaker::Jitter;
///
/// let minute = Duration::from_secs(60);
/// assert_eq!(Jitter::NONE.spread(minute), minute);
/// assert_eq!(Jitter::of(0).spread(minute), Duration::from_secs(48));
/// assert_eq!(Jitter::of(u32::MAX).spread(minute), Duration::from_secs(72));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Jitter(Option<u32>);

impl Jitter {
    /// Exactly on time.
    pub const NONE: Self = Self(None);

    /// By a random number of the caller's, all 32 bits of it. It need not be a secret.
    pub const fn of(random: u32) -> Self {
        Self(Some(random))
    }

    /// By a random number of the standard library's, another one each time. It is no secret.
    pub fn random() -> Self {
        Self::of(RandomState::new().build_hasher().finish() as u32)
    }

    /// The time, give or take a fifth.
    #[must_use]
    pub fn spread(self, time: Duration) -> Duration {
        match self.0 {
            None => time,
            Some(random) => share(time, 4).saturating_add(portion(share(time, 2), random)),
        }
    }

    /// The time, or up to a fifth more: for what must not come early.
    #[must_use]
    pub fn delay(self, time: Duration) -> Duration {
        match self.0 {
            None => time,
            Some(random) => time.saturating_add(portion(share(time, 1), random)),
        }
    }
}

/// So many fifths.
fn share(time: Duration, fifths: u128) -> Duration {
    from_nanos(time.as_nanos() * fifths / 5)
}

/// All of it for the largest number, none for 0. The product stays below 2^126.
fn portion(time: Duration, random: u32) -> Duration {
    from_nanos(time.as_nanos() * u128::from(random) / u128::from(u32::MAX))
}

fn from_nanos(nanos: u128) -> Duration {
    const A_SECOND: u128 = 1_000_000_000;
    let seconds = u64::try_from(nanos / A_SECOND).unwrap_or(u64::MAX);
    Duration::new(seconds, (nanos % A_SECOND) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_jitter_differs_from_one_call_to_the_next() {
        let drawn: std::collections::BTreeSet<_> = (0..100).map(|_| Jitter::random().0).collect();
        assert!(drawn.len() > 90 && !drawn.contains(&None), "{}", drawn.len());
    }
}

use std::time::Duration;

use rustls_pki_types::UnixTime;
use x509_parser::time::ASN1Time;

use super::Malformed;

/// The time from `notBefore` to `notAfter`, both included (RFC 5280 §4.1.2.5), in seconds since 1970.
///
/// Also the time for which a decision stays true: the intersection of all validities that it rests on.
///
/// ```
/// use std::time::Duration;
/// use countersign::UnixTime;
/// use countersign::identity::Validity;
///
/// let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
/// let both = Validity::new(at(0), at(20)).intersect(Validity::new(at(10), at(30)));
/// assert_eq!(both, Validity::new(at(10), at(20)));
/// assert!(both.contains(at(20)) && !both.contains(at(21)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Validity {
    /// The first second at which it holds.
    pub not_before: UnixTime,
    /// The last second at which it holds.
    pub not_after: UnixTime,
}

impl Validity {
    /// Always valid: the neutral element of [`intersect`](Self::intersect).
    pub const ALWAYS: Self = Self {
        not_before: UnixTime::since_unix_epoch(Duration::ZERO),
        not_after: UnixTime::since_unix_epoch(Duration::from_secs(u64::MAX)),
    };

    /// The time from one second to another, in seconds since 1970.
    pub fn new(not_before: UnixTime, not_after: UnixTime) -> Self {
        Self {
            not_before,
            not_after,
        }
    }

    /// Whether `now` lies within.
    pub fn contains(&self, now: UnixTime) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    /// The time that lies in both; it may be empty, and then contains nothing.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        Self {
            not_before: self.not_before.max(other.not_before),
            not_after: self.not_after.min(other.not_after),
        }
    }

    /// From the first to the last second: the certificate's lifetime. Zero when the end precedes the beginning.
    pub fn lifetime(&self) -> Duration {
        span(self.not_before, self.not_after)
    }

    /// How much of it is left at `now`; zero once it is over.
    pub fn left(&self, now: UnixTime) -> Duration {
        span(now, self.not_after)
    }
}

/// A time of a certificate or a CRL, if it is one since 1970.
pub(crate) fn from_asn1(time: ASN1Time) -> Result<UnixTime, Malformed> {
    let seconds = u64::try_from(time.timestamp()).map_err(|_| Malformed::Validity)?;
    Ok(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

fn span(from: UnixTime, until: UnixTime) -> Duration {
    Duration::from_secs(until.as_secs().saturating_sub(from.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(secs))
    }

    #[test]
    fn both_ends_are_included() {
        let validity = Validity::new(at(10), at(20));
        for (now, expected) in [(9, false), (10, true), (15, true), (20, true), (21, false)] {
            assert_eq!(validity.contains(at(now)), expected, "{now}");
        }
        assert_eq!(validity.lifetime(), Duration::from_secs(10));
        assert_eq!(validity.left(at(18)), Duration::from_secs(2));
        assert_eq!(validity.left(at(30)), Duration::ZERO);
    }

    #[test]
    fn an_intersection_may_be_empty() {
        let both = Validity::new(at(10), at(20)).intersect(Validity::new(at(30), at(40)));
        assert_eq!(both, Validity::new(at(30), at(20)));
        assert!(!both.contains(at(25)));
        assert_eq!(
            Validity::new(at(10), at(20)).intersect(Validity::ALWAYS),
            Validity::new(at(10), at(20))
        );
    }
}

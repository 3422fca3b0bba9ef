use std::fmt;
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    /// From one second to another, in seconds since 1970.
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

/// A time as people read it, and as RFC 3339 §5.6 has it.
#[derive(Clone, Copy)]
pub(crate) struct Date(pub(crate) UnixTime);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: u64 = 86_400;
        /// The last second that it can write.
        const LAST: u64 = 253_402_300_799;
        let seconds = self.0.as_secs().min(LAST);
        let (year, month, day) = civil(seconds / DAY);
        let (hour, minute, second) = (seconds % DAY / 3600, seconds / 60 % 60, seconds % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

/// The date so many days after 1970-01-01, reckoned in years that begin in March, so that a leap day is the last.
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_BEFORE_1970: u64 = 719_468;
    const IN_400_YEARS: u64 = 146_097;
    let days = days + DAYS_BEFORE_1970;
    let (era, day) = (days / IN_400_YEARS, days % IN_400_YEARS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = (era * 400 + year, month + 3);
    if month > 12 {
        (year + 1, month - 12, day)
    } else {
        (year, month, day)
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
    fn dates_are_written_as_people_read_them() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (68_169_599, "1972-02-28T23:59:59Z"),
            (68_169_600, "1972-02-29T00:00:00Z"),
            (68_256_000, "1972-03-01T00:00:00Z"),
            (946_684_799, "1999-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_361_985, "2026-11-22T15:39:45Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (u64::MAX, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Date(at(seconds)).to_string(), expected);
        }
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

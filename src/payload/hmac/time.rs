use std::borrow::Cow;
use std::time::Duration;

use rustls_pki_types::UnixTime;

use crate::date::Date;
use crate::identity::from_rfc3339;

/// A format of signed times. What was sent is what was signed: it is read, never rendered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeFormat {
    /// Seconds since 1970 in canonical decimal digits: no sign, no leading zero, at most twelve of them.
    Seconds,
    /// Milliseconds since 1970 in canonical decimal digits, at most fifteen of them.
    Milliseconds,
    /// `2026-11-22T17:30:39.123Z` (RFC 3339), with `Z` or an offset.
    Rfc3339,
}

/// A time as it was sent, and what it means.
#[derive(Debug, Clone)]
pub(in crate::payload) struct SignedTime<'m> {
    pub(in crate::payload) raw: Cow<'m, str>,
    pub(in crate::payload) at: UnixTime,
}

impl TimeFormat {
    #[inline]
    pub(in crate::payload) fn read(self, text: &str) -> Option<UnixTime> {
        let seconds = match self {
            Self::Seconds => digits(text, 12)?,
            // Whole seconds, as everywhere here: a fraction cannot make a message fresh or stale.
            Self::Milliseconds => digits(text, 15)? / 1000,
            Self::Rfc3339 => from_rfc3339(text)?.as_secs(),
        };
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }

    pub(in crate::payload) fn write(self, at: UnixTime) -> String {
        match self {
            Self::Seconds => at.as_secs().to_string(),
            Self::Milliseconds => at.as_secs().saturating_mul(1000).to_string(),
            Self::Rfc3339 => Date(at).to_string(),
        }
    }
}

/// A number in canonical digits, at most fifteen of them: no more than a `u64` holds.
#[inline]
fn digits(text: &str, most: usize) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    if !canonical || !(1..=most.min(15)).contains(&text.len()) {
        return None;
    }
    text.bytes().try_fold(0, |number: u64, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| number * 10 + u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_time_has_one_form() {
        use TimeFormat::{Milliseconds, Rfc3339, Seconds};
        let cases = [
            (Seconds, "0", Some(0)),
            (Seconds, "1795361985", Some(1_795_361_985)),
            (Seconds, "999999999999", Some(999_999_999_999)),
            (Seconds, "1000000000000", None),
            (Seconds, "+1795361985", None),
            (Seconds, "01795361985", None),
            (Seconds, "-9223372036854775808", None),
            (Seconds, "1795361985.0", None),
            (Seconds, "1e9", None),
            (Seconds, " 1", None),
            (Seconds, "", None),
            (Seconds, "Infinity", None),
            (Seconds, "\u{0661}", None),
            (Milliseconds, "1693657560999", Some(1_693_657_560)),
            (Milliseconds, "1000000000000000", None),
            (Rfc3339, "1970-01-01T00:00:00Z", Some(0)),
            (Rfc3339, "2020-01-01T00:00:00-07:00", Some(1_577_862_000)),
            (Rfc3339, "2020-02-29T23:59:60Z", Some(1_583_020_800)),
            (Rfc3339, "2026-11-22T17:30:39.123456789Z", Some(1_795_368_639)),
            (Rfc3339, "2026-11-22T17:30:39.Z", None),
            (Rfc3339, "2026-11-22T17:30:39.1234567890Z", None),
            (Rfc3339, "2026-11-22t17:30:39Z", None),
            (Rfc3339, "2026-11-22 17:30:39Z", None),
            (Rfc3339, "2026-11-22T17:30:39", None),
            (Rfc3339, "2026-11-22T17:30:39+0100", None),
            (Rfc3339, "2026-11-22T17:30:39+24:00", None),
            (Rfc3339, "2026-11-22T24:00:00Z", None),
            (Rfc3339, "2026-02-29T00:00:00Z", None),
            (Rfc3339, "2100-02-29T00:00:00Z", None),
            (Rfc3339, "2026-13-01T00:00:00Z", None),
            (Rfc3339, "2026-1-01T00:00:00Z", None),
            (Rfc3339, "1969-12-31T23:59:59Z", None),
            (Rfc3339, "0000-01-01T00:00:00Z", None),
            (Rfc3339, "+026-11-22T17:30:39Z", None),
            (Rfc3339, "", None),
            (Rfc3339, "T", None),
            (Rfc3339, "2026-11-22T17:30:3\u{e9}", None),
        ];
        for (format, text, expected) in cases {
            let read = format.read(text).map(|at| at.as_secs());
            assert_eq!(read, expected, "{format:?} {text:?}");
        }
    }

    const FORMATS: [TimeFormat; 3] = [TimeFormat::Seconds, TimeFormat::Milliseconds, TimeFormat::Rfc3339];

    /// From 1970 to 9999, at each hour of the day, day of the month and month of the year.
    #[test]
    fn what_is_written_is_read() {
        let years = (0..253_402_300_800_u64).step_by(19_999_999);
        for seconds in years.chain([1_582_934_400, 4_107_542_399, 253_402_300_799]) {
            let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
            for format in FORMATS {
                assert_eq!(format.read(&format.write(at)), Some(at), "{format:?}");
            }
        }
    }

    /// A good text with one mark too many, too few or another, also of more than one byte.
    #[test]
    fn no_neighbour_of_a_time_panics() {
        let marks = ["", "0", "9", "-", ":", ".", "Z", "\0", "\u{661}", "\u{1f552}"];
        let good = [
            "1795361985",
            "1693657560999",
            "2026-11-22T17:30:39.123456789+01:00",
        ];
        let mut seen = 0;
        for (text, mark) in good.iter().flat_map(|text| marks.map(|mark| (text, mark))) {
            for at in 0..=text.len() {
                let (before, after) = text.split_at(at);
                for rest in [after, after.get(1..).unwrap_or_default()] {
                    let neighbour = format!("{before}{mark}{rest}");
                    seen += FORMATS
                        .iter()
                        .filter(|format| format.read(&neighbour).is_some())
                        .count();
                }
            }
        }
        assert!(seen > 60, "{seen}: nearly each is refused before it is read");
    }
}

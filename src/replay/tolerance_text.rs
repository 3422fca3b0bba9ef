//! Tolerances as text.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::Tolerance;

/// Each unit in seconds, the largest first.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

/// `5m` in both directions, or `past=1h future=5m`: whole numbers of seconds (`s`), minutes, hours or days (`d`).
impl FromStr for Tolerance {
    type Err = InvalidTolerance;

    fn from_str(text: &str) -> Result<Self, InvalidTolerance> {
        let Some(both) = text.strip_prefix("past=") else {
            return Ok(Self::within(span(text).ok_or(InvalidTolerance)?));
        };
        let (past, future) = both.split_once(" future=").ok_or(InvalidTolerance)?;
        Ok(Self {
            past: span(past).ok_or(InvalidTolerance)?,
            future: span(future).ok_or(InvalidTolerance)?,
        })
    }
}

/// As it is read, in the largest units that are exact. Fractions of a second, which never count, are left out.
impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (past, future) = (Written(self.past), Written(self.future));
        if self.past.as_secs() == self.future.as_secs() {
            return write!(f, "{past}");
        }
        write!(f, "past={past} future={future}")
    }
}

fn span(text: &str) -> Option<Duration> {
    let (unit, seconds) = UNITS.iter().find(|(unit, _)| text.ends_with(*unit))?;
    let number = text.strip_suffix(*unit)?;
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| digits)?;
    number.checked_mul(*seconds).map(Duration::from_secs)
}

struct Written(Duration);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let exact = UNITS.iter().find(|(_, unit)| seconds.is_multiple_of(*unit));
        match exact {
            Some((unit, length)) if seconds > 0 => write!(f, "{}{unit}", seconds / length),
            _ => write!(f, "{seconds}s"),
        }
    }
}

/// Text that is no tolerance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a tolerance is `5m`, or `past=1h future=5m`: whole numbers of s, m, h or d")]
#[non_exhaustive]
pub struct InvalidTolerance;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let of = |past, future| {
            Ok(Tolerance {
                past: Duration::from_secs(past),
                future: Duration::from_secs(future),
            })
        };
        for (text, expected, written) in [
            ("5m", of(300, 300), "5m"),
            ("300s", of(300, 300), "5m"),
            ("90s", of(90, 90), "90s"),
            ("0s", of(0, 0), "0s"),
            ("24h", of(86_400, 86_400), "1d"),
            ("past=1h future=5m", of(3600, 300), "past=1h future=5m"),
            ("past=5m future=300s", of(300, 300), "5m"),
        ] {
            let read = text.parse::<Tolerance>();
            assert_eq!(read, expected, "{text}");
            assert_eq!(
                read.map(|read| read.to_string()),
                Ok(written.to_owned()),
                "{text}"
            );
        }
        for text in [
            "",
            "5",
            "m",
            "5 m",
            "+5m",
            "-5m",
            "5.5m",
            "5M",
            "5ms",
            "1h30m",
            "past=5m",
            "future=5m past=5m",
            "past=5m  future=5m",
            "past=5m future=",
            "5m ",
            "18446744073709551615m",
        ] {
            assert_eq!(text.parse::<Tolerance>(), Err(InvalidTolerance), "{text:?}");
        }
    }
}

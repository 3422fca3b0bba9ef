//! Dates of what is issued.
//!
//! Whenever the test says: nothing here reads a clock.

use std::time::Duration;

use rcgen::CertificateParams;
use rustls_pki_types::UnixTime;
use time::{Date, Month, OffsetDateTime};

/// 2024-01-01: what is issued is valid from here, unless asked otherwise.
pub const NOT_BEFORE: UnixTime = at(1_704_067_200);

/// 2026-01-01: a moment at which all is valid that was issued without asking otherwise.
pub const NOW: UnixTime = at(1_767_225_600);

/// 2099-12-31: what is issued is valid up to here, unless asked otherwise.
pub const NOT_AFTER: UnixTime = at(4_102_358_400);

/// Midnight (UTC) at the beginning of that day.
///
/// # Panics
///
/// If there is no such day, or it is before 1970.
///
/// # Examples
///
/// ```
/// use countersign::testing::{NOW, utc};
///
/// assert_eq!(utc(2026, 1, 1), NOW);
/// ```
pub fn utc(year: i32, month: u8, day: u8) -> UnixTime {
    let month = Month::try_from(month).expect("a month from 1 to 12");
    let date = Date::from_calendar_date(year, month, day).expect("a day of the calendar");
    let seconds = date.midnight().assume_utc().unix_timestamp();
    at(seconds.try_into().expect("a day since 1970"))
}

/// From when and until when something is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: UnixTime,
    pub(super) until: UnixTime,
}

impl Window {
    pub(super) const DEFAULT: Self = Self {
        from: NOT_BEFORE,
        until: NOT_AFTER,
    };
    /// The year 2020.
    pub(super) const EXPIRED: Self = Self {
        from: at(1_577_836_800),
        until: at(1_609_459_200),
    };
    /// From 2090-01-01.
    pub(super) const NOT_YET: Self = Self {
        from: at(3_786_912_000),
        until: NOT_AFTER,
    };

    pub(super) fn set(self, params: &mut CertificateParams) {
        params.not_before = date_time(self.from);
        params.not_after = date_time(self.until);
    }
}

/// That moment, in the words of rcgen.
pub(super) fn date_time(at: UnixTime) -> OffsetDateTime {
    let seconds = at.as_secs().try_into().expect("seconds that fit an i64");
    OffsetDateTime::from_unix_timestamp(seconds).expect("a date before the year 10000")
}

const fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_the_days_they_say() {
        for (constant, day) in [
            (NOT_BEFORE, utc(2024, 1, 1)),
            (NOW, utc(2026, 1, 1)),
            (NOT_AFTER, utc(2099, 12, 31)),
            (Window::EXPIRED.from, utc(2020, 1, 1)),
            (Window::EXPIRED.until, utc(2021, 1, 1)),
            (Window::NOT_YET.from, utc(2090, 1, 1)),
        ] {
            assert_eq!(constant, day);
        }
    }
}

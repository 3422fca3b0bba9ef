use std::time::Duration;

use rustls_pki_types::UnixTime;

/// The time, or nothing for what is not RFC 3339 §5.6 or lies before 1970. A leap second counts as the
/// first of the next minute.
pub(crate) fn from_rfc3339(text: &str) -> Option<UnixTime> {
    let (date, rest) = text.split_once('T')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let clock = rest.get(..8)?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let offset = offset(after_fraction(rest.get(8..)?)?)?;
    let in_range = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !in_range || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let local = ((days_before(year, month) + day - 1) * 24 + hour) * 3600 + minute * 60 + second;
    let seconds = u64::try_from(local - EPOCH_DAYS * 86_400 - offset).ok()?;
    Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

/// What follows `.123`, or the same text where there is no fraction.
fn after_fraction(text: &str) -> Option<&str> {
    let Some(fraction) = text.strip_prefix('.') else {
        return Some(text);
    };
    let rest = fraction.trim_start_matches(|character: char| character.is_ascii_digit());
    (1..=9).contains(&(fraction.len() - rest.len())).then_some(rest)
}

fn offset(text: &str) -> Option<i64> {
    let (sign, clock) = match text.split_at_checked(1)? {
        ("Z", "") => return Some(0),
        ("+", clock) => (1, clock),
        ("-", clock) => (-1, clock),
        _ => return None,
    };
    let [hours, minutes] = numbers(clock, ':', [2, 2])?;
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Exactly `N` numbers of these widths.
fn numbers<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Option<[i64; N]> {
    let mut fields = text.split(separator);
    let mut values = [0; N];
    for (value, width) in values.iter_mut().zip(widths) {
        let field = fields
            .next()
            .filter(|field| field.len() == width && field.bytes().all(|byte| byte.is_ascii_digit()))?;
        *value = field.parse().ok()?;
    }
    fields.next().is_none().then_some(values)
}

/// Days from year 0 to 1 January 1970.
const EPOCH_DAYS: i64 = 719_528;

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from year 0 to the first of the month.
fn days_before(year: i64, month: i64) -> i64 {
    let leap_years = if year == 0 {
        0
    } else {
        let last = year - 1;
        last / 4 - last / 100 + last / 400 + 1
    };
    let months: i64 = (1..month).map(|earlier| days_in(year, earlier)).sum();
    year * 365 + leap_years + months
}

use std::sync::Arc;
use std::time::Duration;

use super::Jitter;

/// A retry schedule with exponential backoff, as plain numbers: for whatever queue there is.
///
/// A try is named by how many have failed before it. No clock, and no random numbers but the caller's.
///
/// ```
/// use std::time::Duration;
/// use countersign::dispatch::{Jitter, Schedule};
///
/// let schedule = Schedule::standard_webhooks();
/// assert_eq!(schedule.after(0, Jitter::NONE), Some(Duration::ZERO));
/// assert_eq!(schedule.after(1, Jitter::NONE), Some(Duration::from_secs(5)));
/// assert_eq!(schedule.after(2, Jitter::of(u32::MAX)), Some(Duration::from_secs(360)));
/// assert_eq!(schedule.after(10, Jitter::NONE), None);
///
/// // The consumer has asked for two minutes: see `Fate::Retry`.
/// let asked = Duration::from_secs(120);
/// assert_eq!(schedule.after_at_least(1, asked, Jitter::NONE), Some(asked));
/// ```
///
/// # What a consumer may ask for
/// `Retry-After` only makes us wait for longer, never come sooner than we would have: whoever wants more of us than the
/// schedule gives could have us hammer somebody else. And for no longer than twice our own delay, or our next one, or a
/// minute, whichever is most: so what it asks for in all stays within the pace of the schedule, and nobody fills our
/// queue with deliveries for next year. Jitter only adds to what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    delays: Arc<[Duration]>,
}

/// Anybody may ask for so much.
const A_MINUTE: Duration = Duration::from_secs(60);

impl Schedule {
    /// Waits for the first delay after the first failure, and so on; gives up when they are used up.
    pub fn new(delays: impl Into<Arc<[Duration]>>) -> Self {
        Self {
            delays: delays.into(),
        }
    }

    /// The example of the [Standard Webhooks specification](https://github.com/standard-webhooks/standard-webhooks):
    /// ten tries within three days and four hours.
    pub fn standard_webhooks() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        let hours = [2, 5, 10, 14, 20, 24].map(|hours| hours * HOUR);
        let delays = [5, 5 * MINUTE, 30 * MINUTE].into_iter().chain(hours);
        Self::new(delays.map(Duration::from_secs).collect::<Vec<_>>())
    }

    /// How long to wait after so many failures: nothing before the first try, `None` when it is time to give up. Strays
    /// from the schedule by up to a fifth, in both directions.
    pub fn after(&self, failures: u32, jitter: Jitter) -> Option<Duration> {
        Some(jitter.spread(self.delay(failures)?))
    }

    /// How long to wait after so many failures, and no sooner than the outcome of the last try says ([`Fate::Retry`](super::Fate::Retry)), within
    /// limits.
    pub fn after_at_least(&self, failures: u32, least: Duration, jitter: Jitter) -> Option<Duration> {
        let delay = self.delay(failures)?;
        let next = self.delay(failures.saturating_add(1)).unwrap_or_default();
        let most = delay.saturating_mul(2).max(next).max(A_MINUTE);
        Some(jitter.spread(delay).max(jitter.delay(least.min(most))))
    }

    /// How long it takes at most from the first try to the last, if no consumer asks for more time.
    pub fn longest(&self) -> Duration {
        let latest = Jitter::of(u32::MAX);
        let each = self.delays.iter().map(|delay| latest.spread(*delay));
        each.fold(Duration::ZERO, Duration::saturating_add)
    }

    /// How many tries there are, with the first.
    pub fn tries(&self) -> usize {
        self.delays.len() + 1
    }

    fn delay(&self, failures: u32) -> Option<Duration> {
        let Some(delay) = failures.checked_sub(1) else {
            return Some(Duration::ZERO);
        };
        self.delays.get(usize::try_from(delay).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const EARLY: Jitter = Jitter::of(0);
    const LATE: Jitter = Jitter::of(u32::MAX);

    #[test]
    fn standard_webhooks_has_ten_tries_within_75_hours_35_minutes_and_5_seconds() {
        let schedule = Schedule::standard_webhooks();
        let after = |failures| schedule.after(failures, Jitter::NONE);
        let delays: Vec<_> = (0..=10).map(after).collect();
        let expected = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
        let expected: Vec<_> = expected.map(secs).map(Some).into_iter().chain([None]).collect();
        assert_eq!(delays, expected);
        let total: Duration = delays.into_iter().flatten().sum();
        assert_eq!(total, secs(75 * 3_600 + 35 * 60 + 5));
        assert_eq!(schedule.tries(), 10);
        // And a fifth more with the latest jitter.
        assert_eq!(schedule.longest(), total + total / 5);
        assert_eq!(Schedule::new([]).longest(), Duration::ZERO);
        assert_eq!(Schedule::new([Duration::MAX, secs(1)]).longest(), Duration::MAX);
    }

    #[test]
    fn jitter_is_a_fifth_in_both_directions() {
        let schedule = Schedule::new([secs(10)]);
        let cases = [
            (0, EARLY, Some(secs(0))),
            (0, LATE, Some(secs(0))),
            (1, EARLY, Some(secs(8))),
            (1, Jitter::NONE, Some(secs(10))),
            (1, LATE, Some(secs(12))),
            (2, EARLY, None),
            (u32::MAX, LATE, None),
        ];
        for (failures, jitter, expected) in cases {
            assert_eq!(
                schedule.after(failures, jitter),
                expected,
                "{failures} {jitter:?}"
            );
        }
    }

    #[test]
    fn a_consumer_is_heard_within_limits() {
        let schedule = Schedule::new([secs(5), secs(300), secs(1_800), secs(2_000)]);
        let short = Schedule::new([secs(5), secs(5)]);
        let after = |seconds| Some(secs(seconds));
        #[rustfmt::skip]
        let cases = [
            ("nothing asked for", &schedule, 2, secs(0), Jitter::NONE, after(300)),
            ("a minute", &schedule, 1, secs(60), Jitter::NONE, after(60)),
            ("a minute, always", &short, 1, secs(60), Jitter::NONE, after(60)),
            ("no more, where all delays are short", &short, 1, secs(61), Jitter::NONE, after(60)),
            ("less than the delay", &schedule, 2, secs(1), Jitter::NONE, after(300)),
            ("until the next delay", &schedule, 1, secs(300), Jitter::NONE, after(300)),
            ("and no longer", &schedule, 1, secs(301), Jitter::NONE, after(300)),
            ("for a year", &schedule, 1, secs(31_536_000), Jitter::NONE, after(300)),
            ("for ever", &schedule, 1, Duration::MAX, LATE, after(360)),
            ("twice the delay, where the next is shorter", &schedule, 3, secs(9_999), Jitter::NONE, after(3_600)),
            ("twice the delay, where there is no next", &schedule, 4, secs(9_999), Jitter::NONE, after(4_000)),
            ("never sooner than asked", &schedule, 2, secs(400), EARLY, after(400)),
            ("later than asked", &schedule, 2, secs(400), LATE, after(480)),
            ("sooner than the delay", &schedule, 2, secs(0), EARLY, after(240)),
            ("used up", &schedule, 5, secs(1), Jitter::NONE, None),
            ("before the first try", &schedule, 0, secs(9), Jitter::NONE, after(9)),
        ];
        for (name, schedule, failures, least, jitter, expected) in cases {
            assert_eq!(
                schedule.after_at_least(failures, least, jitter),
                expected,
                "{name}"
            );
        }
    }
}

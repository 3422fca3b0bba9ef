use std::sync::Arc;
use std::time::Duration;

use super::Jitter;

/// How long to wait before a delivery is tried again, as plain numbers: for whatever queue there is.
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
/// // The consumer was overloaded, and has asked for two minutes.
/// let asked = Duration::from_secs(120);
/// assert_eq!(schedule.after_overload(1, Some(asked), Jitter::NONE), Some(asked));
/// assert_eq!(schedule.after(10, Jitter::NONE), None);
/// ```
///
/// # What a consumer may ask for
/// `Retry-After` only makes us wait for longer, never come sooner than we would have: whoever wants more of us than the
/// schedule gives could have us hammer somebody else. And for no longer than twice our own delay, or until our next one,
/// whichever is more: so what it asks for in all stays within the pace of the schedule, and nobody fills our queue with
/// deliveries for next year. Jitter only adds to what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    delays: Arc<[Duration]>,
    overload: Duration,
}

/// At least so long is a consumer left alone that has said it is overloaded.
const OVERLOAD: Duration = Duration::from_secs(60);

impl Schedule {
    /// Waits for the first delay after the first failure, and so on; gives up when they are used up.
    pub fn new(delays: impl Into<Arc<[Duration]>>) -> Self {
        Self {
            delays: delays.into(),
            overload: OVERLOAD,
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

    /// How long a consumer is left alone at least that has said it is overloaded. Default a minute.
    #[must_use]
    pub fn with_overload_floor(mut self, floor: Duration) -> Self {
        self.overload = floor;
        self
    }

    /// How long to wait after so many failures: nothing before the first try, `None` when it is time to give up. Strays
    /// from the schedule by up to a fifth, in both directions.
    pub fn after(&self, failures: u32, jitter: Jitter) -> Option<Duration> {
        Some(jitter.spread(self.delay(failures)?))
    }

    /// The same, where the last answer was that it is too much (429, 502, 503, 504, or none in time): never less than
    /// the [floor](Self::with_overload_floor), and what `Retry-After` asked for, within limits.
    pub fn after_overload(&self, failures: u32, asked: Option<Duration>, jitter: Jitter) -> Option<Duration> {
        let delay = self.delay(failures)?;
        let least = jitter.spread(delay).max(jitter.delay(self.overload));
        let next = self.delay(failures.saturating_add(1)).unwrap_or_default();
        let most = delay.max(self.overload).saturating_mul(2).max(next);
        let asked = jitter.delay(asked.unwrap_or_default().min(most));
        Some(least.max(asked))
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
        let delays: Vec<_> = (0..=10)
            .map(|failures| schedule.after(failures, Jitter::NONE))
            .collect();
        let expected = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
        let expected: Vec<_> = expected.map(secs).map(Some).into_iter().chain([None]).collect();
        assert_eq!(delays, expected);
        let total: Duration = delays.into_iter().flatten().sum();
        assert_eq!(total, secs(75 * 3_600 + 35 * 60 + 5));
        assert_eq!(schedule.tries(), 10);
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
        let ask = |seconds| Some(secs(seconds));
        #[rustfmt::skip]
        let cases = [
            ("the floor", 1, None, Jitter::NONE, ask(60)),
            ("asked for less than the floor", 1, ask(10), Jitter::NONE, ask(60)),
            ("asked for more", 1, ask(120), Jitter::NONE, ask(120)),
            ("until the next delay", 1, ask(300), Jitter::NONE, ask(300)),
            ("and no longer", 1, ask(301), Jitter::NONE, ask(300)),
            ("for a year", 1, ask(31_536_000), Jitter::NONE, ask(300)),
            ("for ever", 1, Some(Duration::MAX), LATE, ask(360)),
            ("a delay above the floor", 2, None, Jitter::NONE, ask(300)),
            ("asked for less than the delay", 2, ask(1), Jitter::NONE, ask(300)),
            ("twice the delay, where the next is shorter", 3, ask(9_999), Jitter::NONE, ask(3_600)),
            ("twice the delay, where there is no next", 4, ask(9_999), Jitter::NONE, ask(4_000)),
            ("never sooner than asked", 2, ask(400), EARLY, ask(400)),
            ("later than asked", 2, ask(400), LATE, ask(480)),
            ("never sooner than the floor", 1, None, EARLY, ask(60)),
            ("later than the floor", 1, None, LATE, ask(72)),
            ("sooner than the delay", 2, None, EARLY, ask(240)),
            ("used up", 5, ask(1), Jitter::NONE, None),
            ("before the first try", 0, None, Jitter::NONE, ask(60)),
        ];
        for (name, failures, asked, jitter, expected) in cases {
            assert_eq!(
                schedule.after_overload(failures, asked, jitter),
                expected,
                "{name}"
            );
        }
        let patient = schedule.with_overload_floor(secs(600));
        assert_eq!(patient.after_overload(1, None, Jitter::NONE), ask(600));
        assert_eq!(patient.after_overload(1, ask(9_999), Jitter::NONE), ask(1_200));
    }
}

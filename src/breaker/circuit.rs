//! One circuit, in seconds of the breaker's own time.

use std::time::Duration;

use super::Jitter;

/// The window slides in so many steps.
const STEPS: usize = 8;

#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) capacity: usize,
    pub(super) percent: u8,
    pub(super) requests: u32,
    /// 0: never.
    pub(super) in_a_row: u32,
    pub(super) probes: u32,
    /// How long a circuit is open, first and at most.
    first: u64,
    pub(super) longest: u64,
    /// A step of the window, and how many make the window.
    step: u64,
    steps: usize,
}

impl Rules {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            percent: 50,
            requests: 10,
            in_a_row: 0,
            probes: 1,
            first: 30,
            longest: 600,
            step: 8,
            steps: STEPS,
        }
    }

    pub(super) fn set_window(&mut self, window: Duration) {
        let seconds = seconds(window).max(1);
        self.step = seconds.div_ceil(STEPS as u64);
        self.steps = usize::try_from(seconds.div_ceil(self.step)).unwrap_or(STEPS);
    }

    pub(super) fn set_open_time(&mut self, first: Duration, longest: Duration) {
        self.first = seconds(first).max(1);
        self.longest = seconds(longest).max(self.first);
    }

    /// How long a circuit stays open that opens for this time, from 1.
    fn open_time(&self, opened: u32, jitter: Jitter) -> u64 {
        let doubled = opened.saturating_sub(1).min(63);
        let regular = self.first.saturating_mul(1 << doubled).min(self.longest);
        seconds(jitter.spread(Duration::from_secs(regular))).max(1)
    }

    fn trips(&self, count: Count, in_a_row: u32) -> bool {
        let (failures, requests) = (u64::from(count.failures), u64::from(count.requests));
        let rate = failures * 100 >= requests * u64::from(self.percent);
        (rate && count.requests >= self.requests) || (self.in_a_row > 0 && in_a_row >= self.in_a_row)
    }
}

/// Whole seconds, rounded up.
fn seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Circuit {
    Closed(Counted),
    Open {
        until: u64,
        opened: u32,
    },
    HalfOpen {
        probing: u32,
        succeeded: u32,
        opened: u32,
    },
}

/// What a closed circuit has seen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counted {
    /// The newest first.
    steps: [Count; STEPS],
    /// Which step of time the newest is.
    newest: u64,
    in_a_row: u32,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) requests: u32,
    pub(super) failures: u32,
}

impl Counted {
    pub(super) fn within(mut self, now: u64, rules: &Rules) -> Count {
        self.slide(now, rules);
        self.sum(rules)
    }

    pub(super) fn succeeded(&mut self, now: u64, rules: &Rules) {
        let step = self.slide(now, rules);
        step.requests = step.requests.saturating_add(1);
        self.in_a_row = 0;
    }

    /// Counts a failure, and tells whether it was one too many.
    pub(super) fn failed(&mut self, now: u64, rules: &Rules) -> bool {
        let step = self.slide(now, rules);
        step.requests = step.requests.saturating_add(1);
        step.failures = step.failures.saturating_add(1);
        self.in_a_row = self.in_a_row.saturating_add(1);
        rules.trips(self.sum(rules), self.in_a_row)
    }

    /// Drops what has left the window, and gives the step of now.
    fn slide(&mut self, now: u64, rules: &Rules) -> &mut Count {
        let step = now / rules.step;
        let passed = usize::try_from(step.saturating_sub(self.newest)).unwrap_or(STEPS);
        for _ in 0..passed.min(STEPS) {
            self.steps.rotate_right(1);
            let [newest, ..] = &mut self.steps;
            *newest = Count::default();
        }
        self.newest = step;
        let [newest, ..] = &mut self.steps;
        newest
    }

    fn sum(&self, rules: &Rules) -> Count {
        let within = self.steps.iter().take(rules.steps);
        within.fold(Count::default(), |sum, step| Count {
            requests: sum.requests.saturating_add(step.requests),
            failures: sum.failures.saturating_add(step.failures),
        })
    }
}

impl Circuit {
    /// What it is at this time: an open one whose time is up has become half-open.
    pub(super) fn at(self, now: u64) -> Self {
        match self {
            Self::Open { until, opened } if until <= now => Self::HalfOpen {
                probing: 0,
                succeeded: 0,
                opened,
            },
            other => other,
        }
    }

    pub(super) fn succeeded(&mut self, now: u64, rules: &Rules) {
        match self {
            Self::Closed(counted) => counted.succeeded(now, rules),
            Self::HalfOpen { succeeded, .. } if *succeeded + 1 >= rules.probes => {
                *self = Self::Closed(Counted::default());
            }
            Self::HalfOpen {
                probing, succeeded, ..
            } => {
                *probing = probing.saturating_sub(1);
                *succeeded += 1;
            }
            Self::Open { .. } => (),
        }
    }

    pub(super) fn failed(&mut self, now: u64, jitter: Jitter, rules: &Rules) {
        let opened = match self {
            Self::Closed(counted) => match counted.failed(now, rules) {
                true => 1,
                false => return,
            },
            Self::HalfOpen { opened, .. } => opened.saturating_add(1),
            Self::Open { .. } => return,
        };
        *self = Self::Open {
            until: now.saturating_add(rules.open_time(opened, jitter)),
            opened,
        };
    }
}

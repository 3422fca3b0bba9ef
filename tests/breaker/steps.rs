//! One circuit, second by second.

mod late;
mod told;

use countersign::breaker::{Breaker, NotNow, Permit, State, Transition, Verdict};
use rustls::pki_types::UnixTime;

use crate::support::{at, secs};

const KEY: &str = "acme";

/// Half of at least four within 40 seconds; open for 30, up to 100; two probes.
fn breaker() -> Breaker<&'static str> {
    Breaker::new(10)
        .trip_at_rate(50, 4)
        .with_window(secs(40))
        .with_open_time(secs(30), secs(100))
        .with_probes(2)
}

#[derive(Debug, Clone, Copy)]
enum Do {
    /// Asks, and keeps the permit under the next number, from 0.
    Ask,
    Succeed(usize),
    Fail(usize),
    NotCounted(usize),
    Drop(usize),
    /// Asks and fails, so many times.
    Failures(u32),
    Successes(u32),
    Reset,
    Look,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Saw {
    LetThrough,
    Refused(NotNow),
    /// From, to.
    Changed(&'static str, &'static str),
    /// It was let through, and that has changed it.
    Probes,
    Nothing,
    Is(State),
}

struct Play {
    breaker: Breaker<&'static str>,
    permits: Vec<Option<Permit<&'static str>>>,
}

impl Play {
    fn of(breaker: Breaker<&'static str>) -> Self {
        let permits = Vec::new();
        Self { breaker, permits }
    }

    fn see(&mut self, step: Do, now: UnixTime) -> Saw {
        match step {
            Do::Ask => self.ask(now),
            Do::Succeed(permit) => self.record(permit, Verdict::Success, now),
            Do::Fail(permit) => self.record(permit, Verdict::Failure, now),
            Do::NotCounted(permit) => self.record(permit, Verdict::NotCounted, now),
            Do::Drop(permit) => {
                self.permits[permit] = None;
                Saw::Nothing
            }
            Do::Failures(times) => self.many(times, Verdict::Failure, now),
            Do::Successes(times) => self.many(times, Verdict::Success, now),
            Do::Reset => saw(self.breaker.reset(&KEY, now)),
            Do::Look => Saw::Is(self.breaker.state(&KEY, now)),
        }
    }

    fn ask(&mut self, now: UnixTime) -> Saw {
        match self.breaker.ask(&KEY, now) {
            Err(not_now) => Saw::Refused(not_now),
            Ok(permit) => {
                assert_eq!(permit.key(), &KEY);
                let saw = match permit.transition() {
                    None => Saw::LetThrough,
                    Some(change) => {
                        assert_eq!((change.from.name(), change.to.name()), ("open", "half_open"));
                        Saw::Probes
                    }
                };
                self.permits.push(Some(permit));
                saw
            }
        }
    }

    fn record(&mut self, permit: usize, verdict: Verdict, now: UnixTime) -> Saw {
        let permit = self.permits[permit].take().expect("a permit that is not used up");
        saw(permit.record(verdict, now))
    }

    fn many(&self, times: u32, verdict: Verdict, now: UnixTime) -> Saw {
        let mut last = None;
        for _ in 0..times {
            let permit = self.breaker.ask(&KEY, now).expect("a closed circuit");
            last = permit.record(verdict, now);
        }
        saw(last)
    }
}

fn saw(change: Option<Transition<&'static str>>) -> Saw {
    match change {
        None => Saw::Nothing,
        Some(change) => {
            assert_eq!(change.key, KEY);
            Saw::Changed(change.from.name(), change.to.name())
        }
    }
}

fn play(name: &str, breaker: Breaker<&'static str>, steps: &[(u64, Do, Saw)]) {
    let mut play = Play::of(breaker);
    for (number, (time, step, expected)) in steps.iter().enumerate() {
        let seen = play.see(*step, at(*time));
        assert_eq!(seen, *expected, "{name}: step {number}, {step:?} at {time}");
    }
}

const OPENS: Saw = Saw::Changed("closed", "open");
const REOPENS: Saw = Saw::Changed("half_open", "open");
const CLOSES: Saw = Saw::Changed("half_open", "closed");

fn open(until: u64) -> Saw {
    let until = at(until);
    Saw::Refused(NotNow::Open { until })
}

fn closed(requests: u32, failures: u32) -> Saw {
    Saw::Is(State::Closed { requests, failures })
}

fn half_open(probing: u32, succeeded: u32) -> Saw {
    Saw::Is(State::HalfOpen { probing, succeeded })
}

#[test]
fn it_opens_at_the_rate_and_not_before() {
    use Do::{Ask, Failures, Look, Successes};
    use Saw::Nothing;
    play(
        "too few",
        breaker(),
        &[
            (100, Failures(3), Nothing),
            (100, Look, closed(3, 3)),
            (100, Failures(1), OPENS),
            (129, Ask, open(130)),
        ],
    );
    play(
        "exactly half",
        breaker(),
        &[
            (100, Successes(10), Nothing),
            (100, Failures(9), Nothing),
            (100, Look, closed(19, 9)),
            (100, Failures(1), OPENS),
        ],
    );
    play(
        "a success never opens it",
        breaker(),
        &[
            (100, Failures(3), Nothing),
            (100, Successes(1), Nothing),
            (100, Look, closed(4, 3)),
            (100, Failures(1), OPENS),
        ],
    );
    play(
        "never by rate",
        breaker().trip_at_rate(101, 1),
        &[(100, Failures(1_000), Nothing)],
    );
}

/// In steps of 5 seconds, which begin with the first time that the breaker is told.
#[test]
fn what_has_left_the_window_does_not_count() {
    use Do::{Failures, Look, Successes};
    use Saw::Nothing;
    play(
        "failures leave",
        breaker(),
        &[
            (100, Failures(3), Nothing),
            (139, Look, closed(3, 3)),
            (140, Look, closed(0, 0)),
            (140, Failures(3), Nothing),
            (140, Look, closed(3, 3)),
        ],
    );
    play(
        "they leave one step after the other",
        breaker(),
        &[
            (100, Failures(1), Nothing),
            (104, Failures(1), Nothing),
            (105, Failures(1), Nothing),
            (139, Look, closed(3, 3)),
            (140, Look, closed(1, 1)),
            (144, Look, closed(1, 1)),
            (145, Look, closed(0, 0)),
        ],
    );
    play(
        "successes leave",
        breaker(),
        &[
            (100, Successes(50), Nothing),
            (120, Failures(3), Nothing),
            (140, Failures(1), OPENS),
        ],
    );
    play(
        "three seconds",
        breaker().with_window(secs(3)),
        &[
            (100, Failures(3), Nothing),
            (102, Look, closed(3, 3)),
            (103, Look, closed(0, 0)),
        ],
    );
}

#[test]
fn it_opens_after_failures_in_a_row_where_asked() {
    use Do::{Failures, Look, Successes};
    use Saw::Nothing;
    let by_row = || Breaker::new(10).trip_at_rate(101, 1).trip_in_a_row(3);
    play(
        "in a row, however far apart",
        by_row(),
        &[
            (100, Failures(1), Nothing),
            (100_000, Failures(1), Nothing),
            (200_000, Look, closed(0, 0)),
            (200_000, Failures(1), OPENS),
        ],
    );
    play(
        "with a success between",
        by_row(),
        &[
            (100, Failures(2), Nothing),
            (100, Successes(1), Nothing),
            (100, Failures(2), Nothing),
            (100, Failures(1), OPENS),
        ],
    );
}

#[test]
fn probes_close_it_or_open_it_for_longer() {
    use Do::{Ask, Drop, Fail, Failures, Look, NotCounted, Succeed};
    use Saw::{LetThrough, Nothing, Probes};
    let probing = Saw::Refused(NotNow::Probing);
    play(
        "two probes, no more",
        breaker(),
        &[
            (100, Failures(4), OPENS),
            (130, Look, half_open(0, 0)),
            (130, Ask, Probes),
            (130, Ask, LetThrough),
            (130, Ask, probing.clone()),
            (130, Look, half_open(2, 0)),
            (131, Succeed(0), Nothing),
            (131, Look, half_open(1, 1)),
            (131, Ask, probing.clone()),
            (132, Succeed(1), CLOSES),
            (132, Look, closed(0, 0)),
            (132, Ask, LetThrough),
        ],
    );
    play(
        "a place is given back",
        breaker(),
        &[
            (100, Failures(4), OPENS),
            (130, Ask, Probes),
            (130, Ask, LetThrough),
            (130, Drop(0), Nothing),
            (130, Look, half_open(1, 0)),
            (130, NotCounted(1), Nothing),
            (130, Look, half_open(0, 0)),
            (130, Ask, LetThrough),
            (130, Ask, LetThrough),
            (130, Ask, probing.clone()),
        ],
    );
    play(
        "each failure doubles the time, up to the longest, and closing forgets it",
        breaker().with_probes(1),
        &[
            (100, Failures(4), OPENS),
            (130, Ask, Probes),
            (131, Fail(0), REOPENS),
            (190, Ask, open(191)),
            (191, Ask, Probes),
            (200, Fail(1), REOPENS),
            (200, Ask, open(300)),
            (300, Ask, Probes),
            (300, Fail(2), REOPENS),
            (300, Ask, open(400)),
            (400, Ask, Probes),
            (400, Succeed(3), CLOSES),
            (400, Failures(4), OPENS),
            (400, Ask, open(430)),
        ],
    );
}

#[test]
fn an_operator_closes_it() {
    use Do::{Ask, Failures, Look, Reset};
    use Saw::{LetThrough, Nothing};
    play(
        "reset",
        breaker(),
        &[
            (100, Reset, Nothing),
            (100, Failures(4), OPENS),
            (101, Reset, Saw::Changed("open", "closed")),
            (101, Ask, LetThrough),
            (101, Failures(3), Nothing),
            (101, Reset, Nothing),
            (101, Look, closed(0, 0)),
        ],
    );
}

//! What happens when there is no room for one more.

use std::collections::HashMap;

use countersign::breaker::{Breaker, NotNow, State, Tripped, Verdict};
use proptest::prelude::*;

use crate::support::{at, secs};

fn record(breaker: &Breaker<u32>, key: u32, verdict: Verdict, now: u64) {
    let permit = breaker.ask(&key, at(now)).expect("not open");
    permit.record(verdict, at(now));
}

/// Which keys are watched, with the names of their states.
fn watched(breaker: &Breaker<u32>, now: u64) -> Vec<(u32, &'static str)> {
    let mut states: Vec<_> = breaker
        .states(at(now))
        .into_iter()
        .map(|(key, state)| (key, state.name()))
        .collect();
    states.sort_unstable();
    states
}

fn breaker(capacity: usize) -> Breaker<u32> {
    Breaker::new(capacity)
        .trip_in_a_row(2)
        .with_open_time(secs(30), secs(100))
}

#[test]
fn the_closed_one_without_a_verdict_for_longest_goes_first() {
    let breaker = breaker(3);
    record(&breaker, 1, Verdict::Success, 100);
    record(&breaker, 2, Verdict::Failure, 101);
    record(&breaker, 3, Verdict::Success, 102);
    record(&breaker, 1, Verdict::Success, 103);
    record(&breaker, 4, Verdict::Success, 104);
    assert_eq!(
        watched(&breaker, 104),
        [(1, "closed"), (3, "closed"), (4, "closed")]
    );
    record(&breaker, 5, Verdict::Success, 104);
    assert_eq!(
        watched(&breaker, 104),
        [(1, "closed"), (4, "closed"), (5, "closed")]
    );
    assert_eq!(breaker.unwatched(), 0);
}

/// Asking takes no room; a verdict does.
#[test]
fn who_only_asks_pushes_nobody_out() {
    let breaker = breaker(1);
    record(&breaker, 1, Verdict::Failure, 100);
    for key in 2..100 {
        drop(breaker.ask(&key, at(100)));
        let permit = breaker.ask(&key, at(100)).expect("closed");
        assert_eq!(permit.record(Verdict::NotCounted, at(100)), None);
    }
    assert_eq!(watched(&breaker, 100), [(1, "closed")]);
    record(&breaker, 1, Verdict::Failure, 100);
    assert_eq!(watched(&breaker, 100), [(1, "open")]);
}

#[test]
fn nobody_closes_his_circuit_with_many_new_keys() {
    let breaker = breaker(3);
    record(&breaker, 1, Verdict::Failure, 100);
    record(&breaker, 1, Verdict::Failure, 100);
    for key in 2..1_000 {
        record(&breaker, key, Verdict::Failure, 100);
    }
    let until = at(130);
    assert_eq!(breaker.ask(&1, at(129)).err(), Some(NotNow::Open { until }));
    assert_eq!(
        watched(&breaker, 100),
        [(1, "open"), (998, "closed"), (999, "closed")]
    );
    assert_eq!((breaker.len(), breaker.unwatched()), (3, 0));
}

#[test]
fn where_nothing_may_be_forgotten_the_new_key_is_not_watched() {
    let breaker = breaker(2);
    for key in [1, 2] {
        record(&breaker, key, Verdict::Failure, 100);
        record(&breaker, key, Verdict::Failure, 100);
    }
    for _ in 0..5 {
        record(&breaker, 3, Verdict::Failure, 100);
    }
    assert_eq!(watched(&breaker, 100), [(1, "open"), (2, "open")]);
    assert_eq!(breaker.unwatched(), 5);
    let one_more = [Tripped::new(4, at(120), 1), Tripped::new(1, at(120), 1)];
    assert_eq!(breaker.restore(one_more, at(100)), 1);

    // A probe under way keeps the first; the second could have been probed since 130, and nobody asked.
    let probe = breaker.ask(&1, at(140)).expect("a probe");
    record(&breaker, 3, Verdict::Failure, 230);
    assert_eq!(watched(&breaker, 230), [(1, "half_open"), (2, "half_open")]);
    record(&breaker, 3, Verdict::Failure, 231);
    assert_eq!(watched(&breaker, 231), [(1, "half_open"), (3, "closed")]);
    assert!(probe.record(Verdict::Success, at(231)).is_some());
    assert_eq!(watched(&breaker, 231), [(1, "closed"), (3, "closed")]);
    assert_eq!(breaker.unwatched(), 6);
}

/// A permit that outlives its circuit says nothing about the next one.
#[test]
fn a_verdict_on_a_forgotten_circuit_is_none() {
    let breaker = breaker(1);
    record(&breaker, 1, Verdict::Failure, 100);
    record(&breaker, 1, Verdict::Failure, 100);
    let probe = breaker.ask(&1, at(130)).expect("a probe");
    record(&breaker, 2, Verdict::Success, 1_000);
    assert_eq!(probe.record(Verdict::Failure, at(1_000)), None);
    assert_eq!(watched(&breaker, 1_000), [(2, "closed")]);
}

#[test]
fn no_room_at_all_watches_nothing() {
    let breaker = breaker(0);
    for _ in 0..10 {
        record(&breaker, 1, Verdict::Failure, 100);
    }
    assert_eq!(
        (breaker.len(), breaker.is_empty(), breaker.unwatched()),
        (0, true, 10)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whoever comes, and in whatever order: never too many, and no open circuit is closed before its time.
    #[test]
    fn it_is_bounded_and_keeps_what_is_open(
        capacity in 1..6usize,
        steps in prop::collection::vec((0..20u32, any::<bool>(), 0..4u64), 1..300),
    ) {
        let breaker = breaker(capacity);
        let (mut now, mut open) = (100, HashMap::new());
        for (key, fails, passed) in steps {
            now += passed;
            if let Ok(permit) = breaker.ask(&key, at(now)) {
                let verdict = if fails { Verdict::Failure } else { Verdict::Success };
                if let Some(State::Open { until }) = permit.record(verdict, at(now)).map(|change| change.to) {
                    open.insert(key, until);
                }
            }
            prop_assert!(breaker.len() <= capacity);
            for (key, until) in open.iter().filter(|(_, until)| **until > at(now)) {
                prop_assert_eq!(breaker.state(key, at(now)), State::Open { until: *until });
            }
        }
    }
}

//! What is told of a circuit and kept of it, and that it is one of many.

use countersign::breaker::{Breaker, Jitter, State, Tripped, Verdict};

use super::{KEY, breaker};
use crate::support::{at, secs};

#[test]
fn jitter_spreads_the_open_time_by_a_fifth() {
    let cases = [
        (Jitter::NONE, 1_030),
        (Jitter::of(0), 1_024),
        (Jitter::of(u32::MAX / 2), 1_030),
        (Jitter::of(u32::MAX), 1_036),
    ];
    for (jitter, until) in cases {
        let breaker = breaker();
        for _ in 0..4 {
            let permit = breaker.ask(&KEY, at(1_000)).expect("closed").with_jitter(jitter);
            permit.record(Verdict::Failure, at(1_000));
        }
        let until = at(until);
        assert_eq!(
            breaker.state(&KEY, at(1_000)),
            State::Open { until },
            "{jitter:?}"
        );
    }
    let minute = secs(60);
    assert_eq!(Jitter::of(0).delay(minute), minute);
    assert_eq!(Jitter::of(u32::MAX).delay(minute), secs(72));
    assert_eq!(
        Jitter::of(u32::MAX).spread(std::time::Duration::MAX),
        std::time::Duration::MAX
    );
    assert_eq!(
        Jitter::of(u32::MAX).delay(std::time::Duration::MAX),
        std::time::Duration::MAX
    );
}

#[test]
fn a_transition_says_how_it_stood_before_and_stands_now() {
    let breaker = breaker();
    let fail = |now| {
        breaker
            .ask(&KEY, at(now))
            .expect("closed")
            .record(Verdict::Failure, at(now))
    };
    assert_eq!([fail(100), fail(100), fail(100)], [None, None, None]);
    let change = fail(101).expect("it opens");
    let from = State::Closed {
        requests: 3,
        failures: 3,
    };
    assert_eq!(
        (change.key, change.from, change.to),
        (KEY, from, State::Open { until: at(131) })
    );
    let probe = breaker.ask(&KEY, at(140)).expect("a probe");
    let change = probe.transition().expect("it is half-open");
    let to = State::HalfOpen {
        probing: 1,
        succeeded: 0,
    };
    assert_eq!(
        (change.key, change.from, change.to),
        (KEY, State::Open { until: at(131) }, to)
    );
}

#[test]
fn what_is_not_closed_outlives_the_process() {
    let old = Breaker::new(10)
        .trip_in_a_row(1)
        .with_open_time(secs(30), secs(100));
    let fail = |key, now| {
        old.ask(&key, at(now))
            .expect("not open")
            .record(Verdict::Failure, at(now))
    };
    fail("again", 60);
    fail("probed", 60);
    fail("again", 95);
    fail("open", 100);
    let _probe = old.ask(&"probed", at(100)).expect("a probe");
    old.ask(&"closed", at(100))
        .expect("closed")
        .record(Verdict::Success, at(100));

    let mut snapshot = old.snapshot(at(100));
    snapshot.sort_by_key(|one| one.key);
    let expected = [
        Tripped::new("again", at(155), 2),
        Tripped::new("open", at(130), 1),
        Tripped::new("probed", at(100), 1),
    ];
    assert_eq!(snapshot, expected);

    let new = Breaker::new(10)
        .trip_in_a_row(1)
        .with_open_time(secs(30), secs(100));
    new.ask(&"open", at(110))
        .expect("closed yet")
        .record(Verdict::Success, at(110));
    new.ask(&"elsewhere", at(110))
        .expect("closed yet")
        .record(Verdict::Failure, at(110));
    let far = [
        Tripped::new("far", at(u64::MAX), 0),
        Tripped::new("elsewhere", at(120), 5),
    ];
    assert_eq!(new.restore(snapshot.into_iter().chain(far), at(110)), 5);
    let not_before = |until| State::Open { until: at(until) };
    let half_open = State::HalfOpen {
        probing: 0,
        succeeded: 0,
    };
    let expected = [
        ("again", not_before(155)),
        ("elsewhere", not_before(140)),
        ("far", not_before(210)),
        ("open", not_before(130)),
        ("probed", half_open),
    ];
    let mut states = new.states(at(110));
    states.sort_by_key(|(key, _)| *key);
    assert_eq!(states, expected);
    // It goes on growing from where it was.
    let probe = new.ask(&"again", at(155)).expect("a probe");
    let change = probe.record(Verdict::Failure, at(155)).expect("it opens");
    assert_eq!(change.to, not_before(255));
}

#[test]
fn each_key_has_a_circuit_of_its_own() {
    let breaker = Breaker::new(10).trip_in_a_row(1);
    let fail = |key| {
        breaker
            .ask(&key, at(100))
            .expect("closed")
            .record(Verdict::Failure, at(100))
    };
    assert!(fail(("acme", "/in")).is_some());
    for key in [("acme", "/out"), ("globex", "/in")] {
        let state = breaker.state(&key, at(100));
        assert_eq!(
            state,
            State::Closed {
                requests: 0,
                failures: 0
            },
            "{key:?}"
        );
    }
    assert_eq!(breaker.len(), 1);
}

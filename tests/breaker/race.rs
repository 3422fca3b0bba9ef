//! Many threads at once.

use std::sync::Barrier;
use std::thread;

use countersign::breaker::{Breaker, NotNow, Permit, State, Verdict};

use crate::support::{at, secs};

const THREADS: usize = 16;

fn tripped(probes: u32) -> Breaker<u8> {
    let breaker = Breaker::new(10)
        .trip_in_a_row(1)
        .with_open_time(secs(30), secs(30))
        .with_probes(probes);
    let permit = breaker.ask(&0, at(100)).expect("closed");
    permit.record(Verdict::Failure, at(100));
    breaker
}

/// All threads at the same moment, each once.
fn at_once<T: Send>(each: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(THREADS);
    let (barrier, each) = (&barrier, &each);
    thread::scope(|scope| {
        let run = |number| {
            scope.spawn(move || {
                barrier.wait();
                each(number)
            })
        };
        let threads: Vec<_> = (0..THREADS).map(run).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect()
    })
}

fn let_through(asked: Vec<Result<Permit<u8>, NotNow>>) -> Vec<Permit<u8>> {
    let expected = |refused: &NotNow| *refused == NotNow::Probing;
    assert!(
        asked
            .iter()
            .filter_map(|asked| asked.as_ref().err())
            .all(expected)
    );
    asked.into_iter().flatten().collect()
}

#[test]
fn exactly_the_probes_pass() {
    for round in 0..300 {
        for probes in [1, 3, 15] {
            let breaker = tripped(probes);
            let passed = let_through(at_once(|_| breaker.ask(&0, at(130))));
            assert_eq!(passed.len(), probes as usize, "round {round}");
            let changes = passed.iter().filter(|permit| permit.transition().is_some());
            assert_eq!(
                changes.count(),
                1,
                "round {round}: one of them has made it half-open"
            );
            // Those that are called off are replaced, no more and no less.
            drop(passed);
            let passed = let_through(at_once(|_| breaker.ask(&0, at(130))));
            assert_eq!(passed.len(), probes as usize, "round {round}, again");
        }
    }
}

/// Threads that take a place and give it back, while others do: no place is lost, and never is there one too many.
#[test]
fn no_place_is_lost() {
    let breaker = tripped(3);
    at_once(|_| {
        for _ in 0..2_000 {
            if let Ok(permit) = breaker.ask(&0, at(130)) {
                let State::HalfOpen { probing, .. } = breaker.state(&0, at(130)) else {
                    panic!("it is half-open");
                };
                assert!((1..=3).contains(&probing), "{probing} probes");
                drop(permit);
            }
        }
    });
    let state = breaker.state(&0, at(130));
    assert_eq!(
        state,
        State::HalfOpen {
            probing: 0,
            succeeded: 0
        }
    );
}

#[test]
fn it_changes_once() {
    for round in 0..300 {
        let breaker = Breaker::new(10).trip_at_rate(50, 5);
        let permits: Vec<_> = (0..THREADS)
            .map(|_| std::sync::Mutex::new(breaker.ask(&0, at(100)).ok()))
            .collect();
        let changes = at_once(|number| {
            let permit = permits[number].lock().expect("sound").take().expect("a permit");
            permit.record(Verdict::Failure, at(100))
        });
        assert_eq!(changes.iter().flatten().count(), 1, "round {round}");
    }
}

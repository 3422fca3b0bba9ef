//! Is it fresh? What every `ReplayStore` promises, kept by `MemoryStore`.

use std::collections::HashSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use countersign::replay::{ClaimAnswer, MemoryStore, ReplayStore as _, Settlement};
use proptest::prelude::*;

use crate::promise::{self, Do, Embedded, Play, Rules, Saw, claim_of};
use crate::support::now;

pub(crate) fn memory(store: MemoryStore) -> Play<Embedded> {
    Play::on(Embedded::new(store))
}

#[test]
fn second_by_second() {
    promise::second_by_second(|| Embedded::new(MemoryStore::of_claims(1000)));
}

/// Set back by more than the window, a clock makes messages fresh again that the store's own clock has forgotten.
#[test]
fn what_is_signed_with_a_time_is_kept_until_the_claims_clock_has_passed_it_too() {
    use Do::{Claim, Commit, Dated, Set, Wait};
    let mut play = memory(MemoryStore::of_claims(2).with_share(2));
    let steps = [
        (Dated("a", "1", 10_000), Saw::Granted),
        (Commit(0), Saw::Done),
        (Wait(131), Saw::Passed),
        (Set(5_000), Saw::Passed),
        // Each looks at what has ended, or needs the room.
        (Claim("a", "2", 5_000), Saw::Granted),
        (Claim("b", "1", 5_000), Saw::Full),
        (Dated("a", "1", 5_001), Saw::Handled),
        (Dated("a", "1", 9_000), Saw::Handled),
        (Claim("a", "1", 10_130), Saw::Handled),
        (Claim("a", "1", 10_131), Saw::Granted),
    ];
    for (number, (step, expected)) in steps.into_iter().enumerate() {
        assert_eq!(play.see(step), expected, "step {number}, {step:?}");
    }
}

#[test]
fn a_future_that_is_dropped_has_done_nothing() {
    let mut play = memory(MemoryStore::of_claims(10));
    drop(play.stage.store.claim(&claim_of("a", "1", 1000)));
    assert_eq!(play.see(Do::Claim("a", "1", 1000)), Saw::Granted);
    drop(play.stage.store.commit(&play.grants[0]));
    assert_eq!(play.see(Do::Claim("a", "1", 1000)), Saw::InProgress(10));
    drop(play.stage.store.release(&play.grants[0]));
    assert_eq!(play.see(Do::Claim("a", "1", 1000)), Saw::InProgress(10));
}

// --- any history, against a model that looks at everything -----------------------------------------------------------

fn rules() -> impl Strategy<Value = Rules> {
    let rules = (0_usize..12, prop::option::of(0_usize..6), any::<bool>());
    rules.prop_map(|(capacity, share, forgets)| Rules {
        capacity,
        share,
        forgets,
    })
}

fn store(rules: Rules) -> MemoryStore {
    let mut store = MemoryStore::of_claims(rules.capacity);
    if let Some(share) = rules.share {
        store = store.with_share(share);
    }
    if rules.forgets {
        store.allow_forgetting()
    } else {
        store
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_history(rules in rules(), history in promise::history()) {
        let play = promise::replays(Embedded::new(store(rules)), rules, history)?;
        prop_assert!(play.stage.store.len() <= rules.capacity);
    }
}

// --- many at once ---------------------------------------------------------------------------------------------------

#[test]
fn of_many_claims_at_once_one_is_granted() {
    const THREADS: usize = 8;
    const ROUNDS: usize = 300;
    let store = MemoryStore::of_claims(10_000);
    let start = Barrier::new(THREADS);
    let grants: Vec<(u64, usize)> = std::thread::scope(|scope| {
        let race = || {
            let won = |round: usize| {
                start.wait();
                match now(store.claim(&claim_of("a", &format!("{round}"), 1_000))) {
                    Ok(ClaimAnswer::Granted(claimed)) => Some((claimed.token(), round)),
                    Ok(ClaimAnswer::InProgress { .. }) => None,
                    other => panic!("{other:?}"),
                }
            };
            (0..ROUNDS).filter_map(won).collect::<Vec<_>>()
        };
        let racers: Vec<_> = (0..THREADS).map(|_| scope.spawn(race)).collect();
        racers
            .into_iter()
            .flat_map(|racer| racer.join().expect("no panic"))
            .collect()
    });
    let mut rounds: Vec<usize> = grants.iter().map(|(_, round)| *round).collect();
    rounds.sort_unstable();
    assert_eq!(rounds, (0..ROUNDS).collect::<Vec<_>>());
    let tokens: HashSet<u64> = grants.iter().map(|(token, _)| *token).collect();
    assert_eq!(tokens.len(), ROUNDS);
}

/// Each of 400 deliveries is tried by eight threads until one has handled it, every third attempt failing.
#[test]
fn of_many_attempts_at_once_one_is_handled() {
    const DELIVERIES: usize = 400;
    let store = MemoryStore::of_claims(10_000);
    let handled: Vec<AtomicUsize> = (0..DELIVERIES).map(|_| AtomicUsize::new(0)).collect();
    let attempts = AtomicUsize::new(0);
    let deliver = |number: usize| loop {
        match now(store.claim(&claim_of("a", &format!("{number}"), 1_000))) {
            Ok(ClaimAnswer::Granted(claimed)) if attempts.fetch_add(1, Relaxed).is_multiple_of(3) => {
                assert_eq!(now(store.release(&claimed)), Ok(Settlement::Done));
            }
            Ok(ClaimAnswer::Granted(claimed)) => {
                handled[number].fetch_add(1, Relaxed);
                assert_eq!(now(store.commit(&claimed)), Ok(Settlement::Done));
            }
            Ok(ClaimAnswer::InProgress { .. }) => std::thread::yield_now(),
            Ok(ClaimAnswer::Handled) => return,
            other => panic!("{other:?}"),
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..DELIVERIES).for_each(deliver));
        }
    });
    let counts: Vec<usize> = handled.into_iter().map(AtomicUsize::into_inner).collect();
    assert_eq!(counts, vec![1; DELIVERIES]);
}

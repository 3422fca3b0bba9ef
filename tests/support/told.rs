//! What a store that may be away is asked, and what it tells; and what every such store survives.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use countersign::replay::{ClaimAnswer, Claimed, ReplayStore, Settlement, StoreDown};

use crate::promise::claim_of;

/// What a claim is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Granted,
    Handled,
    InProgress,
    Down(StoreDown),
}

pub(crate) async fn ask(store: &impl ReplayStore, id: &str) -> Told {
    match store.claim(&claim_of("acme", id, 1_000)).await {
        Ok(ClaimAnswer::Granted(_)) => Told::Granted,
        Ok(ClaimAnswer::Handled) => Told::Handled,
        Ok(ClaimAnswer::InProgress { .. }) => Told::InProgress,
        Ok(other) => panic!("{other:?}"),
        Err(down) => Told::Down(down),
    }
}

pub(crate) async fn granted(store: &impl ReplayStore, id: &str) -> Claimed {
    match store.claim(&claim_of("acme", id, 1_000)).await {
        Ok(ClaimAnswer::Granted(claimed)) => claimed,
        other => panic!("{other:?}"),
    }
}

/// Until it is told that, and no longer than ten seconds.
pub(crate) async fn ask_until(store: &impl ReplayStore, id: &str, expected: Told) {
    let began = Instant::now();
    loop {
        let told = ask(store, id).await;
        if told == expected {
            return;
        }
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{id}: {told:?}, and not {expected:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What is said of a server that has said nothing for so long.
pub(crate) fn silent(within: Duration) -> StoreDown {
    let reason = format!("no answer within {within:?}");
    StoreDown::Unavailable { reason }
}

pub(crate) fn is_unavailable(told: &Told) -> bool {
    matches!(told, Told::Down(StoreDown::Unavailable { .. }))
}

/// A server that can be killed.
pub(crate) trait Mortal {
    fn kill(&mut self);
    /// Again, with what it has kept.
    fn restart(&mut self);
}

/// Killed and restarted so often, it has forgotten nothing that either of two members of a fleet has done.
pub(crate) async fn forgets_nothing<S: ReplayStore>(server: &mut impl Mortal, fleet: [&S; 2], rounds: usize) {
    let [one, other] = fleet;
    for round in 0..rounds {
        let id = |name: &str| format!("{name} {round}");
        let leased = granted(one, &id("leased")).await;
        let handled = granted(one, &id("handled")).await;
        assert_eq!(one.commit(&handled).await, Ok(Settlement::Done));
        server.kill();
        for member in [one, other] {
            let told = ask(member, &id("new")).await;
            assert!(is_unavailable(&told), "{told:?}");
        }
        server.restart();
        for member in [other, one] {
            assert_eq!(ask(member, &id("leased")).await, Told::InProgress);
            assert_eq!(ask(member, &id("handled")).await, Told::Handled);
        }
        assert_eq!(ask(other, &id("new")).await, Told::Granted);
        assert_eq!(one.release(&leased).await, Ok(Settlement::Done));
        assert_eq!(ask(other, &id("leased")).await, Told::Granted);
    }
}

/// Of twelve claims at once of the same delivery, round after round, each grants one; what the others are told is left of its
/// lease is among these. Gives the tokens of the granted.
pub(crate) async fn grant_one_of_many<S: ReplayStore + Clone + 'static>(
    fleet: &[S],
    rounds: usize,
    left_to_others: RangeInclusive<Duration>,
) -> HashSet<u64> {
    let mut tokens = HashSet::new();
    for round in 0..rounds {
        let attempts = fleet.iter().cycle().take(12).map(|member| {
            let (member, claim) = (member.clone(), claim_of("acme", &round.to_string(), 1_000));
            tokio::spawn(async move { member.claim(&claim).await })
        });
        let mut granted = 0;
        for attempt in attempts.collect::<Vec<_>>() {
            match attempt.await.expect("no panic") {
                Ok(ClaimAnswer::Granted(claimed)) => {
                    granted += 1;
                    tokens.insert(claimed.token());
                }
                Ok(ClaimAnswer::InProgress { left }) => assert!(left_to_others.contains(&left), "{left:?}"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(granted, 1, "round {round}");
    }
    tokens
}

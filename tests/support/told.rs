//! What a store that may be away is asked, and what it tells; and what every such store survives.
#![allow(dead_code, reason = "each test uses a part of it")]

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

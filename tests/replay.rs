//! Is it fresh? What every `ReplayStore` promises, kept by `MemoryStore`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what it expects by failing loudly"
)]

mod support;

use std::collections::{BTreeMap, HashSet};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use countersign::replay::{
    Claim, ClaimAnswer, ClaimKey, Claimed, MemoryStore, ReplayStore, Settlement, StoreDown, Terms,
};
use proptest::prelude::*;
use support::{at, now, secs, tenant};

const LEASE: u64 = 10;
const WINDOW: u64 = 100;

fn claim_of(owner: &str, id: &str, time: u64) -> Claim {
    let terms = Terms::default().with_lease(secs(LEASE)).with_window(secs(WINDOW));
    let owner = tenant(owner);
    Claim::new(
        ClaimKey::of(&owner, "test", [id.as_bytes()]),
        owner,
        at(time),
        terms,
        None,
    )
}

// --- one delivery, second by second ---------------------------------------------------------------------------------

/// What is done to the store. A grant is named by its number, from 0.
#[derive(Debug, Clone, Copy)]
enum Do {
    /// Tenant, delivery, second.
    Claim(&'static str, &'static str, u64),
    Commit(usize),
    Release(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Saw {
    Granted,
    Handled,
    InProgress(u64),
    Full,
    ShareUsedUp,
    Done,
    LeaseLost,
}

struct Play {
    store: MemoryStore,
    grants: Vec<Claimed>,
}

impl Play {
    fn with(store: MemoryStore) -> Self {
        Self {
            store,
            grants: Vec::new(),
        }
    }

    fn see(&mut self, step: Do) -> Saw {
        match step {
            Do::Claim(owner, id, time) => self.claim(&claim_of(owner, id, time)),
            Do::Commit(grant) => settled(now(self.store.commit(&self.grants[grant]))),
            Do::Release(grant) => settled(now(self.store.release(&self.grants[grant]))),
        }
    }

    fn claim(&mut self, claim: &Claim) -> Saw {
        match now(self.store.claim(claim)) {
            Ok(ClaimAnswer::Granted(claimed)) => {
                assert_eq!((claimed.key(), claimed.tenant()), (claim.key, &claim.tenant));
                assert_eq!(claimed.keep_until(), claim.keep_until);
                self.grants.push(claimed);
                Saw::Granted
            }
            Ok(ClaimAnswer::Handled) => Saw::Handled,
            Ok(ClaimAnswer::InProgress { left }) => Saw::InProgress(left.as_secs()),
            Ok(other) => panic!("{other:?}"),
            Err(down) => refused(&down),
        }
    }
}

fn settled(settlement: Result<Settlement, StoreDown>) -> Saw {
    match settlement {
        Ok(Settlement::Done) => Saw::Done,
        Ok(Settlement::LeaseLost) => Saw::LeaseLost,
        Ok(other) => panic!("{other:?}"),
        Err(down) => refused(&down),
    }
}

fn refused(down: &StoreDown) -> Saw {
    match down {
        StoreDown::Full => Saw::Full,
        StoreDown::ShareUsedUp { .. } => Saw::ShareUsedUp,
        other => panic!("{other:?}"),
    }
}

#[test]
fn second_by_second() {
    use Do::{Claim, Commit, Release};
    use Saw::{Done, Granted, Handled, InProgress, LeaseLost};
    // Leases of 10 seconds, windows of 100.
    #[rustfmt::skip]
    let cases: &[(&str, &[(Do, Saw)])] = &[
        ("a claim holds through the last second of its lease", &[
            (Claim("a", "1", 1000), Granted), (Claim("a", "1", 1000), InProgress(10)), (Claim("a", "1", 1001), InProgress(9)),
            (Claim("a", "1", 1010), InProgress(0)), (Claim("a", "1", 1011), Granted), (Claim("a", "1", 1021), InProgress(0)),
        ]),
        ("a handled delivery is refused through the last second of its window", &[
            (Claim("a", "1", 1000), Granted), (Commit(0), Done), (Claim("a", "1", 1000), Handled), (Claim("a", "1", 1011), Handled),
            (Claim("a", "1", 1100), Handled), (Claim("a", "1", 1101), Granted),
        ]),
        ("a released delivery is up at once", &[
            (Claim("a", "1", 1000), Granted), (Release(0), Done), (Claim("a", "1", 1000), Granted), (Commit(1), Done), (Claim("a", "1", 1001), Handled),
        ]),
        ("tenants and deliveries do not meet", &[
            (Claim("a", "1", 1000), Granted), (Claim("b", "1", 1000), Granted), (Claim("a", "2", 1000), Granted),
            (Commit(1), Done), (Claim("a", "1", 1000), InProgress(10)), (Claim("b", "1", 1000), Handled),
        ]),
        ("a lease that another has now cannot be released", &[
            (Claim("a", "1", 1000), Granted), (Claim("a", "1", 1011), Granted), (Release(0), LeaseLost), (Claim("a", "1", 1011), InProgress(10)),
        ]),
        ("what was handled was handled, though another has the lease now", &[
            (Claim("a", "1", 1000), Granted), (Claim("a", "1", 1011), Granted), (Commit(0), LeaseLost), (Claim("a", "1", 1012), Handled),
            (Release(1), LeaseLost), (Claim("a", "1", 1012), Handled),
        ]),
        ("the longer window counts where two have handled it", &[
            (Claim("a", "1", 1000), Granted), (Claim("a", "1", 1011), Granted), (Commit(1), Done), (Commit(0), LeaseLost),
            (Claim("a", "1", 1111), Handled), (Claim("a", "1", 1112), Granted),
        ]),
        ("a commit after a lease that nobody else has taken", &[
            (Claim("a", "1", 1000), Granted), (Claim("a", "2", 1050), Granted), (Commit(0), Done), (Claim("a", "1", 1100), Handled), (Claim("a", "1", 1101), Granted),
        ]),
        ("a commit twice is one commit", &[
            (Claim("a", "1", 1000), Granted), (Commit(0), Done), (Commit(0), Done), (Claim("a", "1", 1001), Handled),
        ]),
        ("a release twice is one release", &[
            (Claim("a", "1", 1000), Granted), (Release(0), Done), (Release(0), LeaseLost), (Claim("a", "1", 1000), Granted), (Release(0), LeaseLost),
            (Claim("a", "1", 1000), InProgress(10)),
        ]),
        ("what was handled cannot be released", &[
            (Claim("a", "1", 1000), Granted), (Commit(0), Done), (Release(0), LeaseLost), (Claim("a", "1", 1001), Handled),
        ]),
    ];
    for (name, steps) in cases {
        let mut play = Play::with(MemoryStore::new(1000));
        for (number, (step, expected)) in steps.iter().enumerate() {
            assert_eq!(play.see(*step), *expected, "{name}: step {number}, {step:?}");
        }
    }
}

#[test]
fn how_long_a_claim_is_kept() {
    let key = ClaimKey::of(&tenant("a"), "test", []);
    let terms = |lease, window| Terms::default().with_lease(secs(lease)).with_window(secs(window));
    #[rustfmt::skip]
    let cases = [
        // now, terms, fresh until -> lease end, keep until
        ("the window", 1_000, terms(10, 100), None, 1_010, 1_100),
        ("a message that stays fresh for longer", 1_000, terms(10, 100), Some(1_200), 1_010, 1_200),
        ("a message that stays fresh for less", 1_000, terms(10, 100), Some(1_050), 1_010, 1_100),
        ("a lease longer than the window", 1_000, terms(200, 100), None, 1_200, 1_200),
        ("no window and no lease", 1_000, terms(0, 0), None, 1_000, 1_000),
        ("the end of time", u64::MAX - 5, terms(10, 100), None, u64::MAX, u64::MAX),
        ("for ever", 1_000, terms(u64::MAX, u64::MAX), None, u64::MAX, u64::MAX),
        ("the default", 1_000, Terms::default(), None, 1_060, 87_400),
    ];
    for (name, time, terms, fresh_until, lease_end, keep_until) in cases {
        let claim = Claim::new(key, tenant("a"), at(time), terms, fresh_until.map(at));
        assert_eq!(
            (claim.lease_end(), claim.keep_until),
            (at(lease_end), at(keep_until)),
            "{name}"
        );
    }
}

#[test]
fn the_key_is_tenant_scheme_and_parts_each_with_its_length() {
    let of = |owner: &str, scheme: &str, parts: &[&[u8]]| {
        ClaimKey::of(&tenant(owner), scheme, parts.iter().copied())
    };
    let keys = [
        of("a", "s", &[b"id", b"1"]),
        of("b", "s", &[b"id", b"1"]),
        of("a", "t", &[b"id", b"1"]),
        of("as", "", &[b"id", b"1"]),
        of("a", "s", &[b"id1"]),
        of("a", "s", &[b"id1", b""]),
        of("a", "s", &[b"i", b"d1"]),
        of("a", "s", &[b"body", b"1"]),
        of("a", "s", &[]),
    ];
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
    assert_eq!(of("a", "s", &[b"id", b"1"]), keys[0]);
}

#[test]
fn a_future_that_is_dropped_has_done_nothing() {
    let mut play = Play::with(MemoryStore::new(10));
    drop(play.store.claim(&claim_of("a", "1", 1000)));
    assert_eq!(play.see(Do::Claim("a", "1", 1000)), Saw::Granted);
    drop(play.store.commit(&play.grants[0]));
    assert_eq!(play.see(Do::Claim("a", "1", 1000)), Saw::InProgress(10));
    drop(play.store.release(&play.grants[0]));
    assert_eq!(play.see(Do::Claim("a", "1", 1000)), Saw::InProgress(10));
}

// --- full, and fair -------------------------------------------------------------------------------------------------

/// Whose, how many were taken, and what the next one was told.
type Flood = (&'static str, usize, Saw);

/// Claims and commits deliveries of this tenant until one is refused; tells how many were taken, and the refusal.
fn flood(play: &mut Play, owner: &str, time: u64) -> (usize, Saw) {
    let before = play.grants.len();
    let refusal = (0..10_000).find_map(|number| {
        match play.claim(&claim_of(owner, &format!("{time} {number}"), time)) {
            Saw::Granted => {
                let committed = now(play.store.commit(&play.grants[play.grants.len() - 1]));
                assert_eq!(committed, Ok(Settlement::Done));
                None
            }
            refused => Some(refused),
        }
    });
    (play.grants.len() - before, refusal.expect("it is bounded"))
}

#[test]
fn nobody_uses_up_the_room_of_the_others() {
    use Saw::{Full, ShareUsedUp};
    #[rustfmt::skip]
    let cases: [(_, _, &[Flood]); 6] = [
        ("no more than is still free", MemoryStore::new(1024), &[
            ("a", 512, ShareUsedUp), ("a", 0, ShareUsedUp), ("b", 256, ShareUsedUp), ("a", 0, ShareUsedUp), ("c", 128, ShareUsedUp), ("d", 64, ShareUsedUp),
        ]),
        ("shares of one's own", MemoryStore::new(300).with_share(100), &[
            ("a", 100, ShareUsedUp), ("b", 100, ShareUsedUp), ("c", 100, Full),
        ]),
        ("shares that are more than there is", MemoryStore::new(150).with_share(100), &[
            ("a", 100, ShareUsedUp), ("b", 50, Full), ("a", 0, Full),
        ]),
        ("all for one", MemoryStore::new(100).with_share(100), &[("a", 100, Full)]),
        ("room for one", MemoryStore::new(1), &[("a", 1, Full), ("b", 0, Full)]),
        ("room for none", MemoryStore::new(0), &[("a", 0, Full)]),
    ];
    for (name, store, floods) in cases {
        let mut play = Play::with(store);
        for (number, (owner, taken, refusal)) in floods.iter().enumerate() {
            let seen = flood(&mut play, owner, 1_000 + number as u64);
            assert_eq!(seen, (*taken, *refusal), "{name}: flood {number}, of {owner}");
        }
        let later = 1_000 + WINDOW + 10;
        let (owner, taken, refusal) = floods[0];
        assert_eq!(
            flood(&mut play, owner, later),
            (taken, refusal),
            "{name}: a window later"
        );
    }
}

/// Ten tenants need 1,000 claims in all; the store has room for 4,000; another tenant floods it, before, between, after.
#[test]
fn four_times_the_need_is_enough_whatever_another_does() {
    const NAMES: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let needs = |tenant: usize| if tenant == 0 { 550 } else { 50 };
    let mut play = Play::with(MemoryStore::new(4_000));
    for (number, name) in NAMES.into_iter().enumerate() {
        flood(&mut play, "flood", 1_000 + number as u64);
        for id in 0..needs(number) {
            let seen = play.claim(&claim_of(name, &id.to_string(), 1_000 + number as u64));
            assert_eq!(seen, Saw::Granted, "{name}: {id}");
        }
    }
}

#[test]
fn what_is_refused_is_named() {
    let store = MemoryStore::new(2);
    let claim = |owner, id| now(store.claim(&claim_of(owner, id, 1000))).err();
    assert_eq!(claim("a", "1"), None);
    let share_used_up = StoreDown::ShareUsedUp { tenant: tenant("a") };
    assert_eq!(claim("a", "2"), Some(share_used_up));
    assert_eq!(claim("b", "1"), None);
    assert_eq!(claim("c", "1"), Some(StoreDown::Full));
    assert_eq!(store.len(), 2);
}

#[test]
fn a_lease_that_ran_out_makes_room_and_its_late_commit_needs_it() {
    use Do::{Claim, Commit};
    let mut play = Play::with(MemoryStore::new(1));
    assert_eq!(play.see(Claim("a", "1", 1000)), Saw::Granted);
    assert_eq!(play.see(Claim("b", "1", 1010)), Saw::Full);
    assert_eq!(play.see(Claim("b", "1", 1011)), Saw::Granted);
    assert_eq!(play.see(Commit(0)), Saw::Full);
    assert_eq!(play.see(Commit(1)), Saw::Done);
}

#[test]
fn forgetting_costs_nobody_else() {
    use Do::{Claim, Commit};
    let mut play = Play::with(MemoryStore::new(100).with_share(2).allow_forgetting());
    #[rustfmt::skip]
    let steps = [
        (Claim("b", "1", 1000), Saw::Granted), (Commit(0), Saw::Done),
        (Claim("a", "1", 1001), Saw::Granted), (Commit(1), Saw::Done),
        (Claim("a", "2", 1002), Saw::Granted), (Commit(2), Saw::Done),
        (Claim("a", "3", 1003), Saw::Granted), // a's 1 was nearest to its end
        (Claim("b", "1", 1003), Saw::Handled),
        (Claim("a", "2", 1003), Saw::Handled),
        (Claim("a", "1", 1003), Saw::Granted), // so it may be replayed, and 2 makes room for it
        (Claim("a", "2", 1003), Saw::ShareUsedUp), // but what is being handled is never forgotten
        (Claim("a", "3", 1003), Saw::InProgress(10)),
        (Claim("a", "1", 1003), Saw::InProgress(10)),
    ];
    for (number, (step, expected)) in steps.into_iter().enumerate() {
        assert_eq!(play.see(step), expected, "step {number}, {step:?}");
    }
}

// --- any history, against a model that looks at everything -----------------------------------------------------------

/// Bounded like the store; keeps nothing that has ended and finds everything by looking at all of it.
#[derive(Debug, Clone, Copy)]
struct Rules {
    capacity: usize,
    share: Option<usize>,
    forgets: bool,
}

impl Rules {
    fn store(self) -> MemoryStore {
        let mut store = MemoryStore::new(self.capacity);
        if let Some(share) = self.share {
            store = store.with_share(share);
        }
        if self.forgets {
            store.allow_forgetting()
        } else {
            store
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Held {
    owner: u8,
    grant: usize,
    handled: bool,
    end: u64,
}

struct Model {
    rules: Rules,
    held: BTreeMap<(u8, u8), Held>,
    time: u64,
    /// The time of the last claim: a store is told the time by nothing else.
    claimed_at: u64,
    grants: Vec<((u8, u8), u64)>,
}

impl Model {
    fn room(&mut self, owner: u8) -> Result<(), Saw> {
        let own = self.held.values().filter(|held| held.owner == owner).count();
        let free = self.rules.capacity.saturating_sub(self.held.len());
        let refusal = match self.rules.share {
            _ if free == 0 => Saw::Full,
            share if own >= share.unwrap_or(free) => Saw::ShareUsedUp,
            _ => return Ok(()),
        };
        let handled = self
            .held
            .iter()
            .filter(|(_, held)| held.owner == owner && held.handled);
        let first = handled.min_by_key(|((owner, id), held)| (held.end, key_of(*owner, *id)));
        match first.map(|(key, _)| *key) {
            Some(key) if self.rules.forgets => {
                self.held.remove(&key);
                Ok(())
            }
            _ => Err(refusal),
        }
    }

    fn claim(&mut self, owner: u8, id: u8) -> Saw {
        self.claimed_at = self.time;
        self.forget();
        if let Some(held) = self.held.get(&(owner, id)) {
            return if held.handled {
                Saw::Handled
            } else {
                Saw::InProgress(held.end - self.time)
            };
        }
        if let Err(refusal) = self.room(owner) {
            return refusal;
        }
        let (grant, end) = (self.grants.len(), self.time + LEASE);
        self.held.insert(
            (owner, id),
            Held {
                owner,
                grant,
                handled: false,
                end,
            },
        );
        self.grants.push(((owner, id), self.time + WINDOW));
        Saw::Granted
    }

    fn commit(&mut self, grant: usize) -> Saw {
        self.forget();
        let (key, keep_until) = self.grants[grant];
        let held = self.held.get(&key).copied();
        if held.is_none()
            && let Err(refusal) = self.room(key.0)
        {
            return refusal;
        }
        let end = held.map_or(keep_until, |held| held.end.max(keep_until));
        self.held.insert(
            key,
            Held {
                owner: key.0,
                grant,
                handled: true,
                end,
            },
        );
        if held.is_none_or(|held| held.grant == grant) {
            Saw::Done
        } else {
            Saw::LeaseLost
        }
    }

    fn forget(&mut self) {
        self.held.retain(|_, held| held.end >= self.claimed_at);
    }

    fn release(&mut self, grant: usize) -> Saw {
        self.forget();
        let (key, _) = self.grants[grant];
        match self.held.get(&key) {
            Some(held) if held.grant == grant && !held.handled => {
                self.held.remove(&key);
                Saw::Done
            }
            _ => Saw::LeaseLost,
        }
    }
}

fn name(owner: u8) -> String {
    format!("tenant {owner}")
}

fn key_of(owner: u8, id: u8) -> ClaimKey {
    claim_of(&name(owner), &id.to_string(), 0).key
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Claim { owner: u8, id: u8 },
    Commit { grant: prop::sample::Index },
    Release { grant: prop::sample::Index },
    Wait { seconds: u64 },
}

fn event() -> impl Strategy<Value = Event> {
    let grant = any::<prop::sample::Index>;
    let step = 0_u64..3;
    prop_oneof![
        6 => (0_u8..3, 0_u8..6).prop_map(|(owner, id)| Event::Claim { owner, id }),
        3 => grant().prop_map(|grant| Event::Commit { grant }),
        1 => grant().prop_map(|grant| Event::Release { grant }),
        2 => prop_oneof![4 => step, 2 => LEASE - 1..LEASE + 2, 1 => WINDOW - 1..WINDOW + 2]
            .prop_map(|seconds| Event::Wait { seconds }),
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    (0_usize..12, prop::option::of(0_usize..6), any::<bool>()).prop_map(|(capacity, share, forgets)| Rules {
        capacity,
        share,
        forgets,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_history(rules in rules(), events in prop::collection::vec(event(), 1..80)) {
        let mut play = Play::with(rules.store());
        let mut model = Model { rules, held: BTreeMap::new(), time: 1_000, claimed_at: 0, grants: Vec::new() };
        for event in events {
            match event {
                Event::Wait { seconds } => model.time += seconds,
                Event::Claim { owner, id } => {
                    let seen = play.claim(&claim_of(&name(owner), &id.to_string(), model.time));
                    prop_assert_eq!(seen, model.claim(owner, id), "{:?} at {}", event, model.time);
                }
                Event::Release { grant } if !play.grants.is_empty() => {
                    let grant = grant.index(play.grants.len());
                    prop_assert_eq!(play.see(Do::Release(grant)), model.release(grant), "{:?}", event);
                }
                Event::Commit { grant } if !play.grants.is_empty() => {
                    let grant = grant.index(play.grants.len());
                    prop_assert_eq!(play.see(Do::Commit(grant)), model.commit(grant), "{:?}", event);
                }
                Event::Release { .. } | Event::Commit { .. } => {}
            }
            prop_assert!(play.store.len() <= rules.capacity);
        }
        let tokens: HashSet<u64> = play.grants.iter().map(Claimed::token).collect();
        prop_assert_eq!(tokens.len(), play.grants.len());
    }
}

// --- many at once ---------------------------------------------------------------------------------------------------

#[test]
fn of_many_claims_at_once_one_is_granted() {
    const THREADS: usize = 8;
    const ROUNDS: usize = 300;
    let store = MemoryStore::new(10_000);
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
    let store = MemoryStore::new(10_000);
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

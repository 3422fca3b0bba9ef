//! Is it fresh? What every `ReplayStore` promises, kept by `MemoryStore`.

use crate::promise;
use crate::support;

use std::collections::HashSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use countersign::payload::{
    HmacSigner, HmacVerifier, Keyring, Message, NotAuthentic, Outgoing, Scheme, Secret, SignPayload as _,
    VerifyPayload as _,
};
use countersign::replay::{
    Claim, ClaimAnswer, ClaimKey, MemoryStore, NotFresh, ReplayStore, Settlement, StoreDown, Terms, Tolerance,
};
use countersign::tenant::TenantId;
use http::{HeaderMap, Method, Uri};
use promise::{Do, Embedded, Play, Rules, Saw, WINDOW, claim_of};
use proptest::prelude::*;
use support::{at, now, secs, tenant};

fn memory(store: MemoryStore) -> Play<Embedded> {
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
fn a_tolerance_looks_back_and_ahead_by_lengths_of_their_own() {
    let mut tolerance = Tolerance::within(secs(30));
    tolerance.future = secs(5);
    const NOW: u64 = 1_000;
    let stale = |signed| NotFresh::Stale {
        signed: at(signed),
        now: at(NOW),
    };
    let ahead = |signed| NotFresh::FromTheFuture {
        signed: at(signed),
        now: at(NOW),
    };
    let cases = [
        (NOW - 31, Err(stale(NOW - 31))),
        (NOW - 30, Ok(())),
        (NOW - 6, Ok(())),
        (NOW, Ok(())),
        (NOW + 5, Ok(())),
        (NOW + 6, Err(ahead(NOW + 6))),
        (NOW + 30, Err(ahead(NOW + 30))),
    ];
    for (signed, expected) in cases {
        assert_eq!(tolerance.check(at(signed), at(NOW)), expected, "{signed}");
    }
    assert_eq!(tolerance.fresh_until(at(NOW)), at(NOW + 30));
    // What is signed five seconds ahead passes for thirty after that.
    assert_eq!(tolerance.any_fresh_until(at(NOW)), at(NOW + 35));
}

#[test]
fn how_long_a_claim_is_kept() {
    let key = ClaimKey::of(&tenant("a"), "test", []);
    let terms = |lease, window| Terms::default().with_lease(secs(lease)).with_window(secs(window));
    #[rustfmt::skip]
    let cases = [
        // now, terms, fresh until -> lease end, keep until
        ("the window", 1_000, terms(10, 100), None, 1_010, 1_100),
        ("a message that stays fresh for longer: for a lease more", 1_000, terms(10, 100), Some(1_200), 1_010, 1_210),
        ("a message that stays fresh to the end of the window", 1_000, terms(10, 100), Some(1_090), 1_010, 1_100),
        ("and a second longer", 1_000, terms(10, 100), Some(1_091), 1_010, 1_101),
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
    // For stores of one's own: the bytes, and the same as text.
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for key in &keys {
        assert_eq!(key.to_string(), hex(key.as_bytes()));
        assert_eq!(
            format!("{key:?}"),
            format!("ClaimKey({}..)", hex(&key.as_bytes()[..8]))
        );
    }
    assert_ne!(keys[0].as_bytes(), keys[1].as_bytes());
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

// --- where tolerance and terms meet -----------------------------------------------------------------------------------

/// A retry that the sender has signed five minutes ahead, by a clock that is fast, passes for five minutes after that: no
/// window is shorter, whatever the terms say.
#[test]
fn what_was_signed_ahead_is_refused_for_as_long_as_it_passes() {
    const NOW: u64 = 1_790_000_000;
    let keyring = |scheme: &Scheme| {
        let secret = "whsec_YWNtZS1zZWNyZXQtb2YtMzItYnl0ZXMtZm9yLXRlc3Q=";
        Keyring::builder(scheme)
            .key(TenantId::parse("acme").unwrap(), "2026", Secret::new(secret))
            .build()
            .expect("a key")
    };
    let scheme = Scheme::standard_webhooks();
    let signer = HmacSigner::new(scheme.clone(), keyring(&scheme));
    let verifier = HmacVerifier::new(scheme.clone(), keyring(&scheme));
    let (owner, method, uri) = (tenant("acme"), Method::POST, Uri::from_static("/"));
    let signed_at = |time: u64| {
        let outgoing = Outgoing::new(&owner, "msg_1", b"{}", at(time));
        signer.sign_payload(&outgoing).expect("a key")
    };
    let stage = Embedded::new(MemoryStore::default());
    let store = &stage.store;
    let present = |headers: &HeaderMap, time: u64| {
        stage.has_run_for(time - NOW);
        let message = Message::new(&method, &uri, headers, b"{}", at(time));
        let authentic = verifier.verify_payload(&message)?;
        let terms = Terms::default().with_window(secs(0)).with_lease(secs(0));
        Ok::<_, NotAuthentic>(now(store.claim(&authentic.claim(at(time), terms))))
    };
    let (sent, ahead) = (signed_at(NOW), signed_at(NOW + 300));
    let Ok(Ok(ClaimAnswer::Granted(claimed))) = present(&sent, NOW) else {
        panic!("it is new");
    };
    assert_eq!(claimed.keep_until(), at(NOW + 600));
    assert_eq!(now(store.commit(&claimed)), Ok(Settlement::Done));
    assert_eq!(present(&ahead, NOW + 600), Ok(Ok(ClaimAnswer::Handled)));
    let stale = NotFresh::Stale {
        signed: at(NOW + 300),
        now: at(NOW + 601),
    };
    assert_eq!(present(&ahead, NOW + 601), Err(NotAuthentic::NotFresh(stale)));

    // And each retry that is signed anew begins that anew.
    assert_eq!(
        present(&signed_at(NOW + 900), NOW + 1_200),
        Ok(Ok(ClaimAnswer::Handled))
    );
    assert_eq!(
        present(&signed_at(NOW + 1_500), NOW + 1_800),
        Ok(Ok(ClaimAnswer::Handled))
    );
}

// --- full, and fair -------------------------------------------------------------------------------------------------

/// Whose, how many were taken, and what the next one was told.
type Flood = (&'static str, usize, Saw);

/// Claims and commits deliveries of this tenant until one is refused; tells how many were taken, and the refusal.
fn flood(play: &mut Play<Embedded>, owner: &str, time: u64) -> (usize, Saw) {
    let before = play.grants.len();
    let refusal = (0..10_000).find_map(|number| {
        match play.claim(&claim_of(owner, &format!("{time} {number}"), time)) {
            Saw::Granted => {
                let committed = now(play.stage.store.commit(&play.grants[play.grants.len() - 1]));
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
    let two_and_twenty = 2 * MemoryStore::BYTES_PER_TENANT + 20 * MemoryStore::BYTES_PER_CLAIM;
    #[rustfmt::skip]
    let cases: [(_, _, &[Flood]); 8] = [
        ("no more than is still free", MemoryStore::of_claims(1024), &[
            ("a", 512, ShareUsedUp), ("a", 0, ShareUsedUp), ("b", 256, ShareUsedUp), ("a", 0, ShareUsedUp), ("c", 128, ShareUsedUp), ("d", 64, ShareUsedUp),
        ]),
        ("shares of one's own", MemoryStore::of_claims(300).with_share(100), &[
            ("a", 100, ShareUsedUp), ("b", 100, ShareUsedUp), ("c", 100, Full),
        ]),
        ("shares that are more than there is", MemoryStore::of_claims(150).with_share(100), &[
            ("a", 100, ShareUsedUp), ("b", 50, Full), ("a", 0, Full),
        ]),
        ("all for one", MemoryStore::of_claims(100).with_share(100), &[("a", 100, Full)]),
        ("bytes for two tenants and twenty claims", MemoryStore::of_bytes(two_and_twenty).with_share(15), &[
            ("a", 15, ShareUsedUp), ("b", 5, Full), ("c", 0, Full), ("a", 0, Full),
        ]),
        ("one byte less", MemoryStore::of_bytes(two_and_twenty - 1).with_share(15), &[("a", 15, ShareUsedUp), ("b", 4, Full)]),
        ("room for one", MemoryStore::of_claims(1), &[("a", 1, Full), ("b", 0, Full)]),
        ("room for none", MemoryStore::of_claims(0), &[("a", 0, Full)]),
    ];
    for (name, store, floods) in cases {
        let mut play = memory(store);
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
    let mut play = memory(MemoryStore::of_claims(4_000));
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
    let store = MemoryStore::of_claims(2);
    let claim = |owner, id| now(store.claim(&claim_of(owner, id, 1000))).err();
    assert_eq!(claim("a", "1"), None);
    let share_used_up = StoreDown::ShareUsedUp { tenant: tenant("a") };
    assert_eq!(claim("a", "2"), Some(share_used_up));
    assert_eq!(claim("b", "1"), None);
    assert_eq!(claim("c", "1"), Some(StoreDown::Full));
    assert_eq!((store.len(), store.is_empty()), (2, false));
}

/// Of those who have come and gone, nothing is counted.
#[test]
fn no_room_is_kept_for_a_tenant_that_holds_nothing() {
    use Do::{Claim, Release};
    let room = MemoryStore::BYTES_PER_TENANT + MemoryStore::BYTES_PER_CLAIM;
    let mut play = memory(MemoryStore::of_bytes(2 * room));
    for (number, owner) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
        assert_eq!(play.see(Claim(owner, "1", 1000)), Saw::Granted, "{owner}");
        assert_eq!(play.see(Release(number)), Saw::Done, "{owner}");
    }
}

/// In the last second in which it passes, a message is not forgotten.
#[test]
fn a_claim_is_kept_through_the_last_second_in_which_its_message_passes() {
    use Do::{Claim, Commit, Dated, Set, Wait};
    for (second, expected) in [(10_130, Saw::Handled), (10_131, Saw::Granted)] {
        let mut play = memory(MemoryStore::of_claims(10));
        assert_eq!(play.see(Dated("a", "1", 10_000)), Saw::Granted);
        assert_eq!(play.see(Commit(0)), Saw::Done);
        assert_eq!(play.see(Wait(1000)), Saw::Passed);
        assert_eq!(play.see(Set(second)), Saw::Passed);
        assert_eq!(play.see(Claim("a", "1", second)), expected, "{second}");
    }
}

#[test]
fn a_lease_that_ran_out_makes_room_and_its_late_commit_needs_it() {
    use Do::{Claim, Commit};
    let mut play = memory(MemoryStore::of_claims(1));
    assert_eq!(play.see(Claim("a", "1", 1000)), Saw::Granted);
    assert_eq!(play.see(Claim("b", "1", 1010)), Saw::Full);
    assert_eq!(play.see(Claim("b", "1", 1011)), Saw::Granted);
    assert_eq!(play.see(Commit(0)), Saw::Full);
    assert_eq!(play.see(Commit(1)), Saw::Done);
}

#[test]
fn forgetting_costs_nobody_else() {
    use Do::{Claim, Commit};
    let mut play = memory(MemoryStore::of_claims(100).with_share(2).allow_forgetting());
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

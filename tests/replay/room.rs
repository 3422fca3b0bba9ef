//! Full, and fair: how much room a tenant has in a `MemoryStore`, and who makes room for whom.

use countersign::replay::{MemoryStore, ReplayStore as _, Settlement, StoreDown};

use crate::promise::{Do, Embedded, Play, Saw, WINDOW, claim_of};
use crate::promises::memory;
use crate::support::{now, tenant};

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

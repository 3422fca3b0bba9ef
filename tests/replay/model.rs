//! Every interleaving of claims, commits, releases and the end of a lease: the source of `MemoryStore`, compiled here
//! over loom's lock, which runs each order in which threads can take it.
#![allow(dead_code, unreachable_pub, reason = "it uses a part of what it includes")]

// `memory` takes what it needs from the module that it is in, the lock as well, and from `crate`.
#[path = "../../src/replay/memory/mod.rs"]
mod memory;

use countersign::replay::{
    Claim, ClaimAnswer, ClaimKey, Claimed, ReplayStore, Settlement, StoreDown, StoreFuture, Terms,
};
use loom::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use loom::sync::{self, Arc};
use loom::thread::{self, JoinHandle};
use memory::MemoryStore;

use crate::clock;
use crate::support::{at, now, secs, tenant};

const LEASE: u64 = 10;

/// What several threads do, and what they must find.
struct Scene {
    store: MemoryStore,
    /// The second by the store's clock, which is that of the latest claim.
    time: std::sync::Arc<std::sync::atomic::AtomicU64>,
    /// How many hold a lease that has not ended.
    holders: AtomicUsize,
    handled: AtomicUsize,
}

impl Scene {
    fn with(store: MemoryStore) -> Arc<Self> {
        let time = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let told = time.clone();
        Arc::new(Self {
            store: store.with_clock(clock::Monotonic::new(move || secs(told.load(SeqCst)))),
            time,
            holders: AtomicUsize::new(0),
            handled: AtomicUsize::new(0),
        })
    }

    fn claim(&self, id: &str, time: u64) -> Result<ClaimAnswer, StoreDown> {
        self.time.fetch_max(time, SeqCst);
        now(self.store.claim(&claim_of(id, time)))
    }

    /// Claims, and is the only one that holds it.
    fn hold(&self, id: &str, time: u64) -> Option<Claimed> {
        match self.claim(id, time) {
            Ok(ClaimAnswer::Granted(claimed)) => {
                assert_eq!(self.holders.fetch_add(1, SeqCst), 0, "two at a time");
                assert_eq!(self.handled.load(SeqCst), 0, "it was handled before");
                Some(claimed)
            }
            Ok(ClaimAnswer::InProgress { .. } | ClaimAnswer::Handled) => None,
            other => panic!("{other:?}"),
        }
    }

    fn commit(&self, claimed: &Claimed) {
        self.handled.fetch_add(1, SeqCst);
        self.holders.fetch_sub(1, SeqCst);
        assert_eq!(now(self.store.commit(claimed)), Ok(Settlement::Done));
    }

    fn release(&self, claimed: &Claimed) {
        self.holders.fetch_sub(1, SeqCst);
        assert_eq!(now(self.store.release(claimed)), Ok(Settlement::Done));
    }
}

fn claim_of(id: &str, time: u64) -> Claim {
    let owner = tenant("acme");
    let key = ClaimKey::of(&owner, "test", [id.as_bytes()]);
    let terms = Terms::default().with_lease(secs(LEASE)).with_window(secs(100));
    Claim::new(key, owner, at(time), terms, None)
}

fn act<T: 'static>(scene: &Arc<Scene>, act: impl FnOnce(&Scene) -> T + 'static) -> JoinHandle<T> {
    let scene = scene.clone();
    thread::spawn(move || act(&scene))
}

fn small() -> MemoryStore {
    MemoryStore::of_claims(4).with_share(4)
}

/// Runs every interleaving, and tells how many there were.
fn every_interleaving(scene: impl Fn() + Sync + Send + 'static) -> usize {
    let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = count.clone();
    loom::model(move || {
        counter.fetch_add(1, SeqCst);
        scene();
    });
    count.load(SeqCst)
}

/// One handles it, one fails with it, one retries what it finds released.
#[test]
fn at_most_one_holds_it_and_once_handled_it_is_refused() {
    let count = every_interleaving(|| {
        let scene = Scene::with(small());
        let handles = |scene: &Scene| {
            if let Some(claimed) = scene.hold("1", 1_000) {
                scene.commit(&claimed);
            }
        };
        let fails = |scene: &Scene| {
            if let Some(claimed) = scene.hold("1", 1_000) {
                scene.release(&claimed);
            }
        };
        let others = [act(&scene, handles), act(&scene, fails)];
        handles(&scene);
        for other in others {
            other.join().expect("no panic");
        }
        let expected = match scene.handled.load(SeqCst) {
            0 => None,
            1 => Some(ClaimAnswer::Handled),
            more => panic!("handled {more} times"),
        };
        match scene.claim("1", 1_000) {
            Ok(ClaimAnswer::Granted(_)) => assert_eq!(expected, None, "it was handled"),
            answer => assert_eq!(answer.ok(), expected),
        }
    });
    assert!(count > 10, "{count} interleavings");
}

/// The first has died with its lease; of those that find it ended, one takes it over, and the late commit of the first is
/// recorded, whoever has it then.
#[test]
fn of_an_ended_lease_one_takes_over_and_a_late_commit_counts() {
    let count = every_interleaving(|| {
        let scene = Scene::with(small());
        let Ok(ClaimAnswer::Granted(first)) = scene.claim("1", 1_000) else {
            panic!("nobody else is there");
        };
        let takes_over = |scene: &Scene| match scene.claim("1", 1_001 + LEASE) {
            Ok(ClaimAnswer::Granted(claimed)) => Some(claimed),
            Ok(ClaimAnswer::InProgress { .. } | ClaimAnswer::Handled) => None,
            other => panic!("{other:?}"),
        };
        let others = [act(&scene, takes_over), act(&scene, takes_over)];
        let committed = now(scene.store.commit(&first));
        let taken: Vec<_> = others
            .into_iter()
            .filter_map(|other| other.join().expect("no panic"))
            .collect();
        match (committed, &taken[..]) {
            (Ok(Settlement::Done), []) => {}
            (Ok(Settlement::LeaseLost), [other]) => {
                assert_ne!(other.token(), first.token());
                assert_eq!(now(scene.store.release(other)), Ok(Settlement::LeaseLost));
            }
            // Committed in the middle of a claim that had not begun to look: there is no such moment.
            other => panic!("{other:?}"),
        }
        assert_eq!(scene.claim("1", 1_001 + LEASE), Ok(ClaimAnswer::Handled));
    });
    assert!(count > 5, "{count} interleavings");
}

/// Room for one: it is never given twice, and never lost.
#[test]
fn the_last_room_is_given_once() {
    let count = every_interleaving(|| {
        let scene = Scene::with(MemoryStore::of_claims(1).with_share(1));
        let claims = |id: &'static str| {
            move |scene: &Scene| match scene.claim(id, 1_000) {
                Ok(ClaimAnswer::Granted(claimed)) => Some(claimed),
                Err(StoreDown::Full) => None,
                other => panic!("{other:?}"),
            }
        };
        let others = [act(&scene, claims("1")), act(&scene, claims("2"))];
        let mut granted: Vec<_> = claims("3")(&scene).into_iter().collect();
        granted.extend(
            others
                .into_iter()
                .filter_map(|other| other.join().expect("no panic")),
        );
        assert_eq!((granted.len(), scene.store.len()), (1, 1));
        assert_eq!(now(scene.store.release(&granted.remove(0))), Ok(Settlement::Done));
        assert!(scene.store.is_empty());
    });
    assert!(count > 5, "{count} interleavings");
}

//! What every `ReplayStore` promises, as a play that any of them can be put into: second by second, and as any history
//! against a model that looks at everything.
#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what it expects by failing loudly"
)]

#[path = "promise/model.rs"]
mod model;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use countersign::clock::Monotonic;
use countersign::replay::{
    Claim, ClaimAnswer, ClaimKey, Claimed, MemoryStore, ReplayStore, Settlement, StoreDown, StoreFuture,
    Terms,
};
use tokio::runtime::Runtime;

use crate::support::{at, now, secs, tenant};

pub(crate) use model::{Rules, history, replays};

pub(crate) const LEASE: u64 = 10;
pub(crate) const WINDOW: u64 = 100;
/// Until when a message with a signed time passes: longer than the window.
const FRESH: u64 = 120;

pub(crate) fn claim_of(owner: &str, id: &str, time: u64) -> Claim {
    claim(owner, id, time, None)
}

/// The same of a message whose time is signed.
pub(crate) fn dated_claim_of(owner: &str, id: &str, time: u64) -> Claim {
    claim(owner, id, time, Some(time + FRESH))
}

fn claim(owner: &str, id: &str, time: u64, fresh_until: Option<u64>) -> Claim {
    let terms = Terms::default().with_lease(secs(LEASE)).with_window(secs(WINDOW));
    let owner = tenant(owner);
    let key = ClaimKey::of(&owner, "test", [id.as_bytes()]);
    Claim::new(key, owner, at(time), terms, fresh_until.map(at))
}

/// A store, and a way to let time pass for it.
pub(crate) trait Stage {
    fn store(&self) -> &dyn ReplayStore;
    /// So many seconds pass by the store's clock.
    fn pass(&mut self, seconds: u64);
    fn answer<T>(&self, future: StoreFuture<'_, T>) -> Result<T, StoreDown>;
}

/// The store of one process, and its clock.
pub(crate) struct Embedded {
    pub(crate) store: MemoryStore,
    elapsed: Arc<AtomicU64>,
}

impl Embedded {
    pub(crate) fn new(store: MemoryStore) -> Self {
        let elapsed = Arc::new(AtomicU64::new(0));
        let told = elapsed.clone();
        let clock = Monotonic::new(move || secs(told.load(SeqCst)));
        Self {
            store: store.with_clock(clock),
            elapsed,
        }
    }

    /// So many seconds have passed since it was made.
    pub(crate) fn has_run_for(&self, seconds: u64) {
        self.elapsed.store(seconds, SeqCst);
    }
}

impl Stage for Embedded {
    fn store(&self) -> &dyn ReplayStore {
        &self.store
    }

    fn pass(&mut self, seconds: u64) {
        self.elapsed.fetch_add(seconds, SeqCst);
    }

    fn answer<T>(&self, future: StoreFuture<'_, T>) -> Result<T, StoreDown> {
        now(future)
    }
}

/// A fleet of two on one server, whose members take turns. Time passes for the server when it is told so; in between, it
/// stands still.
pub(crate) struct Fleet<'a, S, P> {
    members: [S; 2],
    runtime: &'a Runtime,
    let_pass: P,
    turn: Cell<usize>,
}

impl<'a, S: ReplayStore, P: Fn(u64)> Fleet<'a, S, P> {
    /// `let_pass` lets so many seconds pass for the server; what has really passed since does not count.
    pub(crate) fn new(runtime: &'a Runtime, members: [S; 2], let_pass: P) -> Self {
        Self {
            members,
            runtime,
            let_pass,
            turn: Cell::new(0),
        }
    }
}

impl<S: ReplayStore, P: Fn(u64)> Stage for Fleet<'_, S, P> {
    fn store(&self) -> &dyn ReplayStore {
        self.turn.set(self.turn.get() + 1);
        &self.members[self.turn.get() % 2]
    }

    fn pass(&mut self, seconds: u64) {
        (self.let_pass)(seconds);
    }

    fn answer<T>(&self, future: StoreFuture<'_, T>) -> Result<T, StoreDown> {
        (self.let_pass)(0);
        self.runtime.block_on(future)
    }
}

// --- one delivery, second by second ---------------------------------------------------------------------------------

/// What is done to the store. A grant is named by its number, from 0.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Do {
    /// Tenant, delivery, second.
    Claim(&'static str, &'static str, u64),
    /// The same, with a signed time.
    Dated(&'static str, &'static str, u64),
    /// The same, of a message that passes for less long than the window.
    Brief(&'static str, &'static str, u64),
    /// Seconds by the store's clock, of which the claims' clock knows nothing.
    Wait(u64),
    /// The claims' clock is set to this second, and the store's goes on.
    Set(u64),
    Commit(usize),
    Release(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Saw {
    Granted,
    Handled,
    InProgress(u64),
    Full,
    ShareUsedUp,
    Done,
    LeaseLost,
    Passed,
}

pub(crate) struct Play<S> {
    pub(crate) stage: S,
    pub(crate) grants: Vec<Claimed>,
    time: u64,
}

impl<S: Stage> Play<S> {
    pub(crate) fn on(stage: S) -> Self {
        Self {
            stage,
            grants: Vec::new(),
            time: 0,
        }
    }

    pub(crate) fn see(&mut self, step: Do) -> Saw {
        match step {
            Do::Claim(owner, id, time) => self.claim(&claim_of(owner, id, time)),
            Do::Dated(owner, id, time) => self.claim(&dated_claim_of(owner, id, time)),
            Do::Brief(owner, id, time) => self.claim(&claim(owner, id, time, Some(time))),
            Do::Wait(seconds) => {
                self.stage.pass(seconds);
                Saw::Passed
            }
            Do::Set(time) => {
                self.time = time;
                Saw::Passed
            }
            Do::Commit(grant) => self.commit(grant),
            Do::Release(grant) => self.release(grant),
        }
    }

    pub(crate) fn claim(&mut self, claim: &Claim) -> Saw {
        let time = claim.now.as_secs();
        self.stage.pass(time - self.time);
        self.time = time;
        match self.stage.answer(self.stage.store().claim(claim)) {
            Ok(ClaimAnswer::Granted(claimed)) => {
                assert_eq!((claimed.key(), claimed.tenant()), (claim.key, &claim.tenant));
                assert_eq!(
                    (claimed.keep_until(), claimed.window()),
                    (claim.keep_until, claim.window())
                );
                self.grants.push(claimed);
                Saw::Granted
            }
            Ok(ClaimAnswer::Handled) => Saw::Handled,
            Ok(ClaimAnswer::InProgress { left }) => Saw::InProgress(left.as_secs()),
            Ok(other) => panic!("{other:?}"),
            Err(down) => refused(&down),
        }
    }

    fn commit(&mut self, grant: usize) -> Saw {
        settled(self.stage.answer(self.stage.store().commit(&self.grants[grant])))
    }

    fn release(&mut self, grant: usize) -> Saw {
        settled(self.stage.answer(self.stage.store().release(&self.grants[grant])))
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

/// Leases of 10 seconds, windows of 100; signed times pass for 120 seconds, and so their windows are of 130.
pub(crate) fn second_by_second<S: Stage>(stage: impl Fn() -> S) {
    use Do::{Brief, Claim, Commit, Dated, Release, Set, Wait};
    use Saw::{Done, Granted, Handled, InProgress, LeaseLost, Passed};
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
            (Claim("a", "1", 1000), Granted), (Claim("a", "2", 1050), Granted), (Commit(0), Done), (Claim("a", "1", 1100), Handled),
        ]),
        ("a signed time that passes for longer than the window, and a lease more", &[
            (Dated("a", "1", 1000), Granted), (Commit(0), Done), (Claim("a", "1", 1130), Handled), (Claim("a", "1", 1131), Granted),
        ]),
        ("each retry with a signed time begins the window anew", &[
            (Dated("a", "1", 1000), Granted), (Commit(0), Done), (Dated("a", "1", 1100), Handled), (Dated("a", "1", 1230), Handled),
            (Claim("a", "1", 1360), Handled), (Claim("a", "1", 1361), Granted),
        ]),
        ("one without does not", &[
            (Claim("a", "1", 1000), Granted), (Commit(0), Done), (Claim("a", "1", 1090), Handled), (Claim("a", "1", 1101), Granted),
        ]),
        ("nor does it for one that is being handled", &[
            (Claim("a", "1", 1000), Granted), (Dated("a", "1", 1005), InProgress(5)), (Claim("a", "1", 1011), Granted),
        ]),
        ("a commit does not make a longer window shorter", &[
            (Dated("a", "1", 1000), Granted), (Claim("a", "1", 1011), Granted), (Commit(0), LeaseLost), (Commit(1), LeaseLost),
            (Claim("a", "1", 1141), Handled), (Claim("a", "1", 1142), Granted),
        ]),
        ("nor does a retry that passes for less long", &[
            (Dated("a", "1", 1000), Granted), (Commit(0), Done), (Brief("a", "1", 1001), Handled), (Brief("a", "1", 1130), Handled),
            (Claim("a", "1", 1230), Handled), (Claim("a", "1", 1231), Granted),
        ]),
        ("nor does one whose claims' clock was set ahead", &[
            (Dated("a", "1", 1000), Granted), (Commit(0), Done), (Set(10_000), Passed), (Brief("a", "1", 10_001), Handled),
            (Claim("a", "1", 10_130), Handled), (Claim("a", "1", 10_131), Granted),
        ]),
        ("a window begins with the commit", &[
            (Claim("a", "1", 1000), Granted), (Wait(50), Passed), (Commit(0), Done), (Set(1050), Passed),
            (Claim("a", "1", 1150), Handled), (Claim("a", "1", 1151), Granted),
        ]),
        ("a clock that is set a day ahead and back makes nobody forget, with a delivery between", &[
            (Claim("a", "1", 1000), Granted), (Commit(0), Done), (Dated("a", "2", 1000), Granted), (Commit(1), Done),
            (Set(87_400), Passed), (Claim("a", "3", 87_400), Granted), (Claim("b", "3", 87_400), Granted), (Claim("a", "1", 87_400), Handled),
            (Set(1000), Passed), (Claim("a", "1", 1000), Handled), (Dated("a", "2", 1000), Handled), (Claim("a", "3", 1000), InProgress(10)),
            (Claim("a", "1", 1100), Handled), (Claim("a", "1", 1101), Granted),
        ]),
        ("nor does one that is set back make a lease or a window longer where no time is signed", &[
            (Claim("a", "1", 10_000), Granted), (Set(1000), Passed), (Claim("a", "1", 1010), InProgress(0)), (Claim("a", "1", 1011), Granted),
            (Commit(1), Done), (Claim("a", "1", 1111), Handled), (Claim("a", "1", 1112), Granted),
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
        let mut play = Play::on(stage());
        for (number, (step, expected)) in steps.iter().enumerate() {
            assert_eq!(play.see(*step), *expected, "{name}: step {number}, {step:?}");
        }
    }
}

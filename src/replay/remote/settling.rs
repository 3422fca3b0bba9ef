use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};

use super::{Remote, Step, shut_down};
use crate::replay::{Claimed, Settlement, StoreDown};

/// So many settlements are kept, to be tried again. What comes on top of them is left to its lease.
const KEPT: u32 = 10_000;
/// So many of them are tried at a time, lest a server that comes back is met by all.
const AT_A_TIME: usize = 16;
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What becomes of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settle {
    Commit,
    Release,
}

impl Settle {
    fn step(self, claimed: &Claimed) -> Step<'_> {
        match self {
            Self::Commit => Step::Commit(claimed),
            Self::Release => Step::Release(claimed),
        }
    }
}

/// How long a step may take, and for how long settlements that failed are tried again, of which there is room for so many.
#[derive(Debug, Clone)]
pub(in crate::replay) struct Settling {
    pub(in crate::replay) timeout: Duration,
    pub(in crate::replay) patience: Duration,
    places: Arc<Places>,
}

impl Settling {
    /// How long a step may take by default.
    pub(in crate::replay) const TIMEOUT: Duration = Duration::from_millis(500);
    /// For how long a settlement is tried again by default: a default lease.
    pub(in crate::replay) const PATIENCE: Duration = Duration::from_secs(60);

    /// Waits until none is left that is tried again.
    pub(in crate::replay) async fn settled(&self) {
        let _ = self.places.kept.acquire_many(KEPT).await;
    }
}

impl Default for Settling {
    fn default() -> Self {
        Self {
            timeout: Self::TIMEOUT,
            patience: Self::PATIENCE,
            places: Arc::default(),
        }
    }
}

#[derive(Debug)]
struct Places {
    kept: Semaphore,
    turns: Semaphore,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            kept: Semaphore::new(KEPT as usize),
            turns: Semaphore::new(AT_A_TIME),
        }
    }
}

/// Tries once and answers; where that fails, goes on trying. In a task of its own: it goes on when nobody waits.
pub(super) async fn settle(
    store: &impl Remote,
    settle: Settle,
    claimed: &Claimed,
) -> Result<Settlement, StoreDown> {
    let (answer, answered) = oneshot::channel();
    let (store, claimed) = (store.clone(), claimed.clone());
    tokio::spawn(async move {
        let first = try_to(&store, settle, &claimed).await;
        let failed = first.is_err();
        let _ = answer.send(first);
        if failed {
            insist(store, settle, claimed).await;
        }
    });
    answered.await.unwrap_or_else(|_| Err(shut_down()))
}

async fn try_to(store: &impl Remote, settle: Settle, claimed: &Claimed) -> Result<Settlement, StoreDown> {
    match store.step(&settle.step(claimed)).await {
        Ok(answer) => answer.to_settlement(),
        Err(failure) => Err(failure.down),
    }
}

/// Goes on trying until it is settled, or patience ends.
pub(super) async fn insist(store: impl Remote, settle: Settle, claimed: Claimed) {
    let settling = store.settling();
    let Ok(_place) = settling.places.kept.try_acquire() else {
        return;
    };
    let _ = timeout(settling.patience, until_settled(&store, settle, &claimed)).await;
}

async fn until_settled(store: &impl Remote, settle: Settle, claimed: &Claimed) {
    let mut pause = FIRST_PAUSE;
    while take_a_turn(store, settle, claimed).await.is_err() {
        sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

/// Who has failed steps back for others, whose node may be there; and takes its time about it, since a server that is
/// not there refuses thousands in a second.
async fn take_a_turn(
    store: &impl Remote,
    settle: Settle,
    claimed: &Claimed,
) -> Result<Settlement, StoreDown> {
    let turns = &store.settling().places.turns;
    let _turn = turns.acquire().await.map_err(|_| shut_down())?;
    let tried = try_to(store, settle, claimed).await;
    if tried.is_err() {
        sleep(FIRST_PAUSE).await;
    }
    tried
}

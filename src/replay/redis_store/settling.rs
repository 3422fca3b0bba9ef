use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};

use super::script::Step;
use super::{RedisStore, shut_down};
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

/// Room for settlements that are tried again.
#[derive(Debug)]
pub(super) struct Places {
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

impl Places {
    pub(super) async fn all_free(&self) {
        let _ = self.kept.acquire_many(KEPT).await;
    }
}

impl RedisStore {
    /// Tries once and answers; where that fails, goes on trying. In a task of its own: it goes on when nobody waits.
    pub(super) async fn settle(&self, settle: Settle, claimed: &Claimed) -> Result<Settlement, StoreDown> {
        let (answer, answered) = oneshot::channel();
        let (store, claimed) = (self.clone(), claimed.clone());
        tokio::spawn(async move {
            let first = store.try_to(settle, &claimed).await;
            let failed = first.is_err();
            let _ = answer.send(first);
            if failed {
                store.insist(settle, claimed).await;
            }
        });
        answered.await.unwrap_or_else(|_| Err(shut_down()))
    }

    async fn try_to(&self, settle: Settle, claimed: &Claimed) -> Result<Settlement, StoreDown> {
        match self.step(&settle.step(claimed)).await {
            Ok(answer) => answer.to_settlement(),
            Err(failure) => Err(failure.down),
        }
    }

    /// Goes on trying until it is settled, or patience ends.
    pub(super) async fn insist(self, settle: Settle, claimed: Claimed) {
        let Ok(_place) = self.places.kept.try_acquire() else {
            return;
        };
        let _ = timeout(self.patience, self.until_settled(settle, &claimed)).await;
    }

    async fn until_settled(&self, settle: Settle, claimed: &Claimed) {
        let mut pause = FIRST_PAUSE;
        while self.take_a_turn(settle, claimed).await.is_err() {
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    /// Who has failed steps back for others, whose node may be there; and takes its time about it, since a server that is
    /// not there refuses thousands in a second.
    async fn take_a_turn(&self, settle: Settle, claimed: &Claimed) -> Result<Settlement, StoreDown> {
        let _turn = self.places.turns.acquire().await.map_err(|_| shut_down())?;
        let tried = self.try_to(settle, claimed).await;
        if tried.is_err() {
            sleep(FIRST_PAUSE).await;
        }
        tried
    }
}

//! The common part of stores behind a network: a step that may have been taken though its answer was lost, and
//! settlements that go on being tried.

mod settling;

use std::time::Duration;

use tokio::sync::oneshot;

use super::{Claim, ClaimAnswer, Claimed, Settlement, StoreDown};

use settling::Settle;
pub(super) use settling::Settling;

/// What is asked of the server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    Claim(&'a Claim, u64),
    Commit(&'a Claimed),
    Release(&'a Claimed),
}

/// What the server has answered.
#[derive(Debug)]
pub(super) enum Answer {
    Granted,
    Handled,
    Leased { left: Duration },
    Done,
    Lost,
}

impl Answer {
    /// With so many milliseconds left of a lease that holds through its last second.
    pub(super) fn leased(milliseconds: u64) -> Self {
        let left = Duration::from_secs(milliseconds.saturating_sub(1) / 1000);
        Self::Leased { left }
    }

    fn to_claim(&self, claim: &Claim, token: u64) -> Result<ClaimAnswer, StoreDown> {
        match self {
            Self::Granted => Ok(ClaimAnswer::Granted(Claimed::granted(claim, token))),
            Self::Handled => Ok(ClaimAnswer::Handled),
            Self::Leased { left } => Ok(ClaimAnswer::InProgress { left: *left }),
            Self::Done | Self::Lost => Err(out_of_place()),
        }
    }

    fn to_settlement(&self) -> Result<Settlement, StoreDown> {
        match self {
            Self::Done => Ok(Settlement::Done),
            Self::Lost => Ok(Settlement::LeaseLost),
            _ => Err(out_of_place()),
        }
    }
}

/// Why a step has failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) down: StoreDown,
    pub(super) granted: Granted,
}

/// Whether a claim that failed may have been granted all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Granted {
    No,
    Perhaps,
}

impl Failure {
    pub(super) fn in_doubt(reason: String) -> Self {
        Self {
            down: unavailable(reason),
            granted: Granted::Perhaps,
        }
    }

    pub(super) fn no_answer() -> Self {
        Self::in_doubt("an answer that is none".to_owned())
    }
}

/// A server that is asked step by step. Each step may be taken twice. Cheap to clone.
pub(super) trait Remote: Clone + Send + Sync + 'static {
    /// One step, once, however long it takes.
    fn ask(&self, step: &Step<'_>) -> impl Future<Output = Result<Answer, Failure>> + Send;

    /// How long a step may take, and how settlements are tried again.
    fn settling(&self) -> &Settling;

    /// One step, within the time that it may take.
    fn step(&self, step: &Step<'_>) -> impl Future<Output = Result<Answer, Failure>> + Send {
        async move {
            let timeout = self.settling().timeout;
            match tokio::time::timeout(timeout, self.ask(step)).await {
                Ok(answer) => answer,
                Err(_) => Err(Failure::in_doubt(format!("no answer within {timeout:?}"))),
            }
        }
    }

    /// Claims in a task of its own: what is granted to somebody who is gone is given back.
    fn claim(&self, claim: &Claim) -> impl Future<Output = Result<ClaimAnswer, StoreDown>> + Send {
        async move {
            let (answer, answered) = oneshot::channel();
            let (store, claim) = (self.clone(), claim.clone());
            tokio::spawn(async move {
                if let Err(Ok(ClaimAnswer::Granted(claimed))) = answer.send(try_claim(&store, &claim).await) {
                    settling::give_back(&store, claimed);
                }
            });
            answered.await.unwrap_or_else(|_| Err(shut_down()))
        }
    }

    /// It was handled.
    fn commit(&self, claimed: &Claimed) -> impl Future<Output = Result<Settlement, StoreDown>> + Send {
        settling::settle(self, Settle::Commit, claimed)
    }

    /// It was not handled.
    fn release(&self, claimed: &Claimed) -> impl Future<Output = Result<Settlement, StoreDown>> + Send {
        settling::settle(self, Settle::Release, claimed)
    }
}

/// Makes a store of a [`Remote`] type that keeps its [`Settling`] in a field of that name.
macro_rules! remote_store {
    ($store:ident) => {
        impl $store {
            /// Gives up on a step after this long, connecting included.
            #[must_use]
            pub fn with_timeout(mut self, timeout: std::time::Duration) -> Self {
                self.settling.timeout = timeout;
                self
            }

            /// Tries a commit that failed again for this long, in the background.
            #[must_use]
            pub fn with_patience(mut self, patience: std::time::Duration) -> Self {
                self.settling.patience = patience;
                self
            }

            /// Waits until no commit is left that is on its way, or tried again in the background: before a process ends,
            /// that it may not have handled what nobody has written down. Waits for what begins meanwhile as well: where
            /// handlers may go on for long, within a timeout.
            pub async fn settled(&self) {
                self.settling.settled().await;
            }
        }

        impl $crate::replay::ReplayStore for $store {
            fn claim<'a>(
                &'a self,
                claim: &'a $crate::replay::Claim,
            ) -> $crate::replay::StoreFuture<'a, $crate::replay::ClaimAnswer> {
                Box::pin($crate::replay::remote::Remote::claim(self, claim))
            }

            fn commit<'a>(
                &'a self,
                claimed: &'a $crate::replay::Claimed,
            ) -> $crate::replay::StoreFuture<'a, $crate::replay::Settlement> {
                Box::pin($crate::replay::remote::Remote::commit(self, claimed))
            }

            fn release<'a>(
                &'a self,
                claimed: &'a $crate::replay::Claimed,
            ) -> $crate::replay::StoreFuture<'a, $crate::replay::Settlement> {
                Box::pin($crate::replay::remote::Remote::release(self, claimed))
            }
        }
    };
}

pub(super) use remote_store;

async fn try_claim(store: &impl Remote, claim: &Claim) -> Result<ClaimAnswer, StoreDown> {
    let token = getrandom::u64().map_err(|error| unavailable(format!("no randomness: {error}")))?;
    let failure = match store.step(&Step::Claim(claim, token)).await {
        Ok(answer) => return answer.to_claim(claim, token),
        Err(failure) => failure,
    };
    if failure.granted == Granted::Perhaps {
        settling::give_back(store, Claimed::granted(claim, token));
    }
    Err(failure.down)
}

pub(super) fn unavailable(reason: String) -> StoreDown {
    StoreDown::Unavailable { reason }
}

fn shut_down() -> StoreDown {
    unavailable("the runtime is shutting down".to_owned())
}

fn out_of_place() -> StoreDown {
    unavailable("an answer to another question".to_owned())
}

/// Through the last second, as in memory; a century is for ever.
pub(super) fn milliseconds(time: Duration) -> u64 {
    const CENTURY: u64 = 100 * 366 * 24 * 60 * 60;
    (time.as_secs().min(CENTURY) + 1) * 1000
}

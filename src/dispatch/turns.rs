use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::Limits;

/// Who may deliver now. A delivery waits first among its tenant's own, so that only so many of one tenant ever stand
/// among all: a tenant whose consumers are slow delays itself.
///
/// A quarter of all places is for tenants of whom nothing is under way. So many slow tenants, who together have taken
/// the rest, still leave each of the others one place at a time.
pub(super) struct Turns {
    general: Semaphore,
    first: Semaphore,
    per_tenant: usize,
}

/// A place, until it is dropped.
#[must_use = "it is given back when it is dropped"]
pub(super) struct Turn<'a> {
    _own: OwnedSemaphorePermit,
    _in_all: SemaphorePermit<'a>,
}

impl Turns {
    pub(super) fn new(limits: &Limits) -> Self {
        let all = limits.in_all.clamp(1, Semaphore::MAX_PERMITS);
        let first = all / 4;
        Self {
            general: Semaphore::new(all - first),
            first: Semaphore::new(first),
            per_tenant: limits.per_tenant.clamp(1, Semaphore::MAX_PERMITS),
        }
    }

    /// A tenant's own places.
    pub(super) fn share(&self) -> Arc<Semaphore> {
        Arc::new(Semaphore::new(self.per_tenant))
    }

    /// Waits. None of these semaphores is ever closed.
    pub(super) async fn wait(&self, share: &Arc<Semaphore>) -> Result<Turn<'_>, AcquireError> {
        let own = share.clone().acquire_owned().await?;
        let alone = share.available_permits() + 1 == self.per_tenant;
        let in_all = if alone {
            self.either().await?
        } else {
            self.general.acquire().await?
        };
        Ok(Turn {
            _own: own,
            _in_all: in_all,
        })
    }

    async fn either(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        let (mut first, mut general) = (pin!(self.first.acquire()), pin!(self.general.acquire()));
        poll_fn(|cx| match first.as_mut().poll(cx) {
            Poll::Ready(place) => Poll::Ready(place),
            Poll::Pending => general.as_mut().poll(cx),
        })
        .await
    }
}

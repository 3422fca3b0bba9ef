//! The end of a delivery: committed, released, or left to its lease.

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use crate::observe::{Event, Observer};
use crate::tenant::TenantId;

/// The treatment of a handler whose sender has gone away: closed the connection, or cancelled the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnDisconnect {
    /// It goes on to its end, as a task of its own, and what it answers settles the delivery: the sender's retry finds
    /// it being handled, handled, or released. A handler is never stopped half-way, and none is run beside its own
    /// remains. It keeps its [place](super::PayloadLayer::with_max_deliveries) until then.
    #[default]
    Finish,
    /// It is dropped where it stands, as tower's services usually are. Nobody knows how far it has come, so the claim is
    /// neither committed nor released: the retry is let through when the lease has run out.
    Cancel,
}

/// A delivery that is being handled, or is about to.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) observer: Arc<dyn Observer>,
    pub(super) on_disconnect: OnDisconnect,
    pub(super) peer: Option<SocketAddr>,
    pub(super) tenant: TenantId,
}

impl Work {
    /// Nobody waits for the answer any more.
    fn left(&self) -> OnDisconnect {
        let (peer, tenant) = (self.peer, &self.tenant);
        self.observer.observe(&Event::SenderGone { peer, tenant });
        self.on_disconnect
    }
}

/// What is being handled. Set before the delivery is claimed.
pub(super) type Begun = Arc<OnceLock<Work>>;

/// The answer of a [`PayloadService`](super::PayloadService). Dropped before it is ready, it does what
/// [`OnDisconnect`] says.
///
/// Dropping a handler's future stops it anywhere: after the money went out and before that was written down. Dropping
/// a commit on its way to the store makes a handled delivery one that is let in again.
pub struct PayloadFuture<T: 'static> {
    /// `None` once it is done.
    future: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    begun: Begun,
}

impl<T: 'static> PayloadFuture<T> {
    pub(super) fn new(begun: Begun, future: impl Future<Output = T> + Send + 'static) -> Self {
        let future: Option<Pin<Box<dyn Future<Output = T> + Send>>> = Some(Box::pin(future));
        Self { future, begun }
    }
}

impl<T: 'static> Future for PayloadFuture<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(mut future) = self.future.take() else {
            return Poll::Pending; // It has answered already.
        };
        // One that panics is gone with that, also where somebody around it catches the panic and drops this later.
        let polled = future.as_mut().poll(cx);
        if polled.is_pending() {
            self.future = Some(future);
        }
        polled
    }
}

impl<T: 'static> Drop for PayloadFuture<T> {
    fn drop(&mut self) {
        let (Some(future), Some(work)) = (self.future.take(), self.begun.get()) else {
            return;
        };
        // What panics around it ends it as well: the lease keeps the retry away for a while.
        if std::thread::panicking() || work.left() == OnDisconnect::Cancel {
            return;
        }
        // Outside of a runtime there is nobody to finish it, and the lease runs out.
        if let Ok(runtime) = Handle::try_current() {
            let finishing = async move { drop(future.await) };
            #[cfg(feature = "tracing")]
            let finishing = tracing::Instrument::in_current_span(finishing);
            runtime.spawn(finishing);
        }
    }
}

impl<T: 'static> fmt::Debug for PayloadFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadFuture").finish_non_exhaustive()
    }
}

//! What is the user's may panic: whoever calls it goes on.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use super::{NotLoaded, Publish};

/// A source of the user's may panic; its keeper goes on.
pub(super) async fn unpanicked<T, L>(begin: impl FnOnce() -> L) -> Result<T, NotLoaded>
where
    L: Future<Output = T> + Unpin,
{
    let mut begun = caught(begin)?;
    std::future::poll_fn(move |context| {
        let poll = caught(|| Pin::new(&mut begun).poll(context));
        poll.map_or_else(|panicked| Poll::Ready(Err(panicked)), |poll| poll.map(Ok))
    })
    .await
}

/// Whoever uses it may panic, too.
pub(super) fn agreed<T>(publish: &(impl Publish<T> + ?Sized), value: &Arc<T>) -> Result<(), NotLoaded> {
    caught(|| publish.publish(value))?.map_err(NotLoaded::invalid)
}

pub(super) fn caught<T>(call: impl FnOnce() -> T) -> Result<T, NotLoaded> {
    std::panic::catch_unwind(AssertUnwindSafe(call)).map_err(|_| NotLoaded::Panicked)
}

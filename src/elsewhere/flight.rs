use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use super::ticket::Done;

/// One request to the source, by whoever leads it, and those who wait for it.
#[derive(Default)]
pub(super) struct Flight(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    over: bool,
    next: u64,
    wakers: HashMap<u64, Waker>,
}

impl Flight {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn end(&self) {
        let mut waiting = self.lock();
        waiting.over = true;
        let wakers = std::mem::take(&mut waiting.wakers);
        drop(waiting);
        wakers.into_values().for_each(Waker::wake);
    }

    fn number(&self) -> u64 {
        let mut waiting = self.lock();
        waiting.next += 1;
        waiting.next
    }

    pub(super) async fn over(&self) {
        let number = self.number();
        let follower = Follower { flight: self, number };
        poll_fn(|cx| {
            let mut waiting = follower.flight.lock();
            if waiting.over {
                return Poll::Ready(());
            }
            waiting.wakers.insert(follower.number, cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

struct Follower<'a> {
    flight: &'a Flight,
    number: u64,
}

impl Drop for Follower<'_> {
    fn drop(&mut self) {
        self.flight.lock().wakers.remove(&self.number);
    }
}

/// What comes of the work, unless the patience ends first.
pub(super) async fn before<T>(patience: &mut Done<'_>, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => patience.as_mut().poll(cx).map(|()| None),
    })
    .await
}

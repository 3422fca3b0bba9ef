use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is kept of handshakes between a certificate and the signature that proves its key. Bounded: when strangers flood it with copies
/// of other people's certificates, some peers are not counted, and nothing worse.
pub(super) struct Pending<T> {
    most: usize,
    all: Mutex<VecDeque<T>>,
}

impl<T> Pending<T> {
    pub(super) fn of(most: usize) -> Self {
        Self {
            most,
            all: Mutex::default(),
        }
    }

    pub(super) fn push(&self, pending: T) {
        let mut all = self.lock();
        if all.len() == self.most {
            all.pop_front();
        }
        all.push_back(pending);
    }

    /// The last one of which that is true. Any entry of one leaf will do: each was looked at by itself, and the key is the same.
    pub(super) fn take(&self, is: impl FnMut(&T) -> bool) -> Option<T> {
        let mut all = self.lock();
        let place = all.iter().rposition(is)?;
        all.remove(place)
    }

    /// Nothing in here can panic half-way through a change.
    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! One connection, as all of its parts see it.

mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::Bounds;
use crate::observe::Cut;
use crate::tenant::TenantId;
use crate::web::shares::Shares;
use state::State;

pub(super) use state::Look;

/// One connection, as all of its parts see it.
#[derive(Debug, Clone)]
pub(super) struct Watch(Arc<Mutex<State>>);

/// A request under way, until its answer is sent.
#[derive(Debug)]
pub(super) struct UnderWay {
    watch: Watch,
    number: u64,
    answers: bool,
}

impl UnderWay {
    /// Its answer begins.
    pub(super) fn answer(mut self) -> Self {
        self.watch.lock().answering += 1;
        self.answers = true;
        self
    }

    /// A piece of the answer is given away. Until the next is asked for, the peer is waited for.
    pub(super) fn gives(&self) {
        self.watch.lock().waiting.insert(self.number, Instant::now());
    }

    /// The next piece is asked for.
    pub(super) fn goes_on(&self) {
        self.watch.lock().waiting.remove(&self.number);
    }
}

/// A request whose answer may be sent, and whose body is not taken yet.
#[derive(Debug)]
pub(super) struct Held(Watch);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.lock().release(Instant::now());
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.watch.lock();
        state.end(self.number, self.answers, Instant::now());
    }
}

impl Watch {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self(Arc::new(Mutex::new(State::new(bounds, Instant::now()))))
    }

    /// Nothing in here can panic half-way through a change, so a poisoned lock guards a sound state.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn read(&self, bytes: &[u8]) {
        self.lock().read(bytes, Instant::now());
    }

    pub(super) fn wrote(&self, bytes: &[u8]) {
        self.lock().wrote(bytes, Instant::now());
    }

    /// The peer takes nothing just now.
    pub(super) fn stalls(&self) {
        self.lock().stalled_since.get_or_insert_with(Instant::now);
    }

    /// A request begins.
    pub(super) fn begin(&self) -> UnderWay {
        UnderWay {
            watch: self.clone(),
            number: self.lock().begin(Instant::now()),
            answers: false,
        }
    }

    /// A request goes on, though its answer may be sent.
    pub(super) fn hold(&self) -> Held {
        self.lock().hold();
        Held(self.clone())
    }

    /// No more requests.
    pub(super) fn leave(&self, why: Option<Cut>) {
        self.lock().leave(why, Instant::now());
    }

    /// Why it ended, where nobody was told yet.
    pub(super) fn untold(&self) -> Option<Cut> {
        self.lock().untold()
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.lock().is_leaving()
    }

    /// Counts it as this tenant's, unless it is counted as somebody's already.
    pub(super) fn count(&self, tenant: &TenantId, tenants: &Arc<Shares<TenantId>>) -> Result<(), Cut> {
        self.lock().count(tenant, tenants)
    }

    pub(super) fn look(&self, now: Instant) -> Look {
        self.lock().look(now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Whoever makes an answer piece by piece takes as long as that takes; whoever does not take a piece is stuck.
    #[test]
    fn an_answer_that_pauses_is_not_stuck() {
        let head = |flags: u8| [0, 0, 0, 1, flags, 0, 0, 0, 1];
        let bounds = Bounds::default();
        let watch = Watch::new(bounds);
        let look = |after: Duration| watch.look(Instant::now() + after);
        let later = bounds.stall + Duration::from_secs(1);
        watch.read(&[&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &head(5)].concat());
        let answer = watch.begin().answer();
        watch.wrote(&head(4));
        answer.gives();
        answer.goes_on();
        assert!(matches!(look(Duration::ZERO), Look::Again(_)));
        assert!(
            matches!(look(later), Look::Again(_)),
            "the next piece is being made"
        );
        answer.gives();
        let stuck = Cut::Stalled { limit: bounds.stall };
        assert!(matches!(look(later), Look::Close(Some(cut)) if cut == stuck));
    }
}

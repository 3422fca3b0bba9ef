use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Buf, Bytes};

use super::BodyEnd;
use super::wire::Wire;

/// A delivery's body on its way into the connection: tells when the last of it was taken.
///
/// A server may answer before it has read the request, and its answer says nothing about the rest.
pub(super) struct BodyBytes {
    rest: Bytes,
    sending: Arc<Sending>,
}

/// How far a body has come.
pub(super) struct Sending {
    wire: Arc<Wire>,
    /// The flush of the connection with which the last byte has left us, or one of those below.
    leaves_with: AtomicU64,
}

const NOT_YET: u64 = u64::MAX;
const NEVER: u64 = u64::MAX - 1;

impl BodyBytes {
    pub(super) fn new(body: Bytes, wire: Arc<Wire>) -> (Self, Arc<Sending>) {
        // What is empty is sent with the head, before which there is no answer.
        let leaves_with = AtomicU64::new(if body.is_empty() { 0 } else { NOT_YET });
        let sending = Arc::new(Sending { wire, leaves_with });
        let bytes = Self {
            rest: body,
            sending: sending.clone(),
        };
        (bytes, sending)
    }

    fn look(&self) {
        if self.rest.is_empty() {
            self.sending.settle(self.sending.wire.flushes() + 1);
        }
    }
}

impl Buf for BodyBytes {
    fn remaining(&self) -> usize {
        self.rest.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.rest
    }

    fn advance(&mut self, count: usize) {
        self.rest.advance(count);
        self.look();
    }

    fn copy_to_bytes(&mut self, count: usize) -> Bytes {
        let taken = self.rest.copy_to_bytes(count);
        self.look();
        taken
    }
}

impl Drop for BodyBytes {
    fn drop(&mut self) {
        self.sending.settle(NEVER);
    }
}

impl Sending {
    /// The first word counts.
    fn settle(&self, flush: u64) {
        let _ = self
            .leaves_with
            .compare_exchange(NOT_YET, flush, Ordering::AcqRel, Ordering::Acquire);
        self.wire.change();
    }

    /// Waits until the system has taken all of it, or will not.
    pub(super) async fn end(&self) -> BodyEnd {
        loop {
            let changed = self.wire.changed();
            match self.leaves_with.load(Ordering::Acquire) {
                NEVER => return BodyEnd::CutOff,
                // Flushed since it was written: nothing of it is held in HTTP's buffers or TLS's.
                flush if flush <= self.wire.flushes() => return BodyEnd::Whole,
                _ => {}
            }
            if self.wire.has_ended() {
                return BodyEnd::CutOff;
            }
            changed.await;
        }
    }
}

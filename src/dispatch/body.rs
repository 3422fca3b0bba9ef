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
        if self.rest.is_empty() {
            self.sending.settle(self.sending.wire.flushes() + 1);
        }
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

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// What HTTP or TLS still holds back is not sent, and what was given up will not be.
    #[test]
    fn a_body_has_left_with_the_flush_behind_its_last_byte() {
        let wire = Arc::new(Wire::default());
        let (mut body, sending) = BodyBytes::new(Bytes::from_static(b"{}"), wire.clone());
        let mut end = pin!(sending.end());
        let mut is_at_the_end = || end.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        wire.flushed();
        body.advance(1);
        assert_eq!(is_at_the_end(), Poll::Pending);
        wire.flushed();
        body.advance(1);
        assert_eq!(
            is_at_the_end(),
            Poll::Pending,
            "the last byte waits for its flush"
        );
        wire.flushed();
        assert_eq!(is_at_the_end(), Poll::Ready(BodyEnd::Whole));

        let (body, sending) = BodyBytes::new(Bytes::from_static(b"{}"), wire);
        let mut end = pin!(sending.end());
        let mut is_at_the_end = || end.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(is_at_the_end(), Poll::Pending);
        drop(body);
        assert_eq!(is_at_the_end(), Poll::Ready(BodyEnd::CutOff));
    }
}

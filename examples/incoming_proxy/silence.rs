//! A body that ends where nothing of it comes for too long.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Error;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// An answer that has begun and does not go on would hold its sender, and a drain, for ever.
pub(crate) struct Bounded {
    body: Body,
    limit: Duration,
    /// Only while the service is waited for: a sender that reads slowly is no silence of the service's.
    over: Option<Pin<Box<Sleep>>>,
}

impl Bounded {
    pub(crate) fn new(body: Body, limit: Duration) -> Self {
        let over = None;
        Self { body, limit, over }
    }
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.over = None;
            return Poll::Ready(frame);
        }
        let limit = self.limit;
        ready!(
            self.over
                .get_or_insert_with(|| Box::pin(sleep(limit)))
                .as_mut()
                .poll(cx)
        );
        let silent = std::io::Error::from(std::io::ErrorKind::TimedOut);
        Poll::Ready(Some(Err(Error::new(silent))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

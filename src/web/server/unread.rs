//! What a service leaves unread of a request, taken and thrown away for a while.

use std::future::pending;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::EXPECT;
use http::{HeaderMap, Request};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::watch::Watch;

/// The body of a request to a [`Server`](super::Server): hyper's, whose rest is taken when it is dropped before its end.
///
/// A sender that is still sending when it is answered would see the connection closed under its hands (HTTP/1.1), or its
/// stream reset (RFC 9113 §8.1), and many show that instead of the answer. So the rest is thrown away, within
/// [bounds](super::Bounds::with_unread). Nothing is taken of a sender that waits to be told to send
/// (`Expect: 100-continue`, RFC 9110 §10.1.1) and was not.
#[derive(Debug)]
pub struct RequestBody {
    // Nothing: its rest is taken.
    incoming: Option<Incoming>,
    ended: bool,
    /// The sender waits for a word before it sends.
    waits: bool,
    unread: Unread,
    watch: Watch,
}

/// A body that broke off: its sender has gone away, has reset its stream, or has not kept to HTTP.
#[derive(Debug, thiserror::Error)]
#[error("the body broke off")]
pub struct IncompleteBody(#[source] hyper::Error);

/// How much of a body is thrown away, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unread {
    pub(super) bytes: usize,
    pub(super) time: Duration,
}

impl RequestBody {
    pub(super) fn of(request: Request<Incoming>, unread: Unread, watch: &Watch) -> Request<Self> {
        let waits = expects(request.headers());
        request.map(|incoming| Self {
            incoming: Some(incoming),
            ended: false,
            waits,
            unread,
            watch: watch.clone(),
        })
    }
}

fn expects(headers: &HeaderMap) -> bool {
    let continues = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    headers.get(EXPECT).is_some_and(continues)
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = IncompleteBody;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, IncompleteBody>>> {
        let this = &mut *self;
        let Some(incoming) = &mut this.incoming else {
            return Poll::Ready(None);
        };
        this.waits = false;
        let polled = Pin::new(incoming).poll_frame(cx);
        this.ended |= matches!(polled, Poll::Ready(None | Some(Err(_))));
        polled.map_err(IncompleteBody)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming
            .as_ref()
            .map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let over = self.ended || self.waits || self.is_end_stream();
        // Where there is no runtime, nobody is left to read for.
        if !over
            && let Some(incoming) = self.incoming.take()
            && let Ok(runtime) = Handle::try_current()
        {
            let (held, unread) = (self.watch.hold(), self.unread);
            runtime.spawn(async move {
                unread.take(incoming).await;
                drop(held);
            });
        }
    }
}

impl Unread {
    /// Until the body's end, or for the whole time where more of it is left than is taken: a sender that has its answer
    /// before ends by itself.
    async fn take(self, mut body: Incoming) {
        let taken = async {
            let mut left = self.bytes;
            while left > 0 {
                let Some(Ok(frame)) = body.frame().await else {
                    return;
                };
                left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            }
            pending().await
        };
        // By then it has ended, or is given up.
        let _ = timeout(self.time, taken).await;
    }
}

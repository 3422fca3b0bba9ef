use std::error::Error;
use std::future::{Future as _, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep};

use crate::refusal::Refusal;

pub(super) type BoxError = Box<dyn Error + Send + Sync>;

/// How much of a body is read, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyBounds {
    pub(super) bytes: usize,
    pub(super) time: Duration,
}

impl BodyBounds {
    /// The whole body; each piece is shown to `see` as it arrives.
    pub(super) async fn read<B>(self, body: B, mut see: impl FnMut(&[u8])) -> Result<Bytes, Refusal>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        // What a length announces is believed where it refuses, and never where it admits.
        if body.size_hint().lower() > self.bytes as u64 {
            return Err(self.too_large());
        }
        let (mut body, mut patience) = (pin!(body), Patience::new(self.time));
        let mut next = move |cx: &mut Context<'_>| match body.as_mut().poll_frame(cx) {
            Poll::Ready(frame) => Poll::Ready(Ok(frame)),
            Poll::Pending => patience.poll(cx).map(Err),
        };
        let mut whole = Pieces::default();
        while let Some(frame) = poll_fn(&mut next).await? {
            let Ok(piece) = frame.map_err(|_| Refusal::BodyIncomplete)?.into_data() else {
                continue; // trailers
            };
            if piece.len() > self.bytes.saturating_sub(whole.len()) {
                return Err(self.too_large());
            }
            see(&piece);
            whole.push(piece);
        }
        Ok(whole.join())
    }

    fn too_large(self) -> Refusal {
        Refusal::BodyTooLarge { limit: self.bytes }
    }
}

/// A time limit that costs nothing while the peer is quick.
struct Patience {
    limit: Duration,
    over: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    fn new(limit: Duration) -> Self {
        Self { limit, over: None }
    }

    /// The refusal, when the time is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Refusal> {
        let limit = self.limit;
        if self.over.is_none() && Handle::try_current().is_err() {
            // Without a timer, it would wait for ever.
            return Poll::Ready(Refusal::NotWired {
                missing: "tokio's timer",
                remedy: "run the server on a tokio runtime with `enable_time`",
            });
        }
        let over = self.over.get_or_insert_with(|| Box::pin(sleep(limit)));
        over.as_mut().poll(cx).map(|()| Refusal::BodyTooSlow { limit })
    }
}

/// One piece is handed on as it is; more are joined.
#[derive(Default)]
struct Pieces {
    first: Bytes,
    more: BytesMut,
}

impl Pieces {
    fn len(&self) -> usize {
        self.first.len() + self.more.len()
    }

    fn push(&mut self, piece: Bytes) {
        if self.len() == 0 {
            self.first = piece;
            return;
        }
        if self.more.is_empty() {
            self.more.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.more.extend_from_slice(&piece);
    }

    fn join(self) -> Bytes {
        if self.more.is_empty() {
            return self.first;
        }
        self.more.freeze()
    }
}

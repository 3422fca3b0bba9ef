//! Whose turn it is while a request goes to a service: its sender's, who has not sent all of it, or the service's.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::Error;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

use crate::forward::Patience;
use crate::refused::Refused;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Senders,
    Services,
}

/// Whose turn it is, and since when. A body that goes on is never slow, however long it is.
#[derive(Clone)]
pub(crate) struct Pace(Arc<Mutex<(Turn, Instant)>>);

impl Pace {
    /// The same body, watched.
    pub(crate) fn of(body: Body) -> (Self, Body) {
        let pace = Self(Arc::new(Mutex::new((Turn::Services, Instant::now()))));
        let watched = Watched {
            body,
            pace: pace.clone(),
        };
        (pace, Body::new(watched))
    }

    /// Comes when one of the two has taken too long.
    pub(crate) async fn lost(&self, patience: Patience) -> Refused {
        loop {
            let (turn, since) = self.now();
            let (limit, lost) = match turn {
                Turn::Senders => (patience.silence, Refused::SenderSlow),
                Turn::Services => (patience.answer, Refused::BackendSlow),
            };
            sleep_until(since + limit).await;
            if self.now() == (turn, since) {
                return lost;
            }
        }
    }

    fn now(&self) -> (Turn, Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_of(&self, turn: Turn, began: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (turn, began);
    }
}

struct Watched {
    body: Body,
    pace: Pace,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match (&polled, self.pace.now()) {
            (Poll::Pending, (Turn::Senders, _)) => {}
            (Poll::Pending, _) => self.pace.is_of(Turn::Senders, Instant::now()),
            (Poll::Ready(_), _) => self.pace.is_of(Turn::Services, Instant::now()),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

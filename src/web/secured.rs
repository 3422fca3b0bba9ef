use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::server::TlsStream;

use super::Connection;
use super::drain::Open;
use super::sources::Held;
use crate::stream::{Around, passes_on};

/// A TLS stream after its handshake, and the [`Connection`] that goes into its requests' extensions.
///
/// It counts as open until it is dropped; when a [`Drain`](super::Drain) cuts it off, the peer
/// is told with `close_notify`, and it fails.
#[derive(Debug)]
pub struct Secured<I> {
    stream: TlsStream<I>,
    connection: Connection,
    open: Cut,
    /// Its place among all that may be open.
    _held: Option<Held>,
}

/// What cuts it off; `None` when that has happened.
type Cut = Option<Open>;

impl<I> Secured<I> {
    pub(super) fn new(stream: TlsStream<I>, connection: Connection, open: Open, held: Option<Held>) -> Self {
        Self {
            stream,
            connection,
            open: Some(open),
            _held: held,
        }
    }

    /// What its peer claims.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The TLS stream itself. No [`Drain`](super::Drain) waits for it or cuts it off any more.
    pub fn into_inner(self) -> TlsStream<I> {
        self.stream
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Secured<I> {
    /// Says goodbye as far as the socket takes it at once: what is cut off has had its time.
    fn cut(&mut self, cx: &mut Context<'_>) {
        self.open = None;
        let _ = Pin::new(&mut self.stream).poll_shutdown(cx);
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Around for Secured<I> {
    type Inner = TlsStream<I>;

    fn inner(&self) -> &Self::Inner {
        &self.stream
    }

    fn inner_mut(&mut self) -> &mut Self::Inner {
        &mut self.stream
    }

    /// What the stream says, unless it waits and is cut off.
    fn after<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        // Asked only where the peer makes us wait: a stream that goes on is looked at again soon enough.
        let Poll::Pending = polled else {
            return polled;
        };
        if let Some(waiting) = &mut self.open {
            match waiting.poll_cut(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) => self.cut(cx),
            }
        }
        let reason = "the server is shutting down, and the time for open connections is over";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, reason)))
    }
}

passes_on!({I: AsyncRead + AsyncWrite + Unpin} Secured<I>);

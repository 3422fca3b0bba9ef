use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use super::Connection;
use super::drain::Open;

/// A TLS stream after its handshake, and the [`Connection`] that goes into its requests' extensions.
///
/// It counts as open until it is dropped; when a [`Drain`](super::Drain) cuts it off, it fails.
#[derive(Debug)]
pub struct Secured<I> {
    stream: TlsStream<I>,
    connection: Connection,
    open: Cut,
}

/// What cuts it off; `None` when that has happened.
type Cut = Option<Open>;

impl<I> Secured<I> {
    pub(super) fn new(stream: TlsStream<I>, connection: Connection, open: Open) -> Self {
        Self {
            stream,
            connection,
            open: Some(open),
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

/// What the stream says, unless it waits and is cut off.
fn unless_cut<T>(open: &mut Cut, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
    // Asked only where the peer makes us wait: a stream that goes on is looked at again soon enough.
    let Poll::Pending = polled else {
        return polled;
    };
    if let Some(waiting) = open {
        match waiting.poll_cut(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(()) => *open = None,
        }
    }
    let reason = "the server is shutting down, and the time for open connections is over";
    Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, reason)))
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncRead for Secured<I> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        unless_cut(&mut this.open, cx, polled)
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Secured<I> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, buf);
        unless_cut(&mut this.open, cx, polled)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_flush(cx);
        unless_cut(&mut this.open, cx, polled)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_shutdown(cx);
        unless_cut(&mut this.open, cx, polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        unless_cut(&mut this.open, cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

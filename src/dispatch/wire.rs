use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncBufRead as _, AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use crate::egress::Stream;
use crate::tls::PeerAlert;

/// What one connection's bytes tell beyond what HTTP does.
#[derive(Debug, Default)]
pub(super) struct Wire {
    alert: OnceLock<PeerAlert>,
    sent: AtomicU64,
}

impl Wire {
    /// The alert that the peer has sent, which hyper, and HTTP/2 above all, does not hand on whole.
    pub(super) fn alert(&self) -> Option<PeerAlert> {
        self.alert.get().copied()
    }

    /// How many bytes the system has taken to send them.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Acquire)
    }

    fn note(&self, error: &io::Error) {
        if let Some(alert) = PeerAlert::find(error) {
            let _ = self.alert.set(alert);
        }
    }
}

/// Below TLS: counts what was sent.
pub(super) struct Counted {
    io: Stream,
    wire: Arc<Wire>,
}

impl Counted {
    pub(super) fn new(io: Stream, wire: Arc<Wire>) -> Self {
        Self { io, wire }
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.io).poll_write(cx, buf);
        if let Poll::Ready(Ok(written)) = &poll {
            let written = u64::try_from(*written).unwrap_or(u64::MAX);
            self.wire.sent.fetch_add(written, Ordering::Release);
        }
        poll
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Above TLS: notes the peer's alert, also where it is found only after a write has failed.
///
/// Under TLS 1.3 the alert that refuses our certificate comes when we believe ourselves connected and have begun to
/// write. If the peer then closes with our request unread, the system resets the connection, and the first to notice is
/// a write: the alert waits in the receive buffer, and nobody would read it.
pub(super) struct Watched {
    tls: TlsStream<Counted>,
    wire: Arc<Wire>,
}

impl Watched {
    pub(super) fn new(tls: TlsStream<Counted>, wire: Arc<Wire>) -> Self {
        Self { tls, wire }
    }

    /// A write has failed: looks for the reason in what has been received, without taking any of it away.
    fn look_for_an_alert(&mut self, cx: &mut Context<'_>, error: &io::Error) {
        self.wire.note(error);
        if let Poll::Ready(Err(error)) = Pin::new(&mut self.tls).poll_fill_buf(cx) {
            self.wire.note(&error);
        }
    }

    fn written<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &poll {
            self.look_for_an_alert(cx, error);
        }
        poll
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.tls).poll_read(cx, buf);
        if let Poll::Ready(Err(error)) = &poll {
            self.wire.note(error);
        }
        poll
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.tls).poll_write(cx, buf);
        self.written(cx, poll)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.tls).poll_flush(cx);
        self.written(cx, poll)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.tls).poll_write_vectored(cx, bufs);
        self.written(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }
}

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

use super::watch::Watch;
use crate::stream::{Around, passes_on};
use crate::web::Secured;

/// A connection whose every byte is seen by a [`Watch`], and that fails once that is closed.
#[derive(Debug)]
pub(super) struct Watched<I> {
    io: Secured<I>,
    watch: Watch,
}

impl<I> Watched<I> {
    pub(super) fn new(io: Secured<I>, watch: Watch) -> Self {
        Self { io, watch }
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Around for Watched<I> {
    type Inner = Secured<I>;

    fn inner(&self) -> &Secured<I> {
        &self.io
    }

    fn inner_mut(&mut self) -> &mut Secured<I> {
        &mut self.io
    }

    fn after_read(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<()>>,
        read: &[u8],
    ) -> Poll<io::Result<()>> {
        if !read.is_empty() {
            self.watch.read(read);
        }
        if polled.is_pending() && self.watch.is_closed() {
            // So that the peer sees that this is the end, and not a fault of the network.
            let _ = Pin::new(&mut self.io).poll_shutdown(cx);
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        polled
    }

    fn after_write_of(&mut self, polled: &Poll<io::Result<usize>>, offered: &[IoSlice<'_>]) {
        match polled {
            Poll::Ready(Ok(written)) => {
                let mut left = *written;
                for piece in offered {
                    let taken = left.min(piece.len());
                    self.watch.wrote(piece.get(..taken).unwrap_or_default());
                    left -= taken;
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.watch.stalls(),
        }
    }

    fn after_flush(&mut self, _: &mut Context<'_>, polled: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        match polled {
            Poll::Pending => self.watch.stalls(),
            Poll::Ready(_) => self.watch.wrote(&[]),
        }
        polled
    }
}

passes_on!({I: AsyncRead + AsyncWrite + Unpin} Watched<I>);

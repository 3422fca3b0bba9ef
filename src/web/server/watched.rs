use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite};

use super::watch::Watch;
use crate::stream::{Around, passes_on};
use crate::web::Secured;

/// A connection whose every byte is seen by a [`Watch`].
#[derive(Debug)]
pub(super) struct Watched<I: AsyncRead + AsyncWrite + Unpin> {
    io: Secured<I>,
    watch: Watch,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Watched<I> {
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
        _: &mut Context<'_>,
        polled: Poll<io::Result<()>>,
        read: &[u8],
    ) -> Poll<io::Result<()>> {
        if !read.is_empty() {
            self.watch.read(read);
        }
        polled
    }

    fn after_write_of(&mut self, polled: &Poll<io::Result<usize>>, offered: &[IoSlice<'_>]) {
        match polled {
            Poll::Ready(Ok(written)) => {
                taken(offered, *written).for_each(|piece| self.watch.wrote(piece));
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

/// So many bytes of the pieces that were offered.
fn taken<'a>(offered: &'a [IoSlice<'_>], mut left: usize) -> impl Iterator<Item = &'a [u8]> {
    offered.iter().map(move |piece| {
        let taken = piece.get(..left.min(piece.len())).unwrap_or_default();
        left -= taken.len();
        taken
    })
}

/// However it ends, the peer sees that this was meant (RFC 8446 §6.1), as far as the system takes it at once.
impl<I: AsyncRead + AsyncWrite + Unpin> Drop for Watched<I> {
    fn drop(&mut self) {
        let _ = Pin::new(&mut self.io).poll_shutdown(&mut Context::from_waker(Waker::noop()));
    }
}

passes_on!({I: AsyncRead + AsyncWrite + Unpin} Watched<I>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_of_several_pieces_is_their_beginning() {
        let offered = [&b"abc"[..], b"", b"defg", b"hi"].map(IoSlice::new);
        for written in 0..=9 {
            let seen: Vec<_> = taken(&offered, written).flatten().copied().collect();
            assert_eq!(seen, b"abcdefghi"[..written]);
        }
    }
}

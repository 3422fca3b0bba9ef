//! Streams around streams, written once: what each does beside passing everything on.
//!
//! Whoever wraps a stream and forgets one of its calls is not told: `AsyncWrite` has defaults. Without vectored writes, TLS
//! writes one record where it wanted to write two, and an alert that stands behind another record is never sent.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// How long a peer that is left may take to read the last that was said to it.
const LINGER: Duration = Duration::from_millis(500);
/// How much of what it sends meanwhile is read and thrown away.
const LINGER_BYTES: u64 = 64 * 1024;

/// A stream of whatever kind.
#[cfg(any(feature = "dispatch", feature = "fetch"))]
pub(crate) trait ReadWrite: AsyncRead + AsyncWrite + Send + Unpin {}

#[cfg(any(feature = "dispatch", feature = "fetch"))]
impl<T: AsyncRead + AsyncWrite + Send + Unpin> ReadWrite for T {}

/// A stream around another one, to which [`passes_on!`] passes everything on. What it does itself, it does afterwards.
pub(crate) trait Around {
    type Inner: AsyncRead + AsyncWrite + Unpin;

    fn inner(&self) -> &Self::Inner;

    fn inner_mut(&mut self) -> &mut Self::Inner;

    /// Of a call that has no method of its own below: what is said in place of what the inner stream said.
    fn after<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let _ = cx;
        polled
    }

    /// After reading these bytes.
    fn after_read(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<()>>,
        read: &[u8],
    ) -> Poll<io::Result<()>> {
        let _ = read;
        self.after(cx, polled)
    }

    /// After a write for which so many bytes were offered.
    fn after_write(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<usize>>,
        offered: usize,
    ) -> Poll<io::Result<usize>> {
        let _ = offered;
        self.after(cx, polled)
    }

    /// The same, of what it was offered. For what a write means; [`after_write`](Self::after_write) says what becomes of it.
    fn after_write_of(&mut self, polled: &Poll<io::Result<usize>>, offered: &[io::IoSlice<'_>]) {
        let _ = (polled, offered);
    }

    fn after_flush(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        self.after(cx, polled)
    }
}

/// Makes a stream of what is [`Around`] one: `passes_on!({generics} type)`.
macro_rules! passes_on {
    ({$($generics:tt)*} $stream:ty) => {
        impl<$($generics)*> tokio::io::AsyncRead for $stream {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &mut tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let this = self.get_mut();
                let before = buf.filled().len();
                let polled = std::pin::Pin::new($crate::stream::Around::inner_mut(this)).poll_read(cx, buf);
                let read = buf.filled().get(before..).unwrap_or_default();
                $crate::stream::Around::after_read(this, cx, polled, read)
            }
        }

        impl<$($generics)*> tokio::io::AsyncWrite for $stream {
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let this = self.get_mut();
                let polled = std::pin::Pin::new($crate::stream::Around::inner_mut(this)).poll_write(cx, buf);
                $crate::stream::Around::after_write_of(this, &polled, &[std::io::IoSlice::new(buf)]);
                $crate::stream::Around::after_write(this, cx, polled, buf.len())
            }

            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bufs: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let this = self.get_mut();
                let inner = std::pin::Pin::new($crate::stream::Around::inner_mut(this));
                let polled = inner.poll_write_vectored(cx, bufs);
                $crate::stream::Around::after_write_of(this, &polled, bufs);
                let offered = bufs.iter().map(|buf| buf.len()).sum();
                $crate::stream::Around::after_write(this, cx, polled, offered)
            }

            fn is_write_vectored(&self) -> bool {
                $crate::stream::Around::inner(self).is_write_vectored()
            }

            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let this = self.get_mut();
                let polled = std::pin::Pin::new($crate::stream::Around::inner_mut(this)).poll_flush(cx);
                $crate::stream::Around::after_flush(this, cx, polled)
            }

            fn poll_shutdown(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let this = self.get_mut();
                let polled = std::pin::Pin::new($crate::stream::Around::inner_mut(this)).poll_shutdown(cx);
                $crate::stream::Around::after(this, cx, polled)
            }
        }
    };
}

pub(crate) use passes_on;

/// Leaves a peer so that it reads the last that was said to it.
///
/// Closing a socket that still holds unread bytes resets the connection, and the reset overtakes an alert: the peer would
/// never learn why. So what it sends is read for a moment.
pub(crate) async fn linger(mut io: impl AsyncRead + AsyncWrite + Unpin) {
    let leave = async {
        let _ = io.shutdown().await;
        let _ = tokio::io::copy(&mut (&mut io).take(LINGER_BYTES), &mut tokio::io::sink()).await;
    };
    let _ = timeout(LINGER, leave).await;
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;
    use std::pin::Pin;
    use std::task::Waker;

    use super::*;

    /// Writes down what it is asked for.
    #[derive(Default)]
    struct Noting(Vec<String>);

    impl AsyncRead for Noting {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut tokio::io::ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.0.push("read".into());
            buf.put_slice(b"abc");
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Noting {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            self.0.push(format!("write {}", buf.len()));
            Poll::Ready(Ok(buf.len()))
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            self.0.push(format!("write of {} slices", bufs.len()));
            Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.0.push("flush".into());
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.0.push("shutdown".into());
            Poll::Ready(Ok(()))
        }
    }

    /// What the hooks were told.
    struct Outer(Noting, Vec<usize>);

    impl Around for Outer {
        type Inner = Noting;

        fn inner(&self) -> &Noting {
            &self.0
        }

        fn inner_mut(&mut self) -> &mut Noting {
            &mut self.0
        }

        fn after_read(
            &mut self,
            _: &mut Context<'_>,
            polled: Poll<io::Result<()>>,
            read: &[u8],
        ) -> Poll<io::Result<()>> {
            self.1.push(read.len());
            polled
        }

        fn after_write(
            &mut self,
            _: &mut Context<'_>,
            polled: Poll<io::Result<usize>>,
            offered: usize,
        ) -> Poll<io::Result<usize>> {
            self.1.push(offered);
            polled
        }
    }

    passes_on!({} Outer);

    #[test]
    fn everything_is_passed_on_and_what_was_done_is_told() {
        let mut outer = Outer(Noting::default(), Vec::new());
        let cx = &mut Context::from_waker(Waker::noop());
        let mut io = Pin::new(&mut outer);
        let mut bytes = [0; 8];
        let mut buf = tokio::io::ReadBuf::new(&mut bytes);
        assert!(io.as_mut().poll_read(cx, &mut buf).is_ready());
        assert!(io.is_write_vectored());
        assert!(io.as_mut().poll_write(cx, b"ab").is_ready());
        let two = [IoSlice::new(b"ab"), IoSlice::new(b"cde")];
        assert!(io.as_mut().poll_write_vectored(cx, &two).is_ready());
        assert!(io.as_mut().poll_flush(cx).is_ready());
        assert!(io.as_mut().poll_shutdown(cx).is_ready());
        let asked = ["read", "write 2", "write of 2 slices", "flush", "shutdown"];
        assert_eq!(
            (outer.0.0, outer.1),
            (asked.map(String::from).to_vec(), vec![3, 2, 5])
        );
    }
}

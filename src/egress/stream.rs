use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection that the guard has let through: straight, or through a tunnel.
pub struct Stream(Way);

enum Way {
    Direct(TcpStream),
    Tunnel(TokioIo<Upgraded>),
}

impl Stream {
    pub(super) fn direct(tcp: TcpStream) -> Self {
        Self(Way::Direct(tcp))
    }

    pub(super) fn tunnel(upgraded: TokioIo<Upgraded>) -> Self {
        Self(Way::Tunnel(upgraded))
    }

    /// The address of the peer; `None` behind a proxy.
    pub fn peer(&self) -> Option<SocketAddr> {
        match &self.0 {
            Way::Direct(tcp) => tcp.peer_addr().ok(),
            Way::Tunnel(_) => None,
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("peer", &self.peer()).finish()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Way::Direct(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Way::Tunnel(tunnel) => Pin::new(tunnel).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Way::Direct(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Way::Tunnel(tunnel) => Pin::new(tunnel).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Way::Direct(tcp) => Pin::new(tcp).poll_flush(cx),
            Way::Tunnel(tunnel) => Pin::new(tunnel).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Way::Direct(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Way::Tunnel(tunnel) => Pin::new(tunnel).poll_shutdown(cx),
        }
    }
}

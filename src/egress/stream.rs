use std::fmt;
use std::net::SocketAddr;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::stream::{Around, ReadWrite, passes_on};

/// A connection that the guard has let through: straight, or through a tunnel.
pub struct Stream {
    io: Box<dyn ReadWrite>,
    peer: Option<SocketAddr>,
}

impl Stream {
    pub(super) fn direct(tcp: TcpStream) -> Self {
        Self {
            peer: tcp.peer_addr().ok(),
            io: Box::new(tcp),
        }
    }

    pub(super) fn tunnel(upgraded: TokioIo<Upgraded>) -> Self {
        Self {
            peer: None,
            io: Box::new(upgraded),
        }
    }

    /// The address of the peer; `None` behind a proxy.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("peer", &self.peer()).finish()
    }
}

impl Around for Stream {
    type Inner = Box<dyn ReadWrite>;

    fn inner(&self) -> &Self::Inner {
        &self.io
    }

    fn inner_mut(&mut self) -> &mut Self::Inner {
        &mut self.io
    }
}

passes_on!({} Stream);

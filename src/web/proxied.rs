//! The header of the PROXY protocol, read from a connection.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::observe::HandshakeFailure;
use crate::proxy_protocol::{Header, InvalidHeader, read};

/// Reads a load balancer's header, and not a byte of what comes after it. `None`: the connection is its own.
pub(super) async fn told_source<I>(io: &mut I) -> Result<Option<SocketAddr>, HandshakeFailure>
where
    I: AsyncRead + Unpin,
{
    let mut received = Vec::new();
    loop {
        let missing = match read(&received)? {
            Header::From(source) => return Ok(Some(source)),
            Header::Own => return Ok(None),
            Header::Needs(missing) => missing,
        };
        let most = u64::try_from(missing).unwrap_or(u64::MAX);
        let lost = |error: io::Error| HandshakeFailure::Io(error.to_string());
        let arrived = io.take(most).read_buf(&mut received).await.map_err(lost)?;
        match (arrived, received.is_empty()) {
            // A balancer that only looks whether the port is open.
            (0, true) => return Err(lost(io::ErrorKind::UnexpectedEof.into())),
            (0, false) => return Err(InvalidHeader::Truncated.into()),
            _ => {}
        }
    }
}

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::address::AddressGuard;

/// Resolves a name and connects to an address of it that the guard lets through. The address that is asked about is the
/// one that is connected to.
#[derive(Debug, Clone)]
pub(super) struct GuardedConnector {
    pub(super) guard: AddressGuard,
}

impl Service<Uri> for GuardedConnector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<TcpStream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let guard = self.guard.clone();
        Box::pin(async move { connect(&guard, &uri).await.map(TokioIo::new) })
    }
}

async fn connect(guard: &AddressGuard, uri: &Uri) -> io::Result<TcpStream> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let addresses = tokio::net::lookup_host((host, uri.port_u16().unwrap_or(443))).await?;
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match connect_to(guard, address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

async fn connect_to(guard: &AddressGuard, address: SocketAddr) -> io::Result<TcpStream> {
    guard
        .check(address)
        .map_err(|private| io::Error::new(io::ErrorKind::PermissionDenied, private))?;
    TcpStream::connect(address).await
}

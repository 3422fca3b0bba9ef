//! The connector of a hyper client: a name is resolved, its addresses are checked, and one is connected to.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tower_service::Service;

use super::{Egress, Stream};

/// How long a client that brings no time limit of its own may take to connect.
const WITHIN: Duration = Duration::from_secs(10);

/// The connector of a hyper client. The reason for which there is no connection is inside the error:
/// [`NotConnected`](super::NotConnected).
impl Service<Uri> for Egress {
    type Response = TokioIo<Stream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Stream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let egress = self.clone();
        Box::pin(async move {
            let host = uri.host().unwrap_or_default();
            let usual = if uri.scheme_str() == Some("http") { 80 } else { 443 };
            let port = uri.port_u16().unwrap_or(usual);
            let connected = egress.connect(host, port, WITHIN).await;
            connected.map(TokioIo::new).map_err(io::Error::other)
        })
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Connection;
use crate::observe::{Event, HandshakeFailure, Observer, Silent};
use crate::tls::rustls::ServerConfig;
use crate::tls::{Reason, handshake_failure};

/// How long a peer whose handshake failed may take to read the alert.
const LINGER: Duration = Duration::from_millis(500);
/// How much of what it sent meanwhile is read and thrown away.
const LINGER_BYTES: u64 = 64 * 1024;

/// Makes TLS connections of TCP connections, and tells exactly why it did not.
///
/// Each handshake has a time limit. For a loop that accepts, see [`Listener`], or spawn a task for each connection as
/// it does: never wait for a handshake before accepting the next connection.
#[derive(Debug, Clone)]
pub struct Acceptor {
    config: Arc<ServerConfig>,
    handshake_timeout: Duration,
    max_handshakes: usize,
    observer: Arc<dyn Observer>,
}

impl Acceptor {
    /// Accepts by this configuration: one that [`Tls`](crate::tls::Tls) made, or your own with a
    /// [`HandshakeVerifier`](crate::tls::HandshakeVerifier) in it.
    ///
    /// Early data (0-RTT) is turned off in it, since anybody can replay it.
    pub fn new(config: impl Into<Arc<ServerConfig>>) -> Self {
        let mut config = config.into();
        if config.max_early_data_size != 0 {
            Arc::make_mut(&mut config).max_early_data_size = 0;
        }
        Self {
            config,
            handshake_timeout: Duration::from_secs(10),
            max_handshakes: 2048,
            observer: Arc::new(Silent),
        }
    }

    /// A handshake may take this long. Default 10 seconds.
    #[must_use]
    pub fn with_handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// At most so many handshakes are under way at once in a [`Listener`], or done and not taken from it; further
    /// connections wait in the system's queue. Default 2048.
    #[must_use]
    pub fn with_max_handshakes(mut self, max: usize) -> Self {
        self.max_handshakes = max.max(1);
        self
    }

    /// Tells this observer.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// The handshake with one peer.
    ///
    /// # Errors
    /// [`HandshakeFailure`], after the peer was given the time to read its alert.
    pub async fn accept<I>(&self, io: I, peer: SocketAddr) -> Result<Secured<I>, HandshakeFailure>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let outcome = match timeout(self.handshake_timeout, self.handshake(io, peer)).await {
            Ok(outcome) => outcome,
            Err(_) => Err((HandshakeFailure::TimedOut, None)),
        };
        match outcome {
            Ok(secured) => {
                self.observer.observe(&Event::HandshakeCompleted { peer });
                Ok(secured)
            }
            Err((reason, io)) => {
                self.observer.observe(&Event::HandshakeFailed {
                    peer,
                    reason: &reason,
                });
                linger(io).await;
                Err(reason)
            }
        }
    }

    async fn handshake<I>(&self, io: I, peer: SocketAddr) -> Result<Secured<I>, (HandshakeFailure, Option<I>)>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let accept = pin!(TlsAcceptor::from(self.config.clone()).accept(io).into_fallible());
        let (outcome, reason) = Reason::watch_all(accept).await;
        let stream = outcome.map_err(|(error, io)| (handshake_failure(&error, reason), Some(io)))?;
        let tls = stream.get_ref().1;
        let connection = Connection::new(peer, tls.peer_certificates());
        let connection = connection.map_err(|malformed| (malformed.into(), None))?;
        let connection = match tls.server_name() {
            Some(name) => connection.with_server_name(name),
            None => connection,
        };
        Ok(Secured { stream, connection })
    }
}

/// Closing a socket that still holds unread bytes resets the connection, and the reset overtakes the alert: the peer
/// would never learn why. So what it sends is read for a moment.
async fn linger<I: AsyncRead + AsyncWrite + Unpin>(io: Option<I>) {
    let Some(mut io) = io else { return };
    let drain = async {
        let _ = io.shutdown().await;
        let _ = tokio::io::copy(&mut (&mut io).take(LINGER_BYTES), &mut tokio::io::sink()).await;
    };
    let _ = timeout(LINGER, drain).await;
}

/// A TLS stream after its handshake, and the [`Connection`] that goes into its requests' extensions.
#[derive(Debug)]
pub struct Secured<I> {
    stream: TlsStream<I>,
    connection: Connection,
}

impl<I> Secured<I> {
    /// What its peer claims.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The TLS stream itself.
    pub fn into_inner(self) -> TlsStream<I> {
        self.stream
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncRead for Secured<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Secured<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// A TCP port whose connections come out after their handshake.
///
/// Handshakes run beside each other, so a peer that is silent or slow delays nobody. In axum it goes into
/// `axum::serve`; without axum, call [`accept`](Self::accept) in a loop. Dropping it closes the port.
#[derive(Debug)]
pub struct Listener {
    local_addr: SocketAddr,
    secured: mpsc::Receiver<Secured<TcpStream>>,
    accepting: JoinHandle<()>,
}

impl Listener {
    /// Listens on this address.
    ///
    /// # Errors
    /// What the system says when the port cannot be had.
    pub async fn bind(address: impl ToSocketAddrs, acceptor: Acceptor) -> io::Result<Self> {
        Self::on(TcpListener::bind(address).await?, acceptor)
    }

    /// Listens on a port that is open already.
    ///
    /// # Errors
    /// What the system says when the port's address cannot be told.
    pub fn on(tcp: TcpListener, acceptor: Acceptor) -> io::Result<Self> {
        let local_addr = tcp.local_addr()?;
        let (sender, secured) = mpsc::channel(64);
        let accepting = tokio::spawn(accept_all(tcp, acceptor, sender));
        Ok(Self {
            local_addr,
            secured,
            accepting,
        })
    }

    /// The next connection whose handshake is done. Never ends.
    pub async fn accept(&mut self) -> (Secured<TcpStream>, SocketAddr) {
        match self.secured.recv().await {
            Some(secured) => {
                let peer = secured.connection().peer();
                (secured, peer)
            }
            // The accepting task ends only with the listener itself.
            None => std::future::pending().await,
        }
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept_all(tcp: TcpListener, acceptor: Acceptor, secured: mpsc::Sender<Secured<TcpStream>>) {
    let room = Arc::new(Semaphore::new(acceptor.max_handshakes));
    // Handshakes end with this task, since the set is dropped with it.
    let mut handshakes = JoinSet::new();
    while let Ok(place) = room.clone().acquire_owned().await {
        while handshakes.try_join_next().is_some() {}
        let (io, peer) = match tcp.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                back_off(&error).await;
                continue;
            }
        };
        // An answer leaves in several small writes; none of them is to wait for the peer's delayed acknowledgement.
        let _ = io.set_nodelay(true);
        let (acceptor, secured) = (acceptor.clone(), secured.clone());
        handshakes.spawn(async move {
            if let Ok(accepted) = acceptor.accept(io, peer).await {
                // The place is kept meanwhile: a server that accepts no more makes the senders wait, not the memory grow.
                let _ = secured.send(accepted).await;
            }
            drop(place);
        });
    }
}

/// A connection that was gone before it was accepted is nothing; running out of file descriptors needs a pause.
async fn back_off(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    ) {
        sleep(Duration::from_secs(1)).await;
    }
}

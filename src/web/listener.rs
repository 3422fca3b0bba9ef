use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet, yield_now};
use tokio::time::sleep;

use super::{Acceptor, Drain, Secured};

/// A TLS listener: a TCP port whose connections come out after their handshake.
///
/// Handshakes run beside each other, so a peer that is silent or slow delays nobody. In axum it goes into
/// `axum::serve`; without axum, call [`next`](Self::next) in a loop. Dropping it closes the port;
/// [`drain`](Self::drain) does so without cutting anybody off.
///
/// ```
/// use countersign::testing::TestCa;
/// use countersign::tls::rustls;
/// use countersign::web::{Acceptor, Listener};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let own = TestCa::new("Acme Root").server("hooks.example").issue();
/// let config = rustls::ServerConfig::builder_with_provider(
///     rustls::crypto::aws_lc_rs::default_provider().into()
/// )
///     .with_safe_default_protocol_versions()?
///     .with_no_client_auth()
///     .with_single_cert(own.chain(), own.key())?;
/// let listener = Listener::bind("127.0.0.1:0", Acceptor::new(config)).await?;
/// assert_ne!(listener.local_addr().port(), 0);
/// // `axum::serve(listener, app)`, or `listener.accept().await` for each connection.
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Listener {
    local_addr: SocketAddr,
    secured: mpsc::Receiver<Accepted>,
    accepting: JoinHandle<()>,
    drain: Drain,
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
        Ok(Self::at(tcp.local_addr()?, tcp, acceptor))
    }

    pub(super) fn at(local_addr: SocketAddr, tcp: TcpListener, acceptor: Acceptor) -> Self {
        let drain = acceptor.drain();
        let (sender, secured) = mpsc::channel(64);
        // Whose handshake is not done has sent nothing that could be lost: it is not waited for.
        let accepting = tokio::spawn(until(
            drain.begun(),
            accept_all(tcp, local_addr, acceptor, sender),
        ));
        Self {
            local_addr,
            secured,
            accepting,
            drain,
        }
    }

    /// The next connection whose handshake is done; `None` once it is drained.
    ///
    /// Nothing is lost when it is dropped before it is ready.
    pub async fn next(&mut self) -> Option<(Secured<TcpStream>, SocketAddr)> {
        self.secured.recv().await
    }

    /// The next connection, for servers that know no end: once it is drained, it waits for ever.
    pub async fn accept(&mut self) -> (Secured<TcpStream>, SocketAddr) {
        match self.next().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    /// What ends it.
    pub fn drain(&self) -> Drain {
        self.drain.clone()
    }

    /// The address that it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The work, as long as that has not happened.
async fn until(happens: impl Future<Output = ()>, work: impl Future<Output = ()>) {
    let (mut happens, mut work) = (pin!(happens), pin!(work));
    poll_fn(|cx| match happens.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => work.as_mut().poll(cx),
    })
    .await;
}

/// A connection whose handshake is done, and where it comes from.
type Accepted = (Secured<TcpStream>, SocketAddr);

async fn accept_all(tcp: TcpListener, at: SocketAddr, acceptor: Acceptor, secured: mpsc::Sender<Accepted>) {
    let mut pause = Pause::default();
    // Handshakes end with this task, since the set is dropped with it.
    let mut handshakes = JoinSet::new();
    while let Some(place) = acceptor.place().await {
        while handshakes.try_join_next().is_some() {}
        let (io, peer) = match tcp.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                if is_of_one_peer(&error) {
                    yield_now().await;
                } else {
                    acceptor.tell_of(&error, at);
                    sleep(pause.next()).await;
                }
                continue;
            }
        };
        pause = Pause::default();
        let Ok(mut arrival) = acceptor.meet(peer) else {
            continue;
        };
        // An answer leaves in several small writes; none of them is to wait for the peer's delayed acknowledgement.
        let _ = io.set_nodelay(true);
        let (acceptor, secured) = (acceptor.clone(), secured.clone());
        handshakes.spawn(async move {
            if let Ok(accepted) = acceptor.accept_in(&place, io, &mut arrival).await {
                // The place is kept meanwhile: a server that accepts no more makes the senders wait, not the memory grow.
                let _ = secured.send((accepted, arrival.peer())).await;
            }
            drop((place, arrival));
        });
    }
}

/// How long to wait after the system could not accept: ten milliseconds, twice as long each time, and a second at most.
/// So what runs out of file descriptors is neither asked in a busy loop, nor idle for long after one is free.
#[derive(Default)]
struct Pause(u32);

impl Pause {
    fn next(&mut self) -> Duration {
        let pause = Duration::from_millis(10 << self.0.min(7));
        self.0 = self.0.saturating_add(1);
        pause.min(Duration::from_secs(1))
    }
}

/// Whether it is about a connection that was gone before it was accepted: nobody has to hear of it, nor to wait.
fn is_of_one_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut,
    };
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionRefused
            | ConnectionReset
            | HostUnreachable
            | NetworkUnreachable
            | TimedOut
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A crowd that hangs up early costs nobody a pause; what the system lacks is waited for, longer each time.
    #[test]
    fn what_one_peer_does_is_no_reason_to_pause() {
        use io::ErrorKind::{
            ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable,
            OutOfMemory, PermissionDenied, TimedOut,
        };
        let of_one = [
            ConnectionAborted,
            ConnectionRefused,
            ConnectionReset,
            HostUnreachable,
            NetworkUnreachable,
            TimedOut,
        ];
        assert!(of_one.iter().all(|kind| is_of_one_peer(&(*kind).into())));
        let (no_descriptors, none_in_the_system) = (24, 23);
        for error in [no_descriptors, none_in_the_system].map(io::Error::from_raw_os_error) {
            assert!(!is_of_one_peer(&error), "{error}");
        }
        assert!(!is_of_one_peer(&OutOfMemory.into()) && !is_of_one_peer(&PermissionDenied.into()));
        let mut pause = Pause::default();
        let pauses: Vec<_> = (0..9).map(|_| pause.next().as_millis()).collect();
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    }
}

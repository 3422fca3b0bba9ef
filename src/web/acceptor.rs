use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::handshake::{Done, Failed, Names, verdict};
use super::sources::{Sources, Taken};
use super::{Drain, Secured, Sites};
use crate::breaker::{Breaker, Verdict};
use crate::clock::Clock;
use crate::live::Live;
use crate::observe::{Event, HandshakeFailure, Observer, Silent};
use crate::stream::linger;
use crate::tls::rustls::ServerConfig;

/// A TLS acceptor: it makes TLS connections of TCP connections, and tells exactly why it did not.
///
/// Each handshake has a time limit, and only so many are under way at once, in all and of one source. For a loop that accepts, see
/// [`Listener`](super::Listener), or spawn a task for each connection as it does: never wait for a handshake before
/// accepting the next connection. Clones share the places for handshakes, and the [`Drain`].
#[derive(Debug, Clone)]
pub struct Acceptor {
    names: Names,
    protocols: Option<Protocols>,
    handshake_timeout: Duration,
    places: Arc<Semaphore>,
    max_handshakes: usize,
    /// Unless it was set, a part of all.
    per_source: Option<usize>,
    sources: Sources,
    drain: Drain,
    observer: Arc<dyn Observer>,
}

/// The versions of HTTP inside TLS, offered by ALPN (RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocols {
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only: gRPC.
    Http2,
    /// HTTP/2 where the client can, else HTTP/1.1.
    Http2OrHttp1,
}

impl Protocols {
    pub(super) fn alpn(self) -> Vec<Vec<u8>> {
        let (h1, h2) = (b"http/1.1".to_vec(), b"h2".to_vec());
        match self {
            Self::Http1 => vec![h1],
            Self::Http2 => vec![h2],
            Self::Http2OrHttp1 => vec![h2, h1],
        }
    }
}

const MAX_HANDSHAKES: usize = 2048;

/// One source's part of so many handshakes. Fewer than 16 would be too few for some clients behind one address.
fn share(of: usize) -> usize {
    (of / 8).max(16)
}

impl Acceptor {
    /// Accepts by this configuration: one that [`Tls`](crate::tls::Tls) made, or your own with a
    /// [`HandshakeVerifier`](crate::tls::HandshakeVerifier) in it.
    ///
    /// Early data (0-RTT) is turned off in it, since anybody can replay it.
    pub fn new(config: impl Into<Arc<ServerConfig>>) -> Self {
        Self::by(Names::Any(config.into()))
    }

    /// Accepts by the configuration of the site whose name the client asks for; a name that has none is refused with
    /// the alert `unrecognized_name`.
    ///
    /// Put [`CallerLayer::by_host`](super::CallerLayer::by_host) around the routes, with the same sites: what the client
    /// asks for in the handshake does not bind what it asks for afterwards.
    pub fn by_server_name(sites: impl Into<Live<Sites>>) -> Self {
        Self::by(Names::Sites(sites.into()))
    }

    fn by(names: Names) -> Self {
        Self {
            names,
            protocols: None,
            handshake_timeout: Duration::from_secs(10),
            places: Arc::new(Semaphore::new(MAX_HANDSHAKES)),
            max_handshakes: MAX_HANDSHAKES,
            per_source: None,
            sources: Sources::new(share(MAX_HANDSHAKES)),
            drain: Drain::new(),
            observer: Arc::new(Silent),
        }
    }

    /// Offers these protocols, whatever the configuration says. Say here what your HTTP server can do.
    ///
    /// By default the configuration's own `alpn_protocols` are offered, and those of [`Tls`](crate::tls::Tls) are none:
    /// then clients speak HTTP/1.1, unless they know beforehand that the server does HTTP/2.
    #[must_use]
    pub fn with_protocols(mut self, protocols: Protocols) -> Self {
        self.protocols = Some(protocols);
        self
    }

    /// A handshake may take this long, the wait for a place included. Default 10 seconds.
    #[must_use]
    pub fn with_handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// At most so many handshakes are under way at once, or done and not taken from the
    /// [`Listener`](super::Listener), in which further connections wait in the system's queue. Default 2048. A
    /// connection that was accepted holds no place.
    #[must_use]
    pub fn with_max_handshakes(mut self, max: usize) -> Self {
        self.max_handshakes = max.clamp(1, Semaphore::MAX_PERMITS);
        self.places = Arc::new(Semaphore::new(self.max_handshakes));
        self.share_out()
    }

    /// At most so many of them are of one [`source`](crate::breaker::source): an IPv4 address, or 64 bits of an IPv6 one.
    /// Its further connections are closed before TLS, as [`HandshakeFailure::ShareUsedUp`], so that one peer with
    /// thousands of silent connections does not make all others wait. At least 1; default an eighth of all, and 16 at
    /// least.
    ///
    /// A handshake takes milliseconds, so a share serves thousands of good clients behind one address. Where *all* come
    /// from one address, since a load balancer or a proxy hides theirs, set it to the number of all: there, whoever
    /// has the addresses must see to this.
    ///
    /// # Security
    /// Whoever has many addresses has many shares. Then the number of all and the time limit are the bounds.
    #[must_use]
    pub fn with_max_handshakes_per_source(mut self, max: usize) -> Self {
        self.per_source = Some(max);
        self.share_out()
    }

    fn share_out(mut self) -> Self {
        let by_default = share(self.max_handshakes);
        self.sources.set_share(self.per_source.unwrap_or(by_default));
        self
    }

    /// Tells this observer.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// What ends it, and counts the connections that it has made and that are still open.
    pub fn drain(&self) -> Drain {
        self.drain.clone()
    }

    /// Turns connections away before TLS while the handshakes of their source fail too often, as this breaker says. The
    /// key is [`source`](crate::breaker::source): an IPv4 address, or 64 bits of an IPv6 one.
    ///
    /// A handshake that is completed is a success; one that the peer breaks off, gets wrong, or takes too long for is a
    /// failure. It does not count where the peer said nothing at all, whether it went away or was left when its time was
    /// over, or refused us by an alert. How many can be silent at once, says
    /// [`with_max_handshakes_per_source`](Self::with_max_handshakes_per_source).
    ///
    /// # Security
    /// Not behind a proxy whose address all senders share: one of them could shut out the others.
    #[must_use]
    pub fn with_breaker(mut self, breaker: Breaker<IpAddr>) -> Self {
        self.sources.breaker = Some(breaker);
        self
    }

    /// Takes the present from there, for the breaker.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.sources.clock = clock;
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
        let mut taken = self.take(peer)?;
        let begun = Instant::now();
        let Ok(_place) = timeout(self.handshake_timeout, self.place()).await else {
            let failed = Failed::<I>::gone(HandshakeFailure::TimedOut, Verdict::NotCounted);
            return Err(self.refuse(peer, &mut taken, failed).await);
        };
        let left = self.handshake_timeout.saturating_sub(begun.elapsed());
        self.accept_taken(io, peer, &mut taken, left).await
    }

    /// Whether to deal with this peer at all.
    pub(super) fn take(&self, peer: SocketAddr) -> Result<Taken, HandshakeFailure> {
        let taken = self.sources.take(peer, &self.observer);
        taken.inspect_err(|reason| self.observer.observe(&Event::HandshakeFailed { peer, reason }))
    }

    /// A port accepts nothing just now.
    pub(super) fn tell_of(&self, error: &io::Error, at: SocketAddr) {
        self.observer.observe(&Event::AcceptFailed { at, error });
    }

    /// A place for one handshake, for as long as it is held. `None` never comes: nobody closes the semaphore.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().acquire_owned().await.ok()
    }

    /// The handshake of one who has a place.
    pub(super) async fn accept_in<I>(
        &self,
        _place: &OwnedSemaphorePermit,
        io: I,
        peer: SocketAddr,
        taken: &mut Taken,
    ) -> Result<Secured<I>, HandshakeFailure>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        self.accept_taken(io, peer, taken, self.handshake_timeout).await
    }

    async fn accept_taken<I>(
        &self,
        io: I,
        peer: SocketAddr,
        taken: &mut Taken,
        limit: Duration,
    ) -> Result<Secured<I>, HandshakeFailure>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let heard = AtomicBool::new(false);
        let handshake = self.names.handshake(io, peer, self.protocols, &heard);
        let failed = match timeout(limit, handshake).await {
            Ok(Ok(done)) => return Ok(self.complete(peer, taken, done)),
            Ok(Err(failed)) => failed,
            Err(_) => Failed::gone(HandshakeFailure::TimedOut, verdict(None, &heard)),
        };
        Err(self.refuse(peer, taken, failed).await)
    }

    fn complete<I>(&self, peer: SocketAddr, taken: &mut Taken, done: Done<I>) -> Secured<I> {
        let handshake = done.handshake;
        self.sources.record(taken, Verdict::Success, &self.observer);
        self.observer
            .observe(&Event::HandshakeCompleted { peer, handshake });
        Secured::new(done.stream, done.connection, self.drain.open())
    }

    async fn refuse<I>(&self, peer: SocketAddr, taken: &mut Taken, failed: Failed<I>) -> HandshakeFailure
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        self.sources.record(taken, failed.verdict, &self.observer);
        self.observer.observe(&Event::HandshakeFailed {
            peer,
            reason: &failed.reason,
        });
        if let Some(io) = failed.io {
            linger(io).await;
        }
        failed.reason
    }
}

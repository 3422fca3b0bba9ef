use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout};

use super::handshake::{Done, Failed, Names, verdict};
#[cfg(feature = "proxy-protocol")]
use super::proxied::told_source;
use super::sources::{Sources, Taken};
use super::{Drain, Protocols, Secured, Sites};
use crate::breaker::{Breaker, Verdict};
use crate::clock::Clock;
use crate::identity::Certificate;
use crate::live::Live;
use crate::observe::{
    ClaimedCertificate, Event, HandshakeFailure, Observer, PeerCertificate, Silent, guarded,
};
#[cfg(feature = "proxy-protocol")]
use crate::proxy_protocol::ProxyProtocol;
use crate::stream::linger;
use crate::tls::rustls::ServerConfig;

/// A TLS acceptor: it makes TLS connections of TCP connections, and tells exactly why it did not.
///
/// Each handshake has a time limit, and only so many are under way at once, in all and of one source. For a loop that accepts, see
/// [`Listener`](super::Listener), or spawn a task for each connection as it does: never wait for a handshake before
/// accepting the next connection. Clones share the places for handshakes, and the [`Drain`].
///
/// ```
/// use countersign::gate::Policy;
/// use countersign::testing::{NOW, TestCa};
/// use countersign::tls::{ClientAuth, Credentials, Tls, rustls};
/// use countersign::web::{Acceptor, CallerLayer};
/// # use countersign::tenant::TenantTable;
/// # use countersign::trust::PrivateCa;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let (ca, tls) = (TestCa::new("Acme Root"), Tls::new(rustls::crypto::aws_lc_rs::default_provider().into()));
/// # let own = ca.server("hooks.example").issue();
/// # let own = Credentials::from_pem(tls.provider(), own.chain_pem().as_bytes(), own.key_pem().as_bytes())?;
/// # let trust = PrivateCa::from_pem(ca.pem().as_bytes(), tls.algorithms(), NOW)?;
/// # let tenants = TenantTable::builder().uri("spiffe://acme.example/tenant/{tenant}").known(["acme"]).build()?;
/// let policy = Policy::new(trust, tenants);
/// let acceptor = Acceptor::new(tls.server_config(&own, policy.trust(), ClientAuth::Require)?);
/// let routes = CallerLayer::new(policy);
///
/// // What does not speak TLS is no connection, and says so.
/// let plain = std::io::Cursor::new(b"GET / HTTP/1.1\r\n\r\n".to_vec());
/// let failure = acceptor.accept(plain, ([192, 0, 2, 1], 4711).into()).await.expect_err("no TLS");
/// assert_eq!(failure.code(), "handshake.tls");
/// # drop(routes);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Acceptor {
    names: Names,
    protocols: Option<Protocols>,
    /// Where nobody says otherwise.
    by_default: Option<Protocols>,
    handshake_timeout: Duration,
    places: Arc<Semaphore>,
    max_handshakes: usize,
    /// Unless it was set, a part of all.
    per_source: Option<usize>,
    sources: Sources,
    #[cfg(feature = "proxy-protocol")]
    balancers: Option<ProxyProtocol>,
    drain: Drain,
    observer: Arc<dyn Observer>,
}

/// A connection that has come in, and whose it is taken for.
pub(super) struct Arrival {
    peer: SocketAddr,
    /// A load balancer's is taken for nobody's until its header is read.
    taken: Option<Taken>,
    begun: Instant,
}

impl Arrival {
    /// Where it comes from, as far as is known: before its header is read, a load balancer's comes from there.
    pub(super) fn peer(&self) -> SocketAddr {
        self.peer
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
            by_default: None,
            handshake_timeout: Duration::from_secs(10),
            places: Arc::new(Semaphore::new(MAX_HANDSHAKES)),
            max_handshakes: MAX_HANDSHAKES,
            per_source: None,
            sources: Sources::new(share(MAX_HANDSHAKES)),
            #[cfg(feature = "proxy-protocol")]
            balancers: None,
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

    /// Reads the PROXY protocol in front of TLS, from these load balancers: the peer is whom they tell of, in
    /// [`Connection::peer`](super::Connection::peer), in events, for the breaker and for the shares. What such a connection
    /// does before that counts against nobody.
    ///
    /// The time for a header is the handshake's, and is part of it.
    ///
    /// # Security
    /// From anybody else a header is refused, and a load balancer's connection without one, both as
    /// [`InvalidHeader`](crate::proxy_protocol::InvalidHeader): otherwise each sender could choose where he comes from, or
    /// all of them would come from the balancer. Further, see [`ProxyProtocol`].
    #[cfg(feature = "proxy-protocol")]
    #[must_use]
    pub fn with_proxy_protocol(mut self, balancers: ProxyProtocol) -> Self {
        self.balancers = Some(balancers);
        self
    }

    /// A handshake may take this long, the wait for a place included. Default 10 seconds.
    #[must_use]
    pub fn with_handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// Allows at most so many handshakes under way at once, or done and not taken from the [`Listener`](super::Listener).
    /// Default 2048. Further connections wait in the system's queue; one that was accepted holds no place.
    #[must_use]
    pub fn with_max_handshakes(mut self, max: usize) -> Self {
        self.max_handshakes = max.clamp(1, Semaphore::MAX_PERMITS);
        self.places = Arc::new(Semaphore::new(self.max_handshakes));
        self.share_out()
    }

    /// Allows at most so many of them of one [`source`](crate::breaker::source): an IPv4 address, or 64 bits of an IPv6 one.
    /// Its further connections are closed before TLS, as [`HandshakeFailure::ShareUsedUp`], so that one peer with
    /// thousands of silent connections does not make all others wait. At least 1; default an eighth of all, and 16 at
    /// least.
    ///
    /// A handshake takes milliseconds, so a share serves thousands of good clients behind one address. Where *all* come
    /// from one address, since a load balancer or a proxy hides theirs, have it tell them
    /// (`with_proxy_protocol`), or set it to the number of all: there, whoever has the addresses must see to this.
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
        self.observer = guarded(observer);
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
    /// Without [`with_pace`](Self::with_pace), one client shuts out the others behind its address. Not behind a proxy whose
    /// address all senders share, unless it tells theirs (`with_proxy_protocol`).
    #[must_use]
    pub fn with_breaker(mut self, breaker: Breaker<IpAddr>) -> Self {
        self.sources.breaker = Some(breaker);
        self
    }

    /// Lets a source that the [breaker](Self::with_breaker) blocks have its handshakes all the same, one after the other and
    /// so far apart: a client that loops on a refused certificate costs so many handshakes and no more, and a good one
    /// behind the same address waits for its turn. 50 milliseconds make 20 handshakes in a second.
    ///
    /// A turn that is further away than half of a handshake's time is not waited for: that connection is closed before TLS, as
    /// [`HandshakeFailure::Blocked`]. While it waits, it holds a part of its source's share and a place.
    ///
    /// # Security
    /// What a client does in its turn does not count, but for the probes of the breaker. A source that opens many
    /// connections at once uses up its turns, and shuts out its own.
    #[must_use]
    pub fn with_pace(mut self, apart: Duration) -> Self {
        self.sources.set_pace(apart);
        self
    }

    /// Takes the present from there, for the breaker, and for what is told of failures.
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
        let mut arrival = self.meet(peer)?;
        let begun = arrival.begun;
        let Ok(_place) = timeout(self.handshake_timeout, self.place()).await else {
            let failed = Failed::<I>::gone(HandshakeFailure::TimedOut, Verdict::NotCounted);
            return Err(self.refuse(&mut arrival, failed).await);
        };
        let left = self.handshake_timeout.saturating_sub(begun.elapsed());
        self.accept_within(left, io, &mut arrival).await
    }

    /// Whether to deal with this connection at all.
    pub(super) fn meet(&self, peer: SocketAddr) -> Result<Arrival, HandshakeFailure> {
        #[cfg(feature = "proxy-protocol")]
        if self.is_balancer(peer) {
            let (taken, begun) = (None, Instant::now());
            return Ok(Arrival { peer, taken, begun });
        }
        let begun = Instant::now();
        let taken = Some(self.take(peer, self.handshake_timeout)?);
        Ok(Arrival { peer, taken, begun })
    }

    /// Half of the time is for its turn, and half for the handshake.
    fn take(&self, peer: SocketAddr, limit: Duration) -> Result<Taken, HandshakeFailure> {
        let taken = self.sources.take(peer, limit / 2, &self.observer);
        taken.inspect_err(|reason| self.tell_why(peer, reason, None))
    }

    fn tell_why(&self, peer: SocketAddr, reason: &HandshakeFailure, claimed: Option<&Certificate>) {
        self.observer.observe(&Event::HandshakeFailed {
            peer,
            reason,
            claimed: claimed.map(ClaimedCertificate::of),
            at: self.sources.clock.now(),
        });
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
        arrival: &mut Arrival,
    ) -> Result<Secured<I>, HandshakeFailure>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        self.accept_within(self.handshake_timeout, io, arrival).await
    }

    async fn accept_within<I>(
        &self,
        limit: Duration,
        io: I,
        arrival: &mut Arrival,
    ) -> Result<Secured<I>, HandshakeFailure>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let begun = Instant::now();
        #[cfg(feature = "proxy-protocol")]
        let io = self.learn(limit, io, arrival).await?;
        if let Some(turn) = arrival.taken.as_ref().and_then(Taken::turn) {
            sleep_until(turn).await;
        }
        let left = limit.saturating_sub(begun.elapsed());
        let peer = arrival.peer;
        self.observer.observe(&Event::HandshakeStarted { peer });
        let heard = AtomicBool::new(false);
        let protocols = (self.protocols, self.by_default);
        let handshake = self.names.handshake(io, arrival.peer, protocols, &heard);
        let failed = match timeout(left, handshake).await {
            Ok(Ok(done)) => return Ok(self.complete(arrival, done)),
            Ok(Err(failed)) => failed,
            Err(_) => Failed::gone(HandshakeFailure::TimedOut, verdict(None, &heard)),
        };
        Err(self.refuse(arrival, failed).await)
    }

    fn complete<I>(&self, arrival: &mut Arrival, done: Done<I>) -> Secured<I> {
        let (peer, handshake) = (arrival.peer, done.handshake);
        let held = arrival.taken.as_mut().and_then(Taken::hold);
        self.record(arrival, Verdict::Success);
        self.observer.observe(&Event::HandshakeCompleted {
            peer,
            handshake,
            certificate: done.connection.certificate().map(PeerCertificate::of),
            took: arrival.begun.elapsed(),
        });
        Secured::new(done.stream, done.connection, self.drain.open(), held)
    }

    async fn refuse<I>(&self, arrival: &mut Arrival, failed: Failed<I>) -> HandshakeFailure
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        self.record(arrival, failed.verdict);
        self.tell_why(arrival.peer, &failed.reason, failed.claimed.as_deref());
        if let Some(io) = failed.io {
            linger(io).await;
        }
        failed.reason
    }

    fn record(&self, arrival: &mut Arrival, verdict: Verdict) {
        if let Some(taken) = &mut arrival.taken {
            self.sources.record(taken, verdict, &self.observer);
        }
    }
}

/// What a server of ours knows of it.
#[cfg(feature = "server")]
impl Acceptor {
    /// Offers these protocols where neither it nor its configuration was told any.
    pub(super) fn offering_by_default(mut self, protocols: Protocols) -> Self {
        self.by_default = Some(protocols);
        self
    }

    /// Takes no more connections than these, in all and of one source, until they are closed.
    pub(super) fn with_max_connections(mut self, in_all: usize, per_source: usize) -> Self {
        self.sources.set_connections(in_all, per_source);
        self
    }

    pub(super) fn clock(&self) -> Clock {
        self.sources.clock.clone()
    }

    pub(super) fn observer(&self) -> Arc<dyn Observer> {
        self.observer.clone()
    }
}

/// What stands in front of TLS.
#[cfg(feature = "proxy-protocol")]
impl Acceptor {
    fn is_balancer(&self, peer: SocketAddr) -> bool {
        let balancers = self.balancers.as_ref();
        balancers.is_some_and(|balancers| balancers.is_spoken_by(peer.ip()))
    }

    /// Learns from a load balancer whose connection it is, and whether to deal with that peer.
    async fn learn<I>(&self, limit: Duration, mut io: I, arrival: &mut Arrival) -> Result<I, HandshakeFailure>
    where
        I: AsyncRead + Unpin,
    {
        if arrival.taken.is_some() {
            return Ok(io);
        }
        let begun = Instant::now();
        let told = timeout(limit, told_source(&mut io)).await;
        let told = told.unwrap_or(Err(HandshakeFailure::TimedOut));
        if let Some(source) = told.inspect_err(|reason| self.tell_why(arrival.peer, reason, None))? {
            arrival.peer = source;
        }
        let left = limit.saturating_sub(begun.elapsed());
        arrival.taken = Some(self.take(arrival.peer, left)?);
        Ok(io)
    }
}

mod accepting;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::handshake::Names;
use super::sources::Sources;
use super::{Drain, Protocols, Sites};
use crate::breaker::Breaker;
use crate::clock::Clock;
use crate::live::Live;
use crate::observe::{Observer, Silent, guarded};
#[cfg(feature = "proxy-protocol")]
use crate::proxy_protocol::ProxyProtocol;
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
    /// Its further connections are closed before TLS, as [`HandshakeFailure::ShareUsedUp`](crate::observe::HandshakeFailure::ShareUsedUp), so that one peer with
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
    /// [`HandshakeFailure::Blocked`](crate::observe::HandshakeFailure::Blocked). While it waits, it holds a part of its source's share and a place.
    ///
    /// # Security
    /// What a client does in its turn does not count, but for the probes of the breaker. A source that opens many
    /// connections at once uses up its turns, and shuts out its own.
    #[must_use]
    pub fn with_pace(mut self, apart: Duration) -> Self {
        self.sources.set_pace(apart);
        self
    }

    /// Takes the present from there, for the breaker, for what is told of failures, and for whose connection it is where a
    /// `Server` counts those.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.sources.clock = clock;
        self
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

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
#[cfg(feature = "tower")]
use std::task::{Context, Poll};

use arc_swap::ArcSwapOption;
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::gate::{Caller, Policy};
#[cfg(any(feature = "tokio", all(feature = "tower", feature = "tracing")))]
use crate::identity::Certificate;
use crate::identity::{ChainLimits, Malformed, PeerChain};
use crate::observe::HandshakeFacts;
use crate::refusal::Refusal;

/// A TLS connection: where it comes from, and the certificates whose key its peer proved to hold in the handshake.
/// Cheap to clone; clones are the same connection.
///
/// It is a layer that puts itself into each request, for servers that are not axum: `connection.layer(service)`.
///
/// Trust does not end with the handshake: [`identify`](Self::identify) is asked for each request, and costs an atomic
/// load while neither the policy nor the time has made a difference.
///
/// ```
/// use countersign::gate::Policy;
/// use countersign::testing::{NOW, TestCa};
/// use countersign::web::Connection;
/// # use countersign::tenant::{TenantId, TenantTable};
/// # use countersign::trust::PinSet;
///
/// # let client = TestCa::new("Acme Root").client("spiffe://acme.example/tenant/acme").issue();
/// # let pin = countersign::identity::SpkiHash::of(&client.spki_der());
/// # let tenants = TenantTable::builder().pin(TenantId::parse("acme")?, pin).build()?;
/// let policy = Policy::new(PinSet::new([pin]), tenants);
/// let connection = Connection::new(([192, 0, 2, 1], 4711).into(), Some(&client.chain()))?;
/// assert_eq!(connection.identify(&policy, NOW)?.tenant().as_str(), "acme");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Connection(Arc<Inner>);

struct Inner {
    facts: Facts,
    standing: ArcSwapOption<Standing>,
    #[cfg(all(feature = "forwarded", feature = "tower"))]
    hop: ArcSwapOption<HopStanding>,
    /// For as long as the connection is known to anybody.
    #[cfg(all(feature = "tower", feature = "tracing"))]
    span: std::sync::OnceLock<tracing::Span>,
}

/// What does not change.
#[derive(Clone)]
struct Facts {
    /// Nothing: a Unix socket.
    peer: Option<SocketAddr>,
    chain: Option<PeerChain>,
    server_name: Option<Box<str>>,
    handshake: Option<HandshakeFacts>,
    /// As IANA writes it.
    cipher: Option<Box<str>>,
    ground: Ground,
}

impl Facts {
    fn without_tls(peer: Option<SocketAddr>) -> Self {
        Self {
            peer,
            chain: None,
            server_name: None,
            handshake: None,
            cipher: None,
            ground: Ground::NoHandshake,
        }
    }
}

/// The policy that the handshake ran under.
#[derive(Clone)]
enum Ground {
    /// Nobody has said.
    Untold,
    /// None: there was no handshake.
    NoHandshake,
    /// None: no certificate was asked for.
    Open,
    Policy(Policy),
}

/// The last good answer, and what it was an answer to.
struct Standing {
    policy: Policy,
    generation: u64,
    caller: Caller,
    /// Nobody who tells of callers has asked.
    untold: AtomicBool,
}

impl Standing {
    fn is_to_be_told(&self) -> bool {
        // The second one writes, which requests of a connection that is known need not do.
        self.untold.load(Relaxed) && self.untold.swap(false, Relaxed)
    }
}

/// Whether it is a hop's, by this policy in this generation.
#[cfg(all(feature = "forwarded", feature = "tower"))]
struct HopStanding {
    policy: Policy,
    generation: u64,
    at: UnixTime,
    /// Nothing: it is not.
    caller: Option<Caller>,
}

impl Connection {
    /// A connection after its handshake, with the `peer_certificates()` of it: none, or an empty list, where the
    /// client showed none.
    ///
    /// # Security
    /// Only ever pass what the TLS stack says of a *completed* handshake. Their size is not asked here: that was the
    /// handshake's to ask, and is the policy's when the caller is identified.
    ///
    /// # Errors
    /// [`Malformed`] where the certificates cannot be read.
    pub fn new(peer: SocketAddr, certificates: Option<&[CertificateDer<'_>]>) -> Result<Self, Malformed> {
        let chain = match certificates {
            None | Some([]) => None,
            Some(certificates) => Some(PeerChain::parse_within(
                ChainLimits::OF_THE_HANDSHAKE,
                certificates.iter().cloned(),
            )?),
        };
        Ok(Self::of(Facts {
            chain,
            ground: Ground::Untold,
            ..Facts::without_tls(Some(peer))
        }))
    }

    /// A connection without TLS: of a proxy that ends it, for one.
    pub fn without_tls(peer: SocketAddr) -> Self {
        Self::of(Facts::without_tls(Some(peer)))
    }

    /// A connection without TLS to a Unix socket of ours.
    pub fn unix_socket() -> Self {
        Self::of(Facts::without_tls(None))
    }

    fn of(facts: Facts) -> Self {
        Self(Arc::new(Inner {
            facts,
            standing: ArcSwapOption::empty(),
            #[cfg(all(feature = "forwarded", feature = "tower"))]
            hop: ArcSwapOption::empty(),
            #[cfg(all(feature = "tower", feature = "tracing"))]
            span: std::sync::OnceLock::new(),
        }))
    }

    fn with(self, change: impl FnOnce(&mut Facts)) -> Self {
        let mut facts = self.0.facts.clone();
        change(&mut facts);
        Self::of(facts)
    }

    /// The same connection, made under this server name (SNI, RFC 6066 §3).
    #[must_use]
    pub fn with_server_name(self, name: &str) -> Self {
        self.with(|facts| facts.server_name = Some(name.into()))
    }

    /// The same connection, whose handshake went like this.
    #[must_use]
    pub fn with_handshake(self, handshake: HandshakeFacts) -> Self {
        self.with(|facts| facts.handshake = Some(handshake))
    }

    /// The same connection, under this cipher suite.
    #[cfg(feature = "tokio")]
    pub(super) fn with_cipher(self, cipher: Option<Box<str>>) -> Self {
        self.with(|facts| facts.cipher = cipher)
    }

    /// The same connection, whose handshake was verified by this policy: requests that need another one are refused as
    /// [`Misdirected`](crate::refusal::Misdirected). `None`: it asked for no certificate.
    #[must_use]
    pub fn under(self, policy: Option<Policy>) -> Self {
        let ground = policy.map_or(Ground::Open, Ground::Policy);
        self.with(|facts| facts.ground = ground)
    }

    /// The server name that the client asked for in the handshake, if it did.
    pub fn server_name(&self) -> Option<&str> {
        self.0.facts.server_name.as_deref()
    }

    /// How the handshake went, where an [`Acceptor`](super::Acceptor) has made it.
    pub fn handshake(&self) -> Option<HandshakeFacts> {
        self.0.facts.handshake
    }

    /// The policy that the handshake ran under, where that is known and there was one.
    pub fn policy(&self) -> Option<&Policy> {
        match &self.0.facts.ground {
            Ground::Policy(policy) => Some(policy),
            Ground::Untold | Ground::NoHandshake | Ground::Open => None,
        }
    }

    /// The cipher suite, as IANA writes it, where an [`Acceptor`](super::Acceptor) has made it.
    pub fn cipher_suite(&self) -> Option<&str> {
        self.0.facts.cipher.as_deref()
    }

    /// Its span, which is made when it is first asked for.
    #[cfg(all(feature = "tower", feature = "tracing"))]
    pub(super) fn span(&self) -> &tracing::Span {
        self.0.span.get_or_init(|| super::spans::span(self))
    }

    /// The certificate whose key its peer holds.
    #[cfg(any(feature = "tokio", all(feature = "tower", feature = "tracing")))]
    pub(super) fn certificate(&self) -> Option<&Certificate> {
        Some(self.0.facts.chain.as_ref()?.leaf())
    }

    /// Whether the handshake is known to have run under another policy than this.
    #[cfg(feature = "tower")]
    pub(super) fn ran_under_another(&self, wanted: Option<&Policy>) -> bool {
        match (&self.0.facts.ground, wanted) {
            (Ground::Untold | Ground::NoHandshake, _) | (Ground::Open, None) => false,
            (Ground::Policy(ran), Some(wanted)) => !ran.is_same(wanted),
            (Ground::Open, Some(_)) | (Ground::Policy(_), None) => true,
        }
    }

    /// Whether it is known which policy the handshake ran under.
    #[cfg(all(feature = "tower", feature = "tls"))]
    pub(super) fn ground_is_known(&self) -> bool {
        !matches!(self.0.facts.ground, Ground::Untold)
    }

    /// The address that it comes from: none, where it is a Unix socket's.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.0.facts.peer
    }

    /// Who is calling, by this policy, at `now`.
    ///
    /// # Errors
    /// [`Refusal::NoCertificate`], [`Refusal::Untrusted`], [`Refusal::NoTenant`]; as for
    /// [`Caller::identify`] it may bear a [ticket](Refusal::ticket).
    pub fn identify(&self, policy: &Policy, now: UnixTime) -> Result<Caller, Refusal> {
        self.identify_for(policy, now, None)
    }

    /// [`identify`](Self::identify); `tell` is told of a caller of whom nobody was told since he was found.
    #[cfg(feature = "tower")]
    pub(super) fn identify_and(
        &self,
        policy: &Policy,
        now: UnixTime,
        tell: &dyn Fn(&Caller),
    ) -> Result<Caller, Refusal> {
        self.identify_for(policy, now, Some(tell))
    }

    fn identify_for(
        &self,
        policy: &Policy,
        now: UnixTime,
        tell: Option<&dyn Fn(&Caller)>,
    ) -> Result<Caller, Refusal> {
        // Read before anything is decided: a change that happens meanwhile makes the answer stale, not wrong.
        let generation = policy.generation();
        if let Some(caller) = self.standing(policy, generation, now, tell) {
            return Ok(caller);
        }
        let chain = self.0.facts.chain.clone().ok_or(Refusal::NoCertificate)?;
        let caller = Caller::identify(policy, chain, now)?;
        if let Some(tell) = tell {
            tell(&caller);
        }
        let standing = Standing {
            policy: policy.clone(),
            generation,
            caller: caller.clone(),
            untold: AtomicBool::new(tell.is_none()),
        };
        self.0.standing.store(Some(Arc::new(standing)));
        Ok(caller)
    }

    /// The hop that this connection is from, if this policy knows it.
    ///
    /// That it is none is remembered as well, for a second: otherwise every request of a client of ours would have its chain
    /// verified anew by the hops' policy. No longer, since what is a hop must never pass for a client, and time may change
    /// the answer.
    ///
    /// # Errors
    /// An outage: whether it is one, nobody can tell just now, or has to be asked for.
    #[cfg(all(feature = "forwarded", feature = "tower"))]
    pub(super) fn hop(&self, policy: &Policy, now: UnixTime) -> Result<Option<Caller>, Refusal> {
        let Some(chain) = self.0.facts.chain.as_ref() else {
            return Ok(None);
        };
        if self.ran_under_another(Some(policy)) {
            return Ok(None);
        }
        let generation = policy.generation();
        if let Some(known) = &*self.0.hop.load()
            && known.generation == generation
            && known.policy.is_same(policy)
        {
            match &known.caller {
                Some(caller) if holds(caller, now) => return Ok(Some(caller.clone())),
                None if known.at == now => return Ok(None),
                _ => {}
            }
        }
        let caller = match Caller::identify(policy, chain.clone(), now) {
            Err(refusal) if refusal.is_outage() => return Err(refusal),
            known => known.ok(),
        };
        let standing = HopStanding {
            policy: policy.clone(),
            generation,
            at: now,
            caller: caller.clone(),
        };
        self.0.hop.store(Some(Arc::new(standing)));
        Ok(caller)
    }

    /// Whose it is, where somebody has asked already.
    #[cfg(feature = "server")]
    pub(super) fn known_tenant(&self) -> Option<crate::tenant::TenantId> {
        let standing = self.0.standing.load();
        standing.as_ref().map(|standing| standing.caller.tenant().clone())
    }

    fn standing(
        &self,
        policy: &Policy,
        generation: u64,
        now: UnixTime,
        tell: Option<&dyn Fn(&Caller)>,
    ) -> Option<Caller> {
        let standing = self.0.standing.load();
        let standing = standing.as_ref()?;
        let same = standing.generation == generation && standing.policy.is_same(policy);
        if !same || !holds(&standing.caller, now) {
            return None;
        }
        if let Some(tell) = tell
            && standing.is_to_be_told()
        {
            tell(&standing.caller);
        }
        Some(standing.caller.clone())
    }
}

/// Neither the evidence nor what was said of the tenant has come to its end.
fn holds(caller: &Caller, now: UnixTime) -> bool {
    caller.peer().evidence().stands_at(now) && !caller.is_over()
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("peer", &self.0.facts.peer)
            .field("chain", &self.0.facts.chain)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "tower")]
impl<S> tower_layer::Layer<S> for Connection {
    type Service = ConnectionService<S>;

    fn layer(&self, inner: S) -> ConnectionService<S> {
        let connection = self.clone();
        ConnectionService { connection, inner }
    }
}

/// The service that [`Connection`] makes.
#[cfg(feature = "tower")]
#[derive(Debug, Clone)]
pub struct ConnectionService<S> {
    connection: Connection,
    inner: S,
}

#[cfg(feature = "tower")]
impl<S, B> tower_service::Service<http::Request<B>> for ConnectionService<S>
where
    S: tower_service::Service<http::Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<B>) -> S::Future {
        request.extensions_mut().insert(self.connection.clone());
        self.inner.call(request)
    }
}

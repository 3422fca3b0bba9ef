use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, Request, Response, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

use super::asking::{CallerFuture, Question};
use super::behind::{Behind, Shown};
use super::outside::{Outside, told_of_outside};
use super::passed::{Passed, connection, peer};
use super::refuse::{refuse_with, status};
use super::{CertificateDemand, Connection};
#[cfg(feature = "tls")]
use super::{Sites, host::host_of};
use crate::gate::{Caller, Countersigned, Policy};
#[cfg(feature = "tls")]
use crate::live::Live;
use crate::observe::{Event, PeerCertificate};
use crate::payload::Fresh;
use crate::refusal::{Misdirected, NotForwarded, Refusal};

/// A tower layer for client certificates: requests pass whose connection is a known tenant's *now*, with a [`Caller`]
/// in their extensions.
///
/// Asks again for each request, so that a pin, an anchor or a tenant that was withdrawn is gone for connections that
/// are already open. Where tenants live elsewhere ([`TenantCache`](crate::tenant::TenantCache)), a request waits for the source,
/// on a tokio runtime with a timer.
///
/// It goes around [`PayloadLayer`](super::PayloadLayer). The other way round, the payload would be verified for nobody
/// in particular, so such a request is answered with 500.
///
/// ```
/// use countersign::gate::Policy;
/// use countersign::web::{CallerLayer, CertificateDemand, Connection};
/// use http::{Request, Response, StatusCode};
/// use tower::{Layer as _, ServiceExt as _, service_fn};
/// # use countersign::identity::SpkiHash;
/// # use countersign::tenant::{TenantId, TenantTable};
/// # use countersign::trust::PinSet;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let pin = SpkiHash::of(b"the client's public key");
/// # let tenants = TenantTable::builder().pin(TenantId::parse("acme")?, pin).build()?;
/// let layer = CallerLayer::new(Policy::new(PinSet::new([pin]), tenants));
/// let handler = service_fn(
///     |_: Request<()>| async { Ok::<_, std::convert::Infallible>(Response::new(String::new())) }
/// );
///
/// // A connection without a client certificate, as the acceptor would have left it.
/// let connection = Connection::new(([192, 0, 2, 1], 4711).into(), None)?;
/// let request = || Request::builder().extension(connection.clone()).body(());
/// let answer = layer.layer(handler).oneshot(request()?).await?;
/// assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
/// let open = layer.with_demand(CertificateDemand::never()).layer(handler);
/// assert_eq!(open.oneshot(request()?).await?.status(), StatusCode::OK);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct CallerLayer {
    rules: Arc<Rules>,
}

#[derive(Debug, Clone)]
pub(super) struct Rules {
    door: Door,
    pub(super) behind: Behind,
    demand: CertificateDemand,
    misdirected: StatusCode,
    outside: Outside,
}

/// Which policy callers are asked by.
#[derive(Debug, Clone)]
enum Door {
    One(Policy),
    /// That of the host that the request is for.
    #[cfg(feature = "tls")]
    ByHost(Live<Sites>),
}

/// The answer to a request that came over a connection made under another policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MisdirectedAnswer {
    /// 421: a client that had one connection serve several hosts makes one for this host (RFC 9110 §15.5.20).
    #[default]
    MisdirectedRequest,
    /// 403: for clients that would do so for ever.
    Forbid,
}

impl CallerLayer {
    /// Lets callers through that this policy knows.
    ///
    /// A connection that is known to have been made under another policy
    /// ([`Acceptor::by_server_name`](super::Acceptor::by_server_name)) is refused, whoever's it is.
    pub fn new(policy: Policy) -> Self {
        Self::of(Door::One(policy))
    }

    /// Lets callers through that the policy of the host knows which the request is for: the host that its target and
    /// its Host field agree on.
    ///
    /// For [`Acceptor::by_server_name`](super::Acceptor::by_server_name), with the same sites. What is compared is
    /// policies, not names: a connection may serve every host of the policy that its handshake ran under. On a site
    /// that asks for no certificate there is no caller.
    #[cfg(feature = "tls")]
    pub fn by_host(sites: impl Into<Live<Sites>>) -> Self {
        Self::of(Door::ByHost(sites.into()))
    }

    fn of(door: Door) -> Self {
        let rules = Rules {
            door,
            behind: Behind::default(),
            demand: CertificateDemand::always(),
            misdirected: StatusCode::MISDIRECTED_REQUEST,
            outside: Outside::default(),
        };
        Self {
            rules: Arc::new(rules),
        }
    }

    /// Stands behind proxies that end TLS: believes the certificates that they hand on, as far as this forwarder does.
    ///
    /// Its header fields are removed from every request, in every spelling, so that nothing behind can believe them. Each
    /// response varies by the certificate's field (RFC 9440 §2.4), unless it is not to be stored at all. What becomes of a
    /// request is the table in [`forwarded`](crate::forwarded).
    ///
    /// Who comes from a trusted hop is asked by the policy like everybody; of a hop that shows a certificate, the handshake
    /// is to run under [the hops' policy](crate::forwarded::Hops::with_callers). Servers without TLS serve
    /// [`Connection::new`] without certificates, or [`Connection::unix_socket`].
    #[cfg(feature = "forwarded")]
    #[must_use]
    pub fn behind(mut self, forwarder: crate::forwarded::Forwarder) -> Self {
        Arc::make_mut(&mut self.rules).behind = Behind::of(forwarder);
        self
    }

    /// Demands certificates of these requests only; the others go through without a [`Caller`] where none is shown.
    #[must_use]
    pub fn with_demand(mut self, demand: CertificateDemand) -> Self {
        Arc::make_mut(&mut self.rules).demand = demand;
        self
    }

    /// Answers requests so that come over a connection of another policy, or for a host that is not served here. By
    /// default they are [redirected](MisdirectedAnswer::MisdirectedRequest).
    #[must_use]
    pub fn with_misdirected_answer(mut self, answer: MisdirectedAnswer) -> Self {
        Arc::make_mut(&mut self.rules).misdirected = match answer {
            MisdirectedAnswer::MisdirectedRequest => StatusCode::MISDIRECTED_REQUEST,
            MisdirectedAnswer::Forbid => StatusCode::FORBIDDEN,
        };
        self
    }
}

told_of_outside!(CallerLayer);

impl<S> Layer<S> for CallerLayer {
    type Service = CallerService<S>;

    fn layer(&self, inner: S) -> CallerService<S> {
        CallerService {
            rules: self.rules.clone(),
            inner,
        }
    }
}

/// The service that [`CallerLayer`] makes.
#[derive(Debug, Clone)]
pub struct CallerService<S> {
    rules: Arc<Rules>,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for CallerService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = CallerFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // A proof is what *this* layer says, whatever stood there before.
        request.extensions_mut().remove::<Caller>();
        let shown = None;
        CallerFuture::new(&self.rules, &mut self.inner, Question { request, shown })
    }
}

impl Rules {
    /// The caller, or nobody where there is no certificate and none is demanded. Where the answer lives elsewhere, the refusal
    /// has a ticket, and the question may be asked again.
    pub(super) fn ask<B>(&self, question: &mut Question<B>) -> Result<Option<Caller>, Refusal> {
        let Question { request, shown } = question;
        let shown = match shown {
            Some(shown) => shown,
            None => {
                let read = self.shown(request)?;
                // Read, and then removed, with nothing between the two.
                self.behind.strip(request.headers_mut());
                shown.insert(read)
            }
        };
        self.identify(request, shown)
    }

    /// What the services inside find.
    pub(super) fn let_through<B>(&self, request: &mut Request<B>, caller: Option<Caller>) {
        let extensions = request.extensions_mut();
        if let Some(caller) = caller {
            extensions.insert(caller);
        }
        extensions.insert(Passed::caller_layer(self.outside.observer.clone()));
    }

    /// Who the request says that it is from: its connection, or a hop that is believed.
    fn shown<B>(&self, request: &Request<B>) -> Result<Shown, Refusal> {
        nothing_claimed_yet(request.extensions())?;
        self.behind.read(request, &self.outside)
    }

    /// The caller, or nobody where there is no certificate and none is demanded.
    fn identify<B>(&self, request: &Request<B>, shown: &Shown) -> Result<Option<Caller>, Refusal> {
        let connection = connection(request.extensions()).ok_or_else(no_connection)?;
        let identified = match &self.door {
            Door::One(policy) => self.identify_by(Some(policy), connection, shown),
            #[cfg(feature = "tls")]
            Door::ByHost(sites) => self.identify_by_host(&sites.load(), connection, request, shown),
        };
        let demanded = self
            .demand
            .applies(connection, request.uri(), request.headers())?;
        match identified {
            Ok(caller) if demanded && self.demand.asks_for_more(caller.provenance()) => {
                Err(NotForwarded::NotEndToEnd.into())
            }
            Ok(caller) => {
                self.report(&caller);
                Ok(Some(caller))
            }
            Err(Refusal::NoCertificate) if !demanded => Ok(None),
            // Nobody is asked whose it is that is refused all the same.
            Err(refusal)
                if refusal.ticket().is_some()
                    && demanded
                    && self.demand.asks_for_more(&shown.provenance()) =>
            {
                Err(NotForwarded::NotEndToEnd.into())
            }
            Err(refusal) => Err(refusal),
        }
    }

    fn identify_by(
        &self,
        policy: Option<&Policy>,
        connection: &Connection,
        shown: &Shown,
    ) -> Result<Caller, Refusal> {
        let now = self.outside.clock.now();
        match shown {
            Shown::Itself if connection.ran_under_another(policy) => Err(Misdirected::OtherPolicy.into()),
            Shown::Itself => {
                let policy = policy.ok_or(Refusal::NoCertificate)?;
                connection.identify_and(policy, now, &|caller| self.tell_of(connection, caller))
            }
            // The handshake was the hop's, and ran under the hops' policy.
            #[cfg(feature = "forwarded")]
            Shown::Forwarded(forwarded) => {
                let caller = forwarded.identify(policy.ok_or(Refusal::NoCertificate)?, now)?;
                self.tell_of(connection, &caller);
                Ok(caller)
            }
            #[cfg(feature = "forwarded")]
            Shown::Nobody => Err(Refusal::NoCertificate),
        }
    }

    #[cfg(feature = "tls")]
    fn identify_by_host<B>(
        &self,
        sites: &Sites,
        connection: &Connection,
        request: &Request<B>,
        shown: &Shown,
    ) -> Result<Caller, Refusal> {
        if matches!(shown, Shown::Itself) && !connection.ground_is_known() {
            return Err(no_ground());
        }
        let host = host_of(request.uri(), request.headers())?;
        match sites.find_host(&host) {
            Some(site) => self.identify_by(site.policy(), connection, shown),
            None => {
                let host = host.into_text().into();
                Err(Misdirected::UnknownHost { host }.into())
            }
        }
    }

    fn tell_of(&self, connection: &Connection, caller: &Caller) {
        self.outside.observer.observe(&Event::Identified {
            peer: connection.peer(),
            tenant: caller.tenant(),
            rule: caller.rule(),
            certificate: PeerCertificate::of_peer(caller.peer()),
        });
    }

    /// What a verifier that only reports would have refused.
    fn report(&self, caller: &Caller) {
        if let Some(untrusted) = caller.peer().evidence().reported.as_deref() {
            let tenant = caller.tenant();
            let reported = Event::Reported { tenant, untrusted };
            self.outside.observer.observe(&reported);
        }
    }

    pub(super) fn turn_away<B, R: Default>(&self, request: &Request<B>, refusal: Refusal) -> Response<R> {
        self.outside.observer.observe(&Event::Refused {
            peer: peer(request.extensions()),
            tenant: None,
            refusal: &refusal,
        });
        let answer = match status(&refusal) {
            StatusCode::MISDIRECTED_REQUEST => self.misdirected,
            other => other,
        };
        refuse_with(answer, refusal, request.version())
    }
}

/// A payload that was verified before anybody asked for the caller was not verified for that caller: in the hands of
/// one handler, the two might be two tenants'.
fn nothing_claimed_yet(extensions: &Extensions) -> Result<(), Refusal> {
    if extensions.get::<Fresh>().is_none() && extensions.get::<Countersigned>().is_none() {
        return Ok(());
    }
    Err(Refusal::NotWired {
        missing: "the caller of a payload that was let through already",
        remedy: "put `CallerLayer` around `PayloadLayer`, not inside it",
    })
}

/// What a request has that came through an acceptor.
pub(super) const CONNECTION: &str = "the request's `Connection`";

fn no_connection() -> Refusal {
    Refusal::NotWired {
        missing: CONNECTION,
        remedy: "accept with `web::Acceptor` and put its `Connection` into each request's extensions; in axum, serve \
                 `app.into_make_service_with_connect_info::<Connection>()` on a `web::Listener`",
    }
}

#[cfg(feature = "tls")]
fn no_ground() -> Refusal {
    Refusal::NotWired {
        missing: "the policy that the handshake ran under",
        remedy: "accept with `Acceptor::by_server_name` and the sites of `CallerLayer::by_host`, or tell it with \
                 `Connection::under`",
    }
}

use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, Request, Response, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

use super::outside::{Outside, told_of_outside};
use super::passed::{Passed, connection, peer};
use super::refuse::{refuse_with, status};
use super::{CertificateDemand, Connection, Either};
#[cfg(feature = "tls")]
use super::{Sites, host::host_of};
use crate::gate::{Caller, Countersigned, Policy};
#[cfg(feature = "tls")]
use crate::live::Live;
use crate::observe::Event;
use crate::payload::Fresh;
use crate::refusal::{Misdirected, Refusal};

/// A tower layer for client certificates: requests pass whose connection is a known tenant's *now*, with a [`Caller`]
/// in their extensions.
///
/// Asks again for each request, so that a pin, an anchor or a tenant that was withdrawn is gone for connections that
/// are already open.
///
/// It goes around [`PayloadLayer`](super::PayloadLayer). The other way round, the payload would be verified for nobody
/// in particular, so such a request is answered with 500.
#[derive(Debug, Clone)]
pub struct CallerLayer {
    rules: Arc<Rules>,
}

#[derive(Debug, Clone)]
struct Rules {
    door: Door,
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

/// What a request is answered with that came over a connection made under another policy.
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
            demand: CertificateDemand::always(),
            misdirected: StatusCode::MISDIRECTED_REQUEST,
            outside: Outside::default(),
        };
        Self {
            rules: Arc::new(rules),
        }
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

/// What [`CallerLayer`] makes of a service.
#[derive(Debug, Clone)]
pub struct CallerService<S> {
    rules: Arc<Rules>,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for CallerService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<R>, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // A proof is what *this* layer says, whatever stood there before.
        request.extensions_mut().remove::<Caller>();
        match self.rules.identify(&request) {
            Ok(caller) => {
                let extensions = request.extensions_mut();
                if let Some(caller) = caller {
                    extensions.insert(caller);
                }
                extensions.insert(Passed::caller_layer(self.rules.outside.observer.clone()));
                Either::Through {
                    future: self.inner.call(request),
                }
            }
            Err(refusal) => Either::Refused {
                future: ready(Ok(self.rules.turn_away(&request, refusal))),
            },
        }
    }
}

impl Rules {
    /// The caller, or nobody where there is no certificate and none is demanded.
    fn identify<B>(&self, request: &Request<B>) -> Result<Option<Caller>, Refusal> {
        nothing_claimed_yet(request.extensions())?;
        let connection = connection(request.extensions()).ok_or_else(no_connection)?;
        let identified = match &self.door {
            Door::One(policy) => self.identify_by(Some(policy), connection),
            #[cfg(feature = "tls")]
            Door::ByHost(sites) => self.identify_by_host(&sites.load(), connection, request),
        };
        let demanded = self
            .demand
            .applies(connection, request.uri(), request.headers())?;
        match identified {
            Ok(caller) => {
                self.report(&caller);
                Ok(Some(caller))
            }
            Err(Refusal::NoCertificate) if !demanded => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    fn identify_by(&self, policy: Option<&Policy>, connection: &Connection) -> Result<Caller, Refusal> {
        if connection.ran_under_another(policy) {
            return Err(Misdirected::OtherPolicy.into());
        }
        let policy = policy.ok_or(Refusal::NoCertificate)?;
        connection.identify(policy, self.outside.clock.now())
    }

    #[cfg(feature = "tls")]
    fn identify_by_host<B>(
        &self,
        sites: &Sites,
        connection: &Connection,
        request: &Request<B>,
    ) -> Result<Caller, Refusal> {
        if !connection.ground_is_known() {
            return Err(no_ground());
        }
        let host = host_of(request.uri(), request.headers())?;
        match sites.find_host(&host) {
            Some(site) => self.identify_by(site.policy(), connection),
            None => {
                let host = host.into_text().into();
                Err(Misdirected::UnknownHost { host }.into())
            }
        }
    }

    /// What a verifier that only reports would have refused.
    fn report(&self, caller: &Caller) {
        if let Some(untrusted) = caller.peer().evidence().reported.as_deref() {
            let tenant = caller.tenant();
            let reported = Event::Reported { tenant, untrusted };
            self.outside.observer.observe(&reported);
        }
    }

    fn turn_away<B, R: Default>(&self, request: &Request<B>, refusal: Refusal) -> Response<R> {
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

fn no_connection() -> Refusal {
    Refusal::NotWired {
        missing: "the request's `Connection`",
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

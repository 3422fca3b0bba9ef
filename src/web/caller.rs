use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Extensions, Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::refuse::{Watcher, refuse};
use super::{Clock, Connection, Demand};
use crate::gate::{Caller, Countersigned, Policy};
use crate::observe::{Event, Observer, Silent};
use crate::payload::Fresh;
use crate::refusal::Refusal;

/// Lets requests through whose connection is a known tenant's *now*, with a [`Caller`] in their extensions.
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
    policy: Policy,
    demand: Demand,
    clock: Clock,
    observer: Arc<dyn Observer>,
}

impl CallerLayer {
    /// Lets callers through that this policy knows.
    pub fn new(policy: Policy) -> Self {
        let rules = Rules {
            policy,
            demand: Demand::always(),
            clock: Clock::default(),
            observer: Arc::new(Silent),
        };
        Self {
            rules: Arc::new(rules),
        }
    }

    /// Demands certificates of these requests only; the others go through without a [`Caller`] where none is shown.
    #[must_use]
    pub fn with_demand(mut self, demand: Demand) -> Self {
        Arc::make_mut(&mut self.rules).demand = demand;
        self
    }

    /// Tells this observer.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        Arc::make_mut(&mut self.rules).observer = observer;
        self
    }

    /// Takes the present from there.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        Arc::make_mut(&mut self.rules).clock = clock;
        self
    }
}

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
                if let Some(caller) = caller {
                    request.extensions_mut().insert(caller);
                }
                let observer = self.rules.observer.clone();
                request.extensions_mut().insert(Watcher(observer));
                Either::Through {
                    future: self.inner.call(request),
                }
            }
            Err(refusal) => {
                self.rules.observer.observe(&Event::Refused {
                    tenant: None,
                    refusal: &refusal,
                });
                Either::Refused {
                    future: ready(Ok(refuse(refusal))),
                }
            }
        }
    }
}

impl Rules {
    /// The caller, or nobody where there is no certificate and none is demanded.
    fn identify<B>(&self, request: &Request<B>) -> Result<Option<Caller>, Refusal> {
        nothing_claimed_yet(request.extensions())?;
        let connection = connection(request.extensions())?;
        let demanded = || self.demand.applies(connection, request.uri(), request.headers());
        match connection.identify(&self.policy, self.clock.now()) {
            Ok(caller) => {
                self.report(&caller);
                Ok(Some(caller))
            }
            Err(Refusal::NoCertificate) if !demanded() => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// What a verifier that only reports would have refused.
    fn report(&self, caller: &Caller) {
        if let Some(untrusted) = caller.peer().evidence().reported.as_deref() {
            let tenant = caller.tenant();
            self.observer.observe(&Event::Reported { tenant, untrusted });
        }
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

fn connection(extensions: &Extensions) -> Result<&Connection, Refusal> {
    let direct = extensions.get::<Connection>();
    #[cfg(feature = "axum")]
    let direct = direct.or_else(|| {
        extensions
            .get::<::axum::extract::ConnectInfo<Connection>>()
            .map(|info| &info.0)
    });
    direct.ok_or(Refusal::NotWired {
        missing: "the request's `Connection`",
        remedy: "accept with `web::Acceptor` and put its `Connection` into each request's extensions; in axum, serve \
                 `app.into_make_service_with_connect_info::<Connection>()` on a `web::Listener`",
    })
}

pin_project! {
    /// The inner service's future, or the refusal.
    #[project = EitherProj]
    #[derive(Debug)]
    #[non_exhaustive]
    pub enum Either<A, B> {
        /// Let through.
        Through { #[pin] future: A },
        /// Turned away.
        Refused { #[pin] future: B },
    }
}

impl<A: Future, B: Future<Output = A::Output>> Future for Either<A, B> {
    type Output = A::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<A::Output> {
        Poll::Ready(match self.project() {
            EitherProj::Through { future } => ready!(future.poll(cx)),
            EitherProj::Refused { future } => ready!(future.poll(cx)),
        })
    }
}

use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Extensions, Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::refuse::refuse;
use super::{Clock, Connection};
use crate::gate::{Caller, Policy};
use crate::observe::{Event, Observer, Silent};
use crate::refusal::Refusal;

/// Lets requests through whose connection is a known tenant's *now*, with a [`Caller`] in their extensions.
///
/// Asks again for each request, so that a pin, an anchor or a tenant that was withdrawn is gone for connections that
/// are already open.
#[derive(Debug, Clone)]
pub struct CallerLayer {
    rules: Arc<Rules>,
}

#[derive(Debug, Clone)]
struct Rules {
    policy: Policy,
    clock: Clock,
    observer: Arc<dyn Observer>,
}

impl CallerLayer {
    /// Lets callers through that this policy knows.
    pub fn new(policy: Policy) -> Self {
        let rules = Rules {
            policy,
            clock: Clock::default(),
            observer: Arc::new(Silent),
        };
        Self {
            rules: Arc::new(rules),
        }
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
        match self.rules.identify(request.extensions()) {
            Ok(caller) => {
                request.extensions_mut().insert(caller);
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
    fn identify(&self, extensions: &Extensions) -> Result<Caller, Refusal> {
        connection(extensions)?.identify(&self.policy, self.clock.now())
    }
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

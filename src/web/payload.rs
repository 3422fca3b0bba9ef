use std::collections::HashSet;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use tower_layer::Layer;
use tower_service::Service;

use super::OnDisconnect;
use super::admit::{Admitted, Rules, handled};
use super::body::{BodyBounds, BoxError};
use super::deliveries::Deliveries;
use super::finish::{Begun, PayloadFuture};
use super::outside::{Outside, told_of_outside};
use crate::payload::VerifyPayload;
use crate::replay::{ReplayStore, Terms};
use crate::tenant::TenantId;

/// A tower layer for payload signatures: requests pass whose body the sender signed and that were not handled before.
///
/// Leaves a [`Fresh`](crate::payload::Fresh) in their extensions and, where [`CallerLayer`](super::CallerLayer) has left a
/// [`Caller`](crate::gate::Caller), a [`Countersigned`](crate::gate::Countersigned): then only the caller's keys count.
/// The body is read whole, up to a limit of bytes and time, and handed on byte for byte as it was verified.
///
/// A response of 2xx or 3xx means that the delivery was handled, unless it says otherwise in a `grpc-status`. After any
/// other response, or an error, the claim is released and the sender's retry is let through; when the handler dies, once
/// the lease has run out. When the sender goes away meanwhile, see [`OnDisconnect`].
///
/// Only so many deliveries are under way at once, in all and of one tenant. One for which there is no place is refused
/// with 503 before it is claimed, and before it is read where its connection says whose it is; its sender tries again. A
/// place is held until the delivery is settled, also where its sender goes away meanwhile. So a limit of your own on what
/// handlers do goes *inside* this layer: what is around it lets the next request in when a sender goes away, while the
/// handler goes on.
///
/// It needs a tokio runtime with a timer around it; without one, a body that does not arrive at once is answered with
/// 500.
///
/// ```
/// use bytes::Bytes;
/// use countersign::UnixTime;
/// use countersign::payload::{
///     Fresh, HmacSigner, HmacVerifier, Keyring, Outgoing, Scheme, Secret, SignPayload as _,
/// };
/// use countersign::{replay::MemoryStore, tenant::TenantId, web::PayloadLayer};
/// use http::{Request, Response, StatusCode};
/// use http_body_util::Full;
/// use tower::{Layer as _, ServiceExt as _, service_fn};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let (scheme, acme) = (Scheme::standard_webhooks(), TenantId::parse("acme")?);
/// let secret = Secret::new("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
/// let keys = Keyring::builder(&scheme).key(acme.clone(), "2026", secret).build()?;
/// let layer = PayloadLayer::new(
///     HmacVerifier::new(scheme.clone(), keys.clone()),
///     MemoryStore::default(),
/// );
/// let service = layer.layer(service_fn(|request: Request<Full<Bytes>>| async move {
///     let sender = request.extensions().get::<Fresh>().map(|fresh| fresh.sender().to_string());
///     Ok::<_, std::convert::Infallible>(Response::new(sender.unwrap_or_default()))
/// }));
///
/// let signed = HmacSigner::new(scheme, keys).sign_payload(
///     &Outgoing::new(&acme, "delivery-1", b"{}", UnixTime::now())
/// )?;
/// let send = |body: &'static [u8]| {
///     let mut request = Request::post("/")
///         .body(Full::new(Bytes::from_static(body)))
///         .expect("a request");
///     request.headers_mut().extend(signed.clone());
///     service.clone().oneshot(request)
/// };
/// assert_eq!(send(b"{ }").await?.status(), StatusCode::UNAUTHORIZED, "another body");
/// assert_eq!(send(b"{}").await?.into_body(), "acme");
/// assert_eq!(send(b"{}").await?.into_body(), "", "acknowledged, and not handled again");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct PayloadLayer {
    rules: Arc<Rules>,
}

/// The answer to a delivery that was handled before. It is not handled again, in any case.
///
/// Only who has shown a valid signature sees this answer, so it tells nobody else what was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ReplayAnswer {
    /// 200 and an empty body: it *was* handled, and the sender may forget it. A sender retries what it has no answer to,
    /// and its retry of a delivery whose answer was lost is a replay like any other; told of a failure, it would try
    /// again, give up, and some day take the endpoint out of service. A gRPC client is told `ALREADY_EXISTS`.
    #[default]
    Acknowledge,
    /// 409: for senders of your own that are to notice that they have sent twice, or used an id twice.
    Conflict,
    /// 403: as if it were an attack, for senders that never retry.
    Forbid,
}

impl PayloadLayer {
    /// The largest body taken by default: 1 MiB.
    pub const DEFAULT_LIMIT: usize = 1024 * 1024;
    /// How long a body may take by default: 30 seconds, from its beginning to its end.
    pub const DEFAULT_BODY_TIMEOUT: Duration = Duration::from_secs(30);

    /// How many deliveries are under way at once by default: 512.
    pub const DEFAULT_DELIVERIES: usize = 512;
    /// How many deliveries of one tenant are under way at once by default: 128.
    pub const DEFAULT_DELIVERIES_PER_TENANT: usize = 128;

    /// Lets messages through that `verifier` finds authentic and `store` finds new. What several layers share, each is given
    /// in an `Arc`.
    pub fn new(verifier: impl VerifyPayload + 'static, store: impl ReplayStore + 'static) -> Self {
        let rules = Rules {
            verifier: Arc::new(verifier),
            store: Arc::new(store),
            bounds: BodyBounds {
                bytes: Self::DEFAULT_LIMIT,
                time: Self::DEFAULT_BODY_TIMEOUT,
            },
            deliveries: Deliveries::new(Self::DEFAULT_DELIVERIES, Self::DEFAULT_DELIVERIES_PER_TENANT),
            certified: Arc::default(),
            terms: Terms::default(),
            replayed: StatusCode::OK,
            on_disconnect: OnDisconnect::default(),
            outside: Outside::default(),
        };
        Self {
            rules: Arc::new(rules),
        }
    }

    /// Takes bodies of at most so many bytes.
    #[must_use]
    pub fn with_limit(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.rules).bounds.bytes = bytes;
        self
    }

    /// Gives a body this long to arrive whole, so that a peer that sends a byte a second does not occupy us for weeks.
    ///
    /// However long that is, a message has to be fresh when its body is whole, and not only when it begins.
    #[must_use]
    pub fn with_body_timeout(mut self, timeout: Duration) -> Self {
        Arc::make_mut(&mut self.rules).bounds.time = timeout;
        self
    }

    /// Has at most so many deliveries under way at once, and so many of one tenant; further ones are refused with 503
    /// ([`Busy`](crate::refusal::Busy)). At least one each. Clones that are made of the layer afterwards share the
    /// places, so one layer for several routes has one limit.
    ///
    /// A delivery is under way from its first byte, where its connection has named its tenant, and else from its
    /// verified signature, until it is settled. Before that, as many bodies of senders that have proved nothing are read
    /// at once, and as many from one [`source`](crate::breaker::source) as of one tenant. So the bodies take the memory
    /// of twice the limit in all, times the [limit of a body](Self::with_limit), at most.
    ///
    /// A quarter of the places is for tenants of whom nothing is under way, one at a time: however many busy ones there
    /// are, none shuts out the others.
    ///
    /// # Security
    /// A place is held until the handler is done, so give handlers a time limit: one that never ends keeps its place for
    /// ever. What a handler hands on (a task of its own, a response that is still being sent) is not counted.
    ///
    /// Behind a proxy all senders share its address, and with it the share of one source: make the two numbers the same
    /// there if few of your senders show certificates.
    #[must_use]
    pub fn with_max_deliveries(mut self, in_all: usize, per_tenant: usize) -> Self {
        Arc::make_mut(&mut self.rules).deliveries = Deliveries::new(in_all, per_tenant);
        self
    }

    /// Takes deliveries of these tenants only over a connection that is theirs; those of others without a client
    /// certificate as well, where none is demanded by [`CallerLayer`](super::CallerLayer).
    #[must_use]
    pub fn require_caller_for(mut self, tenants: impl IntoIterator<Item = TenantId>) -> Self {
        Arc::make_mut(&mut self.rules).certified = Arc::new(tenants.into_iter().collect::<HashSet<_>>());
        self
    }

    /// Claims deliveries under these terms.
    #[must_use]
    pub fn with_terms(mut self, terms: Terms) -> Self {
        Arc::make_mut(&mut self.rules).terms = terms;
        self
    }

    /// Answers deliveries so that were handled before. By default they are
    /// [acknowledged](ReplayAnswer::Acknowledge).
    #[must_use]
    pub fn with_replay_answer(mut self, answer: ReplayAnswer) -> Self {
        Arc::make_mut(&mut self.rules).replayed = match answer {
            ReplayAnswer::Acknowledge => StatusCode::OK,
            ReplayAnswer::Conflict => StatusCode::CONFLICT,
            ReplayAnswer::Forbid => StatusCode::FORBIDDEN,
        };
        self
    }

    /// Does this with a handler whose sender goes away. By default it [finishes](OnDisconnect::Finish).
    #[must_use]
    pub fn on_disconnect(mut self, then: OnDisconnect) -> Self {
        Arc::make_mut(&mut self.rules).on_disconnect = then;
        self
    }
}

told_of_outside!(PayloadLayer);

impl<S> Layer<S> for PayloadLayer {
    type Service = PayloadService<S>;

    fn layer(&self, inner: S) -> PayloadService<S> {
        PayloadService {
            rules: self.rules.clone(),
            inner,
        }
    }
}

/// The service that [`PayloadLayer`] makes.
#[derive(Debug, Clone)]
pub struct PayloadService<S> {
    rules: Arc<Rules>,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for PayloadService<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    R: Default + Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = PayloadFuture<Result<Response<R>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that is ready goes, its clone stays.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let rules = self.rules.clone();
        let begun = Begun::default();
        PayloadFuture::new(begun.clone(), async move {
            let (mut parts, body) = request.into_parts();
            let admitted = rules.admit(&mut parts, body, &begun).await;
            let Admitted { body, claimed, place } = match admitted {
                Ok(admitted) => admitted,
                Err(refusal) => return Ok(rules.turn_away(&parts, refusal)),
            };
            let response = inner.call(Request::from_parts(parts, Full::new(body))).await;
            rules.settle(&claimed, handled(&response)).await;
            drop(place);
            response
        })
    }
}

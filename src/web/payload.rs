use std::collections::HashSet;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use tower_layer::Layer;
use tower_service::Service;

use super::Clock;
use super::refuse::{Watcher, refuse};
use crate::gate::{self, Caller, Countersigned};
use crate::observe::{Event, Observer, Silent};
use crate::payload::{Fresh, Head, VerifyBody, VerifyPayload};
use crate::refusal::Refusal;
use crate::replay::{Claimed, ReplayStore, Settlement, StoreDown, Terms};
use crate::tenant::TenantId;

/// Lets requests through whose body the sender signed and that were not handled before.
///
/// Leaves a [`Fresh`] in their extensions and, where [`CallerLayer`](super::CallerLayer) has left a [`Caller`], a
/// [`Countersigned`]: then only the caller's keys count. The body is read whole, up to a limit, and handed on byte for
/// byte as it was verified.
///
/// A response of 2xx or 3xx means that the delivery was handled. After any other response, or an error, the claim is
/// released and the sender's retry is let through; when the handler dies or is cancelled, once the lease has run out.
#[derive(Debug, Clone)]
pub struct PayloadLayer {
    rules: Arc<Rules>,
}

#[derive(Debug, Clone)]
struct Rules {
    verifier: Arc<dyn VerifyPayload>,
    store: Arc<dyn ReplayStore>,
    limit: usize,
    certified: Arc<HashSet<TenantId>>,
    terms: Terms,
    clock: Clock,
    observer: Arc<dyn Observer>,
}

impl PayloadLayer {
    /// The largest body taken by default: 1 MiB.
    pub const DEFAULT_LIMIT: usize = 1024 * 1024;

    /// Lets messages through that `verifier` finds authentic and `store` finds new.
    pub fn new(verifier: impl VerifyPayload + 'static, store: impl ReplayStore + 'static) -> Self {
        Self::with_shared(Arc::new(verifier), Arc::new(store))
    }

    /// The same with a store that others use as well.
    pub fn with_shared(verifier: Arc<dyn VerifyPayload>, store: Arc<dyn ReplayStore>) -> Self {
        let rules = Rules {
            verifier,
            store,
            limit: Self::DEFAULT_LIMIT,
            certified: Arc::default(),
            terms: Terms::default(),
            clock: Clock::default(),
            observer: Arc::new(Silent),
        };
        Self {
            rules: Arc::new(rules),
        }
    }

    /// Takes bodies of at most so many bytes.
    #[must_use]
    pub fn with_limit(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.rules).limit = bytes;
        self
    }

    /// Takes deliveries of these tenants only over a connection that is theirs; those of others without a client
    /// certificate as well, where none is demanded by [`CallerLayer`](super::CallerLayer).
    #[must_use]
    pub fn require_caller_for(mut self, tenants: impl IntoIterator<Item = TenantId>) -> Self {
        Arc::make_mut(&mut self.rules).certified = Arc::new(tenants.into_iter().collect());
        self
    }

    /// Claims deliveries under these terms.
    #[must_use]
    pub fn with_terms(mut self, terms: Terms) -> Self {
        Arc::make_mut(&mut self.rules).terms = terms;
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

impl<S> Layer<S> for PayloadLayer {
    type Service = PayloadService<S>;

    fn layer(&self, inner: S) -> PayloadService<S> {
        PayloadService {
            rules: self.rules.clone(),
            inner,
        }
    }
}

/// What [`PayloadLayer`] makes of a service.
#[derive(Debug, Clone)]
pub struct PayloadService<S> {
    rules: Arc<Rules>,
    inner: S,
}

type BoxError = Box<dyn Error + Send + Sync>;

impl<S, B, R> Service<Request<B>> for PayloadService<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    R: Default + Send,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that is ready goes, its clone stays.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let rules = self.rules.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let caller = parts.extensions.get::<Caller>().cloned();
            let (body, claimed) = match rules.admit(&mut parts, body, caller.as_ref()).await {
                Ok(admitted) => admitted,
                Err(refusal) => return Ok(rules.turn_away(caller.as_ref(), refusal)),
            };
            let response = inner.call(Request::from_parts(parts, Full::new(body))).await;
            rules.settle(&claimed, handled(&response)).await;
            response
        })
    }
}

/// Whether the handler says that it has handled the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Handled,
    NotHandled,
}

fn handled<R, E>(response: &Result<Response<R>, E>) -> Outcome {
    match response {
        Ok(response) if response.status().is_success() || response.status().is_redirection() => {
            Outcome::Handled
        }
        _ => Outcome::NotHandled,
    }
}

impl Rules {
    /// The last two questions, and the proofs into the extensions.
    async fn admit<B>(
        &self,
        parts: &mut Parts,
        body: B,
        caller: Option<&Caller>,
    ) -> Result<(Bytes, Claimed), Refusal>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        // A proof is what *this* layer says, whatever stood there before.
        parts.extensions.remove::<Fresh>();
        parts.extensions.remove::<Countersigned>();
        let now = self.clock.now();
        let head = Head::new(&parts.method, &parts.uri, &parts.headers, now);
        // Verified while it arrives, where the scheme allows it: a head that is wrong costs no body.
        let mut begun = gate::begin(&self.verifier, head, caller, self.limit)?;
        let body = self.read(body, begun.as_mut()).await?;
        let authentic = match begun {
            Some(begun) => gate::finish(begun, caller)?,
            None => gate::verify(&self.verifier, head.with_body(&body), caller)?,
        };
        if caller.is_none() && self.certified.contains(authentic.sender()) {
            return Err(Refusal::NoCertificate);
        }
        let (fresh, claimed) = gate::claim(&self.store, authentic, self.terms, now).await?;
        self.observer.observe(&Event::Accepted {
            tenant: fresh.sender(),
        });
        if let Some(caller) = caller {
            parts
                .extensions
                .insert(Countersigned::bind(caller.clone(), fresh.clone())?);
        }
        parts.extensions.insert(fresh);
        parts.extensions.insert(Watcher(self.observer.clone()));
        Ok((body, claimed))
    }

    async fn read<'m, B>(
        &self,
        body: B,
        mut begun: Option<&mut Box<dyn VerifyBody<'m> + 'm>>,
    ) -> Result<Bytes, Refusal>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        let too_large = Refusal::BodyTooLarge { limit: self.limit };
        if body.size_hint().lower() > self.limit as u64 {
            return Err(too_large);
        }
        let feed = |frame: Frame<Bytes>| {
            if let (Some(begun), Some(piece)) = (begun.as_mut(), frame.data_ref()) {
                // The same limit stands before it.
                let _ = begun.update(piece);
            }
            frame
        };
        match Limited::new(body, self.limit).map_frame(feed).collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(too_large),
            Err(_) => Err(Refusal::BodyIncomplete),
        }
    }

    fn turn_away<R: Default>(&self, caller: Option<&Caller>, refusal: Refusal) -> Response<R> {
        let tenant = caller.map(Caller::tenant);
        self.observer.observe(&Event::Refused {
            tenant,
            refusal: &refusal,
        });
        refuse(refusal)
    }

    /// The response stands, whatever the store says: the delivery *was* handled, or was not.
    async fn settle(&self, claimed: &Claimed, outcome: Outcome) {
        let settled = match outcome {
            Outcome::Handled => self.store.commit(claimed).await,
            Outcome::NotHandled => self.store.release(claimed).await,
        };
        if settled != Ok(Settlement::Done) {
            self.unsettled(claimed.tenant(), &settled);
        }
    }

    fn unsettled(&self, tenant: &TenantId, outcome: &Result<Settlement, StoreDown>) {
        self.observer.observe(&Event::Unsettled { tenant, outcome });
    }
}

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use tower_layer::Layer;
use tower_service::Service;

use super::failure::fetching;
use super::{Failure, OwnClient};

type BoxError = Box<dyn Error + Send + Sync>;

/// How large a body may be that is signed: it is held in memory.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// A tower layer that signs each request in the name of one tenant, and lets none out that is not that tenant's to
/// send. Made by [`OwnClient::layer`].
///
/// Each request brings its [`DeliveryId`] in its extensions. Its body is read whole, since signatures cover it, and
/// goes on as [`Full`].
#[derive(Debug, Clone)]
pub struct SignLayer {
    client: OwnClient,
}

impl SignLayer {
    pub(super) fn new(client: OwnClient) -> Self {
        Self { client }
    }
}

impl<S> Layer<S> for SignLayer {
    type Service = SignService<S>;

    fn layer(&self, inner: S) -> SignService<S> {
        SignService {
            client: self.client.clone(),
            inner,
        }
    }
}

/// The identity of a delivery, in a request's extensions: the same for every attempt.
///
/// ```
/// use countersign::dispatch::DeliveryId;
/// use http::Request;
///
/// let request = Request::post("https://hooks.acme.example/")
///     .extension(DeliveryId::new("delivery-1"))
///     .body(())?;
/// assert!(request.extensions().get::<DeliveryId>().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryId(String);

impl DeliveryId {
    /// Names a delivery.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }
}

/// The service that [`SignLayer`] makes.
#[derive(Debug, Clone)]
pub struct SignService<S> {
    client: OwnClient,
    inner: S,
}

impl<S, B> Service<Request<B>> for SignService<S>
where
    S: Service<Request<Full<Bytes>>> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Response = S::Response;
    type Error = NotSent<S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, NotSent<S::Error>>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(NotSent::Inner)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that was found ready does it; its clone waits for the next.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let client = self.client.clone();
        Box::pin(async move {
            let request = sign(&client, request).await?;
            inner.call(request).await.map_err(NotSent::Inner)
        })
    }
}

async fn sign<B, E>(client: &OwnClient, request: Request<B>) -> Result<Request<Full<Bytes>>, NotSent<E>>
where
    B: Body<Error: Into<BoxError>>,
{
    let (head, body) = request.into_parts();
    let id = head.extensions.get::<DeliveryId>().cloned();
    let DeliveryId(id) = id.ok_or(NotSent::NoId)?;
    let body = Limited::new(body, MAX_BODY).collect().await;
    let body = body.map_err(|error| NotSent::Body {
        reason: error.to_string(),
    })?;
    let body = body.to_bytes();
    let signature = || client.signature(&head.method, &head.uri, &head.headers, &body, &id);
    let signature = fetching(signature).await?;
    let mut request = Request::from_parts(head, Full::new(body));
    request.headers_mut().extend(signature);
    Ok(request)
}

/// The reason why a request was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotSent<E> {
    /// The request is not to be sent.
    #[error(transparent)]
    Refused(#[from] Failure),
    /// The request brings no [`DeliveryId`].
    #[error("the request brings no `DeliveryId` in its extensions")]
    NoId,
    /// The body was not read.
    #[error("the body was not read: {reason}")]
    Body {
        /// In its own words.
        reason: String,
    },
    /// What the client says.
    #[error("the client: {0}")]
    Inner(E),
}

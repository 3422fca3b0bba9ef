//! Layers in front of a handler, tried with a request that has nothing.

use std::future::poll_fn;

use http::{Request, Response, Uri};
use tower_service::Service;

use super::caller::CONNECTION;
use crate::explain::{FirstLayer, RequestLayers};
use crate::refusal::Refusal;

/// A trial of what stands in front of a handler, by a request that has nothing: no connection, no certificate, no signature. For
/// [`audit`](fn@crate::explain::audit).
///
/// Only the outermost layer that asks for anything can be seen so: whoever stands behind it is not reached. Where there is none, *the handler
/// itself answers*, an empty POST to `target`. It needs the runtime that the layers need, and is told to their observers as any request is.
///
/// ```
/// use bytes::Bytes;
/// use countersign::explain::FirstLayer;
/// use countersign::payload::{HmacVerifier, Keyring, Scheme, Secret};
/// use countersign::replay::MemoryStore;
/// use countersign::tenant::TenantId;
/// use countersign::web::{PayloadLayer, try_layers};
/// use http::{Request, Response, Uri};
/// use http_body_util::Full;
/// use tower::{Layer as _, service_fn};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let (scheme, secret) = (Scheme::github(), Secret::new("It's a Secret to Everybody"));
/// let keys = Keyring::builder(&scheme).key(TenantId::parse("acme")?, "2026", secret).build()?;
/// let payload = PayloadLayer::new(HmacVerifier::new(scheme, keys), MemoryStore::default());
/// let handler = service_fn(|_: Request<Full<Bytes>>| async {
///     Ok::<_, std::convert::Infallible>(Response::new(String::new()))
/// });
/// let seen = try_layers::<_, Full<Bytes>, _>(payload.layer(handler), Uri::from_static("/hooks")).await?;
/// assert_eq!(seen.first, FirstLayer::Payload, "nobody asks who is connected");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The service's own.
pub async fn try_layers<S, B, R>(mut service: S, target: Uri) -> Result<RequestLayers, S::Error>
where
    S: Service<Request<B>, Response = Response<R>>,
    B: Default,
{
    let mut request = Request::new(B::default());
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = target.clone();
    poll_fn(|cx| service.poll_ready(cx)).await?;
    let response = service.call(request).await?;
    let first = match response.extensions().get::<Refusal>() {
        None => FirstLayer::None,
        Some(Refusal::NotWired { missing, .. }) if *missing == CONNECTION => FirstLayer::Caller,
        Some(Refusal::NotWired { missing, .. }) => FirstLayer::Missing(missing),
        Some(_) => FirstLayer::Payload,
    };
    Ok(RequestLayers {
        target: target.path().to_owned(),
        first,
    })
}

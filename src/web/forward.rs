use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready as done};

use http::header::VARY;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::Either;
use super::passed::tell;
use super::refuse::refuse;
use crate::forwarded::{Emit, TooLarge};
use crate::gate::Caller;
use crate::refusal::{NotForwarded, Refusal};

/// A tower layer for proxies: hands the client's certificate on to the service behind, in header fields.
///
/// It goes inside [`CallerLayer`](super::CallerLayer). The fields are removed from every request, in every spelling, and set
/// where there is a [`Caller`]. A certificate that is too large for them is answered with 431 (RFC 9440 §3.1). A response that
/// varies by one of the fields varies, to caches in front of us, by what they cannot see: `Vary` becomes `*` (RFC 9440 §2.4).
///
/// ```
/// use countersign::forwarded::Emit;
/// use countersign::web::ForwardLayer;
///
/// let forward = ForwardLayer::new([Emit::rfc_9440_with_chain()]);
/// # use http::{Request, Response};
/// # use tower::{Layer as _, ServiceExt as _, service_fn};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// // What a client writes there itself does not reach the service behind.
/// let behind = service_fn(|request: Request<()>| async move {
///     Ok::<_, std::convert::Infallible>(Response::new(request.headers().len().to_string()))
/// });
/// let request = Request::builder()
///     .header("client-cert", ":AAAA:")
///     .header("client_cert", ":AAAA:")
///     .body(())?;
/// assert_eq!(forward.layer(behind).oneshot(request).await?.into_body(), "0");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ForwardLayer {
    emits: Arc<[Emit]>,
}

impl ForwardLayer {
    /// Writes these.
    pub fn new(emits: impl IntoIterator<Item = Emit>) -> Self {
        Self {
            emits: emits.into_iter().collect(),
        }
    }

    fn write<B>(&self, request: &mut Request<B>) -> Result<(), TooLarge> {
        let caller = request.extensions().get::<Caller>().cloned();
        let headers = request.headers_mut();
        for emit in &*self.emits {
            match &caller {
                Some(caller) => emit.set(caller, headers)?,
                None => emit.strip(headers),
            }
        }
        Ok(())
    }
}

impl<S> Layer<S> for ForwardLayer {
    type Service = ForwardService<S>;

    fn layer(&self, inner: S) -> ForwardService<S> {
        let layer = self.clone();
        ForwardService { layer, inner }
    }
}

/// The service that [`ForwardLayer`] makes.
#[derive(Debug, Clone)]
pub struct ForwardService<S> {
    layer: ForwardLayer,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for ForwardService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ForwardFuture<Either<S::Future, Ready<Result<Response<R>, S::Error>>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let future = match self.layer.write(&mut request) {
            Ok(()) => Either::Through {
                future: self.inner.call(request),
            },
            Err(TooLarge { limit, .. }) => {
                let refusal = Refusal::NotForwarded(NotForwarded::TooLarge { limit });
                tell(request.extensions(), &refusal);
                Either::Refused {
                    future: ready(Ok(refuse(refusal, request.version()))),
                }
            }
        };
        let emits = self.layer.emits.clone();
        ForwardFuture { future, emits }
    }
}

pin_project! {
    /// The answer of a [`ForwardService`].
    #[derive(Debug)]
    pub struct ForwardFuture<F> {
        #[pin]
        future: F,
        emits: Arc<[Emit]>,
    }
}

impl<F, R, E> Future for ForwardFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut answer = done!(this.future.poll(cx));
        if let Ok(response) = &mut answer
            && varies_by(response.headers(), this.emits.iter().flat_map(Emit::fields))
        {
            response.headers_mut().insert(VARY, HeaderValue::from_static("*"));
        }
        Poll::Ready(answer)
    }
}

fn varies_by(headers: &HeaderMap, fields: impl Iterator<Item = HeaderName>) -> bool {
    let fields: Vec<_> = fields.collect();
    let lines = headers.get_all(VARY).iter();
    let mut named = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    named.any(|name| {
        let name = name.trim_ascii();
        fields
            .iter()
            .any(|field| name.eq_ignore_ascii_case(field.as_ref()))
    })
}

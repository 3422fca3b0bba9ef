use std::pin::Pin;
use std::task::{Context, Poll};

use http::Request;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;
use tracing::instrument::{Instrument as _, Instrumented};
use tracing::{Span, field, info_span};

use super::Connection;
use super::passed::connection;
use crate::identity::Certificate;
use crate::observe::{HandshakeFacts, HandshakeKind, PeerCertificate};

/// A tower layer for spans of [`tracing`](https://docs.rs/tracing): around each request a span `request`, inside a span
/// `connection` that has OpenTelemetry's attributes of its TLS. What the layers in it tell, and what the handler logs,
/// stands in the request's span.
///
/// Put it around all others. Both spans have the target `countersign` and the level `INFO`, and these fields:
///
/// | span | fields |
/// |---|---|
/// | `connection` | `client.address`, `client.port`, `server.address`, `tls.established`, `tls.protocol.name`, `tls.protocol.version`, `tls.cipher`, `tls.curve`, `tls.resumed`, `tls.client.subject`, `tls.client.issuer`, `tls.client.hash.sha256`, `tls.client.not_before`, `tls.client.not_after` |
/// | `request` | `http.request.method` |
///
/// Fields are left out where nothing is known: `tls.client.` without a client certificate, all of `tls.` without TLS, and the whole of
/// `connection` for a request without a [`Connection`].
///
/// ```
/// use countersign::web::{Connection, SpanLayer};
/// use http::{Request, Response};
/// use tower::{Layer as _, ServiceExt as _, service_fn};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let handler = service_fn(|_: Request<()>| async {
///     tracing::info!("in the span `request` of the span `connection`");
///     Ok::<_, std::convert::Infallible>(Response::new(()))
/// });
/// let connection = Connection::new(([192, 0, 2, 1], 4711).into(), None)?;
/// let request = Request::builder().extension(connection).body(())?;
/// let answer = SpanLayer::new().layer(handler).oneshot(request).await?;
/// assert_eq!(answer.status(), 200, "it changes nothing");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Security
/// What stands there of a certificate is proved: a connection has a certificate only where the peer has signed the handshake with its key.
/// Subject and issuer are for people to read, at most 256 characters of each, with control characters escaped; names from them decide nothing.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SpanLayer;

impl SpanLayer {
    /// A layer without settings: what is kept is for the subscriber's filter to say.
    pub fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for SpanLayer {
    type Service = SpanService<S>;

    fn layer(&self, inner: S) -> SpanService<S> {
        SpanService { inner }
    }
}

/// The service that [`SpanLayer`] makes.
#[derive(Debug, Clone)]
pub struct SpanService<S> {
    inner: S,
}

pin_project! {
    /// The answer of a [`SpanService`].
    #[derive(Debug)]
    pub struct SpanFuture<F> {
        #[pin]
        inner: Instrumented<F>,
    }
}

impl<F: Future> Future for SpanFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().inner.poll(cx)
    }
}

impl<S, B> Service<Request<B>> for SpanService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = SpanFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let span = span_of(&request);
        // A layer tells much before its future is polled.
        let future = span.in_scope(|| self.inner.call(request));
        SpanFuture {
            inner: future.instrument(span),
        }
    }
}

fn span_of<B>(request: &Request<B>) -> Span {
    let method = request.method().as_str();
    match connection(request.extensions()) {
        Some(connection) => info_span!(
            target: "countersign", parent: connection.span(), "request", http.request.method = method
        ),
        None => info_span!(target: "countersign", "request", http.request.method = method),
    }
}

/// Of a connection, made at its first request.
pub(super) fn span(connection: &Connection) -> Span {
    let (handshake, peer) = (connection.handshake(), connection.peer());
    let certificate = connection.certificate();
    let span = info_span!(
        target: "countersign",
        parent: None,
        "connection",
        client.address = peer.map(|peer| field::display(peer.ip())),
        client.port = peer.map(|peer| peer.port()),
        server.address = connection.server_name(),
        tls.established = handshake.map(|_| true),
        tls.protocol.name = handshake.map(|_| "tls"),
        tls.protocol.version = handshake.map(|handshake| handshake.version.as_str()),
        tls.cipher = connection.cipher_suite(),
        tls.curve = handshake.and_then(group),
        tls.resumed = handshake.map(is_resumed),
        tls.client.subject = field::Empty,
        tls.client.issuer = field::Empty,
        tls.client.hash.sha256 = field::Empty,
        tls.client.not_before = field::Empty,
        tls.client.not_after = field::Empty,
    );
    if let Some(certificate) = certificate
        && !span.is_disabled()
    {
        record(&span, certificate);
    }
    span
}

fn group(handshake: HandshakeFacts) -> Option<&'static str> {
    Some(handshake.group?.as_str())
}

fn is_resumed(handshake: HandshakeFacts) -> bool {
    handshake.kind == HandshakeKind::Resumed
}

fn record(span: &Span, certificate: &Certificate) {
    let shown = PeerCertificate::of(certificate);
    span.record("tls.client.subject", &*readable(&certificate.subject_text()));
    span.record("tls.client.issuer", &*readable(&certificate.issuer_text()));
    span.record("tls.client.hash.sha256", certificate.hash().upper_hex());
    span.record("tls.client.not_before", shown.not_before().to_string());
    span.record("tls.client.not_after", shown.not_after().to_string());
}

/// At most 256 characters of it, with control characters escaped.
fn readable(name: &str) -> String {
    let mut readable = String::with_capacity(name.len().min(256));
    for char in name.chars().take(256) {
        if char.is_control() {
            readable.extend(char.escape_unicode());
        } else {
            readable.push(char);
        }
    }
    readable
}

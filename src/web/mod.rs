//! HTTP middleware and a TLS acceptor: the front door, with tower layers that ask the questions of each request, axum
//! extractors.
//!
//! * [`Connection`] is what one connection's peer claims. [`Acceptor`] makes it, and whoever accepts connections
//!   otherwise makes one with [`Connection::new`]; it travels in the extensions of each of its requests.
//! * [`CallerLayer`] asks who is it, do we trust it, whose is it, of each request, and leaves a
//!   [`Caller`](crate::gate::Caller).
//! * [`PayloadLayer`] asks did they say this and is it fresh, and leaves a [`Fresh`](crate::payload::Fresh), and a
//!   [`Countersigned`](crate::gate::Countersigned) where there is a caller. It goes *inside* `CallerLayer`.
//! * `CallerLayer::behind` takes what a proxy in front says about its client, from hops that prove themselves; `ForwardLayer`
//!   says so to whoever is behind us. Both with the feature `forwarded`.
//! * [`RequireTenant`] keeps a route to some tenants, or to the one in its path.
//! * `Server` serves what axum, tonic and hyper make, and no peer can take more of it than its `Bounds` say (feature `server`).
//! * In axum, [`Listener`] goes into `axum::serve`, and handlers take the proofs as arguments.
//! * [`Sites`] let several server names run under policies of their own on one port; [`Drain`] ends a server without
//!   cutting off who is being served.
//!
//! # Without axum
//! A [`Connection`] is a layer, too, so any server that runs tower services will do; here it is hyper's own.
//!
//! ```no_run
//! use countersign::gate::Countersigned;
//! use countersign::web::{CallerLayer, Listener, PayloadLayer};
//! # use bytes::Bytes;
//! # use http::{Request, Response, StatusCode};
//! # use http_body_util::Full;
//! use hyper_util::rt::{TokioExecutor, TokioIo};
//! use hyper_util::server::conn::auto;
//! use hyper_util::service::TowerToHyperService;
//! use tower::{Layer as _, ServiceBuilder};
//!
//! async fn handle(
//!     request: Request<Full<Bytes>>
//! ) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
//!     let mut response = Response::default();
//!     if request.extensions().get::<Countersigned>().is_none() {
//!         *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR; // a layer is missing
//!     }
//!     Ok(response)
//! }
//!
//! async fn serve(mut listener: Listener, callers: CallerLayer, payload: PayloadLayer) {
//!     let service = ServiceBuilder::new().layer(callers).layer(payload).service_fn(handle);
//!     while let Some((secured, _)) = listener.next().await {
//!         let service = TowerToHyperService::new(secured.connection().layer(service.clone()));
//!         tokio::spawn(async move {
//!             let server = auto::Builder::new(TokioExecutor::new());
//!             let _ = server.serve_connection(TokioIo::new(secured), service).await;
//!         });
//!     }
//! }
//! ```
//!
//! # What the peer is told
//! One status and an empty body. Why, stands in the response's extensions as a [`Refusal`](crate::refusal::Refusal),
//! and goes to the [`Observer`](crate::observe::Observer). Where two lines have a code, the longer one counts.
//!
//! | status | codes | because |
//! |---|---|---|
//! | 200 | `replay.handled` | the sender asks whether it was handled, and it was; or 409 or 403, as [`ReplayAnswer`] says |
//! | 400 | `payload.body_incomplete`, `host.missing`, `host.ambiguous`, `host.unreadable`, `forwarded.repeated`, `forwarded.alias`, `forwarded.hop_by_hop`, `forwarded.unreadable`, `forwarded.no_status`, `forwarded.certificate_lost`, `forwarded.chain_alone`, `forwarded.other_certificate` | not a request that can be answered: RFC 9110 §8.6, RFC 9112 §3.2, RFC 9113 §8.3.1, or none that a proxy of the configured kind writes |
//! | 401 | `identity.no_certificate`, `payload.*`, `replay.stale`, `replay.from_the_future` | not authenticated: no certificate, no valid signature, or one that is not fresh |
//! | 403 | `identity.*`, `trust.*`, `tenant.*`, `forwarded.*` | who it is was shown, and does not help: not trusted (any more), nobody's, another tenant's |
//! | 408 | `payload.body_too_slow` | RFC 9110 §15.5.9: the connection is closed, and the sender may try again on another |
//! | 413 | `payload.body_too_large` | RFC 9110 §15.5.14 |
//! | 421 | `host.*` | RFC 9110 §15.5.20: good, but not on this connection; or 403, as [`MisdirectedAnswer`] says |
//! | 431 | `forwarded.too_large` | RFC 6585 §5, RFC 9440 §3.1 |
//! | 500 | `server.not_wired` | a layer or the connection's proof is missing, or the layers are in the wrong order: our fault, and a closed door |
//! | 503 | `replay.*`, `trust.unavailable`, `tenant.unavailable`, `payload.keys_unavailable`, `server.busy`, `server.tenant_busy`, `server.reading_busy`, `server.source_busy` | nothing speaks against it: nobody can tell just now, it is being handled, or too much is. With `Retry-After` (RFC 9110 §10.2.3), nothing is lost |
//!
//! # Where mutual TLS is undone
//! These were read in the sources of the versions named. None of them can let a request past [`CallerLayer`], which
//! finds no certificate then and answers 401; a route without it has nothing else.
//!
//! * axum-server 0.9: `RustlsConfig::from_config` keeps your configuration until the first `reload_from_pem`,
//!   `reload_from_pem_file`, `reload_from_der` or any of their kind. Each makes a new `ServerConfig`, and
//!   `config_from_cert_and_key` in `tls_rustls/mod.rs` makes it with `with_no_client_auth`. Use `reload_from_config`,
//!   with a configuration that has the [`HandshakeVerifier`](crate::tls::HandshakeVerifier) in it.
//! * rustls 0.23: a resumed session is not verified again, and `ServerConfig::clone` shares the sessions. See
//!   [`disable_resumption`](crate::tls::disable_resumption).
//! * tonic 0.14: `ServerTlsConfig::client_auth_optional` lets clients without a certificate in, and `Request::peer_certs`
//!   is what the handshake saw: it is not asked again.
//! * Any proxy in front that ends TLS: then no client certificate arrives in the handshake, and in header fields only from a hop
//!   that `CallerLayer::behind` knows.

#[cfg(feature = "tokio")]
mod acceptor;
#[cfg(feature = "tower")]
mod admit;
#[cfg(feature = "tower")]
mod asking;
#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "tower")]
mod behind;
#[cfg(feature = "tower")]
mod body;
#[cfg(feature = "tower")]
mod caller;
mod connection;
#[cfg(feature = "tower")]
mod deliveries;
#[cfg(feature = "tower")]
mod demand;
#[cfg(feature = "tokio")]
mod drain;
#[cfg(feature = "tower")]
mod either;
#[cfg(feature = "tower")]
mod fetching;
#[cfg(feature = "tower")]
mod finish;
#[cfg(all(feature = "forwarded", feature = "tower"))]
mod forward;
#[cfg(feature = "tokio")]
mod handshake;
mod host;
#[cfg(feature = "tokio")]
mod listener;
#[cfg(feature = "tower")]
mod outside;
#[cfg(feature = "tokio")]
mod pace;
#[cfg(feature = "tower")]
mod passed;
#[cfg(feature = "tower")]
mod payload;
#[cfg(feature = "tokio")]
mod protocols;
#[cfg(feature = "proxy-protocol")]
mod proxied;
#[cfg(feature = "tower")]
mod refuse;
#[cfg(feature = "tokio")]
mod secured;
#[cfg(feature = "server")]
mod server;
#[cfg(any(feature = "tokio", feature = "tower"))]
mod shares;
#[cfg(feature = "tls")]
mod sites;
#[cfg(feature = "tokio")]
mod sources;
#[cfg(all(feature = "tower", feature = "tracing"))]
mod spans;
#[cfg(feature = "tower")]
mod tenants;
#[cfg(feature = "tower")]
mod tried_layers;

pub use crate::clock::Clock;
#[cfg(feature = "tokio")]
pub use acceptor::Acceptor;
#[cfg(feature = "tower")]
pub use asking::CallerFuture;
#[cfg(feature = "axum")]
pub use axum::{MissingProof, Signed};
#[cfg(feature = "tower")]
pub use caller::{CallerLayer, CallerService, MisdirectedAnswer};
pub use connection::Connection;
#[cfg(feature = "tower")]
pub use connection::ConnectionService;
#[cfg(feature = "tower")]
pub use demand::{CertificateDemand, InvalidCertificateDemand};
#[cfg(feature = "tokio")]
pub use drain::{Drain, Drained};
#[cfg(feature = "tower")]
use either::Either;
#[cfg(feature = "tower")]
pub use finish::{OnDisconnect, PayloadFuture};
#[cfg(all(feature = "forwarded", feature = "tower"))]
pub use forward::{ForwardFuture, ForwardLayer, ForwardService};
#[cfg(feature = "tokio")]
pub use listener::Listener;
#[cfg(feature = "tower")]
pub use payload::{PayloadLayer, PayloadService, ReplayAnswer};
#[cfg(feature = "tokio")]
pub use protocols::Protocols;
#[cfg(feature = "tower")]
pub use refuse::status;
#[cfg(feature = "tokio")]
pub use secured::Secured;
#[cfg(feature = "server")]
pub use server::{Bounds, IncompleteBody, RequestBody, Server};
#[cfg(feature = "tls")]
pub use sites::{InvalidSites, Site, Sites, SitesBuilder};
#[cfg(all(feature = "tower", feature = "tracing"))]
pub use spans::{SpanFuture, SpanLayer, SpanService};
#[cfg(feature = "tower")]
pub use tenants::{RequireTenant, RequireTenantService};
#[cfg(feature = "tower")]
pub use tried_layers::try_layers;

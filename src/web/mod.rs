//! The front door: a TLS acceptor, tower layers that ask the questions of each request, axum extractors.
//!
//! * [`Connection`] is what one connection's peer claims. [`Acceptor`] makes it, and whoever accepts connections
//!   otherwise makes one with [`Connection::new`]; it travels in the extensions of each of its requests.
//! * [`CallerLayer`] asks who is it, do we trust it, whose is it, of each request, and leaves a
//!   [`Caller`](crate::gate::Caller).
//! * [`PayloadLayer`] asks did they say this and is it fresh, and leaves a [`Fresh`](crate::payload::Fresh), and a
//!   [`Countersigned`](crate::gate::Countersigned) where there is a caller. It goes *inside* `CallerLayer`.
//! * In axum, [`Listener`] goes into `axum::serve`, and handlers take the proofs as arguments.
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
//! async fn handle(request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
//!     let mut response = Response::default();
//!     if request.extensions().get::<Countersigned>().is_none() {
//!         *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR; // a layer is missing
//!     }
//!     Ok(response)
//! }
//!
//! async fn serve(mut listener: Listener, callers: CallerLayer, payload: PayloadLayer) {
//!     let service = ServiceBuilder::new().layer(callers).layer(payload).service_fn(handle);
//!     loop {
//!         let (secured, _) = listener.accept().await;
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
//! One status and an empty body. Why, stands in the response's extensions as a [`Refusal`](crate::refusal::Refusal).
//!
//! | status | when | because |
//! |---|---|---|
//! | 401 | no client certificate; no valid signature; a signature that is not fresh | not authenticated |
//! | 403 | certificate not trusted (any more); tenant unknown; certificate and signature of two tenants; handled before | authenticated, and refused |
//! | 413 | body larger than the route takes | RFC 9110 §15.5.14 |
//! | 400 | body cut short | nothing to answer, in truth |
//! | 503 | replay store down or full; keys not loaded; the same delivery is being handled | try again, after so many seconds (RFC 9110 §10.2.3): nothing is lost |
//! | 500 | a layer or the connection's proof is missing, or the layers are in the wrong order | our fault, and a closed door |

#[cfg(feature = "tokio")]
mod acceptor;
#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "tower")]
mod caller;
mod connection;
#[cfg(feature = "tower")]
mod demand;
#[cfg(feature = "tower")]
mod payload;
#[cfg(feature = "tower")]
mod refuse;

pub use crate::clock::Clock;
#[cfg(feature = "tokio")]
pub use acceptor::{Acceptor, Listener, Secured};
#[cfg(feature = "axum")]
pub use axum::{MissingProof, Signed};
#[cfg(feature = "tower")]
pub use caller::{CallerLayer, CallerService};
pub use connection::Connection;
#[cfg(feature = "tower")]
pub use connection::ConnectionService;
#[cfg(feature = "tower")]
pub use demand::Demand;
#[cfg(feature = "tower")]
pub use payload::{PayloadLayer, PayloadService};
#[cfg(feature = "tower")]
pub use refuse::status;

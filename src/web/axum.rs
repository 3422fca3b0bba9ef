use std::io;
use std::net::SocketAddr;

use axum::extract::connect_info::Connected;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use axum::serve::IncomingStream;
use http::request::Parts;
use tokio::net::TcpStream;

use super::refuse::{Watcher, refuse};
use super::{Connection, Listener, Secured};
use crate::gate::{Caller, Countersigned};
use crate::observe::Event;
use crate::payload::Fresh;
use crate::refusal::Refusal;

impl axum::serve::Listener for Listener {
    type Io = Secured<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        Self::accept(self).await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(Self::local_addr(self))
    }
}

/// Puts each connection's [`Connection`] where [`CallerLayer`](super::CallerLayer) finds it:
/// `app.into_make_service_with_connect_info::<Connection>()`.
impl Connected<IncomingStream<'_, Listener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        stream.io().connection().clone()
    }
}

/// Takes the proof that a layer has left, or answers 500: a route without the layer is a mistake of ours, and a closed
/// door.
fn proof<T: Clone + Send + Sync + 'static>(
    parts: &Parts,
    missing: &'static str,
    remedy: &'static str,
) -> Result<T, MissingProof> {
    let found = parts.extensions.get::<T>().cloned();
    found.ok_or_else(|| not_wired(parts, Refusal::NotWired { missing, remedy }))
}

/// Told to whoever watches the layers that are there; where there is none, the response's extensions must do.
fn not_wired(parts: &Parts, refusal: Refusal) -> MissingProof {
    if let Some(Watcher(observer)) = parts.extensions.get() {
        let tenant = parts.extensions.get().map(Caller::tenant);
        let refusal = &refusal;
        observer.observe(&Event::Refused { tenant, refusal });
    }
    MissingProof(refusal)
}

/// The rejection of a handler that asks for a proof on a route where no layer has left it: 500.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingProof(Refusal);

impl MissingProof {
    /// What is missing, and what to change in the server.
    pub fn refusal(&self) -> &Refusal {
        &self.0
    }
}

impl IntoResponse for MissingProof {
    fn into_response(self) -> Response {
        refuse(self.0)
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = MissingProof;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingProof> {
        proof(parts, "Caller", "put `CallerLayer` around this route")
    }
}

impl<S: Sync> FromRequestParts<S> for Fresh {
    type Rejection = MissingProof;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingProof> {
        proof(parts, "Fresh", "put `PayloadLayer` around this route")
    }
}

impl<S: Sync> FromRequestParts<S> for Countersigned {
    type Rejection = MissingProof;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingProof> {
        proof(
            parts,
            "Countersigned",
            "put `PayloadLayer` around this route, and `CallerLayer` around that",
        )
    }
}

/// The body as `T` reads it, which exists only where the body's signature was verified: `Signed<Json<Event>>`.
///
/// # Security
/// What was signed is what [`PayloadLayer`](super::PayloadLayer) read. A layer between it and the handler that changes
/// bodies (one that decompresses, for instance) changes what this holds: put such layers outside.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::exhaustive_structs,
    reason = "taken apart in the arguments of handlers"
)]
pub struct Signed<T>(
    /// What was signed.
    pub T,
);

impl<S: Send + Sync, T: FromRequest<S>> FromRequest<S> for Signed<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        proof::<Fresh>(&parts, "Signed", "put `PayloadLayer` around this route")
            .map_err(MissingProof::into_response)?;
        let body = T::from_request(Request::from_parts(parts, body), state).await;
        body.map(Self).map_err(|rejection| rejection.into_response())
    }
}

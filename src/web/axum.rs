use std::io;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::connect_info::Connected;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, OptionalFromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use axum::serve::IncomingStream;
use bytes::Bytes;
use http::request::Parts;
use http::{Extensions, Version};
use http_body_util::{BodyExt as _, Limited};
#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::net::{TcpListener, TcpStream};

use super::passed::{asked_for_caller, tell, tenant, verified};
use super::refuse::refuse;
use super::{Connection, Listener, Secured};
use crate::gate::{Caller, Countersigned};
use crate::payload::Fresh;
use crate::refusal::Refusal;
use crate::tenant::TenantId;

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

/// The same of a server without TLS, whose callers are those that a proxy in front hands on.
impl Connected<IncomingStream<'_, TcpListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self::without_tls(*stream.remote_addr())
    }
}

/// The same on a Unix socket.
#[cfg(unix)]
impl Connected<IncomingStream<'_, UnixListener>> for Connection {
    fn connect_info(_: IncomingStream<'_, UnixListener>) -> Self {
        Self::unix_socket()
    }
}

/// Takes the proof that a layer has left, or answers 500: a route without the layer is a mistake of ours, and a closed
/// door.
fn proof<T: Clone + Send + Sync + 'static>(
    extensions: &Extensions,
    missing: &'static str,
    remedy: &'static str,
) -> Result<T, MissingProof> {
    let found = extensions.get::<T>().cloned();
    found.ok_or_else(|| MissingProof::told(extensions, missing, remedy))
}

/// The rejection of a handler that asks for a proof on a route where no layer has left it: 500.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingProof(Refusal);

impl MissingProof {
    fn told(extensions: &Extensions, missing: &'static str, remedy: &'static str) -> Self {
        let refusal = Refusal::NotWired { missing, remedy };
        tell(extensions, &refusal);
        Self(refusal)
    }

    /// What is missing, and what to change in the server.
    pub fn refusal(&self) -> &Refusal {
        &self.0
    }
}

impl IntoResponse for MissingProof {
    fn into_response(self) -> Response {
        refuse(self.0, Version::HTTP_11)
    }
}

const AROUND_CALLER: &str = "put `CallerLayer` around this route";
const AROUND_PAYLOAD: &str = "put `PayloadLayer` around this route";

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = MissingProof;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingProof> {
        proof(&parts.extensions, "Caller", AROUND_CALLER)
    }
}

/// The caller where one has shown a certificate, on routes that do not [demand](super::CertificateDemand) one.
///
/// `None` is [`CallerLayer`](super::CallerLayer)'s answer. Without the layer there is none, and the request is answered
/// with 500.
impl<S: Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = MissingProof;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, MissingProof> {
        if !asked_for_caller(&parts.extensions) {
            return Err(MissingProof::told(&parts.extensions, "Caller", AROUND_CALLER));
        }
        Ok(parts.extensions.get().cloned())
    }
}

impl<S: Sync> FromRequestParts<S> for Fresh {
    type Rejection = MissingProof;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingProof> {
        proof(&parts.extensions, "Fresh", AROUND_PAYLOAD)
    }
}

impl<S: Sync> FromRequestParts<S> for Countersigned {
    type Rejection = MissingProof;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingProof> {
        proof(
            &parts.extensions,
            "Countersigned",
            "put `PayloadLayer` around this route, and `CallerLayer` around that",
        )
    }
}

/// Whose request it is, by the connection, by the payload, or by both: they agree where both are there.
///
/// It does not say which of them was proved. A handler that needs both takes [`Countersigned`].
impl<S: Sync> FromRequestParts<S> for TenantId {
    type Rejection = MissingProof;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingProof> {
        let found = tenant(&parts.extensions).cloned();
        let remedy = "put `CallerLayer` or `PayloadLayer` around this route";
        found.ok_or_else(|| MissingProof::told(&parts.extensions, "TenantId", remedy))
    }
}

/// The body as `T` reads it, which exists only where the body's signature was verified: `Signed<Json<Event>>`.
///
/// `T` is given exactly the bytes that [`PayloadLayer`](super::PayloadLayer) has verified, whatever their length: that
/// layer's limit has been kept, and axum's own (`DefaultBodyLimit`) does not count. Where the body that reaches the
/// handler is another one, because a layer in between has changed it, the request is answered with 500.
///
/// What `T` asks of the request it asks here too: axum's `Json` answers 415 unless the content type is
/// `application/json` or ends in `+json`. Few schemes sign that field, so it is a formality, not a protection. For a sender
/// that sends another one, take `Signed<Bytes>` and read it with `serde_json`.
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
        let signed = signed(&parts.extensions, body).await;
        let signed = signed.map_err(MissingProof::into_response)?;
        let mut request = Request::from_parts(parts, Body::from(signed));
        DefaultBodyLimit::disable().apply(&mut request);
        let read = T::from_request(request, state).await;
        read.map(Self).map_err(|rejection| rejection.into_response())
    }
}

/// The bytes that were verified, where they are also those that were handed on.
async fn signed(extensions: &Extensions, body: Body) -> Result<Bytes, MissingProof> {
    proof::<Fresh>(extensions, "Signed", AROUND_PAYLOAD)?;
    let Some(verified) = verified(extensions) else {
        return Err(MissingProof::told(
            extensions,
            "the body that was verified",
            AROUND_PAYLOAD,
        ));
    };
    // A layer that decompresses may make much of little.
    let arrived = Limited::new(body, verified.len()).collect().await;
    let same = arrived.is_ok_and(|arrived| arrived.to_bytes() == *verified);
    if same {
        return Ok(verified.clone());
    }
    let remedy = "put layers that change the body outside `PayloadLayer`, or nowhere";
    Err(MissingProof::told(
        extensions,
        "the body as it was verified",
        remedy,
    ))
}

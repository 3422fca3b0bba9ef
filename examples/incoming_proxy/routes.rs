//! What each path demands before anything is forwarded.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};
use axum::routing::any;
use countersign::gate::{Caller, Countersigned};
use countersign::web::{CallerLayer, PayloadLayer};

use crate::forward::{Backend, Verified};

/// Certificate and signature for `/hooks`, a certificate for `/erp`, nothing for `/status`, and nothing else is there.
pub(crate) fn all(payload: PayloadLayer, callers: CallerLayer, backend: Backend) -> Router {
    Router::new()
        .route("/hooks", any(countersigned).layer(payload))
        .route("/erp/{*path}", any(called))
        .layer(callers)
        .route("/status", any(open))
        .with_state(backend)
}

async fn countersigned(
    proof: Countersigned,
    State(backend): State<Backend>,
    request: Request<Body>,
) -> Response<Body> {
    let key = proof.payload().claim_key();
    let delivery = key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let verified = Verified {
        caller: Some(proof.caller().clone()),
        delivery: Some(delivery),
    };
    backend.forward(request, &verified).await
}

async fn called(caller: Caller, State(backend): State<Backend>, request: Request<Body>) -> Response<Body> {
    backend
        .forward(
            request,
            &Verified {
                caller: Some(caller),
                delivery: None,
            },
        )
        .await
}

async fn open(State(backend): State<Backend>, request: Request<Body>) -> Response<Body> {
    backend
        .forward(
            request,
            &Verified {
                caller: None,
                delivery: None,
            },
        )
        .await
}

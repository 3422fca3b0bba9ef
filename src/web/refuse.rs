use std::sync::Arc;

use http::header::RETRY_AFTER;
use http::{HeaderValue, Response, StatusCode};

use crate::observe::Observer;
use crate::payload::{Forged, NoKey};
use crate::refusal::Refusal;
use crate::replay::Replayed;

/// Who is told of what is found missing behind the layers; travels in the request's extensions.
#[derive(Debug, Clone)]
pub(super) struct Watcher(
    #[cfg_attr(not(feature = "axum"), expect(dead_code, reason = "extractors read it"))]
    pub(super)  Arc<dyn Observer>,
);

/// How long a sender is asked to wait, in seconds, where nothing better is known.
const RETRY_SECONDS: u64 = 5;

/// The status that a refusal is answered with. See the table in [`web`](crate::web).
pub fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::NotWired { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        Refusal::StoreDown(_)
        | Refusal::Replayed(Replayed::InProgress { .. })
        | Refusal::Forged(Forged::NoKey(NoKey::Unavailable)) => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::NoCertificate | Refusal::Forged(_) => StatusCode::UNAUTHORIZED,
        Refusal::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::BodyIncomplete => StatusCode::BAD_REQUEST,
        Refusal::Untrusted(_)
        | Refusal::NoTenant(_)
        | Refusal::TenantMismatch { .. }
        | Refusal::Replayed(_) => StatusCode::FORBIDDEN,
    }
}

/// An empty response with that status, and the reason in its extensions.
pub(super) fn refuse<B: Default>(refusal: Refusal) -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = status(&refusal);
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(retry_seconds(&refusal)));
    }
    response.extensions_mut().insert(refusal);
    response
}

fn retry_seconds(refusal: &Refusal) -> u64 {
    match refusal {
        // A lease is held through its last second.
        Refusal::Replayed(Replayed::InProgress { left }) => left.as_secs().saturating_add(1).min(60),
        _ => RETRY_SECONDS,
    }
}

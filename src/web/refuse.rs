use http::header::{CONNECTION, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode, Version};

use crate::refusal::{Misdirected, Refusal};
use crate::replay::Replayed;

/// How long a sender is asked to wait, in seconds, where nothing better is known.
const RETRY_SECONDS: u64 = 5;

/// The status that a refusal is answered with, unless a layer was told otherwise. See the table in [`web`](crate::web).
pub fn status(refusal: &Refusal) -> StatusCode {
    let status = refusal.entry().status.map(StatusCode::from_u16);
    // Each refusal has one, a test says. Without one, the door stays closed.
    status
        .and_then(Result::ok)
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// An empty response with its status, and the reason in its extensions.
pub(super) fn refuse<B: Default>(refusal: Refusal, version: Version) -> Response<B> {
    refuse_with(status(&refusal), refusal, version)
}

/// The same with a status that was chosen.
pub(super) fn refuse_with<B: Default>(status: StatusCode, refusal: Refusal, version: Version) -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from(retry_seconds(&refusal)));
    }
    // A sender that keeps connections alive would meet the same answer for as long as it kept this one. HTTP/2 has no
    // such field (RFC 9113 §8.2.2), and its clients know what 421 means.
    if version < Version::HTTP_2 && needs_another_connection(&refusal) {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response.extensions_mut().insert(refusal);
    response
}

/// RFC 9110 §15.5.9 and §15.5.20.
fn needs_another_connection(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::BodyTooSlow { .. } | Refusal::Misdirected(Misdirected::OtherPolicy)
    )
}

fn retry_seconds(refusal: &Refusal) -> u64 {
    match refusal {
        // A lease is held through its last second.
        Refusal::Replayed(Replayed::InProgress { left }) => left.as_secs().saturating_add(1).min(60),
        _ => RETRY_SECONDS,
    }
}

use http::header::{CONNECTION, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode, Version};

use crate::payload::{NoKey, NotAuthentic};
use crate::refusal::{Misdirected, NotForwarded, Refusal};
use crate::replay::Replayed;
use crate::tenant::NoTenant;
use crate::trust::Untrusted;

/// How long a sender is asked to wait, in seconds, where nothing better is known.
const RETRY_SECONDS: u64 = 5;

/// The status that a refusal is answered with, unless a layer was told otherwise. See the table in [`web`](crate::web).
pub fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::NotWired { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        Refusal::StoreDown(_)
        | Refusal::Busy(_)
        | Refusal::Untrusted(Untrusted::Unavailable)
        | Refusal::NoTenant(NoTenant::Unavailable)
        | Refusal::Replayed(Replayed::InProgress { .. })
        | Refusal::NotAuthentic(NotAuthentic::NoKey(NoKey::Unavailable | NoKey::Elsewhere(_))) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Refusal::Replayed(Replayed::Handled) => StatusCode::OK,
        Refusal::NoCertificate | Refusal::NotAuthentic(_) | Refusal::SecondCheck { .. } => {
            StatusCode::UNAUTHORIZED
        }
        Refusal::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::BodyTooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
        Refusal::BodyIncomplete
        | Refusal::Misdirected(Misdirected::NoHost | Misdirected::TwoHosts | Misdirected::Unreadable) => {
            StatusCode::BAD_REQUEST
        }
        Refusal::Misdirected(_) => StatusCode::MISDIRECTED_REQUEST,
        Refusal::NotForwarded(not_forwarded) => status_of_forwarded(not_forwarded),
        Refusal::Untrusted(_)
        | Refusal::NoTenant(_)
        | Refusal::TenantNotAdmitted { .. }
        | Refusal::TenantMismatch { .. } => StatusCode::FORBIDDEN,
    }
}

/// RFC 9440 §2.4 and §3.1: a certificate that is not taken is 403, one that is too large 431. What no proxy of the configured
/// kind writes is no request that can be answered.
fn status_of_forwarded(not_forwarded: &NotForwarded) -> StatusCode {
    match not_forwarded {
        NotForwarded::TooLarge { .. } => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        NotForwarded::Repeated { .. }
        | NotForwarded::Alias { .. }
        | NotForwarded::HopByHop { .. }
        | NotForwarded::Unreadable { .. }
        | NotForwarded::NoStatus { .. }
        | NotForwarded::CertificateLost { .. }
        | NotForwarded::ChainAlone { .. }
        | NotForwarded::OtherCertificate { .. } => StatusCode::BAD_REQUEST,
        _ => StatusCode::FORBIDDEN,
    }
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

//! What the operator reads of what was let in. What was not, the observer tells.

use axum::http::HeaderMap;
use countersign::gate::Countersigned;
use countersign::payload::Scheme;

/// Which delivery it is: by its identity where that is a signed header field, else by its name in the replay store.
pub(crate) fn delivery(proof: &Countersigned, scheme: &Scheme, headers: &HeaderMap) -> String {
    // Of all schemes here, only this one signs an identity. The identity in another header field is anybody's.
    let id = if *scheme == Scheme::standard_webhooks() {
        headers.get("webhook-id")
    } else {
        None
    };
    match id.and_then(|id| id.to_str().ok()) {
        Some(id) => format!("id={id}"),
        None => {
            let key = proof.payload().claim_key();
            let digits: String = key
                .as_bytes()
                .iter()
                .take(8)
                .map(|byte| format!("{byte:02x}"))
                .collect();
            format!("key={digits}")
        }
    }
}

//! What the operator reads: one line for each event.

use std::io::Write as _;

use axum::http::HeaderMap;
use countersign::gate::Countersigned;
use countersign::observe::{Event, Observer};
use countersign::payload::Scheme;

/// Prints what was turned away. What was accepted, the handler prints itself: it knows the delivery's identity.
#[derive(Debug)]
pub(crate) struct Log;

impl Observer for Log {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::HandshakeFailed { peer, reason } => say(&one_line(&format!(
                "handshake failed code={} peer={peer} ({reason})",
                reason.code()
            ))),
            Event::Refused { tenant, refusal, .. } => {
                let tenant = tenant.map_or_else(|| "-".to_owned(), ToString::to_string);
                say(&one_line(&format!(
                    "refused code={} tenant={tenant} ({refusal})",
                    refusal.code()
                )));
            }
            Event::Unsettled { tenant, outcome } => {
                say(&one_line(&format!("unsettled tenant={tenant} ({outcome:?})")));
            }
            _ => {}
        }
    }
}

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

/// An observer must not panic, as `println!` would when nobody reads any more.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Some of it comes from certificates and files: it may not draw on the terminal or pretend to be a line of its own.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}

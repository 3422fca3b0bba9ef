//! Handshakes (**is anybody there?**): what providers ask of an endpoint before, or while, they send to it.
//!
//! Each function answers one provider: `None` says that the request is no handshake, and goes on to be verified as
//! every other. Nothing here is a signing oracle: text that comes from outside is signed only where it has the shape of
//! the handshake and can be no message, and a provider that signs its handshake is believed only when the signature is
//! right. What is echoed is echoed as plain text that no browser takes for a page.

mod echoed;
mod probes;
mod signed;

use http::{HeaderName, HeaderValue, StatusCode};

pub use echoed::{adobe_sign, asana, dropbox, meta, microsoft_graph, nylas, okta, onfleet};
pub use probes::{ebay, intercom, mandrill, notion, trello, vtex_orders, woocommerce};
pub use signed::{airship, braintree, discord, front, linkedin, slack, twitch, x, xero, zoom};

/// An answer to a provider's handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: String,
}

impl Reply {
    fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    fn text(body: &str) -> Self {
        Self::of("text/plain; charset=utf-8", body.to_owned())
    }

    fn json(body: &serde_json::Value) -> Self {
        Self::of("application/json", body.to_string())
    }

    fn of(content_type: &'static str, body: String) -> Self {
        let headers = vec![
            (http::header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (
                http::header::X_CONTENT_TYPE_OPTIONS,
                HeaderValue::from_static("nosniff"),
            ),
        ];
        Self {
            status: StatusCode::OK,
            headers,
            body,
        }
    }

    fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// Letters, digits, `-` and `_`, with at least one letter, and no word of JSON: a token, which can be no message.
fn is_token(text: &str) -> bool {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let letter = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    let json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    plain && letter && !json && (8..=256).contains(&text.len())
}

/// Visible ASCII, of a length that a challenge has.
fn is_visible(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

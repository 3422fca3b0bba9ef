//! Handshakes that nobody signs and that want no text of their own back.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::echoed::query_text;
use super::{Reply, is_visible};
use crate::payload::hmac::body::parse_json;
use crate::payload::hmac::encoding::hex;
use crate::payload::{Head, Message, Secret};

/// Intercom: HEAD, when the endpoint is saved, wants 200.
///
/// Source: developers.intercom.com, "Setting up webhooks".
pub fn intercom(head: &Head<'_>) -> Option<Reply> {
    head_request(head)
}

/// Trello: HEAD, when the webhook is made, wants 200.
///
/// Source: developer.atlassian.com, "Trello webhooks".
pub fn trello(head: &Head<'_>) -> Option<Reply> {
    head_request(head)
}

/// Mandrill: HEAD, when the webhook is saved, wants 200.
///
/// Source: webhook-co/webhook at de3aa4e.
pub fn mandrill(head: &Head<'_>) -> Option<Reply> {
    head_request(head)
}

/// A HEAD has no body, hence no event.
fn head_request(head: &Head<'_>) -> Option<Reply> {
    (head.method == Method::HEAD).then(|| Reply::empty(StatusCode::OK))
}

/// WooCommerce: the POST of a form with nothing but `webhook_id`, unsigned, when the webhook is made. Wants 200.
///
/// Source: woocommerce, `class-wc-webhook.php`, `deliver_ping`.
pub fn woocommerce(message: &Message<'_>) -> Option<Reply> {
    let signed = message.headers.contains_key("x-wc-webhook-signature");
    let id = message.body.strip_prefix(b"webhook_id=").filter(|_| !signed)?;
    let number = (1..=20).contains(&id.len()) && id.iter().all(u8::is_ascii_digit);
    (*message.method == Method::POST && number).then(|| Reply::empty(StatusCode::OK))
}

/// VTEX, orders hook: the POST of `{"hookConfig":"ping"}`, when the hook is configured. Wants 200.
///
/// Source: developers.vtex.com, "Feed v3 and Hook".
pub fn vtex_orders(message: &Message<'_>) -> Option<Reply> {
    let body = parse_json(message.body).ok()?;
    let ping = *message.method == Method::POST && body == json!({ "hookConfig": "ping" });
    ping.then(|| Reply::empty(StatusCode::OK))
}

/// Notion: the POST of a `verification_token`, unsigned, once, when the subscription is made. The token is what later
/// messages are signed with: keep it, and show it to Notion.
///
/// # Security
/// Anybody can send this. Answer only while *you* are making a subscription, and only once for it; otherwise a
/// stranger's token becomes a key.
///
/// Source: third parties only; that the token is the key: npm @notionhq/client 5.26.0, `webhooks`.
pub fn notion(message: &Message<'_>) -> Option<(Reply, String)> {
    let signed = message.headers.contains_key("x-notion-signature");
    let body = parse_json(message.body).ok().filter(|_| !signed)?;
    let token = match body.as_object()?.iter().next()? {
        (name, Value::String(token)) if name == "verification_token" => token,
        _ => return None,
    };
    let alone = body.as_object()?.len() == 1 && token.len() >= 16 && is_visible(token, 256);
    let ours = *message.method == Method::POST && alone;
    ours.then(|| (Reply::empty(StatusCode::OK), token.clone()))
}

/// eBay: GET with `challenge_code`. Answers with the SHA-256 hash of the code, the verification token that you gave
/// eBay, and the endpoint's URL as you gave it.
///
/// Source: developer.ebay.com, "Marketplace account deletion"; npm event-notification-nodejs-sdk 1.0.3,
/// `validateEndpoint`.
pub fn ebay(head: &Head<'_>, verification_token: &Secret, endpoint: &str) -> Option<Reply> {
    let verification_token = verification_token.as_str();
    let code = query_text(head, "challenge_code")?;
    let ours = head.method == Method::GET && is_visible(&code, 256) && !verification_token.is_empty();
    let hash = Sha256::new_with_prefix(&code)
        .chain_update(verification_token)
        .chain_update(endpoint);
    ours.then(|| Reply::json(&json!({ "challengeResponse": hex(&hash.finalize()) })))
}

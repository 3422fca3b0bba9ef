//! Handshakes that are signed, or want something signed.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::echoed::query_text;
use super::{Reply, is_token, is_visible};
use crate::payload::hmac::Key;
use crate::payload::hmac::body::parse_json;
use crate::payload::hmac::encoding::{Encoding, hex};
use crate::payload::hmac::fields::optional;
use crate::payload::hmac::keys::Digest;
use crate::payload::keys::unless_renewed;
use crate::payload::public_key::PublicKeyVerifier;
use crate::payload::{Authentic, Head, HmacVerifier, Message, NoKey, NotAuthentic, VerifyPayload};
use crate::payload::{FindKeys, Wanted};

/// Zoom: `endpoint.url_validation`, which Zoom signs like every event. Answers with the HMAC of the token.
///
/// Source: developers.zoom.us/docs/api/webhooks.
///
/// # Errors
/// [`NotAuthentic`]: not signed by Zoom.
pub fn zoom(verifier: &HmacVerifier, message: &Message<'_>) -> Result<Option<Reply>, NotAuthentic> {
    let Some(event) = event(message, "event", "endpoint.url_validation") else {
        return Ok(None);
    };
    let authentic = verifier.verify_payload(message)?;
    // An event is signed as `v0:..`: no token can be one.
    let token = event
        .pointer("/payload/plainToken")
        .and_then(Value::as_str)
        .filter(|token| is_token(token));
    let Some(token) = token else { return Ok(None) };
    let mac = mac_by(verifier, message, &authentic, token)?;
    Ok(mac.map(|mac| Reply::json(&json!({ "plainToken": token, "encryptedToken": hex(&mac) }))))
}

/// Xero's intent to receive: 200 for a right signature, 401 for a wrong one, and nothing else in either. Reply so to
/// whatever comes while the webhook's state is "intent to receive".
///
/// Source: developer.xero.com, "Configuring your server".
///
/// # Errors
/// [`NoKey::Elsewhere`], [`NoKey::Unavailable`]: whether it is right is not known yet. An outage, and not the 401 that a wrong one has.
pub fn xero(verifier: &HmacVerifier, message: &Message<'_>) -> Result<Reply, NoKey> {
    match verifier.verify_payload(message) {
        Ok(_) => Ok(Reply::empty(StatusCode::OK)),
        Err(NotAuthentic::NoKey(lacking @ (NoKey::Elsewhere(_) | NoKey::Unavailable))) => Err(lacking),
        Err(_) => Ok(Reply::empty(StatusCode::UNAUTHORIZED)),
    }
}

/// Slack: `url_verification`, which Slack signs like every event.
///
/// Source: docs.slack.dev, "Verifying requests from Slack".
///
/// # Errors
/// [`NotAuthentic`]: not signed by Slack.
pub fn slack(verifier: &HmacVerifier, message: &Message<'_>) -> Result<Option<Reply>, NotAuthentic> {
    let Some(event) = event(message, "type", "url_verification") else {
        return Ok(None);
    };
    echo_challenge(verifier, message, &event)
}

/// Twitch: `webhook_callback_verification`, which Twitch signs like every event.
///
/// Source: twitchdev/eventsub-webhooks-node-sample index.js.
///
/// # Errors
/// [`NotAuthentic`]: not signed by Twitch.
pub fn twitch(verifier: &HmacVerifier, message: &Message<'_>) -> Result<Option<Reply>, NotAuthentic> {
    let kind = message.headers.get("twitch-eventsub-message-type");
    if kind.is_none_or(|kind| kind != "webhook_callback_verification") {
        return Ok(None);
    }
    echo_challenge(verifier, message, &parse_json(message.body)?)
}

/// X: GET with `crc_token`, about every hour. Answers with the HMAC of the token under the newest of these keys.
///
/// # Security
/// X signs the body of its events with the same key, so whoever gets a text signed here could send it as an event. So
/// only tokens are signed: no JSON, hence no event. Where the messages are read as anything but JSON, do not use this.
///
/// Source: xdevplatform/docs.
///
/// # Errors
/// [`NotAuthentic::NoKey`]: there is no key to answer with, or it is not known yet.
pub fn x(keys: &dyn FindKeys, head: &Head<'_>) -> Result<Option<Reply>, NotAuthentic> {
    let token = query_text(head, "crc_token").filter(|token| head.method == Method::GET && is_token(token));
    let Some(token) = token else { return Ok(None) };
    let mac = newest(keys, head, |key| mac(key, Digest::Sha256, &token))?;
    let token = mac.map(|mac| format!("sha256={}", Encoding::Base64.encode(&mac)));
    Ok(token.map(|token| Reply::json(&json!({ "response_token": token }))))
}

/// Braintree: GET with `bt_challenge`. Answers with the public key and the challenge's HMAC.
///
/// # Security
/// The same key signs the notifications. Only 20 to 40 hexadecimal digits are signed, and a notification of that shape
/// is refused by [`Scheme::braintree`](crate::payload::Scheme::braintree).
///
/// Source: webhook-co/webhook at de3aa4e, braintree-public-key.ts.
///
/// # Errors
/// [`NotAuthentic::NoKey`]: there is no key to answer with, or it is not known yet.
pub fn braintree(
    keys: &dyn FindKeys,
    public_key: &str,
    head: &Head<'_>,
) -> Result<Option<Reply>, NotAuthentic> {
    let digits = |text: &String| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let asked = |text: &String| head.method == Method::GET && (20..=40).contains(&text.len()) && digits(text);
    let Some(challenge) = query_text(head, "bt_challenge").filter(asked) else {
        return Ok(None);
    };
    let mac = newest(keys, head, |key| mac(key, Digest::Sha1, &challenge))?;
    Ok(mac.map(|mac| Reply::text(&format!("{public_key}|{}", hex(&mac)))))
}

/// LinkedIn: GET with `challengeCode`, about every two hours. Answers with the HMAC of the code under the newest of these
/// keys, the client secret.
///
/// # Security
/// LinkedIn signs its messages with the same key. Only a UUID is signed here, and a message is signed with
/// `hmacsha256=` before its body: no UUID is one.
///
/// Source: learn.microsoft.com, "LinkedIn: webhook validation".
///
/// # Errors
/// [`NotAuthentic::NoKey`]: there is no key to answer with, or it is not known yet.
pub fn linkedin(keys: &dyn FindKeys, head: &Head<'_>) -> Result<Option<Reply>, NotAuthentic> {
    let code = query_text(head, "challengeCode").filter(|code| head.method == Method::GET && is_uuid(code));
    let Some(code) = code else { return Ok(None) };
    let mac = newest(keys, head, |key| mac(key, Digest::Sha256, &code))?;
    Ok(mac.map(|mac| Reply::json(&json!({ "challengeCode": code, "challengeResponse": hex(&mac) }))))
}

/// Front, application webhooks: a POST of type `sync` with `X-Front-Challenge`, which Front signs like every event.
///
/// Source: dev.frontapp.com, "Application webhooks". That the answer is JSON is from receivers in use.
///
/// # Errors
/// [`NotAuthentic`]: not signed by Front.
pub fn front(verifier: &HmacVerifier, message: &Message<'_>) -> Result<Option<Reply>, NotAuthentic> {
    let name = http::HeaderName::from_static("x-front-challenge");
    let Some(challenge) = optional(message.headers, &name)? else {
        return Ok(None);
    };
    if event(message, "type", "sync").is_none() {
        return Ok(None);
    }
    verifier.verify_payload(message)?;
    Ok(is_visible(challenge, 1024).then(|| Reply::json(&json!({ "challenge": challenge }))))
}

/// Airship, open channels: GET of `/validate` below the webhook's URL, which Airship signs like every call, with an
/// empty body. Answers with the confirmation code that Airship shows.
///
/// Source: support.airship.com, "Implementing a signature hash and validating an open channel webhook".
///
/// # Errors
/// [`NotAuthentic`]: not signed by Airship.
pub fn airship(
    verifier: &HmacVerifier,
    message: &Message<'_>,
    confirmation_code: &str,
) -> Result<Option<Reply>, NotAuthentic> {
    if *message.method != Method::GET || !message.uri.path().ends_with("/validate") {
        return Ok(None);
    }
    verifier.verify_payload(message)?;
    Ok(Some(Reply::json(
        &json!({ "confirmation_code": confirmation_code }),
    )))
}

/// Discord: PING, which Discord signs like every message. An interaction of type 1 wants `{"type":1}`; a webhook event
/// of type 0 wants 204.
///
/// Source: discord-api-docs, "Interactions overview" and "Webhook events".
///
/// # Errors
/// [`NotAuthentic`]: not signed by Discord. Answer it with 401: Discord tries that too.
pub fn discord(verifier: &PublicKeyVerifier, message: &Message<'_>) -> Result<Option<Reply>, NotAuthentic> {
    let Ok(body) = parse_json(message.body) else {
        return Ok(None);
    };
    // A webhook event is of type 1 as well, and has the event in it.
    let reply = match body.get("type").and_then(Value::as_u64) {
        Some(0) => Reply::empty(StatusCode::NO_CONTENT),
        Some(1) if body.get("event").is_none() => Reply::json(&json!({ "type": 1 })),
        _ => return Ok(None),
    };
    verifier.verify_payload(message)?;
    Ok(Some(reply))
}

/// Hexadecimal digits in groups of 8, 4, 4, 4 and 12.
fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn echo_challenge(
    verifier: &HmacVerifier,
    message: &Message<'_>,
    event: &Value,
) -> Result<Option<Reply>, NotAuthentic> {
    verifier.verify_payload(message)?;
    let challenge = event.get("challenge").and_then(Value::as_str);
    Ok(challenge
        .filter(|challenge| is_visible(challenge, 1024))
        .map(Reply::text))
}

/// The body, if it is a JSON object in which this name has that value.
fn event(message: &Message<'_>, name: &str, value: &str) -> Option<Value> {
    parse_json(message.body)
        .ok()
        .filter(|event| event.get(name).and_then(Value::as_str) == Some(value))
}

/// Signed by the key that signed the message.
fn mac_by(
    verifier: &HmacVerifier,
    message: &Message<'_>,
    authentic: &Authentic<'_>,
    text: &str,
) -> Result<Option<Vec<u8>>, NoKey> {
    let keys = verifier.keys.find_keys(&Wanted::of(message.sender))?;
    let key = keys.valid_at(message.now).find(|key| key.id() == authentic.key());
    Ok(key.and_then(|key| mac(key, Digest::Sha256, text)))
}

/// Signed by the newest key; nothing, where that is of a kind that makes no such MAC.
fn newest(
    store: &dyn FindKeys,
    head: &Head<'_>,
    sign: impl FnOnce(&Key) -> Option<Vec<u8>>,
) -> Result<Option<Vec<u8>>, NotAuthentic> {
    let keys = store.find_keys(&Wanted::of(head.sender))?;
    match keys.valid_at(head.now).next_back() {
        Some(newest) => Ok(sign(newest)),
        None => Err(unless_renewed(keys.none_valid(), store, &keys)),
    }
}

fn mac(key: &Key, digest: Digest, text: &str) -> Option<Vec<u8>> {
    let mut mac = key.begin(digest)?;
    mac.update(text.as_bytes());
    Some(mac.finish().as_slice().to_vec())
}

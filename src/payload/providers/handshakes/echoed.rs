//! Handshakes that want their own text back.

use http::{HeaderName, HeaderValue, Method};
use serde_json::json;
use subtle::ConstantTimeEq as _;

use super::{Reply, is_token, is_visible};
use crate::payload::hmac::body::{Form, form_field, parse_form};
use crate::payload::hmac::fields::single;
use crate::payload::{Head, Secret};

/// The longest challenge that is echoed.
const MAX: usize = 1024;

/// Okta: GET with `X-Okta-Verification-Challenge`.
///
/// Source: okta-developer-docs, "Event hooks".
pub fn okta(head: &Head<'_>) -> Option<Reply> {
    let name = HeaderName::from_static("x-okta-verification-challenge");
    let challenge = single(head.headers, &name).ok()?;
    let ours = head.method == Method::GET && is_visible(challenge, MAX);
    ours.then(|| Reply::json(&json!({ "verification": challenge })))
}

/// Microsoft Graph: `validationToken` in the query, by GET or POST.
///
/// Source: microsoft-graph-docs-contrib, "Change notifications through webhooks".
pub fn microsoft_graph(head: &Head<'_>) -> Option<Reply> {
    let token = query_text(head, "validationToken")?;
    is_visible(&token, MAX).then(|| Reply::text(&token))
}

/// Dropbox: GET with `challenge` in the query.
///
/// Source: dropbox.com/developers/reference/webhooks.
pub fn dropbox(head: &Head<'_>) -> Option<Reply> {
    echo_query(head, "challenge")
}

/// Nylas: GET with `challenge` in the query.
///
/// Source: npm nylas 8.4.0, `extractChallengeParameter`.
pub fn nylas(head: &Head<'_>) -> Option<Reply> {
    echo_query(head, "challenge")
}

/// Onfleet: GET with `check` in the query.
///
/// Source: docs.onfleet.com, "Validation".
pub fn onfleet(head: &Head<'_>) -> Option<Reply> {
    echo_query(head, "check")
}

/// The parameter of a GET as text.
fn echo_query(head: &Head<'_>, name: &str) -> Option<Reply> {
    let challenge = query_text(head, name)?;
    let ours = head.method == Method::GET && is_visible(&challenge, MAX);
    ours.then(|| Reply::text(&challenge))
}

/// Meta: GET with `hub.mode=subscribe`, `hub.challenge`, and the verify token that you gave Meta. Without the right
/// token it is no handshake.
///
/// Source: developers.facebook.com, "Webhooks: getting started".
pub fn meta(head: &Head<'_>, verify_token: &Secret) -> Option<Reply> {
    let verify_token = verify_token.as_str();
    let (mode, token) = (
        query_text(head, "hub.mode")?,
        query_text(head, "hub.verify_token")?,
    );
    let challenge = query_text(head, "hub.challenge")?;
    let known = !verify_token.is_empty() && bool::from(token.as_bytes().ct_eq(verify_token.as_bytes()));
    let digits = !challenge.is_empty()
        && challenge.len() <= 256
        && challenge.bytes().all(|byte| byte.is_ascii_digit());
    let ours = head.method == Method::GET && mode == "subscribe" && known && (digits || is_token(&challenge));
    ours.then(|| Reply::text(&challenge))
}

/// Asana: POST with `X-Hook-Secret`, once, when the webhook is made. The secret is what later messages are signed with:
/// keep it.
///
/// # Security
/// Anybody can send this. Reply only while *you* are making a webhook, and only once for it; otherwise a stranger's
/// secret becomes a key.
///
/// Source: Asana/devrel-examples javascript/webhooks-nodejs/index.js.
pub fn asana(head: &Head<'_>) -> Option<(Reply, String)> {
    let name = HeaderName::from_static("x-hook-secret");
    let secret = single(head.headers, &name).ok()?;
    let ours = head.method == Method::POST && is_token(secret) && secret.len() >= 16;
    let mut value = HeaderValue::from_str(secret).ok().filter(|_| ours)?;
    value.set_sensitive(true);
    Some((
        Reply::empty(http::StatusCode::OK).with_header(name, value),
        secret.to_owned(),
    ))
}

/// Adobe Acrobat Sign: `X-AdobeSign-ClientId`, on the GET that verifies the intent and on every POST. Nothing for
/// another client's id.
///
/// Source: opensource.adobe.com/acrobat-sign, "Webhook APIs".
pub fn adobe_sign(head: &Head<'_>, client_id: &str) -> Option<Reply> {
    let name = HeaderName::from_static("x-adobesign-clientid");
    let shown = single(head.headers, &name).ok()?;
    let ours = !client_id.is_empty() && bool::from(shown.as_bytes().ct_eq(client_id.as_bytes()));
    let value = HeaderValue::from_str(shown).ok().filter(|_| ours)?;
    Some(Reply::empty(http::StatusCode::OK).with_header(name, value))
}

/// The only parameter of this name, decoded.
pub(super) fn query_text(head: &Head<'_>, name: &str) -> Option<String> {
    let fields: Form = parse_form(head.uri.query()?.as_bytes()).ok()?;
    String::from_utf8(form_field(&fields, name)?.to_vec()).ok()
}

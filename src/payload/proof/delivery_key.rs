use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Method, Uri};
use rustls_pki_types::UnixTime;
use sha2::{Digest as _, Sha256};

use crate::payload::hmac::body;
use crate::payload::hmac::scheme::Layout;
use crate::payload::{Message, SchemeText};

/// The identity of a delivery: nothing but what the signature covers. Hashed only when it is claimed.
#[derive(Clone)]
#[non_exhaustive]
pub enum DeliveryKey<'m> {
    /// The sender's own identity of it, which is signed.
    Id(&'m str),
    /// The signed body.
    Body(&'m [u8]),
    /// The signed time, as it was written, and the signed body.
    TimeAndBody(&'m str, &'m [u8]),
    /// The text or number at this path in the signed JSON body; where there is none, the body.
    BodyField(SchemeText, &'m [u8]),
    /// The signed body, with every character beyond ASCII escaped.
    EscapedBody(&'m [u8]),
    /// All that is signed.
    Signed(SignedText<'m>),
    /// The SHA-256 hash of one of these: for a body that was read in pieces, or an identity inside of it.
    Digest(Hashed, [u8; 32]),
}

/// The subject of a hash in [`DeliveryKey::Digest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hashed {
    /// The body: counts as the same delivery as [`DeliveryKey::Body`].
    Body,
    /// The length of the time in eight bytes, the time, and the body: as [`DeliveryKey::TimeAndBody`].
    TimeAndBody,
    /// All that is signed: as [`DeliveryKey::Signed`].
    Signed,
    /// An identity in the body: as [`DeliveryKey::BodyField`].
    Field,
    /// An identity that is signed, but does not stand in the message as it is: `jti` of a token, the `nonce` of an
    /// HTTP message signature.
    Token,
}

impl Hashed {
    pub(in crate::payload) fn label(self) -> &'static [u8] {
        match self {
            Self::Body => b"body",
            Self::TimeAndBody => b"time and body",
            Self::Signed => b"signed",
            Self::Field => b"field",
            Self::Token => b"token",
        }
    }
}

/// All that is signed of a message, not hashed yet.
#[derive(Clone)]
pub struct SignedText<'m> {
    layout: Arc<Layout>,
    method: &'m Method,
    uri: &'m Uri,
    headers: &'m HeaderMap,
    body: &'m [u8],
    now: UnixTime,
}

impl<'m> SignedText<'m> {
    pub(in crate::payload) fn new(layout: &Arc<Layout>, message: &Message<'m>) -> Self {
        Self {
            layout: Arc::clone(layout),
            method: message.method,
            uri: message.uri,
            headers: message.headers,
            body: message.body,
            now: message.now,
        }
    }

    fn digest(&self) -> (Hashed, [u8; 32]) {
        let message = Message::new(self.method, self.uri, self.headers, self.body, self.now);
        match self.layout.signed_digest(&message) {
            Ok(digest) => (Hashed::Signed, digest),
            // It was read when it was verified, so it can be read again.
            Err(_) => (Hashed::Body, Sha256::digest(self.body).into()),
        }
    }
}

impl fmt::Debug for SignedText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedText").finish_non_exhaustive()
    }
}

impl DeliveryKey<'_> {
    pub(in crate::payload) fn hash(&self) -> (Hashed, [u8; 32]) {
        match self {
            Self::Id(id) => (Hashed::Field, Sha256::digest(id).into()),
            Self::Body(body) => (Hashed::Body, Sha256::digest(body).into()),
            Self::TimeAndBody(time, body) => {
                let hash = begin_time_and_body(time).chain_update(body);
                (Hashed::TimeAndBody, hash.finalize().into())
            }
            Self::BodyField(path, body) => match field(body, path) {
                Some(value) => (Hashed::Field, Sha256::digest(value).into()),
                None => (Hashed::Body, Sha256::digest(body).into()),
            },
            Self::EscapedBody(body) => (Hashed::Body, escaped_digest(body)),
            Self::Signed(text) => text.digest(),
            Self::Digest(what, digest) => (*what, *digest),
        }
    }
}

impl fmt::Debug for DeliveryKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "Id({id:?})"),
            Self::Body(body) => write!(f, "Body({} bytes)", body.len()),
            Self::TimeAndBody(time, body) => write!(f, "TimeAndBody({time:?}, {} bytes)", body.len()),
            Self::BodyField(path, body) => write!(f, "BodyField({path:?}, {} bytes)", body.len()),
            Self::EscapedBody(body) => write!(f, "EscapedBody({} bytes)", body.len()),
            Self::Signed(text) => write!(f, "Signed({} bytes of body)", text.body.len()),
            Self::Digest(what, _) => write!(f, "Digest({what:?})"),
        }
    }
}

/// The hash over a time and a body, up to the body.
pub(in crate::payload) fn begin_time_and_body(time: &str) -> Sha256 {
    Sha256::new()
        .chain_update((time.len() as u64).to_be_bytes())
        .chain_update(time)
}

fn field(body: &[u8], path: &str) -> Option<String> {
    let value = body::parse_json(body).ok()?;
    let text = body::scalar(body::at_path(&value, path)?)?;
    (!text.is_empty()).then(|| text.into_owned())
}

fn escaped_digest(body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    match str::from_utf8(body) {
        Ok(text) => body::escaped(text, &mut |piece| hash.update(piece)),
        Err(_) => hash.update(body),
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Scheme;

    /// A body is somebody's business, and its hash stands in for it: neither is to be read in a log.
    #[test]
    fn a_body_is_shown_by_its_length() {
        let (method, uri, headers) = (Method::POST, Uri::from_static("/"), HeaderMap::new());
        let now = UnixTime::since_unix_epoch(std::time::Duration::ZERO);
        let body = b"card 4111";
        let message = Message::new(&method, &uri, &headers, body, now);
        let signed = SignedText::new(&Scheme::github().layout, &message);
        let cases = [
            (DeliveryKey::Id("msg_1"), "Id(\"msg_1\")"),
            (DeliveryKey::Body(body), "Body(9 bytes)"),
            (
                DeliveryKey::TimeAndBody("179", body),
                "TimeAndBody(\"179\", 9 bytes)",
            ),
            (
                DeliveryKey::BodyField("id".into(), body),
                "BodyField(\"id\", 9 bytes)",
            ),
            (DeliveryKey::EscapedBody(body), "EscapedBody(9 bytes)"),
            (DeliveryKey::Signed(signed.clone()), "Signed(9 bytes of body)"),
            (DeliveryKey::Digest(Hashed::Token, [7; 32]), "Digest(Token)"),
        ];
        for (key, shown) in cases {
            assert_eq!(format!("{key:?}"), shown);
        }
        assert_eq!(format!("{signed:?}"), "SignedText { .. }");
    }
}

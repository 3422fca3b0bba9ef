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
    use crate::payload::{Authentic, KeyId, Scheme};
    use crate::replay::Terms;
    use crate::tenant::TenantId;

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

    fn claim_key(delivery: DeliveryKey<'_>, now: UnixTime) -> String {
        let acme = TenantId::parse("acme").unwrap();
        let authentic = Authentic::assertion(acme, "mine".into(), KeyId::new("1"), delivery);
        authentic.claim(now, Terms::default()).key.to_string()
    }

    /// A fleet whose members are of different versions shares one store, and what was handled under one is refused under the
    /// next: each is SHA-256 over `countersign claim`, a zero byte, and tenant, scheme, label and identity, each after its
    /// length in eight bytes. The identity is the text of `Id`, and of all others a hash. Computed with Python's hashlib.
    #[test]
    fn claim_keys_are_the_same_in_each_version() {
        const TIME: &str = "1790000000";
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_790_000_000));
        let (method, uri, mut headers) = (Method::POST, Uri::from_static("/"), HeaderMap::new());
        headers.insert("x-slack-request-timestamp", TIME.parse().unwrap());
        let body = "{\"id\":\"msg_1\",\"said\":\"\u{e9}\"}".as_bytes();
        let message = Message::new(&method, &uri, &headers, body, now);
        let signed = SignedText::new(&Scheme::slack().layout, &message);
        let digest = |what| DeliveryKey::Digest(what, [7; 32]);
        #[rustfmt::skip]
        let cases = [
            (DeliveryKey::Id("msg_1"), "c8dfb7e18ce4237456a8a4832bc7d313e1aab7708f12a703b28a3e16d4bebe82"),
            (DeliveryKey::Body(body), "e02a336b32d468ca909330971f499ac568697fdb2a8dff2544ced25e48e2ecb7"),
            (DeliveryKey::TimeAndBody(TIME, body), "eab1b93f3d0da9eec94c58e8785ac729dad8ecd7121d4dc28357955af33050f1"),
            (DeliveryKey::BodyField("id".into(), body), "be5efdbe8ba9705f53fe78bcafa2b61e0902f1efc1e886585c6fe83d6082c458"),
            (DeliveryKey::BodyField("none".into(), body), "e02a336b32d468ca909330971f499ac568697fdb2a8dff2544ced25e48e2ecb7"),
            (DeliveryKey::EscapedBody(body), "ba11fef3bc450185bc99ad5e468a3c2994747bdace5384d9eac1c5b06ee2a63e"),
            (DeliveryKey::Signed(signed), "b615a8533a5815e477c44778b00c050024e2bd1e67eb50ac6fbf1c366c862af8"),
            (digest(Hashed::Body), "d611959fea58a3c392137d2b9c1ae16b86386e2325928f0b030d504c173a5cc2"),
            (digest(Hashed::TimeAndBody), "51865d8dbfacf9cb917663c0d5554fb516f1e01699015a6fad44005476cf3e8c"),
            (digest(Hashed::Signed), "b124777bfb6e42c92cca0022d251c6eca5494ec2f3ac44de45bd69814fe49526"),
            (digest(Hashed::Field), "6d76245796be4cf48625c48235fd6eaa59985b0fa4eeff9dea35699daa9b5dd7"),
            (digest(Hashed::Token), "0ff91d8c32f858067623bf1a53d02b5ab49c2df2562e0c2ef4df382161751c65"),
        ];
        for (delivery, key) in cases {
            let shown = format!("{delivery:?}");
            assert_eq!(claim_key(delivery, now), key, "{shown}");
        }
    }
}

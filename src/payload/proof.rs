use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Method, Uri};
use rustls_pki_types::UnixTime;
use sha2::{Digest as _, Sha256};

use super::{Bindings, KeyId, Message, NotAuthentic};
use crate::payload::hmac::body;
use crate::payload::hmac::keys::Matched;
use crate::payload::hmac::scheme::{Layout, SchemeName};
use crate::replay::{Claim, ClaimKey, Claimed, Terms};
use crate::tenant::TenantId;

/// A message that its sender signed. Proof: only [`Authentic::assertion`] makes one, inside implementations of
/// [`VerifyPayload`](super::VerifyPayload).
///
/// Borrows the message, so that it cannot be taken for the proof of another one. It does not say that the message is
/// new: [`claim`](Self::claim) it in a replay store, then [`settle`](Self::settle).
///
/// ```
/// use countersign::UnixTime;
/// use countersign::payload::{Authentic, DeliveryKey, KeyId};
/// use countersign::replay::Terms;
/// use countersign::tenant::TenantId;
///
/// // What a verifier of your own answers with, once it is convinced.
/// let (acme, delivery) = (TenantId::parse("acme")?, DeliveryKey::Id("delivery-1"));
/// let proof = Authentic::assertion(acme, "mine".into(), KeyId::new("2026"), delivery);
/// assert_eq!((proof.sender().as_str(), proof.scheme()), ("acme", "mine"));
/// // It becomes a `Fresh` only by a claim that a store has granted.
/// let claim = proof.claim(UnixTime::now(), Terms::default());
/// # drop(claim);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Authentic<'m> {
    signature: Signature,
    delivery: DeliveryKey<'m>,
    fresh_until: Option<UnixTime>,
}

/// What is kept of a verified signature.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Signature {
    signer: Signer,
    scheme: SchemeName,
    signed_at: Option<UnixTime>,
    bindings: Bindings,
}

/// Who signed, and with which key.
#[derive(Clone)]
enum Signer {
    Named {
        sender: TenantId,
        key: KeyId,
    },
    /// One of the keys that were found: nothing is copied of it, since each verification would.
    Found(Matched),
}

impl Signer {
    fn sender(&self) -> &TenantId {
        match self {
            Self::Named { sender, .. } => sender,
            Self::Found(matched) => matched.owner(),
        }
    }

    fn key(&self) -> &KeyId {
        match self {
            Self::Named { key, .. } => key,
            Self::Found(matched) => matched.id(),
        }
    }

    /// The same without the secret: what outlives the request must not keep a retired key from being wiped.
    fn named(&self) -> Self {
        Self::Named {
            sender: self.sender().clone(),
            key: self.key().clone(),
        }
    }
}

impl PartialEq for Signer {
    fn eq(&self, other: &Self) -> bool {
        (self.sender(), self.key()) == (other.sender(), other.key())
    }
}

impl Eq for Signer {}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("sender", self.sender())
            .field("key", self.key())
            .finish()
    }
}

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
    BodyField(&'static str, &'m [u8]),
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
    fn label(self) -> &'static [u8] {
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
    pub(super) fn new(layout: &Arc<Layout>, message: &Message<'m>) -> Self {
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
    fn hash(&self) -> (Hashed, [u8; 32]) {
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

/// The hash over a time and a body, up to the body.
pub(super) fn begin_time_and_body(time: &str) -> Sha256 {
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

impl<'m> Authentic<'m> {
    /// The assertion that `sender` signed `delivery` under `key` by the rules of `scheme`.
    ///
    /// # Security
    /// To be made only where a signature was just verified. Whoever calls this vouches for it, so a reviewer looks at
    /// every call of it.
    pub fn assertion(sender: TenantId, scheme: Arc<str>, key: KeyId, delivery: DeliveryKey<'m>) -> Self {
        let signer = Signer::Named { sender, key };
        let signature = Signature {
            signer,
            scheme: SchemeName::Given(scheme),
            signed_at: None,
            bindings: Bindings::default(),
        };
        Self {
            signature,
            delivery,
            fresh_until: None,
        }
    }

    /// The assertion that this key, which was just found to match, signed `delivery` at that time.
    #[inline]
    pub(super) fn assertion_of(
        matched: Matched,
        scheme: &SchemeName,
        delivery: DeliveryKey<'m>,
        signed_at: Option<UnixTime>,
        fresh_until: Option<UnixTime>,
    ) -> Self {
        let signature = Signature {
            signer: Signer::Found(matched),
            scheme: scheme.clone(),
            signed_at,
            bindings: Bindings::default(),
        };
        Self {
            signature,
            delivery,
            fresh_until,
        }
    }

    /// The same, signed at this time; no message of this delivery that is signed by now passes as fresh after that one (no
    /// end: `None`).
    #[must_use]
    #[inline]
    pub fn signed_at(mut self, signed: UnixTime, fresh_until: impl Into<Option<UnixTime>>) -> Self {
        self.signature.signed_at = Some(signed);
        self.fresh_until = fresh_until.into();
        self
    }

    /// The same, passing as fresh until that time, whenever it was signed.
    #[must_use]
    pub fn fresh_until(mut self, until: UnixTime) -> Self {
        self.fresh_until = Some(until);
        self
    }

    /// The same, bound to these.
    #[must_use]
    pub fn bound_to(mut self, bindings: Bindings) -> Self {
        self.signature.bindings = bindings;
        self
    }

    /// What the signature was found bound to.
    pub fn bindings(&self) -> Bindings {
        self.signature.bindings
    }

    /// Who signed it.
    pub fn sender(&self) -> &TenantId {
        self.signature.signer.sender()
    }

    /// The scheme it was signed by.
    pub fn scheme(&self) -> &str {
        &self.signature.scheme
    }

    /// The key that matched.
    pub fn key(&self) -> &KeyId {
        self.signature.signer.key()
    }

    /// The claim to make on this delivery, at `now` and under these terms.
    pub fn claim(&self, now: UnixTime, terms: Terms) -> Claim {
        Claim::new(
            self.claim_key(),
            self.sender().clone(),
            now,
            terms,
            self.fresh_until,
        )
    }

    /// Fresh, because a store has granted the claim on it.
    ///
    /// # Errors
    /// [`NotAuthentic::OtherClaim`] when the claim is one of another delivery.
    pub fn settle(self, claimed: &Claimed) -> Result<Fresh, NotAuthentic> {
        if claimed.key() != self.claim_key() {
            return Err(NotAuthentic::OtherClaim);
        }
        let signature = Signature {
            signer: self.signature.signer.named(),
            ..self.signature
        };
        Ok(Fresh {
            signature,
            claimed: claimed.clone(),
        })
    }

    fn claim_key(&self) -> ClaimKey {
        let (tenant, scheme) = (self.sender(), &*self.signature.scheme);
        match self.delivery {
            DeliveryKey::Id(id) => ClaimKey::of(tenant, scheme, [b"id", id.as_bytes()]),
            _ => {
                let (what, digest) = self.delivery.hash();
                ClaimKey::of(tenant, scheme, [what.label(), &digest])
            }
        }
    }
}

impl fmt::Debug for Authentic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authentic").field(&self.signature).finish()
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

/// An authentic message that was not handled before. Proof: only [`Authentic::settle`] makes one.
///
/// All there is to have for a webhook without mutual TLS; together with a [`Caller`](crate::gate::Caller) it is bound
/// to a [`Countersigned`](crate::gate::Countersigned).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fresh {
    signature: Signature,
    claimed: Claimed,
}

impl Fresh {
    /// Who signed it.
    pub fn sender(&self) -> &TenantId {
        self.signature.signer.sender()
    }

    /// The scheme it was signed by.
    pub fn scheme(&self) -> &str {
        &self.signature.scheme
    }

    /// The key that matched.
    pub fn key(&self) -> &KeyId {
        self.signature.signer.key()
    }

    /// The signed time, where the scheme has one.
    pub fn signed_at(&self) -> Option<UnixTime> {
        self.signature.signed_at
    }

    /// What the signature was found bound to.
    pub fn bindings(&self) -> Bindings {
        self.signature.bindings
    }

    /// The delivery's name in the replay store, the same for each retry of it. Written in the transaction of the handler's
    /// effect, under a unique index, it keeps the effect from happening twice where nothing else can: see
    /// [`replay`](crate::replay#what-nobody-can-promise).
    pub fn claim_key(&self) -> ClaimKey {
        self.claimed.key()
    }

    /// The claim that was granted on it, for a store that commits it in the transaction of the handler's effect
    /// (`PostgresStore::commit_in`). Who has claimed it commits or releases it; here, that is the layer.
    pub fn claimed(&self) -> &Claimed {
        &self.claimed
    }
}

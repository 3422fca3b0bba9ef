use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use rustls_pki_types::SignatureVerificationAlgorithm;
use serde_json::json;

use crate::payload::hmac::Encoding;
use crate::payload::hmac::body::parse_json;
use crate::payload::hmac::fields::single;
use crate::payload::providers::FindPublished;
use crate::payload::public_key::{
    Algorithms, PublicKeyAlgorithm, PublicKeyForm, SignBytes, UnsupportedAlgorithm,
};
use crate::payload::{
    Authentic, CannotSign, DeliveryKey, KeyId, Message, NotAuthentic, Outgoing, SignPayload, VerifyPayload,
};
use crate::tenant::TenantId;

const SIGNATURE: HeaderName = HeaderName::from_static("x-ebay-signature");
const ALGORITHM: PublicKeyAlgorithm = PublicKeyAlgorithm::EcdsaP256Sha1;
/// The longest name of a key, in bytes.
const MAX_KID: usize = 128;

/// A verifier of eBay's notifications: ECDSA on P-256 with SHA-1 over the body.
///
/// # Security
/// SHA-1 is broken for collisions: whoever can have eBay sign a text of their own making can make two that share a
/// signature. No `CryptoProvider` verifies it; the caller's algorithm has to.
///
/// ```
/// use countersign::payload::NoKey;
/// use countersign::payload::providers::EbayVerifier;
/// use countersign::tenant::TenantId;
///
/// let fetched = |_: &str| Err(NoKey::Unavailable);
/// let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
/// let built = EbayVerifier::new(TenantId::parse("acme")?, fetched, algorithms);
/// assert!(built.is_err(), "no provider has ECDSA with SHA-1: bring an algorithm of your own");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct EbayVerifier {
    tenant: TenantId,
    keys: Arc<dyn FindPublished<String>>,
    algorithms: Algorithms,
}

impl EbayVerifier {
    /// Verifies what eBay sends to the tenant. `keys` finds the `key` that `getPublicKey` of eBay's Notification API answers
    /// for an id, in PEM, with or without line breaks.
    ///
    /// # Errors
    /// [`UnsupportedAlgorithm`] where none of the algorithms is ECDSA with SHA-1.
    pub fn new(
        tenant: TenantId,
        keys: impl FindPublished<String> + 'static,
        algorithms: &[&'static dyn SignatureVerificationAlgorithm],
    ) -> Result<Self, UnsupportedAlgorithm> {
        Ok(Self {
            tenant,
            keys: Arc::new(keys),
            algorithms: Algorithms::of(ALGORITHM, algorithms)?,
        })
    }

    fn key(&self, id: &str) -> Result<Vec<u8>, NotAuthentic> {
        let text = self.keys.find_published(id)?;
        let inner = text.trim().strip_prefix("-----BEGIN PUBLIC KEY-----");
        let inner = inner.and_then(|text| text.strip_suffix("-----END PUBLIC KEY-----"));
        let base64: String = inner.unwrap_or_default().split_whitespace().collect();
        PublicKeyForm::SpkiBase64
            .read(ALGORITHM, &base64)
            .map_err(|_| NotAuthentic::Denied {
                reason: "the public key of the signature cannot be read",
            })
    }
}

/// For explanations.
impl EbayVerifier {
    pub(crate) const FIELD: HeaderName = SIGNATURE;
}

impl VerifyPayload for EbayVerifier {
    fn verify_payload<'m>(&self, message: &Message<'m>) -> Result<Authentic<'m>, NotAuthentic> {
        let shown = Shown::read(single(message.headers, &SIGNATURE)?)
            .ok_or(NotAuthentic::MalformedSignature { name: SIGNATURE })?;
        let key = self.key(&shown.key)?;
        if !self.algorithms.verify(&key, message.body, &shown.signature) {
            return Err(NotAuthentic::SignatureMismatch);
        }
        let (tenant, delivery) = (self.tenant.clone(), DeliveryKey::Body(message.body));
        Ok(Authentic::assertion(
            tenant,
            "ebay".into(),
            KeyId::new(shown.key),
            delivery,
        ))
    }
}

/// What the header field holds, unpacked.
struct Shown {
    key: String,
    signature: Vec<u8>,
}

impl Shown {
    fn read(text: &str) -> Option<Self> {
        let packed = parse_json(&STANDARD.decode(text).ok()?).ok()?;
        let member = |name: &str| packed.get(name)?.as_str();
        // What they say chooses nothing, and must not contradict either.
        let is =
            |name, expected| member(name).is_some_and(|found: &str| found.eq_ignore_ascii_case(expected));
        let key = member("kid").filter(|id| is_plain(id))?;
        let signature = member("signature")?.as_bytes();
        (is("alg", "ecdsa") && is("digest", "sha1")).then_some(())?;
        Some(Self {
            key: key.to_owned(),
            signature: Encoding::Base64.decode_any(signature, ALGORITHM.max_signature())?,
        })
    }
}

/// Nothing that would lead the caller's request for the key elsewhere.
fn is_plain(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=MAX_KID).contains(&id.len()) && id.bytes().all(plain)
}

/// A signer as eBay is one, with a private key of the caller's: the sender's half of [`EbayVerifier`], for whoever tests a
/// receiver.
#[derive(Debug, Clone)]
pub struct EbaySigner {
    tenant: TenantId,
    id: Arc<str>,
    key: Arc<dyn SignBytes>,
}

impl EbaySigner {
    /// Signs for this tenant with the key of this id: ECDSA on P-256 with SHA-1, in DER.
    pub fn new(tenant: TenantId, id: &str, key: Arc<dyn SignBytes>) -> Self {
        Self {
            tenant,
            id: id.into(),
            key,
        }
    }
}

impl SignPayload for EbaySigner {
    fn sign_payload(&self, outgoing: &Outgoing<'_>) -> Result<HeaderMap, CannotSign> {
        outgoing.check_sender(&self.tenant)?;
        if !is_plain(&self.id) {
            return Err(CannotSign::Key {
                reason: "its id is letters, digits and hyphens",
            });
        }
        let signature = STANDARD.encode(self.key.sign_bytes(outgoing.body)?);
        let packed = json!({ "alg": "ecdsa", "kid": *self.id, "signature": signature, "digest": "SHA1" });
        let value = HeaderValue::try_from(STANDARD.encode(packed.to_string()));
        let value = value.map_err(|_| CannotSign::Body)?;
        Ok(HeaderMap::from_iter([(SIGNATURE, value)]))
    }
}

impl fmt::Debug for EbayVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EbayVerifier")
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

//! **Did they say this?** From a message to the proof that its sender signed it.
//!
//! [`VerifyPayload`] decides; [`Authentic`] is what it answers with. The ready-made answer for webhooks is
//! [`HmacVerifier`]: a [`Scheme`] says where signature, time and identity sit and what is signed, a [`Keyring`] holds
//! the keys of each tenant. [`HmacSigner`] is its other half.
//!
//! ```
//! use std::time::Duration;
//! use countersign::payload::{Forged, HmacVerifier, Keyring, Message, Scheme, VerifyPayload};
//! use http::{HeaderMap, Method, Uri};
//! # use rustls::pki_types::UnixTime;
//!
//! let scheme = Scheme::github();
//! let keys = Keyring::builder(&scheme).key("octo-corp", "2026", "It's a Secret to Everybody").build()?;
//! let verifier = HmacVerifier::new(scheme, keys);
//!
//! let mut headers = HeaderMap::new();
//! let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
//! headers.insert("x-hub-signature-256", signature.parse()?);
//! let (method, uri) = (Method::POST, Uri::from_static("/hooks"));
//! let now = UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000));
//!
//! let message = Message::new(&method, &uri, &headers, b"Hello, World!", now);
//! assert_eq!(verifier.verify_payload(&message)?.sender().as_str(), "octo-corp");
//!
//! let changed = Message::new(&method, &uri, &headers, b"Hello, World?", now);
//! assert_eq!(verifier.verify_payload(&changed).err(), Some(Forged::SignatureMismatch));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(any(feature = "jwt", feature = "http-signatures"))]
mod algorithms;
mod bindings;
mod body;
mod encoding;
mod engine;
mod families;
mod fields;
mod forged;
pub mod handshakes;
mod hmac;
#[cfg(feature = "http-signatures")]
mod http_signature;
#[cfg(feature = "jwt")]
mod jwks;
#[cfg(feature = "jwt")]
mod jwt;
mod keys;
#[cfg(any(feature = "jwt", feature = "http-signatures"))]
mod percent;
pub mod presets;
mod proof;
mod public_key;
mod recognized;
mod running;
mod scheme;
mod sign;
mod time;
mod token;

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Method, Uri};
use rustls_pki_types::UnixTime;

use crate::tenant::TenantId;

#[cfg(all(feature = "tls", any(feature = "jwt", feature = "http-signatures")))]
pub(crate) use algorithms::to_fixed as ecdsa_to_fixed;
#[cfg(any(feature = "jwt", feature = "http-signatures"))]
pub use algorithms::{
    Algorithm, Algorithms, HmacSigningKey, NotSigned, ProviderAlgorithms, PublicKey, SigningKey,
    VerifyingKey, WeakKey,
};
pub use bindings::{Bindings, ClientCertificate};
pub use encoding::Encoding;
pub use families::{
    AdyenBatch, AdyenItem, AdyenVerifier, FindCertificate, HubSpotLegacy, NotFetched, PayPalEvent,
    PayPalVerifier, SnsMessage, SnsVerifier, TwilioVerifier,
};
pub use forged::Forged;
pub use hmac::{HmacVerifier, PartialVerifier};
#[cfg(feature = "http-signatures")]
pub use http_signature::{
    ChooseSignature, FindVerifyingKeys, HttpSignatureKeyring, HttpSignaturePolicy, HttpSignatureVerifier,
    HttpSigner, InvalidHttpSignature, TenantVerifyingKeys,
};
#[cfg(feature = "jwks-fetch")]
pub(crate) use jwks::MAX_SET as MAX_JWK_SET;
#[cfg(feature = "jwt")]
pub use jwks::{
    CacheRules, InvalidCacheRules, InvalidFetch, InvalidJwk, InvalidJwkSet, Jwk, JwkSet, JwksCache,
    RemoteJwks, Todo, Unknown,
};
#[cfg(feature = "jwt")]
pub use jwt::{
    BodyHash, BoundJwtScheme, DetachedVerifier, FindJwks, HashForm, InvalidJson, InvalidJwt, Jws,
    JwsVerifier, JwtAt, JwtKeyring, JwtPart, JwtRules, JwtScheme, JwtSigner, JwtVerifier, RequestHash,
    TenantJwks, UnboundJwts,
};
pub use keys::{
    Digest, FindKeys, InvalidKey, Key, KeyForm, KeyId, KeyProblem, KeyReport, KeySpec, KeyState, Keyring,
    KeyringBuilder, Keys, NoKey, PublicKeyAlgorithm, PublicKeyForm, Wanted,
};
pub use proof::{Authentic, Delivery, Fresh, Hashed, SignedText};
pub use public_key::{PublicKeyScheme, PublicKeySigner, PublicKeyVerifier, SignBytes, UnsupportedAlgorithm};
pub use recognized::{Recognized, Strength};
pub use running::Running;
pub use scheme::{
    BodyForm, Identity, InvalidOrigin, InvalidScheme, Origin, Part, PartialScheme, Scheme, SchemeBuilder,
    SignatureAt, TimeAt,
};
pub use sign::HmacSigner;
pub use time::TimeFormat;
pub use token::{TokenScheme, TokenVerifier};

/// Decides whether a message was signed by its sender. Pure: no I/O, no clock.
pub trait VerifyPayload: fmt::Debug + Send + Sync {
    /// Who signed this very message, and under which key.
    ///
    /// # Errors
    /// [`Forged`], with the first reason found.
    fn verify_payload<'m>(&self, message: &Message<'m>) -> Result<Authentic<'m>, Forged>;

    /// Begins with a message of which the body is still to come: at most `limit` bytes of it. `None`, where it can
    /// only be verified when it is there whole; then, and by default, [`verify_payload`](Self::verify_payload) is to be
    /// asked. Both give the same answer.
    ///
    /// # Errors
    /// [`Forged`] for whatever can be told from the head alone.
    fn begin_payload<'m>(
        &self,
        head: &Head<'m>,
        limit: usize,
    ) -> Result<Option<Box<dyn VerifyBody<'m> + 'm>>, Forged> {
        let _ = (head, limit);
        Ok(None)
    }
}

/// A verification whose body is still arriving.
pub trait VerifyBody<'m>: fmt::Debug + Send {
    /// Takes the next piece of the body.
    ///
    /// # Errors
    /// [`Forged::BodyTooLarge`].
    fn update(&mut self, chunk: &[u8]) -> Result<(), Forged>;

    /// The body is whole.
    ///
    /// # Errors
    /// [`Forged`].
    fn finish(self: Box<Self>) -> Result<Authentic<'m>, Forged>;
}

impl<V: VerifyPayload + ?Sized> VerifyPayload for Arc<V> {
    fn verify_payload<'m>(&self, message: &Message<'m>) -> Result<Authentic<'m>, Forged> {
        (**self).verify_payload(message)
    }

    fn begin_payload<'m>(
        &self,
        head: &Head<'m>,
        limit: usize,
    ) -> Result<Option<Box<dyn VerifyBody<'m> + 'm>>, Forged> {
        (**self).begin_payload(head, limit)
    }
}

/// A message without its body.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Head<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The request's target, as received.
    pub uri: &'a Uri,
    /// Its header fields.
    pub headers: &'a HeaderMap,
    /// The tenant that the connection has proved. If present, only its keys count.
    pub sender: Option<&'a TenantId>,
    /// The client certificate of the connection, for schemes that sign it.
    pub certificate: Option<ClientCertificate<'a>>,
    /// The present, in seconds since 1970.
    pub now: UnixTime,
}

impl<'a> Head<'a> {
    /// The head of a message of a sender whom nothing has proved yet.
    pub fn new(method: &'a Method, uri: &'a Uri, headers: &'a HeaderMap, now: UnixTime) -> Self {
        Self {
            method,
            uri,
            headers,
            sender: None,
            certificate: None,
            now,
        }
    }

    /// The same on a connection that has proved to be this tenant's.
    #[must_use]
    pub fn from_sender(mut self, sender: &'a TenantId) -> Self {
        self.sender = Some(sender);
        self
    }

    /// The same on a connection with this client certificate.
    #[must_use]
    pub fn with_certificate(mut self, certificate: ClientCertificate<'a>) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// The whole message.
    pub fn with_body(&self, body: &'a [u8]) -> Message<'a> {
        Message {
            method: self.method,
            uri: self.uri,
            headers: self.headers,
            body,
            sender: self.sender,
            certificate: self.certificate,
            now: self.now,
        }
    }
}

/// A message as it was received. Its body is bytes and stays so: what was verified is handed on as it is.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Message<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The request's target, as received.
    pub uri: &'a Uri,
    /// Its header fields.
    pub headers: &'a HeaderMap,
    /// Its body, whole.
    pub body: &'a [u8],
    /// The tenant that the connection has proved. If present, only its keys count.
    pub sender: Option<&'a TenantId>,
    /// The client certificate of the connection, if it has one: what a token's `cnf` is compared with.
    pub certificate: Option<ClientCertificate<'a>>,
    /// The present, in seconds since 1970.
    pub now: UnixTime,
}

impl<'a> Message<'a> {
    /// A message of a sender whom nothing has proved yet.
    pub fn new(
        method: &'a Method,
        uri: &'a Uri,
        headers: &'a HeaderMap,
        body: &'a [u8],
        now: UnixTime,
    ) -> Self {
        Self {
            method,
            uri,
            headers,
            body,
            sender: None,
            certificate: None,
            now,
        }
    }

    /// The same message on a connection that has proved to be this tenant's.
    #[must_use]
    pub fn from_sender(mut self, sender: &'a TenantId) -> Self {
        self.sender = Some(sender);
        self
    }

    /// The same message on a connection with this client certificate.
    #[must_use]
    pub fn with_certificate(mut self, certificate: ClientCertificate<'a>) -> Self {
        self.certificate = Some(certificate);
        self
    }
}

/// Signs messages: the sender's half of a [`VerifyPayload`].
pub trait SignPayload: fmt::Debug + Send + Sync {
    /// The header fields to send with the message.
    ///
    /// # Errors
    /// [`CannotSign`]: nothing is to be sent then, least of all without a signature.
    fn sign_payload(&self, outgoing: &Outgoing<'_>) -> Result<HeaderMap, CannotSign>;
}

/// A message to be signed.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Outgoing<'a> {
    /// Whose keys sign it.
    pub tenant: &'a TenantId,
    /// The identity of the delivery: the same for every attempt at it.
    pub id: &'a str,
    /// Its body, whole.
    pub body: &'a [u8],
    /// The present, in seconds since 1970; the signed time, where the scheme has one.
    pub now: UnixTime,
    /// Method and target of the request, for schemes that sign them. Without: `POST /`.
    pub request: Option<(&'a Method, &'a Uri)>,
}

impl<'a> Outgoing<'a> {
    /// A delivery of this tenant.
    pub fn new(tenant: &'a TenantId, id: &'a str, body: &'a [u8], now: UnixTime) -> Self {
        Self {
            tenant,
            id,
            body,
            now,
            request: None,
        }
    }

    /// The same, sent with this method to that target.
    #[must_use]
    pub fn with_request(mut self, method: &'a Method, uri: &'a Uri) -> Self {
        self.request = Some((method, uri));
        self
    }
}

/// Why a message cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CannotSign {
    /// The tenant has no key that is valid now.
    #[error(transparent)]
    NoKey(#[from] NoKey),
    /// The delivery's identity is empty, too long, or holds bytes that would make the signed text ambiguous.
    #[error(
        "the delivery's identity cannot be signed: 1 to 256 visible ASCII characters, none of them a separator of the scheme"
    )]
    Id,
    /// The body is not what the scheme sends.
    #[error("the body is not what the scheme signs: JSON or a form, of a size that receivers take")]
    Body,
    /// The scheme has no header field for its signature.
    #[error("this scheme's signature is inside the body: use `HmacSigner::sign_with_body`")]
    InBody,
    /// The key does not sign.
    #[error("the key does not sign: {reason}")]
    Key {
        /// In its own words.
        reason: &'static str,
    },
    /// The key did not sign.
    #[cfg(any(feature = "jwt", feature = "http-signatures"))]
    #[error(transparent)]
    NotSigned(#[from] NotSigned),
    /// The key's algorithm has no name in RFC 9421.
    #[cfg(feature = "http-signatures")]
    #[error("the key's algorithm is none of RFC 9421")]
    Algorithm,
    /// The scheme covers method and target, which an outgoing payload does not tell.
    #[cfg(feature = "jwt")]
    #[error("the scheme covers method and target: sign the request")]
    RequestNeeded,
}

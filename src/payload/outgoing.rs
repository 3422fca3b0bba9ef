use std::fmt;
use std::sync::Arc;

#[cfg(feature = "http-signatures")]
use http::HeaderName;
use http::{HeaderMap, Method, Uri};
use rustls_pki_types::UnixTime;

use super::NoKey;
#[cfg(feature = "http-signatures")]
use crate::payload::http_signature::InvalidHttpSignature;
use crate::tenant::TenantId;

/// A signer of messages: the sender's half of a [`VerifyPayload`](super::VerifyPayload).
pub trait SignPayload: fmt::Debug + Send + Sync {
    /// The header fields to send with the message.
    ///
    /// # Errors
    /// [`CannotSign`]: nothing is to be sent then, least of all without a signature.
    fn sign_payload(&self, outgoing: &Outgoing<'_>) -> Result<HeaderMap, CannotSign>;
}

impl<S: SignPayload + ?Sized> SignPayload for Arc<S> {
    fn sign_payload(&self, outgoing: &Outgoing<'_>) -> Result<HeaderMap, CannotSign> {
        (**self).sign_payload(outgoing)
    }
}

/// A message to be signed. `Debug` shows of its target the host, and neither fields nor body: tokens stand there.
///
/// ```
/// use countersign::payload::Outgoing;
/// use countersign::UnixTime;
/// use countersign::tenant::TenantId;
///
/// let acme = TenantId::parse("acme")?;
/// let outgoing = Outgoing::new(&acme, "delivery-1", br#"{"paid":true}"#, UnixTime::now());
/// assert_eq!((outgoing.tenant, outgoing.id), (&acme, "delivery-1"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
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
    /// Method and target of the request, for schemes that sign them.
    pub request: Option<(&'a Method, &'a Uri)>,
    /// The header fields that the request has already, for schemes that sign some of them.
    pub headers: Option<&'a HeaderMap>,
}

impl fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, uri) = self.request.unzip();
        f.debug_struct("Outgoing")
            .field("tenant", self.tenant)
            .field("id", &self.id)
            .field("bytes", &self.body.len())
            .field("now", &self.now)
            .field("method", &method)
            .field("host", &uri.and_then(Uri::host))
            .finish_non_exhaustive()
    }
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
            headers: None,
        }
    }

    /// The same, sent with this method to that target.
    #[must_use]
    pub fn with_request(mut self, method: &'a Method, uri: &'a Uri) -> Self {
        self.request = Some((method, uri));
        self
    }

    /// The same, sent with these header fields beside those that signing adds.
    #[must_use]
    pub fn with_headers(mut self, headers: &'a HeaderMap) -> Self {
        self.headers = Some(headers);
        self
    }

    /// The signer is this tenant's and nobody else's.
    pub(super) fn check_sender(&self, tenant: &TenantId) -> Result<(), CannotSign> {
        if self.tenant == tenant {
            return Ok(());
        }
        let sender = self.tenant.clone();
        Err(NoKey::Unknown { sender }.into())
    }

    /// Method and target, for a scheme that covers them.
    pub(super) fn needed_request(&self) -> Result<(&'a Method, &'a Uri), CannotSign> {
        self.request.ok_or(CannotSign::RequestNeeded)
    }
}

/// The key did not sign. Why is left to the key to log: it may be a matter of secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key did not sign")]
#[non_exhaustive]
pub struct NotSigned;

impl NotSigned {
    /// A failure to sign, for implementations of [`SignBytes`](super::public_key::SignBytes) and of `jose::SigningKey`.
    pub fn new() -> Self {
        Self
    }
}

impl Default for NotSigned {
    fn default() -> Self {
        Self::new()
    }
}

/// The reason why a message cannot be signed.
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
    #[error(transparent)]
    NotSigned(#[from] NotSigned),
    /// The key's algorithm has no name in RFC 9421.
    #[cfg(feature = "http-signatures")]
    #[error("the key's algorithm is none of RFC 9421")]
    Algorithm,
    /// The scheme covers method or target, and [`Outgoing::request`] does not tell them; or it does not tell the
    /// target with its origin, and the signer has none of its own.
    #[error("the scheme covers method and target, and the message does not tell them in full")]
    RequestNeeded,
    /// A header field is to be covered, and [`Outgoing::headers`] does not hold it.
    #[cfg(feature = "http-signatures")]
    #[error("{name} is to be covered, and the message does not have it")]
    FieldNeeded {
        /// The field.
        name: HeaderName,
    },
    /// A component cannot be signed: a field that is not ASCII, or more of them than a receiver takes.
    #[cfg(feature = "http-signatures")]
    #[error("the signature cannot cover what it is to cover: {reason}")]
    Component {
        /// Which, and why.
        reason: InvalidHttpSignature,
    },
    /// A parameter of the signature cannot be written: it is not ASCII.
    #[cfg(feature = "http-signatures")]
    #[error("the parameter {name} cannot be written: it must be ASCII")]
    Parameter {
        /// Which.
        name: &'static str,
    },
}

//! Webhook signatures (**did they say this?**): from a message to the proof that its sender signed it.
//!
//! [`VerifyPayload`] decides; [`Authentic`] is what it answers with. The ready-made answer for webhooks is
//! [`HmacVerifier`]: a [`Scheme`] says where signature, time and identity sit and what is signed, a [`Keyring`] holds
//! the keys of each tenant. [`HmacSigner`] is its other half.
//!
//! ```
//! use std::time::Duration;
//! use countersign::payload::{
//!     Secret, NotAuthentic, HmacVerifier, Keyring, Message, Scheme, VerifyPayload,
//! };
//! use countersign::tenant::TenantId;
//! use http::{HeaderMap, Method, Uri};
//! # use rustls::pki_types::UnixTime;
//!
//! let scheme = Scheme::github();
//! let keys = Keyring::builder(&scheme)
//!     .key(TenantId::parse("octo-corp")?, "2026", Secret::new("It's a Secret to Everybody"))
//!     .build()?;
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
//! assert_eq!(verifier.verify_payload(&changed).err(), Some(NotAuthentic::SignatureMismatch));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod forged;
pub mod hmac;
#[cfg(feature = "http-signatures")]
pub mod http_signature;
#[cfg(any(feature = "jwt", feature = "http-signatures"))]
pub mod jose;
mod keys;
mod message;
mod outgoing;
pub(crate) mod percent;
mod proof;
pub mod providers;
pub mod public_key;
mod scheme_text;
pub mod token;

use std::fmt;
use std::sync::Arc;

use rustls_pki_types::UnixTime;

pub use forged::NotAuthentic;
pub use hmac::{HmacSigner, HmacVerifier, InvalidKey, InvalidScheme, Keyring, Origin, Scheme};
pub use keys::{FindKeys, KeyCache, KeyId, KeySource, NoKey, NoSecret, Secret, TenantKeys, Unknown, Wanted};
pub use message::{Head, Message};
pub use outgoing::{CannotSign, NotSigned, Outgoing, SignPayload};
pub use proof::{
    Authentic, Bindings, ClientCertificate, DeliveryKey, Fresh, Hashed, Recognized, SignedText, Strength,
};
pub(crate) use providers::Trial;
pub use scheme_text::SchemeText;

/// A verifier of payload signatures: decides whether a message was signed by its sender. Pure: no I/O, no clock.
pub trait VerifyPayload: fmt::Debug + Send + Sync {
    /// Who signed this very message, and under which key.
    ///
    /// # Errors
    /// [`NotAuthentic`], with the first reason found.
    fn verify_payload<'m>(&self, message: &Message<'m>) -> Result<Authentic<'m>, NotAuthentic>;

    /// Begins with a message of which the body is still to come: at most `limit` bytes of it. `None`, where it can
    /// only be verified when it is there whole; then, and by default, [`verify_payload`](Self::verify_payload) is to be
    /// asked. Both give the same answer, for the moment at which the body is whole.
    ///
    /// # Errors
    /// [`NotAuthentic`] for whatever can be told from the head alone.
    fn begin_payload<'m>(
        &self,
        head: &Head<'m>,
        limit: usize,
    ) -> Result<Option<Box<dyn VerifyBody<'m> + 'm>>, NotAuthentic> {
        let _ = (head, limit);
        Ok(None)
    }
}

/// A verification whose body is still arriving.
pub trait VerifyBody<'m>: fmt::Debug + Send {
    /// Takes the next piece of the body.
    ///
    /// # Errors
    /// [`NotAuthentic::BodyTooLarge`].
    fn update(&mut self, chunk: &[u8]) -> Result<(), NotAuthentic>;

    /// The body is whole, and it is `now`. What was fresh with its head may be too old by then.
    ///
    /// # Errors
    /// [`NotAuthentic`].
    fn finish(self: Box<Self>, now: UnixTime) -> Result<Authentic<'m>, NotAuthentic>;
}

impl<V: VerifyPayload + ?Sized> VerifyPayload for Arc<V> {
    fn verify_payload<'m>(&self, message: &Message<'m>) -> Result<Authentic<'m>, NotAuthentic> {
        (**self).verify_payload(message)
    }

    fn begin_payload<'m>(
        &self,
        head: &Head<'m>,
        limit: usize,
    ) -> Result<Option<Box<dyn VerifyBody<'m> + 'm>>, NotAuthentic> {
        (**self).begin_payload(head, limit)
    }
}

//! HMAC schemes: how a provider signs, as data.

mod builder;
mod origin;
mod parts;
mod prepared;

use std::sync::Arc;

use http::HeaderName;

use super::Encoding;
use super::keys::{Digest, KeyForm};
use super::time::TimeFormat;
use crate::payload::SchemeText;
use crate::replay::Tolerance;

pub use builder::{InvalidScheme, SchemeBuilder};
pub use origin::{InvalidOrigin, Origin};
pub use parts::{BodyForm, Identity, Part, SignatureAt, TimeAt};
pub(in crate::payload) use prepared::{Prepared, ReadBody};

/// An HMAC scheme, how a provider signs with a shared secret: where signature, time and identity sit in a message, and what is
/// signed. Data only; cheap to clone.
///
/// The providers' own are constructors: [`Scheme::github`], [`Scheme::stripe`] and so on, each with its source and
/// what its signature does not cover; [`presets::all`](crate::payload::providers::presets::all) lists them. One of your own:
///
/// ```
/// use countersign::payload::hmac::{Part, SignatureAt, TimeAt, TimeFormat};
/// use countersign::payload::{InvalidScheme, Scheme};
/// use http::HeaderName;
///
/// let scheme = Scheme::builder("acme")
///     .signature(SignatureAt::Header { name: HeaderName::from_static("x-acme-signature"), prefix: "v1=".into() })
///     .time(TimeAt::Header(HeaderName::from_static("x-acme-time")), TimeFormat::Seconds)
///     .signed([Part::Time, Part::Literal(".".into()), Part::Body])
///     .build()?;
/// assert_eq!(scheme.name(), "acme");
///
/// // What would not cover the body is no scheme.
/// let unsigned = Scheme::builder("acme")
///     .signature(SignatureAt::Header { name: HeaderName::from_static("x-acme-signature"), prefix: "v1=".into() })
///     .time(TimeAt::Header(HeaderName::from_static("x-acme-time")), TimeFormat::Seconds)
///     .signed([Part::Time])
///     .build();
/// assert_eq!(unsigned.err(), Some(InvalidScheme::BodyNotSigned));
/// # Ok::<(), InvalidScheme>(())
/// ```
///
/// A `Scheme` always covers the whole body. One that covers less is a [`PartialScheme`], and what it proves is less.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    pub(in crate::payload) layout: Arc<Layout>,
}

/// A scheme that signs *some* of what is sent: the sender is proved, the body is not.
///
/// Made by [`SchemeBuilder::build_partial`]. Its verifier, [`PartialVerifier`](super::PartialVerifier), answers with a
/// [`Recognized`](crate::payload::Recognized), which cannot become a [`Fresh`](crate::payload::Fresh).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialScheme {
    pub(in crate::payload) layout: Arc<Layout>,
}

/// What is common to all schemes, whatever kind of key they use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(in crate::payload) name: SchemeText,
    pub(crate) signature: SignatureAt,
    pub(crate) time: Option<(TimeAt, TimeFormat)>,
    pub(crate) signed: Arc<[Part]>,
    pub(crate) encoding: Encoding,
    pub(crate) digest: Digest,
    pub(crate) key_form: KeyForm,
    pub(crate) identity: Identity,
    pub(crate) body: BodyForm,
    pub(in crate::payload) required: Arc<[(HeaderName, SchemeText)]>,
    pub(crate) origin: Option<Origin>,
    pub(crate) window: Option<Tolerance>,
    pub(in crate::payload) reading: Prepared,
}

impl Scheme {
    /// A scheme of your own. Everything has a default but the signature and what is signed: HMAC-SHA256 in lower-case
    /// hexadecimal, a text secret, no time, deliveries told apart by all that is signed.
    pub fn builder(name: impl Into<SchemeText>) -> SchemeBuilder {
        SchemeBuilder::new(name.into())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.layout.name
    }

    /// Whether a time is signed.
    pub fn is_timed(&self) -> bool {
        self.layout.time.is_some()
    }

    /// How far the signed time may be off, where one is signed and compared.
    pub fn window(&self) -> Option<Tolerance> {
        self.layout.window.filter(|_| self.is_timed())
    }

    /// With another tolerance for the signed time; a scheme that has none gets one. Without a signed time it has no
    /// effect.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Tolerance) -> Self {
        Arc::make_mut(&mut self.layout).window = Some(tolerance);
        self
    }

    /// With another way to tell deliveries apart, for instance by the event's identity in a signed JSON body:
    ///
    /// ```
    /// use countersign::payload::hmac::Identity;
    /// use countersign::payload::Scheme;
    ///
    /// let scheme = Scheme::stripe().identified_by(Identity::BodyField("id".into()))?;
    /// # Ok::<(), countersign::payload::InvalidScheme>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidScheme`] where that is not signed, or not told beyond doubt from what is signed beside it.
    pub fn identified_by(mut self, identity: Identity) -> Result<Self, InvalidScheme> {
        Arc::make_mut(&mut self.layout).identity = identity;
        self.layout.check()?;
        Ok(self)
    }

    /// The signed parts, in their order.
    pub fn signed(&self) -> &[Part] {
        &self.layout.signed
    }
}

impl PartialScheme {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.layout.name
    }

    /// With another tolerance for the signed time; a scheme that has none gets one.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Tolerance) -> Self {
        Arc::make_mut(&mut self.layout).window = Some(tolerance);
        self
    }

    /// The signed parts, in their order.
    pub fn signed(&self) -> &[Part] {
        &self.layout.signed
    }
}

impl Layout {
    /// The header fields that must have one value.
    pub(crate) fn required_names(&self) -> impl Iterator<Item = HeaderName> {
        self.required.iter().map(|(name, _)| name.clone())
    }
}

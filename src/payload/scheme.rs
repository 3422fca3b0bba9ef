use std::fmt;
use std::sync::Arc;

use http::HeaderName;

use crate::replay::Tolerance;

/// How a provider signs: where signature, time and identity sit in a message, and what is signed. Data only.
///
/// The providers' own are constructors: [`Scheme::github`], [`Scheme::stripe`] and so on, each with its source and
/// what its signature does not cover. One of your own:
///
/// ```
/// use countersign::payload::{Encoding, Identity, Part, Scheme, SignatureAt, TimeAt};
/// use http::HeaderName;
///
/// let scheme = Scheme::builder("acme")
///     .signature(SignatureAt::Header { name: HeaderName::from_static("x-acme-signature"), prefix: "v1=" })
///     .time(TimeAt::Header(HeaderName::from_static("x-acme-time")))
///     .signed([Part::Time, Part::Literal("."), Part::Body])
///     .encoding(Encoding::Hex)
///     .identity(Identity::TimeAndBody)
///     .build()?;
/// # Ok::<(), countersign::payload::InvalidScheme>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    pub(super) name: Arc<str>,
    pub(super) signature: SignatureAt,
    pub(super) time: Option<TimeAt>,
    pub(super) signed: Arc<[Part]>,
    pub(super) encoding: Encoding,
    pub(super) key_form: KeyForm,
    pub(super) identity: Identity,
    pub(super) tolerance: Tolerance,
}

/// Where the signature sits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureAt {
    /// A header field of its own, after a fixed prefix: `sha256=<signature>`.
    Header {
        /// The field.
        name: HeaderName,
        /// What stands before the signature; may be empty.
        prefix: &'static str,
    },
    /// A list of `key=value`, separated by commas; every value of this key is a signature: `t=1,v1=<a>,v1=<b>`.
    List {
        /// The field.
        name: HeaderName,
        /// The key of the signatures.
        key: &'static str,
    },
    /// A list of `tag,signature`, separated by spaces; every one with this tag counts: `v1,<a> v1,<b>`.
    Tagged {
        /// The field.
        name: HeaderName,
        /// The tag of the signatures.
        tag: &'static str,
    },
    /// Header fields numbered from 1: `x-docusign-signature-1`, `-2` and so on, without a gap.
    Numbered {
        /// The fields, in their order.
        names: Arc<[HeaderName]>,
    },
}

impl SignatureAt {
    /// The field to name when there is no signature.
    pub(super) fn name(&self) -> Option<&HeaderName> {
        match self {
            Self::Header { name, .. } | Self::List { name, .. } | Self::Tagged { name, .. } => Some(name),
            Self::Numbered { names } => names.first(),
        }
    }
}

/// Where the signed time sits: seconds since 1970, in canonical decimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeAt {
    /// A header field of its own.
    Header(HeaderName),
    /// The value of this key in the list that holds the signatures.
    ListKey(&'static str),
}

/// One piece of what is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// Fixed text.
    Literal(&'static str),
    /// The time, byte for byte as it was sent.
    Time,
    /// The value of a header field.
    Header(HeaderName),
    /// The body, byte for byte as it was sent.
    Body,
}

/// How a signature is written. Only the canonical form is read: lower-case hexadecimal, padded base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// Lower-case hexadecimal.
    Hex,
    /// Base64 with padding (RFC 4648 §4).
    Base64,
}

/// The form in which a provider shows its secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyForm {
    /// The text itself is the key.
    Utf8,
    /// Base64 after a prefix that may be left out: `whsec_<base64>`.
    Base64 {
        /// The prefix.
        prefix: &'static str,
    },
}

impl fmt::Display for KeyForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utf8 => f.write_str("text"),
            Self::Base64 { prefix } => write!(f, "{prefix}<base64>"),
        }
    }
}

/// What tells one delivery from another. Always something that is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// A header field that is signed and stays the same for every attempt at one delivery.
    Header(HeaderName),
    /// The body: for providers whose every event has an identity of its own in it.
    Body,
    /// The signed time together with the body.
    TimeAndBody,
}

impl Scheme {
    /// A scheme of your own. Everything has a default but the signature and what is signed: hexadecimal, a text
    /// secret, no time, deliveries told apart by the body.
    pub fn builder(name: &str) -> SchemeBuilder {
        SchemeBuilder {
            name: name.into(),
            signature: None,
            time: None,
            signed: Vec::new(),
            encoding: Encoding::Hex,
            key_form: KeyForm::Utf8,
            identity: Identity::Body,
            tolerance: Tolerance::default(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The form of its secrets.
    pub fn key_form(&self) -> KeyForm {
        self.key_form
    }

    /// Whether a time is signed, so that old messages can be told.
    pub fn is_timed(&self) -> bool {
        self.time.is_some()
    }

    /// With another tolerance than five minutes in both directions. Without a signed time it has no effect.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Tolerance) -> Self {
        self.tolerance = tolerance;
        self
    }
}

/// Collects a [`Scheme`]. Mistakes are reported by [`build`](Self::build).
#[derive(Debug, Clone)]
pub struct SchemeBuilder {
    name: Arc<str>,
    signature: Option<SignatureAt>,
    time: Option<TimeAt>,
    signed: Vec<Part>,
    encoding: Encoding,
    key_form: KeyForm,
    identity: Identity,
    tolerance: Tolerance,
}

impl SchemeBuilder {
    /// Where the signature sits.
    #[must_use]
    pub fn signature(mut self, at: SignatureAt) -> Self {
        self.signature = Some(at);
        self
    }

    /// Where the signed time sits.
    #[must_use]
    pub fn time(mut self, at: TimeAt) -> Self {
        self.time = Some(at);
        self
    }

    /// What is signed, in its order.
    #[must_use]
    pub fn signed(mut self, parts: impl IntoIterator<Item = Part>) -> Self {
        self.signed = parts.into_iter().collect();
        self
    }

    /// How the signature is written.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// The form of the secrets.
    #[must_use]
    pub fn key_form(mut self, form: KeyForm) -> Self {
        self.key_form = form;
        self
    }

    /// What tells one delivery from another.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    /// The scheme.
    ///
    /// # Errors
    /// [`InvalidScheme`]: what would verify nothing, or less than it seems to.
    pub fn build(self) -> Result<Scheme, InvalidScheme> {
        let signature = self.signature.ok_or(InvalidScheme::NoSignature)?;
        let signs = |part: &Part| self.signed.contains(part);
        let in_list = matches!(self.time, Some(TimeAt::ListKey(_)));
        if !signs(&Part::Body) {
            return Err(InvalidScheme::BodyNotSigned);
        }
        if self.time.is_some() != signs(&Part::Time) {
            return Err(InvalidScheme::Time);
        }
        if in_list && !matches!(signature, SignatureAt::List { .. }) {
            return Err(InvalidScheme::NoList);
        }
        match &self.identity {
            Identity::Header(name) if !signs(&Part::Header(name.clone())) => {
                return Err(InvalidScheme::IdentityNotSigned);
            }
            Identity::TimeAndBody if self.time.is_none() => return Err(InvalidScheme::IdentityNotSigned),
            _ => {}
        }
        if let SignatureAt::Numbered { names } = &signature
            && names.is_empty()
        {
            return Err(InvalidScheme::NoSignature);
        }
        Ok(Scheme {
            name: self.name,
            signature,
            time: self.time,
            signed: self.signed.into(),
            encoding: self.encoding,
            key_form: self.key_form,
            identity: self.identity,
            tolerance: self.tolerance,
        })
    }
}

/// A scheme that would verify nothing, or less than it seems to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidScheme {
    /// It does not say where the signature sits.
    #[error("say where the signature sits: `signature`")]
    NoSignature,
    /// The body is not among the signed parts.
    #[error("the body is not signed, so anybody could change it: add `Part::Body` to `signed`")]
    BodyNotSigned,
    /// A time that is not signed, or a signed time that is nowhere.
    #[error("`time` and `Part::Time` belong together: a time that is not signed proves nothing")]
    Time,
    /// The time is a key of a list, and the signature is in none.
    #[error("`TimeAt::ListKey` needs `SignatureAt::List`")]
    NoList,
    /// The identity is not among the signed parts.
    #[error("what tells deliveries apart must be signed, or a replay could change it: add it to `signed`")]
    IdentityNotSigned,
}

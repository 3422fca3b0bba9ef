use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rustls_pki_types::UnixTime;

use crate::date::Date;
use crate::identity::{CertHash, InvalidHash, SpkiHash, from_rfc3339};

/// A SHA-256, of a key or of a certificate.
pub(super) type Digest = [u8; 32];

/// What a pin names, and where it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Pinned {
    pub(super) place: Place,
    pub(super) digest: Digest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Leaf,
    Issuer,
    Anchor,
    Certificate,
}

impl Place {
    pub(super) fn pins(self, spki: SpkiHash) -> Pinned {
        let (place, digest) = (self, *spki.as_bytes());
        Pinned { place, digest }
    }
}

/// The very certificate of this hash.
pub(super) fn certificate(hash: CertHash) -> Pinned {
    let (place, digest) = (Place::Certificate, *hash.as_bytes());
    Pinned { place, digest }
}

/// The terms of a pin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Terms {
    pub(super) label: Option<Arc<str>>,
    pub(super) retires: Option<UnixTime>,
}

impl Terms {
    /// No label, and for ever.
    pub(super) const PLAIN: Self = Self {
        label: None,
        retires: None,
    };

    pub(super) fn counts_at(&self, now: UnixTime) -> bool {
        self.retires.is_none_or(|retires| now <= retires)
    }
}

/// A pin: one key or certificate that is allowed.
///
/// ```
/// use countersign::identity::SpkiHash;
/// use countersign::trust::{Pin, PinSet};
///
/// let now = SpkiHash::of(b"the key of this year");
/// let pins = PinSet::of(
///     [Pin::leaf(now).labelled("2026"), Pin::leaf(SpkiHash::of(b"the next")).labelled("2027")]
/// );
/// assert_eq!(pins.len(), 2);
/// assert_eq!(Pin::leaf(now).labelled("2026").label(), Some("2026"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Pin {
    pub(super) pinned: Pinned,
    pub(super) terms: Terms,
}

impl Pin {
    /// The leaf has this key.
    pub fn leaf(spki: SpkiHash) -> Self {
        Self::new(Place::Leaf.pins(spki))
    }

    /// An issuer between leaf and anchor, on the path that was verified, has this key.
    pub fn issuer(spki: SpkiHash) -> Self {
        Self::new(Place::Issuer.pins(spki))
    }

    /// The anchor that the verified path ends in has this key.
    pub fn anchor(spki: SpkiHash) -> Self {
        Self::new(Place::Anchor.pins(spki))
    }

    /// The leaf is this very certificate: to be changed at every renewal.
    pub fn certificate(hash: CertHash) -> Self {
        Self::new(certificate(hash))
    }

    fn new(pinned: Pinned) -> Self {
        Self {
            pinned,
            terms: Terms::default(),
        }
    }

    /// Belongs to the set of this name: whose key it is, for instance. Two pins of one label back each other up.
    #[must_use]
    pub fn labelled(mut self, label: &str) -> Self {
        self.terms.label = Some(label.into());
        self
    }

    /// Counts until this second, included, and no longer.
    #[must_use]
    pub fn retiring(mut self, at: UnixTime) -> Self {
        self.terms.retires = Some(at);
        self
    }

    /// Its label.
    pub fn label(&self) -> Option<&str> {
        self.terms.label.as_deref()
    }

    /// When it retires.
    pub fn retires(&self) -> Option<UnixTime> {
        self.terms.retires
    }
}

impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.place {
            Place::Leaf => "leaf",
            Place::Issuer => "issuer",
            Place::Anchor => "anchor",
            Place::Certificate => "certificate",
        };
        write!(f, "{place} {}", SpkiHash::from(self.digest))
    }
}

/// As it is read. See [`PinSet::parse`](crate::trust::PinSet::parse).
impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.pinned)?;
        if let Some(retires) = self.retires() {
            write!(f, " until={}", Date(retires))?;
        }
        if let Some(label) = self.label() {
            write!(f, " label={label}")?;
        }
        Ok(())
    }
}

/// One line of [`PinSet::parse`](crate::trust::PinSet::parse).
impl FromStr for Pin {
    type Err = PinProblem;

    fn from_str(text: &str) -> Result<Self, PinProblem> {
        let (text, label) = match text.split_once(" label=") {
            Some((text, label)) => (text, Some(label)),
            None => (text, None),
        };
        let (text, until) = match text.split_once(" until=") {
            Some((text, until)) => (text, Some(until)),
            None => (text, None),
        };
        let pin = Self::new(match text.split_once(' ') {
            Some(("leaf", spki)) => Place::Leaf.pins(spki.parse()?),
            Some(("issuer", spki)) => Place::Issuer.pins(spki.parse()?),
            Some(("anchor", spki)) => Place::Anchor.pins(spki.parse()?),
            Some(("certificate", hash)) => certificate(hash.parse()?),
            _ => Place::Leaf.pins(text.parse()?),
        });
        let pin = match until {
            Some(until) => pin.retiring(from_rfc3339(until).ok_or(PinProblem::Until)?),
            None => pin,
        };
        match label {
            Some(label) if label.trim().is_empty() => Err(PinProblem::Label),
            Some(label) => Ok(pin.labelled(label)),
            None => Ok(pin),
        }
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({}, {:?})", self.pinned, self.terms)
    }
}

/// A reason why a pin cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PinProblem {
    /// Its hash cannot be read.
    #[error(transparent)]
    Hash(#[from] InvalidHash),
    /// Its end cannot be read.
    #[error("`until=` is followed by a time such as 2026-12-31T23:59:59Z (RFC 3339), and before `label=`")]
    Until,
    /// Its label is empty.
    #[error("`label=` is followed by a label")]
    Label,
}

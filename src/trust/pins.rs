use std::collections::HashSet;

use super::untrusted::check_validity;
use super::{Evidence, Presented, Untrusted, VerifyPeer};
use crate::identity::{InvalidHash, SpkiHash};

/// The public keys that are allowed, by the SHA-256 of their SubjectPublicKeyInfo.
///
/// The key of the *leaf* must be in the set. Renewing a certificate under the same key needs no change; to change the
/// key, add the next pin first. An empty set trusts nobody.
///
/// # Security
/// Alone, a pin set proves that the peer holds a known key and that its certificate is within its dates, and nothing
/// about who issued it. Join it to a certificate authority: `PrivateCa.and(PinSet)`.
///
/// ```
/// use countersign::trust::PinSet;
///
/// let pins = PinSet::parse([
///     "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", // in use
///     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b856", // next
/// ])?;
/// assert_eq!(pins.len(), 2);
/// # Ok::<(), countersign::trust::InvalidPin>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PinSet {
    pins: HashSet<SpkiHash>,
}

impl PinSet {
    /// A set of these keys.
    pub fn new(pins: impl IntoIterator<Item = SpkiHash>) -> Self {
        Self {
            pins: pins.into_iter().collect(),
        }
    }

    /// Reads pins in any form that [`SpkiHash::parse`] understands.
    ///
    /// # Errors
    /// [`InvalidPin`] with the position of the first that is none.
    pub fn parse<T: AsRef<str>>(pins: impl IntoIterator<Item = T>) -> Result<Self, InvalidPin> {
        let read = |(position, text): (usize, T)| {
            SpkiHash::parse(text.as_ref()).map_err(|source| InvalidPin { position, source })
        };
        pins.into_iter()
            .enumerate()
            .map(read)
            .collect::<Result<_, _>>()
            .map(|pins| Self { pins })
    }

    /// How many keys are allowed.
    pub fn len(&self) -> usize {
        self.pins.len()
    }

    /// Whether nobody is allowed.
    pub fn is_empty(&self) -> bool {
        self.pins.is_empty()
    }
}

impl VerifyPeer for PinSet {
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        let leaf = peer.chain.leaf();
        if !self.pins.contains(&leaf.spki()) {
            return Err(Untrusted::NotPinned { spki: leaf.spki() });
        }
        check_validity(leaf.validity(), peer.now)?;
        Ok(Evidence {
            pin: Some(leaf.spki()),
            ..Evidence::new(leaf.validity())
        })
    }
}

/// A pin that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("pin {position}: {source}")]
pub struct InvalidPin {
    /// Its place in the list, from 0.
    pub position: usize,
    /// What is wrong with it.
    pub source: InvalidHash,
}

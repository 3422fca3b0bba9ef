use std::fmt;
use std::sync::Arc;

use hmac::KeyInit as _;
use hmac::block_api::HmacCore;
use rustls_pki_types::UnixTime;
use sha2::{Sha256, Sha384, Sha512};

use super::prepared::Prepared;
use super::{Algorithm, KeyType, ProviderAlgorithms, PublicKey, WeakKey};
use crate::payload::KeyId;
use crate::payload::hmac::is_mac;
use crate::usage::{Hits, Usage};

/// A key that verifies one algorithm, and under no circumstances another. Cheap to clone where the key is public;
/// never shows a secret, which is wiped when dropped.
///
/// ```
/// use countersign::payload::KeyId;
/// use countersign::payload::jose::{Algorithm, HmacSigningKey, SigningKey as _, VerifyingKey};
///
/// let secret = b"0123456789abcdef0123456789abcdef";
/// let key = VerifyingKey::hmac(KeyId::new("k1"), Algorithm::Hs256, secret)?;
/// let signature = HmacSigningKey::new(Algorithm::Hs256, secret)?.sign(b"message")?;
/// assert!(key.matches(b"message", &signature) && !key.matches(b"another", &signature));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct VerifyingKey {
    id: KeyId,
    algorithm: Algorithm,
    check: Check,
    /// Clones count together.
    hits: Arc<Hits>,
}

#[derive(Clone)]
enum Check {
    Hs256(HmacCore<Sha256>),
    Hs384(HmacCore<Sha384>),
    Hs512(HmacCore<Sha512>),
    Public(Prepared),
}

impl VerifyingKey {
    /// A public key that signs by this algorithm, verified by the provider.
    ///
    /// # Errors
    /// [`WeakKey::OtherType`] where the algorithm is not one of the key's type; [`WeakKey::NotProvided`].
    pub fn public(
        id: KeyId,
        algorithm: Algorithm,
        key: &PublicKey,
        algorithms: ProviderAlgorithms,
    ) -> Result<Self, WeakKey> {
        if !key.fits(algorithm) {
            return Err(WeakKey::OtherType { algorithm });
        }
        let with = algorithm
            .provided_by(algorithms)
            .ok_or(WeakKey::NotProvided { algorithm })?;
        Ok(Self {
            id,
            algorithm,
            check: Check::Public(Prepared::new(key, with)),
            hits: Arc::default(),
        })
    }

    /// A shared secret, at least as long as the hash (RFC 7518 §3.2).
    ///
    /// # Errors
    /// [`WeakKey::OtherType`] where the algorithm is not an HMAC; [`WeakKey::SecretTooShort`].
    pub fn hmac(id: KeyId, algorithm: Algorithm, secret: &[u8]) -> Result<Self, WeakKey> {
        Self::keyed(id, algorithm, secret, secret_len(algorithm)?)
    }

    /// A shared secret of a provider that hands out short ones: 16 bytes and more.
    ///
    /// # Security
    /// Shorter than RFC 7518 §3.2 wants. Such a secret can be searched for if it was not chosen at random.
    ///
    /// # Errors
    /// As for [`hmac`](Self::hmac).
    pub fn short_hmac(id: KeyId, algorithm: Algorithm, secret: &[u8]) -> Result<Self, WeakKey> {
        Self::keyed(id, algorithm, secret, secret_len(algorithm)?.min(16))
    }

    fn keyed(id: KeyId, algorithm: Algorithm, secret: &[u8], wanted: usize) -> Result<Self, WeakKey> {
        if secret.len() < wanted {
            return Err(WeakKey::SecretTooShort {
                algorithm,
                bytes: secret.len(),
                wanted,
            });
        }
        let other = |_| WeakKey::OtherType { algorithm };
        let check = match algorithm {
            Algorithm::Hs256 => Check::Hs256(HmacCore::new_from_slice(secret).map_err(other)?),
            Algorithm::Hs384 => Check::Hs384(HmacCore::new_from_slice(secret).map_err(other)?),
            _ => Check::Hs512(HmacCore::new_from_slice(secret).map_err(other)?),
        };
        Ok(Self {
            id,
            algorithm,
            check,
            hits: Arc::default(),
        })
    }

    /// Its name.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The algorithm that it verifies.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What was verified with it, by verifiers that are told the time: of tokens, detached signatures, HTTP messages.
    pub fn usage(&self) -> Usage {
        self.hits.usage()
    }

    pub(in crate::payload) fn used_at(&self, now: UnixTime) {
        self.hits.count(now);
    }

    #[cfg(feature = "jwt")]
    pub(in crate::payload::jose) fn continue_from(&self, before: &Self) {
        self.hits.continue_from(&before.hits);
    }

    /// Whether this is its signature on that message: MACs are compared whole and in constant time, ECDSA signatures
    /// are `r` and `s` side by side (RFC 7518 §3.4, RFC 9421 §3.3.4).
    pub fn matches(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.check {
            Check::Hs256(keyed) => is_mac(keyed, message, signature),
            Check::Hs384(keyed) => is_mac(keyed, message, signature),
            Check::Hs512(keyed) => is_mac(keyed, message, signature),
            Check::Public(key) => key.matches(message, signature),
        }
    }
}

fn secret_len(algorithm: Algorithm) -> Result<usize, WeakKey> {
    match algorithm.key_type() {
        Some(KeyType::Secret { bytes }) => Ok(bytes),
        _ => Err(WeakKey::OtherType { algorithm }),
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

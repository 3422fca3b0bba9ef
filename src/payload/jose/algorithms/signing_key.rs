use std::fmt;

use hmac::{Hmac, KeyInit as _};
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::{Algorithm, KeyType, WeakKey};
use crate::payload::NotSigned;

/// A key of one's own. What it holds may be a secret, or the address of one in a hardware module.
///
/// Ready-made: [`HmacSigningKey`], and under `tls` [`RustlsKey`](crate::tls::RustlsKey), which signs with any
/// rustls `SigningKey`.
pub trait SigningKey: fmt::Debug + Send + Sync {
    /// The one algorithm that it signs by.
    fn algorithm(&self) -> Algorithm;

    /// The signature, in the form of JOSE and RFC 9421: of ECDSA, `r` and `s` side by side.
    ///
    /// # Errors
    /// [`NotSigned`].
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, NotSigned>;
}

/// A shared secret to sign with. Wiped when dropped; never shown.
///
/// ```
/// use countersign::payload::jose::{Algorithm, HmacSigningKey, SigningKey as _, WeakKey};
///
/// let key = HmacSigningKey::new(Algorithm::Hs256, b"0123456789abcdef0123456789abcdef")?;
/// assert_eq!(key.sign(b"message")?.len(), 32);
/// let short = HmacSigningKey::new(Algorithm::Hs256, b"secret").err();
/// assert!(matches!(short, Some(WeakKey::SecretTooShort { bytes: 6, wanted: 32, .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct HmacSigningKey {
    algorithm: Algorithm,
    secret: Zeroizing<Vec<u8>>,
}

impl HmacSigningKey {
    /// A secret at least as long as the hash (RFC 7518 §3.2).
    ///
    /// # Errors
    /// [`WeakKey::OtherType`] where the algorithm is not an HMAC; [`WeakKey::SecretTooShort`].
    pub fn new(algorithm: Algorithm, secret: &[u8]) -> Result<Self, WeakKey> {
        let Some(KeyType::Secret { bytes: wanted }) = algorithm.key_type() else {
            return Err(WeakKey::OtherType { algorithm });
        };
        if secret.len() < wanted {
            return Err(WeakKey::SecretTooShort {
                algorithm,
                bytes: secret.len(),
                wanted,
            });
        }
        Ok(Self {
            algorithm,
            secret: Zeroizing::new(secret.to_vec()),
        })
    }
}

impl SigningKey for HmacSigningKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, NotSigned> {
        let key = &*self.secret;
        match self.algorithm {
            Algorithm::Hs256 => mac(Hmac::<Sha256>::new_from_slice(key), message),
            Algorithm::Hs384 => mac(Hmac::<Sha384>::new_from_slice(key), message),
            _ => mac(Hmac::<Sha512>::new_from_slice(key), message),
        }
    }
}

fn mac<M: hmac::Mac, E>(keyed: Result<M, E>, message: &[u8]) -> Result<Vec<u8>, NotSigned> {
    let mut keyed = keyed.map_err(|_| NotSigned::new())?;
    keyed.update(message);
    Ok(keyed.finalize().into_bytes().to_vec())
}

impl fmt::Debug for HmacSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HmacSigningKey")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

use std::fmt;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::crypto::CryptoProvider;
use rustls::sign::SigningKey as RustlsKey;

use crate::payload::jose::{Algorithm, NotSigned, SigningKey};
use crate::pem::{self, InvalidPem};

/// A rustls `SigningKey` that signs payloads. Where it keeps its key is its own affair: in memory, in a hardware
/// module, in another process.
///
/// ```
/// use countersign::payload::jose::{Algorithm, SigningKey};
/// use countersign::tls::ProviderKey;
///
/// let provider = rustls::crypto::aws_lc_rs::default_provider();
/// let pem = std::fs::read("tests/support/jose/p256.pem")?;
/// let key = ProviderKey::from_pem(&provider, Algorithm::Es256, &pem)?;
/// assert_eq!(key.sign(b"message")?.len(), 64);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ProviderKey {
    key: Arc<dyn RustlsKey>,
    algorithm: Algorithm,
}

impl ProviderKey {
    /// A key that signs by this algorithm and no other.
    ///
    /// # Errors
    /// [`InvalidSigningKey::OtherType`] where it cannot.
    pub fn new(key: Arc<dyn RustlsKey>, algorithm: Algorithm) -> Result<Self, InvalidSigningKey> {
        let other = InvalidSigningKey::OtherType { algorithm };
        let Some((scheme, _)) = scheme(algorithm) else {
            return Err(other);
        };
        match key.choose_scheme(&[scheme]) {
            Some(_) => Ok(Self { key, algorithm }),
            None => Err(other),
        }
    }

    /// The private key of a PEM text, loaded by the provider.
    ///
    /// # Errors
    /// [`InvalidSigningKey`].
    pub fn from_pem(
        provider: &CryptoProvider,
        algorithm: Algorithm,
        pem: &[u8],
    ) -> Result<Self, InvalidSigningKey> {
        let key = pem::private_key(pem).map_err(|reason| InvalidSigningKey::Pem { reason })?;
        let key = key.ok_or(InvalidSigningKey::Unreadable)?;
        // The reason is left out: it is another's, and may quote the key.
        let key = provider.key_provider.load_private_key(key);
        Self::new(key.map_err(|_| InvalidSigningKey::Unreadable)?, algorithm)
    }
}

impl SigningKey for ProviderKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, NotSigned> {
        let (scheme, ecdsa) = scheme(self.algorithm).ok_or(NotSigned::new())?;
        let signer = self.key.choose_scheme(&[scheme]).ok_or(NotSigned::new())?;
        let signature = signer.sign(message).map_err(|_| NotSigned::new())?;
        match ecdsa {
            Some(len) => crate::payload::jose::ecdsa_to_fixed(len, &signature).ok_or(NotSigned::new()),
            None => Ok(signature),
        }
    }
}

/// What TLS calls the algorithm; of ECDSA also how long `r` and `s` are, since TLS writes them in DER.
fn scheme(algorithm: Algorithm) -> Option<(SignatureScheme, Option<usize>)> {
    Some(match algorithm {
        Algorithm::Rs256 => (SignatureScheme::RSA_PKCS1_SHA256, None),
        Algorithm::Rs384 => (SignatureScheme::RSA_PKCS1_SHA384, None),
        Algorithm::Rs512 => (SignatureScheme::RSA_PKCS1_SHA512, None),
        Algorithm::Ps256 => (SignatureScheme::RSA_PSS_SHA256, None),
        Algorithm::Ps384 => (SignatureScheme::RSA_PSS_SHA384, None),
        Algorithm::Ps512 => (SignatureScheme::RSA_PSS_SHA512, None),
        Algorithm::Es256 => (SignatureScheme::ECDSA_NISTP256_SHA256, Some(32)),
        Algorithm::Es384 => (SignatureScheme::ECDSA_NISTP384_SHA384, Some(48)),
        Algorithm::Es512 => (SignatureScheme::ECDSA_NISTP521_SHA512, Some(66)),
        Algorithm::EdDsa => (SignatureScheme::ED25519, None),
        _ => return None,
    })
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderKey")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// Why a key cannot sign payloads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSigningKey {
    /// Not PEM, or a section of it cannot be read.
    #[error("the key cannot be taken as PEM: {reason}")]
    Pem {
        /// What is wrong with it.
        reason: InvalidPem,
    },
    /// Not a private key that the provider takes.
    #[error(
        "not a private key in PEM (PKCS#8, SEC1 or PKCS#1, not encrypted) that the crypto provider takes"
    )]
    Unreadable,
    /// The key cannot sign by this algorithm.
    #[error("the key cannot sign by {algorithm}; give a key of its type")]
    OtherType {
        /// The algorithm.
        algorithm: Algorithm,
    },
}

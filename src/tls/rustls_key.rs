use std::fmt;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::crypto::CryptoProvider;
use rustls::sign::SigningKey as ProvidersKey;

use crate::payload::NotSigned;
#[cfg(any(feature = "jwt", feature = "http-signatures"))]
use crate::payload::jose::{Algorithm, SigningKey, ecdsa_to_fixed};
use crate::payload::public_key::SignBytes;
use crate::pem::{self, InvalidPem};

/// A private key of rustls that signs payloads, by one algorithm. Where it keeps its secret is its own affair: in memory,
/// in a hardware module, in another process.
///
/// By a [`SignatureScheme`] it signs for [`PublicKeySigner`](crate::payload::public_key::PublicKeySigner) and the providers'
/// signers; by a JOSE algorithm, under `jwt` and `http-signatures`, for tokens and HTTP message signatures. One and the same
/// ECDSA signature is written in two ways there: in DER, and as two numbers side by side.
///
/// ```
/// use countersign::payload::public_key::SignBytes;
/// use countersign::tls::{RustlsKey, rustls};
///
/// let provider = rustls::crypto::aws_lc_rs::default_provider();
/// let pem = std::fs::read("tests/support/jose/p256.pem")?;
/// let key = RustlsKey::from_pem(&provider, rustls::SignatureScheme::ECDSA_NISTP256_SHA256, &pem)?;
/// assert_eq!(key.sign_bytes(b"message")?[0], 0x30, "a SEQUENCE of DER");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg_attr(any(feature = "jwt", feature = "http-signatures"), doc = "```")]
#[cfg_attr(not(any(feature = "jwt", feature = "http-signatures")), doc = "```ignore")]
/// use countersign::payload::jose::{Algorithm, SigningKey};
/// use countersign::tls::{RustlsKey, rustls};
///
/// let provider = rustls::crypto::aws_lc_rs::default_provider();
/// let pem = std::fs::read("tests/support/jose/p256.pem")?;
/// let key = RustlsKey::from_pem(&provider, Algorithm::Es256, &pem)?;
/// assert_eq!(key.sign(b"message")?.len(), 64);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct RustlsKey<A> {
    key: Arc<dyn ProvidersKey>,
    algorithm: A,
    scheme: SignatureScheme,
}

/// An algorithm that a [`RustlsKey`] can be told to sign by.
pub trait SignatureAlgorithm: fmt::Debug + Copy {
    /// What TLS calls it, if it does.
    fn scheme(self) -> Option<SignatureScheme>;
}

impl SignatureAlgorithm for SignatureScheme {
    fn scheme(self) -> Option<SignatureScheme> {
        Some(self)
    }
}

#[cfg(any(feature = "jwt", feature = "http-signatures"))]
impl SignatureAlgorithm for Algorithm {
    fn scheme(self) -> Option<SignatureScheme> {
        Some(match self {
            Self::Rs256 => SignatureScheme::RSA_PKCS1_SHA256,
            Self::Rs384 => SignatureScheme::RSA_PKCS1_SHA384,
            Self::Rs512 => SignatureScheme::RSA_PKCS1_SHA512,
            Self::Ps256 => SignatureScheme::RSA_PSS_SHA256,
            Self::Ps384 => SignatureScheme::RSA_PSS_SHA384,
            Self::Ps512 => SignatureScheme::RSA_PSS_SHA512,
            Self::Es256 => SignatureScheme::ECDSA_NISTP256_SHA256,
            Self::Es384 => SignatureScheme::ECDSA_NISTP384_SHA384,
            Self::Es512 => SignatureScheme::ECDSA_NISTP521_SHA512,
            Self::EdDsa => SignatureScheme::ED25519,
            _ => return None,
        })
    }
}

impl<A: SignatureAlgorithm> RustlsKey<A> {
    /// A key that signs by this algorithm and no other.
    ///
    /// # Errors
    /// [`InvalidSigningKey::OtherType`] where it cannot.
    pub fn new(key: Arc<dyn ProvidersKey>, algorithm: A) -> Result<Self, InvalidSigningKey> {
        match algorithm.scheme() {
            Some(scheme) if key.choose_scheme(&[scheme]).is_some() => Ok(Self {
                key,
                algorithm,
                scheme,
            }),
            _ => Err(InvalidSigningKey::OtherType {
                algorithm: format!("{algorithm:?}"),
            }),
        }
    }

    /// The private key of a PEM text, loaded by the provider.
    ///
    /// # Errors
    /// [`InvalidSigningKey`].
    pub fn from_pem(provider: &CryptoProvider, algorithm: A, pem: &[u8]) -> Result<Self, InvalidSigningKey> {
        let key = pem::private_key(pem).map_err(|reason| InvalidSigningKey::Pem { reason })?;
        let key = key.ok_or(InvalidSigningKey::Unreadable)?;
        // The reason is left out: it is another's, and may quote the key.
        let key = provider.key_provider.load_private_key(key);
        Self::new(key.map_err(|_| InvalidSigningKey::Unreadable)?, algorithm)
    }
}

impl<A> RustlsKey<A> {
    /// In the algorithm's own form, which is DER for ECDSA.
    fn sign_by_scheme(&self, message: &[u8]) -> Result<Vec<u8>, NotSigned> {
        let signer = self.key.choose_scheme(&[self.scheme]);
        let signature = signer.ok_or(NotSigned::new())?.sign(message);
        signature.map_err(|_| NotSigned::new())
    }
}

impl SignBytes for RustlsKey<SignatureScheme> {
    fn sign_bytes(&self, text: &[u8]) -> Result<Vec<u8>, NotSigned> {
        self.sign_by_scheme(text)
    }
}

#[cfg(any(feature = "jwt", feature = "http-signatures"))]
impl SigningKey for RustlsKey<Algorithm> {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, NotSigned> {
        let signature = self.sign_by_scheme(message)?;
        let bytes = match self.algorithm {
            Algorithm::Es256 => 32,
            Algorithm::Es384 => 48,
            Algorithm::Es512 => 66,
            _ => return Ok(signature),
        };
        ecdsa_to_fixed(bytes, &signature).ok_or(NotSigned::new())
    }
}

impl<A: fmt::Debug> fmt::Debug for RustlsKey<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RustlsKey")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// The reason why a key cannot sign payloads.
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
        /// The algorithm's name.
        algorithm: String,
    },
}

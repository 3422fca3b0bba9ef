use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use crate::identity::{Facts, Malformed, Validity};

/// One's own certificate chain and private key, known to belong together. Cheap to clone; never shows the key.
#[derive(Clone)]
pub struct Credentials {
    certified: Arc<CertifiedKey>,
}

impl Credentials {
    /// A chain, the leaf first, and the key of that leaf.
    ///
    /// # Errors
    /// [`InvalidCredentials`] where there is no certificate, the key cannot be used, or the two do not match.
    pub fn new(
        provider: &CryptoProvider,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, InvalidCredentials> {
        if chain.is_empty() {
            return Err(InvalidCredentials::NoCertificate { file: GIVEN.into() });
        }
        let certified =
            CertifiedKey::from_der(chain, key, provider).map_err(|error| InvalidCredentials::Pair {
                reason: error.to_string(),
            })?;
        Ok(Self {
            certified: Arc::new(certified),
        })
    }

    /// The chain from one PEM text and the key from another, which may be the same.
    ///
    /// # Errors
    /// As for [`new`](Self::new), and where there is no key in the text.
    pub fn from_pem(provider: &CryptoProvider, chain: &[u8], key: &[u8]) -> Result<Self, InvalidCredentials> {
        Self::new(provider, read_chain(GIVEN, chain)?, read_key(GIVEN, key)?)
    }

    /// The chain from one PEM file and the key from another, which may be the same.
    ///
    /// # Errors
    /// As for [`from_pem`](Self::from_pem), naming the file; also where one cannot be read.
    pub fn from_pem_files(
        provider: &CryptoProvider,
        chain: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, InvalidCredentials> {
        let (chain, key) = (chain.as_ref(), key.as_ref());
        let chain = read_chain(&chain.display().to_string(), &read(chain)?)?;
        let key = read_key(&key.display().to_string(), &read(key)?)?;
        Self::new(provider, chain, key)
    }

    /// When the leaf is valid.
    ///
    /// # Errors
    /// [`Malformed`] where it cannot be read.
    pub fn validity(&self) -> Result<Validity, Malformed> {
        let leaf = self.certified.cert.first().ok_or(Malformed::Empty)?;
        Facts::of(leaf).map(|(_, validity)| validity)
    }

    #[cfg(feature = "dispatch")]
    pub(super) fn certified(&self) -> Arc<CertifiedKey> {
        self.certified.clone()
    }

    pub(super) fn resolver(&self) -> Arc<SingleCertAndKey> {
        Arc::new(SingleCertAndKey::from(self.certified.clone()))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("certificates", &self.certified.cert.len())
            .finish_non_exhaustive()
    }
}

/// Stands for the name of a file where there is none.
const GIVEN: &str = "the PEM text given";

fn read(path: &Path) -> Result<Vec<u8>, InvalidCredentials> {
    std::fs::read(path).map_err(|error| InvalidCredentials::Unreadable {
        file: path.display().to_string(),
        reason: error.to_string(),
    })
}

fn read_chain(file: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, InvalidCredentials> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(InvalidCredentials::NoCertificate { file: file.into() }),
        Ok(chain) => Ok(chain),
        Err(error) => Err(InvalidCredentials::Pem {
            file: file.into(),
            reason: error.to_string(),
        }),
    }
}

fn read_key(file: &str, pem: &[u8]) -> Result<PrivateKeyDer<'static>, InvalidCredentials> {
    // The PEM error is left out: it may quote what stands in the file.
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| InvalidCredentials::NoKey { file: file.into() })
}

/// A certificate and key that must not be used: which file, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCredentials {
    /// The file cannot be read.
    #[error("{file} cannot be read ({reason}); check that it exists and that this process may read it")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        reason: String,
    },
    /// The file is not PEM.
    #[error("{file} is not well-formed PEM ({reason}); export it again as PEM")]
    Pem {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file holds no certificate.
    #[error(
        "{file} holds no certificate; it must hold the chain as PEM sections \"BEGIN CERTIFICATE\", the leaf first"
    )]
    NoCertificate {
        /// The file.
        file: String,
    },
    /// The file holds no private key.
    #[error("{file} holds no private key in PEM (PKCS#8, SEC1 or PKCS#1, not encrypted)")]
    NoKey {
        /// The file.
        file: String,
    },
    /// The key cannot be used, or is not the certificate's.
    #[error(
        "certificate and private key cannot be used together ({reason}); give the key of the first certificate"
    )]
    Pair {
        /// What rustls says.
        reason: String,
    },
}

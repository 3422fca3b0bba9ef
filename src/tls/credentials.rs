use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use zeroize::Zeroizing;

use super::InvalidCredentials;
use crate::expiry::{Expires, Expiries, Kind};
use crate::identity::{CertHash, Facts, Malformed, PeerChain, Validity};
use crate::pem::{self, InvalidPem};
use crate::trust::{Role, VerifiedPeer, VerifyPeer};
use crate::usage::{Hits, Usage};

/// One's own certificate chain and private key, known to belong together. Cheap to clone; never shows the key. Clones count
/// together in how many handshakes they were shown.
///
/// Whether they are of any use *now* is asked by [`Tls`](super::Tls) when a configuration is made of them, and by whoever
/// keeps them for longer: [`check`](Self::check). Whether the peers would trust them, as far as one's own policy can
/// tell, is [`check_trusted`](Self::check_trusted)'s question.
///
/// ```
/// use countersign::testing::{NOW, TestCa};
/// use countersign::tls::{Credentials, rustls};
///
/// # let own = TestCa::new("Acme Root").server("hooks.example").issue();
/// # let (chain_pem, key_pem) = (own.chain_pem(), own.key_pem());
/// let provider = rustls::crypto::aws_lc_rs::default_provider();
/// let credentials = Credentials::from_pem(&provider, chain_pem.as_bytes(), key_pem.as_bytes())?;
/// assert!(credentials.validity()?.contains(NOW));
/// // The key of another certificate is found out here, and not by the first peer.
/// let other = TestCa::new("Acme Root").server("hooks.example").issue().key_pem();
/// assert!(Credentials::from_pem(&provider, chain_pem.as_bytes(), other.as_bytes()).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Credentials {
    certified: Arc<CertifiedKey>,
    hits: Arc<Hits>,
}

impl Credentials {
    /// A chain, the leaf first, then its issuer, and so on; and the key of that leaf.
    ///
    /// # Errors
    /// [`InvalidCredentials`] where there is no certificate or one cannot be read, the key cannot be used or is not that
    /// of the first certificate, or a certificate's issuer stands elsewhere than behind it.
    pub fn new(
        provider: &CryptoProvider,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, InvalidCredentials> {
        if chain.is_empty() {
            return Err(InvalidCredentials::NoCertificate { file: GIVEN.into() });
        }
        let key = provider.key_provider.load_private_key(key);
        let key = key.map_err(|error| InvalidCredentials::Key {
            reason: error.to_string(),
        })?;
        let certified = CertifiedKey::new(chain, key);
        check_key(&certified)?;
        check_order(&certified.cert)?;
        Ok(Self {
            certified: Arc::new(certified),
            hits: Arc::default(),
        })
    }

    /// The chain from one PEM text and the key from another, which may be the same.
    ///
    /// # Errors
    /// As for [`new`](Self::new), and where there is no key in the text, or an encrypted one.
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
        let named = |path: &Path| Ok((pem::file_name(path), Zeroizing::new(read(path)?)));
        let (chain, key): ((_, _), (_, _)) = (named(chain)?, named(key)?);
        Self::from_named_pem(provider, (&chain.0, &chain.1), (&key.0, &key.1))
    }

    /// The same of what was read of two files.
    pub(crate) fn from_named_pem(
        provider: &CryptoProvider,
        (chain_name, chain): (&str, &[u8]),
        (key_name, key): (&str, &[u8]),
    ) -> Result<Self, InvalidCredentials> {
        Self::new(provider, read_chain(chain_name, chain)?, read_key(key_name, key)?)
    }

    /// In how many handshakes it was shown, and when last.
    pub fn usage(&self) -> Usage {
        self.hits.usage()
    }

    /// When the leaf is valid.
    ///
    /// # Errors
    /// [`Malformed`] where it cannot be read.
    pub fn validity(&self) -> Result<Validity, Malformed> {
        let leaf = self.certified.cert.first().ok_or(Malformed::Empty)?;
        Facts::of(leaf).map(|(_, validity)| validity)
    }

    /// Whether every certificate of the chain is valid at `now`: one that is not makes peers refuse all of it.
    ///
    /// # Errors
    /// [`InvalidCredentials::Expired`], [`InvalidCredentials::NotYetValid`], [`InvalidCredentials::Certificate`].
    pub fn check(&self, now: UnixTime) -> Result<(), InvalidCredentials> {
        for (place, certificate) in (1..).zip(&self.certified.cert) {
            let (_, validity) =
                Facts::of(certificate).map_err(|_| InvalidCredentials::Certificate { place })?;
            let Validity {
                not_before,
                not_after,
            } = validity;
            if now > not_after {
                return Err(InvalidCredentials::Expired {
                    place,
                    not_after,
                    now,
                });
            }
            if now < not_before {
                return Err(InvalidCredentials::NotYetValid {
                    place,
                    not_before,
                    now,
                });
            }
        }
        Ok(())
    }

    /// Whether `trust` would trust us in that role at `now`: what peers are expected to decide by is to be asked before
    /// new credentials take the place of good ones.
    ///
    /// # Errors
    /// [`InvalidCredentials::Untrusted`].
    pub fn check_trusted(
        &self,
        trust: &dyn VerifyPeer,
        role: Role<'_>,
        now: UnixTime,
    ) -> Result<(), InvalidCredentials> {
        let chain = PeerChain::parse_within(trust.limits(), self.certified.cert.iter().cloned());
        let verified = chain
            .map_err(Into::into)
            .and_then(|chain| VerifiedPeer::verify(trust, chain, role, now));
        match verified {
            Ok(_) => Ok(()),
            Err(reason) => Err(InvalidCredentials::Untrusted { reason }),
        }
    }

    pub(super) fn count(&self, now: UnixTime) {
        self.hits.count(now);
    }

    pub(super) fn certified(&self) -> Arc<CertifiedKey> {
        self.certified.clone()
    }
}

/// The leaf, and each certificate behind it: peers refuse all of them for one that has expired.
impl Expires for Credentials {
    fn expiries(&self, found: &mut Expiries) {
        for certificate in &self.certified.cert {
            if let Ok((_, validity)) = Facts::of(certificate) {
                found.add(
                    Kind::OwnCertificate,
                    CertHash::of(certificate).to_string(),
                    validity,
                );
            }
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("certificates", &self.certified.cert.len())
            .finish_non_exhaustive()
    }
}

/// The key is that of the first certificate, as far as it can be told: one that is kept elsewhere may not say.
fn check_key(certified: &CertifiedKey) -> Result<(), InvalidCredentials> {
    let Err(error) = certified.keys_match() else {
        return Ok(());
    };
    match error {
        Error::InconsistentKeys(InconsistentKeys::Unknown) => Ok(()),
        Error::InconsistentKeys(_) => Err(InvalidCredentials::OtherKey {
            place: owner_of_key(certified),
        }),
        _ => Err(InvalidCredentials::Certificate { place: 1 }),
    }
}

/// Which certificate of the chain the key is that of, counted from 1.
fn owner_of_key(certified: &CertifiedKey) -> Option<usize> {
    let owns = |certificate: &CertificateDer<'static>| {
        CertifiedKey::new(vec![certificate.clone()], certified.key.clone()).keys_match() == Ok(())
    };
    let place = certified.cert.iter().position(owns)?;
    Some(place + 1)
}

/// Behind each certificate stands the one that certifies it (RFC 8446 §4.4.2), where that one is there at all. Others
/// in between, as of a root that is on its way out, do no harm at the end.
fn check_order(chain: &[CertificateDer<'static>]) -> Result<(), InvalidCredentials> {
    let named = (1..).zip(chain).map(|(place, der)| {
        webpki::EndEntityCert::try_from(der)
            .map(|certificate| (certificate.subject().to_vec(), certificate.issuer().to_vec()))
            .map_err(|_| InvalidCredentials::Certificate { place })
    });
    let named: Vec<_> = named.collect::<Result<_, _>>()?;
    for (place, ((subject, issuer), next)) in (1..).zip(named.iter().zip(named.iter().skip(1))) {
        let is_issuer = |other: &(Vec<u8>, Vec<u8>)| other.0 == *issuer;
        if subject != issuer && !is_issuer(next) && named.iter().any(is_issuer) {
            return Err(InvalidCredentials::Order { place });
        }
    }
    Ok(())
}

/// Stands for the name of a file where there is none.
const GIVEN: &str = "the PEM text given";

fn read(path: &Path) -> Result<Vec<u8>, InvalidCredentials> {
    std::fs::read(path).map_err(|error| InvalidCredentials::Unreadable {
        file: pem::file_name(path),
        reason: error.to_string(),
    })
}

fn read_chain(file: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, InvalidCredentials> {
    let chain = pem::certificates(pem).map_err(|reason| unreadable(file, reason))?;
    if chain.is_empty() {
        return Err(InvalidCredentials::NoCertificate { file: file.into() });
    }
    Ok(chain)
}

fn read_key(file: &str, pem: &[u8]) -> Result<PrivateKeyDer<'static>, InvalidCredentials> {
    let key = pem::private_key(pem).map_err(|reason| unreadable(file, reason))?;
    key.ok_or_else(|| InvalidCredentials::NoKey { file: file.into() })
}

fn unreadable(file: &str, reason: InvalidPem) -> InvalidCredentials {
    let file = file.to_owned();
    if reason.is_encrypted_key() {
        return InvalidCredentials::EncryptedKey { file };
    }
    InvalidCredentials::Pem { file, reason }
}

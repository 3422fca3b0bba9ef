//! Keys, by algorithm.

use std::fmt;
use std::sync::Arc;

use rcgen::{KeyPair, PublicKeyData, RsaKeySize};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{TestCa, TestCert, der};

/// The algorithm of a key, and so of the signatures made with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// ECDSA on P-256, with SHA-256.
    #[default]
    EcdsaP256,
    /// ECDSA on P-384, with SHA-384.
    EcdsaP384,
    /// ECDSA on P-521, with SHA-512.
    EcdsaP521,
    /// Ed25519.
    Ed25519,
    /// RSA with 2048 bits, PKCS #1 v1.5 and SHA-256. Slow: a tenth of a second or so for each key.
    Rsa2048,
    /// RSA with 3072 bits, PKCS #1 v1.5 and SHA-256. Slower.
    Rsa3072,
    /// RSA with 4096 bits, PKCS #1 v1.5 and SHA-256. Slow enough to notice: half a second or so for each key.
    Rsa4096,
}

/// A throw-away key pair.
///
/// Certificates and CAs make their own, unless `with_key` gives them one: to renew a certificate under the
/// same key, to cross-sign, to make many RSA certificates without waiting for as many keys. A [`TestCert`] or
/// [`TestCa`] that is lent to `with_key` lends its key.
///
/// Cloning is cheap and yields the same key.
///
/// ```
/// use countersign::testing::{KeyAlgorithm, TestCa, TestKey};
///
/// let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
/// let own = TestCa::new("Acme Root")
///     .client("spiffe://acme.example/tenant/acme")
///     .with_key(key.clone())
///     .issue();
/// assert_eq!(own.spki_der(), key.spki_der());
/// ```
#[derive(Clone)]
pub struct TestKey {
    pair: Arc<KeyPair>,
    algorithm: KeyAlgorithm,
}

impl TestKey {
    /// A fresh key. RSA is slow.
    pub fn generate(algorithm: KeyAlgorithm) -> Self {
        let pair = Arc::new(generate(algorithm).expect("a key"));
        Self { pair, algorithm }
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The private key, as PKCS #8.
    pub fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.pkcs8()).into()
    }

    /// The private key, as PKCS #8 in PEM.
    pub fn pem(&self) -> String {
        der::pem("PRIVATE KEY", &self.pkcs8())
    }

    /// PKCS #8 version 1 (RFC 5208): version, algorithm and private key.
    ///
    /// Of Ed25519 rcgen keeps version 2 (RFC 5958), which adds the public key, and which OpenSSL 3.0 cannot
    /// read.
    fn pkcs8(&self) -> Vec<u8> {
        const VERSION_1: &[u8] = &[0x02, 0x01, 0x00];
        let fields = der::children(self.pair.serialized_der())
            .into_iter()
            .skip(1)
            .take(2);
        der::sequence(&[vec![VERSION_1.to_vec()], fields.collect()].concat())
    }

    /// The public key, as SubjectPublicKeyInfo in DER: what a certificate for it holds, and what pins hash.
    pub fn spki_der(&self) -> Vec<u8> {
        self.pair.subject_public_key_info()
    }

    pub(super) fn pair(&self) -> &KeyPair {
        &self.pair
    }
}

fn generate(algorithm: KeyAlgorithm) -> Result<KeyPair, rcgen::Error> {
    let rsa = |bits| KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, bits);
    match algorithm {
        KeyAlgorithm::EcdsaP256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
        KeyAlgorithm::EcdsaP384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
        KeyAlgorithm::EcdsaP521 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512),
        KeyAlgorithm::Ed25519 => KeyPair::generate_for(&rcgen::PKCS_ED25519),
        KeyAlgorithm::Rsa2048 => rsa(RsaKeySize::_2048),
        KeyAlgorithm::Rsa3072 => rsa(RsaKeySize::_3072),
        KeyAlgorithm::Rsa4096 => rsa(RsaKeySize::_4096),
    }
}

impl fmt::Debug for TestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestKey")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl From<&TestKey> for TestKey {
    fn from(key: &TestKey) -> Self {
        key.clone()
    }
}

impl From<&TestCert> for TestKey {
    fn from(cert: &TestCert) -> Self {
        cert.test_key().clone()
    }
}

impl From<&TestCa> for TestKey {
    fn from(ca: &TestCa) -> Self {
        ca.test_key().clone()
    }
}

/// Where the key of a certificate to be issued comes from.
#[derive(Clone, Debug)]
pub(super) enum KeySource {
    Fresh(KeyAlgorithm),
    Given(TestKey),
}

impl KeySource {
    pub(super) fn key(self) -> TestKey {
        match self {
            Self::Fresh(algorithm) => TestKey::generate(algorithm),
            Self::Given(key) => key,
        }
    }
}

impl Default for KeySource {
    fn default() -> Self {
        Self::Fresh(KeyAlgorithm::default())
    }
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::pem::PemObject;

    use super::*;

    #[test]
    fn each_key_is_one_that_rustls_can_use() {
        use KeyAlgorithm::{EcdsaP256, EcdsaP384, EcdsaP521, Ed25519, Rsa2048};
        let aws_lc_rs = rustls::crypto::aws_lc_rs::default_provider();
        let ring = rustls::crypto::ring::default_provider();
        for (provider, algorithms) in [
            (
                aws_lc_rs,
                &[EcdsaP256, EcdsaP384, EcdsaP521, Ed25519, Rsa2048][..],
            ),
            (ring, &[EcdsaP256, EcdsaP384, Ed25519, Rsa2048]),
        ] {
            for algorithm in algorithms {
                let key = TestKey::generate(*algorithm);
                let loaded = provider
                    .key_provider
                    .load_private_key(key.private_key())
                    .expect("a key");
                let spki = loaded.public_key().expect("a public key");
                assert_eq!(spki.as_ref(), key.spki_der(), "{algorithm:?}");
            }
        }
    }

    #[test]
    fn pem_and_der_are_the_same_key() {
        let key = TestKey::generate(KeyAlgorithm::default());
        let read = PrivateKeyDer::from_pem_slice(key.pem().as_bytes()).expect("PEM");
        assert_eq!(read, key.private_key());
    }

    #[test]
    fn debug_output_keeps_the_secret() {
        let key = TestKey::generate(KeyAlgorithm::Ed25519);
        assert_eq!(format!("{key:?}"), "TestKey { algorithm: Ed25519, .. }");
    }
}

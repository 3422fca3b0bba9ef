use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::{AlgorithmIdentifier, alg_id};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::RSAPublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::payload::SchemeText;
use crate::payload::hmac::encoding::decode_hex_vec;
use crate::payload::hmac::keys::KeyProblem;
use crate::pem::{self, PublicKeyPem};

/// A kind of public key and signature. What verifies it is the caller's: no signature code of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PublicKeyAlgorithm {
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// ECDSA on P-256 with SHA-256, signatures in DER.
    EcdsaP256Sha256,
    /// ECDSA on P-256 with SHA-1, signatures in DER: only for eBay. No `CryptoProvider` brings it; pass an algorithm of
    /// your own.
    EcdsaP256Sha1,
    /// RSA PKCS#1 v1.5 with SHA-256.
    RsaSha256,
    /// RSA PKCS#1 v1.5 with SHA-1: only for AWS SNS, signature version 1. No `CryptoProvider` brings it; pass an
    /// algorithm of your own, or better, have the topic sign with version 2.
    RsaSha1,
}

/// `sha1WithRSAEncryption` (RFC 8017), which rustls-pki-types does not name.
const RSA_PKCS1_SHA1: AlgorithmIdentifier = AlgorithmIdentifier::from_slice(&[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05, 0x05, 0x00,
]);

/// `ecdsa-with-SHA1` (RFC 3279 §2.2.3), likewise.
const ECDSA_SHA1: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01]);

impl PublicKeyAlgorithm {
    pub(in crate::payload) fn key_id(self) -> AlgorithmIdentifier {
        match self {
            Self::Ed25519 => alg_id::ED25519,
            Self::EcdsaP256Sha256 | Self::EcdsaP256Sha1 => alg_id::ECDSA_P256,
            Self::RsaSha256 | Self::RsaSha1 => alg_id::RSA_ENCRYPTION,
        }
    }

    pub(in crate::payload) fn signature_id(self) -> AlgorithmIdentifier {
        match self {
            Self::Ed25519 => alg_id::ED25519,
            Self::EcdsaP256Sha256 => alg_id::ECDSA_SHA256,
            Self::EcdsaP256Sha1 => ECDSA_SHA1,
            Self::RsaSha256 => alg_id::RSA_PKCS1_SHA256,
            Self::RsaSha1 => RSA_PKCS1_SHA1,
        }
    }

    /// The longest signature, in bytes: that of an RSA key of 8192 bits.
    pub(in crate::payload) fn max_signature(self) -> usize {
        match self {
            Self::Ed25519 => 64,
            Self::EcdsaP256Sha256 | Self::EcdsaP256Sha1 => 72,
            Self::RsaSha256 | Self::RsaSha1 => 1024,
        }
    }
}

impl fmt::Display for PublicKeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ed25519 => "Ed25519",
            Self::EcdsaP256Sha256 => "ECDSA P-256 with SHA-256",
            Self::EcdsaP256Sha1 => "ECDSA P-256 with SHA-1",
            Self::RsaSha256 => "RSA with SHA-256",
            Self::RsaSha1 => "RSA with SHA-1",
        })
    }
}

/// The form in which a provider shows its public keys.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicKeyForm {
    /// The bare 32 bytes of an Ed25519 key in lower-case hexadecimal.
    Hex,
    /// The bare 32 bytes of an Ed25519 key in base64, after a prefix that may be left out.
    Base64 {
        /// The prefix.
        prefix: SchemeText,
    },
    /// A SubjectPublicKeyInfo in base64.
    SpkiBase64,
    /// A SubjectPublicKeyInfo in PEM, `BEGIN PUBLIC KEY`; or an RSA key as PKCS#1 has it, `BEGIN RSA PUBLIC KEY`.
    Pem,
}

impl PublicKeyForm {
    /// The key's bits: what `SignatureVerificationAlgorithm` takes.
    pub(in crate::payload) fn read(
        &self,
        algorithm: PublicKeyAlgorithm,
        text: &str,
    ) -> Result<Vec<u8>, KeyProblem> {
        if text.trim().is_empty() {
            return Err(KeyProblem::Empty);
        }
        let bits = match self {
            Self::Hex => decode_hex_vec(text.as_bytes()),
            Self::Base64 { prefix } => STANDARD.decode(text.strip_prefix(&**prefix).unwrap_or(text)).ok(),
            Self::SpkiBase64 => STANDARD
                .decode(text)
                .ok()
                .and_then(|der| spki_bits(&der, algorithm)),
            Self::Pem => {
                match pem::public_key(text.as_bytes()).map_err(|reason| KeyProblem::Pem { reason })? {
                    PublicKeyPem::Spki(der) => spki_bits(&der, algorithm),
                    PublicKeyPem::Rsa(der) => bare_rsa(der, algorithm),
                }
            }
        };
        bits.filter(|bits| has_length(algorithm, bits))
            .ok_or(KeyProblem::PublicKey { algorithm })
    }
}

fn has_length(algorithm: PublicKeyAlgorithm, bits: &[u8]) -> bool {
    match algorithm {
        PublicKeyAlgorithm::Ed25519 => bits.len() == 32,
        PublicKeyAlgorithm::EcdsaP256Sha256 | PublicKeyAlgorithm::EcdsaP256Sha1 => bits.len() == 65,
        // 2048 bits and a little structure around them.
        PublicKeyAlgorithm::RsaSha256 | PublicKeyAlgorithm::RsaSha1 => bits.len() > 256,
    }
}

/// An RSAPublicKey (RFC 8017 A.1.1): what stands in a SubjectPublicKeyInfo as the key's bits.
fn bare_rsa(der: Vec<u8>, algorithm: PublicKeyAlgorithm) -> Option<Vec<u8>> {
    let wanted = matches!(
        algorithm,
        PublicKeyAlgorithm::RsaSha256 | PublicKeyAlgorithm::RsaSha1
    );
    let whole = matches!(RSAPublicKey::from_der(&der), Ok(([], _)));
    (wanted && whole).then_some(der)
}

/// The bits of the RSA key in a certificate.
pub(in crate::payload) fn rsa_bits(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = x509_parser::certificate::X509Certificate::from_der(certificate).ok()?;
    let bits = spki_bits(certificate.public_key().raw, PublicKeyAlgorithm::RsaSha256)?;
    has_length(PublicKeyAlgorithm::RsaSha256, &bits).then_some(bits)
}

/// The key bits, where the key is of the algorithm's kind.
fn spki_bits(der: &[u8], algorithm: PublicKeyAlgorithm) -> Option<Vec<u8>> {
    let (rest, spki) = SubjectPublicKeyInfo::from_der(der).ok()?;
    let kind = &spki.algorithm;
    let curve = kind.parameters.as_ref().and_then(|any| any.as_oid().ok());
    let same = match algorithm {
        PublicKeyAlgorithm::Ed25519 => kind.algorithm.to_id_string() == "1.3.101.112",
        PublicKeyAlgorithm::EcdsaP256Sha256 | PublicKeyAlgorithm::EcdsaP256Sha1 => {
            kind.algorithm.to_id_string() == "1.2.840.10045.2.1"
                && curve.is_some_and(|curve| curve.to_id_string() == "1.2.840.10045.3.1.7")
        }
        PublicKeyAlgorithm::RsaSha256 | PublicKeyAlgorithm::RsaSha1 => {
            kind.algorithm.to_id_string() == "1.2.840.113549.1.1.1"
        }
    };
    (same && rest.is_empty()).then(|| spki.subject_public_key.data.to_vec())
}

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::payload::NotSigned;
use countersign::payload::public_key::SignBytes;
use p256::ecdsa::signature::hazmat::{PrehashSigner as _, PrehashVerifier as _};
use p256::ecdsa::{DerSignature, SigningKey, VerifyingKey};
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};

/// A key that signs as eBay does: ECDSA on P-256 with SHA-1, which no provider has.
#[derive(Debug)]
pub(crate) struct EbayKey(SigningKey);

impl EbayKey {
    pub(crate) fn new(number: u8) -> Self {
        Self(SigningKey::from_slice(&[number; 32]).expect("a key"))
    }

    /// As eBay shows it: on one line.
    pub(crate) fn shown(&self) -> String {
        let start = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
            0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        let bits = self.0.verifying_key().to_sec1_point(false);
        let spki = STANDARD.encode([&start[..], bits.as_bytes()].concat());
        format!("-----BEGIN PUBLIC KEY-----{spki}-----END PUBLIC KEY-----")
    }
}

impl SignBytes for EbayKey {
    fn sign_bytes(&self, text: &[u8]) -> Result<Vec<u8>, NotSigned> {
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, text);
        let signature: DerSignature = self.0.sign_prehash(hash.as_ref()).expect("signed");
        Ok(signature.as_bytes().to_vec())
    }
}

#[derive(Debug)]
pub(crate) struct EcdsaSha1;

impl SignatureVerificationAlgorithm for EcdsaSha1 {
    fn verify_signature(&self, key: &[u8], text: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = VerifyingKey::from_sec1_bytes(key).map_err(|_| InvalidSignature)?;
        let signature = DerSignature::try_from(signature).map_err(|_| InvalidSignature)?;
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, text);
        key.verify_prehash(hash.as_ref(), &signature)
            .map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P256
    }

    /// `ecdsa-with-SHA1` (RFC 3279 §2.2.3).
    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        AlgorithmIdentifier::from_slice(&[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01])
    }
}

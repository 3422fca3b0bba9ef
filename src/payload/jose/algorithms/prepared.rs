use rustls_pki_types::SignatureVerificationAlgorithm;

#[cfg(feature = "aws-lc-rs")]
use super::aws_lc::parsed;
use super::ecdsa::to_der;
use super::{KeyType, PublicKey};

/// A public key and what verifies its signatures.
#[derive(Clone)]
pub(super) struct Prepared {
    key: PublicKey,
    with: &'static dyn SignatureVerificationAlgorithm,
    /// The same key, parsed once by what `with` has parse it each time.
    #[cfg(feature = "aws-lc-rs")]
    parsed: Option<aws_lc_rs::signature::ParsedPublicKey>,
}

impl Prepared {
    pub(super) fn new(key: &PublicKey, with: &'static dyn SignatureVerificationAlgorithm) -> Self {
        Self {
            key: key.clone(),
            with,
            #[cfg(feature = "aws-lc-rs")]
            parsed: parsed(key.bits(), with),
        }
    }

    pub(super) fn matches(&self, message: &[u8], signature: &[u8]) -> bool {
        match self.key.kind() {
            curve @ (KeyType::P256 | KeyType::P384 | KeyType::P521) => {
                to_der(curve, signature).is_some_and(|der| self.verifies(message, der.as_slice()))
            }
            _ => self.verifies(message, signature),
        }
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        #[cfg(feature = "aws-lc-rs")]
        if let Some(key) = &self.parsed {
            return key.verify_sig(message, signature).is_ok();
        }
        self.with
            .verify_signature(self.key.bits(), message, signature)
            .is_ok()
    }
}

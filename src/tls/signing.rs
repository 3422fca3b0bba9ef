use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::sign::SigningKey;

use crate::payload::CannotSign;
use crate::payload::public_key::SignBytes;

/// A rustls [`SigningKey`] as a private key for [`PublicKeySigner`](crate::payload::public_key::PublicKeySigner).
#[derive(Debug, Clone)]
pub struct RustlsKey {
    key: Arc<dyn SigningKey>,
    scheme: SignatureScheme,
}

impl RustlsKey {
    /// This key, signing in this one way.
    ///
    /// # Errors
    /// [`CannotSign::Key`] where the key cannot sign so.
    pub fn new(key: Arc<dyn SigningKey>, scheme: SignatureScheme) -> Result<Self, CannotSign> {
        match key.choose_scheme(&[scheme]) {
            Some(_) => Ok(Self { key, scheme }),
            None => Err(CannotSign::Key {
                reason: "the key is of another kind than the scheme",
            }),
        }
    }
}

impl SignBytes for RustlsKey {
    fn sign_bytes(&self, text: &[u8]) -> Result<Vec<u8>, CannotSign> {
        let failed = CannotSign::Key {
            reason: "the key refused to sign",
        };
        let signer = self
            .key
            .choose_scheme(&[self.scheme])
            .ok_or_else(|| failed.clone())?;
        signer.sign(text).map_err(|_| failed)
    }
}

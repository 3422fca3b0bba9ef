//! The signature of a handshake, as verifiers of either role are asked about it.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::CertificateDer;
use rustls::{DigitallySignedStruct, Error};

/// How one version of TLS has its handshake signed.
pub(super) type VerifySignature = fn(
    &[u8],
    &CertificateDer<'_>,
    &DigitallySignedStruct,
    &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error>;

/// Three methods that rustls's traits of verifiers, which have nothing in common, ask for in the same words: the method
/// named here is given the right [`VerifySignature`]. For a type with a field `algorithms`.
macro_rules! asks_of_signatures {
    ($method:ident) => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            leaf: &rustls::pki_types::CertificateDer<'_>,
            signed: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            self.$method(
                rustls::crypto::verify_tls12_signature,
                message,
                leaf,
                signed,
            )
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            leaf: &rustls::pki_types::CertificateDer<'_>,
            signed: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            self.$method(
                rustls::crypto::verify_tls13_signature,
                message,
                leaf,
                signed,
            )
        }

        fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
            self.algorithms.supported_schemes()
        }
    };
}

pub(super) use asks_of_signatures;

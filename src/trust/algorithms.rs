use rustls_pki_types::SignatureVerificationAlgorithm;

/// The signature algorithms of the caller's crypto provider.
pub(super) type Algorithms = &'static [&'static dyn SignatureVerificationAlgorithm];

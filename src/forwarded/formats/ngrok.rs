use http::HeaderName;

use crate::forwarded::{CertificateEncoding, Format, UnverifiedFormat};

impl UnverifiedFormat {
    /// ngrok: a traffic policy with `add-headers` that sets this field, which you name, to `${conn.tls.client.pem}`.
    ///
    /// With `mutual_tls_verification_strategy: require-any` or `request` it was not verified.
    pub fn ngrok(certificate: HeaderName) -> Self {
        Self::of(Format::of(certificate, CertificateEncoding::PemOnOneLine).absent_as(""))
    }
}

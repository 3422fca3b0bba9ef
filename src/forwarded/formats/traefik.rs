use http::HeaderName;

use crate::forwarded::{CertificateEncoding, Format, UnverifiedFormat};

impl UnverifiedFormat {
    /// Traefik 2.9.2 or later, `passTLSClientCert` with `pem: true`: `X-Forwarded-Tls-Client-Cert`, the whole chain.
    ///
    /// It is forwarded under each `clientAuthType`, also those that do not verify.
    ///
    /// # Security
    /// The middleware leaves a field alone that a client sends without a certificate: blank it before, with
    /// `customRequestHeaders`, and do not set `forwardedHeaders.insecure`. `X-Forwarded-Tls-Client-Cert-Info` can be forged by
    /// a name with a quote in it, so it is removed and not read.
    pub fn traefik() -> Self {
        let field = HeaderName::from_static("x-forwarded-tls-client-cert");
        let format = Format::of(field, CertificateEncoding::Base64DerList).absent_as("");
        Self::of(format.beside("x-forwarded-tls-client-cert"))
    }
}

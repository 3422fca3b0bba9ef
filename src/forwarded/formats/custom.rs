use http::HeaderName;

use crate::forwarded::{CertificateEncoding, Format, UnverifiedFormat};

impl Format {
    /// A proxy of your own, or one that is configured otherwise: certificates in this field and this encoding, verified by
    /// the proxy where that field says exactly that.
    ///
    /// Where there is no certificate, both fields are absent, or the status is empty. Issuers are
    /// [`with_chain`](Format::with_chain), further conditions [`with_status`](Format::with_status).
    ///
    /// ```
    /// use countersign::forwarded::{Assurance, CertificateEncoding, Format};
    /// use http::HeaderName;
    ///
    /// let certificate = HeaderName::from_static("x-edge-cert");
    /// let status = HeaderName::from_static("x-edge-cert-status");
    /// let format = Format::custom(certificate, CertificateEncoding::Base64Der, status, "verified");
    /// assert_eq!(format.assurance(), Assurance::VerifiedTwice);
    /// ```
    pub fn custom(
        certificate: HeaderName,
        encoding: CertificateEncoding,
        status: HeaderName,
        verified: &str,
    ) -> Self {
        Self::of(certificate, encoding).with_status(status, verified)
    }
}

impl UnverifiedFormat {
    /// A proxy that does not say whether it has verified the certificate, which it sends in this field.
    pub fn custom(certificate: HeaderName, encoding: CertificateEncoding) -> Self {
        Self::of(Format::of(certificate, encoding))
    }
}

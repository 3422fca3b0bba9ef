use http::HeaderName;

use crate::forwarded::{CertificateEncoding, Format, UnverifiedFormat};

impl UnverifiedFormat {
    /// Amazon CloudFront: `CloudFront-Viewer-Cert-Pem` and `CloudFront-Viewer-Cert-Present`. In passthrough mode the
    /// certificate is not verified, and nothing in the request tells the modes apart.
    ///
    /// Where the origin request policy sends `Client-Cert`, take [`Format::rfc_9440`].
    pub fn cloudfront() -> Self {
        let pem = HeaderName::from_static("cloudfront-viewer-cert-pem");
        let present = HeaderName::from_static("cloudfront-viewer-cert-present");
        let format = Format::of(pem, CertificateEncoding::PercentEncodedPem).absent_as("");
        Self::of(format.status(present, "1", "0").beside("cloudfront-viewer-cert-"))
    }
}

use http::HeaderName;

use crate::forwarded::{CertificateEncoding, Format};

impl Format {
    /// The router of OpenShift: `X-SSL-Client-DER`, in quotes, and `X-SSL-Client-Verify`, as HAProxy has them.
    ///
    /// # Security
    /// Routers without the fix of CVE-2026-46579 pass on such fields from clients of routes without mutual TLS.
    pub fn openshift() -> Self {
        Self::of(
            HeaderName::from_static("x-ssl-client-der"),
            CertificateEncoding::QuotedBase64Der,
        )
        .absent_as("")
        .absent_as("\"\"")
        .status(HeaderName::from_static("x-ssl-client-verify"), "0", "0")
        .beside("x-ssl-client-")
        .beside("x-ssl-issuer")
    }
}

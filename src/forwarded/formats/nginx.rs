use http::HeaderName;

use crate::forwarded::{CertificateEncoding, Format};

impl Format {
    /// nginx: `proxy_set_header CERTIFICATE $ssl_client_escaped_cert` and `proxy_set_header VERIFY $ssl_client_verify`, in
    /// fields that you name.
    ///
    /// `$ssl_client_verify` must be `SUCCESS`: with `ssl_verify_client optional_no_ca` certificates that failed are forwarded
    /// as well. nginx has no variable for the issuers.
    ///
    /// # Security
    /// A `location` with one `proxy_set_header` of its own inherits none of the others: there, what clients send passes.
    pub fn nginx(certificate: HeaderName, verify: HeaderName) -> Self {
        Self::of(certificate, CertificateEncoding::PercentEncodedPem)
            .absent_as("")
            .status(verify, "SUCCESS", "NONE")
    }
}

use http::HeaderName;

use crate::forwarded::{CertificateEncoding, Format};

impl Format {
    /// Apache httpd: `RequestHeader set CERTIFICATE "%{SSL_CLIENT_CERT}s"` and `RequestHeader set VERIFY
    /// "%{SSL_CLIENT_VERIFY}s"`, in fields that you name.
    ///
    /// The verification must be `SUCCESS`. `GENEROUS` is a certificate that was let through without
    /// (`SSLVerifyClient optional_no_ca`). A variable that is not set is `(null)`.
    pub fn apache(certificate: HeaderName, verify: HeaderName) -> Self {
        Self::of(certificate, CertificateEncoding::PemOnOneLine)
            .absent_as("")
            .absent_as("(null)")
            .status(verify, "SUCCESS", "NONE")
            .otherwise_without("(null)")
    }
}

use http::HeaderName;

use crate::forwarded::{CertificateEncoding, Format, UnverifiedFormat};

impl UnverifiedFormat {
    /// Caddy: `header_up CERTIFICATE {http.request.tls.client.certificate_der_base64}`, in a field that you name.
    ///
    /// It is forwarded under each `client_auth` mode, also `request` and `require`, which do not verify. Without a
    /// certificate it is empty.
    pub fn caddy(certificate: HeaderName) -> Self {
        Self::of(Format::of(certificate, CertificateEncoding::Base64Der).absent_as(""))
    }
}

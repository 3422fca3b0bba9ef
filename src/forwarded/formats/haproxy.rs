use http::HeaderName;

use crate::forwarded::{CertificateEncoding, Format};

impl Format {
    /// HAProxy: `http-request set-header CERTIFICATE %[ssl_c_der,base64]` and `http-request set-header VERIFY
    /// %[ssl_c_verify]`, in fields that you name, each after a `del-header`.
    ///
    /// `ssl_c_verify` must be 0, which it is without a certificate as well: alone it says nothing. Issuers, as in
    /// `%[ssl_c_chain_der,base64]`, are [`with_chain`](Format::with_chain) and
    /// [`ConcatenatedBase64Der`](CertificateEncoding::ConcatenatedBase64Der).
    pub fn haproxy(certificate: HeaderName, verify: HeaderName) -> Self {
        Self::of(certificate, CertificateEncoding::Base64Der)
            .absent_as("")
            .status(verify, "0", "0")
    }
}

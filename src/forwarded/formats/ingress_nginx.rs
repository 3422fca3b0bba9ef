use http::HeaderName;

use crate::forwarded::Format;

impl Format {
    /// ingress-nginx with `auth-tls-pass-certificate-to-upstream: "true"`: `ssl-client-cert` and `ssl-client-verify`.
    ///
    /// # Security
    /// The controller sets and clears these fields only for hosts with `auth-tls-secret`. On its other hosts, those that a
    /// client sends reach us: serve hosts that ask for certificates from an application of their own.
    pub fn ingress_nginx() -> Self {
        let certificate = HeaderName::from_static("ssl-client-cert");
        Self::nginx(certificate, HeaderName::from_static("ssl-client-verify")).beside("ssl-client-")
    }
}

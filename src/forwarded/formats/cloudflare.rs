use http::HeaderName;

use super::{CLIENT_CERT, CLIENT_CERT_CHAIN};
use crate::forwarded::{CertificateEncoding, Format, UnverifiedFormat};

impl Format {
    /// Cloudflare, transform rules that set `Client-Cert` to `cf.tls_client_auth.cert_rfc9440` (and `Client-Cert-Chain`), with
    /// the managed transform "Add TLS client auth headers" beside them: `cf-cert-presented` and `cf-cert-verified` must be
    /// `true`, `cf-cert-revoked` must be `false`.
    pub fn cloudflare() -> Self {
        Self::of(CLIENT_CERT, CertificateEncoding::ByteSequence)
            .absent_as("")
            .with_chain(CLIENT_CERT_CHAIN, CertificateEncoding::ByteSequences)
            .status(HeaderName::from_static("cf-cert-presented"), "true", "false")
            .status(HeaderName::from_static("cf-cert-verified"), "true", "false")
            .status(HeaderName::from_static("cf-cert-revoked"), "false", "false")
            .beside("cf-cert-")
    }
}

impl UnverifiedFormat {
    /// Cloudflare Access with `client_certificate_forwarding`: `Cf-Client-Cert-Der-Base64`, and its hash in
    /// `Cf-Client-Cert-Sha256`.
    pub fn cloudflare_access() -> Self {
        let format = Format::of(
            HeaderName::from_static("cf-client-cert-der-base64"),
            CertificateEncoding::Base64Der,
        );
        let format = format.hash(HeaderName::from_static("cf-client-cert-sha256"));
        Self::of(format.beside("cf-client-cert-").beside("cf-cert-"))
    }

    /// Cloudflare, transform rules that set `Client-Cert` to `cf.tls_client_auth.cert_rfc9440` (and `Client-Cert-Chain`)
    /// alone. These are filled whether the certificate was verified or not.
    ///
    /// # Security
    /// A rule before them must remove both fields from every request.
    pub fn cloudflare_client_cert() -> Self {
        let format = Format::of(CLIENT_CERT, CertificateEncoding::ByteSequence).absent_as("");
        let format = format.with_chain(CLIENT_CERT_CHAIN, CertificateEncoding::ByteSequences);
        Self::of(format.beside("cf-cert-"))
    }
}

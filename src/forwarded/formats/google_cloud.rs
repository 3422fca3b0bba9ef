use http::HeaderName;

use crate::forwarded::{CertificateEncoding, Format};

impl Format {
    /// A Google Cloud Application Load Balancer with custom request headers of these names:
    ///
    /// ```text
    /// X-Client-Cert-Leaf:{client_cert_leaf}
    /// X-Client-Cert-Chain:{client_cert_chain}
    /// X-Client-Cert-Present:{client_cert_present}
    /// X-Client-Cert-Chain-Verified:{client_cert_chain_verified}
    /// ```
    ///
    /// A certificate that is too large for the load balancer arrives as an empty field beside `true`, and is refused as
    /// lost. For other names, [`custom`](Format::custom).
    ///
    /// # Security
    /// The load balancer overwrites fields of clients only on backends that have these headers: declare them on each
    /// backend, also where no certificate is asked for.
    pub fn google_cloud() -> Self {
        Self::of(
            HeaderName::from_static("x-client-cert-leaf"),
            CertificateEncoding::ByteSequence,
        )
        .absent_as("")
        .with_chain(
            HeaderName::from_static("x-client-cert-chain"),
            CertificateEncoding::ByteSequences,
        )
        .status(HeaderName::from_static("x-client-cert-present"), "true", "false")
        .status(
            HeaderName::from_static("x-client-cert-chain-verified"),
            "true",
            "false",
        )
        .beside("x-client-cert-")
    }
}

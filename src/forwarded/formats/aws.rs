use http::HeaderName;

use crate::forwarded::{CertificateEncoding, Format, UnverifiedFormat};

const PREFIX: &str = "x-amzn-mtls-";

impl Format {
    /// An AWS Application Load Balancer in *verify* mode: `X-Amzn-Mtls-Clientcert-Leaf`.
    ///
    /// # Security
    /// That the load balancer removes fields that a client sends over a listener without mutual TLS is not documented:
    /// give the target group to no other listener.
    pub fn aws_alb_verify() -> Self {
        let leaf = HeaderName::from_static("x-amzn-mtls-clientcert-leaf");
        Self::of(leaf, CertificateEncoding::PercentEncodedPem).beside(PREFIX)
    }
}

impl UnverifiedFormat {
    /// An AWS Application Load Balancer in *passthrough* mode: `X-Amzn-Mtls-Clientcert`, the whole chain as the client
    /// presented it. The load balancer verifies nothing of it.
    pub fn aws_alb_passthrough() -> Self {
        let chain = HeaderName::from_static("x-amzn-mtls-clientcert");
        Self::of(Format::of(chain, CertificateEncoding::PercentEncodedPemChain).beside(PREFIX))
    }
}

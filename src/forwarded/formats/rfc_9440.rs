use super::{CLIENT_CERT, CLIENT_CERT_CHAIN};
use crate::forwarded::{CertificateEncoding, Format};

impl Format {
    /// RFC 9440: `Client-Cert`, and `Client-Cert-Chain` where there are issuers. A proxy that keeps to the RFC forwards only
    /// certificates that it has verified.
    ///
    /// Not every proxy that sends a field of this name does: some write base64 without colons, or PEM, into it.
    pub fn rfc_9440() -> Self {
        Self::of(CLIENT_CERT, CertificateEncoding::ByteSequence)
            .with_chain(CLIENT_CERT_CHAIN, CertificateEncoding::ByteSequences)
    }
}

use super::XFCC;
use crate::forwarded::{CertificateEncoding, Format, UnverifiedFormat};

impl UnverifiedFormat {
    /// Envoy, Istio, Contour: `x-forwarded-client-cert` with `forward_client_cert_details: SANITIZE_SET` and
    /// `set_current_client_cert_details: { cert: true }` (or `chain: true`). More than one element is refused.
    ///
    /// Envoy writes what was presented, whether it was validated or not.
    ///
    /// # Security
    /// Identity is read from `Cert` or `Chain` alone, and `Hash` must be theirs. Subject, URI and DNS are not read: Envoy
    /// does not escape them, so that a name with a `,` or `;` in it reads as further elements and pairs.
    pub fn envoy() -> Self {
        Self::of(Format::of(XFCC, CertificateEncoding::Xfcc))
    }

    /// Envoy with `forward_client_cert_details: APPEND_FORWARD`: the last element counts, which the Envoy next to us has
    /// appended. Those before it may come from the client.
    ///
    /// # Security
    /// Prefer [`envoy`](Self::envoy). In a mesh, the last element is that of the client of the last proxy, which is the
    /// proxy before it: where that is so, nobody's certificate is the sender's. Certificates with a `,`, `;` or `"` in a
    /// URI or DNS name are refused here, since such a name may be an element that nobody has appended.
    pub fn envoy_append_forward() -> Self {
        Self::of(Format::of(XFCC, CertificateEncoding::XfccAppended))
    }
}

use std::fmt;

use rustls_pki_types::UnixTime;

use crate::date::Date;
use crate::identity::{CertHash, Certificate, Name, SerialNumber, SpkiHash, Validity};
use crate::trust::VerifiedPeer;

/// A peer's certificate as observers may see it: what identifies it, and not the certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PeerCertificate<'a> {
    certificate: &'a Certificate,
    path_ends: UnixTime,
}

impl<'a> PeerCertificate<'a> {
    /// Of this one.
    pub fn of(certificate: &'a Certificate) -> Self {
        let path_ends = certificate.validity().not_after;
        Self {
            certificate,
            path_ends,
        }
    }

    /// Of this peer, whose path was verified.
    pub fn of_peer(peer: &'a VerifiedPeer) -> Self {
        let own = Self::of(peer.leaf());
        let path_ends = own.path_ends.min(peer.evidence().issuers_valid.not_after);
        Self { path_ends, ..own }
    }

    /// To be told of later.
    pub(super) fn copied(self) -> Copied {
        Copied {
            certificate: self.certificate.clone(),
            path_ends: self.path_ends,
        }
    }

    /// The last second for which it is good, where that is known of its issuers as well: the peer's to renew.
    pub fn path_ends(&self) -> UnixTime {
        self.path_ends
    }

    /// The hash of its public key.
    pub fn spki(&self) -> SpkiHash {
        self.certificate.spki()
    }

    /// The hash of the whole certificate. Computed at each call.
    pub fn hash(&self) -> CertHash {
        self.certificate.hash()
    }

    /// Its serial number.
    pub fn serial(&self) -> &'a SerialNumber {
        self.certificate.serial()
    }

    /// `notBefore` to `notAfter`.
    pub fn validity(&self) -> Validity {
        self.certificate.validity()
    }

    /// The first second of its validity, as people read it (RFC 3339).
    pub fn not_before(&self) -> impl fmt::Display + use<> {
        Date(self.validity().not_before)
    }

    /// The last second of its validity, as people read it (RFC 3339).
    pub fn not_after(&self) -> impl fmt::Display + use<> {
        Date(self.validity().not_after)
    }

    /// Its names, each with its type.
    pub fn names(&self) -> &'a [Name] {
        self.certificate.names()
    }
}

impl fmt::Debug for PeerCertificate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.certificate.fmt(f)
    }
}

/// The same, kept.
pub(super) struct Copied {
    certificate: Certificate,
    path_ends: UnixTime,
}

impl Copied {
    pub(super) fn shown(&self) -> PeerCertificate<'_> {
        PeerCertificate {
            certificate: &self.certificate,
            path_ends: self.path_ends,
        }
    }
}

/// A certificate that was refused in a handshake, as observers may see it: what it says of itself, and nothing that is
/// proved.
///
/// A type of its own, so that nobody takes it for a [`PeerCertificate`].
///
/// ```
/// use countersign::identity::PeerChain;
/// use countersign::observe::ClaimedCertificate;
/// use countersign::testing::TestCa;
///
/// let chain = PeerChain::parse(TestCa::new("Other Root").client("spiffe://pay.example/acme").issue().chain())?;
/// let claimed = ClaimedCertificate::of(chain.leaf());
/// assert_eq!(claimed.names().first().map(ToString::to_string).as_deref(), Some("URI:spiffe://pay.example/acme"));
/// # Ok::<(), countersign::identity::Malformed>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClaimedCertificate<'a>(&'a Certificate);

impl<'a> ClaimedCertificate<'a> {
    /// Of this one.
    pub fn of(certificate: &'a Certificate) -> Self {
        Self(certificate)
    }

    /// To be told of later.
    pub(super) fn copied(self) -> Certificate {
        self.0.clone()
    }

    /// The hash of the public key in it.
    pub fn spki(&self) -> SpkiHash {
        self.0.spki()
    }

    /// The names in it, each with its type.
    pub fn names(&self) -> &'a [Name] {
        self.0.names()
    }

    /// `notBefore` to `notAfter`, as it stands there.
    pub fn validity(&self) -> Validity {
        self.0.validity()
    }
}

impl fmt::Debug for ClaimedCertificate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

use std::collections::HashSet;

use super::{Evidence, Presented, Untrusted, VerifyPeer};
use crate::identity::{Certificate, SerialNumber, SpkiHash, Validity};

/// Certificates and keys that are refused whatever anybody says: revocation at once, without a CRL.
///
/// Join it behind a verifier: `PrivateCa.and(DenyList)`, in a [`Live`](crate::live::Live) so that it can grow while
/// connections are open. It trusts nobody by itself.
///
/// # Security
/// It goes by what the authority has signed and nobody else can change: the key, and issuer with serial number. The hash
/// of a whole certificate is no such thing, and is not offered: in an ECDSA signature *s* can be replaced by *n - s*, and
/// the same certificate, as good as before, has another hash. From a fingerprint, find the certificate, and
/// [deny that](Self::certificate).
///
/// ```
/// use countersign::identity::PeerChain;
/// # use countersign::testing::{NOW, TestCa};
/// use countersign::trust::{DenyList, PinSet, Role, VerifiedPeer, VerifyPeer};
///
/// # let chain = PeerChain::parse(TestCa::new("Acme Root").client("spiffe://acme.example/tenant/acme").issue().chain())?;
/// let pinned = PinSet::new([chain.leaf().spki()]);
/// let stolen = DenyList::new().key(chain.leaf().spki());
/// let refused = VerifiedPeer::verify(&pinned.and(stolen), chain, Role::Client, NOW).err();
/// assert_eq!(refused.map(|why| why.code()), Some("trust.on_deny_list"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DenyList {
    /// Issuer, DER with its outer SEQUENCE, and serial number.
    serials: HashSet<(Box<[u8]>, SerialNumber)>,
    keys: HashSet<SpkiHash>,
}

impl DenyList {
    /// Denies nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Denies the leaf with this serial number from this issuer ([`Certificate::issuer`]).
    #[must_use]
    pub fn serial(mut self, issuer: &[u8], serial: SerialNumber) -> Self {
        self.serials.insert((issuer.into(), serial));
        self
    }

    /// Denies this leaf by issuer and serial number.
    #[must_use]
    pub fn certificate(self, certificate: &Certificate) -> Self {
        let serial = certificate.serial().clone();
        self.serial(certificate.issuer(), serial)
    }

    /// Denies this key: in the leaf, in an issuer on the verified path, in the anchor.
    #[must_use]
    pub fn key(mut self, spki: SpkiHash) -> Self {
        self.keys.insert(spki);
        self
    }

    fn denies(&self, peer: &Presented<'_>) -> bool {
        let leaf = peer.chain.leaf();
        let key = |spki: &SpkiHash| self.keys.contains(spki);
        let on_path = peer
            .found
            .is_some_and(|found| found.issuers.iter().chain(&found.anchor).any(key));
        let serial = || {
            self.serials
                .contains(&(leaf.issuer().into(), leaf.serial().clone()))
        };
        key(&leaf.spki()) || on_path || (!self.serials.is_empty() && serial())
    }
}

impl VerifyPeer for DenyList {
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        // Not to be on a list is no reason to be trusted.
        if peer.found.is_none() {
            return Err(Untrusted::NothingBefore);
        }
        if self.denies(peer) {
            return Err(Untrusted::OnDenyList);
        }
        Ok(Evidence::new(Validity::ALWAYS))
    }
}

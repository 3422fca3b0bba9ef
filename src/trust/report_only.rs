use rustls_pki_types::UnixTime;

use super::{Evidence, Presented, Untrusted, VerifiedPeer, VerifyPeer};
use crate::expiry::Expiries;
use crate::identity::{ChainLimits, Validity};

/// A dry run of a verifier, which lets the peer in whatever it says: what it would have refused stands in
/// [`Evidence::reported`]. To try pins or a profile out before they count.
///
/// Only behind a verifier that does count, as in `PrivateCa.and(ReportOnly::new(pins))`. Alone it trusts nobody.
///
/// ```
/// use countersign::identity::{PeerChain, SpkiHash};
/// # use countersign::testing::{NOW, TestCa};
/// use countersign::trust::{PinSet, ReportOnly, Role, VerifiedPeer, VerifyPeer};
///
/// # let chain = PeerChain::parse(TestCa::new("Acme Root").client("spiffe://acme.example/tenant/acme").issue().chain())?;
/// let trusted = PinSet::new([chain.leaf().spki()]);
/// let tried = ReportOnly::new(PinSet::new([SpkiHash::of(b"another key")]));
/// let peer = VerifiedPeer::verify(&trusted.and(tried), chain, Role::Client, NOW)?;
/// assert!(peer.evidence().reported.is_some(), "let through, and told of");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ReportOnly<V> {
    inner: V,
}

impl<V: VerifyPeer> ReportOnly<V> {
    /// Reports what this verifier would refuse.
    pub fn new(inner: V) -> Self {
        Self { inner }
    }
}

impl<V: VerifyPeer> VerifyPeer for ReportOnly<V> {
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        if peer.found.is_none() {
            return Err(Untrusted::NothingBefore);
        }
        Ok(match self.inner.verify_peer(peer) {
            // What it would demand is not demanded yet.
            Ok(evidence) => Evidence {
                valid: Validity::ALWAYS,
                shared_authority: false,
                second_checks: Vec::new(),
                ..evidence
            },
            Err(untrusted) => Evidence {
                reported: Some(Box::new(untrusted)),
                ..Evidence::new(Validity::ALWAYS)
            },
        })
    }

    fn generation(&self) -> u64 {
        self.inner.generation()
    }

    fn limits(&self) -> ChainLimits {
        self.inner.limits()
    }

    fn confirm(&self, peer: &VerifiedPeer, now: UnixTime) {
        self.inner.confirm(peer, now);
    }

    fn expiries(&self, found: &mut Expiries) {
        self.inner.expiries(found);
    }
}

use std::time::Duration;

use rustls_pki_types::UnixTime;

use super::{Evidence, Presented, Untrusted, VerifiedPeer, VerifyPeer, check_validity};
use crate::expiry::Expiries;
use crate::identity::{ChainLimits, Validity};

/// A dry run of a verifier, which lets the peer in whatever it says: what it would have refused stands in
/// [`Evidence::reported`]. To try pins or a profile out before they count.
///
/// It is tried again when time has changed the answer: a pin was retired, a list has run out.
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
        let verdict = peer.dry_run(|peer| self.inner.verify_peer(peer));
        // As whoever makes the proof asks, once it counts.
        let holds = |evidence: Evidence| check_validity(evidence.valid, peer.now).map(|()| evidence);
        Ok(match verdict.and_then(holds) {
            // What it would demand is not demanded yet.
            Ok(evidence) => Evidence {
                valid: Validity::ALWAYS,
                issuers_valid: Validity::ALWAYS,
                settled: evidence.valid.intersect(evidence.settled),
                shared_authority: false,
                second_checks: Vec::new(),
                ..evidence
            },
            Err(untrusted) => Evidence {
                settled: until_it_is_mended(&untrusted),
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

/// For how long it would be refused: what begins later, time mends.
fn until_it_is_mended(untrusted: &Untrusted) -> Validity {
    let begins = match untrusted {
        Untrusted::NotYetValid { not_before, .. } => *not_before,
        Untrusted::CrlFromTheFuture { this_update, .. } => *this_update,
        _ => return Validity::ALWAYS,
    };
    let last = Duration::from_secs(begins.as_secs().saturating_sub(1));
    Validity::new(Validity::ALWAYS.not_before, UnixTime::since_unix_epoch(last))
}

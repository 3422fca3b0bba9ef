use std::sync::Arc;

use rustls_pki_types::UnixTime;
use webpki::EndEntityCert;

use super::{Evidence, Presented, Role, Untrusted, VerifyPeer, check_validity};
use crate::identity::{Certificate, PeerChain};

/// A peer that a [`VerifyPeer`] found trusted. Proof: only [`VerifiedPeer::verify`] makes one.
///
/// ```
/// use countersign::identity::PeerChain;
/// # use countersign::testing::{NOW, TestCa};
/// use countersign::trust::{PrivateCa, Role, Untrusted, VerifiedPeer};
///
/// # let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
/// # let ca = TestCa::new("Acme Root");
/// let trust = PrivateCa::from_pem(ca.pem().as_bytes(), algorithms, NOW)?;
/// let of = |ca: &TestCa| {
///     PeerChain::parse(ca.client("spiffe://acme.example/tenant/acme").issue().chain())
/// };
/// let peer = VerifiedPeer::verify(&trust, of(&ca)?, Role::Client, NOW)?;
/// assert_eq!(peer.leaf().names().len(), 1);
/// let other = VerifiedPeer::verify(&trust, of(&TestCa::new("Other Root"))?, Role::Client, NOW);
/// assert_eq!(other.err(), Some(Untrusted::UnknownIssuer));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct VerifiedPeer(Arc<Verified>);

#[derive(Debug)]
struct Verified {
    chain: PeerChain,
    evidence: Evidence,
}

impl VerifiedPeer {
    /// Asks `trust` about a chain that `role` presents at `now`.
    ///
    /// Possession of the leaf's private key is *not* proved by this: the TLS handshake proves it, or whoever hands
    /// the chain on answers for it.
    ///
    /// # Errors
    /// What `trust` answers; [`Untrusted::Expired`] or [`Untrusted::NotYetValid`] where its own evidence does not
    /// hold at `now`.
    pub fn verify(
        trust: &dyn VerifyPeer,
        chain: PeerChain,
        role: Role<'_>,
        now: UnixTime,
    ) -> Result<Self, Untrusted> {
        Self::verify_read(trust, chain, None, role, now, drop)
    }

    /// [`verify`](Self::verify), with the leaf as webpki reads it, where that is known already. A chain that is refused is
    /// `left` to whoever wants to say what it was.
    pub(crate) fn verify_read(
        trust: &dyn VerifyPeer,
        chain: PeerChain,
        end_entity: Option<&EndEntityCert<'_>>,
        role: Role<'_>,
        now: UnixTime,
        left: impl FnOnce(PeerChain),
    ) -> Result<Self, Untrusted> {
        let presented = Presented {
            end_entity,
            ..Presented::first(&chain, role, now)
        };
        let evidence = trust.verify_peer(&presented);
        match evidence.and_then(|evidence| check_validity(evidence.valid, now).map(|()| evidence)) {
            Ok(evidence) => Ok(Self(Arc::new(Verified { chain, evidence }))),
            Err(untrusted) => {
                left(chain);
                Err(untrusted)
            }
        }
    }

    /// The certificate whose key the peer holds.
    pub fn leaf(&self) -> &Certificate {
        self.0.chain.leaf()
    }

    /// The chain as it was presented.
    pub fn chain(&self) -> &PeerChain {
        &self.0.chain
    }

    /// What made it trusted.
    pub fn evidence(&self) -> &Evidence {
        &self.0.evidence
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::testing::{NOW, TestCa};
    use crate::trust::PrivateCa;

    /// What was read of another certificate says nothing of the one that is asked about.
    #[test]
    fn a_leaf_that_was_read_counts_for_itself_alone() {
        let (own, other) = (TestCa::new("Own"), TestCa::new("Other"));
        let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
        let trust = PrivateCa::from_pem(own.pem().as_bytes(), algorithms.all, NOW).unwrap();
        let [good, bad] = [&own, &other].map(|ca| ca.client("acme.example").issue().chain());
        for (read, chain, expected) in [
            (&good, &good, Ok(())),
            (&good, &bad, Err(Untrusted::UnknownIssuer)),
            (&bad, &good, Ok(())),
            (&bad, &bad, Err(Untrusted::UnknownIssuer)),
        ] {
            let leaf = EndEntityCert::try_from(&read[0]).unwrap();
            let chain = PeerChain::parse(chain.clone()).unwrap();
            let answer = VerifiedPeer::verify_read(&trust, chain, Some(&leaf), Role::Client, NOW, drop);
            assert_eq!(answer.map(drop), expected);
        }
    }
}

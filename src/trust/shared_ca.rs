use rustls_pki_types::UnixTime;

use super::invalid_ca::{InvalidCa, Problem};
use super::{Evidence, ExpectedPeers, Presented, PrivateCa, Untrusted, VerifiedPeer, VerifyPeer};
use crate::expiry::Expiries;
use crate::identity::ChainLimits;

/// Trust in exactly named, or pinned, holders of certificates from a private authority that issues to others as well: a
/// payment provider's, which also signs its customers' certificates, or that of a whole industry.
///
/// A [`PrivateCa`] cannot know whom its authorities issue to. Where that is not for you alone to say, it belongs in here:
/// as below a [`PublicCa`](super::PublicCa), "signed by it" says nothing about who has called.
///
/// ```
/// # use countersign::testing::TestCa;
/// # use countersign::identity::{Name, PeerChain};
/// use countersign::trust::{ExpectedPeers, PrivateCa, Role, SharedCa, Untrusted, VerifiedPeer};
///
/// # let provider = TestCa::new("Payment Provider CA");
/// # let ca_pem = provider.pem();
/// # let customer = provider.client("spiffe://psp.example/customer/mallory").issue().chain();
/// # let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
/// # let now = rustls::pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_790_000_000));
/// let ca = PrivateCa::from_pem(ca_pem.as_bytes(), algorithms, now)?;
/// let trust = SharedCa::new(ca, ExpectedPeers::names([Name::Dns("webhooks.psp.example".into())]))?;
/// let refused = VerifiedPeer::verify(&trust, PeerChain::parse(customer)?, Role::Client, now);
/// assert_eq!(refused.map(|_| ()), Err(Untrusted::UnexpectedName));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SharedCa {
    authorities: PrivateCa,
    expected: ExpectedPeers,
}

impl SharedCa {
    /// These authorities, and who of their customers may call.
    ///
    /// # Errors
    /// [`InvalidCa`] where nobody is named.
    pub fn new(authorities: PrivateCa, expected: ExpectedPeers) -> Result<Self, InvalidCa> {
        if expected.is_nobody() {
            return Err(InvalidCa {
                source_name: "shared authorities".to_owned(),
                problem: Problem::NoSharedNames,
            });
        }
        Ok(Self {
            authorities,
            expected,
        })
    }
}

impl VerifyPeer for SharedCa {
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        let path = self.authorities.verify_peer(peer)?;
        self.expected.check(peer, path)
    }

    fn limits(&self) -> ChainLimits {
        self.authorities.limits()
    }

    fn confirm(&self, peer: &VerifiedPeer, now: UnixTime) {
        self.authorities.confirm(peer, now);
        self.expected.confirm(peer, now);
    }

    fn expiries(&self, found: &mut Expiries) {
        self.authorities.expiries(found);
        self.expected.expiries(found);
    }
}

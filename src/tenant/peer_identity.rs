use std::sync::Arc;

use super::rule::{hosts_among, written};
use crate::identity::{Name, SpkiHash};
use crate::trust::VerifiedPeer;

/// All that rules look at in a verified peer: what a [`TenantSource`](super::TenantSource) is asked by, and nothing else of
/// the certificate. Two peers of whom all of it is the same are the same to it. Cheap to clone.
///
/// ```
/// use countersign::identity::PeerChain;
/// use countersign::tenant::PeerIdentity;
/// # use countersign::testing::{NOW, TestCa};
/// use countersign::trust::{PinSet, Role, VerifiedPeer};
///
/// # let issued = TestCa::new("Acme Root").client("spiffe://acme.example/tenant/acme").issue();
/// let chain = PeerChain::parse(issued.chain())?;
/// let trust = PinSet::new([chain.leaf().spki()]);
/// let peer = VerifiedPeer::verify(&trust, chain, Role::Client, NOW)?;
/// let identity = PeerIdentity::of(&peer);
/// let pin = format!("pin {}", identity.spki());
/// assert_eq!(identity.written(), ["URI:spiffe://acme.example/tenant/acme".to_owned(), pin]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PeerIdentity(Arc<Shown>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Shown {
    names: Box<[Name]>,
    spki: SpkiHash,
    issuers: Box<[SpkiHash]>,
}

impl PeerIdentity {
    /// What this peer shows, and who has issued it on the path that was verified.
    pub fn of(peer: &VerifiedPeer) -> Self {
        let (leaf, evidence) = (peer.leaf(), peer.evidence());
        Self(Arc::new(Shown {
            names: leaf.names().into(),
            spki: leaf.spki(),
            issuers: evidence.issuers.iter().copied().chain(evidence.anchor).collect(),
        }))
    }

    /// The names of the leaf.
    pub fn names(&self) -> &[Name] {
        &self.0.names
    }

    /// The key of the leaf.
    pub fn spki(&self) -> SpkiHash {
        self.0.spki
    }

    /// The keys of the authorities on the path that was verified, the anchor's last.
    pub fn issuers(&self) -> &[SpkiHash] {
        &self.0.issuers
    }

    /// All that a [`Rule`](super::Rule) may begin with to speak about it, [as that is written](super::Rule#impl-FromStr-for-Rule):
    /// `URI:spiffe://..`, `DNS:..`, `host ..`, `pin sha256/..`, `issuer sha256/..`. To be looked up in one query. DNS names and
    /// hosts are in lower case.
    pub fn written(&self) -> Vec<String> {
        let hosts = hosts_among(self.names()).map(|host| format!("host {host}"));
        let issuers = self.issuers().iter().map(|spki| format!("issuer {spki}"));
        let names = self.names().iter().map(written);
        let pin = std::iter::once(format!("pin {}", self.spki()));
        names.chain(hosts).chain(pin).chain(issuers).collect()
    }
}

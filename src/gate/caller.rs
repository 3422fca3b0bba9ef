//! The caller of a connection: who it is, whether it is trusted, and whose it is.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

#[cfg(feature = "forwarded")]
use rustls_pki_types::CertificateDer;
use rustls_pki_types::UnixTime;

use crate::expiry::{Expires, Expiries};
use crate::identity::PeerChain;
use crate::refusal::Refusal;
use crate::tenant::{ResolveTenant, Resolved, TenantId};
#[cfg(feature = "forwarded")]
use crate::trust::Recall;
use crate::trust::{Remembered, Role, VerifiedPeer, VerifyPeer};

/// A client certificate policy: whom to trust, and whose tenant they are. Cheap to clone; clones share it.
///
/// ```
/// use countersign::gate::{Caller, Policy};
/// use countersign::identity::PeerChain;
/// use countersign::refusal::Refusal;
/// use countersign::tenant::{NoTenant, TenantTable};
/// # use countersign::testing::{NOW, TestCa};
/// use countersign::trust::PrivateCa;
///
/// # let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
/// # let ca = TestCa::new("Acme Root");
/// let trust = PrivateCa::from_pem(ca.pem().as_bytes(), algorithms, NOW)?;
/// let tenants = TenantTable::builder()
///     .uri("spiffe://acme.example/tenant/{tenant}")
///     .known(["acme"])
///     .build()?;
/// let policy = Policy::new(trust, tenants);
///
/// let shown = |id: &str| PeerChain::parse(ca.client(id).issue().chain());
/// let caller = Caller::identify(&policy, shown("spiffe://acme.example/tenant/acme")?, NOW)?;
/// assert_eq!(caller.tenant().as_str(), "acme");
/// let stranger = Caller::identify(&policy, shown("spiffe://else.example/tenant/acme")?, NOW);
/// assert_eq!(stranger.err(), Some(Refusal::NoTenant(NoTenant::NoRule)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Policy(Arc<Questions>);

#[derive(Debug)]
struct Questions {
    trust: Arc<dyn VerifyPeer>,
    tenants: Arc<dyn ResolveTenant>,
}

impl Policy {
    /// Callers that `trust` trusts and `tenants` knows. Peers that it has verified are
    /// [`Remembered`].
    pub fn new(trust: impl VerifyPeer + 'static, tenants: impl ResolveTenant + 'static) -> Self {
        Self(Arc::new(Questions {
            trust: Arc::new(Remembered::new(trust)),
            tenants: Arc::new(tenants),
        }))
    }

    /// Whom it trusts: what the handshake is to be verified by.
    pub fn trust(&self) -> Arc<dyn VerifyPeer> {
        Arc::clone(&self.0.trust)
    }

    /// Whether `other` is a clone of this one, and so gives the same answers.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Changes whenever an answer may have changed for another reason than time.
    pub fn generation(&self) -> u64 {
        self.0.trust.generation().max(self.0.tenants.generation())
    }
}

/// What its trust rests on, as it is at this moment.
impl Expires for Policy {
    fn expiries(&self, found: &mut Expiries) {
        self.0.trust.expiries(found);
    }
}

/// A trusted peer, and whose it is. Proof: only [`Caller::identify`] makes one, and `forwarded::Forwarded::identify`, whose
/// callers say [so](Caller::provenance).
///
/// ```
/// use countersign::gate::{Caller, Policy};
/// use countersign::identity::PeerChain;
/// use countersign::tenant::{TenantId, TenantTable};
/// # use countersign::testing::{NOW, TestCa};
/// # use countersign::trust::PinSet;
///
/// # let own = TestCa::new("Acme Root").client("spiffe://acme.example/tenant/acme").issue();
/// # let pin = countersign::identity::SpkiHash::of(&own.spki_der());
/// # let policy = Policy::new(PinSet::new([pin]), TenantTable::builder().pin(TenantId::parse("acme")?, pin).build()?);
/// let caller = Caller::identify(&policy, PeerChain::parse(own.chain())?, NOW)?;
/// assert_eq!(caller.tenant().as_str(), "acme");
/// assert_eq!(caller.rule(), format!("pin {pin}"), "for the operator who asks why");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Cheap to clone: each request has one, and clones are the same.
#[derive(Clone)]
pub struct Caller {
    known: Arc<Known>,
}

struct Known {
    peer: VerifiedPeer,
    resolved: Resolved,
    policy: Policy,
    provenance: Provenance,
}

/// The witness of a caller's proof of its key: our own handshake, or a hop.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Provenance {
    /// We did, in the handshake of this very connection: mutual TLS end to end.
    Handshake,
    /// A hop in front of us, which has handed the certificate on.
    Forwarded(ForwardedBy),
}

/// A hop that was trusted to speak for others, and by what it was known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForwardedBy {
    /// Its own client certificate: mutual TLS on the connection from it.
    Certificate(TenantId),
    /// Its signature over the fields.
    Signature(TenantId),
    /// The Unix socket that it connected to.
    UnixSocket,
    /// Its address, and nothing else.
    Address(IpAddr),
}

impl Caller {
    /// Who is it, do we trust it, whose is it?
    ///
    /// Possession of the leaf's key is not proved by this: `chain` is to be that of a completed handshake.
    ///
    /// # Errors
    /// [`Refusal::Untrusted`] or [`Refusal::NoTenant`]. Where tenants live elsewhere, the refusal may bear a
    /// [ticket](Refusal::ticket): it is not known *yet* whose the peer is, which is an outage and never "nobody's".
    pub fn identify(policy: &Policy, chain: PeerChain, now: UnixTime) -> Result<Self, Refusal> {
        let peer = VerifiedPeer::verify(&policy.0.trust, chain, Role::Client, now)?;
        Self::of(policy, peer, Provenance::Handshake)
    }

    /// The same of certificates that a trusted hop has handed on: verified here like any other, and remembered like any
    /// other.
    #[cfg(feature = "forwarded")]
    pub(crate) fn identify_forwarded(
        policy: &Policy,
        certificates: &[CertificateDer<'static>],
        by: ForwardedBy,
        now: UnixTime,
    ) -> Result<Self, Refusal> {
        let trust = &policy.0.trust;
        // Before anything is decided: a change that happens meanwhile makes what is kept useless, not wrong.
        let recall = trust.memory();
        let remembered = |recall: &Recall| recall.forwarded(certificates.iter(), now);
        let (peer, is_to_be_counted) = match recall.as_ref().and_then(remembered) {
            Some(known) => known,
            None => {
                let chain = PeerChain::parse_within(trust.limits(), certificates.iter().cloned())?;
                let peer = VerifiedPeer::verify(trust, chain, Role::Client, now)?;
                if let Some(recall) = recall {
                    recall.keep_forwarded(peer.clone(), now);
                }
                (peer, true)
            }
        };
        // Also of a client that is known: what it uses must not seem unused while it comes.
        if is_to_be_counted {
            trust.confirm(&peer, now);
        }
        Self::of(policy, peer, Provenance::Forwarded(by))
    }

    fn of(policy: &Policy, peer: VerifiedPeer, provenance: Provenance) -> Result<Self, Refusal> {
        let resolved = policy.0.tenants.resolve_tenant(&peer)?;
        let known = Arc::new(Known {
            peer,
            resolved,
            policy: policy.clone(),
            provenance,
        });
        Ok(Self { known })
    }

    /// The tenant whose certificate it is.
    pub fn tenant(&self) -> &TenantId {
        &self.known.resolved.tenant
    }

    /// The rule that said so.
    pub fn rule(&self) -> &str {
        &self.known.resolved.rule
    }

    /// The peer, with the evidence that made it trusted.
    pub fn peer(&self) -> &VerifiedPeer {
        &self.known.peer
    }

    /// Who saw it prove that it holds its key: we, or a hop in front of us.
    pub fn provenance(&self) -> &Provenance {
        &self.known.provenance
    }

    /// Whether it is to be asked for again, since what a [`TenantCache`](crate::tenant::TenantCache) said of its tenant counts
    /// no longer. Layers look at it by themselves; who keeps a `Caller` for a connection of his own does so for each request.
    pub fn is_over(&self) -> bool {
        self.known.resolved.is_over()
    }

    /// Whether it is this policy that knows it.
    pub fn is_known_to(&self, policy: &Policy) -> bool {
        self.known.policy.is_same(policy)
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("peer", &self.known.peer)
            .field("resolved", &self.known.resolved)
            .field("provenance", &self.known.provenance)
            .finish_non_exhaustive()
    }
}

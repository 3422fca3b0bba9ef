//! Mutual TLS and payload signatures joined: the five questions on one screen.
//!
//! ```text
//! PeerChain --verify--> VerifiedPeer --resolve--> Caller -----------\
//! (claims)              (trusted)                 (+ tenant)         >--bind--> Countersigned
//! Message  --verify--> Authentic ---------claim--> Fresh ------------/
//! (bytes)              (signed)                    (once)
//! ```
//!
//! A handler that takes a [`Countersigned`] cannot be reached without all five answers: [`Countersigned::bind`] is its
//! only mint, and this does not compile:
//!
//! ```compile_fail,E0451
//! fn shortcut(caller: countersign::gate::Caller, fresh: countersign::payload::Fresh) {
//!     let _ = countersign::gate::Countersigned { caller, fresh };
//! }
//! ```
//!
//! Nor does a shortcut to a [`Caller`]:
//!
//! ```compile_fail,E0451
//! fn shortcut(peer: countersign::trust::VerifiedPeer, resolved: countersign::tenant::Resolved) {
//!     let _ = countersign::gate::Caller { peer, resolved, ..todo!() };
//! }
//! ```

mod recognized;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

#[cfg(feature = "forwarded")]
use rustls_pki_types::CertificateDer;
use rustls_pki_types::UnixTime;

use crate::identity::PeerChain;
use crate::payload::{
    Authentic, Bindings, ClientCertificate, Fresh, Head, Message, VerifyBody, VerifyPayload,
};
use crate::refusal::Refusal;
use crate::replay::{ClaimAnswer, Claimed, ReplayStore, Replayed, StoreDown, Terms};
use crate::tenant::{ResolveTenant, Resolved, TenantId};
#[cfg(feature = "forwarded")]
use crate::trust::Fingerprint;
use crate::trust::{Remembered, Role, VerifiedPeer, VerifyPeer};
use recognized::{Shown, second_checked};

pub use recognized::RecognizedCaller;

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
/// let tenants = TenantTable::builder().uri("spiffe://pay.example/tenant/{tenant}").known(["acme"]).build()?;
/// let policy = Policy::new(trust, tenants);
///
/// let shown = |id: &str| PeerChain::parse(ca.client(id).issue().chain());
/// let caller = Caller::identify(&policy, shown("spiffe://pay.example/tenant/acme")?, NOW)?;
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
/// # let own = TestCa::new("Acme Root").client("spiffe://pay.example/tenant/acme").issue();
/// # let pin = countersign::identity::SpkiHash::of(&own.spki_der());
/// # let policy = Policy::new(PinSet::new([pin]), TenantTable::builder().pin(TenantId::parse("acme")?, pin).build()?);
/// let caller = Caller::identify(&policy, PeerChain::parse(own.chain())?, NOW)?;
/// assert_eq!(caller.tenant().as_str(), "acme");
/// assert_eq!(caller.rule(), format!("pin {pin}"), "for the operator who asks why");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Caller {
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
    /// [`Refusal::Untrusted`] or [`Refusal::NoTenant`].
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
        let fingerprint = Fingerprint::of(Role::Client, certificates.iter());
        let known = recall.as_ref().and_then(|recall| recall.peer(&fingerprint, now));
        let peer = match known {
            Some(known) => known,
            None => {
                let chain = PeerChain::parse_within(trust.limits(), certificates.iter().cloned())?;
                let peer = VerifiedPeer::verify(trust, chain, Role::Client, now)?;
                trust.confirm(&peer, now);
                if let Some(recall) = recall {
                    recall.keep_forwarded(fingerprint, peer.clone());
                }
                peer
            }
        };
        Self::of(policy, peer, Provenance::Forwarded(by))
    }

    fn of(policy: &Policy, peer: VerifiedPeer, provenance: Provenance) -> Result<Self, Refusal> {
        let resolved = policy.0.tenants.resolve_tenant(&peer)?;
        Ok(Self {
            peer,
            resolved,
            policy: policy.clone(),
            provenance,
        })
    }

    /// Whose it is.
    pub fn tenant(&self) -> &TenantId {
        &self.resolved.tenant
    }

    /// The rule that said so.
    pub fn rule(&self) -> &str {
        &self.resolved.rule
    }

    /// The peer, with the evidence that made it trusted.
    pub fn peer(&self) -> &VerifiedPeer {
        &self.peer
    }

    /// Who saw it prove that it holds its key: we, or a hop in front of us.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Whether it is this policy that knows it.
    pub fn is_known_to(&self, policy: &Policy) -> bool {
        self.policy.is_same(policy)
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("peer", &self.peer)
            .field("resolved", &self.resolved)
            .field("provenance", &self.provenance)
            .finish_non_exhaustive()
    }
}

/// Verification of a payload (**did they say this?**), for the tenant that the connection proved, if it did.
///
/// # Errors
/// [`Refusal::NotAuthentic`]; [`Refusal::TenantMismatch`] where the payload is another tenant's; [`Refusal::SecondCheck`] where the
/// caller's certificate demands another proof beside it. Compared *before* anything is claimed, so that nobody can use up the
/// deliveries of another.
pub fn verify<'m>(
    verifier: &dyn VerifyPayload,
    message: Message<'m>,
    caller: Option<&'m Caller>,
) -> Result<Authentic<'m>, Refusal> {
    let Some(caller) = caller else {
        return Ok(verifier.verify_payload(&message)?);
    };
    let certificate = ClientCertificate::of_der(caller.peer().leaf().der());
    let message = message.from_sender(caller.tenant()).with_certificate(certificate);
    compared(Some(caller), verifier.verify_payload(&message)?)
}

/// The beginning of a payload's verification, while its body is still to come. `None`, where it has to be there whole: then
/// [`verify`] is to be asked.
///
/// # Errors
/// [`Refusal::NotAuthentic`] for whatever the head alone tells.
pub fn begin<'m>(
    verifier: &dyn VerifyPayload,
    head: Head<'m>,
    caller: Option<&'m Caller>,
    limit: usize,
) -> Result<Option<Begun<'m>>, Refusal> {
    let mut head = head;
    if let Some(caller) = caller {
        head.certificate = Some(ClientCertificate::of_der(caller.peer().leaf().der()));
        head.sender = Some(caller.tenant());
    }
    let body = verifier.begin_payload(&head, limit)?;
    Ok(body.map(|body| Begun { body, caller }))
}

/// A verification whose body is still arriving, with the caller that its answer is compared with.
///
/// It carries the caller from [`begin`], so that nobody can finish it without, or with another:
///
/// ```compile_fail,E0616
/// fn shortcut<'m>(begun: countersign::gate::Begun<'m>) {
///     let _ = begun.body.finish();
/// }
/// ```
#[derive(Debug)]
#[must_use = "nothing is verified before `finish`"]
pub struct Begun<'m> {
    body: Box<dyn VerifyBody<'m> + 'm>,
    caller: Option<&'m Caller>,
}

impl<'m> Begun<'m> {
    /// Takes the next piece of the body.
    ///
    /// # Errors
    /// [`Refusal::NotAuthentic`] where it grows beyond the limit.
    pub fn update(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        Ok(self.body.update(piece)?)
    }

    /// The answer, now that the body is whole.
    ///
    /// # Errors
    /// As for [`verify`].
    pub fn finish(self) -> Result<Authentic<'m>, Refusal> {
        let authentic = self.body.finish()?;
        compared(self.caller, authentic)
    }
}

/// What was signed is the caller's, where there is one.
fn compared<'m>(caller: Option<&Caller>, authentic: Authentic<'m>) -> Result<Authentic<'m>, Refusal> {
    if let Some(caller) = caller {
        same_tenant(caller.tenant(), authentic.sender())?;
        second_checked(caller, Shown::Signed(authentic.scheme()))?;
    }
    Ok(authentic)
}

/// Is it fresh? Claims the delivery; the claim is the caller's to commit or to release.
///
/// # Errors
/// [`Refusal::Replayed`], or [`Refusal::StoreDown`] where nobody can tell.
pub async fn claim(
    store: &dyn ReplayStore,
    authentic: Authentic<'_>,
    terms: Terms,
    now: UnixTime,
) -> Result<(Fresh, Claimed), Refusal> {
    match store.claim(&authentic.claim(now, terms)).await? {
        ClaimAnswer::Granted(claimed) => match authentic.settle(&claimed) {
            Ok(fresh) => Ok((fresh, claimed)),
            Err(_) => Err(confused_store()),
        },
        ClaimAnswer::Handled => Err(Replayed::Handled.into()),
        ClaimAnswer::InProgress { left } => Err(Replayed::InProgress { left }.into()),
    }
}

/// Nothing speaks against the message: the sender is to try again.
fn confused_store() -> Refusal {
    let reason = "it granted the claim of another delivery".to_owned();
    StoreDown::Unavailable { reason }.into()
}

/// A webhook that was signed twice, by connection and payload, in the name of one tenant, and is new.
/// Proof: only [`Countersigned::bind`] makes one.
///
/// ```
/// use countersign::UnixTime;
/// use countersign::gate::{self, Caller, Countersigned, Policy};
/// use countersign::identity::PeerChain;
/// use countersign::payload::{HmacSigner, HmacVerifier, Keyring, Message, Outgoing, Scheme, Secret, SignPayload as _};
/// use countersign::replay::{MemoryStore, Terms};
/// use countersign::tenant::{TenantId, TenantTable};
/// # use countersign::testing::{NOW, TestCa};
/// # use countersign::trust::PinSet;
/// # use http::{Method, Uri};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let acme = TenantId::parse("acme")?;
/// # let own = TestCa::new("Acme Root").client("spiffe://pay.example/tenant/acme").issue();
/// # let (chain, pin) = (PeerChain::parse(own.chain())?, countersign::identity::SpkiHash::of(&own.spki_der()));
/// # let policy = Policy::new(PinSet::new([pin]), TenantTable::builder().pin(acme.clone(), pin).build()?);
/// # let scheme = Scheme::standard_webhooks();
/// # let secret = Secret::new("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
/// # let keys = Keyring::builder(&scheme).key(acme.clone(), "2026", secret).build()?;
/// # let headers = HmacSigner::new(scheme.clone(), keys.clone()).sign_payload(&Outgoing::new(&acme, "delivery-1", b"{}", NOW))?;
/// # let (verifier, store, method, uri) = (HmacVerifier::new(scheme, keys), MemoryStore::default(), Method::POST, Uri::from_static("/"));
/// // What the layers do, by hand: the connection, the payload, the claim, and both together.
/// let caller = Caller::identify(&policy, chain, NOW)?;
/// let authentic = gate::verify(&verifier, Message::new(&method, &uri, &headers, b"{}", NOW), Some(&caller))?;
/// let (fresh, claimed) = gate::claim(&store, authentic, Terms::default(), NOW).await?;
/// let proof = Countersigned::bind(caller, fresh)?;
/// assert_eq!(proof.tenant().as_str(), "acme");
/// # drop(claimed);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Countersigned {
    caller: Caller,
    fresh: Fresh,
}

impl Countersigned {
    /// Both signatures name the same tenant.
    ///
    /// # Errors
    /// [`Refusal::TenantMismatch`]; [`Refusal::SecondCheck`] where the caller's certificate demands another proof beside it.
    pub fn bind(caller: Caller, fresh: Fresh) -> Result<Self, Refusal> {
        same_tenant(caller.tenant(), fresh.sender())?;
        second_checked(&caller, Shown::Signed(fresh.scheme()))?;
        Ok(Self { caller, fresh })
    }

    /// Whose it is, by both signatures.
    pub fn tenant(&self) -> &TenantId {
        self.caller.tenant()
    }

    /// The connection's half.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Who saw the caller prove that it holds its certificate's key: we, or a hop in front of us.
    pub fn provenance(&self) -> &Provenance {
        self.caller.provenance()
    }

    /// What the payload's signature was found bound to: the certificate of this connection, for one.
    pub fn bindings(&self) -> Bindings {
        self.fresh.bindings()
    }

    /// The payload's half.
    pub fn payload(&self) -> &Fresh {
        &self.fresh
    }
}

fn same_tenant(connection: &TenantId, payload: &TenantId) -> Result<(), Refusal> {
    if connection == payload {
        return Ok(());
    }
    Err(Refusal::TenantMismatch {
        connection: connection.clone(),
        payload: payload.clone(),
    })
}

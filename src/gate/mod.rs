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
//! use countersign::gate::Caller;
//!
//! fn shortcut(another: Caller) -> Caller {
//!     let Caller { known } = another;
//!     Caller { known }
//! }
//! ```

mod caller;
mod recognized;

use rustls_pki_types::UnixTime;

use crate::payload::{
    Authentic, Bindings, ClientCertificate, Fresh, Head, Message, VerifyBody, VerifyPayload,
};
use crate::refusal::Refusal;
use crate::replay::{ClaimAnswer, Claimed, ReplayStore, Replayed, StoreDown, Terms};
use crate::tenant::TenantId;
use recognized::{Shown, second_checked};

pub use caller::{Caller, ForwardedBy, Policy, Provenance};
pub use recognized::RecognizedCaller;

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
/// fn shortcut<'m>(begun: countersign::gate::Begun<'m>, now: countersign::UnixTime) {
///     let _ = begun.body.finish(now);
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

    /// The answer, now that the body is whole. The message has to be fresh `now`, and not only when it began.
    ///
    /// # Errors
    /// As for [`verify`].
    pub fn finish(self, now: UnixTime) -> Result<Authentic<'m>, Refusal> {
        let authentic = self.body.finish(now)?;
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

/// The last question, is it fresh: claims the delivery. The claim is the caller's to commit or to release.
///
/// # Security
/// `now` is the present, and that by which the message was verified. A store remembers what was handled for as long as its
/// signature passes, and a [lease](Terms::lease) longer. So who has waited for more than that since it was verified, for a body,
/// for a key or in a queue, verifies it again first: what was handled may be forgotten.
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
/// use countersign::payload::{
///     HmacSigner, HmacVerifier, Keyring, Message, Outgoing, Scheme, Secret, SignPayload as _,
/// };
/// use countersign::replay::{MemoryStore, Terms};
/// use countersign::tenant::{TenantId, TenantTable};
/// # use countersign::testing::{NOW, TestCa};
/// # use countersign::trust::PinSet;
/// # use http::{Method, Uri};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let acme = TenantId::parse("acme")?;
/// # let own = TestCa::new("Acme Root").client("spiffe://acme.example/tenant/acme").issue();
/// # let (chain, pin) = (PeerChain::parse(own.chain())?, countersign::identity::SpkiHash::of(&own.spki_der()));
/// # let policy = Policy::new(PinSet::new([pin]), TenantTable::builder().pin(acme.clone(), pin).build()?);
/// # let scheme = Scheme::standard_webhooks();
/// # let secret = Secret::new("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
/// # let keys = Keyring::builder(&scheme).key(acme.clone(), "2026", secret).build()?;
/// # let headers = HmacSigner::new(scheme.clone(), keys.clone()).sign_payload(&Outgoing::new(&acme, "delivery-1", b"{}", NOW))?;
/// # let (verifier, store, method, uri) = (HmacVerifier::new(scheme, keys), MemoryStore::default(), Method::POST, Uri::from_static("/"));
/// // What the layers do, by hand: the connection, the payload, the claim, and both together.
/// let caller = Caller::identify(&policy, chain, NOW)?;
/// let authentic = gate::verify(
///     &verifier,
///     Message::new(&method, &uri, &headers, b"{}", NOW),
///     Some(&caller),
/// )?;
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
    /// The proof that both signatures name the same tenant.
    ///
    /// # Errors
    /// [`Refusal::TenantMismatch`]; [`Refusal::SecondCheck`] where the caller's certificate demands another proof beside it.
    pub fn bind(caller: Caller, fresh: Fresh) -> Result<Self, Refusal> {
        same_tenant(caller.tenant(), fresh.sender())?;
        second_checked(&caller, Shown::Signed(fresh.scheme()))?;
        Ok(Self { caller, fresh })
    }

    /// The tenant that both signatures name.
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

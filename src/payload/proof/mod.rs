//! Proofs: what a signature has shown, and what it covers. [`Recognized`] is what a secret alone shows, and no proof.

mod bindings;
mod delivery_key;
mod recognized;

use std::fmt;
use std::sync::Arc;

use rustls_pki_types::UnixTime;

pub use bindings::{Bindings, ClientCertificate};
pub(super) use delivery_key::begin_time_and_body;
pub use delivery_key::{DeliveryKey, Hashed, SignedText};
pub use recognized::{Recognized, Strength};

use super::{KeyId, NotAuthentic, SchemeText};
use crate::payload::hmac::keys::Matched;
use crate::replay::{Claim, ClaimKey, Claimed, Terms};
use crate::tenant::TenantId;

/// A message that its sender signed. Proof: only [`Authentic::assertion`] makes one, inside implementations of
/// [`VerifyPayload`](super::VerifyPayload).
///
/// Borrows the message, so that it cannot be taken for the proof of another one. It does not say that the message is
/// new: [`claim`](Self::claim) it in a replay store, then [`settle`](Self::settle).
///
/// ```
/// use countersign::UnixTime;
/// use countersign::payload::{Authentic, DeliveryKey, KeyId};
/// use countersign::replay::Terms;
/// use countersign::tenant::TenantId;
///
/// // What a verifier of your own answers with, once it is convinced.
/// let (acme, delivery) = (TenantId::parse("acme")?, DeliveryKey::Id("delivery-1"));
/// let proof = Authentic::assertion(acme, "mine".into(), KeyId::new("2026"), delivery);
/// assert_eq!((proof.sender().as_str(), proof.scheme()), ("acme", "mine"));
/// // It becomes a `Fresh` only by a claim that a store has granted.
/// let claim = proof.claim(UnixTime::now(), Terms::default());
/// # drop(claim);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Authentic<'m> {
    signature: Signature,
    delivery: DeliveryKey<'m>,
    fresh_until: Option<UnixTime>,
}

/// What is kept of a verified signature.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Signature {
    signer: Signer,
    scheme: SchemeText,
    signed_at: Option<UnixTime>,
    bindings: Bindings,
}

/// Who signed, and with which key.
#[derive(Clone)]
enum Signer {
    Named {
        sender: TenantId,
        key: KeyId,
    },
    /// One of the keys that were found: nothing is copied of it, since each verification would.
    Found(Matched),
}

impl Signer {
    fn sender(&self) -> &TenantId {
        match self {
            Self::Named { sender, .. } => sender,
            Self::Found(matched) => matched.owner(),
        }
    }

    fn key(&self) -> &KeyId {
        match self {
            Self::Named { key, .. } => key,
            Self::Found(matched) => matched.id(),
        }
    }

    /// The same without the secret: what outlives the request must not keep a retired key from being wiped.
    fn named(&self) -> Self {
        Self::Named {
            sender: self.sender().clone(),
            key: self.key().clone(),
        }
    }
}

impl PartialEq for Signer {
    fn eq(&self, other: &Self) -> bool {
        (self.sender(), self.key()) == (other.sender(), other.key())
    }
}

impl Eq for Signer {}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("sender", self.sender())
            .field("key", self.key())
            .finish()
    }
}

impl<'m> Authentic<'m> {
    /// The assertion that `sender` signed `delivery` under `key` by the rules of `scheme`.
    ///
    /// # Security
    /// To be made only where a signature was just verified. Whoever calls this vouches for it, so a reviewer looks at
    /// every call of it.
    pub fn assertion(sender: TenantId, scheme: Arc<str>, key: KeyId, delivery: DeliveryKey<'m>) -> Self {
        let signer = Signer::Named { sender, key };
        let signature = Signature {
            signer,
            scheme: scheme.into(),
            signed_at: None,
            bindings: Bindings::default(),
        };
        Self {
            signature,
            delivery,
            fresh_until: None,
        }
    }

    /// The assertion that this key, which was just found to match, signed `delivery` at that time.
    #[inline]
    pub(super) fn assertion_of(
        matched: Matched,
        scheme: &SchemeText,
        delivery: DeliveryKey<'m>,
        signed_at: Option<UnixTime>,
        fresh_until: Option<UnixTime>,
    ) -> Self {
        let signature = Signature {
            signer: Signer::Found(matched),
            scheme: scheme.clone(),
            signed_at,
            bindings: Bindings::default(),
        };
        Self {
            signature,
            delivery,
            fresh_until,
        }
    }

    /// The same, signed at this time; no message of this delivery that is signed by now passes as fresh after that one (no
    /// end: `None`).
    #[must_use]
    #[inline]
    pub fn signed_at(mut self, signed: UnixTime, fresh_until: impl Into<Option<UnixTime>>) -> Self {
        self.signature.signed_at = Some(signed);
        self.fresh_until = fresh_until.into();
        self
    }

    /// The same, passing as fresh until that time, whenever it was signed.
    #[must_use]
    pub fn fresh_until(mut self, until: UnixTime) -> Self {
        self.fresh_until = Some(until);
        self
    }

    /// The same, bound to these.
    #[must_use]
    pub fn bound_to(mut self, bindings: Bindings) -> Self {
        self.signature.bindings = bindings;
        self
    }

    /// What the signature was found bound to.
    pub fn bindings(&self) -> Bindings {
        self.signature.bindings
    }

    /// Who signed it.
    pub fn sender(&self) -> &TenantId {
        self.signature.signer.sender()
    }

    /// The scheme it was signed by.
    pub fn scheme(&self) -> &str {
        &self.signature.scheme
    }

    /// The key that matched.
    pub fn key(&self) -> &KeyId {
        self.signature.signer.key()
    }

    /// The claim to make on this delivery, at `now` and under these terms.
    pub fn claim(&self, now: UnixTime, terms: Terms) -> Claim {
        Claim::new(
            self.claim_key(),
            self.sender().clone(),
            now,
            terms,
            self.fresh_until,
        )
    }

    /// Fresh, because a store has granted the claim on it.
    ///
    /// # Errors
    /// [`NotAuthentic::OtherClaim`] when the claim is one of another delivery.
    pub fn settle(self, claimed: &Claimed) -> Result<Fresh, NotAuthentic> {
        if claimed.key() != self.claim_key() {
            return Err(NotAuthentic::OtherClaim);
        }
        let signature = Signature {
            signer: self.signature.signer.named(),
            ..self.signature
        };
        Ok(Fresh {
            signature,
            claimed: claimed.clone(),
        })
    }

    fn claim_key(&self) -> ClaimKey {
        let (tenant, scheme) = (self.sender(), &*self.signature.scheme);
        match self.delivery {
            DeliveryKey::Id(id) => ClaimKey::of(tenant, scheme, [b"id", id.as_bytes()]),
            _ => {
                let (what, digest) = self.delivery.hash();
                ClaimKey::of(tenant, scheme, [what.label(), &digest])
            }
        }
    }
}

impl fmt::Debug for Authentic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authentic").field(&self.signature).finish()
    }
}

/// An authentic message that was not handled before. Proof: only [`Authentic::settle`] makes one.
///
/// All there is to have for a webhook without mutual TLS; together with a [`Caller`](crate::gate::Caller) it is bound
/// to a [`Countersigned`](crate::gate::Countersigned).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fresh {
    signature: Signature,
    claimed: Claimed,
}

impl Fresh {
    /// Who signed it.
    pub fn sender(&self) -> &TenantId {
        self.signature.signer.sender()
    }

    /// The scheme it was signed by.
    pub fn scheme(&self) -> &str {
        &self.signature.scheme
    }

    /// The key that matched.
    pub fn key(&self) -> &KeyId {
        self.signature.signer.key()
    }

    /// The signed time, where the scheme has one.
    pub fn signed_at(&self) -> Option<UnixTime> {
        self.signature.signed_at
    }

    /// What the signature was found bound to.
    pub fn bindings(&self) -> Bindings {
        self.signature.bindings
    }

    /// The delivery's name in the replay store, the same for each retry of it. Written in the transaction of the handler's
    /// effect, under a unique index, it keeps the effect from happening twice where nothing else can: see
    /// [`replay`](crate::replay#what-nobody-can-promise).
    pub fn claim_key(&self) -> ClaimKey {
        self.claimed.key()
    }

    /// The claim that was granted on it, for a store that commits it in the transaction of the handler's effect
    /// (`PostgresStore::commit_in`). Who has claimed it commits or releases it; here, that is the layer.
    pub fn claimed(&self) -> &Claimed {
        &self.claimed
    }
}

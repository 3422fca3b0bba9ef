use std::fmt;
use std::sync::Arc;

use rustls_pki_types::UnixTime;

use super::{Bindings, Forged, KeyId};
use crate::replay::{Claim, ClaimKey, Claimed, Terms};
use crate::tenant::TenantId;

/// A message that its sender signed. Proof: only [`Authentic::assertion`] makes one, inside implementations of
/// [`VerifyPayload`](super::VerifyPayload).
///
/// Borrows the message, so that it cannot be taken for the proof of another one. It does not say that the message is
/// new: [`claim`](Self::claim) it in a replay store, then [`settle`](Self::settle).
#[derive(Clone)]
pub struct Authentic<'m> {
    signature: Signature,
    delivery: Delivery<'m>,
    fresh_until: Option<UnixTime>,
}

/// What is kept of a verified signature.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Signature {
    sender: TenantId,
    scheme: Arc<str>,
    key: KeyId,
    signed_at: Option<UnixTime>,
    bindings: Bindings,
}

/// What tells one delivery from another: nothing but what the signature covers.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery<'m> {
    /// The sender's own identity of it, which is signed.
    Id(&'m str),
    /// The signed body.
    Body(&'m [u8]),
    /// The signed time, as it was written, and the signed body.
    TimeAndBody(&'m str, &'m [u8]),
    /// The SHA-256 of an identity that is signed, but does not stand in the message as it is: `jti` of a token, the
    /// `nonce` of an HTTP message signature.
    Token([u8; 32]),
}

impl<'m> Authentic<'m> {
    /// The assertion that `sender` signed `delivery` under `key` by the rules of `scheme`.
    ///
    /// # Security
    /// To be made only where a signature was just verified. Whoever calls this vouches for it, so a reviewer looks at
    /// every call of it.
    pub fn assertion(sender: TenantId, scheme: Arc<str>, key: KeyId, delivery: Delivery<'m>) -> Self {
        let signature = Signature {
            sender,
            scheme,
            key,
            signed_at: None,
            bindings: Bindings::default(),
        };
        Self {
            signature,
            delivery,
            fresh_until: None,
        }
    }

    /// The same, signed at this time, and passing as fresh until that one.
    #[must_use]
    pub fn signed_at(mut self, signed: UnixTime, fresh_until: UnixTime) -> Self {
        self.signature.signed_at = Some(signed);
        self.fresh_until = Some(fresh_until);
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
        &self.signature.sender
    }

    /// The key that matched.
    pub fn key(&self) -> &KeyId {
        &self.signature.key
    }

    /// The claim to make on this delivery, at `now` and under these terms.
    pub fn claim(&self, now: UnixTime, terms: Terms) -> Claim {
        Claim::new(
            self.claim_key(),
            self.signature.sender.clone(),
            now,
            terms,
            self.fresh_until,
        )
    }

    /// Fresh, because a store has granted the claim on it.
    ///
    /// # Errors
    /// [`Forged::OtherClaim`] when the claim is one of another delivery.
    pub fn settle(self, claimed: &Claimed) -> Result<Fresh, Forged> {
        if claimed.key() != self.claim_key() {
            return Err(Forged::OtherClaim);
        }
        Ok(Fresh {
            signature: self.signature,
            claim: claimed.key(),
        })
    }

    fn claim_key(&self) -> ClaimKey {
        let (tenant, scheme) = (&self.signature.sender, &*self.signature.scheme);
        match self.delivery {
            Delivery::Id(id) => ClaimKey::of(tenant, scheme, [b"id", id.as_bytes()]),
            Delivery::Body(body) => ClaimKey::of(tenant, scheme, [b"body", body]),
            Delivery::TimeAndBody(time, body) => {
                ClaimKey::of(tenant, scheme, [b"time and body", time.as_bytes(), body])
            }
            Delivery::Token(digest) => ClaimKey::of(tenant, scheme, [b"token".as_slice(), &digest]),
        }
    }
}

impl fmt::Debug for Authentic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authentic").field(&self.signature).finish()
    }
}

impl fmt::Debug for Delivery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "Id({id:?})"),
            Self::Body(body) => write!(f, "Body({} bytes)", body.len()),
            Self::Token(_) => f.write_str("Token"),
            Self::TimeAndBody(time, body) => write!(f, "TimeAndBody({time:?}, {} bytes)", body.len()),
        }
    }
}

/// An authentic message that was not handled before. Proof: only [`Authentic::settle`] makes one.
///
/// All there is to have for a webhook without mutual TLS; together with a [`Caller`](crate::gate::Caller) it is bound
/// to a [`Countersigned`](crate::gate::Countersigned).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fresh {
    signature: Signature,
    claim: ClaimKey,
}

impl Fresh {
    /// Who signed it.
    pub fn sender(&self) -> &TenantId {
        &self.signature.sender
    }

    /// The scheme it was signed by.
    pub fn scheme(&self) -> &str {
        &self.signature.scheme
    }

    /// The key that matched.
    pub fn key(&self) -> &KeyId {
        &self.signature.key
    }

    /// The signed time, where the scheme has one.
    pub fn signed_at(&self) -> Option<UnixTime> {
        self.signature.signed_at
    }

    /// What the signature was found bound to.
    pub fn bindings(&self) -> Bindings {
        self.signature.bindings
    }

    /// The delivery's name in the replay store.
    pub fn claim_key(&self) -> ClaimKey {
        self.claim
    }
}

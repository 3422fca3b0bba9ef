use std::fmt;

use rustls_pki_types::UnixTime;

use super::{Evidence, Presented, Recall, Untrusted, VerifiedPeer, VerifyPeer};
use crate::expiry::Expiries;
use crate::identity::ChainLimits;

/// The second check of a delivery, beside the certificate of a [`KnownSender`](super::KnownSender).
///
/// The certificate is the sender's, not one customer's: without this, whoever is a customer there as well can have a delivery sent
/// to us. So it stands in [`Evidence::second_checks`], and neither a [`Countersigned`](crate::gate::Countersigned) nor a
/// [`RecognizedCaller`](crate::gate::RecognizedCaller) is made of a payload that was proved otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecondCheck {
    /// The payload's signature, under a secret of one customer: [`Scheme`](crate::payload::Scheme) has it by this name.
    Signature(&'static str),
    /// The identity token in `Authorization: Bearer`, for its audience and its subject:
    /// [`JwtScheme`](crate::payload::jose::JwtScheme) has it by this name. What other tokens say, they say of somebody else.
    IdentityToken(&'static str),
    /// A key of the customer's own in the body, looked up at the sender before it counts
    /// ([`Strength::LookedUp`](crate::payload::Strength::LookedUp)).
    Body(&'static str),
    /// A secret in the URL that was registered with the sender, or one that it shows in a header field.
    UrlSecret,
    /// Either [`UrlSecret`](Self::UrlSecret) or [`Body`](Self::Body).
    UrlSecretOrBody(&'static str),
    /// Nothing, as long as only the sender holds the certificate's key.
    Nothing,
}

impl fmt::Display for SecondCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature(scheme) => write!(f, "a signature of the scheme {scheme}"),
            Self::IdentityToken(scheme) => write!(f, "an identity token of the scheme {scheme}"),
            Self::Body(key) => write!(f, "{key} of the body, looked up at the sender"),
            Self::UrlSecret => f.write_str("a secret in the URL"),
            Self::UrlSecretOrBody(key) => {
                write!(
                    f,
                    "a secret in the URL, or {key} of the body, looked up at the sender"
                )
            }
            Self::Nothing => f.write_str("nothing"),
        }
    }
}

/// A verifier whose evidence demands a second check.
#[derive(Debug)]
pub(super) struct Demanding<V> {
    inner: V,
    check: SecondCheck,
}

impl<V: VerifyPeer> Demanding<V> {
    pub(super) fn new(inner: V, check: SecondCheck) -> Self {
        Self { inner, check }
    }
}

impl<V: VerifyPeer> VerifyPeer for Demanding<V> {
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        let mut evidence = self.inner.verify_peer(peer)?;
        if self.check != SecondCheck::Nothing {
            evidence.second_checks.push(self.check);
        }
        Ok(evidence)
    }

    fn generation(&self) -> u64 {
        self.inner.generation()
    }

    fn limits(&self) -> ChainLimits {
        self.inner.limits()
    }

    /// None: what is remembered there was not demanded.
    fn memory(&self) -> Option<Recall> {
        None
    }

    fn confirm(&self, peer: &VerifiedPeer, now: UnixTime) {
        self.inner.confirm(peer, now);
    }

    fn expiries(&self, found: &mut Expiries) {
        self.inner.expiries(found);
    }
}

//! Two verifiers joined: both must agree.

use std::sync::Arc;

use rustls_pki_types::UnixTime;

use super::{Evidence, Presented, Recall, Untrusted, VerifiedPeer, VerifyPeer};
use crate::expiry::Expiries;
use crate::identity::ChainLimits;

/// Two verifiers that must both agree. Made by [`VerifyPeer::and`].
#[derive(Debug, Clone)]
pub struct And<A, B> {
    pub(super) first: A,
    pub(super) second: B,
}

impl<A: VerifyPeer, B: VerifyPeer> VerifyPeer for And<A, B> {
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        let first = peer.go_on(self.first.verify_peer(peer))?;
        let first = match peer.found {
            Some(found) => found.clone().join(first),
            None => first,
        };
        let second = self.second.verify_peer(&Presented {
            found: Some(&first),
            ..*peer
        })?;
        Ok(first.join(second))
    }

    fn generation(&self) -> u64 {
        // Every change anywhere has a higher number than all before it, so the newest one tells of any.
        self.first.generation().max(self.second.generation())
    }

    fn limits(&self) -> ChainLimits {
        // Each asks after its own again; a tighter one must not keep from the other what that one lets through.
        self.first.limits().wider(self.second.limits())
    }

    fn confirm(&self, peer: &VerifiedPeer, now: UnixTime) {
        self.first.confirm(peer, now);
        self.second.confirm(peer, now);
    }

    fn expiries(&self, found: &mut Expiries) {
        self.first.expiries(found);
        self.second.expiries(found);
    }
}

macro_rules! verify_peer_through {
    ($($pointer:ty),*) => {$(
        impl<V: VerifyPeer + ?Sized> VerifyPeer for $pointer {
            fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
                (**self).verify_peer(peer)
            }

            fn generation(&self) -> u64 {
                (**self).generation()
            }

            fn limits(&self) -> ChainLimits {
                (**self).limits()
            }

            fn memory(&self) -> Option<Recall> {
                (**self).memory()
            }

            fn confirm(&self, peer: &VerifiedPeer, now: UnixTime) {
                (**self).confirm(peer, now);
            }

            fn expiries(&self, found: &mut Expiries) {
                (**self).expiries(found);
            }
        }
    )*};
}

verify_peer_through!(Arc<V>, Box<V>);

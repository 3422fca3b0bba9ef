//! Hot reloading: a policy is replaced while it is in use. [`Live<P>`] decides whatever `P` decides.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use rustls_pki_types::UnixTime;

use crate::identity::ChainLimits;
use crate::payload::{FindKeys, NoKey, TenantKeys, Unknown, Wanted};
use crate::tenant::{NoTenant, ResolveTenant, Resolved, TenantId};
use crate::trust::{Evidence, Presented, Recall, Untrusted, VerifiedPeer, VerifyPeer};

/// A policy that can be replaced as a whole while others decide by it. Clones share it.
///
/// Each decision sees one snapshot, never half of a change. [`replace`](Self::replace) reaches the next decision;
/// requests on connections that are already open are asked again, because the generation has grown.
///
/// ```
/// use countersign::live::Live;
/// use countersign::trust::{PinSet, VerifyPeer};
///
/// let pins = Live::new(PinSet::default());
/// let before = pins.generation();
/// pins.replace(PinSet::parse(["sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="])?);
/// assert_eq!(pins.load().len(), 1);
/// assert!(pins.generation() > before);
/// # Ok::<(), countersign::trust::InvalidPin>(())
/// ```
pub struct Live<P> {
    shared: Arc<Shared<P>>,
}

struct Shared<P> {
    current: ArcSwap<P>,
    generation: AtomicU64,
}

impl<P> Live<P> {
    /// Begins with this policy.
    pub fn new(policy: P) -> Self {
        Self {
            shared: Arc::new(Shared {
                current: ArcSwap::from_pointee(policy),
                generation: AtomicU64::new(tick()),
            }),
        }
    }

    /// Decides by this policy from now on.
    pub fn replace(&self, policy: P) {
        self.shared.current.store(Arc::new(policy));
        // After the store: whoever reads the new number finds the new policy. Whoever reads the old number beside the
        // new policy asks once more than needed.
        self.shared.generation.fetch_max(tick(), Ordering::Release);
    }

    /// The policy of this moment.
    pub fn load(&self) -> Arc<P> {
        self.shared.current.load_full()
    }

    /// The tick of its last replacement, or of the last one inside the policy.
    fn generation_with(&self, inner: impl FnOnce(&P) -> u64) -> u64 {
        let own = self.shared.generation.load(Ordering::Acquire);
        own.max(inner(&self.shared.current.load()))
    }
}

/// A number that no other change in this process has.
///
/// One count for all, so that the newest of several numbers says whether *any* part of a joined policy has changed.
fn tick() -> u64 {
    static TICKS: AtomicU64 = AtomicU64::new(0);
    TICKS.fetch_add(1, Ordering::Relaxed) + 1
}

impl<P> Clone for Live<P> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<P: fmt::Debug> fmt::Debug for Live<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Live").field(&self.load()).finish()
    }
}

impl<P: VerifyPeer> VerifyPeer for Live<P> {
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        self.shared.current.load().verify_peer(peer)
    }

    fn generation(&self) -> u64 {
        self.generation_with(P::generation)
    }

    fn limits(&self) -> ChainLimits {
        self.shared.current.load().limits()
    }

    fn memory(&self) -> Option<Recall> {
        self.shared.current.load().memory()
    }

    fn confirm(&self, peer: &VerifiedPeer, now: UnixTime) {
        self.shared.current.load().confirm(peer, now);
    }
}

impl<P: ResolveTenant> ResolveTenant for Live<P> {
    fn resolve_tenant(&self, peer: &VerifiedPeer) -> Result<Resolved, NoTenant> {
        self.shared.current.load().resolve_tenant(peer)
    }

    fn generation(&self) -> u64 {
        self.generation_with(P::generation)
    }
}

impl<K, P: FindKeys<K>> FindKeys<K> for Live<P> {
    fn find_keys(&self, wanted: &Wanted<'_>) -> Result<TenantKeys<K>, NoKey> {
        self.shared.current.load().find_keys(wanted)
    }

    fn unknown_key(&self, owner: &TenantId) -> Unknown {
        self.shared.current.load().unknown_key(owner)
    }
}

//! Hot reloading: a policy is replaced while it is in use. [`Live<P>`] decides whatever `P` decides.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use rustls_pki_types::UnixTime;

use crate::expiry::{Expires, Expiries};
use crate::generation;
use crate::identity::ChainLimits;
use crate::payload::{FindKeys, NoKey, TenantKeys, Unknown, Wanted};
use crate::tenant::{NoTenant, ResolveTenant, Resolved};
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
    withdrawn: AtomicBool,
    generation: AtomicU64,
    unchanging: Unchanging,
    /// One change after the other; with what was replaced while somebody still asked it.
    changing: Mutex<Vec<Arc<P>>>,
}

/// The generation in which what is inside has said, asked as what it is, that it never changes: until the next one nobody has to
/// look inside again.
#[derive(Default)]
struct Unchanging {
    trust: AtomicU64,
    tenants: AtomicU64,
}

impl<P> Live<P> {
    /// Begins with this policy.
    pub fn new(policy: P) -> Self {
        Self::of(Arc::new(policy))
    }

    /// Begins with this policy, which others may hold as well.
    pub fn of(policy: Arc<P>) -> Self {
        Self {
            shared: Arc::new(Shared {
                current: ArcSwap::new(policy),
                withdrawn: AtomicBool::new(false),
                generation: AtomicU64::new(generation::next()),
                unchanging: Unchanging::default(),
                changing: Mutex::default(),
            }),
        }
    }

    /// Decides by this policy from now on.
    pub fn replace(&self, policy: P) {
        self.publish(Arc::new(policy));
    }

    /// Decides from now on by this policy, which others may hold as well.
    pub fn publish(&self, policy: Arc<P>) {
        self.store(self.change(), policy);
    }

    /// Decides from now on by what is made of the policy of this moment; where that fails, nothing changes. Nobody else
    /// replaces it meanwhile.
    ///
    /// ```
    /// use countersign::identity::SpkiHash;
    /// use countersign::live::Live;
    /// use countersign::trust::{Pin, PinSet};
    ///
    /// let pins = Live::new(PinSet::new([SpkiHash::of(b"the key of this year")]));
    /// pins.update(|pins| Ok::<_, ()>(pins.stage([Pin::leaf(SpkiHash::of(b"the next"))])))?;
    /// assert_eq!(pins.load().len(), 2);
    /// # Ok::<(), ()>(())
    /// ```
    ///
    /// # Errors
    /// What `change` says.
    pub fn update<E>(&self, change: impl FnOnce(&P) -> Result<P, E>) -> Result<(), E> {
        let changing = self.change();
        let changed = change(&self.shared.current.load())?;
        self.store(changing, Arc::new(changed));
        Ok(())
    }

    /// Decides nothing any more until it is replaced: each question is answered with an outage, so that senders come again.
    /// For what is too old to be believed.
    ///
    /// ```
    /// use countersign::live::Live;
    /// use countersign::payload::{FindKeys, Keyring, NoKey, Scheme, Secret, Wanted};
    /// use countersign::tenant::TenantId;
    ///
    /// let secret = Secret::new("a secret of sixteen bytes");
    /// let keys = Live::new(Keyring::builder(&Scheme::github()).key(TenantId::parse("acme")?, "2026", secret).build()?);
    /// keys.withdraw();
    /// assert_eq!(keys.find_keys(&Wanted::of(None)).map(drop), Err(NoKey::Unavailable));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn withdraw(&self) {
        let _changing = self.change();
        self.shared.withdrawn.store(true, Ordering::Release);
        self.shared
            .generation
            .fetch_max(generation::next(), Ordering::Release);
    }

    /// Whether it was [withdrawn](Self::withdraw).
    pub fn is_withdrawn(&self) -> bool {
        self.shared.withdrawn.load(Ordering::Acquire)
    }

    fn change(&self) -> MutexGuard<'_, Vec<Arc<P>>> {
        self.shared
            .changing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self, mut before: MutexGuard<'_, Vec<Arc<P>>>, policy: Arc<P>) {
        before.push(self.shared.current.swap(policy));
        self.shared.withdrawn.store(false, Ordering::Release);
        // After the store: whoever reads the new number finds the new policy. Whoever reads the old number beside the
        // new policy asks once more than needed.
        self.shared
            .generation
            .fetch_max(generation::next(), Ordering::Release);
        let unused = unused(&mut before);
        // What takes long to drop keeps no other change waiting.
        drop(before);
        drop(unused);
    }

    /// What decides at this moment.
    fn in_force(&self) -> Option<arc_swap::Guard<Arc<P>>> {
        // The flag first: it is taken away after the new policy is there, so what was withdrawn is never found behind it.
        (!self.is_withdrawn()).then(|| self.shared.current.load())
    }

    /// The policy of this moment; where it was [withdrawn](Self::withdraw), the last one.
    pub fn load(&self) -> Arc<P> {
        self.shared.current.load_full()
    }

    /// The tick of its last replacement, or of the last one inside the policy.
    fn generation_with(&self, unchanging: &AtomicU64, inner: impl FnOnce(&P) -> u64) -> u64 {
        let own = self.shared.generation.load(Ordering::Acquire);
        // No change has the number 0, so this is not so before anybody has looked.
        if unchanging.load(Ordering::Relaxed) == own {
            return own;
        }
        match inner(&self.shared.current.load()) {
            // What takes its place comes with a new number.
            0 => unchanging.store(own, Ordering::Relaxed),
            inner => return own.max(inner),
        }
        own
    }
}

/// Takes out what nobody asks any more. A large policy takes milliseconds to drop: whoever replaces it is to pay that, and
/// not the request that happens to be the last to ask it. So what is still held stays until the next change.
fn unused<P>(before: &mut Vec<Arc<P>>) -> Vec<Arc<P>> {
    before
        .extract_if(.., |policy| Arc::strong_count(policy) == 1)
        .collect()
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
        self.in_force().ok_or(Untrusted::Unavailable)?.verify_peer(peer)
    }

    fn generation(&self) -> u64 {
        self.generation_with(&self.shared.unchanging.trust, P::generation)
    }

    fn limits(&self) -> ChainLimits {
        self.shared.current.load().limits()
    }

    fn memory(&self) -> Option<Recall> {
        // What was withdrawn is not remembered either.
        self.in_force()?.memory()
    }

    fn confirm(&self, peer: &VerifiedPeer, now: UnixTime) {
        self.shared.current.load().confirm(peer, now);
    }

    fn expiries(&self, found: &mut Expiries) {
        self.load().expiries(found);
    }
}

impl<P: Expires> Expires for Live<P> {
    fn expiries(&self, found: &mut Expiries) {
        self.load().expiries(found);
    }
}

impl<P: ResolveTenant> ResolveTenant for Live<P> {
    fn resolve_tenant(&self, peer: &VerifiedPeer) -> Result<Resolved, NoTenant> {
        self.in_force().ok_or(NoTenant::Unavailable)?.resolve_tenant(peer)
    }

    fn generation(&self) -> u64 {
        self.generation_with(&self.shared.unchanging.tenants, P::generation)
    }
}

impl<K, P: FindKeys<K>> FindKeys<K> for Live<P> {
    fn find_keys(&self, wanted: &Wanted<'_>) -> Result<TenantKeys<K>, NoKey> {
        self.in_force().ok_or(NoKey::Unavailable)?.find_keys(wanted)
    }

    fn unknown_key(&self, found: &TenantKeys<K>) -> Unknown {
        self.shared.current.load().unknown_key(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says how often it is asked whether it has changed.
    #[derive(Debug, Default)]
    struct Asked {
        generation: AtomicU64,
        times: AtomicU64,
    }

    impl VerifyPeer for Asked {
        fn verify_peer(&self, _: &Presented<'_>) -> Result<Evidence, Untrusted> {
            Err(Untrusted::UnknownIssuer)
        }

        fn generation(&self) -> u64 {
            self.times.fetch_add(1, Ordering::Relaxed);
            self.generation.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn what_never_changes_is_asked_once_and_what_may_each_time() {
        let live = Live::new(Asked::default());
        let times = |policy: &Asked| policy.times.load(Ordering::Relaxed);
        let first = VerifyPeer::generation(&live);
        assert_eq!((VerifyPeer::generation(&live), times(&live.load())), (first, 1));

        let changing = Asked::default();
        changing.generation.store(1, Ordering::Relaxed);
        live.replace(changing);
        let replaced = VerifyPeer::generation(&live);
        assert!(replaced > first);
        let newer = generation::next();
        live.load().generation.store(newer, Ordering::Relaxed);
        assert_eq!((VerifyPeer::generation(&live), times(&live.load())), (newer, 2));
        live.withdraw();
        assert!(VerifyPeer::generation(&live) > newer);
    }

    #[test]
    fn who_asks_last_does_not_have_to_drop_it() {
        let large = Arc::new("a large policy");
        let holders = || Arc::strong_count(&large);
        let live = Live::new(Arc::clone(&large));
        let asked = live.in_force();
        live.replace(Arc::new("another"));
        drop(asked);
        assert_eq!(holders(), 2, "kept where it was replaced");
        live.replace(Arc::new("a third"));
        assert_eq!(holders(), 1, "gone with the next change");
        live.replace(Arc::clone(&large));
        live.replace(Arc::new("a fourth"));
        assert_eq!(holders(), 1, "gone at once where nobody asks it");
    }
}

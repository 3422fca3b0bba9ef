use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls_pki_types::{CertificateDer, UnixTime};
use sha2::{Digest as _, Sha256};

use super::{Evidence, Presented, Role, Untrusted, VerifiedPeer, VerifyPeer};
use crate::expiry::Expiries;
use crate::identity::ChainLimits;
use crate::recent::Recent;

/// How many peers are remembered by default.
const CAPACITY: usize = 10_000;

/// A verifier with a memory: a chain that was verified before, for a peer that then proved to hold its key, is not
/// verified again while nothing has changed.
///
/// # Security
/// Why that is sound: for the same bytes and the same policy, the answer depends on time alone, and only through the
/// window that the evidence carries: the intersection of the validity of every certificate on the verified path, of
/// the anchor, of the CRLs that were asked, of a pin's retirement.
///
/// * The key is a hash over the role, the server name, and *every* certificate presented, each with its length.
/// * Only good answers are kept, with the generation of the verifier they came from; any change has another one.
/// * Only the handshake's verifier adds to it, after the peer has proved possession of the key, and `forwarded`, where a
///   trusted hop says that it has: copies of other people's certificates cannot push anybody out.
/// * Bounded: the peers that were not seen for longest are forgotten.
/// * The memory belongs to this value. Replacing it in a [`Live`](crate::live::Live) drops what it remembers.
///
/// Put it around everything else: `Remembered::new(PrivateCa.and(pins))`. [`Policy`](crate::gate::Policy) does so.
///
/// ```
/// use countersign::identity::PeerChain;
/// # use countersign::testing::{NOW, TestCa};
/// use countersign::trust::{PinSet, Remembered, Role, VerifiedPeer};
///
/// # let chain = PeerChain::parse(TestCa::new("Acme Root").client("spiffe://acme.example/tenant/acme").issue().chain())?;
/// let trust = Remembered::with_capacity(PinSet::new([chain.leaf().spki()]), 1_000);
/// assert!(VerifiedPeer::verify(&trust, chain, Role::Client, NOW).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Remembered<V> {
    inner: V,
    memory: Arc<Memory>,
}

impl<V: VerifyPeer> Remembered<V> {
    /// Remembers up to 10,000 peers: about 4 kB each, chains included.
    pub fn new(inner: V) -> Self {
        Self::with_capacity(inner, CAPACITY)
    }

    /// Remembers up to so many peers.
    pub fn with_capacity(inner: V, peers: usize) -> Self {
        Self {
            inner,
            memory: Arc::new(Memory(Mutex::new(Recent::new(peers)))),
        }
    }
}

impl<V: VerifyPeer> VerifyPeer for Remembered<V> {
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        // What others found before may matter to the answer, and is not part of the key.
        // Who asks why is shown each check.
        if peer.found.is_none() && !peer.is_traced() {
            let fingerprint = Fingerprint::of(peer.role, peer.chain.certificates());
            if let Some(known) = self.recall().peer(&fingerprint, peer.now) {
                return Ok(known.evidence().clone());
            }
        }
        self.inner.verify_peer(peer)
    }

    fn generation(&self) -> u64 {
        self.inner.generation()
    }

    fn limits(&self) -> ChainLimits {
        self.inner.limits()
    }

    fn memory(&self) -> Option<Recall> {
        Some(self.recall())
    }

    fn confirm(&self, peer: &VerifiedPeer, now: UnixTime) {
        self.inner.confirm(peer, now);
    }

    fn expiries(&self, found: &mut Expiries) {
        self.inner.expiries(found);
    }
}

impl<V: VerifyPeer> Remembered<V> {
    fn recall(&self) -> Recall {
        Recall {
            generation: self.inner.generation(),
            memory: Arc::clone(&self.memory),
        }
    }
}

impl<V: fmt::Debug> fmt::Debug for Remembered<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remembered").field(&self.inner).finish()
    }
}

/// The memory of a verifier, as of one generation of it. For those who drive handshakes.
///
/// Take it *before* verifying: what is then kept is kept under a generation no newer than the answer.
#[derive(Clone)]
pub struct Recall {
    generation: u64,
    memory: Arc<Memory>,
}

impl Recall {
    /// The peer that showed exactly this before, if the answer still holds at `now`.
    pub fn peer(&self, fingerprint: &Fingerprint, now: UnixTime) -> Option<VerifiedPeer> {
        let known = self.memory.get(fingerprint, self.generation)?;
        known.peer.evidence().valid.contains(now).then_some(known.peer)
    }

    /// When the peer that showed exactly this last proved to hold its key, if it is still trusted at `now`.
    pub fn proved(&self, fingerprint: &Fingerprint, now: UnixTime) -> Option<UnixTime> {
        let known = self.memory.get(fingerprint, self.generation)?;
        let proved = known.proved?;
        known.peer.evidence().valid.contains(now).then_some(proved)
    }

    /// Remembers a peer that was verified, and has proved to hold its key, at `now`.
    pub fn keep(&self, fingerprint: Fingerprint, peer: VerifiedPeer, now: UnixTime) {
        self.memory.put(
            fingerprint,
            Known {
                generation: self.generation,
                peer,
                proved: Some(now),
            },
        );
    }

    /// Remembers a peer that was verified, and of which a trusted hop says that it has proved to hold its key. That is as
    /// good as a proof for whoever believes the hop, and none for a session of ours.
    #[cfg(feature = "forwarded")]
    pub(crate) fn keep_forwarded(&self, fingerprint: Fingerprint, peer: VerifiedPeer) {
        let before = self.memory.get(&fingerprint, self.generation);
        self.memory.put(
            fingerprint,
            Known {
                generation: self.generation,
                peer,
                proved: before.and_then(|known| known.proved),
            },
        );
    }
}

impl fmt::Debug for Recall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recall")
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

/// A fingerprint of what a peer presented, byte for byte, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of these certificates in this role.
    pub fn of<'a, 'd: 'a>(
        role: Role<'_>,
        certificates: impl Iterator<Item = &'a CertificateDer<'d>>,
    ) -> Self {
        let mut hash = Sha256::new_with_prefix(b"countersign chain\0");
        let mut take = |part: &[u8]| {
            // With its length: the same bytes cut at another place are another chain.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        match role {
            Role::Client => take(b"client"),
            Role::Server { name } => {
                take(b"server");
                take(name.to_str().as_bytes());
            }
        }
        certificates.for_each(|certificate| take(certificate));
        Self(hash.finalize().into())
    }
}

struct Memory(Mutex<Recent<Fingerprint, Known>>);

#[derive(Clone)]
struct Known {
    generation: u64,
    peer: VerifiedPeer,
    /// When it last proved to hold its key, to us.
    proved: Option<UnixTime>,
}

impl Memory {
    fn get(&self, fingerprint: &Fingerprint, generation: u64) -> Option<Known> {
        let known = self.lock().cloned(fingerprint)?;
        // Not removed where it is of another generation: who asks may be the one that is behind.
        (known.generation == generation).then_some(known)
    }

    fn put(&self, fingerprint: Fingerprint, known: Known) {
        self.lock().insert(fingerprint, known);
    }

    /// Nothing in here can panic half-way through a change, so a poisoned lock guards a sound memory.
    fn lock(&self) -> MutexGuard<'_, Recent<Fingerprint, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

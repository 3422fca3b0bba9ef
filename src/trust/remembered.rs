use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
#[cfg(feature = "forwarded")]
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls_pki_types::{CertificateDer, UnixTime};

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
/// the anchor, of the CRLs that were asked, of a pin's retirement; and of the time for which a dry run would report the same.
///
/// * A peer is known by the role, the server name, and *every* certificate presented, each compared byte for byte.
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
            memory: Arc::new(Memory {
                spread: RandomState::new(),
                known: Mutex::new(Recent::new(peers)),
            }),
        }
    }
}

impl<V: VerifyPeer> VerifyPeer for Remembered<V> {
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        // What others found before may matter to the answer, and is not part of the key.
        // Who asks why is shown each check.
        if peer.found.is_none() && !peer.is_traced() {
            let certificates = peer.chain.certificates();
            if let Some(known) = self.recall().peer(peer.role, certificates, peer.now) {
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
    /// The peer that showed exactly these certificates before, in this role, if the answer still holds at `now`.
    pub fn peer<'a, 'd: 'a>(
        &self,
        role: Role<'_>,
        certificates: impl Iterator<Item = &'a CertificateDer<'d>> + Clone,
        now: UnixTime,
    ) -> Option<VerifiedPeer> {
        self.trusted(role, certificates, now).map(|known| known.peer)
    }

    /// As [`peer`](Self::peer), of a client that a hop hands on; and whether it is to be counted now: once a second, since
    /// each of its requests brings it anew.
    #[cfg(feature = "forwarded")]
    pub(crate) fn forwarded<'a, 'd: 'a>(
        &self,
        certificates: impl Iterator<Item = &'a CertificateDer<'d>> + Clone,
        now: UnixTime,
    ) -> Option<(VerifiedPeer, bool)> {
        let known = self.trusted(Role::Client, certificates, now)?;
        let is_to_be_counted = known.is_to_be_counted(now);
        Some((known.peer, is_to_be_counted))
    }

    /// When the peer that showed exactly these certificates last proved to hold its key, if it is still trusted at `now`.
    pub fn proved<'a, 'd: 'a>(
        &self,
        role: Role<'_>,
        certificates: impl Iterator<Item = &'a CertificateDer<'d>> + Clone,
        now: UnixTime,
    ) -> Option<UnixTime> {
        self.trusted(role, certificates, now)?.proved
    }

    fn trusted<'a, 'd: 'a>(
        &self,
        role: Role<'_>,
        certificates: impl Iterator<Item = &'a CertificateDer<'d>> + Clone,
        now: UnixTime,
    ) -> Option<Known> {
        let known = self.memory.get(role, certificates, self.generation)?;
        known.peer.evidence().stands_at(now).then_some(known)
    }

    /// Remembers a peer that was verified in this role, and has proved to hold its key, at `now`. Who keeps it also
    /// [confirms](VerifyPeer::confirm) it.
    pub fn keep(&self, role: Role<'_>, peer: VerifiedPeer, now: UnixTime) {
        self.put(role, peer, Some(now), now);
    }

    /// Remembers a peer that was verified, and of which a trusted hop says that it has proved to hold its key. That is as
    /// good as a proof for whoever believes the hop, and none for a session of ours.
    #[cfg(feature = "forwarded")]
    pub(crate) fn keep_forwarded(&self, peer: VerifiedPeer, now: UnixTime) {
        let certificates = peer.chain().certificates();
        let before = self.memory.get(Role::Client, certificates, self.generation);
        self.put(Role::Client, peer, before.and_then(|known| known.proved), now);
    }

    #[cfg_attr(
        not(feature = "forwarded"),
        expect(unused_variables, reason = "only who is forwarded is counted by his memory")
    )]
    fn put(&self, role: Role<'_>, peer: VerifiedPeer, proved: Option<UnixTime>, counted: UnixTime) {
        let place = self.memory.place(role, peer.chain().certificates());
        let server = match role {
            Role::Client => None,
            Role::Server { name } => Some(name.to_str().into()),
        };
        let known = Known {
            generation: self.generation,
            server,
            peer,
            proved,
            #[cfg(feature = "forwarded")]
            counted: Arc::new(AtomicU64::new(counted.as_secs())),
        };
        self.memory.lock().insert(place, known);
    }
}

impl fmt::Debug for Recall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recall")
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

struct Memory {
    /// Keyed anew for each memory, so that nobody can choose certificates that fall together.
    spread: RandomState,
    known: Mutex<Recent<Place, Known>>,
}

/// Where to look for a peer: a hash of the ends of its certificates, which are their signatures. It finds and proves nothing: what
/// is found is compared whole. So strangers, of whom nothing is found, cost no hash of all that they show.
type Place = u64;

#[derive(Clone)]
struct Known {
    generation: u64,
    /// The name of the server that was to be reached; a client has none.
    server: Option<Arc<str>>,
    peer: VerifiedPeer,
    /// When it last proved to hold its key, to us.
    proved: Option<UnixTime>,
    /// The second in which it was last counted.
    #[cfg(feature = "forwarded")]
    counted: Arc<AtomicU64>,
}

impl Known {
    /// Whether it was not counted in this second yet; whoever is told so counts it.
    #[cfg(feature = "forwarded")]
    fn is_to_be_counted(&self, now: UnixTime) -> bool {
        let now = now.as_secs();
        // The second one writes, which most requests of a client need not do.
        self.counted.load(Ordering::Relaxed) != now && self.counted.swap(now, Ordering::Relaxed) != now
    }

    fn is<'a, 'd: 'a>(
        &self,
        role: Role<'_>,
        certificates: impl Iterator<Item = &'a CertificateDer<'d>>,
    ) -> bool {
        let same_role = match (role, &self.server) {
            (Role::Client, None) => true,
            (Role::Server { name }, Some(server)) => *name.to_str() == **server,
            (Role::Client, Some(_)) | (Role::Server { .. }, None) => false,
        };
        let bytes = |certificate: &'a CertificateDer<'d>| certificate.as_ref();
        let own = self.peer.chain().certificates().map(AsRef::as_ref);
        same_role && own.eq(certificates.map(bytes))
    }
}

impl Memory {
    fn get<'a, 'd: 'a>(
        &self,
        role: Role<'_>,
        certificates: impl Iterator<Item = &'a CertificateDer<'d>> + Clone,
        generation: u64,
    ) -> Option<Known> {
        let place = self.place(role, certificates.clone());
        let known = self.lock().cloned(&place)?;
        // Not removed where it is of another generation: who asks may be the one that is behind.
        (known.generation == generation && known.is(role, certificates)).then_some(known)
    }

    fn place<'a, 'd: 'a>(
        &self,
        role: Role<'_>,
        certificates: impl Iterator<Item = &'a CertificateDer<'d>>,
    ) -> Place {
        let mut hash = self.spread.build_hasher();
        if let Role::Server { name } = role {
            hash.write(name.to_str().as_bytes());
        }
        for certificate in certificates {
            hash.write_usize(certificate.len());
            hash.write(certificate.last_chunk::<16>().map_or(certificate, |end| end));
        }
        hash.finish()
    }

    /// Nothing in here can panic half-way through a change, so a poisoned lock guards a sound memory.
    fn lock(&self) -> MutexGuard<'_, Recent<Place, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

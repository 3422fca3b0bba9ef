use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::time_provider::{DefaultTimeProvider, TimeProvider};

use super::reason;
use super::session_value::client_certificates;
use crate::gate::Policy;
use crate::trust::Role;

/// A binding of sessions and tickets: to one policy, in one generation, for a time. Clones are the same binding.
///
/// A session is kept for a client that the policy in force has verified and that has proved to hold its key; and it is
/// found again while that policy still trusts those certificates, and no later than the
/// [longest lineage](Self::with_max_lineage) allows.
///
/// ```
/// use std::sync::Arc;
/// use countersign::gate::Policy;
/// use countersign::tenant::{TenantId, TenantTable};
/// use countersign::tls::{Binding, BoundSessions, rustls};
/// use countersign::trust::PinSet;
/// # use countersign::identity::SpkiHash;
///
/// # let pin = SpkiHash::of(b"the client's public key");
/// # let table = TenantTable::builder().pin(TenantId::parse("acme")?, pin).build()?;
/// let policy = Policy::new(PinSet::new([pin]), table);
/// let cache = rustls::server::ServerSessionMemoryCache::new(1_000);
/// let sessions = BoundSessions::new(cache, Binding::new(&policy));
/// use rustls::server::StoresServerSessions as _;
/// assert_eq!(sessions.get(b"a session that nobody has"), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Binding {
    /// No two policies share it, so a session of one is not one of another in a store that they share.
    id: u64,
    policy: Policy,
    max_lineage: Duration,
    time: Arc<dyn TimeProvider>,
}

impl Binding {
    /// How long a lineage of sessions lasts by default: an hour.
    ///
    /// It is how long whoever steals the secret of a session can go on without the certificate's key, and what a client
    /// saves by a longer one is one signature an hour.
    pub const MAX_LINEAGE: Duration = Duration::from_secs(60 * 60);

    /// A binding to this policy, different from every other one.
    pub fn new(policy: &Policy) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(0);
        Self {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            policy: policy.clone(),
            max_lineage: Self::MAX_LINEAGE,
            time: Arc::new(DefaultTimeProvider),
        }
    }

    /// A session, and what is resumed from it, and so on, lasts no longer than this from the handshake in which the
    /// client proved to hold its key.
    #[must_use]
    pub fn with_max_lineage(mut self, max: Duration) -> Self {
        self.max_lineage = max;
        self
    }

    /// Takes the present from there: from `ServerConfig::time_provider`, where that was replaced.
    #[must_use]
    pub fn with_time_provider(mut self, time: Arc<dyn TimeProvider>) -> Self {
        self.time = time;
        self
    }

    pub(super) fn max_lineage(&self) -> Duration {
        self.max_lineage
    }

    /// The session with what it is bound to in front of it; nothing, where it is none to be resumed.
    pub(super) fn seal(&self, session: &[u8]) -> Option<Vec<u8>> {
        let now = self.time.current_time()?;
        // Read before the memory is asked: a change that happens meanwhile makes the seal useless, not wrong.
        let mark = self.mark();
        let proved = self.proved(session, now)?;
        // The lineage is known where the steps of a handshake are watched as one. Where they are not, it is at least not
        // older than the last proof of this certificate.
        let began = reason::lineage().map_or(proved, |began| began.min(proved));
        let seal = [mark.as_slice(), &began.as_secs().to_be_bytes(), session].concat();
        self.is_young(began, now).then_some(seal)
    }

    /// The session, if it was sealed under this policy in its present generation, not too long ago, and its client is
    /// still trusted.
    pub(super) fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let now = self.time.current_time()?;
        let sealed = sealed.strip_prefix(&self.mark())?;
        let (began, session) = sealed.split_first_chunk()?;
        let began = UnixTime::since_unix_epoch(Duration::from_secs(u64::from_be_bytes(*began)));
        if !self.is_young(began, now) || self.proved(session, now).is_none() {
            return None;
        }
        reason::continue_lineage(began);
        Some(session.to_vec())
    }

    /// When the client of the session last proved to hold its key, to the policy as it is, if it is trusted at `now`.
    fn proved(&self, session: &[u8], now: UnixTime) -> Option<UnixTime> {
        let certificates = client_certificates(session)?;
        let recall = self.policy.trust().memory()?;
        recall.proved(Role::Client, certificates.iter(), now)
    }

    fn is_young(&self, began: UnixTime, now: UnixTime) -> bool {
        let age = now.as_secs().checked_sub(began.as_secs());
        age.is_some_and(|age| age <= self.max_lineage.as_secs())
    }

    fn mark(&self) -> [u8; 16] {
        let mut mark = [0; 16];
        let (id, generation) = mark.split_at_mut(8);
        id.copy_from_slice(&self.id.to_be_bytes());
        generation.copy_from_slice(&self.policy.generation().to_be_bytes());
        mark
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Binding")
            .field("policy", &self.policy)
            .field("max_lineage", &self.max_lineage)
            .finish_non_exhaustive()
    }
}

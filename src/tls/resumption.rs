use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::ServerConfig;
use rustls::server::{
    NoServerSessionStorage, ProducesTickets, ServerSessionMemoryCache, StoresServerSessions,
};

use crate::gate::Policy;

/// How many sessions are kept by [`allow_resumption`].
const SESSIONS: usize = 4096;

/// Turns resumption off in a server configuration: no session is stored, no ticket is issued.
///
/// Beware that `ServerConfig::clone` shares session store and ticketer with the original.
pub fn disable_resumption(config: &mut ServerConfig) {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = Arc::new(NoTickets);
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
}

/// Turns resumption on in a server configuration, for as long as `policy` stays as it is.
///
/// A session is stored together with the generation of the policy that it was made under. After any change of anchors,
/// CRLs, pins, deny list, profile or tenants it is not found any more, and rustls makes a full handshake instead: the
/// client only notices that it takes longer. Early data stays off.
///
/// # Security
/// rustls asks nobody about the certificate of a resumed session. What is resumed here was trusted under the very
/// policy that is in force, but perhaps long ago: let each connection be identified again after its handshake, as
/// [`CallerLayer`](crate::web::CallerLayer) does, so that a certificate that has expired meanwhile is refused, and so
/// that the moment between verification and storing cannot matter.
///
/// Not to be shared: to use a configuration with another policy, call it again on the clone.
pub fn allow_resumption(config: &mut ServerConfig, policy: &Policy) {
    let binding = Binding::new(policy);
    config.session_storage = Arc::new(BoundSessions::new(
        ServerSessionMemoryCache::new(SESSIONS),
        binding,
    ));
    config.send_tls13_tickets = 2;
    config.max_early_data_size = 0;
}

/// What sessions and tickets are bound to: one policy, in one generation. Clones are the same binding.
#[derive(Debug, Clone)]
pub struct Binding {
    /// No two policies share it, so a session of one is not one of another in a store that they share.
    id: u64,
    policy: Policy,
}

impl Binding {
    /// A binding to this policy, different from every other one.
    pub fn new(policy: &Policy) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(0);
        Self {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            policy: policy.clone(),
        }
    }

    /// The value with the present generation in front of it.
    fn seal(&self, value: &[u8]) -> Vec<u8> {
        [self.mark().as_slice(), value].concat()
    }

    /// The value, if it was sealed under this policy in its present generation.
    fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        sealed.strip_prefix(&self.mark()).map(<[u8]>::to_vec)
    }

    fn mark(&self) -> [u8; 16] {
        let mut mark = [0; 16];
        let (id, generation) = mark.split_at_mut(8);
        id.copy_from_slice(&self.id.to_be_bytes());
        generation.copy_from_slice(&self.policy.generation().to_be_bytes());
        mark
    }
}

/// A session store whose sessions do not outlive a change of policy.
pub struct BoundSessions {
    inner: Arc<dyn StoresServerSessions>,
    binding: Binding,
}

impl BoundSessions {
    /// Keeps sessions in `inner`, bound.
    pub fn new(inner: Arc<dyn StoresServerSessions>, binding: Binding) -> Self {
        Self { inner, binding }
    }
}

impl fmt::Debug for BoundSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundSessions").finish_non_exhaustive()
    }
}

impl StoresServerSessions for BoundSessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.inner.put(key, self.binding.seal(&value))
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.binding.open(&self.inner.get(key)?)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.binding.open(&self.inner.take(key)?)
    }

    fn can_cache(&self) -> bool {
        self.inner.can_cache()
    }
}

/// A ticketer whose tickets do not outlive a change of policy. For `ServerConfig::ticketer`.
pub struct BoundTickets {
    inner: Arc<dyn ProducesTickets>,
    binding: Binding,
}

impl BoundTickets {
    /// Lets `inner` encrypt them, bound.
    pub fn new(inner: Arc<dyn ProducesTickets>, binding: Binding) -> Self {
        Self { inner, binding }
    }
}

impl fmt::Debug for BoundTickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundTickets").finish_non_exhaustive()
    }
}

impl ProducesTickets for BoundTickets {
    fn enabled(&self) -> bool {
        self.inner.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.inner.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.inner.encrypt(&self.binding.seal(plain))
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.binding.open(&self.inner.decrypt(cipher)?)
    }
}

/// Issues no ticket and reads none.
#[derive(Debug)]
struct NoTickets;

impl ProducesTickets for NoTickets {
    fn enabled(&self) -> bool {
        false
    }

    fn lifetime(&self) -> u32 {
        0
    }

    fn encrypt(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn decrypt(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::{
    NoServerSessionStorage, ProducesTickets, ServerSessionMemoryCache, StoresServerSessions,
};

use super::Binding;
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

/// Turns resumption on in a server configuration, for as long as `policy` stays as it is, and for an hour at most
/// ([`Binding::MAX_LINEAGE`]).
///
/// A session is stored together with the generation of the policy that its client was verified under. After any change of
/// anchors, CRLs, pins, deny list, profile or tenants it is not found any more, and rustls makes a full handshake instead:
/// the client only notices that it takes longer. So it is when the client's certificate, or what else its trust rests on,
/// has expired, and when the client proved its key too long ago. Clients without a certificate always shake hands in full.
/// Early data stays off. A ticketer that is there is taken out: for tickets, put a [`BoundTickets`] in afterwards.
///
/// # Security
/// rustls asks nobody about the certificate of a resumed session; the store does, when the session is taken. Let each
/// connection be identified again after its handshake all the same, as [`CallerLayer`](crate::web::CallerLayer) does: a
/// connection lives on when its session may not be resumed any more.
///
/// rustls does not say of a session that it stores in TLS 1.3 which one it was resumed from. Where the steps of a handshake
/// are watched as one ([`Reason::watch_all`](super::Reason::watch_all), as [`Acceptor`](crate::web::Acceptor) does), a
/// lineage ends when the longest one allowed has passed since its own full handshake. Elsewhere it ends when that has passed
/// since the *last* full handshake with the same certificates, on whichever connection: clients that share a certificate
/// prolong each other's sessions then.
///
/// The configuration is to verify its clients by that very [`Policy::trust`]: only whom the policy remembers to have
/// verified is resumed. Not to be shared: call it again on a clone, which shares the store.
pub fn allow_resumption(config: &mut ServerConfig, policy: &Policy) {
    allow_resumption_within(config, policy, Binding::MAX_LINEAGE);
}

/// [`allow_resumption`] with another longest lineage of sessions.
pub fn allow_resumption_within(config: &mut ServerConfig, policy: &Policy, max_lineage: Duration) {
    let binding = Binding::new(policy)
        .with_max_lineage(max_lineage)
        .with_time_provider(config.time_provider.clone());
    config.session_storage = Arc::new(BoundSessions::new(
        ServerSessionMemoryCache::new(SESSIONS),
        binding,
    ));
    // One that is there already would be asked in place of the store, and binds nothing.
    config.ticketer = Arc::new(NoTickets);
    config.send_tls13_tickets = 2;
    config.max_early_data_size = 0;
}

/// A session store whose sessions outlive neither a change of policy nor the trust in their client.
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
        match self.binding.seal(&value) {
            Some(sealed) => self.inner.put(key, sealed),
            None => false,
        }
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

/// A ticketer whose tickets outlive neither a change of policy nor the trust in their client. For
/// `ServerConfig::ticketer`.
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
        let max = u32::try_from(self.binding.max_lineage().as_secs()).unwrap_or(u32::MAX);
        self.inner.lifetime().min(max)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.inner.encrypt(&self.binding.seal(plain)?)
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

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use rustls_pki_types::UnixTime;

use crate::payload::jose::algorithms::{Algorithms, ProviderAlgorithms};
use crate::payload::jose::{
    CacheRules, InvalidCacheRules, InvalidFetch, JwksCache, JwsVerifier, NextFetch, Unknown,
};

/// A [`JwksCache`] that is shared: by verifiers, which read it without waiting, and by the one who fetches. No I/O.
/// Clones share it.
#[derive(Clone)]
pub struct RemoteJwks(Arc<Shared>);

struct Shared {
    cache: Mutex<JwksCache>,
    current: ArcSwapOption<Current>,
    algorithms: Algorithms,
    provider: ProviderAlgorithms,
    wanted: Mutex<Option<Box<dyn Fn() + Send + Sync>>>,
}

struct Current {
    keys: JwsVerifier,
    until: UnixTime,
}

impl RemoteJwks {
    /// A set that is not there yet, for tokens of these algorithms.
    ///
    /// # Errors
    /// [`InvalidCacheRules`].
    pub fn new(
        rules: CacheRules,
        algorithms: impl Into<Algorithms>,
        provider: ProviderAlgorithms,
    ) -> Result<Self, InvalidCacheRules> {
        Ok(Self(Arc::new(Shared {
            cache: Mutex::new(JwksCache::new(rules)?),
            current: ArcSwapOption::empty(),
            algorithms: algorithms.into(),
            provider,
            wanted: Mutex::new(None),
        })))
    }

    /// The keys, if there are any and they still count.
    pub fn keys(&self, now: UnixTime) -> Option<JwsVerifier> {
        let current = self.0.current.load();
        let current = current.as_ref()?;
        (now < current.until).then(|| current.keys.clone())
    }

    /// As [`JwksCache::unknown_key`]; whoever fetches is told.
    pub fn unknown_key(&self, now: UnixTime) -> Unknown {
        let answer = self.cache().unknown_key(now);
        if answer == Unknown::Refreshing
            && let Some(wake) = &*lock(&self.0.wanted)
        {
            wake();
        }
        answer
    }

    /// As [`JwksCache::poll`].
    pub fn poll(&self, now: UnixTime) -> NextFetch {
        self.cache().poll(now)
    }

    /// As [`JwksCache::fetched`]; verifiers see the new keys at once.
    ///
    /// # Errors
    /// [`InvalidFetch`]; the keys that were held stay then.
    pub fn fetched(&self, body: &[u8], now: UnixTime) -> Result<(), InvalidFetch> {
        let mut cache = self.cache();
        let keys = cache
            .fetched(body, now)?
            .verifier(self.0.algorithms, self.0.provider);
        let until = cache.keys_until().unwrap_or(now);
        self.0.current.store(Some(Arc::new(Current { keys, until })));
        Ok(())
    }

    /// As [`JwksCache::failed`].
    pub fn failed(&self) {
        self.cache().failed();
    }

    /// Calls this when a token has named an unknown key, so that [`poll`](Self::poll) is asked again.
    pub fn when_wanted(&self, wake: impl Fn() + Send + Sync + 'static) {
        *lock(&self.0.wanted) = Some(Box::new(wake));
    }

    fn cache(&self) -> MutexGuard<'_, JwksCache> {
        lock(&self.0.cache)
    }
}

/// What is behind the lock is whole after every statement, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for RemoteJwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteJwks")
            .field("algorithms", &self.0.algorithms)
            .field("cache", &*self.cache())
            .finish_non_exhaustive()
    }
}

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;

use crate::clock::Monotonic;
use crate::payload::Unknown;
#[cfg(feature = "jwks-fetch")]
use crate::payload::jose::Spread;
#[cfg(feature = "http-signatures")]
use crate::payload::jose::VerifyingKey;
use crate::payload::jose::algorithms::{Algorithms, ProviderAlgorithms};
use crate::payload::jose::{
    CacheRules, Choice, InvalidCacheRules, InvalidFetch, JwksCache, JwsVerifier, NextFetch, Reading,
};

/// A [`JwksCache`] that is shared: by verifiers, which read it without waiting, and by the one who fetches. No I/O.
/// Clones share it.
///
/// ```
/// use countersign::payload::jose::{Algorithm, CacheRules, NextFetch, RemoteJwks};
///
/// let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
/// let remote = RemoteJwks::new(CacheRules::default(), [Algorithm::Es256], algorithms)?;
/// // Whoever fetches asks when; verifiers hold clones.
/// assert_eq!(remote.poll(), NextFetch::Fetch);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct RemoteJwks {
    shared: Arc<Shared>,
    reading: Reading,
}

struct Shared {
    clock: Monotonic,
    cache: Mutex<JwksCache>,
    current: ArcSwapOption<Current>,
    allowed: Algorithms,
    algorithms: ProviderAlgorithms,
    wanted: Mutex<Option<Box<dyn Fn() + Send + Sync>>>,
}

struct Current {
    keys: JwsVerifier,
    #[cfg(feature = "http-signatures")]
    verifying: Arc<[VerifyingKey]>,
    until: Duration,
}

impl Shared {
    fn new(
        rules: CacheRules,
        allowed: Algorithms,
        algorithms: ProviderAlgorithms,
        clock: Monotonic,
    ) -> Result<Arc<Self>, InvalidCacheRules> {
        Ok(Arc::new(Self {
            clock,
            cache: Mutex::new(JwksCache::new(rules)?),
            current: ArcSwapOption::empty(),
            allowed,
            algorithms,
            wanted: Mutex::new(None),
        }))
    }
}

impl RemoteJwks {
    /// A set that is not there yet, for tokens of the allowed algorithms. Its age is that of the system's monotonic clock:
    /// nothing becomes younger when the time of day is set.
    ///
    /// # Errors
    /// [`InvalidCacheRules`].
    pub fn new(
        rules: CacheRules,
        allowed: impl Into<Algorithms>,
        algorithms: ProviderAlgorithms,
    ) -> Result<Self, InvalidCacheRules> {
        Self::timed_by(rules, allowed, algorithms, Monotonic::default())
    }

    /// The same with a clock of your own: for tests that do not wait.
    ///
    /// # Errors
    /// [`InvalidCacheRules`].
    pub fn timed_by(
        rules: CacheRules,
        allowed: impl Into<Algorithms>,
        algorithms: ProviderAlgorithms,
        clock: Monotonic,
    ) -> Result<Self, InvalidCacheRules> {
        Ok(Self {
            shared: Shared::new(rules, allowed.into(), algorithms, clock)?,
            reading: Reading::by(Choice::ByName),
        })
    }

    /// As [`JwsVerifier::allow_trying_keys`], for this and its later clones.
    #[must_use]
    pub fn allow_trying_keys(mut self) -> Self {
        self.reading = self.reading.trying();
        self
    }

    /// As [`JwsVerifier::with_limit`], for this and its later clones.
    #[must_use]
    pub fn with_limit(mut self, bytes: usize) -> Self {
        self.reading.longest = bytes;
        self
    }

    /// The keys, if there are any and they still count.
    pub fn keys(&self) -> Option<JwsVerifier> {
        self.current(|current| current.keys.clone().reading(self.reading))
    }

    /// The keys for HTTP message signatures: each key with each algorithm that it verifies.
    #[cfg(feature = "http-signatures")]
    pub fn verifying_keys(&self) -> Option<Arc<[VerifyingKey]>> {
        self.current(|current| current.verifying.clone())
    }

    fn current<T>(&self, read: impl FnOnce(&Current) -> T) -> Option<T> {
        let current = self.shared.current.load();
        let current = current.as_ref()?;
        (self.shared.clock.elapsed() < current.until).then(|| read(current))
    }

    /// As [`JwksCache::unknown_key`]; whoever fetches is told.
    pub fn unknown_key(&self) -> Unknown {
        let answer = {
            let mut cache = self.cache();
            cache.unknown_key(self.shared.clock.elapsed())
        };
        if answer == Unknown::Refreshing
            && let Some(wake) = &*lock(&self.shared.wanted)
        {
            wake();
        }
        answer
    }

    /// As [`JwksCache::poll`].
    pub fn poll(&self) -> NextFetch {
        let mut cache = self.cache();
        cache.poll(self.shared.clock.elapsed())
    }

    /// As [`poll`](Self::poll), off the regular times by so much.
    #[cfg(feature = "jwks-fetch")]
    pub(crate) fn poll_spread(&self, spread: Spread) -> NextFetch {
        let mut cache = self.cache();
        cache.poll_spread(self.shared.clock.elapsed(), spread)
    }

    #[cfg(feature = "jwks-fetch")]
    pub(crate) fn rules(&self) -> CacheRules {
        self.cache().rules()
    }

    /// As [`JwksCache::fetched`]; verifiers see the new keys at once.
    ///
    /// # Errors
    /// [`InvalidFetch`]; the keys that were held stay then.
    pub fn fetched(&self, body: &[u8]) -> Result<(), InvalidFetch> {
        let shared = &*self.shared;
        let mut cache = self.cache();
        let now = shared.clock.elapsed();
        let keys = cache
            .fetched(body, now)?
            .verifier(shared.allowed, shared.algorithms);
        let until = cache.keys_until().unwrap_or(now);
        shared.current.store(Some(Arc::new(Current {
            #[cfg(feature = "http-signatures")]
            verifying: keys.verifying_keys().cloned().collect(),
            keys,
            until,
        })));
        Ok(())
    }

    /// As [`JwksCache::failed`].
    pub fn failed(&self) {
        self.cache().failed();
    }

    /// Calls this when a token was signed with an unknown key, so that [`poll`](Self::poll) is asked again.
    pub fn when_wanted(&self, wake: impl Fn() + Send + Sync + 'static) {
        *lock(&self.shared.wanted) = Some(Box::new(wake));
    }

    fn cache(&self) -> MutexGuard<'_, JwksCache> {
        lock(&self.shared.cache)
    }
}

/// What is behind the lock is whole after every statement, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for RemoteJwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteJwks")
            .field("allowed", &self.shared.allowed)
            .field("cache", &*self.cache())
            .finish_non_exhaustive()
    }
}

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use crate::breaker::Jitter;
use crate::payload::jose::{InvalidFetch, NextFetch, RemoteJwks, Spread};

/// Keeps a key set fresh, for as long as it is polled: spawn it. It does what [`RemoteJwks::poll`] says, one fetch at a
/// time, and tells `report` what failed.
///
/// A fleet that was started together does not ask together: a set is asked for again up to a fifth of its
/// [`fresh`](crate::payload::jose::CacheRules::fresh) sooner, and after a failure up to a fifth of the cool-down later. Where a
/// token's key is not known, neither is waited for.
///
/// ```no_run
/// use std::sync::Arc;
/// use countersign::address::AddressGuard;
/// use countersign::payload::jose::{Algorithms, CacheRules, RemoteJwks};
/// use countersign::reload::{FetchJwks, keep_fresh};
///
/// # async fn example(tls: Arc<rustls::ClientConfig>) -> Result<(), Box<dyn std::error::Error>> {
/// # let provider = tls.crypto_provider().clone();
/// let algorithms = provider.signature_verification_algorithms.all;
/// let keys = RemoteJwks::new(CacheRules::default(), Algorithms::PUBLIC_KEY, algorithms)?;
/// let fetch = FetchJwks::new("https://issuer.example/jwks.json", tls, AddressGuard::new())?;
/// tokio::spawn(keep_fresh(keys.clone(), move || {
///     let fetch = fetch.clone();
///     async move { fetch.fetch().await }
/// }, |failed| eprintln!("{failed}")));
/// # Ok(())
/// # }
/// ```
pub async fn keep_fresh<E, A>(keys: RemoteJwks, fetch: impl Fn() -> A, report: impl Fn(RefreshFailed<E>))
where
    A: Future<Output = Result<Bytes, E>>,
{
    let wanted = Arc::new(Notify::new());
    let wake = Arc::clone(&wanted);
    keys.when_wanted(move || wake.notify_one());
    let mut spread = drawn(&keys);
    loop {
        match keys.poll_spread(spread) {
            NextFetch::Fetch => {
                if let Err(failed) = refresh(&keys, &fetch).await {
                    report(failed);
                }
                spread = drawn(&keys);
            }
            NextFetch::WaitFor(left) => wait(left, &wanted).await,
        }
    }
}

/// Up to a fifth, drawn anew for each time.
fn drawn(keys: &RemoteJwks) -> Spread {
    let more = |time| Jitter::random().delay(time).saturating_sub(time);
    let rules = keys.rules();
    Spread {
        early: more(rules.fresh),
        late: more(rules.cool_down),
    }
}

async fn refresh<E, A>(keys: &RemoteJwks, fetch: impl Fn() -> A) -> Result<(), RefreshFailed<E>>
where
    A: Future<Output = Result<Bytes, E>>,
{
    let asked = Asked(Some(keys));
    let patience = keys.rules().patience;
    let body = tokio::time::timeout(patience, fetch()).await;
    let body = body.map_err(|_| RefreshFailed::TimedOut { patience })?;
    let body = body.map_err(RefreshFailed::Fetch)?;
    asked.answered(&body).map_err(RefreshFailed::Answer)
}

/// What was asked for. It has failed unless it was answered: also where the fetch panics, and where nobody polls it to
/// its end.
struct Asked<'k>(Option<&'k RemoteJwks>);

impl Asked<'_> {
    fn answered(mut self, body: &[u8]) -> Result<(), InvalidFetch> {
        self.0.take().map_or(Ok(()), |keys| keys.fetched(body))
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if let Some(keys) = self.0 {
            keys.failed();
        }
    }
}

/// Until it is due, or somebody's key is not known. Looked at once a minute in any case: the set may count by a clock of
/// the caller's.
async fn wait(left: Duration, wanted: &Notify) {
    let left = left.min(Duration::from_secs(60));
    let _ = tokio::time::timeout(left, wanted.notified()).await;
}

/// The reason why a key set was not renewed. The last good one stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshFailed<E> {
    /// It did not arrive.
    #[error("the key set was not fetched: {0}")]
    Fetch(E),
    /// It took longer than the [`patience`](crate::payload::jose::CacheRules::patience) of its rules.
    #[error("the key set was not fetched within {patience:?}")]
    TimedOut {
        /// The limit in force.
        patience: Duration,
    },
    /// It is not to be used.
    #[error("the key set is not taken: {0}")]
    Answer(InvalidFetch),
}

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustls_pki_types::UnixTime;
use tokio::sync::Notify;

use crate::payload::jose::{InvalidFetch, NextFetch, RemoteJwks};

/// Keeps a key set fresh, for as long as it is polled: spawn it. It does what [`RemoteJwks::poll`] says, one fetch at a
/// time, and tells `report` what failed.
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
    loop {
        match keys.poll(now()) {
            NextFetch::Fetch => {
                if let Err(failed) = refresh(&keys, &fetch).await {
                    report(failed);
                }
            }
            NextFetch::WaitUntil(due) => wait(due, &wanted).await,
        }
    }
}

async fn refresh<E, A>(keys: &RemoteJwks, fetch: impl Fn() -> A) -> Result<(), RefreshFailed<E>>
where
    A: Future<Output = Result<Bytes, E>>,
{
    let body = fetch().await.inspect_err(|_| keys.failed());
    let body = body.map_err(RefreshFailed::Fetch)?;
    keys.fetched(&body, now()).map_err(RefreshFailed::Answer)
}

/// Until it is due, or somebody has named an unknown key. The clock may be set in between, so it is asked again at
/// least once a minute.
async fn wait(due: UnixTime, wanted: &Notify) {
    let left = due.as_secs().saturating_sub(now().as_secs()).clamp(1, 60);
    let _ = tokio::time::timeout(Duration::from_secs(left), wanted.notified()).await;
}

fn now() -> UnixTime {
    #[expect(
        clippy::disallowed_methods,
        reason = "this plug is where the present comes from"
    )]
    UnixTime::now()
}

/// Why a key set was not renewed. The last good one stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshFailed<E> {
    /// It did not arrive.
    #[error("the key set was not fetched: {0}")]
    Fetch(E),
    /// It is not to be used.
    #[error("the key set is not taken: {0}")]
    Answer(InvalidFetch),
}

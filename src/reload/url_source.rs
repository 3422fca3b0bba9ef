use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustls_pki_types::UnixTime;

use super::file_source::{AnyError, in_background, not_loaded};
use super::ready::before_next_update;
use super::{Fetch, FetchFailed, Loaded, Loading, NotLoaded, Source};
#[cfg(feature = "jwt")]
use crate::payload::jose::{Algorithms, JwkSet, JwsVerifier, ProviderAlgorithms};
use crate::trust::Crls;

/// A source of what is published at URLs, and of what makes sense of it.
///
/// While one of several does not answer, what it answered before is taken in its place, and the failure is told.
///
/// ```
/// use countersign::egress::Egress;
/// use countersign::reload::{Fetch, UrlSource};
///
/// // Lists are signed, and need no protection on their way.
/// let fetch = Fetch::over_http("http://crl.ca.example/root.crl", Egress::new())?;
/// let lists = UrlSource::crls([fetch]);
/// assert!(format!("{lists:?}").contains("crl.ca.example"));
/// # Ok::<(), countersign::reload::InvalidUrl>(())
/// ```
pub struct UrlSource<T> {
    /// Each with what it answered when that was last good.
    urls: Vec<(Fetch, Option<Bytes>)>,
    read: Arc<Read<T>>,
    again: fn(&T, UnixTime) -> Option<Duration>,
}

type Read<T> = dyn Fn(&[Bytes], Option<&T>, UnixTime) -> Result<T, AnyError> + Send + Sync;

impl<T> UrlSource<T> {
    /// Makes what is to be in force of what these URLs answer, in their order. The function is given what is in force,
    /// or was before it was withdrawn, if anything was, and the present.
    pub fn new<E: Into<AnyError>>(
        urls: impl IntoIterator<Item = Fetch>,
        read: impl Fn(&[Bytes], Option<&T>, UnixTime) -> Result<T, E> + Send + Sync + 'static,
    ) -> Self {
        Self {
            urls: urls.into_iter().map(|fetch| (fetch, None)).collect(),
            read: Arc::new(move |bodies: &[Bytes], before: Option<&T>, now| {
                read(bodies, before, now).map_err(Into::into)
            }),
            again: |_, _| None,
        }
    }
}

impl UrlSource<Crls> {
    /// Revocation lists, in DER or PEM. None may be missing, or have a lower number, that was there before
    /// ([`Crls::renewed_by`]); one that runs out stays as it is while others are renewed. They are
    /// asked for again when half of the time has passed until the first is out of date, and at the latest as the [`Rules`](super::Rules) say.
    pub fn crls(urls: impl IntoIterator<Item = Fetch>) -> Self {
        let read = |bodies: &[Bytes], before: Option<&Crls>, now| {
            Crls::kept_in(bodies.iter().map(AsRef::as_ref), before, now)
        };
        Self {
            again: before_next_update,
            ..Self::new(urls, read)
        }
    }
}

#[cfg(feature = "jwt")]
impl UrlSource<JwsVerifier> {
    /// A published key set (JWKS), for tokens of the allowed algorithms; at least one of its keys must be of use.
    ///
    /// It is asked for at intervals only. Where a token's key that is not known is to make it asked for at once, and a set is
    /// not to count for longer than a day, use [`RemoteJwks`](crate::payload::jose::RemoteJwks).
    pub fn jwks(url: Fetch, allowed: impl Into<Algorithms>, algorithms: ProviderAlgorithms) -> Self {
        let allowed = allowed.into();
        Self::new([url], move |bodies, before, _| {
            let body = bodies.first().map(AsRef::as_ref).unwrap_or_default();
            let set = JwkSet::parse_published(body).map_err(NotLoaded::invalid)?;
            let read = set.verifier(allowed, algorithms);
            if read.is_empty() {
                return Err(NotLoaded::invalid("the key set holds no key that can be used"));
            }
            Ok(match before {
                Some(before) => read.with_history_of(before),
                None => read,
            })
        })
    }
}

impl<T: Send + Sync + 'static> UrlSource<T> {
    async fn look(&mut self, before: Option<Arc<T>>, now: UnixTime) -> Result<Loaded<T>, NotLoaded> {
        let mut looked = Loaded::unchanged();
        let mut bodies = Vec::with_capacity(self.urls.len());
        for (fetch, good) in &self.urls {
            match (fetch.fetch().await, good) {
                (Ok(body), _) => bodies.push(body),
                (Err(failed), None) => return Err(not_fetched(fetch, failed)),
                (Err(failed), Some(good)) => {
                    looked.despite = Some(not_fetched(fetch, failed));
                    bodies.push(good.clone());
                }
            }
        }
        let is_good = |(body, (_, good)): (&Bytes, &(Fetch, Option<Bytes>))| good.as_ref() == Some(body);
        if let Some(before) = before
            .as_ref()
            .filter(|_| bodies.iter().zip(&self.urls).all(is_good))
        {
            let again = (self.again)(before, now);
            return Ok(again.into_iter().fold(looked, Loaded::again_within));
        }
        let (read, fetched) = (self.read.clone(), bodies.clone());
        let value = in_background(move || read(&fetched, before.as_deref(), now).map_err(not_loaded)).await?;
        // Only now: what cannot be used is not taken in the place of what will be missing next time.
        for ((_, good), body) in self.urls.iter_mut().zip(bodies) {
            *good = Some(body);
        }
        let again = (self.again)(&value, now);
        looked.value = Some(value);
        Ok(again.into_iter().fold(looked, Loaded::again_within))
    }
}

fn not_fetched(fetch: &Fetch, failed: FetchFailed) -> NotLoaded {
    let what = fetch.shown();
    match failed {
        FetchFailed::TooLarge { limit } => NotLoaded::TooLarge { what, limit },
        failed => NotLoaded::Unreadable {
            what,
            reason: failed.to_string(),
        },
    }
}

impl<T: Send + Sync + 'static> Source<T> for UrlSource<T> {
    fn load(&mut self, before: Option<Arc<T>>, now: UnixTime) -> Loading<'_, T> {
        Box::pin(self.look(before, now))
    }
}

impl<T> fmt::Debug for UrlSource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls: Vec<_> = self.urls.iter().map(|(fetch, _)| fetch.shown()).collect();
        f.debug_struct("UrlSource")
            .field("urls", &urls)
            .finish_non_exhaustive()
    }
}

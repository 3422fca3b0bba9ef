use std::time::Duration;

use rustls_pki_types::UnixTime;

use crate::payload::jose::{InvalidJwkSet, JwkSet};

/// How long a published key set counts, and how often it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheRules {
    /// How long it is not asked for again. Default ten minutes.
    pub fresh: Duration,
    /// How long it counts when nobody answers. Default one day. Never shorter than `fresh`.
    pub max_age: Duration,
    /// How long to wait between two requests, whatever made them: a failure, or a token that names a key which is not
    /// in the set. Default 30 seconds.
    pub cool_down: Duration,
    /// How long a request may take before another is made. Default 15 seconds.
    pub patience: Duration,
}

impl Default for CacheRules {
    fn default() -> Self {
        Self {
            fresh: Duration::from_secs(600),
            max_age: Duration::from_secs(24 * 3600),
            cool_down: Duration::from_secs(30),
            patience: Duration::from_secs(15),
        }
    }
}

impl CacheRules {
    /// Asked for again after so long.
    #[must_use]
    pub fn with_fresh(mut self, fresh: Duration) -> Self {
        self.fresh = fresh;
        self
    }

    /// Not used any more after so long.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// So long between two requests.
    #[must_use]
    pub fn with_cool_down(mut self, cool_down: Duration) -> Self {
        self.cool_down = cool_down;
        self
    }

    fn check(&self) -> Result<(), InvalidCacheRules> {
        if self.max_age < self.fresh {
            return Err(InvalidCacheRules::MaxAge);
        }
        if self.cool_down < Duration::from_secs(1) {
            return Err(InvalidCacheRules::CoolDown);
        }
        Ok(())
    }
}

/// Rules that do not make sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCacheRules {
    /// The set would count for a shorter time than it is fresh.
    #[error("max_age is shorter than fresh; make it at least as long")]
    MaxAge,
    /// Anybody could make us ask as often as they send tokens.
    #[error("cool_down is shorter than a second; make it longer")]
    CoolDown,
}

/// A published key set that is kept fresh. No I/O and no clock: it says when to fetch, and is told what came.
///
/// * While the set is *fresh*, nothing is asked. Afterwards it still counts (stale while revalidating), until it has
///   reached its maximum age: then there are no keys, which is an outage and not a refusal.
/// * One request at a time.
/// * A token that names an unknown key makes it ask again, but not before the cool-down has passed. So whoever sends
///   such tokens cannot make us flood the owner of the set.
/// * An answer that is not a key set, or that holds no key to use, changes nothing: the last good set stays.
#[derive(Debug)]
pub struct JwksCache {
    rules: CacheRules,
    set: Option<Held>,
    /// When the request under way began.
    asking: Option<UnixTime>,
    /// When the last request began.
    asked: Option<UnixTime>,
    /// A token named a key that is not in the set.
    wanted: bool,
}

#[derive(Debug)]
struct Held {
    keys: JwkSet,
    since: UnixTime,
}

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NextFetch {
    /// Fetch the set now, and tell [`fetched`](JwksCache::fetched) or [`failed`](JwksCache::failed).
    Fetch,
    /// Ask again at this time, or when a token has named an unknown key.
    WaitUntil(UnixTime),
}

/// What becomes of a token that names an unknown key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unknown {
    /// The set is asked for again. Nothing speaks against the token yet: an outage, so that its sender comes again.
    Refreshing,
    /// The set was asked for a moment ago: the key is not in it.
    Refused,
}

impl JwksCache {
    /// An empty cache, which wants to fetch at once.
    ///
    /// # Errors
    /// [`InvalidCacheRules`].
    pub fn new(rules: CacheRules) -> Result<Self, InvalidCacheRules> {
        rules.check()?;
        Ok(Self {
            rules,
            set: None,
            asking: None,
            asked: None,
            wanted: false,
        })
    }

    /// What to do now. After [`NextFetch::Fetch`] nobody else is told so until the answer is there, or patience has run out.
    pub fn poll(&mut self, now: UnixTime) -> NextFetch {
        let due = self.due();
        if now < due {
            return NextFetch::WaitUntil(due);
        }
        self.asking = Some(now);
        self.asked = Some(now);
        self.wanted = false;
        NextFetch::Fetch
    }

    /// When the next request may be made.
    fn due(&self) -> UnixTime {
        if let Some(began) = self.asking {
            return after(began, self.rules.patience);
        }
        let cooled = self
            .asked
            .map_or(EPOCH, |asked| after(asked, self.rules.cool_down));
        let stale = match &self.set {
            Some(held) if !self.wanted => after(held.since, self.rules.fresh),
            _ => EPOCH,
        };
        cooled.max(stale)
    }

    /// The answer has come.
    ///
    /// # Errors
    /// [`InvalidJwkSet`], or [`InvalidFetch::NoUsableKey`]; the set that was held stays then.
    pub fn fetched(&mut self, body: &[u8], now: UnixTime) -> Result<&JwkSet, InvalidFetch> {
        self.asking = None;
        let keys = JwkSet::parse_published(body)?;
        if keys.keys().next().is_none() {
            return Err(InvalidFetch::NoUsableKey);
        }
        let held = self.set.insert(Held { keys, since: now });
        Ok(&held.keys)
    }

    /// The request has failed. The set that is held stays, until it is too old.
    pub fn failed(&mut self) {
        self.asking = None;
    }

    /// The keys, if they still count.
    pub fn keys(&self, now: UnixTime) -> Option<&JwkSet> {
        let held = self.set.as_ref()?;
        let counts = now < after(held.since, self.rules.max_age);
        counts.then_some(&held.keys)
    }

    /// Until when the keys count.
    pub fn keys_until(&self) -> Option<UnixTime> {
        self.set
            .as_ref()
            .map(|held| after(held.since, self.rules.max_age))
    }

    /// A token named a key that is not in the set.
    pub fn unknown_key(&mut self, now: UnixTime) -> Unknown {
        let cooled = self
            .asked
            .map_or(EPOCH, |asked| after(asked, self.rules.cool_down));
        if self.asking.is_some() {
            return Unknown::Refreshing;
        }
        if now < cooled {
            return Unknown::Refused;
        }
        self.wanted = true;
        Unknown::Refreshing
    }
}

const EPOCH: UnixTime = UnixTime::since_unix_epoch(Duration::ZERO);

fn after(time: UnixTime, span: Duration) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(time.as_secs().saturating_add(span.as_secs())))
}

/// Why an answer is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidFetch {
    /// Not a key set.
    #[error(transparent)]
    Set(#[from] InvalidJwkSet),
    /// There is no key in it that can be used.
    #[error("the key set holds no key that can be used")]
    NoUsableKey,
}

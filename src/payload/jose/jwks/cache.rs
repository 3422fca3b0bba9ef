use std::time::Duration;

use crate::payload::Unknown;
use crate::payload::jose::{InvalidJwkSet, JwkSet};

/// Cache lifetimes of a published key set: how long it counts, and how often it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheRules {
    /// How long it is not asked for again. Default ten minutes.
    pub fresh: Duration,
    /// How long it counts when nobody answers. Default one day. Never shorter than `fresh`.
    pub max_age: Duration,
    /// How long to wait between two requests, whatever made them: a failure, or a token whose key is not in the set.
    /// Default 30 seconds.
    pub cool_down: Duration,
    /// How long a request may take before it counts as failed and another is made, and how long somebody who is wanted to
    /// make one may take to begin. Default 15 seconds.
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

    /// Stops using a set after so long.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// Waits so long between two requests.
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

/// A cache of a published key set (JWKS). No I/O and no clock: it says when to fetch, and is told what came.
///
/// * While the set is *fresh*, nothing is asked. Afterwards it still counts (stale while revalidating), until it has
///   reached its maximum age: then there are no keys, which is an outage and not a refusal.
/// * One request at a time.
/// * A token whose key is not in the set makes it ask again: one that names another key, and one whose signature does not
///   match, since a name may have been given to a new key. But not before the cool-down has passed, so whoever sends such
///   tokens cannot make us flood the owner of the set.
/// * An answer that is not a key set, or that holds no key to use, changes nothing: the last good set stays.
/// * Nobody who fetches is relied upon: what was asked for and has not come counts as failed after `patience`, and where
///   nobody asks, unknown keys are refused.
///
/// `now` is always the time since any moment on a clock that is never set, such as
/// [`Monotonic`](crate::clock::Monotonic): keys do not become younger by a step of the time of day.
///
/// ```
/// use std::time::Duration;
/// use countersign::payload::Unknown;
/// use countersign::payload::jose::{CacheRules, JwksCache, NextFetch};
///
/// let at = Duration::from_secs;
/// let mut cache = JwksCache::new(CacheRules::default())?;
/// assert_eq!(cache.poll(at(0)), NextFetch::Fetch);
/// let body = br#"{"keys":[{"kty":"oct","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]}"#;
/// assert!(cache.fetched(body, at(1)).is_err(), "a published set holds no secrets");
/// assert!(cache.keys(at(1)).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct JwksCache {
    rules: CacheRules,
    set: Option<Held>,
    /// The request under way.
    asking: Option<Asking>,
    /// When the last request began.
    asked: Option<Duration>,
    /// From when on a request is wanted for a key that is not in the set.
    wanted: Option<Duration>,
}

#[derive(Debug)]
struct Held {
    keys: JwkSet,
    since: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Asking {
    began: Duration,
    /// Whether it was made for a key that is not in the set.
    wanted: bool,
}

/// The next step of whoever fetches a key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NextFetch {
    /// Fetch the set now, and tell [`fetched`](JwksCache::fetched) or [`failed`](JwksCache::failed).
    Fetch,
    /// Ask again after so long, or when [`unknown_key`](JwksCache::unknown_key) has said
    /// [`Refreshing`](Unknown::Refreshing).
    WaitFor(Duration),
}

/// How far a fleet's members, which were started together, keep apart from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Spread {
    /// By how much a set is stale sooner.
    pub(crate) early: Duration,
    /// By how much the pause between two requests is longer, where no key is wanted.
    pub(crate) late: Duration,
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
            wanted: None,
        })
    }

    #[cfg(feature = "jwks-fetch")]
    pub(super) fn rules(&self) -> CacheRules {
        self.rules
    }

    /// What to do now. After [`NextFetch::Fetch`] nobody else is told so until the answer is there, or patience has run out.
    pub fn poll(&mut self, now: Duration) -> NextFetch {
        self.poll_spread(now, Spread::default())
    }

    /// As [`poll`](Self::poll), off the regular times by so much.
    pub(super) fn poll_spread(&mut self, now: Duration, spread: Spread) -> NextFetch {
        let left = self.due(spread).saturating_sub(now);
        if !left.is_zero() {
            return NextFetch::WaitFor(left);
        }
        self.give_up(now);
        self.asking = Some(Asking {
            began: now,
            wanted: self.wanted.take().is_some(),
        });
        self.asked = Some(now);
        NextFetch::Fetch
    }

    /// When the next request may be made.
    fn due(&self, spread: Spread) -> Duration {
        if let Some(asking) = self.asking {
            return asking.began.saturating_add(self.rules.patience);
        }
        // Whoever waits for a key waits no longer for the sake of others.
        if let Some(wanted) = self.wanted {
            return self.cooled().max(wanted);
        }
        let stale = self.set.as_ref().map(|held| self.stale(held)).unwrap_or_default();
        let cooled = self
            .asked
            .map(|_| self.cooled().saturating_add(spread.late))
            .unwrap_or_default();
        cooled.max(stale.saturating_sub(spread.early))
    }

    fn stale(&self, held: &Held) -> Duration {
        held.since.saturating_add(self.rules.fresh)
    }

    fn cooled(&self) -> Duration {
        self.asked
            .map_or(Duration::ZERO, |asked| asked.saturating_add(self.rules.cool_down))
    }

    /// A request that has not been answered in time is none any more: who made it may have died.
    fn give_up(&mut self, now: Duration) {
        let overdue = |asking: Asking| now >= asking.began.saturating_add(self.rules.patience);
        if self.asking.is_some_and(overdue) {
            self.failed();
        }
    }

    /// The answer has come.
    ///
    /// # Errors
    /// [`InvalidJwkSet`], or [`InvalidFetch::NoUsableKey`]; the set that was held stays then.
    pub fn fetched(&mut self, body: &[u8], now: Duration) -> Result<&JwkSet, InvalidFetch> {
        let keys = match read(body) {
            Ok(keys) => keys,
            Err(invalid) => {
                self.failed();
                return Err(invalid);
            }
        };
        self.asking = None;
        let held = self.set.insert(Held { keys, since: now });
        Ok(&held.keys)
    }

    /// The request has failed. The set that is held stays, until it is too old. A key that was wanted still is, as soon as
    /// the cool-down has passed.
    pub fn failed(&mut self) {
        if self.asking.take().is_some_and(|asking| asking.wanted) {
            self.wanted = Some(self.cooled());
        }
    }

    /// The keys, if they still count.
    pub fn keys(&self, now: Duration) -> Option<&JwkSet> {
        let held = self.set.as_ref()?;
        (now < self.too_old(held)).then_some(&held.keys)
    }

    /// Until when the keys count.
    pub fn keys_until(&self) -> Option<Duration> {
        self.set.as_ref().map(|held| self.too_old(held))
    }

    fn too_old(&self, held: &Held) -> Duration {
        held.since.saturating_add(self.rules.max_age)
    }

    /// A token was signed with a key that is not in the set.
    pub fn unknown_key(&mut self, now: Duration) -> Unknown {
        self.give_up(now);
        if self.asking.is_some() {
            return Unknown::Refreshing;
        }
        if self.wanted.is_none() && now < self.cooled() {
            return Unknown::Refused;
        }
        let wanted = *self.wanted.get_or_insert(now);
        if now < wanted.saturating_add(self.rules.patience) {
            Unknown::Refreshing
        } else {
            Unknown::Refused
        }
    }
}

fn read(body: &[u8]) -> Result<JwkSet, InvalidFetch> {
    let keys = JwkSet::parse_published(body)?;
    if keys.keys().next().is_none() {
        return Err(InvalidFetch::NoUsableKey);
    }
    Ok(keys)
}

/// The reason why an answer is not taken.
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

use std::fmt;
use std::sync::Arc;

use super::{FindKeys, NoKey, TenantKeys, Unknown, Wanted};
use crate::clock::Monotonic;
use crate::elsewhere::{Fetch, Fetched, Found, Keep, Kept, SourceDown};
use crate::payload::hmac::Key;
use crate::tenant::TenantId;

/// A source of keys that takes its time: a database, a vault. `K` is as for [`FindKeys`].
pub trait KeySource<K = Arc<[Key]>>: fmt::Debug + Send + Sync {
    /// The keys of this tenant; nothing, where it has none.
    ///
    /// The future is dropped where it takes longer than [`Keep::with_patience`].
    ///
    /// # Errors
    /// [`SourceDown`], where it cannot tell: that is an outage, and no refusal.
    fn fetch_keys<'a>(&'a self, owner: &'a TenantId) -> Fetched<'a, TenantKeys<K>>;
}

/// A key store that remembers what a [`KeySource`] says, for platforms with more tenants than they load at the start. Clones
/// are the same store.
///
/// It waits for nothing: what it lacks it says with a [`Ticket`](crate::elsewhere::Ticket), which
/// [`PayloadLayer`](crate::web::PayloadLayer) takes to the source before it asks again. Which answers count for how long, and
/// what happens while the source is down, says [`elsewhere`](crate::elsewhere). Verifiers ask for keys last, or look over the
/// message before they say that keys are lacking, so a message that is refused without a key causes no request.
///
/// Where no key verifies a message that is in order otherwise, its sender may have a new one: the keys are asked for once more,
/// and the message again. That happens once in a [pause](Keep::with_pause) for each tenant, whoever causes it.
///
/// Keys are asked for of the tenant that the connection has proved. Without one, nothing says whose are wanted
/// ([`NoKey::SenderNeeded`]).
///
/// ```
/// use countersign::elsewhere::{Fetched, Keep};
/// use countersign::payload::{FindKeys as _, KeyCache, KeySource, NoKey, TenantKeys, Wanted};
/// use countersign::tenant::TenantId;
///
/// /// Nobody has a key.
/// #[derive(Debug)]
/// struct Empty;
///
/// impl KeySource for Empty {
///     fn fetch_keys<'a>(&'a self, _: &'a TenantId) -> Fetched<'a, TenantKeys> {
///         Box::pin(async { Ok(None) })
///     }
/// }
///
/// let keys = KeyCache::new(Empty, Keep::default());
/// assert!(keys.is_empty());
/// assert_eq!(keys.find_keys(&Wanted::of(None)).map(drop), Err(NoKey::SenderNeeded));
/// ```
pub struct KeyCache<K = Arc<[Key]>> {
    kept: Kept<TenantId, TenantId, TenantKeys<K>>,
}

impl<K: Clone + Send + Sync + 'static> KeyCache<K> {
    /// Remembers what this source says.
    pub fn new(source: impl KeySource<K> + 'static, keep: Keep) -> Self {
        Self::with_clock(source, keep, Monotonic::default())
    }

    /// The same, by this clock.
    pub fn with_clock(source: impl KeySource<K> + 'static, keep: Keep, clock: Monotonic) -> Self {
        Self {
            kept: Kept::new(Asked(source), keep, clock),
        }
    }

    /// Forgets the keys of this tenant, which were changed: they are asked for again when they are needed.
    pub fn invalidate(&self, owner: &TenantId) {
        self.kept.invalidate(owner);
    }

    /// Forgets all keys.
    pub fn invalidate_all(&self) {
        self.kept.invalidate_all();
    }

    /// Why the source could not tell, if it could not when it was last asked: for the operator.
    pub fn last_failure(&self) -> Option<SourceDown> {
        self.kept.last_failure()
    }

    /// Of how many tenants keys are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether none are.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K> Clone for KeyCache<K> {
    fn clone(&self) -> Self {
        Self {
            kept: self.kept.clone(),
        }
    }
}

impl<K> fmt::Debug for KeyCache<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyCache").field(&self.kept).finish()
    }
}

impl<K: Clone + Send + Sync + 'static> FindKeys<K> for KeyCache<K> {
    fn find_keys(&self, wanted: &Wanted<'_>) -> Result<TenantKeys<K>, NoKey> {
        let sender = wanted.sender.ok_or(NoKey::SenderNeeded)?;
        match self.kept.find(sender, sender) {
            Found::Known(keys, term) => Ok(keys.fetched_as(term.number())),
            Found::Absent => Err(NoKey::Unknown {
                sender: sender.clone(),
            }),
            Found::Lacking(ticket) => Err(NoKey::Elsewhere(ticket)),
            Found::Down => Err(NoKey::Unavailable),
        }
    }

    fn unknown_key(&self, found: &TenantKeys<K>) -> Unknown {
        let owner = found.owner();
        let ticket = self.kept.doubt(owner, owner, found.number());
        ticket.map_or(Unknown::Refused, Unknown::Elsewhere)
    }
}

#[derive(Debug)]
struct Asked<S>(S);

impl<K: Clone + Send + Sync + 'static, S: KeySource<K>> Fetch<TenantId, TenantKeys<K>> for Asked<S> {
    fn fetch<'a>(&'a self, owner: &'a TenantId) -> Fetched<'a, TenantKeys<K>> {
        Box::pin(async move {
            let fetched = self.0.fetch_keys(owner).await?;
            // Another's keys would have that tenant speak for this one.
            match fetched {
                Some(keys) if keys.owner() != owner => {
                    Err(SourceDown::new("it has told another tenant's keys"))
                }
                fetched => Ok(fetched),
            }
        })
    }
}

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use rustls_pki_types::UnixTime;

use super::secret::{Weak, is_swapped};
use super::{Key, KeyProblem, KeySpec};
use crate::expiry::{Expires, Expiries, Expiry, Kind};
use crate::identity::Validity;
use crate::payload::{FindKeys, KeyId, NoKey, Secret, TenantKeys, Wanted};
use crate::tenant::TenantId;
use crate::usage::{NotRetired, Retirement, Usage};

/// The keys of all tenants for one scheme.
///
/// Several keys of one tenant may overlap in time: all that are valid count, so that a key can be rotated without a
/// refused delivery. Inside a [`Live`](crate::live::Live) it is replaced as a whole while in use;
/// [`report`](Self::report) tells whether a rotation is through.
///
/// Finding a tenant's keys is one look into a table, however many there are. A tenant with one HMAC-SHA256 key takes
/// about half a kilobyte: a million of them were tried.
///
/// ```
/// use countersign::payload::hmac::KeyProblem;
/// use countersign::payload::{Keyring, Scheme, Secret};
/// use countersign::tenant::TenantId;
///
/// let acme = TenantId::parse("acme")?;
/// let (old, new) = (
///     Secret::new("a secret of the year 2025"),
///     Secret::new("a secret of the year 2026"),
/// );
/// let ring = Keyring::builder(&Scheme::github())
///     .key(acme.clone(), "2025", old)
///     .key(acme.clone(), "2026", new)
///     .build()?;
/// assert_eq!(ring.tenants(), 1);
/// let weak = Keyring::builder(&Scheme::github())
///     .key(acme, "2026", Secret::new("your-secret-goes-here"))
///     .build();
/// assert_eq!(weak.err().map(|invalid| invalid.problem), Some(KeyProblem::Placeholder));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Keyring {
    tenants: HashMap<TenantId, TenantKeys>,
    /// Where there is one tenant only.
    sole: Option<TenantKeys>,
}

impl Keyring {
    /// An empty ring for the keys of this scheme.
    pub fn builder(scheme: impl Into<KeySpec>) -> KeyringBuilder {
        KeyringBuilder {
            spec: scheme.into(),
            weak: Weak::Refuse,
            keys: Vec::new(),
        }
    }

    /// How many tenants have keys.
    pub fn tenants(&self) -> usize {
        self.tenants.len()
    }

    /// Every key, whether it counts at `now`, and whether it is used: for the operator.
    ///
    /// A key is retiring when it has no more than `soon` left.
    pub fn report(&self, now: UnixTime, soon: Duration) -> impl Iterator<Item = KeyReport> {
        self.tenants.iter().flat_map(move |(tenant, keys)| {
            keys.all().iter().map(move |key| KeyReport {
                tenant: tenant.clone(),
                key: key.id().clone(),
                validity: key.validity(),
                last_used: key.last_used(),
                usage: key.usage(),
                weak: key.is_weak(),
                state: KeyState::of(key, now, soon),
            })
        })
    }

    /// The same with the keys of `next` beside its own: the first step of a rotation. What was counted goes on; a tenant's
    /// keys are in the order in which they were given, so that the new ones are its newest.
    ///
    /// ```
    /// use std::time::Duration;
    /// use countersign::UnixTime;
    /// use countersign::payload::{KeyId, Keyring, Scheme, Secret};
    /// use countersign::tenant::TenantId;
    /// use countersign::usage::{NotRetired, Retirement};
    ///
    /// let acme = TenantId::parse("acme")?;
    /// let ring = |id: &str| Keyring::builder(&Scheme::github()).key(acme.clone(), id, Secret::new("a secret of sixteen bytes")).build();
    /// let both = ring("2025")?.stage(&ring("2026")?)?;
    /// let (terms, now) = (Retirement::unused_for(Duration::from_secs(3600)), UnixTime::now());
    /// assert_eq!(both.retire(&acme, &KeyId::new("2025"), terms, now).err(), Some(NotRetired::NoSuccessor));
    /// let left = both.retire(&acme, &KeyId::new("2025"), Retirement::forced(), now)?;
    /// assert_eq!(left.report(now, Duration::ZERO).count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidKey`] where a name is there already, or a tenant would have too many keys.
    pub fn stage(&self, next: &Self) -> Result<Self, InvalidKey> {
        let mut tenants: HashMap<TenantId, Vec<Key>> = HashMap::new();
        for (place, (tenant, key)) in (1..).zip(self.all().chain(next.all())) {
            let keys = tenants.entry(tenant.clone()).or_default();
            check_room(keys, key).map_err(|problem| InvalidKey {
                place: Some(place),
                problem,
            })?;
            keys.push(key.clone());
        }
        Self::of(tenants)
    }

    /// The same without this key of a tenant: the last step.
    ///
    /// # Errors
    /// [`NotRetired`] where the terms do not let it go; [`NotRetired::NoSuccessor`] also where it is the last key of the ring,
    /// which would be none without it.
    pub fn retire(
        &self,
        tenant: &TenantId,
        old: &KeyId,
        terms: Retirement,
        now: UnixTime,
    ) -> Result<Self, NotRetired> {
        let keys = self.tenants.get(tenant).ok_or(NotRetired::Unknown)?;
        let (retired, left): (Vec<_>, Vec<_>) = keys.all().iter().partition(|key| key.id() == old);
        let retired = retired.first().ok_or(NotRetired::Unknown)?;
        terms.check(retired.usage(), left.iter().map(|key| key.usage()), now)?;
        let mut tenants: HashMap<TenantId, Vec<Key>> = HashMap::new();
        let is_old = |owner: &TenantId, key: &Key| owner == tenant && key.id() == old;
        for (owner, key) in self.all().filter(|(owner, key)| !is_old(owner, key)) {
            tenants.entry(owner.clone()).or_default().push(key.clone());
        }
        Self::of(tenants).map_err(|_| NotRetired::NoSuccessor)
    }

    fn all(&self) -> impl Iterator<Item = (&TenantId, &Key)> {
        let tenants = self.tenants.iter();
        tenants.flat_map(|(tenant, keys)| keys.all().iter().map(move |key| (tenant, key)))
    }

    fn of(tenants: HashMap<TenantId, Vec<Key>>) -> Result<Self, InvalidKey> {
        let tenants: HashMap<_, _> = tenants
            .into_iter()
            .map(|(tenant, keys)| (tenant.clone(), TenantKeys::new(tenant, keys)))
            .collect();
        let mut owners = tenants.values();
        let sole = match (owners.next(), owners.next()) {
            (None, _) => {
                return Err(InvalidKey {
                    place: None,
                    problem: KeyProblem::NoKeys,
                });
            }
            (Some(only), None) => Some(only.clone()),
            (Some(_), Some(_)) => None,
        };
        Ok(Self { tenants, sole })
    }

    /// Takes over how often keys of the same tenant and name were used, from the ring that this one replaces.
    #[must_use]
    pub fn with_history_of(self, previous: &Self) -> Self {
        for (tenant, keys) in &self.tenants {
            let before = previous.tenants.get(tenant);
            for key in keys.all() {
                let same = before.and_then(|before| before.all().iter().find(|old| old.id() == key.id()));
                if let Some(old) = same {
                    key.continue_from(old);
                }
            }
        }
        self
    }
}

impl FindKeys for Keyring {
    fn find_keys(&self, wanted: &Wanted<'_>) -> Result<TenantKeys, NoKey> {
        let Some(owner) = wanted.sender else {
            return self.sole.clone().ok_or(NoKey::SenderNeeded);
        };
        match self.tenants.get(owner) {
            Some(keys) => Ok(keys.clone()),
            None => Err(NoKey::Unknown {
                sender: owner.clone(),
            }),
        }
    }
}

/// The keys that end: those that count always do not.
impl Expires for Keyring {
    fn expiries(&self, found: &mut Expiries) {
        for (tenant, keys) in &self.tenants {
            for key in keys.all() {
                let expiry = Expiry::new(Kind::Key, key.id().as_str(), key.validity());
                found.push(expiry.owned_by(tenant.as_str()));
            }
        }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("tenants", &self.tenants.len())
            .finish_non_exhaustive()
    }
}

/// A report on one key, for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyReport {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its name.
    pub key: KeyId,
    /// When it counts.
    pub validity: Validity,
    /// When a signature last matched it, as far as this process knows.
    pub last_used: Option<UnixTime>,
    /// How many have.
    pub usage: Usage,
    /// Whether its secret is short or looks like a placeholder, and was allowed all the same.
    pub weak: bool,
    /// Where it stands in its life.
    pub state: KeyState,
}

/// The state of a key in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyState {
    /// It does not count yet.
    NotYet,
    /// It counts and no signature has matched it: a new key that the sender does not use yet.
    Unused,
    /// It counts and is used.
    InUse,
    /// It ends soon, and the sender used it within that same span: the rotation is not through.
    RetiringButInUse,
    /// It ends soon, and nobody uses it any more.
    Retiring,
    /// It does not count any more.
    Retired,
}

impl KeyState {
    fn of(key: &Key, now: UnixTime, soon: Duration) -> Self {
        let validity = key.validity();
        let recent = |used: UnixTime| now.as_secs().saturating_sub(used.as_secs()) <= soon.as_secs();
        match key.last_used() {
            _ if now < validity.not_before => Self::NotYet,
            _ if now > validity.not_after => Self::Retired,
            Some(used) if validity.left(now) <= soon && recent(used) => Self::RetiringButInUse,
            _ if validity.left(now) <= soon => Self::Retiring,
            None => Self::Unused,
            Some(_) => Self::InUse,
        }
    }
}

/// A builder of a [`Keyring`]. Mistakes are reported by [`build`](Self::build).
#[must_use]
pub struct KeyringBuilder {
    spec: KeySpec,
    weak: Weak,
    keys: Vec<(TenantId, Result<Key, KeyProblem>)>,
}

impl KeyringBuilder {
    /// Takes secrets from here on that are short or look like placeholders.
    ///
    /// # Security
    /// For the examples that providers publish, and for nothing else: anybody can guess such a secret.
    pub fn allow_weak_secrets(mut self) -> Self {
        self.weak = Weak::Allow;
        self
    }

    /// A key of a tenant that counts always. The name of the tenant and of the key are logged: see [`KeyProblem::Swapped`].
    ///
    /// Tenant, name and secret are of three types. In another's place none of them compiles:
    ///
    /// ```compile_fail,E0308
    /// use countersign::payload::{Keyring, Scheme, Secret};
    /// use countersign::tenant::TenantId;
    ///
    /// let acme = TenantId::parse("acme").unwrap();
    /// let _ = Keyring::builder(&Scheme::github()).key(acme, "It's a Secret to Everybody", "2026");
    /// ```
    pub fn key(self, tenant: TenantId, id: impl Into<KeyId>, secret: Secret) -> Self {
        self.key_valid(tenant, id, secret, Validity::ALWAYS)
    }

    /// A key of a tenant that counts in this time only.
    pub fn key_valid(
        mut self,
        tenant: TenantId,
        id: impl Into<KeyId>,
        secret: Secret,
        validity: Validity,
    ) -> Self {
        let (id, secret) = (id.into(), secret.as_str());
        let names = [tenant.as_str(), id.as_str()];
        let key = if self.spec.is_secret() && names.iter().any(|name| is_swapped(name, secret)) {
            Err(KeyProblem::Swapped)
        } else {
            Key::parse_with(id, &self.spec, secret, self.weak).map(|key| key.valid(validity))
        };
        self.keys.push((tenant, key));
        self
    }

    /// The ring.
    ///
    /// # Errors
    /// [`InvalidKey`] with the first key that cannot be used, or where there is none.
    pub fn build(self) -> Result<Keyring, InvalidKey> {
        let mut tenants: HashMap<TenantId, Vec<Key>> = HashMap::new();
        for (place, (tenant, key)) in (1..).zip(self.keys) {
            let problem = |problem| InvalidKey {
                place: Some(place),
                problem,
            };
            let key = key.map_err(problem)?;
            let keys = tenants.entry(tenant).or_default();
            check_room(keys, &key).map_err(problem)?;
            keys.push(key);
        }
        Keyring::of(tenants)
    }
}

impl fmt::Debug for KeyringBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyringBuilder")
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

fn check_room(keys: &[Key], new: &Key) -> Result<(), KeyProblem> {
    if new.validity().not_after < new.validity().not_before {
        return Err(KeyProblem::NeverValid);
    }
    if keys.iter().any(|key| key.id() == new.id()) {
        return Err(KeyProblem::SameId);
    }
    if keys.len() == Key::MAX_PER_TENANT {
        return Err(KeyProblem::TooMany);
    }
    Ok(())
}

/// A key that must not be used: which, and what to do.
///
/// # Security
/// Tells neither the tenant nor the name that was given: where arguments were swapped, either is the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", .place.map(of_the_ring).unwrap_or_default())]
#[non_exhaustive]
pub struct InvalidKey {
    /// Which one, counted from 1 in the order in which they were given; none where the ring is empty.
    pub place: Option<usize>,
    /// What is wrong with it.
    pub problem: KeyProblem,
}

fn of_the_ring(place: usize) -> String {
    format!("key {place} of the ring: ")
}

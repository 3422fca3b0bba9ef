use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _};
use rustls_pki_types::UnixTime;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{KeyForm, Scheme};
use crate::identity::Validity;
use crate::tenant::TenantId;

/// Finds the keys that a message may be signed with.
pub trait FindKeys: fmt::Debug + Send + Sync {
    /// The keys of one owner, all of which count. Called for each message: it must not allocate.
    ///
    /// # Errors
    /// [`NoKey`].
    fn find_keys(&self, wanted: &Wanted<'_>) -> Result<Keys, NoKey>;
}

impl<F: FindKeys + ?Sized> FindKeys for Arc<F> {
    fn find_keys(&self, wanted: &Wanted<'_>) -> Result<Keys, NoKey> {
        (**self).find_keys(wanted)
    }
}

/// Whose keys are wanted.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Wanted<'a> {
    /// The tenant that the connection has proved, if it has.
    pub sender: Option<&'a TenantId>,
}

impl<'a> Wanted<'a> {
    /// The keys of this sender, or, without one, of the only owner there is.
    pub fn of(sender: Option<&'a TenantId>) -> Self {
        Self { sender }
    }
}

/// The keys of one owner.
#[derive(Debug, Clone)]
pub struct Keys {
    owner: TenantId,
    keys: Arc<[Key]>,
}

impl Keys {
    /// The most keys that one owner may have: each costs a pass over the body.
    pub const MAX: usize = 8;

    /// Whose keys they are.
    pub fn owner(&self) -> &TenantId {
        &self.owner
    }

    /// Those that are valid at `now`, newest last as they were given.
    pub fn valid_at(&self, now: UnixTime) -> impl DoubleEndedIterator<Item = &Key> {
        self.keys.iter().filter(move |key| key.validity.contains(now))
    }
}

/// Why there is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoKey {
    /// This sender has none.
    #[error("{sender} has no key")]
    Unknown {
        /// The sender.
        sender: TenantId,
    },
    /// All of this sender's keys are not valid yet or no longer.
    #[error("{sender} has no key that is valid now")]
    NoneValid {
        /// The sender.
        sender: TenantId,
    },
    /// There are several owners, and nothing has proved which one it is.
    #[error("nothing says whose keys to use: no client certificate, and several owners")]
    SenderNeeded,
    /// The keys are not loaded. An outage, not a refusal.
    #[error("the keys are not available")]
    Unavailable,
}

impl NoKey {
    /// A stable name of the reason, for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "payload.no_key",
            Self::NoneValid { .. } => "payload.no_valid_key",
            Self::SenderNeeded => "payload.sender_needed",
            Self::Unavailable => "payload.keys_unavailable",
        }
    }
}

/// The name of a key: what may be logged of it. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyId(Arc<str>);

impl KeyId {
    /// This name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An HMAC key with its name and the time in which it counts. Never shows its secret; wiped when dropped.
#[derive(Clone)]
pub struct Key {
    id: KeyId,
    validity: Validity,
    keyed: Hmac<Sha256>,
}

impl Key {
    /// The shortest secret, in bytes. 128 bits of it, if it is random.
    pub const MIN_SECRET: usize = 16;

    /// Reads a secret in the form in which the provider shows it.
    ///
    /// # Errors
    /// [`KeyProblem`]: empty, shorter than [`MIN_SECRET`](Self::MIN_SECRET), or not of that form.
    pub fn parse(id: KeyId, form: KeyForm, secret: &str) -> Result<Self, KeyProblem> {
        let bytes = form.decode(secret)?;
        if bytes.is_empty() {
            return Err(KeyProblem::Empty);
        }
        if bytes.len() < Self::MIN_SECRET {
            return Err(KeyProblem::TooShort { bytes: bytes.len() });
        }
        let keyed = Hmac::new_from_slice(&bytes).map_err(|_| KeyProblem::Form { form })?;
        Ok(Self {
            id,
            validity: Validity::ALWAYS,
            keyed,
        })
    }

    /// Counts only in this time.
    #[must_use]
    pub fn valid(mut self, validity: Validity) -> Self {
        self.validity = validity;
        self
    }

    /// Its name.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// When it counts.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// A MAC that has taken the key in and no message yet.
    pub(super) fn keyed(&self) -> Hmac<Sha256> {
        self.keyed.clone()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("validity", &self.validity)
            .finish_non_exhaustive()
    }
}

impl KeyForm {
    fn decode(self, secret: &str) -> Result<Zeroizing<Vec<u8>>, KeyProblem> {
        let wrong = KeyProblem::Form { form: self };
        if secret.trim() != secret {
            return Err(KeyProblem::Space);
        }
        match self {
            Self::Utf8 => Ok(Zeroizing::new(secret.as_bytes().to_vec())),
            Self::Base64 { prefix } => {
                let encoded = secret.strip_prefix(prefix).unwrap_or(secret);
                STANDARD.decode(encoded).map(Zeroizing::new).map_err(|_| wrong)
            }
        }
    }
}

/// The keys of all tenants for one scheme.
///
/// Several keys of one tenant may overlap in time: all that are valid count, so that a key can be rotated without a
/// refused delivery.
#[derive(Clone)]
pub struct Keyring {
    tenants: HashMap<TenantId, Arc<[Key]>>,
}

impl Keyring {
    /// An empty ring for keys in the form that this scheme's secrets have.
    pub fn builder(scheme: &Scheme) -> KeyringBuilder {
        KeyringBuilder {
            form: scheme.key_form(),
            keys: Vec::new(),
        }
    }

    fn sole_owner(&self) -> Option<&TenantId> {
        let mut owners = self.tenants.keys();
        match (owners.next(), owners.next()) {
            (Some(owner), None) => Some(owner),
            _ => None,
        }
    }
}

impl FindKeys for Keyring {
    fn find_keys(&self, wanted: &Wanted<'_>) -> Result<Keys, NoKey> {
        let owner = wanted
            .sender
            .or_else(|| self.sole_owner())
            .ok_or(NoKey::SenderNeeded)?;
        match self.tenants.get(owner) {
            Some(keys) => Ok(Keys {
                owner: owner.clone(),
                keys: keys.clone(),
            }),
            None => Err(NoKey::Unknown {
                sender: owner.clone(),
            }),
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

/// Collects the keys of a [`Keyring`]. Mistakes are reported by [`build`](Self::build).
pub struct KeyringBuilder {
    form: KeyForm,
    keys: Vec<(String, Result<Key, InvalidKey>)>,
}

impl KeyringBuilder {
    /// A key of a tenant that counts always.
    #[must_use]
    pub fn key(self, tenant: &str, id: &str, secret: &str) -> Self {
        self.key_valid(tenant, id, secret, Validity::ALWAYS)
    }

    /// A key of a tenant that counts in this time only.
    #[must_use]
    pub fn key_valid(mut self, tenant: &str, id: &str, secret: &str, validity: Validity) -> Self {
        let key = Key::parse(KeyId::new(id), self.form, secret).map(|key| key.valid(validity));
        self.keys.push((
            tenant.to_owned(),
            key.map_err(|problem| invalid(tenant, id, problem)),
        ));
        self
    }

    /// The ring.
    ///
    /// # Errors
    /// [`InvalidKey`] with the first key that cannot be used, or where there is none.
    pub fn build(self) -> Result<Keyring, InvalidKey> {
        let mut tenants: HashMap<TenantId, Vec<Key>> = HashMap::new();
        for (name, key) in self.keys {
            let key = key?;
            let tenant =
                TenantId::parse(&name).map_err(|_| invalid(&name, key.id.as_str(), KeyProblem::Tenant))?;
            let keys = tenants.entry(tenant).or_default();
            check_room(keys, &key).map_err(|problem| invalid(&name, key.id.as_str(), problem))?;
            keys.push(key);
        }
        if tenants.is_empty() {
            return Err(invalid("", "", KeyProblem::NoKeys));
        }
        Ok(Keyring {
            tenants: tenants
                .into_iter()
                .map(|(tenant, keys)| (tenant, keys.into()))
                .collect(),
        })
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
    if keys.iter().any(|key| key.id == new.id) {
        return Err(KeyProblem::SameId);
    }
    if keys.len() == Keys::MAX {
        return Err(KeyProblem::TooMany);
    }
    Ok(())
}

fn invalid(tenant: &str, id: &str, problem: KeyProblem) -> InvalidKey {
    InvalidKey {
        tenant: tenant.to_owned(),
        id: id.to_owned(),
        problem,
    }
}

/// A key that must not be used: whose, which, and what to do. Never holds the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("key {id:?} of tenant {tenant:?}: {problem}")]
#[non_exhaustive]
pub struct InvalidKey {
    /// Whose it is.
    pub tenant: String,
    /// Its name.
    pub id: String,
    /// What is wrong with it.
    pub problem: KeyProblem,
}

/// What is wrong with a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyProblem {
    /// Nothing in it: anybody could sign.
    #[error("the secret is empty; copy it again from the provider")]
    Empty,
    /// Too short to be a secret.
    #[error("the secret has {bytes} bytes; use at least {}, random", Key::MIN_SECRET)]
    TooShort {
        /// How long it is.
        bytes: usize,
    },
    /// White space at an end: copied with a line break.
    #[error("the secret begins or ends with white space; copy it without")]
    Space,
    /// Not of the form in which the provider shows its secrets.
    #[error("the secret is not {form}; copy it as the provider shows it")]
    Form {
        /// The form.
        form: KeyForm,
    },
    /// Not a tenant's name.
    #[error("not a tenant's name: 1 to 128 printable ASCII characters without a space at either end")]
    Tenant,
    /// Another key of the tenant has this name.
    #[error("the tenant has a key of this name already; name each key differently")]
    SameId,
    /// More than [`Keys::MAX`] keys.
    #[error("a tenant may have {} keys; remove those that are retired", Keys::MAX)]
    TooMany,
    /// The ring is empty.
    #[error("the ring holds no key; add one")]
    NoKeys,
}

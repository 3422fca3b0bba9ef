//! Whose keys, which of them, and since when.

mod key;
mod keyring;
mod mac;
mod public;
mod secret;

use std::fmt;
use std::sync::Arc;

use rustls_pki_types::UnixTime;

use crate::tenant::TenantId;

pub use key::{Key, KeyProblem, KeySpec};
pub use keyring::{InvalidKey, KeyReport, KeyState, Keyring, KeyringBuilder};
pub use mac::Digest;
pub(super) use mac::Mac;
pub(super) use public::rsa_bits;
pub use public::{PublicKeyAlgorithm, PublicKeyForm};
pub use secret::KeyForm;
pub(super) use secret::Weak;

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

    /// These keys of this owner, newest last. No more than [`MAX`](Self::MAX) of them ever count.
    pub fn new(owner: TenantId, keys: Arc<[Key]>) -> Self {
        Self { owner, keys }
    }

    /// Whose keys they are.
    pub fn owner(&self) -> &TenantId {
        &self.owner
    }

    /// Whose keys they were.
    pub(super) fn into_owner(self) -> TenantId {
        self.owner
    }

    /// Those that are valid at `now`, newest last as they were given.
    pub fn valid_at(&self, now: UnixTime) -> impl DoubleEndedIterator<Item = &Key> {
        let counting = self.keys.get(..Self::MAX).unwrap_or(&self.keys);
        counting.iter().filter(move |key| key.validity().contains(now))
    }

    /// None of them is valid.
    pub(super) fn none_valid(&self) -> NoKey {
        NoKey::NoneValid {
            sender: self.owner.clone(),
        }
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

//! Whose keys, which of them, and since when.

mod key;
mod keyring;
mod mac;
mod secret;

use std::fmt;
use std::sync::Arc;

use rustls_pki_types::UnixTime;

use crate::payload::NotAuthentic;
use crate::tenant::TenantId;

pub use key::{Key, KeyProblem, KeySpec};
pub use keyring::{InvalidKey, KeyReport, KeyState, Keyring, KeyringBuilder};
pub use mac::Digest;
pub(in crate::payload) use mac::{Feed, Mac};
pub use secret::KeyForm;
pub(in crate::payload) use secret::Weak;

/// A key store: the keys that a message may be signed with.
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

/// The keys of one owner. Cheap to clone: whoever implements [`FindKeys`] makes them once.
#[derive(Debug, Clone)]
pub struct Keys(Arc<Owned>);

#[derive(Debug)]
struct Owned {
    owner: TenantId,
    keys: Box<[Key]>,
}

/// The one among the keys of an owner that a signature was made with.
#[derive(Clone)]
pub(in crate::payload) struct Matched {
    keys: Keys,
    position: usize,
}

impl Keys {
    /// The most keys that one owner may have: each costs a pass over the body.
    pub const MAX: usize = 8;

    /// These keys of this owner, newest last. No more than [`MAX`](Self::MAX) of them ever count.
    pub fn new(owner: TenantId, keys: impl Into<Box<[Key]>>) -> Self {
        let keys = keys.into();
        Self(Arc::new(Owned { owner, keys }))
    }

    /// Whose keys they are.
    pub fn owner(&self) -> &TenantId {
        &self.0.owner
    }

    /// Those that are valid at `now`, newest last as they were given.
    pub fn valid_at(&self, now: UnixTime) -> impl DoubleEndedIterator<Item = &Key> {
        let valid = move |key: &&Key| key.validity().contains(now);
        self.counting().iter().filter(valid)
    }

    /// All of them, those that are valid no more among them.
    fn all(&self) -> &[Key] {
        &self.0.keys
    }

    /// Those that may ever count.
    fn counting(&self) -> &[Key] {
        self.all().get(..Self::MAX).unwrap_or(self.all())
    }

    /// The first that is valid at `now` and matches; noted as used then.
    #[inline]
    pub(in crate::payload) fn matching(
        self,
        now: UnixTime,
        mut matches: impl FnMut(&Key) -> Result<bool, NotAuthentic>,
    ) -> Result<Matched, NotAuthentic> {
        let mut none_valid = true;
        for (position, key) in self.counting().iter().enumerate() {
            if !key.validity().contains(now) {
                continue;
            }
            none_valid = false;
            if matches(key)? {
                key.used_at(now);
                return Ok(Matched { keys: self, position });
            }
        }
        if none_valid {
            return Err(self.none_valid().into());
        }
        Err(NotAuthentic::SignatureMismatch)
    }

    /// None of them is valid.
    pub(in crate::payload) fn none_valid(&self) -> NoKey {
        NoKey::NoneValid {
            sender: self.owner().clone(),
        }
    }
}

impl Matched {
    /// Whose key it is.
    pub(in crate::payload) fn owner(&self) -> &TenantId {
        self.keys.owner()
    }

    /// The key's name.
    #[expect(
        clippy::indexing_slicing,
        reason = "found at this position in these very keys, which do not change"
    )]
    pub(in crate::payload) fn id(&self) -> &KeyId {
        self.keys.all()[self.position].id()
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

impl From<&str> for KeyId {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for KeyId {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::hmac::scheme::SchemeName;
    use crate::payload::{Authentic, DeliveryKey};
    use crate::replay::{Claimed, Terms};

    /// What outlives the request must not keep a retired key from being wiped.
    #[test]
    fn a_settled_proof_keeps_no_key() {
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1));
        let spec = KeySpec::Secret {
            digest: Digest::Sha256,
            form: KeyForm::Utf8,
        };
        let key = Key::parse(KeyId::new("1"), spec, "0123456789abcdef").unwrap();
        let keys = Keys::new(TenantId::parse("acme").unwrap(), [key]);
        let matched = keys.clone().matching(now, |_| Ok(true)).unwrap();
        let scheme = SchemeName::Given("acme".into());
        let authentic = Authentic::assertion_of(matched, &scheme, DeliveryKey::Id("1"), None, None);
        assert_eq!(Arc::strong_count(&keys.0), 2);
        let claim = authentic.claim(now, Terms::default());
        let fresh = authentic.settle(&Claimed::granted(&claim, 1)).unwrap();
        assert_eq!(Arc::strong_count(&keys.0), 1);
        assert_eq!((fresh.sender().as_str(), fresh.key().as_str()), ("acme", "1"));
    }
}

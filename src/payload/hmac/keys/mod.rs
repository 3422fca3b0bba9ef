//! Keys and key rings: whose they are, which of them count, and since when.

mod key;
mod keyring;
mod mac;
mod secret;

use rustls_pki_types::UnixTime;

use crate::payload::keys::unless_renewed;
use crate::payload::{FindKeys, KeyId, NoKey, NotAuthentic, TenantKeys};
use crate::tenant::TenantId;

pub use key::{Key, KeyProblem, KeySpec};
pub use keyring::{InvalidKey, KeyReport, KeyState, Keyring, KeyringBuilder};
pub use mac::Digest;
#[cfg(any(feature = "jwt", feature = "http-signatures"))]
pub(in crate::payload) use mac::is_mac;
pub(in crate::payload) use mac::{Feed, Mac};
pub use secret::KeyForm;
pub(crate) use secret::{Weak, looks_random};

/// The one among the keys of an owner that a signature was made with.
#[derive(Clone)]
pub(in crate::payload) struct Matched {
    keys: TenantKeys,
    position: usize,
}

impl TenantKeys {
    /// The keys that are valid at `now`, newest last as they were given.
    pub fn valid_at(&self, now: UnixTime) -> impl DoubleEndedIterator<Item = &Key> {
        self.counting_at(now).map(|(_, key)| key)
    }

    /// All of them, those that are valid no more among them.
    fn all(&self) -> &[Key] {
        self.keys()
    }

    /// Those that are valid then, each with its place: of too many, the newest.
    fn counting_at(&self, now: UnixTime) -> impl DoubleEndedIterator<Item = (usize, &Key)> {
        let valid = move |(_, key): &(usize, &Key)| key.validity().contains(now);
        let too_many = self.all().len() > Key::MAX_PER_TENANT;
        let newest = |_| {
            let mut newest = self.all().iter().enumerate().rev().filter(valid);
            newest.nth(Key::MAX_PER_TENANT - 1)
        };
        let first = too_many
            .then_some(())
            .and_then(newest)
            .map_or(0, |(place, _)| place);
        let counted = move |(place, _): &(usize, &Key)| *place >= first;
        self.all().iter().enumerate().filter(counted).filter(valid)
    }

    /// The first that is valid at `now` and matches; noted as used then. Where none does, `store`, which has told them, may know
    /// of others.
    #[inline]
    pub(in crate::payload) fn matching(
        self,
        store: &dyn FindKeys,
        now: UnixTime,
        mut matches: impl FnMut(&Key) -> Result<bool, NotAuthentic>,
    ) -> Result<Matched, NotAuthentic> {
        let mut none_valid = true;
        let mut matched = None;
        for (position, key) in self.counting_at(now) {
            none_valid = false;
            if matches(key)? {
                key.used_at(now);
                matched = Some(position);
                break;
            }
        }
        if let Some(position) = matched {
            return Ok(Matched { keys: self, position });
        }
        if none_valid {
            return Err(unless_renewed(self.none_valid(), store, &self));
        }
        Err(unless_renewed(NotAuthentic::SignatureMismatch, store, &self))
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::payload::SchemeText;
    use crate::payload::{Authentic, DeliveryKey, Secret};
    use crate::replay::{Claimed, Terms};

    /// What outlives the request must not keep a retired key from being wiped.
    #[test]
    fn a_settled_proof_keeps_no_key() {
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1));
        let spec = KeySpec::Secret {
            digest: Digest::Sha256,
            form: KeyForm::Utf8,
        };
        let key = Key::parse(KeyId::new("1"), &spec, "0123456789abcdef").unwrap();
        let acme = TenantId::parse("acme").unwrap();
        let secret = Secret::new("0123456789abcdef");
        let store = Keyring::builder(spec).key(acme.clone(), "1", secret);
        let store = store.build().unwrap();
        let keys = TenantKeys::new(acme, [key]);
        let matched = keys.clone().matching(&store, now, |_| Ok(true)).unwrap();
        let scheme = SchemeText::fixed("acme");
        let authentic = Authentic::assertion_of(matched, &scheme, DeliveryKey::Id("1"), None, None);
        assert_eq!(Arc::strong_count(keys.keys()), 2);
        let claim = authentic.claim(now, Terms::default());
        let fresh = authentic.settle(&Claimed::granted(&claim, 1)).unwrap();
        assert_eq!(Arc::strong_count(keys.keys()), 1);
        assert_eq!((fresh.sender().as_str(), fresh.key().as_str()), ("acme", "1"));
    }
}

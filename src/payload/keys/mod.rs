//! Keys and key stores: how verifiers ask for them, and what they are told.

mod cache;
mod secret;

use std::fmt;
use std::sync::Arc;

pub use cache::{KeyCache, KeySource};
pub use secret::{NoSecret, Secret};

use super::NotAuthentic;
use super::hmac::Key;
use crate::codes::entries;
use crate::elsewhere::Ticket;
use crate::tenant::TenantId;

/// A key store: the keys that a message may be signed with.
///
/// Every verifier asks in this one way, and is told the keys of one owner. `K` is what it verifies with: `Arc<[Key]>`
/// for shared secrets, public keys of a scheme and tokens, `JwsVerifier` for JSON Web Signatures, `Arc<[VerifyingKey]>`
/// for HTTP message signatures. A [`Live`](crate::live::Live) store is a store.
///
/// ```
/// use countersign::payload::hmac::{Digest, Key, KeyForm, KeySpec};
/// use countersign::payload::{FindKeys, KeyId, NoKey, TenantKeys, Wanted};
/// use countersign::tenant::TenantId;
///
/// /// One key for one customer: a store of your own may ask a cache that something else fills.
/// #[derive(Debug)]
/// struct Sole(TenantKeys);
///
/// impl FindKeys for Sole {
///     fn find_keys(&self, wanted: &Wanted<'_>) -> Result<TenantKeys, NoKey> {
///         match wanted.sender {
///             Some(sender) if sender != self.0.owner() => Err(
///                 NoKey::Unknown { sender: sender.clone() }
///             ),
///             _ => Ok(self.0.clone()),
///         }
///     }
/// }
///
/// let spec = KeySpec::Secret { digest: Digest::Sha256, form: KeyForm::Utf8 };
/// let key = Key::parse(KeyId::new("2026"), spec, "a secret of sixteen bytes")?;
/// let store = Sole(TenantKeys::new(TenantId::parse("acme")?, [key]));
/// assert_eq!(store.find_keys(&Wanted::of(None))?.owner().as_str(), "acme");
/// let globex = TenantId::parse("globex")?;
/// let refused = store.find_keys(&Wanted::of(Some(&globex))).map(|_| ());
/// assert_eq!(refused, Err(NoKey::Unknown { sender: globex.clone() }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait FindKeys<K = Arc<[Key]>>: fmt::Debug + Send + Sync {
    /// The keys of the sender that the connection has proved; without one, of the only owner there is. Called for each
    /// message: it waits for nothing.
    ///
    /// # Errors
    /// [`NoKey`]. [`NoKey::Unavailable`] is an outage: the sender is to come again.
    fn find_keys(&self, wanted: &Wanted<'_>) -> Result<TenantKeys<K>, NoKey>;

    /// A message is signed with a key that is not among those that were found: none has its name, or none verifies it.
    /// Whether that may change in a moment.
    fn unknown_key(&self, _found: &TenantKeys<K>) -> Unknown {
        Unknown::Refused
    }
}

/// The refusal for want of a key, unless there may be one in a moment: that is an outage, so that the sender comes again, or a
/// ticket.
pub(in crate::payload) fn unless_renewed<K>(
    why: impl Into<NotAuthentic>,
    store: &dyn FindKeys<K>,
    found: &TenantKeys<K>,
) -> NotAuthentic {
    match store.unknown_key(found) {
        Unknown::Elsewhere(ticket) => NoKey::Elsewhere(ticket).into(),
        Unknown::Refreshing => NoKey::Unavailable.into(),
        Unknown::Refused => why.into(),
    }
}

/// The keys of this sender. Where they are to be fetched, `look_over` is asked first whether anything speaks against the message
/// without a key: then none is fetched for it.
#[cfg(any(feature = "jwt", feature = "http-signatures"))]
pub(in crate::payload) fn keys_unless_refused<K, E: Into<NotAuthentic>>(
    store: &dyn FindKeys<K>,
    sender: Option<&TenantId>,
    look_over: impl FnOnce() -> Result<(), E>,
) -> Result<TenantKeys<K>, NotAuthentic> {
    let found = store.find_keys(&Wanted::of(sender));
    if let Err(NoKey::Elsewhere(_)) = found {
        look_over().map_err(Into::into)?;
    }
    Ok(found?)
}

impl<K, F: FindKeys<K> + ?Sized> FindKeys<K> for Arc<F> {
    fn find_keys(&self, wanted: &Wanted<'_>) -> Result<TenantKeys<K>, NoKey> {
        (**self).find_keys(wanted)
    }

    fn unknown_key(&self, found: &TenantKeys<K>) -> Unknown {
        (**self).unknown_key(found)
    }
}

/// A request for keys: whose are wanted.
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
pub struct TenantKeys<K = Arc<[Key]>> {
    owner: TenantId,
    keys: K,
    /// Which answer of a source they are, where they are one.
    number: u64,
}

impl<K> TenantKeys<K> {
    /// These keys are this owner's; where there are several, newest last.
    pub fn new(owner: TenantId, keys: impl Into<K>) -> Self {
        Self {
            owner,
            keys: keys.into(),
            number: 0,
        }
    }

    pub(in crate::payload) fn fetched_as(self, number: u64) -> Self {
        Self { number, ..self }
    }

    pub(in crate::payload) fn number(&self) -> u64 {
        self.number
    }

    /// The tenant whose keys they are.
    pub fn owner(&self) -> &TenantId {
        &self.owner
    }

    pub(in crate::payload) fn keys(&self) -> &K {
        &self.keys
    }

    #[cfg(any(feature = "jwt", feature = "http-signatures"))]
    pub(in crate::payload) fn into_owner(self) -> TenantId {
        self.owner
    }
}

/// The verdict on a message that was signed with a key that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unknown {
    /// There may be others elsewhere: to be had with this ticket, and then asked for again.
    Elsewhere(Ticket),
    /// The set is asked for again. Nothing speaks against the message yet: an outage, so that its sender comes again.
    Refreshing,
    /// The set was asked for a moment ago, and the key is not in it; or nobody is asking.
    Refused,
}

/// The reason why there is no key.
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
    /// They are not here: to be had with this ticket, and then asked for again. Until then, an outage.
    #[error("the keys are to be fetched")]
    Elsewhere(Ticket),
    /// The keys are not loaded. An outage, not a refusal.
    #[error("the keys are not available")]
    Unavailable,
}

entries! {
    NoKey []
    Self::Unknown { .. } => "payload.no_key", Ours 401, "ours: only the sender's keys count",
        "Enter the tenant's key.",
        "Nothing: the receiver has no key of yours.";
    Self::NoneValid { .. } => "payload.no_valid_key", Ours 401, "ours: keys have a time",
        "Enter the present key, or prolong the old one.",
        "Tell the receiver the new key before you use it.";
    Self::SenderNeeded => "payload.sender_needed", Ours 401, "ours: whose keys, says the connection",
        "Put `CallerLayer` in front, or find the keys by a path or host of each tenant's own.",
        "Show your client certificate.";
    Self::Elsewhere(_) | Self::Unavailable => "payload.keys_unavailable", Ours 503, "RFC 9110 §15.6.4",
        "Look at whatever loads the keys.",
        "Try again after Retry-After.";
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

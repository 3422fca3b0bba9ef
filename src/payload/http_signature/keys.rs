use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::payload::NoKey;
#[cfg(feature = "jwt")]
use crate::payload::jose::RemoteJwks;
use crate::payload::jose::{Unknown, VerifyingKey};
use crate::tenant::TenantId;

/// A key store: the keys that an HTTP message signature may be made with.
pub trait FindVerifyingKeys: fmt::Debug + Send + Sync {
    /// The keys of the sender that the connection has proved; without one, of the only owner there is.
    ///
    /// # Errors
    /// [`NoKey`].
    fn find_verifying_keys(&self, sender: Option<&TenantId>) -> Result<TenantVerifyingKeys, NoKey>;

    /// A message of this owner is signed with a key that is not known: none has its name, or none verifies it. Whether
    /// that may change in a moment.
    fn unknown_key(&self, _owner: &TenantId) -> Unknown {
        Unknown::Refused
    }
}

impl<F: FindVerifyingKeys + ?Sized> FindVerifyingKeys for Arc<F> {
    fn find_verifying_keys(&self, sender: Option<&TenantId>) -> Result<TenantVerifyingKeys, NoKey> {
        (**self).find_verifying_keys(sender)
    }

    fn unknown_key(&self, owner: &TenantId) -> Unknown {
        (**self).unknown_key(owner)
    }
}

/// The keys of one owner.
#[derive(Debug, Clone)]
pub struct TenantVerifyingKeys {
    owner: TenantId,
    keys: Arc<[VerifyingKey]>,
}

impl TenantVerifyingKeys {
    /// These keys are this owner's.
    pub fn new(owner: TenantId, keys: impl Into<Arc<[VerifyingKey]>>) -> Self {
        Self {
            owner,
            keys: keys.into(),
        }
    }

    /// Whose keys they are.
    pub fn owner(&self) -> &TenantId {
        &self.owner
    }

    pub(super) fn keys(&self) -> &[VerifyingKey] {
        &self.keys
    }

    pub(super) fn into_owner(self) -> TenantId {
        self.owner
    }
}

/// The keys of each tenant, by the `keyid` that it names them by.
#[derive(Debug, Clone, Default)]
pub struct HttpSignatureKeyring {
    tenants: HashMap<TenantId, Source>,
}

#[derive(Debug, Clone)]
enum Source {
    Fixed(Arc<[VerifyingKey]>),
    #[cfg(feature = "jwt")]
    Remote(RemoteJwks),
}

impl HttpSignatureKeyring {
    /// Nobody's keys yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The keys of a tenant; in place of others that it had.
    #[must_use]
    pub fn with(mut self, tenant: TenantId, keys: impl Into<Arc<[VerifyingKey]>>) -> Self {
        self.tenants.insert(tenant, Source::Fixed(keys.into()));
        self
    }

    /// The keys that a tenant publishes, by their `kid`; in place of others that it had. List one algorithm for each type
    /// of key, such as `[EdDsa, Es256, Ps512]`: here no message chooses.
    ///
    /// ```
    /// use countersign::payload::http_signature::HttpSignatureKeyring;
    /// use countersign::payload::jose::{Algorithm, CacheRules, RemoteJwks};
    /// use countersign::tenant::TenantId;
    ///
    /// let provider = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
    /// let algorithms = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Ps512];
    /// let published = RemoteJwks::new(CacheRules::default(), algorithms, provider)?;
    /// // What `reload::keep_fresh` keeps fresh.
    /// let keys = HttpSignatureKeyring::new().with_remote(TenantId::parse("acme")?, published.clone());
    /// # drop(keys);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "jwt")]
    #[must_use]
    pub fn with_remote(mut self, tenant: TenantId, keys: RemoteJwks) -> Self {
        self.tenants.insert(tenant, Source::Remote(keys));
        self
    }

    fn sole_owner(&self) -> Option<&TenantId> {
        let mut owners = self.tenants.keys();
        match (owners.next(), owners.next()) {
            (Some(owner), None) => Some(owner),
            _ => None,
        }
    }
}

impl FindVerifyingKeys for HttpSignatureKeyring {
    fn find_verifying_keys(&self, sender: Option<&TenantId>) -> Result<TenantVerifyingKeys, NoKey> {
        let owner = sender.or_else(|| self.sole_owner()).ok_or(NoKey::SenderNeeded)?;
        let keys = match self.tenants.get(owner) {
            Some(Source::Fixed(keys)) => keys.clone(),
            #[cfg(feature = "jwt")]
            Some(Source::Remote(remote)) => remote.verifying_keys().ok_or(NoKey::Unavailable)?,
            None => {
                return Err(NoKey::Unknown {
                    sender: owner.clone(),
                });
            }
        };
        Ok(TenantVerifyingKeys::new(owner.clone(), keys))
    }

    #[cfg(feature = "jwt")]
    fn unknown_key(&self, owner: &TenantId) -> Unknown {
        match self.tenants.get(owner) {
            Some(Source::Remote(remote)) => remote.unknown_key(),
            _ => Unknown::Refused,
        }
    }
}

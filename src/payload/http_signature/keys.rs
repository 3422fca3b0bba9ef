use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::payload::NoKey;
use crate::payload::jose::VerifyingKey;
use crate::tenant::TenantId;

/// Finds the keys that an HTTP message signature may be made with.
pub trait FindVerifyingKeys: fmt::Debug + Send + Sync {
    /// The keys of the sender that the connection has proved; without one, of the only owner there is.
    ///
    /// # Errors
    /// [`NoKey`].
    fn find_verifying_keys(&self, sender: Option<&TenantId>) -> Result<TenantVerifyingKeys, NoKey>;
}

impl<F: FindVerifyingKeys + ?Sized> FindVerifyingKeys for Arc<F> {
    fn find_verifying_keys(&self, sender: Option<&TenantId>) -> Result<TenantVerifyingKeys, NoKey> {
        (**self).find_verifying_keys(sender)
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
    tenants: HashMap<TenantId, Arc<[VerifyingKey]>>,
}

impl HttpSignatureKeyring {
    /// Nobody's keys yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The keys of a tenant; in place of others that it had.
    #[must_use]
    pub fn with(mut self, tenant: TenantId, keys: impl Into<Arc<[VerifyingKey]>>) -> Self {
        self.tenants.insert(tenant, keys.into());
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
        match self.tenants.get(owner) {
            Some(keys) => Ok(TenantVerifyingKeys::new(owner.clone(), keys.clone())),
            None => Err(NoKey::Unknown {
                sender: owner.clone(),
            }),
        }
    }
}

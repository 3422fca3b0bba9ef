use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use rustls_pki_types::UnixTime;

use crate::payload::NoKey;
use crate::payload::jose::{JwsVerifier, RemoteJwks, Unknown};
use crate::tenant::TenantId;

/// A key store: the keys that a token may be signed with.
pub trait FindJwks: fmt::Debug + Send + Sync {
    /// The keys of the sender that the connection has proved; without one, of the only owner there is.
    ///
    /// # Errors
    /// [`NoKey`].
    fn find_jwks(&self, sender: Option<&TenantId>, now: UnixTime) -> Result<TenantJwks, NoKey>;

    /// A token of this owner is signed with a key that is not known: none has its name, or none verifies it. Whether that
    /// may change in a moment.
    fn unknown_key(&self, _owner: &TenantId, _now: UnixTime) -> Unknown {
        Unknown::Refused
    }
}

impl<F: FindJwks + ?Sized> FindJwks for Arc<F> {
    fn find_jwks(&self, sender: Option<&TenantId>, now: UnixTime) -> Result<TenantJwks, NoKey> {
        (**self).find_jwks(sender, now)
    }

    fn unknown_key(&self, owner: &TenantId, now: UnixTime) -> Unknown {
        (**self).unknown_key(owner, now)
    }
}

/// The keys of one owner.
#[derive(Debug, Clone)]
pub struct TenantJwks {
    owner: TenantId,
    keys: JwsVerifier,
}

impl TenantJwks {
    /// These keys are this owner's.
    pub fn new(owner: TenantId, keys: JwsVerifier) -> Self {
        Self { owner, keys }
    }

    /// Whose keys they are.
    pub fn owner(&self) -> &TenantId {
        &self.owner
    }

    pub(in crate::payload::jose) fn keys(&self) -> &JwsVerifier {
        &self.keys
    }

    pub(in crate::payload::jose) fn into_owner(self) -> TenantId {
        self.owner
    }
}

/// The keys of each tenant. A token counts only under the keys of its sender.
#[derive(Debug, Clone, Default)]
pub struct JwtKeyring {
    tenants: HashMap<TenantId, Source>,
}

#[derive(Debug, Clone)]
enum Source {
    Fixed(JwsVerifier),
    Remote(RemoteJwks),
}

impl JwtKeyring {
    /// Nobody's keys yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The keys of a tenant; in place of others that it had.
    #[must_use]
    pub fn with(mut self, tenant: TenantId, keys: JwsVerifier) -> Self {
        self.tenants.insert(tenant, Source::Fixed(keys));
        self
    }

    /// The keys that a tenant publishes; in place of others that it had. Several tenants may share one set: what tells
    /// them apart must stand in the token then ([`JwtRules::with_tenant_in`](crate::payload::jose::JwtRules::with_tenant_in)).
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

impl FindJwks for JwtKeyring {
    fn find_jwks(&self, sender: Option<&TenantId>, _: UnixTime) -> Result<TenantJwks, NoKey> {
        let owner = sender.or_else(|| self.sole_owner()).ok_or(NoKey::SenderNeeded)?;
        let keys = match self.tenants.get(owner) {
            Some(Source::Fixed(keys)) => keys.clone(),
            Some(Source::Remote(remote)) => remote.keys().ok_or(NoKey::Unavailable)?,
            None => {
                return Err(NoKey::Unknown {
                    sender: owner.clone(),
                });
            }
        };
        Ok(TenantJwks::new(owner.clone(), keys))
    }

    fn unknown_key(&self, owner: &TenantId, _: UnixTime) -> Unknown {
        match self.tenants.get(owner) {
            Some(Source::Remote(remote)) => remote.unknown_key(),
            _ => Unknown::Refused,
        }
    }
}

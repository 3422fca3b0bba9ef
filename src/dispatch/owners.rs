use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::{Endpoint, spelling};
use crate::tenant::TenantId;

/// A registry of endpoints by tenant: each endpoint is one tenant's, and nobody else's. Clones share it.
///
/// Without it, tenant A may register tenant B's URL and have something delivered there: under A's own identity, which
/// B's receiver refuses if it checks both signatures. With it, the dispatcher refuses first.
///
/// # Security
/// Who claims first has it, so let a tenant [`claim`](Self::claim) only what it has *proved* to control: by an answer to
/// a challenge ([`payload::handshakes`](crate::payload::providers::handshakes) has the usual ones), or by a DNS record.
///
/// URLs are compared in one spelling (RFC 3986 §6.2.2), in which empty segments and an empty query are left out, too. Case
/// counts in paths.
///
/// ```
/// use countersign::dispatch::{EndpointOwners, Endpoint, NotClaimed};
/// use countersign::tenant::TenantId;
///
/// let (acme, globex) = (TenantId::parse("acme")?, TenantId::parse("globex")?);
/// let owners = EndpointOwners::per_host();
/// owners.claim(&Endpoint::parse(acme.clone(), "https://hooks.acme.example/paid")?)?;
///
/// let stolen = Endpoint::parse(globex, "https://hooks.acme.example/refunded")?;
/// assert_eq!(owners.claim(&stolen), Err(NotClaimed::Taken { owner: acme }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct EndpointOwners {
    extent: Extent,
    owners: Arc<RwLock<HashMap<String, TenantId>>>,
}

/// What one claim covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Host,
    Path,
    Url,
}

impl EndpointOwners {
    /// A claim covers a host and port, whatever the path. For consumers who run servers of their own.
    pub fn per_host() -> Self {
        Self::of(Extent::Host)
    }

    /// A claim covers one path of a host and port, whatever the query. For consumers who share hosts, of an integration
    /// platform for instance.
    pub fn per_path() -> Self {
        Self::of(Extent::Path)
    }

    /// A claim covers one URL with its query: where that is what tells consumers apart, as `?key=` does on some platforms.
    ///
    /// # Security
    /// Most receivers ignore parameters that they do not know, so whoever adds one has another URL of the same receiver.
    /// Where the path tells whose it is, [`per_path`](Self::per_path).
    pub fn per_url() -> Self {
        Self::of(Extent::Url)
    }

    fn of(extent: Extent) -> Self {
        Self {
            extent,
            owners: Arc::default(),
        }
    }

    /// Gives the endpoint to its tenant, for ever, or until it is [released](Self::release). To claim it once more
    /// changes nothing.
    ///
    /// # Errors
    /// [`NotClaimed::Taken`].
    pub fn claim(&self, endpoint: &Endpoint) -> Result<(), NotClaimed> {
        let mut owners = self.owners.write().unwrap_or_else(PoisonError::into_inner);
        match owners.entry(self.key(endpoint)) {
            Entry::Vacant(free) => {
                free.insert(endpoint.tenant().clone());
                Ok(())
            }
            Entry::Occupied(taken) => owned(taken.get(), endpoint),
        }
    }

    /// Gives it up, if it is its tenant's. Tells whether it was.
    ///
    /// A delivery that waits or connects at this moment is not sent there any more: claims are asked again right before
    /// the request goes out.
    pub fn release(&self, endpoint: &Endpoint) -> bool {
        let mut owners = self.owners.write().unwrap_or_else(PoisonError::into_inner);
        let key = self.key(endpoint);
        let own = owners.get(&key) == Some(endpoint.tenant());
        own && owners.remove(&key).is_some()
    }

    /// Whether the endpoint is claimed by its tenant.
    ///
    /// # Errors
    /// [`NotClaimed`].
    pub fn check(&self, endpoint: &Endpoint) -> Result<(), NotClaimed> {
        let owners = self.owners.read().unwrap_or_else(PoisonError::into_inner);
        match owners.get(&self.key(endpoint)) {
            Some(owner) => owned(owner, endpoint),
            None => Err(NotClaimed::Unclaimed),
        }
    }

    fn key(&self, endpoint: &Endpoint) -> String {
        match self.extent {
            Extent::Host => spelling::place(endpoint),
            Extent::Path => spelling::place(endpoint) + &spelling::path(endpoint.uri()),
            Extent::Url => format!(
                "{}{}?{}",
                spelling::place(endpoint),
                spelling::path(endpoint.uri()),
                spelling::query(endpoint.uri())
            ),
        }
    }
}

fn owned(owner: &TenantId, endpoint: &Endpoint) -> Result<(), NotClaimed> {
    if owner == endpoint.tenant() {
        return Ok(());
    }
    Err(NotClaimed::Taken { owner: owner.clone() })
}

impl fmt::Debug for EndpointOwners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointOwners")
            .field("extent", &self.extent)
            .finish_non_exhaustive()
    }
}

/// An endpoint that is not its tenant's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotClaimed {
    /// It is another tenant's.
    #[error("the endpoint is {owner}'s")]
    Taken {
        /// Whose.
        owner: TenantId,
    },
    /// It is nobody's.
    #[error("nobody has claimed the endpoint")]
    Unclaimed,
}

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::shares::{Share, Shares, UsedUp};
use crate::breaker::source;
use crate::refusal::Busy;
use crate::tenant::TenantId;

/// How many deliveries are under way. Clones share the numbers.
///
/// Who has proved nothing yet has places of its own, as many of them, while its body is being read: so the bodies of
/// nobody in particular are bounded too, and keep no tenant from its place.
#[derive(Debug, Clone)]
pub(super) struct Deliveries {
    proved: Arc<Shares<TenantId>>,
    /// By source; of whom no address is known, all together.
    unproved: Arc<Shares<Option<IpAddr>>>,
}

/// A place for one of them, which goes where the work goes.
#[derive(Debug)]
pub(super) struct Place {
    tenants: Option<Share<TenantId>>,
    _sources: Option<Share<Option<IpAddr>>>,
}

impl Deliveries {
    pub(super) fn new(in_all: usize, per_tenant: usize) -> Self {
        Self {
            proved: Shares::new(in_all, per_tenant),
            unproved: Shares::new(in_all, per_tenant),
        }
    }

    /// Before anything is read: for this tenant, where the connection has proved one.
    pub(super) fn begin(&self, tenant: Option<&TenantId>, peer: Option<SocketAddr>) -> Result<Place, Busy> {
        if let Some(tenant) = tenant {
            return self.of(tenant);
        }
        let taken = self.unproved.take(peer.map(|peer| source(peer.ip())));
        let sources = taken.map_err(|used_up| match used_up {
            UsedUp::All { limit } => Busy::Reading { limit },
            UsedUp::Own { limit } => Busy::Source { limit },
        })?;
        Ok(Place {
            tenants: None,
            _sources: Some(sources),
        })
    }

    /// Once a payload has proved whose it is.
    pub(super) fn proved(&self, place: Place, tenant: &TenantId) -> Result<Place, Busy> {
        if place.tenants.is_some() {
            return Ok(place);
        }
        self.of(tenant)
    }

    fn of(&self, tenant: &TenantId) -> Result<Place, Busy> {
        let taken = self.proved.take(tenant.clone());
        let tenants = taken.map_err(|used_up| match used_up {
            UsedUp::All { limit } => Busy::InAll { limit },
            UsedUp::Own { limit } => Busy::Tenant {
                tenant: tenant.clone(),
                limit,
            },
        })?;
        Ok(Place {
            tenants: Some(tenants),
            _sources: None,
        })
    }
}

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::{Deadlines, Dispatcher, Endpoint, EndpointOwners, Failure, Limits, NotClaimed, RetryRules};
use crate::breaker::Breaker;
use crate::clock::Clock;
use crate::egress::Egress;
use crate::observe::{Observer, Silent, guarded};
use crate::tenant::TenantId;

/// How many circuits the breaker has room for by default.
const CIRCUITS: usize = 65_536;
/// An endpoint is one tenant's, so failures in a row are its own. By the rate alone, one that is tried once a minute would
/// never be left alone: it has no ten requests within a minute.
const IN_A_ROW: u32 = 10;

/// What a dispatcher goes by.
#[derive(Clone)]
pub(super) struct Rules {
    pub(super) egress: Egress,
    pub(super) ports: Arc<[u16]>,
    pub(super) owners: Option<EndpointOwners>,
    pub(super) deadlines: Deadlines,
    pub(super) limits: Limits,
    pub(super) retry: RetryRules,
    pub(super) breaker: Breaker<Endpoint>,
    pub(super) clock: Clock,
    pub(super) observer: Arc<dyn Observer>,
}

impl Rules {
    /// Whether this tenant may have something delivered there at all.
    pub(super) fn admit(&self, endpoint: &Endpoint, tenant: &TenantId) -> Result<(), Failure> {
        if endpoint.tenant() != tenant {
            return Err(Failure::NotTheirEndpoint {
                owner: endpoint.tenant().clone(),
            });
        }
        match self.owners.as_ref().map(|owners| owners.check(endpoint)) {
            Some(Err(NotClaimed::Taken { owner })) => return Err(Failure::NotTheirEndpoint { owner }),
            Some(Err(NotClaimed::Unclaimed)) => return Err(Failure::Unclaimed),
            _ => {}
        }
        let port = endpoint.port();
        if self.ports.contains(&port) {
            Ok(())
        } else {
            Err(Failure::PortNotAllowed { port })
        }
    }

    /// A host that is an address, rather than a name, can be judged before anybody connects.
    pub(super) fn check_literal(&self, endpoint: &Endpoint) -> Result<(), Failure> {
        match endpoint.host().parse() {
            Ok(ip) => Ok(self.egress.guard().check(SocketAddr::new(ip, endpoint.port()))?),
            Err(_) => Ok(()),
        }
    }
}

/// A builder of a [`Dispatcher`].
#[derive(Clone)]
pub struct DispatcherBuilder {
    rules: Rules,
}

impl DispatcherBuilder {
    pub(super) fn new() -> Self {
        Self {
            rules: Rules {
                egress: Egress::new(),
                ports: Arc::new([Endpoint::DEFAULT_PORT]),
                owners: None,
                deadlines: Deadlines::default(),
                limits: Limits::default(),
                retry: RetryRules::default(),
                breaker: Breaker::new(CIRCUITS).trip_in_a_row(IN_A_ROW),
                clock: Clock::default(),
                observer: Arc::new(Silent),
            },
        }
    }

    /// Goes out by this: guard, resolver, proxy.
    #[must_use]
    pub fn with_egress(mut self, egress: Egress) -> Self {
        self.rules.egress = egress;
        self
    }

    /// Delivers to these ports in place of 443 alone.
    #[must_use]
    pub fn with_ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.rules.ports = ports.into_iter().collect();
        self
    }

    /// Delivers only where the endpoint is claimed by the tenant. Clones of `owners` share what is claimed, so it can
    /// be filled while this is in use.
    #[must_use]
    pub fn with_owners(mut self, owners: EndpointOwners) -> Self {
        self.rules.owners = Some(owners);
        self
    }

    /// Leaves endpoints alone by this breaker, for a while, that fail too often. What is our own fault, or forbidden by
    /// our own rules, is not counted. Clones share the circuits, so its states can be read, stored and restored.
    ///
    /// By default a circuit opens when half of ten or more requests within a minute fail, or ten in a row, however far apart.
    #[must_use]
    pub fn with_breaker(mut self, breaker: Breaker<Endpoint>) -> Self {
        self.rules.breaker = breaker;
        self
    }

    /// Gives each part of a delivery this long.
    #[must_use]
    pub fn with_deadlines(mut self, deadlines: Deadlines) -> Self {
        self.rules.deadlines = deadlines;
        self
    }

    /// Does this much at once.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.rules.limits = limits;
        self
    }

    /// Makes fates of failures by these rules.
    #[must_use]
    pub fn with_retry_rules(mut self, retry: RetryRules) -> Self {
        self.rules.retry = retry;
        self
    }

    /// Takes the present from this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.rules.clock = clock;
        self
    }

    /// Tells this observer.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        self.rules.observer = guarded(observer);
        self
    }

    /// The dispatcher, with no tenants yet.
    pub fn build(self) -> Dispatcher {
        Dispatcher::by(self.rules)
    }
}

impl fmt::Debug for DispatcherBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DispatcherBuilder")
            .field("egress", &self.rules.egress)
            .finish_non_exhaustive()
    }
}

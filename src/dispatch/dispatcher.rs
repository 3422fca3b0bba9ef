use std::fmt;
use std::sync::Arc;

use rustls_pki_types::UnixTime;

use super::attempt::Attempt;
use super::builder::Rules;
use super::tenants::{Tenant, Tenants};
use super::turns::Turns;
use super::{Delivery, DispatcherBuilder, Endpoint, Failure, Fault, Outcome, OwnClient, TenantIdentity};
use crate::breaker::{Jitter, NotNow, Permit, State, Transition, Verdict};
use crate::egress::from_now;
use crate::observe::Event;
use crate::tenant::TenantId;
use crate::tls::InvalidTls;

/// A webhook client: each tenant's deliveries under that tenant's identity, to that tenant's endpoints. Clones share
/// it.
///
/// ```
/// use countersign::dispatch::{Delivery, Dispatcher, Endpoint};
/// use countersign::tenant::TenantId;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let dispatcher = Dispatcher::new();
/// let acme = TenantId::parse("acme")?;
/// let endpoint = Endpoint::parse(acme.clone(), "https://hooks.acme.example/paid")?;
/// let outcome = dispatcher.deliver(&endpoint, &Delivery::new(acme.clone(), "delivery-1", "{}")).await;
/// // Who has no certificate of its own is sent nothing under another's.
/// assert_eq!(outcome.failure.map(|failure| failure.code()), Some("dispatch.no_identity"));
/// assert_eq!(dispatcher.generation(&acme), None);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Dispatcher {
    shared: Arc<Shared>,
}

struct Shared {
    tenants: Tenants,
    turns: Turns,
    rules: Rules,
}

impl Dispatcher {
    /// With public addresses, port 443, and every default.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// With rules of your own.
    pub fn builder() -> DispatcherBuilder {
        DispatcherBuilder::new()
    }

    pub(super) fn by(rules: Rules) -> Self {
        Self {
            shared: Arc::new(Shared {
                tenants: Tenants::new(&rules.limits),
                turns: Turns::new(&rules.limits),
                rules,
            }),
        }
    }

    /// Sends this tenant's deliveries under this identity from now on, and tells its generation.
    ///
    /// What was made under the one before is not used again: idle connections are closed, and what is under way ends
    /// by itself. A delivery that was not sent yet begins anew.
    ///
    /// # Errors
    /// [`InvalidTls`].
    pub fn set_identity(&self, tenant: TenantId, sender: TenantIdentity) -> Result<u64, InvalidTls> {
        let Shared {
            tenants,
            turns,
            rules,
            ..
        } = &*self.shared;
        tenants.set(tenant, sender, &rules.clock, turns)
    }

    /// Delivers nothing more for this tenant. Tells whether it had an identity.
    pub fn remove_identity(&self, tenant: &TenantId) -> bool {
        self.shared.tenants.remove(tenant)
    }

    /// The generation of a tenant's identity; `None` where it has none.
    pub fn generation(&self, tenant: &TenantId) -> Option<u64> {
        let active = self.shared.tenants.find(tenant)?.active()?;
        Some(active.generation)
    }

    /// A tenant's identity for an HTTP client of your own; `None` where the tenant has none.
    pub fn own_client(&self, tenant: &TenantId) -> Option<OwnClient> {
        let active = self.shared.tenants.find(tenant)?.active()?;
        Some(OwnClient::new(tenant.clone(), active, self.shared.rules.clone()))
    }

    /// One attempt at a delivery, when its turn has come.
    ///
    /// Dropping the future calls it off: what was under way is closed, and nothing half-read is kept for others.
    pub async fn deliver(&self, endpoint: &Endpoint, delivery: &Delivery) -> Outcome {
        let outcome = self.shared.deliver(endpoint, delivery).await;
        self.shared.tell(endpoint, delivery, &outcome);
        outcome
    }
}

impl Shared {
    async fn deliver(&self, endpoint: &Endpoint, delivery: &Delivery) -> Outcome {
        match self.admit(endpoint, delivery) {
            Ok(tenant) => self.deliver_for(&tenant, endpoint, delivery).await,
            Err(failure) => self.failed(failure),
        }
    }

    async fn deliver_for(&self, tenant: &Tenant, endpoint: &Endpoint, delivery: &Delivery) -> Outcome {
        let Ok(_turn) = self.turns.wait(&tenant.share).await else {
            return self.failed(Failure::NoIdentity);
        };
        // Once more: it may have waited for long, and the endpoint may be another's since.
        if let Err(failure) = self.check(endpoint, delivery, self.rules.clock.now()) {
            return self.failed(failure);
        }
        // Only now: a probe's place is not to be kept while waiting.
        let permit = match self.rules.breaker.ask(endpoint, self.rules.clock.now()) {
            Ok(permit) => permit,
            Err(not_now) => return self.failed(Failure::NotNow(not_now)),
        };
        self.tell_change(permit.transition());
        let outcome = self.attempt(tenant, endpoint, delivery).await;
        self.record(permit, &outcome);
        outcome
    }

    /// What can be told without waiting.
    fn admit(&self, endpoint: &Endpoint, delivery: &Delivery) -> Result<Arc<Tenant>, Failure> {
        let now = self.rules.clock.now();
        self.check(endpoint, delivery, now)?;
        match self.rules.breaker.state(endpoint, now) {
            State::Open { until } if now < until => return Err(Failure::NotNow(NotNow::Open { until })),
            _ => {}
        }
        self.tenants.find(delivery.tenant()).ok_or(Failure::NoIdentity)
    }

    /// Whether an attempt may begin now, whoever else is under way.
    fn check(&self, endpoint: &Endpoint, delivery: &Delivery, now: UnixTime) -> Result<(), Failure> {
        self.rules.admit(endpoint, delivery.tenant())?;
        delivery.check_expiry(now)
    }

    async fn attempt(&self, tenant: &Tenant, endpoint: &Endpoint, delivery: &Delivery) -> Outcome {
        let attempt = Attempt {
            rules: &self.rules,
            endpoint,
            delivery,
            until: from_now(self.rules.deadlines.whole),
        };
        match attempt.run(tenant).await {
            Ok(answer) => Outcome::answered(answer, &self.rules.retry, self.rules.clock.now()),
            Err(failure) => self.failed(failure),
        }
    }

    fn failed(&self, failure: Failure) -> Outcome {
        Outcome::failed(failure, &self.rules.retry, self.rules.clock.now())
    }

    /// The endpoint's circuit pays for what is theirs, or the network's, and not for what is ours.
    fn record(&self, permit: Permit<Endpoint>, outcome: &Outcome) {
        let verdict = match outcome.fault() {
            None => Verdict::Success,
            Some(Fault::Theirs | Fault::Network) => Verdict::Failure,
            Some(Fault::Ours | Fault::Policy) => Verdict::NotCounted,
        };
        let permit = permit.with_jitter(Jitter::random());
        let change = permit.record(verdict, self.rules.clock.now());
        self.tell_change(change.as_ref());
    }

    fn tell_change(&self, change: Option<&Transition<Endpoint>>) {
        let Some(change) = change else { return };
        self.rules.observer.observe(&Event::CircuitChanged {
            tenant: change.key.tenant(),
            host: change.key.host(),
            from: change.from.name(),
            to: change.to.name(),
        });
    }

    fn tell(&self, endpoint: &Endpoint, delivery: &Delivery, outcome: &Outcome) {
        let (tenant, host, id) = (delivery.tenant(), endpoint.host(), delivery.id());
        self.rules.observer.observe(&match outcome.fault() {
            None => Event::Delivered { tenant, host, id },
            Some(fault) => Event::NotDelivered {
                tenant,
                host,
                id,
                code: outcome.code(),
                fault: fault.code(),
            },
        });
    }
}

impl Default for Dispatcher {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher")
            .field("egress", &self.shared.rules.egress)
            .finish_non_exhaustive()
    }
}

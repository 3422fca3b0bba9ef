use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::HeaderMap;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{sleep, timeout};

use super::connection::{Connection, Processed};
use super::exchange::{Exchange, Unanswered};
use super::open::{Opener, now};
use super::tenants::{Active, Tenant, Tenants};
use super::{
    Answer, BodyEnd, Connected, Deadlines, Delivery, Endpoint, Failure, Limits, Outcome, Protocol,
    RetryRules, Sender, Stage,
};
use crate::clock::Clock;
use crate::egress::Egress;
use crate::observe::{DeliveryStage, Event, Observer, Silent};
use crate::payload::Outgoing;
use crate::tenant::TenantId;
use crate::tls::InvalidTls;

/// How often a delivery begins anew because identity or trust was replaced before it was sent.
const ANEW: usize = 4;

/// Delivers: each tenant's deliveries under that tenant's identity, to that tenant's endpoints. Clones share it.
#[derive(Clone)]
pub struct Dispatcher {
    shared: Arc<Shared>,
}

struct Shared {
    tenants: Tenants,
    in_all: Semaphore,
    sweeping: AtomicBool,
    rules: Rules,
}

#[derive(Clone)]
struct Rules {
    egress: Egress,
    ports: Arc<[u16]>,
    deadlines: Deadlines,
    limits: Limits,
    retry: RetryRules,
    clock: Clock,
    observer: Arc<dyn Observer>,
}

/// Collects what a [`Dispatcher`] is made of.
#[derive(Clone)]
pub struct DispatcherBuilder {
    rules: Rules,
}

impl Dispatcher {
    /// With public addresses, port 443, and every default.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// With rules of your own.
    pub fn builder() -> DispatcherBuilder {
        DispatcherBuilder {
            rules: Rules {
                egress: Egress::new(),
                ports: Arc::new([Endpoint::DEFAULT_PORT]),
                deadlines: Deadlines::default(),
                limits: Limits::default(),
                retry: RetryRules::default(),
                clock: Clock::default(),
                observer: Arc::new(Silent),
            },
        }
    }

    /// Sends this tenant's deliveries under this identity from now on, and tells its generation.
    ///
    /// What was made under the one before is not used again: idle connections are closed, and what is under way ends
    /// by itself. A delivery that was not sent yet begins anew.
    ///
    /// # Errors
    /// [`InvalidTls`].
    pub fn set_sender(&self, tenant: TenantId, sender: Sender) -> Result<u64, InvalidTls> {
        let Rules { clock, limits, .. } = &self.shared.rules;
        self.shared.tenants.set(tenant, sender, clock, limits)
    }

    /// Delivers nothing more for this tenant. Tells whether it had an identity.
    pub fn remove_sender(&self, tenant: &TenantId) -> bool {
        self.shared.tenants.remove(tenant)
    }

    /// The generation of a tenant's identity; `None` where it has none.
    pub fn generation(&self, tenant: &TenantId) -> Option<u64> {
        let active = self.shared.tenants.find(tenant)?.active()?;
        Some(active.generation)
    }

    /// One attempt at a delivery, when its turn has come.
    ///
    /// Dropping the future calls it off: what was under way is closed, and nothing half-read is kept for others.
    pub async fn deliver(&self, endpoint: &Endpoint, delivery: &Delivery) -> Outcome {
        let outcome = self.shared.deliver(endpoint, delivery).await;
        self.shared.tell(endpoint, delivery, &outcome);
        self.sweep_idle();
        outcome
    }

    /// While there are idle connections, somebody closes those that are idle for too long.
    fn sweep_idle(&self) {
        if !self.shared.sweeping.swap(true, Ordering::AcqRel) {
            tokio::spawn(sweep(
                Arc::downgrade(&self.shared),
                self.shared.rules.limits.idle_for / 2,
            ));
        }
    }
}

async fn sweep(shared: Weak<Shared>, every: Duration) {
    loop {
        sleep(every.max(Duration::from_millis(10))).await;
        let Some(shared) = shared.upgrade() else { return };
        if shared.tenants.sweep(&shared.rules.limits, now()) == 0 {
            return shared.sweeping.store(false, Ordering::Release);
        }
    }
}

impl Shared {
    async fn deliver(&self, endpoint: &Endpoint, delivery: &Delivery) -> Outcome {
        let turn = match self.turn(endpoint, delivery).await {
            Ok(turn) => turn,
            Err(failure) => return self.failed(failure),
        };
        let attempt = timeout(
            self.rules.deadlines.whole,
            self.attempt(&turn.tenant, endpoint, delivery),
        );
        match attempt.await {
            Ok(Ok((answer, headers))) => {
                Outcome::answered(answer, &headers, &self.rules.retry, self.rules.clock.now())
            }
            Ok(Err(failure)) => self.failed(failure),
            Err(_) => self.failed(Failure::TimedOut {
                stage: Stage::Delivering,
            }),
        }
    }

    fn failed(&self, failure: Failure) -> Outcome {
        Outcome::failed(failure, &self.rules.retry, self.rules.clock.now())
    }

    /// Waits for its turn: first among the tenant's own, so that only so many of one tenant ever stand among all.
    async fn turn(&self, endpoint: &Endpoint, delivery: &Delivery) -> Result<Turn<'_>, Failure> {
        if endpoint.tenant() != &delivery.tenant {
            return Err(Failure::NotTheirEndpoint {
                owner: endpoint.tenant().clone(),
            });
        }
        if !self.rules.ports.contains(&endpoint.port()) {
            return Err(Failure::PortNotAllowed {
                port: endpoint.port(),
            });
        }
        let tenant = self.tenants.find(&delivery.tenant).ok_or(Failure::NoSender)?;
        let own = tenant.share.clone().acquire_owned().await;
        let in_all = self.in_all.acquire().await;
        // Neither is ever closed.
        let (Ok(own), Ok(in_all)) = (own, in_all) else {
            return Err(Failure::NoSender);
        };
        Ok(Turn {
            tenant,
            _own: own,
            _in_all: in_all,
        })
    }

    /// Under the identity of this moment; anew, where it is replaced before anything was sent.
    async fn attempt(
        &self,
        tenant: &Tenant,
        endpoint: &Endpoint,
        delivery: &Delivery,
    ) -> Result<(Answer, HeaderMap), Failure> {
        let mut failed = Failure::NoSender;
        for _ in 0..ANEW {
            let active = tenant.active().ok_or(Failure::NoSender)?;
            match self.send(&active, endpoint, delivery).await {
                Ok(answered) => return Ok(answered),
                Err(NotSent::Replaced) => failed = Failure::NoSender,
                Err(NotSent::Failed(failure)) => return Err(failure),
            }
        }
        Err(failed)
    }

    async fn send(
        &self,
        active: &Arc<Active>,
        endpoint: &Endpoint,
        delivery: &Delivery,
    ) -> Result<(Answer, HeaderMap), NotSent> {
        let signature = self.sign(active, endpoint, delivery)?;
        let exchange = Exchange {
            endpoint,
            delivery,
            signature: &signature,
            deadlines: &self.rules.deadlines,
            limits: &self.rules.limits,
        };
        if let Some(connection) = active
            .pool
            .take(&endpoint.place(), |kept| self.is_good(active, kept))
        {
            match self
                .exchange(active, connection, Connected::Reused, &exchange)
                .await
            {
                // It had died while it was idle, and the request was certainly not handled: once more, on a fresh one.
                Err(NotAnswered::Unanswered(unanswered)) if unanswered.processed == Processed::No => {}
                other => return other.map_err(NotSent::from),
            }
        }
        let connection = self.open(active, endpoint, delivery).await?;
        let answered = self
            .exchange(active, connection, Connected::Fresh, &exchange)
            .await;
        answered.map_err(NotSent::from)
    }

    fn sign(&self, active: &Active, endpoint: &Endpoint, delivery: &Delivery) -> Result<HeaderMap, Failure> {
        let (now, validity) = (self.rules.clock.now(), active.sender.validity());
        if !validity.contains(now) {
            return Err(Failure::OwnCertificate { validity, now });
        }
        let outgoing = Outgoing::new(&delivery.tenant, &delivery.id, &delivery.body, now)
            .with_request(&delivery.method, endpoint.uri())
            .with_headers(&delivery.headers);
        Ok(active.sender.sign(&outgoing)?)
    }

    async fn open(
        &self,
        active: &Active,
        endpoint: &Endpoint,
        delivery: &Delivery,
    ) -> Result<Connection, Failure> {
        self.at(endpoint, delivery, DeliveryStage::Connecting);
        let opener = Opener {
            egress: &self.rules.egress,
            deadlines: &self.rules.deadlines,
            clock: &self.rules.clock,
        };
        let (connection, evidence) = opener.open(active, endpoint).await?;
        if let Some(untrusted) = &evidence.reported {
            self.rules.observer.observe(&Event::Reported {
                tenant: &delivery.tenant,
                untrusted,
            });
        }
        if let Some(shared) = connection.share() {
            // Others may use an HTTP/2 connection from now on, and need not open one of their own.
            active
                .pool
                .keep(endpoint.place(), shared, &self.rules.limits, now());
        }
        Ok(connection)
    }

    async fn exchange(
        &self,
        active: &Active,
        mut connection: Connection,
        from: Connected,
        exchange: &Exchange<'_>,
    ) -> Result<(Answer, HeaderMap), NotAnswered> {
        // The last moment: what is replaced after this is replaced while the request is under way.
        if active.pool.is_retired() || connection.facts.trust != active.sender.trust().generation() {
            return Err(NotAnswered::Replaced);
        }
        self.at(exchange.endpoint, exchange.delivery, DeliveryStage::Sending);
        let answered = exchange.run(&mut connection, from).await;
        let (answer, headers) = answered.map_err(NotAnswered::Unanswered)?;
        if answer.end == BodyEnd::Whole {
            self.keep(active, exchange.endpoint, connection).await;
        }
        Ok((answer, headers))
    }

    /// Only a connection whose answer was read to its end can serve another request. HTTP/2 streams end each by itself,
    /// so such a connection is in the pool already.
    async fn keep(&self, active: &Active, endpoint: &Endpoint, mut connection: Connection) {
        if connection.protocol() == Protocol::Http2 {
            return active
                .pool
                .keep(endpoint.place(), connection, &self.rules.limits, now());
        }
        let ready = timeout(Duration::from_millis(100), connection.ready()).await;
        if let Ok(Ok(())) = ready {
            active
                .pool
                .keep(endpoint.place(), connection, &self.rules.limits, now());
        }
    }

    /// Whether an idle connection may still be used: open, not too old, made under the trust in force, and as long as
    /// the server's certificate holds.
    fn is_good(&self, active: &Active, connection: &Connection) -> bool {
        let facts = &connection.facts;
        connection.is_ready()
            && facts.trust == active.sender.trust().generation()
            && facts.valid.contains(self.rules.clock.now())
            && now().duration_since(facts.opened) < self.rules.limits.connection_age
    }

    fn at(&self, endpoint: &Endpoint, delivery: &Delivery, stage: DeliveryStage) {
        self.rules.observer.observe(&Event::Delivering {
            tenant: &delivery.tenant,
            host: endpoint.host(),
            id: &delivery.id,
            stage,
        });
    }

    fn tell(&self, endpoint: &Endpoint, delivery: &Delivery, outcome: &Outcome) {
        let (tenant, host, id) = (&delivery.tenant, endpoint.host(), delivery.id.as_str());
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

/// A delivery whose turn has come.
struct Turn<'a> {
    tenant: Arc<Tenant>,
    _own: tokio::sync::OwnedSemaphorePermit,
    _in_all: SemaphorePermit<'a>,
}

enum NotAnswered {
    Replaced,
    Unanswered(Unanswered),
}

enum NotSent {
    /// Identity or trust is not the one it began with any more, and nothing was sent.
    Replaced,
    Failed(Failure),
}

impl From<Failure> for NotSent {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<NotAnswered> for NotSent {
    fn from(not: NotAnswered) -> Self {
        match not {
            NotAnswered::Replaced => Self::Replaced,
            NotAnswered::Unanswered(unanswered) => Self::Failed(unanswered.failure),
        }
    }
}

impl DispatcherBuilder {
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
        self.rules.observer = observer;
        self
    }

    /// The dispatcher, with no tenants yet.
    pub fn build(self) -> Dispatcher {
        Dispatcher {
            shared: Arc::new(Shared {
                tenants: Tenants::new(),
                in_all: Semaphore::new(self.rules.limits.in_all.clamp(1, Semaphore::MAX_PERMITS)),
                sweeping: AtomicBool::new(false),
                rules: self.rules,
            }),
        }
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

impl fmt::Debug for DispatcherBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DispatcherBuilder")
            .field("egress", &self.rules.egress)
            .finish_non_exhaustive()
    }
}

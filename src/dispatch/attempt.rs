use std::time::Duration;

use http::HeaderMap;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

use super::builder::Rules;
use super::connection::{Connection, Processed};
use super::exchange::{Exchange, Unanswered};
use super::failure::fetching;
use super::keep_alive;
use super::open::{Opener, now};
use super::tenants::{Active, Tenant};
use super::{Answer, BodyEnd, Connected, Delivery, Endpoint, Failure, Protocol, Stage};
use crate::egress::from_now;
use crate::observe::{DeliveryStage, Event};
use crate::payload::Outgoing;

/// How often a delivery begins anew because identity or trust was replaced before it was sent.
const ANEW: usize = 4;

/// One attempt at a delivery whose turn has come.
pub(super) struct Attempt<'a> {
    pub(super) rules: &'a Rules,
    pub(super) endpoint: &'a Endpoint,
    pub(super) delivery: &'a Delivery,
    /// The end of all of it: what has no answer by then has failed, and of an answer, no more is read.
    pub(super) until: Instant,
}

impl Attempt<'_> {
    /// Under the identity of this moment; anew, where it is replaced before anything was sent.
    pub(super) async fn run(&self, tenant: &Tenant) -> Result<Answer, Failure> {
        let mut failed = Failure::NoIdentity;
        // An identity that is replaced meanwhile is not used once more; the new one is, a few times at most.
        for _ in 0..ANEW {
            let active = tenant.active().ok_or(Failure::NoIdentity)?;
            match self.send(&active).await {
                Ok(answered) => return Ok(answered),
                Err(NotSent::Replaced) => failed = Failure::NoIdentity,
                Err(NotSent::Failed(failure)) => return Err(failure),
            }
        }
        Err(failed)
    }

    async fn send(&self, active: &Active) -> Result<Answer, NotSent> {
        let signing = fetching(|| self.sign(active));
        let signature = timeout_at(self.until, signing).await.map_err(over)??;
        let exchange = Exchange {
            endpoint: self.endpoint,
            delivery: self.delivery,
            signature: &signature,
            deadlines: &self.rules.deadlines,
            limits: &self.rules.limits,
            until: self.until,
        };
        if let Some(connection) = active
            .pool
            .take(self.endpoint.place(), now(), |kept| self.is_good(active, kept))
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
        // Opening takes most of the room, and is rare: so what is under way on an open connection is small.
        let opening = Box::pin(self.open(active));
        let connection = timeout_at(self.until, opening).await.map_err(over)??;
        let answered = self
            .exchange(active, connection, Connected::Fresh, &exchange)
            .await;
        answered.map_err(NotSent::from)
    }

    fn sign(&self, active: &Active) -> Result<HeaderMap, Failure> {
        let Self {
            endpoint, delivery, ..
        } = self;
        let now = self.rules.clock.now();
        active.check_certificate(now)?;
        let outgoing = Outgoing::new(&delivery.tenant, &delivery.id, &delivery.body, now)
            .with_request(&delivery.method, endpoint.uri())
            .with_headers(&delivery.headers);
        Ok(active.sender.sign(&outgoing)?)
    }

    async fn open(&self, active: &Active) -> Result<Connection, Failure> {
        self.at(DeliveryStage::Connecting);
        let opener = Opener {
            egress: &self.rules.egress,
            deadlines: &self.rules.deadlines,
            clock: &self.rules.clock,
        };
        let (connection, evidence) = opener.open(active, self.endpoint).await?;
        if let Some(untrusted) = &evidence.reported {
            self.rules.observer.observe(&Event::Reported {
                tenant: self.delivery.tenant(),
                untrusted,
            });
        }
        if let Some(shared) = connection.share() {
            // Others may use an HTTP/2 connection from now on, and need not open one of their own.
            self.put_aside(active, shared, self.rules.limits.idle_for);
        }
        Ok(connection)
    }

    async fn exchange(
        &self,
        active: &Active,
        mut connection: Connection,
        from: Connected,
        exchange: &Exchange<'_>,
    ) -> Result<Answer, NotAnswered> {
        // The last moment: what is replaced or given up after this is so while the request is under way.
        self.rules.admit(self.endpoint, self.delivery.tenant())?;
        if active.pool.is_retired() || connection.facts.trust != active.sender.trust().generation() {
            return Err(NotAnswered::Replaced);
        }
        self.at(DeliveryStage::Sending);
        let answered = exchange.run(&mut connection, from).await;
        let answer = answered.map_err(|unanswered| {
            // Shared or not, nobody else is to wait on a connection that may be dead.
            active.pool.discard(self.endpoint.place(), &connection);
            NotAnswered::Unanswered(unanswered)
        })?;
        match (answer.request, answer.end) {
            // In HTTP/2 such a request takes up one of the server's places, for nobody knows how long.
            (BodyEnd::CutOff, _) => active.pool.discard(self.endpoint.place(), &connection),
            (BodyEnd::Whole, BodyEnd::Whole) => self.keep(active, connection, &answer).await,
            (BodyEnd::Whole, BodyEnd::CutOff) => {}
        }
        Ok(answer)
    }

    /// Only a connection whose answer was read to its end can serve another request. HTTP/2 streams end each by itself,
    /// so such a connection is in the pool already.
    async fn keep(&self, active: &Active, mut connection: Connection, answer: &Answer) {
        connection.rest();
        let idle_for = self.rules.limits.idle_for;
        if connection.protocol() == Protocol::Http2 {
            return self.put_aside(active, connection, idle_for);
        }
        let Some(announced) = keep_alive::announced(&answer.headers) else {
            return;
        };
        let soon = from_now(Duration::from_millis(100)).min(self.until);
        let ready = timeout_at(soon, connection.ready()).await;
        if let Ok(Ok(())) = ready {
            self.put_aside(active, connection, announced.min(idle_for));
        }
    }

    fn put_aside(&self, active: &Active, connection: Connection, lasts: Duration) {
        let place = self.endpoint.place().clone();
        active
            .pool
            .keep(place, connection, lasts, &self.rules.limits, now());
    }

    /// Whether an idle connection may still be used: open, not too old, made under the trust in force, as long as the
    /// server's certificate holds, and our own shown on it where this endpoint demands that. Another endpoint at the same
    /// place may not.
    fn is_good(&self, active: &Active, connection: &Connection) -> bool {
        let facts = &connection.facts;
        connection.is_ready()
            && (facts.asked || !self.endpoint.must_ask())
            && facts.trust == active.sender.trust().generation()
            && facts.valid.contains(self.rules.clock.now())
            && now().duration_since(facts.opened) < self.rules.limits.connection_age
    }

    fn at(&self, stage: DeliveryStage) {
        self.rules.observer.observe(&Event::Delivering {
            tenant: self.delivery.tenant(),
            host: self.endpoint.host(),
            id: self.delivery.id(),
            stage,
        });
    }
}

fn over(_: Elapsed) -> Failure {
    Failure::TimedOut {
        stage: Stage::Delivering,
    }
}

enum NotAnswered {
    Replaced,
    /// It is not to be sent there any more.
    Refused(Failure),
    Unanswered(Unanswered),
}

enum NotSent {
    /// Identity or trust is not the one it began with any more, and nothing was sent.
    Replaced,
    Failed(Failure),
}

impl From<Failure> for NotAnswered {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure)
    }
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
            NotAnswered::Refused(failure) => Self::Failed(failure),
            NotAnswered::Unanswered(unanswered) => Self::Failed(unanswered.failure),
        }
    }
}

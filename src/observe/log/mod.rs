//! The rules of [`Log`]: which level, which fields.

use tracing::field;
use tracing::{Level, debug, error, info, trace, warn};

use super::{Event, HandshakeKind, NamedGroup, Observer, RefusedClient, RotationStep};
use crate::breaker::State;
use crate::date::Date;
use crate::expiry::Urgency;
use crate::refusal::Refusal;
use crate::replay::{Settlement, StoreDown};
use crate::tenant::TenantId;

#[cfg(all(test, feature = "testing"))]
#[expect(clippy::expect_used, reason = "tests say what they expect by failing loudly")]
mod tests;

/// An observer that writes structured events with [`tracing`](https://docs.rs/tracing), for whatever subscriber there is.
///
/// All have the target `countersign`. Their messages and fields are stable:
///
/// | message | level | fields |
/// |---|---|---|
/// | `handshake started` | trace | `peer` |
/// | `handshake completed` | debug | `peer`, `tls.established`, `tls.protocol.name`, `tls.protocol.version`, `tls.resumed`, `tls.client.hash.sha256`, `tls.client.not_before`, `tls.client.not_after`, `took` |
/// | `handshake failed` | info | `peer`, `tls.established`, `code`, `reason` |
/// | `refused again` | warn where its certificate resembles a tenant's, else info | `source`, `attempts`, `code`, `looks_like`, `claims`, `resembles`, `since`, `remedy` |
/// | `accept failed` | error | `at`, `reason` |
/// | `connection cut` | debug where good peers meet it too, else info | `peer`, `code`, `reason` |
/// | `source changed` | warn where it is blocked, else info | `source`, `from`, `to` |
/// | `not forwarded` | info | `peer`, `code`, `reason` |
/// | `identified` | debug | `peer`, `tenant`, `rule` |
/// | `refused` | see below | `peer`, `tenant`, `code`, `reason` |
/// | `reported` | warn | `tenant`, `code`, `reason` |
/// | `accepted` | debug | `peer`, `tenant` |
/// | `sender gone` | info | `peer`, `tenant` |
/// | `settled` | debug | `tenant`, `handler` |
/// | `unsettled` | error where the store is down, warn where a lease was lost | `tenant`, `code`, and `reason` where the store gave one |
/// | `delivering` | trace | `tenant`, `host`, `id`, `stage` |
/// | `delivered` | debug | `tenant`, `host`, `id` |
/// | `not delivered` | error where the fault is ours, else warn | `tenant`, `host`, `id`, `code`, `fault` |
/// | `circuit changed` | warn where it opens, else info | `tenant`, `host`, `from`, `to` |
/// | `reloaded` | info | `name`, `generation` |
/// | `not reloaded` | error | `name`, `code`, `reason`, `in_force` |
/// | `rotation stepped` | warn where a retirement is refused or forced, else info | `kind`, `name`, `step` |
/// | `expiring` | error where it is urgent or over, else warn | `kind`, `name`, `owner`, `urgency`, `not_after`, `remedy` |
/// | `expiries listed` | trace | `count` |
/// | `events lost` | warn | `count` |
/// | `observer ended` | error | |
///
/// What begins with `tls.` is an attribute of OpenTelemetry's, in its form; those of a certificate are left out where none
/// was shown. For a certificate's names and serial number there is none, and they are not written.
///
/// `peer` and `tenant` are left out where they are not known. `refused` is an error where the fault is ours: a layer is
/// missing, the replay store or a key store is down. It is a warning where somebody who has proved who he is does what he
/// may not (connection and payload name two tenants, a route is for another tenant), and where a limit turns good senders
/// away; what anybody on the internet can cause is information.
///
/// ```
/// use std::sync::Arc;
/// use countersign::observe::{Log, Observer, Observers, PeersSeen};
///
/// let seen = Arc::new(PeersSeen::new());
/// let observer: Arc<dyn Observer> = Arc::new(Observers::new().and(Log::new()).and(seen.clone()));
/// // .. and then `.observed_by(observer.clone())` on the acceptor, the layers and the dispatcher.
/// ```
///
/// What a line looks like is in `docs/observing.md`.
///
/// # Security
/// No field holds a secret, a certificate, a body or a header field. `reason` may hold names from a certificate or from a
/// handshake, which a stranger has chosen. It is given as a string, so that subscribers which write text quote it, with
/// its control characters escaped: it neither draws on a terminal nor passes for a line of its own.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Log;

impl Log {
    /// An observer without settings: what is written is for the subscriber's filter to say.
    pub fn new() -> Self {
        Self
    }
}

/// An event at a level that is only known when it happens.
macro_rules! at {
    ($level:expr, $($event:tt)+) => {
        match $level {
            Level::ERROR => tracing::error!(target: "countersign", $($event)+),
            Level::WARN => tracing::warn!(target: "countersign", $($event)+),
            _ => tracing::info!(target: "countersign", $($event)+),
        }
    };
}

impl Observer for Log {
    // One match without a wildcard: an event that is added does not compile until it is written.
    fn observe(&self, event: &Event<'_>) {
        match *event {
            Event::HandshakeStarted { peer } => trace!(target: "countersign", %peer, "handshake started"),
            Event::HandshakeCompleted {
                peer,
                handshake,
                certificate,
                took,
            } => debug!(
                target: "countersign",
                %peer,
                tls.established = true,
                tls.protocol.name = "tls",
                tls.protocol.version = handshake.version.as_str(),
                tls.curve = handshake.group.map(NamedGroup::as_str),
                tls.resumed = handshake.kind == HandshakeKind::Resumed,
                tls.client.hash.sha256 = certificate.map(|shown| shown.hash().upper_hex()),
                tls.client.not_before = certificate.map(|shown| shown.not_before().to_string()),
                tls.client.not_after = certificate.map(|shown| shown.not_after().to_string()),
                took = ?took,
                "handshake completed"
            ),
            Event::HandshakeFailed { peer, reason, .. } => info!(
                target: "countersign",
                %peer, tls.established = false, code = reason.code(), reason = reason.to_string(), "handshake failed"
            ),
            Event::RefusedAgain { client } => refused_again(client),
            Event::AcceptFailed { at, error } => {
                error!(target: "countersign", %at, reason = error.to_string(), "accept failed");
            }
            Event::ConnectionCut { peer, cut } if cut.is_ordinary() => debug!(
                target: "countersign", peer = peer.map(field::display), code = cut.code(), reason = cut.to_string(), "connection cut"
            ),
            Event::ConnectionCut { peer, cut } => info!(
                target: "countersign", peer = peer.map(field::display), code = cut.code(), reason = cut.to_string(), "connection cut"
            ),
            Event::SourceChanged { transition } => at!(
                warn_if(matches!(transition.to, State::Open { .. })),
                source = %transition.key, from = transition.from.name(), to = transition.to.name(), "source changed"
            ),
            Event::NotForwarded { peer, reason } => info!(
                target: "countersign",
                peer = peer.map(field::display), code = reason.code(), reason = reason.to_string(), "not forwarded"
            ),
            Event::Identified {
                peer, tenant, rule, ..
            } => debug!(
                target: "countersign", peer = peer.map(field::display), tenant = tenant.as_str(), rule, "identified"
            ),
            Event::Refused {
                peer,
                tenant,
                refusal,
            } => at!(
                level(refusal),
                peer = peer.map(field::display),
                tenant = tenant.map(TenantId::as_str),
                code = refusal.code(),
                reason = refusal.to_string(),
                "refused"
            ),
            Event::Reported { tenant, untrusted } => warn!(
                target: "countersign",
                tenant = tenant.as_str(), code = untrusted.code(), reason = untrusted.to_string(), "reported"
            ),
            Event::Accepted { peer, tenant } => {
                debug!(target: "countersign", peer = peer.map(field::display), tenant = tenant.as_str(), "accepted");
            }
            Event::SenderGone { peer, tenant } => {
                info!(target: "countersign", peer = peer.map(field::display), tenant = tenant.as_str(), "sender gone");
            }
            Event::Settled { tenant, handler } => {
                debug!(target: "countersign", tenant = tenant.as_str(), handler = handler.as_str(), "settled");
            }
            Event::Unsettled { tenant, outcome } => unsettled(tenant, outcome),
            Event::Delivering {
                tenant,
                host,
                id,
                stage,
            } => trace!(
                target: "countersign", tenant = tenant.as_str(), host, id, stage = stage.as_str(), "delivering"
            ),
            Event::Delivered { tenant, host, id } => {
                debug!(target: "countersign", tenant = tenant.as_str(), host, id, "delivered");
            }
            Event::NotDelivered {
                tenant,
                host,
                id,
                code,
                fault,
            } => at!(
                if fault == "ours" {
                    Level::ERROR
                } else {
                    Level::WARN
                },
                tenant = tenant.as_str(),
                host,
                id,
                code,
                fault,
                "not delivered"
            ),
            Event::CircuitChanged {
                tenant,
                host,
                from,
                to,
            } => at!(
                warn_if(to == "open"),
                tenant = tenant.as_str(),
                host,
                from,
                to,
                "circuit changed"
            ),
            Event::Reloaded { .. }
            | Event::NotReloaded { .. }
            | Event::ReloadRecovered { .. }
            | Event::RotationStepped { .. }
            | Event::Expiring { .. }
            | Event::ExpiriesListed { .. }
            | Event::EventsLost { .. }
            | Event::ObserverEnded => over_time(event),
        }
    }
}

/// What does not come of a connection or a delivery.
fn over_time(event: &Event<'_>) {
    match *event {
        Event::Reloaded { name, generation } => {
            info!(target: "countersign", name, generation, "reloaded");
        }
        Event::NotReloaded {
            name,
            code,
            reason,
            in_force,
        } => error!(
            target: "countersign", name, code, reason, in_force = in_force.as_str(), "not reloaded"
        ),
        Event::ReloadRecovered { name } => info!(target: "countersign", name, "reload recovered"),
        Event::RotationStepped { kind, name, step } => at!(
            warn_if(matches!(
                step,
                RotationStep::RetirementRefused | RotationStep::RetirementForced
            )),
            kind = kind.as_str(),
            name,
            step = step.as_str(),
            "rotation stepped"
        ),
        Event::Expiring { expiry, urgency } => at!(
            if urgency > Urgency::Warning { Level::ERROR } else { Level::WARN },
            kind = expiry.kind().as_str(),
            name = expiry.name(),
            owner = expiry.owner(),
            urgency = urgency.as_str(),
            not_after = %expiry.end(),
            remedy = expiry.kind().remedy(),
            "expiring"
        ),
        Event::ExpiriesListed { expiries, .. } => {
            trace!(target: "countersign", count = expiries.len(), "expiries listed");
        }
        Event::EventsLost { count } => warn!(target: "countersign", count, "events lost"),
        Event::ObserverEnded => error!(target: "countersign", "observer ended"),
        _ => {}
    }
}

fn refused_again(client: &RefusedClient) {
    at!(
        warn_if(client.resembles.is_some()),
        source = %client.source,
        attempts = client.attempts,
        code = client.code,
        looks_like = client.looks_like.as_str(),
        claims = client.claims.as_ref().map(field::display),
        resembles = client.resembles.as_ref().map(TenantId::as_str),
        since = %Date(client.since),
        remedy = client.looks_like.remedy(),
        "refused again"
    );
}

fn unsettled(tenant: &TenantId, outcome: &Result<Settlement, StoreDown>) {
    let (level, code, reason) = match outcome {
        Ok(settlement) => (
            warn_if(*settlement == Settlement::LeaseLost),
            settlement.code(),
            None,
        ),
        Err(down) => (Level::ERROR, down.code(), Some(down.to_string())),
    };
    at!(level, tenant = tenant.as_str(), code, reason, "unsettled");
}

fn warn_if(bad: bool) -> Level {
    if bad { Level::WARN } else { Level::INFO }
}

fn level(refusal: &Refusal) -> Level {
    match refusal {
        Refusal::NotWired { .. } => Level::ERROR,
        // A limit is no fault, and takes care of itself.
        Refusal::Busy(_) => Level::WARN,
        outage if outage.is_outage() => Level::ERROR,
        Refusal::TenantMismatch { .. } | Refusal::TenantNotAdmitted { .. } => Level::WARN,
        _ => Level::INFO,
    }
}

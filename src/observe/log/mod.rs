//! The rules of [`Log`]: which level, which fields.

use tracing::field;
use tracing::{Level, debug, error, info, trace, warn};

use super::{Event, Observer};
use crate::breaker::State;
use crate::refusal::Refusal;
use crate::replay::{Settlement, StoreDown};
use crate::tenant::TenantId;

#[cfg(test)]
mod tests;

/// An observer that writes structured events with [`tracing`](https://docs.rs/tracing), for whatever subscriber there is.
///
/// All have the target `countersign`. Their messages and fields are stable:
///
/// | message | level | fields |
/// |---|---|---|
/// | `handshake completed` | debug | `peer`, `handshake`, `tls` |
/// | `handshake failed` | info | `peer`, `code`, `reason` |
/// | `accept failed` | error | `at`, `reason` |
/// | `source changed` | warn where it is blocked, else info | `source`, `from`, `to` |
/// | `not forwarded` | info | `peer`, `code`, `reason` |
/// | `refused` | see below | `peer`, `tenant`, `code`, `reason` |
/// | `reported` | warn | `tenant`, `code`, `reason` |
/// | `accepted` | debug | `peer`, `tenant` |
/// | `sender gone` | info | `peer`, `tenant` |
/// | `unsettled` | error where the store is down, warn where a lease was lost | `tenant`, `code`, and `reason` where the store gave one |
/// | `delivering` | trace | `tenant`, `host`, `id`, `stage` |
/// | `delivered` | debug | `tenant`, `host`, `id` |
/// | `not delivered` | error where the fault is ours, else warn | `tenant`, `host`, `id`, `code`, `fault` |
/// | `circuit changed` | warn where it opens, else info | `tenant`, `host`, `from`, `to` |
/// | `reloaded` | info | `name`, `generation` |
/// | `not reloaded` | error | `name`, `code`, `reason`, `in_force` |
///
/// `peer` and `tenant` are left out where they are not known. `refused` is an error where the fault is ours: a layer is
/// missing, the replay store or a key store is down. It is a warning where somebody who has proved who he is does what he
/// may not (connection and payload name two tenants, a route is for another tenant), and where a limit turns good senders
/// away; what anybody on the internet can cause is information.
///
/// ```
/// use std::io::Read;
/// use std::sync::Mutex;
/// use countersign::observe::{Event, Log, Observer};
/// use countersign::refusal::Refusal;
///
/// let (mut lines, writer) = std::io::pipe()?;
/// let subscriber = tracing_subscriber::fmt().without_time().with_ansi(false).with_writer(Mutex::new(writer));
/// tracing::subscriber::with_default(subscriber.finish(), || {
///     // Give it to the layers and to the acceptor with `observed_by(Arc::new(Log::new()))`: they tell it of such.
///     Log::new().observe(&Event::Refused { peer: None, tenant: None, refusal: &Refusal::NoCertificate });
/// });
///
/// let mut written = String::new();
/// lines.read_to_string(&mut written)?;
/// assert_eq!(written, " INFO countersign: refused code=\"identity.no_certificate\" reason=\"no client certificate\"\n");
/// # Ok::<(), std::io::Error>(())
/// ```
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
            Event::HandshakeCompleted { peer, handshake } => debug!(
                target: "countersign",
                %peer, handshake = handshake.kind.as_str(), tls = handshake.version.as_str(), "handshake completed"
            ),
            Event::HandshakeFailed { peer, reason } => info!(
                target: "countersign", %peer, code = reason.code(), reason = reason.to_string(), "handshake failed"
            ),
            Event::AcceptFailed { at, error } => {
                error!(target: "countersign", %at, reason = error.to_string(), "accept failed");
            }
            Event::SourceChanged { transition } => at!(
                warn_if(matches!(transition.to, State::Open { .. })),
                source = %transition.key, from = transition.from.name(), to = transition.to.name(), "source changed"
            ),
            Event::NotForwarded { peer, reason } => info!(
                target: "countersign",
                peer = peer.map(field::display), code = reason.code(), reason = reason.to_string(), "not forwarded"
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
        }
    }
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

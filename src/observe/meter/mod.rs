//! The rules of [`Metrics`]: which metric, which labels, and how many of them.

mod capped;
mod named;
mod table;
#[cfg(test)]
mod tests;

use metrics::{counter, gauge, histogram};

use rustls_pki_types::UnixTime;

use super::{Event, Observer};
use crate::expiry::{Expiry, Kind, Thresholds};
use crate::replay::StoreDown;
use crate::tenant::TenantId;
use capped::Capped;
use named::Named;
pub use table::{MetricKind, MetricRow};

/// Sources of reloads that have a label of their own.
const SOURCES: usize = 64;

/// An observer that counts and measures with [`metrics`](https://docs.rs/metrics), for whatever exporter there is.
///
/// Every metric is a row of [`Metrics::ROWS`], named after the convention of Prometheus. Times at which something expires
/// are absolute, in seconds since 1970: what is left is for a query to reckon.
///
/// Labels are bounded, whatever strangers do: stable codes, kinds, and names that the operator has given to sources. No
/// tenant and no name of a certificate is a label, unless it is asked for, and then only so many of them; all others are
/// `other`.
///
/// ```
/// use countersign::observe::{Event, MetricKind, Metrics, Observer};
/// use countersign::refusal::Refusal;
///
/// // After the exporter was installed: it is told what each metric means.
/// let metrics = Metrics::new();
/// metrics.observe(&Event::Refused { peer: None, tenant: None, refusal: &Refusal::NoCertificate });
/// let row = Metrics::ROWS.iter().find(|row| row.name == "countersign_requests_refused_total");
/// assert_eq!(row.map(|row| (row.kind, row.labels)), Some((MetricKind::Counter, &["code"][..])));
/// ```
#[derive(Debug)]
pub struct Metrics {
    sources: Capped,
    tenants: Capped,
    names: Named,
}

impl Metrics {
    /// Every metric that there is.
    pub const ROWS: &'static [MetricRow] = table::ROWS;

    /// Without labels for tenants or names. Make it after the exporter was installed.
    pub fn new() -> Self {
        table::describe();
        Self {
            sources: Capped::new(SOURCES),
            tenants: Capped::new(0),
            names: Named::new(0),
        }
    }

    /// Counts for so many tenants of their own as well, the first that are seen; all others are `other`.
    ///
    /// # Security
    /// Whoever reads the metrics learns who the tenants are, and how much each does.
    #[must_use]
    pub fn with_tenants(mut self, most: usize) -> Self {
        self.tenants = Capped::new(most);
        self
    }

    /// Says of so many things by name when they expire; of those that end first. Names keep their labels, the first that are
    /// seen; `other` says what ends first of all others, and what is held no longer expires at infinity.
    ///
    /// # Security
    /// Whoever reads the metrics learns the names in peers' certificates.
    #[must_use]
    pub fn with_names(mut self, most: usize) -> Self {
        self.names = Named::new(most);
        self
    }

    /// One more of this, for the tenant.
    fn for_tenant(&self, tenant: &TenantId, what: &'static str) {
        if self.tenants.is_wanted() {
            let tenant = self.tenants.label(tenant.as_str());
            counter!("countersign_tenant_events_total", "tenant" => tenant, "event" => what).increment(1);
        }
    }

    /// What is told of a connection or a request of somebody else's.
    fn received(&self, event: &Event<'_>) {
        match *event {
            Event::HandshakeStarted { .. } => counter!("countersign_handshakes_started_total").increment(1),
            Event::HandshakeCompleted { handshake, took, .. } => {
                let (kind, version) = (handshake.kind.as_str(), handshake.version.as_str());
                counter!("countersign_handshakes_completed_total", "kind" => kind, "version" => version)
                    .increment(1);
                histogram!("countersign_handshake_duration_seconds").record(took);
            }
            Event::HandshakeFailed { reason, .. } => {
                counter!("countersign_handshakes_failed_total", "code" => reason.code()).increment(1);
            }
            Event::RefusedAgain { client } => {
                let looks_like = client.looks_like.as_str();
                counter!("countersign_refused_again_total", "looks_like" => looks_like).increment(1);
            }
            Event::AcceptFailed { .. } => counter!("countersign_accept_failures_total").increment(1),
            Event::ConnectionCut { cut, .. } => {
                counter!("countersign_connections_cut_total", "bound" => cut.code()).increment(1);
            }
            Event::SourceChanged { transition } => {
                counter!("countersign_source_changes_total", "to" => transition.to.name()).increment(1);
            }
            Event::NotForwarded { reason, .. } => {
                counter!("countersign_not_forwarded_total", "code" => reason.code()).increment(1);
            }
            Event::Identified { .. } => counter!("countersign_callers_identified_total").increment(1),
            Event::Refused { refusal, tenant, .. } => {
                counter!("countersign_requests_refused_total", "code" => refusal.code()).increment(1);
                if let Some(tenant) = tenant {
                    self.for_tenant(tenant, event.name());
                }
            }
            Event::Reported { untrusted, .. } => {
                counter!("countersign_requests_reported_total", "code" => untrusted.code()).increment(1);
            }
            Event::Accepted { tenant, .. } => {
                counter!("countersign_requests_accepted_total").increment(1);
                self.for_tenant(tenant, event.name());
            }
            Event::SenderGone { .. } => counter!("countersign_senders_gone_total").increment(1),
            Event::Settled { handler, .. } => {
                counter!("countersign_deliveries_settled_total", "handler" => handler.as_str()).increment(1);
            }
            Event::Unsettled { outcome, .. } => {
                let code = outcome
                    .as_ref()
                    .map_or_else(StoreDown::code, |settlement| settlement.code());
                counter!("countersign_deliveries_unsettled_total", "code" => code).increment(1);
            }
            _ => {}
        }
    }

    /// What is told of a delivery of ours.
    fn sent(&self, event: &Event<'_>) {
        match *event {
            Event::Delivering { stage, .. } => {
                counter!("countersign_dispatch_steps_total", "stage" => stage.as_str()).increment(1);
            }
            Event::Delivered { tenant, .. } => {
                counter!("countersign_dispatch_delivered_total").increment(1);
                self.for_tenant(tenant, event.name());
            }
            Event::NotDelivered {
                tenant, code, fault, ..
            } => {
                counter!("countersign_dispatch_failed_total", "code" => code, "fault" => fault).increment(1);
                self.for_tenant(tenant, event.name());
            }
            Event::CircuitChanged { to, .. } => {
                counter!("countersign_dispatch_circuit_changes_total", "to" => to).increment(1);
            }
            _ => {}
        }
    }

    /// What does not come of a connection or a delivery.
    fn over_time(&self, event: &Event<'_>) {
        match *event {
            Event::Reloaded { name, generation } => {
                let source = self.sources.label(name);
                counter!("countersign_reloads_total", "source" => source.clone()).increment(1);
                #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
                gauge!("countersign_reload_generation", "source" => source.clone()).set(generation as f64);
                gauge!("countersign_reload_ok", "source" => source).set(1.0);
            }
            Event::NotReloaded { name, code, .. } => {
                let source = self.sources.label(name);
                counter!("countersign_reload_failures_total", "source" => source.clone(), "code" => code)
                    .increment(1);
                gauge!("countersign_reload_ok", "source" => source).set(0.0);
            }
            Event::ReloadRecovered { name } => {
                gauge!("countersign_reload_ok", "source" => self.sources.label(name)).set(1.0);
            }
            Event::RotationStepped { kind, step, .. } => {
                let (kind, step) = (kind.as_str(), step.as_str());
                counter!("countersign_rotation_steps_total", "kind" => kind, "step" => step).increment(1);
            }
            Event::Expiring { expiry, urgency } => {
                let (kind, urgency) = (expiry.kind().as_str(), urgency.as_str());
                counter!("countersign_expiry_events_total", "kind" => kind, "urgency" => urgency)
                    .increment(1);
            }
            Event::ExpiriesListed {
                expiries, thresholds, ..
            } => self.expiries(expiries, thresholds),
            Event::EventsLost { count } => counter!("countersign_events_lost_total").increment(count),
            Event::ObserverEnded => counter!("countersign_observers_ended_total").increment(1),
            _ => {}
        }
    }

    /// For each kind, what comes first. A kind of which nothing is held expires at infinity.
    fn expiries(&self, expiries: &[Expiry], thresholds: Thresholds) {
        for kind in Kind::ALL {
            let of_kind = || expiries.iter().filter(|expiry| expiry.kind() == kind);
            let first = |reckon: &dyn Fn(&Expiry) -> UnixTime| {
                of_kind().map(reckon).min().map_or(f64::INFINITY, seconds)
            };
            let kind = kind.as_str();
            gauge!("countersign_expiry_timestamp_seconds", "kind" => kind).set(first(&Expiry::not_after));
            gauge!("countersign_expiry_warning_timestamp_seconds", "kind" => kind)
                .set(first(&|expiry| expiry.used_up_to(thresholds.warning())));
            gauge!("countersign_expiry_urgent_timestamp_seconds", "kind" => kind)
                .set(first(&|expiry| expiry.used_up_to(thresholds.urgent())));
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
            gauge!("countersign_expiry_items", "kind" => kind).set(of_kind().count() as f64);
        }
        self.names.say(expiries);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float, and holds seconds for longer than dates are written"
)]
fn seconds(time: UnixTime) -> f64 {
    time.as_secs() as f64
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer for Metrics {
    // One match without a wildcard: an event that is added does not compile until it is counted.
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::HandshakeStarted { .. }
            | Event::HandshakeCompleted { .. }
            | Event::HandshakeFailed { .. }
            | Event::RefusedAgain { .. }
            | Event::AcceptFailed { .. }
            | Event::ConnectionCut { .. }
            | Event::SourceChanged { .. }
            | Event::NotForwarded { .. }
            | Event::Identified { .. }
            | Event::Refused { .. }
            | Event::Reported { .. }
            | Event::Accepted { .. }
            | Event::SenderGone { .. }
            | Event::Settled { .. }
            | Event::Unsettled { .. } => self.received(event),
            Event::Delivering { .. }
            | Event::Delivered { .. }
            | Event::NotDelivered { .. }
            | Event::CircuitChanged { .. } => self.sent(event),
            Event::Reloaded { .. }
            | Event::NotReloaded { .. }
            | Event::ReloadRecovered { .. }
            | Event::RotationStepped { .. }
            | Event::Expiring { .. }
            | Event::ExpiriesListed { .. }
            | Event::EventsLost { .. }
            | Event::ObserverEnded => self.over_time(event),
        }
    }
}

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// The kind of a metric, as Prometheus has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// It only grows.
    Counter,
    /// It is what it is just now.
    Gauge,
    /// How often a value was how large.
    Histogram,
}

/// One metric: what it is called, and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricRow {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: MetricKind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> MetricRow {
    MetricRow {
        name,
        kind: MetricKind::Counter,
        labels,
        help,
    }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> MetricRow {
    MetricRow {
        name,
        kind: MetricKind::Gauge,
        labels,
        help,
    }
}

pub(super) const ROWS: &[MetricRow] = &[
    counter(
        "countersign_handshakes_started_total",
        &[],
        "TLS handshakes that began.",
    ),
    counter(
        "countersign_handshakes_completed_total",
        &["kind", "version"],
        "TLS handshakes that were completed.",
    ),
    counter(
        "countersign_handshakes_failed_total",
        &["code"],
        "TLS handshakes that were not completed, and why.",
    ),
    MetricRow {
        name: "countersign_handshake_duration_seconds",
        kind: MetricKind::Histogram,
        labels: &[],
        help: "How long completed TLS handshakes took, the wait for a place included.",
    },
    counter(
        "countersign_refused_again_total",
        &["looks_like"],
        "Times at which a client was told of that comes again and again with a refused certificate, and what it looks like.",
    ),
    counter(
        "countersign_accept_failures_total",
        &[],
        "Times at which a port accepted nothing.",
    ),
    counter(
        "countersign_connections_cut_total",
        &["bound"],
        "Connections that a bound of the server's has cut.",
    ),
    counter(
        "countersign_source_changes_total",
        &["to"],
        "Sources that were blocked, tried again, or taken again.",
    ),
    counter(
        "countersign_not_forwarded_total",
        &["code"],
        "Requests whose forwarded certificate came from nobody who may speak for others.",
    ),
    counter(
        "countersign_callers_identified_total",
        &[],
        "Certificates that were found to be a known tenant's.",
    ),
    counter(
        "countersign_requests_refused_total",
        &["code"],
        "Requests that were turned away, and why.",
    ),
    counter(
        "countersign_requests_reported_total",
        &["code"],
        "Requests let through that a verifier which only reports would have refused.",
    ),
    counter(
        "countersign_requests_accepted_total",
        &[],
        "Requests that were let through.",
    ),
    counter(
        "countersign_senders_gone_total",
        &[],
        "Senders that went away while their delivery was being handled.",
    ),
    counter(
        "countersign_deliveries_settled_total",
        &["handler"],
        "Deliveries that were handled, or not, and of which the replay store knows.",
    ),
    counter(
        "countersign_deliveries_unsettled_total",
        &["code"],
        "Deliveries of which the replay store could not be told.",
    ),
    counter(
        "countersign_dispatch_steps_total",
        &["stage"],
        "Attempts at deliveries of ours, by how far they came.",
    ),
    counter(
        "countersign_dispatch_delivered_total",
        &[],
        "Deliveries of ours that have arrived.",
    ),
    counter(
        "countersign_dispatch_failed_total",
        &["code", "fault"],
        "Attempts at deliveries of ours that have failed, why, and whose fault it is.",
    ),
    counter(
        "countersign_dispatch_circuit_changes_total",
        &["to"],
        "Endpoints that were left alone, tried again, or taken again.",
    ),
    counter(
        "countersign_reloads_total",
        &["source"],
        "Times at which a source was read anew and published.",
    ),
    counter(
        "countersign_reload_failures_total",
        &["source", "code"],
        "Times at which a source could not be read anew, and why.",
    ),
    gauge(
        "countersign_reload_ok",
        &["source"],
        "Whether the last reload of a source was good: 1 or 0.",
    ),
    gauge(
        "countersign_reload_generation",
        &["source"],
        "How often a source was published.",
    ),
    counter(
        "countersign_rotation_steps_total",
        &["kind", "step"],
        "Steps of rotations.",
    ),
    counter(
        "countersign_expiry_events_total",
        &["kind", "urgency"],
        "Things that have come to a degree of urgency.",
    ),
    gauge(
        "countersign_expiry_timestamp_seconds",
        &["kind"],
        "When the first thing of a kind expires, in seconds since 1970; infinity where there is none.",
    ),
    gauge(
        "countersign_expiry_warning_timestamp_seconds",
        &["kind"],
        "When the first thing of a kind comes to the warning threshold of its lifetime.",
    ),
    gauge(
        "countersign_expiry_urgent_timestamp_seconds",
        &["kind"],
        "When the first thing of a kind comes to the urgent threshold of its lifetime.",
    ),
    gauge(
        "countersign_expiry_items",
        &["kind"],
        "How many things of a kind are watched.",
    ),
    gauge(
        "countersign_expiry_named_timestamp_seconds",
        &["kind", "name"],
        "When a thing expires, by its name; at infinity where it is held no longer. Only where names are asked for.",
    ),
    counter(
        "countersign_tenant_events_total",
        &["tenant", "event"],
        "What was accepted, refused, delivered and not delivered, by tenant. Only where tenants are asked for.",
    ),
    counter(
        "countersign_events_lost_total",
        &[],
        "Events that a slow observer has missed.",
    ),
    counter(
        "countersign_observers_ended_total",
        &[],
        "Observers that have panicked, and are told nothing more.",
    ),
];

/// Tells the exporter what each means.
pub(super) fn describe() {
    for row in ROWS {
        let unit = if row.name.ends_with("_seconds") {
            Unit::Seconds
        } else {
            Unit::Count
        };
        match row.kind {
            MetricKind::Counter => describe_counter!(row.name, unit, row.help),
            MetricKind::Gauge => describe_gauge!(row.name, unit, row.help),
            MetricKind::Histogram => describe_histogram!(row.name, unit, row.help),
        }
    }
}

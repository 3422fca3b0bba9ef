//! One function for each part of a set-up.

use std::time::Duration;

use rustls_pki_types::UnixTime;

use super::{CertificateRequest, Concern, ResumptionSeen, ServerTls, Severity};
use crate::codes::Seen;
use crate::expiry::{Expiry, Kind, Thresholds, Urgency};
use crate::payload::hmac::KeyReport;
use crate::replay::{Terms, Tolerance};
use crate::tenant::TenantId;
use crate::trust::{PinSet, is_public_authority};

/// A key that ends within this time should have a successor.
pub(super) const SOON: Duration = Duration::from_secs(30 * 86_400);
/// The widest tolerance that a sender's retries and clocks ask for: what providers document is five minutes.
const WIDEST: Duration = Duration::from_secs(15 * 60);
/// The shortest memory of what was handled: senders pause for that long between two retries, and longer.
const SHORTEST: Duration = Duration::from_secs(60 * 60);

pub(super) fn concern(
    severity: Severity,
    code: &'static str,
    evidence: impl Into<String>,
    remedy: &'static str,
) -> Concern {
    Concern {
        code,
        severity,
        evidence: evidence.into(),
        remedy,
    }
}

pub(super) fn server(server: &ServerTls, found: &mut Vec<Concern>) {
    let name = Seen::of(&server.name);
    if server.versions.is_empty() {
        return found.push(concern(
            Severity::Error,
            "audit.no_answer",
            format!("no handshake for {name} comes as far as a certificate of ours"),
            "Give the server a certificate for this name, and a cipher suite and version that its crypto provider has.",
        ));
    }
    found.extend(request(server));
    if server.versions.contains(&"TLS 1.2") {
        found.push(concern(
            Severity::Note,
            "audit.tls12",
            format!("TLS 1.2 is let in for {name}: clients' certificates travel in the clear"),
            "Leave `Tls::allow_tls12` out, unless a sender cannot do better.",
        ));
    }
    let public = server.authorities.iter().filter(|der| is_public_authority(der));
    if public.count() > 0 {
        found.push(concern(
            Severity::Error,
            "audit.public_authority",
            format!("clients of {name} are asked for certificates of a public authority, which issues to anybody"),
            "Trust a private authority (`PrivateCa`), or a public one only with exact names or pins (`PublicCa`).",
        ));
    }
    found.extend(sessions(server));
}

fn request(server: &ServerTls) -> Option<Concern> {
    let name = Seen::of(&server.name);
    match server.request {
        CertificateRequest::Required => None,
        CertificateRequest::Optional => Some(concern(
            Severity::Warning,
            "audit.certificate_optional",
            format!("whoever shows no certificate to {name} is let in"),
            "Demand it with `ClientAuth::Require`; where only some routes do, with a `CertificateDemand` on each of those.",
        )),
        CertificateRequest::None => Some(concern(
            Severity::Error,
            "audit.certificate_not_asked",
            format!("{name} asks nobody for a certificate"),
            "Give the configuration a `HandshakeVerifier`, or make it with `Tls::server_config`.",
        )),
    }
}

fn sessions(server: &ServerTls) -> impl Iterator<Item = Concern> {
    let found = [
        (
            server.resumption == ResumptionSeen::Unbound,
            "audit.resumption",
            "sessions are resumed without asking again whether the client is trusted",
            "Call `tls::disable_resumption`, or `tls::allow_resumption` with the policy.",
        ),
        (
            server.early_data,
            "audit.early_data",
            "early data (0-RTT) is taken, which anybody can replay",
            "Set `max_early_data_size` to 0: `tls::disable_resumption` does.",
        ),
        (
            server.half_rtt_data,
            "audit.half_rtt_data",
            "it may send before the client has shown its certificate",
            "Set `send_half_rtt_data` to false.",
        ),
        (
            server.key_log,
            "audit.key_log",
            "the secrets of connections are written to a log",
            "Take the `key_log` out of the configuration; it is for debugging.",
        ),
    ];
    let found = found.into_iter().filter(|(is_so, ..)| *is_so);
    found.map(|(_, code, evidence, remedy)| concern(Severity::Error, code, evidence, remedy))
}

/// Keys apart: they have successors.
pub(super) fn expiries(expiries: &[Expiry], now: UnixTime, found: &mut Vec<Concern>) {
    for expiry in expiries.iter().filter(|expiry| expiry.kind() != Kind::Key) {
        let (severity, code) = match expiry.urgency(now, Thresholds::default()) {
            Urgency::None => continue,
            Urgency::Critical => (Severity::Error, "audit.expired"),
            Urgency::Warning | Urgency::Urgent => (Severity::Warning, "audit.expires_soon"),
        };
        found.push(concern(
            severity,
            code,
            expiry.to_string(),
            expiry.kind().remedy(),
        ));
    }
}

pub(super) fn pins(pins: &PinSet, now: UnixTime, found: &mut Vec<Concern>) {
    for warning in pins.without_backup(now) {
        let whose = match &warning.label {
            Some(label) => Seen::of(label).to_string(),
            None => "the clients without a label".to_owned(),
        };
        found.push(match warning.pins {
            0 => concern(
                Severity::Error,
                "audit.no_pin",
                format!("no pin of {whose} is in force any more"),
                "Enter the pin of the key that is used now.",
            ),
            _ => concern(
                Severity::Warning,
                "audit.no_pin_backup",
                format!("one pin is left for {whose}: who loses its key is shut out"),
                "Have a second key made and kept elsewhere, and enter its pin beside the first.",
            ),
        });
    }
}

/// In the order of tenants, and of each tenant in the order of their beginnings.
pub(super) fn keys(reports: &[KeyReport], now: UnixTime, found: &mut Vec<Concern>) {
    for of_one in reports.chunk_by(|one, other| one.tenant == other.tenant) {
        let Some(first) = of_one.first() else { continue };
        let whose = Seen::of(first.tenant.as_str());
        for weak in of_one.iter().filter(|report| report.weak) {
            found.push(concern(
                Severity::Error,
                "audit.weak_secret",
                format!(
                    "the key {} of {whose} is short, or a placeholder",
                    Seen::of(weak.key.as_str())
                ),
                "Have the sender make a secret of 32 random bytes; leave `allow_weak_secrets` to tests.",
            ));
        }
        found.extend(cover(of_one, now).map(|(severity, code, evidence)| {
            let remedy = "Enter the next key before the last one ends, so that both count for a while.";
            concern(severity, code, format!("{whose}: {evidence}"), remedy)
        }));
    }
}

/// Whether a tenant's keys follow one another without a gap, from now on.
fn cover(keys: &[KeyReport], now: UnixTime) -> Option<(Severity, &'static str, String)> {
    let mut covered: Option<UnixTime> = None;
    for validity in keys.iter().map(|report| report.validity) {
        let begins = validity.not_before <= covered.unwrap_or(now);
        if begins && validity.not_after >= now {
            covered = covered.max(Some(validity.not_after));
        }
    }
    let Some(until) = covered else {
        return Some((
            Severity::Error,
            "audit.no_key_in_force",
            "no key counts now".into(),
        ));
    };
    let left = until.as_secs().saturating_sub(now.as_secs());
    (left <= SOON.as_secs()).then(|| {
        let days = left / 86_400;
        (
            Severity::Warning,
            "audit.rotation_gap",
            format!("in {days} days its last key ends, and none overlaps"),
        )
    })
}

pub(super) fn tenants(tenants: &[TenantId], keys: &[KeyReport], found: &mut Vec<Concern>) {
    for tenant in tenants
        .iter()
        .filter(|tenant| !keys.iter().any(|key| key.tenant == **tenant))
    {
        found.push(concern(
            Severity::Warning,
            "audit.tenant_without_key",
            format!(
                "certificates may name {}, which has no key",
                Seen::of(tenant.as_str())
            ),
            "Enter its key, or take it out of the known tenants.",
        ));
    }
    for of_one in keys.chunk_by(|one, other| one.tenant == other.tenant) {
        let strange = of_one.first().filter(|key| !tenants.contains(&key.tenant));
        found.extend(strange.map(|key| {
            concern(
                Severity::Warning,
                "audit.key_without_tenant",
                format!(
                    "{} has a key, and no certificate can name it",
                    Seen::of(key.tenant.as_str())
                ),
                "Add it to the known tenants, or take its keys out.",
            )
        }));
    }
}

pub(super) fn tolerance(tolerance: Tolerance, found: &mut Vec<Concern>) {
    if tolerance.past > WIDEST || tolerance.future > WIDEST {
        found.push(concern(
            Severity::Warning,
            "audit.wide_tolerance",
            format!("a message is taken that was signed up to {}s ago, or {}s ahead", tolerance.past.as_secs(), tolerance.future.as_secs()),
            "Take the five minutes that providers document, and have clocks set; where a provider's retries keep their old time, `past` alone may be wide.",
        ));
    }
}

pub(super) fn terms(terms: Terms, found: &mut Vec<Concern>) {
    if terms.window < SHORTEST {
        found.push(concern(
            Severity::Warning,
            "audit.short_memory",
            format!("a handled delivery is forgotten after {} s, and its retry handled again", terms.window.as_secs()),
            "Remember it for longer than the sender's longest pause between two retries: the default is 24 hours.",
        ));
    }
}

#[cfg(feature = "forwarded")]
pub(super) fn hops(
    hops: &crate::forwarded::Hops,
    clients: Option<&crate::gate::Policy>,
    found: &mut Vec<Concern>,
) {
    if hops.are_nobody() {
        found.push(concern(
            Severity::Error,
            "audit.no_hop",
            "nobody may speak for clients: what the proxy forwards is removed",
            "Name the proxy: by its certificate (`Hops::with_callers`), its signature, or the Unix socket.",
        ));
    }
    if hops.has_addresses() {
        found.push(concern(
            Severity::Warning,
            "audit.hop_by_address",
            "whoever connects from an address that is listed may be every client",
            "Have the proxy show a certificate of its own (`Hops::with_callers`), or sign (`Hops::with_signatures`).",
        ));
    }
    if hops
        .policy()
        .zip(clients)
        .is_some_and(|(hops, clients)| hops.is_same(clients))
    {
        found.push(concern(
            Severity::Error,
            "audit.hop_is_a_client",
            "proxies and clients are known by one policy: a client that is called as the proxy may speak for all",
            "Make a policy of its own for the proxies, with another authority or with their pins.",
        ));
    }
}

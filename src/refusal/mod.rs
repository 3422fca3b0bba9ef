//! Reasons for turning a request away, whichever question it failed.

use std::time::Duration;

use crate::codes::{Fault, entries};
use crate::elsewhere::Ticket;
use crate::identity::Malformed;
use crate::payload::{NoKey, NotAuthentic};
use crate::replay::{Replayed, StoreDown};
use crate::tenant::{NoTenant, TenantId};
use crate::trust::{SecondCheck, Untrusted};

mod not_forwarded;

pub use not_forwarded::{InvalidXfcc, NotForwarded, UnreadableField};

/// The reason why a request was turned away.
///
/// The peer learns nothing from it but a status; the operator finds it in the response's extensions and in
/// [`Event`](crate::observe::Event)s. [`code`](Self::code) is stable and made for metrics and alerts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The connection carries no client certificate, and the route demands one.
    #[error("no client certificate")]
    NoCertificate,
    /// The server is put together wrongly: what should have proved something did not run. A fault of ours, and a
    /// closed door.
    #[error("{missing} is missing: {remedy}")]
    NotWired {
        /// What the request should carry.
        missing: &'static str,
        /// What to change in the server.
        remedy: &'static str,
    },
    /// The request is for a host that this connection does not serve it under.
    #[error(transparent)]
    Misdirected(#[from] Misdirected),
    /// A certificate that was forwarded does not count.
    #[error(transparent)]
    NotForwarded(#[from] NotForwarded),
    /// The peer is not trusted.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// The peer belongs to nobody here.
    #[error(transparent)]
    NoTenant(#[from] NoTenant),
    /// The route is not for this tenant.
    #[error("the route is not for {tenant}")]
    TenantNotAdmitted {
        /// Whose request it is.
        tenant: TenantId,
    },
    /// The body is larger than the route takes.
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge {
        /// The limit in force.
        limit: usize,
    },
    /// The body ended early or its transfer failed.
    #[error("the body did not arrive whole")]
    BodyIncomplete,
    /// The body took longer than it may.
    #[error("the body took longer than {limit:?}")]
    BodyTooSlow {
        /// The limit in force.
        limit: Duration,
    },
    /// The message does not count as its sender's.
    #[error(transparent)]
    NotAuthentic(#[from] NotAuthentic),
    /// Connection and payload name different tenants: a confused deputy.
    #[error("the connection is {connection}'s, the payload is {payload}'s")]
    TenantMismatch {
        /// Whose certificate it is.
        connection: TenantId,
        /// Whose signature it is.
        payload: TenantId,
    },
    /// The caller's certificate is not one customer's, and what it demands beside it was not verified: the scheme is another,
    /// or none signs anything.
    #[error("the caller's certificate demands {demanded} beside it, and the payload was proved by {shown}")]
    SecondCheck {
        /// What is demanded.
        demanded: SecondCheck,
        /// The scheme that the payload was proved by.
        shown: Box<str>,
    },
    /// The delivery is not to be handled (now).
    #[error(transparent)]
    Replayed(#[from] Replayed),
    /// Nobody can tell whether the delivery was handled before.
    #[error(transparent)]
    StoreDown(#[from] StoreDown),
    /// As many deliveries are under way as may be: nothing was claimed, and the sender should try again.
    #[error(transparent)]
    Busy(#[from] Busy),
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::Untrusted(malformed.into())
    }
}

entries! {
    Refusal [
        Self::Misdirected(inner) => inner,
        Self::NotForwarded(inner) => inner,
        Self::Untrusted(inner) => inner,
        Self::NoTenant(inner) => inner,
        Self::NotAuthentic(inner) => inner,
        Self::BodyTooLarge { limit } => NotAuthentic::BodyTooLarge { limit: *limit },
        Self::Replayed(inner) => inner,
        Self::StoreDown(inner) => inner,
        Self::Busy(inner) => inner,
    ]
    Self::NoCertificate => "identity.no_certificate", Theirs 401 CertificateRequired, "RFC 8446 §4.4.2.4",
        "Behind a proxy that ends TLS: have it forward the certificate, and configure `CallerLayer::behind`.",
        "Configure a client certificate and its key for this host.";
    Self::NotWired { .. } => "server.not_wired", Ours 500, "ours: a missing layer is a closed door",
        "Do what the message says; the connection's proof comes from `Acceptor` or `Listener`, `CallerLayer` stands \
         outside of `PayloadLayer`.",
        "Nothing: the receiver is put together wrongly.";
    Self::TenantNotAdmitted { .. } => "tenant.not_admitted", Theirs 403, "ours: routes may be for some tenants only",
        "Admit the tenant, if the route is for it.",
        "Use your own URL.";
    Self::BodyIncomplete => "payload.body_incomplete", Network 400, "RFC 9112 §8",
        "Look at proxies in between, and their time limits.",
        "Send the whole body, and as much as Content-Length says.";
    Self::BodyTooSlow { .. } => "payload.body_too_slow", Network 408, "RFC 9110 §15.5.9",
        "Raise the time, where senders are that slow.",
        "Send the body without pauses.";
    Self::TenantMismatch { .. } => "tenant.mismatch", Theirs 403, "ours: both signatures name one tenant",
        "Find out who has both; where it is a relay of yours, give each tenant its own certificate.",
        "Send each tenant's deliveries under that tenant's certificate.";
    Self::SecondCheck { .. } => "payload.second_check", Ours 401, "ours: the second check travels in the evidence",
        "Give `PayloadLayer` the scheme that the message names.",
        "Sign the payload, as documented for this sender.";
}

impl Refusal {
    /// The ticket for what was lacking: redeemed, the question may be asked again. [`CallerLayer`](crate::web::CallerLayer) and
    /// [`PayloadLayer`](crate::web::PayloadLayer) do; by hand, see [`TenantCache`](crate::tenant::TenantCache).
    pub fn ticket(&self) -> Option<&Ticket> {
        match self {
            Self::NotAuthentic(NotAuthentic::NoKey(NoKey::Elsewhere(ticket)))
            | Self::NoTenant(NoTenant::Elsewhere(ticket)) => Some(ticket),
            _ => None,
        }
    }

    /// Whether a part of the service is down or full, so that nobody could tell: nothing speaks against the message, and
    /// the sender should try again.
    pub fn is_outage(&self) -> bool {
        let entry = self.entry();
        entry.fault == Fault::Ours && entry.status == Some(503)
    }
}

/// A request for a host that its connection is not for: the host names one policy, the handshake ran under another.
///
/// What is compared is the policy, not the name: a client may use one connection for all hosts of one policy
/// (RFC 9113 §9.1.1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misdirected {
    /// The request names no host.
    #[error("the request names no host")]
    NoHost,
    /// The request names two hosts: in two fields, or one in its target and another in its Host field.
    #[error("the request names two hosts")]
    TwoHosts,
    /// What the request names is no `uri-host [ ":" port ]` (RFC 9110 §7.2): a user before it, a list, two dots at its
    /// end. Each reader takes that for another host.
    #[error("the host that the request names cannot be read")]
    Unreadable,
    /// Nothing is served under this host.
    #[error("nothing is served under the host {host:?}")]
    UnknownHost {
        /// What it asked for.
        host: Box<str>,
    },
    /// The route asks for another policy than the one that the handshake ran under.
    #[error("the handshake ran under another policy than the one that this request needs")]
    OtherPolicy,
}

entries! {
    Misdirected []
    Self::NoHost => "host.missing", Theirs 400, "RFC 9110 §7.2",
        "Nothing: without a host nobody can say which policy counts.",
        "Send a Host field.";
    Self::TwoHosts => "host.ambiguous", Theirs 400, "RFC 9112 §3.2",
        "Have the proxy in front set Host, not add it.",
        "Send one Host field, equal to the target's.";
    Self::Unreadable => "host.unreadable", Theirs 400, "RFC 9110 §7.2",
        "Nothing: each reader takes that for another host.",
        "Send `host` or `host:port`.";
    Self::UnknownHost { .. } => "host.unknown", Theirs 421, "RFC 9110 §15.5.20",
        "Add a `Site` for the host, if it is yours.",
        "Use the host name that the receiver gave.";
    Self::OtherPolicy => "host.other_policy", Theirs 421, "RFC 9113 §9.1.1",
        "Nothing: it protects the stricter of the two.",
        "Open a connection for this host.";
}

/// As many deliveries are under way as [`PayloadLayer::with_max_deliveries`](crate::web::PayloadLayer::with_max_deliveries)
/// allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Busy {
    /// All places are taken, or all but those that are kept for tenants of whom nothing is under way.
    #[error(
        "as many deliveries are under way as may be: of {limit} in all, those that are not kept for others"
    )]
    InAll {
        /// Places in all.
        limit: usize,
    },
    /// The tenant has its share.
    #[error("{limit} deliveries of {tenant} are under way, and no more may be")]
    Tenant {
        /// Whose delivery it is.
        tenant: TenantId,
        /// Its share.
        limit: usize,
    },
    /// As many bodies are being read as may be of senders that have proved nothing yet.
    #[error(
        "as many bodies of unknown senders are being read as may be: of {limit} in all, those not kept for others"
    )]
    Reading {
        /// Places in all.
        limit: usize,
    },
    /// So are, of such senders, as many from its source as may be.
    #[error("{limit} bodies of unknown senders are being read from the same source, and no more may be")]
    Source {
        /// The share of one source.
        limit: usize,
    },
}

entries! {
    Busy []
    Self::InAll { .. } => "server.busy", Ours 503, "RFC 9110 §15.6.4",
        "Make handlers faster, or raise `PayloadLayer::with_max_deliveries`.",
        "Try again after Retry-After.";
    Self::Tenant { .. } => "server.tenant_busy", Ours 503, "RFC 9110 §15.6.4",
        "Raise the tenant's share, where it may have more.",
        "Send fewer at once, and try again after Retry-After.";
    Self::Reading { .. } => "server.reading_busy", Ours 503, "RFC 9110 §15.6.4",
        "Demand client certificates, or raise `PayloadLayer::with_max_deliveries`.",
        "Try again after Retry-After.";
    Self::Source { .. } => "server.source_busy", Ours 503, "RFC 9110 §15.6.4",
        "Raise the share of one source, where many senders share an address.",
        "Send fewer at once, and try again after Retry-After.";
}

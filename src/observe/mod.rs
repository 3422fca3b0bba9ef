//! **What happened?** Events for the operator; the peer never sees any of it.

use std::fmt;
use std::net::SocketAddr;

use crate::identity::Malformed;
use crate::refusal::Refusal;
use crate::replay::{Settlement, StoreDown};
use crate::tenant::TenantId;
use crate::trust::Untrusted;

/// Receives events. Called on the request path: it must neither block nor panic.
pub trait Observer: fmt::Debug + Send + Sync {
    /// Something happened.
    fn observe(&self, event: &Event<'_>);
}

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A TLS handshake was completed: the peer holds the key of the certificate it showed, if it showed one.
    HandshakeCompleted {
        /// Where it came from.
        peer: SocketAddr,
    },
    /// A TLS handshake was not completed.
    HandshakeFailed {
        /// Where it came from.
        peer: SocketAddr,
        /// Why.
        reason: &'a HandshakeFailure,
    },
    /// A request was turned away.
    Refused {
        /// Whose connection it was, if that was proved.
        tenant: Option<&'a TenantId>,
        /// Why.
        refusal: &'a Refusal,
    },
    /// A request was let through that a verifier in [`ReportOnly`](crate::trust::ReportOnly) would have refused.
    Reported {
        /// Whose it is.
        tenant: &'a TenantId,
        /// Why it would have been refused.
        untrusted: &'a Untrusted,
    },
    /// A request was let through.
    Accepted {
        /// Whose it is.
        tenant: &'a TenantId,
    },
    /// A delivery was handled (or not), and the replay store could not be told.
    Unsettled {
        /// Whose delivery it was.
        tenant: &'a TenantId,
        /// What the store said.
        outcome: &'a Result<Settlement, StoreDown>,
    },
    /// A delivery of ours has come this far.
    Delivering {
        /// Whose it is.
        tenant: &'a TenantId,
        /// The host that it goes to. The rest of a URL may be a secret.
        host: &'a str,
        /// The identity of the delivery.
        id: &'a str,
        /// How far.
        stage: DeliveryStage,
    },
    /// A delivery of ours has arrived.
    Delivered {
        /// Whose it is.
        tenant: &'a TenantId,
        /// The host that it went to.
        host: &'a str,
        /// The identity of the delivery.
        id: &'a str,
    },
    /// An attempt at a delivery of ours has failed.
    NotDelivered {
        /// Whose it is.
        tenant: &'a TenantId,
        /// The host that it was to go to.
        host: &'a str,
        /// The identity of the delivery.
        id: &'a str,
        /// The stable name of the reason.
        code: &'static str,
        /// Whose fault it is: `theirs`, `ours`, `network` or `policy`.
        fault: &'static str,
    },
    /// An endpoint of a tenant's is left alone from now on, or tried again.
    CircuitChanged {
        /// Whose it is.
        tenant: &'a TenantId,
        /// Its host.
        host: &'a str,
        /// How it stood: `closed`, `open` or `half_open`.
        from: &'static str,
        /// How it stands.
        to: &'static str,
    },
}

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeliveryStage {
    /// A connection is being opened. Left out where there is one.
    Connecting,
    /// The request is being sent.
    Sending,
}

/// Why a handshake was not completed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeFailure {
    /// The peer's certificate was refused; the reason, not only the alert.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// The peer showed no certificate, and one is required.
    #[error("no client certificate")]
    NoCertificate,
    /// The peer took longer than it may.
    #[error("the handshake took too long")]
    TimedOut,
    /// TLS itself failed: another protocol, no version or cipher in common, a wrong signature of the handshake.
    #[error("TLS: {0}")]
    Tls(String),
    /// The connection was lost.
    #[error("the connection was lost: {0}")]
    Io(String),
}

impl HandshakeFailure {
    /// A stable name of the reason, for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Untrusted(untrusted) => untrusted.code(),
            Self::NoCertificate => "identity.no_certificate",
            Self::TimedOut => "handshake.timed_out",
            Self::Tls(_) => "handshake.tls",
            Self::Io(_) => "handshake.io",
        }
    }
}

impl From<Malformed> for HandshakeFailure {
    fn from(malformed: Malformed) -> Self {
        Self::Untrusted(malformed.into())
    }
}

/// Observes nothing.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Silent;

impl Observer for Silent {
    fn observe(&self, _: &Event<'_>) {}
}

//! **What happened?** Events for the operator; the peer never sees any of it.

mod handshake;

use std::fmt;
use std::net::SocketAddr;

use crate::refusal::Refusal;
use crate::replay::{Settlement, StoreDown};
use crate::tenant::TenantId;
use crate::trust::Untrusted;

pub use handshake::{Handshake, HandshakeFailure, HandshakeKind, TlsVersion};

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
        /// How it went.
        handshake: Handshake,
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
        /// Where it came from, where that is known.
        peer: Option<SocketAddr>,
        /// Whose it was, if that was proved: by its connection, or else, where that came to it, by its payload.
        tenant: Option<&'a TenantId>,
        /// Why.
        refusal: &'a Refusal,
    },
    /// A request was let through that a verifier in [`ReportOnly`](crate::trust::ReportOnly) would have refused.
    Reported {
        /// Where it came from, where that is known.
        peer: Option<SocketAddr>,
        /// Whose it is.
        tenant: &'a TenantId,
        /// Why it would have been refused.
        untrusted: &'a Untrusted,
    },
    /// A request was let through.
    Accepted {
        /// Where it came from, where that is known.
        peer: Option<SocketAddr>,
        /// Whose it is.
        tenant: &'a TenantId,
    },
    /// The sender went away while its delivery was being handled. What becomes of the handler, says
    /// [`OnDisconnect`](crate::web::OnDisconnect).
    SenderGone {
        /// Where it came from, where that is known.
        peer: Option<SocketAddr>,
        /// Whose delivery it was.
        tenant: &'a TenantId,
    },
    /// A delivery was handled (or not), and the replay store could not be told.
    Unsettled {
        /// Whose delivery it was.
        tenant: &'a TenantId,
        /// What the store said.
        outcome: &'a Result<Settlement, StoreDown>,
    },
}

/// Observes nothing.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Silent;

impl Observer for Silent {
    fn observe(&self, _: &Event<'_>) {}
}

//! Events for logs and metrics (**what happened?**): for the operator; the peer never sees any of it.

mod handshake;
#[cfg(feature = "tracing")]
mod log;
#[cfg(feature = "tower")]
mod unwatched;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

use crate::breaker::Transition;
use crate::refusal::{NotForwarded, Refusal};
use crate::replay::{Settlement, StoreDown};
use crate::tenant::TenantId;
use crate::trust::Untrusted;

pub use handshake::{HandshakeFacts, HandshakeFailure, HandshakeKind, TlsVersion};
#[cfg(feature = "tracing")]
pub use log::Log;
#[cfg(feature = "tower")]
pub(crate) use unwatched::Unwatched;

/// A receiver of events, for logs and metrics. Called on the request path: it must neither block nor panic.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use countersign::observe::{Event, Observer};
/// use countersign::refusal::Refusal;
///
/// /// Counts refusals.
/// #[derive(Debug, Default)]
/// struct Refused(AtomicU64);
///
/// impl Observer for Refused {
///     fn observe(&self, event: &Event<'_>) {
///         if let Event::Refused { .. } = event {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let (refused, refusal) = (Refused::default(), Refusal::NoCertificate);
/// refused.observe(&Event::Refused { peer: None, tenant: None, refusal: &refusal });
/// assert_eq!(refused.0.load(Ordering::Relaxed), 1);
/// ```
pub trait Observer: fmt::Debug + Send + Sync {
    /// Something happened.
    fn observe(&self, event: &Event<'_>);
}

/// An event.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A TLS handshake was completed: the peer holds the key of the certificate it showed, if it showed one.
    HandshakeCompleted {
        /// Where it came from.
        peer: SocketAddr,
        /// How it went.
        handshake: HandshakeFacts,
    },
    /// A TLS handshake was not completed.
    HandshakeFailed {
        /// Where it came from.
        peer: SocketAddr,
        /// Why.
        reason: &'a HandshakeFailure,
    },
    /// A port accepts nothing just now: the system has no file descriptor or memory left, for one. It is tried again
    /// after a pause; meanwhile connections wait in the system's queue.
    AcceptFailed {
        /// The port.
        at: SocketAddr,
        /// What the system said.
        error: &'a io::Error,
    },
    /// Connections from a source are taken no more, on trial, or again. The refused ones are
    /// [`HandshakeFailure::Blocked`].
    SourceChanged {
        /// Which source, and how it stands.
        transition: &'a Transition<IpAddr>,
    },
    /// A request bore a certificate in its header fields, and came from nobody who may speak for others: the fields were
    /// removed, and count for nothing. Whether it is let in without is another question.
    NotForwarded {
        /// Where it came from, where that is known.
        peer: Option<SocketAddr>,
        /// Why.
        reason: &'a NotForwarded,
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
    /// What is kept outside of this process, in files or at a URL, was loaded, and is in force from now on.
    Reloaded {
        /// What the operator calls it.
        name: &'a str,
        /// How many times it has been put in force, from 1: each number is told once.
        generation: u64,
    },
    /// What is kept outside could not be loaded, or must not be used as it is.
    NotReloaded {
        /// What the operator calls it.
        name: &'a str,
        /// The stable name of the reason.
        code: &'static str,
        /// Why, for people. Holds no secret.
        reason: &'a str,
        /// What is in force meanwhile.
        in_force: InForce,
    },
}

/// The state of what cannot be loaded: whether what was loaded before still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InForce {
    /// What was loaded before.
    LastGood,
    /// Nothing: what it decides is refused as an outage until it can be loaded.
    Nothing,
}

impl InForce {
    /// A stable name, for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LastGood => "last_good",
            Self::Nothing => "nothing",
        }
    }
}

/// A stage of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeliveryStage {
    /// A connection is being opened. Left out where there is one.
    Connecting,
    /// The request is being sent.
    Sending,
}

impl DeliveryStage {
    /// A stable name, for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Sending => "sending",
        }
    }
}

/// An observer that observes nothing.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Silent;

impl Observer for Silent {
    fn observe(&self, _: &Event<'_>) {}
}

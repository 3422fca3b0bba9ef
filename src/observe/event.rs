use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rustls_pki_types::UnixTime;

use super::{ClaimedCertificate, Cut, HandshakeFacts, HandshakeFailure, PeerCertificate, RefusedClient};
use crate::breaker::Transition;
use crate::expiry::{Expiry, Kind, Thresholds, Urgency};
use crate::refusal::{NotForwarded, Refusal};
use crate::replay::{Settlement, StoreDown};
use crate::tenant::TenantId;
use crate::trust::Untrusted;

/// An event.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A TLS handshake begins, with a peer that has a place for it.
    HandshakeStarted {
        /// Where it comes from.
        peer: SocketAddr,
    },
    /// A TLS handshake was completed: the peer holds the key of the certificate it showed, if it showed one.
    HandshakeCompleted {
        /// Where it came from.
        peer: SocketAddr,
        /// How it went.
        handshake: HandshakeFacts,
        /// The certificate whose key the peer holds, if it showed one.
        certificate: Option<PeerCertificate<'a>>,
        /// How long it took, the wait for a place included.
        took: Duration,
    },
    /// A TLS handshake was not completed.
    HandshakeFailed {
        /// Where it came from.
        peer: SocketAddr,
        /// Why.
        reason: &'a HandshakeFailure,
        /// The certificate that was refused, if one was and could be read. Anybody can show it: it is refused before its key
        /// is proved.
        claimed: Option<ClaimedCertificate<'a>>,
        /// When.
        at: UnixTime,
    },
    /// A client comes again and again with a certificate that is refused: told by a [`RefusalWatch`](super::RefusalWatch).
    RefusedAgain {
        /// Where it comes from, what it claims, and what that looks like.
        client: &'a RefusedClient,
    },
    /// A port accepts nothing just now: the system has no file descriptor or memory left, for one. It is tried again
    /// after a pause; meanwhile connections wait in the system's queue.
    AcceptFailed {
        /// The port.
        at: SocketAddr,
        /// What the system said.
        error: &'a io::Error,
    },
    /// A connection was closed, or a request on it refused, by a limit of the server's: it was too slow, too long, or too much.
    ConnectionCut {
        /// Where it came from, where that is known.
        peer: Option<SocketAddr>,
        /// Which limit.
        cut: &'a Cut,
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
    /// A certificate is a known tenant's: trusted, and one rule says whose it is. Told once for each connection while
    /// nothing changes, and for each request where a proxy hands the certificate on.
    Identified {
        /// Where it came from, where that is known.
        peer: Option<SocketAddr>,
        /// Whose it is.
        tenant: &'a TenantId,
        /// The rule that said so.
        rule: &'a str,
        /// The certificate.
        certificate: PeerCertificate<'a>,
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
    /// A delivery was handled, and the replay store will refuse it from now on; or it was not, and its retry is let in.
    Settled {
        /// Whose delivery it was.
        tenant: &'a TenantId,
        /// What its handler said.
        handler: HandlerOutcome,
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
    /// What is kept outside, and was told of by [`NotReloaded`](Self::NotReloaded), was found again as it is in force. Where
    /// something else was loaded then, [`Reloaded`](Self::Reloaded) says so, and this is not told.
    ReloadRecovered {
        /// What the operator calls it.
        name: &'a str,
    },
    /// A step of a rotation, in which the next of something is used beside the present one for a while.
    RotationStepped {
        /// The kind of what is rotated.
        kind: Kind,
        /// What it is called. Never a secret.
        name: &'a str,
        /// The step.
        step: RotationStep,
    },
    /// So much of something's lifetime is used that it is time to do something: told once for each degree of urgency.
    Expiring {
        /// What expires, whose it is, and when.
        expiry: &'a Expiry,
        /// How urgent it is.
        urgency: Urgency,
    },
    /// Everything that expires was looked through. For gauges; what is urgent in it has an event of its own.
    ExpiriesListed {
        /// All of it, least time left first.
        expiries: &'a [Expiry],
        /// By which it was judged.
        thresholds: Thresholds,
    },
    /// A slow observer has missed events, since its queue was full.
    EventsLost {
        /// How many.
        count: u64,
    },
    /// An observer has panicked, and is told nothing more.
    ObserverEnded,
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

/// The word of a handler on a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HandlerOutcome {
    /// It has handled it.
    Handled,
    /// It has not: the sender is to try again.
    NotHandled,
}

impl HandlerOutcome {
    /// A stable name, for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Handled => "handled",
            Self::NotHandled => "not_handled",
        }
    }
}

/// A step of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RotationStep {
    /// The next one counts beside the present one.
    Staged,
    /// The next one was used for the first time.
    FirstUsed,
    /// The old one counts no more.
    Retired,
    /// The old one is still used, or nobody knows whether it is, so it was not retired. Told by
    /// [`retire`](super::retire).
    RetirementRefused,
    /// The old one was retired without asking whether it is still used. Told by [`retire`](super::retire).
    RetirementForced,
}

impl RotationStep {
    /// A stable name, for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::FirstUsed => "first_used",
            Self::Retired => "retired",
            Self::RetirementRefused => "retirement_refused",
            Self::RetirementForced => "retirement_forced",
        }
    }
}

impl Event<'_> {
    /// The name of each event that there is.
    pub const NAMES: [&'static str; 27] = [
        "handshake_started",
        "handshake_completed",
        "handshake_failed",
        "refused_again",
        "accept_failed",
        "connection_cut",
        "source_changed",
        "not_forwarded",
        "identified",
        "refused",
        "reported",
        "accepted",
        "sender_gone",
        "settled",
        "unsettled",
        "delivering",
        "delivered",
        "not_delivered",
        "circuit_changed",
        "reloaded",
        "not_reloaded",
        "reload_recovered",
        "rotation_stepped",
        "expiring",
        "expiries_listed",
        "events_lost",
        "observer_ended",
    ];

    /// A stable name of the event, for metrics and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::HandshakeStarted { .. } => "handshake_started",
            Self::HandshakeCompleted { .. } => "handshake_completed",
            Self::HandshakeFailed { .. } => "handshake_failed",
            Self::RefusedAgain { .. } => "refused_again",
            Self::AcceptFailed { .. } => "accept_failed",
            Self::ConnectionCut { .. } => "connection_cut",
            Self::SourceChanged { .. } => "source_changed",
            Self::NotForwarded { .. } => "not_forwarded",
            Self::Identified { .. } => "identified",
            Self::Refused { .. } => "refused",
            Self::Reported { .. } => "reported",
            Self::Accepted { .. } => "accepted",
            Self::SenderGone { .. } => "sender_gone",
            Self::Settled { .. } => "settled",
            Self::Unsettled { .. } => "unsettled",
            Self::Delivering { .. } => "delivering",
            Self::Delivered { .. } => "delivered",
            Self::NotDelivered { .. } => "not_delivered",
            Self::CircuitChanged { .. } => "circuit_changed",
            Self::Reloaded { .. } => "reloaded",
            Self::NotReloaded { .. } => "not_reloaded",
            Self::ReloadRecovered { .. } => "reload_recovered",
            Self::RotationStepped { .. } => "rotation_stepped",
            Self::Expiring { .. } => "expiring",
            Self::ExpiriesListed { .. } => "expiries_listed",
            Self::EventsLost { .. } => "events_lost",
            Self::ObserverEnded => "observer_ended",
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

//! Events for logs and metrics (**what happened?**): for the operator; the peer never sees any of it.

mod event;
mod handshake;
#[cfg(feature = "tracing")]
mod log;
#[cfg(feature = "tower")]
mod unwatched;

use std::fmt;

pub use event::{DeliveryStage, Event, HandlerOutcome, InForce, PeerCertificate, RotationStep};
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

/// An observer that observes nothing.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Silent;

impl Observer for Silent {
    fn observe(&self, _: &Event<'_>) {}
}

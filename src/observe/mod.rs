//! Events for logs and metrics (**what happened?**): for the operator; the peer never sees any of it.

mod certificate;
mod cut;
mod event;
mod guarded;
mod handshake;
mod kept;
#[cfg(feature = "tracing")]
mod log;
#[cfg(feature = "metrics")]
mod meter;
mod named_group;
mod peers;
mod queued;
mod refusals;
mod refused_client;
mod rotations;
mod together;
#[cfg(feature = "tower")]
mod unwatched;
mod watch;
mod watching;

use std::fmt;
use std::sync::Arc;

pub use certificate::{ClaimedCertificate, PeerCertificate};
pub use cut::Cut;
pub use event::{DeliveryStage, Event, HandlerOutcome, InForce, RotationStep};
#[cfg(any(
    feature = "tower",
    feature = "tokio",
    feature = "dispatch",
    feature = "reload"
))]
pub(crate) use guarded::guarded;
pub use handshake::{HandshakeFacts, HandshakeFailure, HandshakeKind, TlsVersion};
#[cfg(feature = "tracing")]
pub use log::Log;
#[cfg(feature = "metrics")]
pub use meter::{MetricKind, MetricRow, Metrics};
pub use named_group::NamedGroup;
pub use peers::PeersSeen;
pub use queued::Queued;
pub use refusals::RefusalWatch;
pub use refused_client::{LooksLike, RefusedClient};
pub use rotations::{RotationWatch, retire};
pub use together::Observers;
#[cfg(feature = "tower")]
pub(crate) use unwatched::Unwatched;
pub use watch::Watch;
pub use watching::Watching;

/// A receiver of events, for logs and metrics. Called on the request path: it must not block.
///
/// One that may be slow stands behind a [`Queued`], several are [`Observers`]. One that panics is told nothing more, and
/// hurts nobody.
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

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn observe(&self, event: &Event<'_>) {
        (**self).observe(event);
    }
}

/// An observer that observes nothing.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Silent;

impl Observer for Silent {
    fn observe(&self, _: &Event<'_>) {}
}

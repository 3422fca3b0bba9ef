//! Several observers as one.

use std::sync::Arc;

use super::guarded::Guarded;
use super::{Event, Observer};

/// Several observers, each told of every event, in this order. One that panics is told nothing more; the others are told
/// of that, as [`Event::ObserverEnded`].
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use countersign::observe::{Event, Observer, Observers};
///
/// #[derive(Debug)]
/// struct Broken;
/// impl Observer for Broken {
///     fn observe(&self, _: &Event<'_>) {
///         panic!("a mistake");
///     }
/// }
///
/// #[derive(Debug, Default)]
/// struct Counts(AtomicU64);
/// impl Observer for Counts {
///     fn observe(&self, _: &Event<'_>) {
///         self.0.fetch_add(1, Ordering::Relaxed);
///     }
/// }
///
/// let counts = Arc::new(Counts::default());
/// let both = Observers::new().and(Broken).and(counts.clone());
/// both.observe(&Event::EventsLost { count: 1 });
/// both.observe(&Event::EventsLost { count: 1 });
/// assert_eq!(counts.0.load(Ordering::Relaxed), 3, "two events, and that the other has ended");
/// ```
#[derive(Debug, Default)]
pub struct Observers {
    all: Vec<Guarded>,
}

impl Observers {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// And this one.
    #[must_use]
    pub fn and(mut self, observer: impl Observer + 'static) -> Self {
        self.all.push(Guarded::new(Arc::new(observer)));
        self
    }
}

impl Observer for Observers {
    fn observe(&self, event: &Event<'_>) {
        let mut ended = 0_usize;
        for observer in &self.all {
            ended += usize::from(observer.ends_with(event));
        }
        // Whoever panics at that is one observer less, so it comes to an end.
        for _ in 0..ended {
            self.observe(&Event::ObserverEnded);
        }
    }
}

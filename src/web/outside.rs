//! What the layers take from outside: clock, observer and their kin.

use std::sync::Arc;

use crate::clock::Clock;
use crate::observe::{Observer, Unwatched};

/// What the layers take from outside.
#[derive(Debug, Clone)]
pub(super) struct Outside {
    pub(super) clock: Clock,
    pub(super) observer: Arc<dyn Observer>,
}

impl Default for Outside {
    fn default() -> Self {
        Self {
            clock: Clock::default(),
            observer: Arc::new(Unwatched),
        }
    }
}

/// What a layer with `rules` that have an [`Outside`] is told of it.
macro_rules! told_of_outside {
    ($layer:ty) => {
        impl $layer {
            /// Tells this observer. Without one, only a layer that is missing or misplaced is told of: as an error of
            /// `tracing` where that is switched on and listened to, else once on standard error.
            #[must_use]
            pub fn observed_by(mut self, observer: Arc<dyn $crate::observe::Observer>) -> Self {
                Arc::make_mut(&mut self.rules).outside.observer = $crate::observe::guarded(observer);
                self
            }

            /// Takes the present from there.
            #[must_use]
            pub fn with_clock(mut self, clock: $crate::clock::Clock) -> Self {
                Arc::make_mut(&mut self.rules).outside.clock = clock;
                self
            }
        }
    };
}
pub(super) use told_of_outside;

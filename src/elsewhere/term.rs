use std::fmt;
use std::time::Duration;

use crate::clock::Monotonic;

/// The time for which an answer counts, by the clock of whoever keeps it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Term {
    clock: Monotonic,
    until: Duration,
    number: u64,
}

impl Term {
    pub(super) fn new(clock: Monotonic, until: Duration, number: u64) -> Self {
        Self { clock, until, number }
    }

    /// Which answer it is: each that is fetched has a number of its own.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether it is to be asked for again.
    pub(crate) fn is_over(&self) -> bool {
        self.clock.elapsed() >= self.until
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Term")
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

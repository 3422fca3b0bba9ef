//! Clocks: the one place outside the core that asks the system for the present.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls_pki_types::UnixTime;

/// A wall clock, from which the plugs take the present: the system's, unless a test says otherwise.
///
/// ```
/// use std::time::Duration;
/// use countersign::{UnixTime, clock::Clock};
///
/// let noon = UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000));
/// let stopped = Clock::new(move || noon);
/// assert_eq!(stopped.now(), noon);
/// ```
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixTime + Send + Sync>);

impl Clock {
    /// A clock of your own.
    pub fn new(now: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The present.
    pub fn now(&self) -> UnixTime {
        (self.0)()
    }
}

impl Default for Clock {
    /// The system's clock.
    fn default() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this plug is where the present comes from"
        )]
        Self::new(UnixTime::now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// A clock that nobody sets: it tells how long something has taken, never what time it is. The time of day may be set an
/// hour ahead and back again; what was to be remembered for an hour is remembered for an hour all the same.
///
/// ```
/// use std::time::Duration;
/// use countersign::clock::Monotonic;
///
/// let stopped = Monotonic::new(|| Duration::from_secs(7));
/// assert_eq!(stopped.elapsed(), Duration::from_secs(7));
/// ```
#[derive(Clone)]
pub struct Monotonic(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Monotonic {
    /// A clock of your own: the time since any moment, and never less than it was.
    pub fn new(elapsed: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(elapsed))
    }

    /// How long it has been running.
    pub fn elapsed(&self) -> Duration {
        (self.0)()
    }
}

impl Default for Monotonic {
    /// The system's monotonic clock, from now on. Where that stands still while the machine sleeps, as on Linux, so does
    /// this.
    fn default() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this plug is where the passing of time comes from"
        )]
        let (began, elapsed) = (Instant::now(), |began: &Instant| began.elapsed());
        Self::new(move || elapsed(&began))
    }
}

impl fmt::Debug for Monotonic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Monotonic")
    }
}

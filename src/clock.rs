//! Where the present comes from: the one place outside the core that asks the system for it.

use std::fmt;
use std::sync::Arc;

use rustls_pki_types::UnixTime;

/// Where the plugs take the present from: the system, unless a test says otherwise.
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

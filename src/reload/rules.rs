use std::time::Duration;

/// The rules of a source: how often it is looked at, and what becomes of what cannot be renewed.
///
/// ```
/// use std::time::Duration;
/// use countersign::reload::Rules;
///
/// let rules = Rules::default().looking_every(Duration::from_secs(60)).failing_closed_after(Duration::from_secs(3600));
/// assert_ne!(rules, Rules::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    pub(super) every: Duration,
    pub(super) retry: Duration,
    pub(super) max_age: Option<Duration>,
}

impl Default for Rules {
    /// Looks every ten seconds, and keeps what was good for as long as it takes.
    fn default() -> Self {
        Self {
            every: Duration::from_secs(10),
            retry: Duration::from_secs(1),
            max_age: None,
        }
    }
}

impl Rules {
    /// Looks after so long, give or take a fifth, whether or not anybody has told of a change. Files cost a few system calls
    /// then; a URL is fetched, so an hour may do.
    #[must_use]
    pub fn looking_every(mut self, time: Duration) -> Self {
        self.every = time.max(Duration::from_millis(1));
        self
    }

    /// Looks again so long after a failure, then after twice as long, up to the usual time. Default one second.
    #[must_use]
    pub fn retrying_after(mut self, time: Duration) -> Self {
        self.retry = time.max(Duration::from_millis(1));
        self
    }

    /// Withdraws what could not be loaded, nor found unchanged, for so long, also while a look hangs: what it decides is
    /// refused as an outage then, until all of it can be loaded, or is found unchanged. It never comes back older than it
    /// was. Without this the last that was good stays in force.
    ///
    /// # Security
    /// For what is worse when it is old than when it is missing: lists of revocations, where a thief may keep us from the
    /// new one.
    #[must_use]
    pub fn failing_closed_after(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// How long to wait after so many failures in a row.
    pub(super) fn wait(&self, failures: u32) -> Duration {
        match failures.checked_sub(1) {
            None => self.every,
            Some(doublings) => self.retry.saturating_mul(1 << doublings.min(16)).min(self.every),
        }
    }
}

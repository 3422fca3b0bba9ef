use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustls_pki_types::UnixTime;

use super::Observer;
use super::guarded::Guarded;
use crate::clock::Clock;

/// Looks at what is watched, at once and then again and again, until this is dropped: for a [`Watch`](super::Watch), a
/// [`RotationWatch`](super::RotationWatch), and what else has to look.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use countersign::clock::Clock;
/// use countersign::observe::{RotationWatch, Silent, Watch, Watching};
///
/// let (watch, rotations) = (Arc::new(Watch::new()), RotationWatch::new());
/// let (listed, minute) = (watch.clone(), Duration::from_secs(60));
/// let watching = Watching::start(Arc::new(Silent::default()), Clock::default(), minute, move |observer, now| {
///     watch.tell(observer, now);
///     rotations.tell(observer);
/// })?;
/// // For as long as the process serves; and for an operator:
/// assert!(listed.list().is_empty(), "nothing is watched that could end");
/// # drop(watching);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// It has a thread of its own, so it needs no runtime, and a look that takes long makes no request wait. A look that panics is at its end, and the
/// next one begins anew; an observer that panics is told nothing more.
#[must_use = "dropping it ends the looks"]
pub struct Watching {
    ended: Arc<Ended>,
}

#[derive(Default)]
struct Ended {
    has: Mutex<bool>,
    changed: Condvar,
}

impl Watching {
    /// Looks so often, and tells this observer. At least a millisecond lies between two looks.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(
        observer: Arc<dyn Observer>,
        clock: Clock,
        every: Duration,
        mut look: impl FnMut(&dyn Observer, UnixTime) + Send + 'static,
    ) -> io::Result<Self> {
        let (ended, observer) = (Arc::<Ended>::default(), Guarded::new(observer));
        let end = Arc::clone(&ended);
        let every = every.max(Duration::from_millis(1));
        thread::Builder::new()
            .name("countersign-watch".to_owned())
            .spawn(move || {
                while !end.has_come() {
                    // What it has left half done is its own: the next look sees to it.
                    let _ = catch_unwind(AssertUnwindSafe(|| look(&observer, clock.now())));
                    end.wait(every);
                }
            })?;
        Ok(Self { ended })
    }
}

impl Drop for Watching {
    /// A look that is under way goes on to its end, and nobody waits for it.
    fn drop(&mut self) {
        *self.ended.has.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.ended.changed.notify_all();
    }
}

impl Ended {
    fn has_come(&self) -> bool {
        *self.has.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, at_most: Duration) {
        let has = self.has.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.changed.wait_timeout_while(has, at_most, |has| !*has);
    }
}

impl fmt::Debug for Watching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watching").finish_non_exhaustive()
    }
}

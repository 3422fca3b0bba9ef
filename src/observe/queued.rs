use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::guarded::Guarded;
use super::kept::{Kept, kept};
use super::{Event, Observer};

/// A queue in front of an observer that may be slow: it is told from a thread of its own, and whoever has an event to tell
/// goes on at once.
///
/// The queue is bounded. What finds no room in it is lost, and counted: [`lost`](Self::lost), and
/// [`Event::EventsLost`] as soon as there is room again. An observer that panics is told nothing more, and everything is
/// lost from then on.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use std::time::Duration;
/// use countersign::observe::{Event, Observer, Queued};
///
/// #[derive(Debug, Clone, Default)]
/// struct Slow(Arc<Mutex<Vec<&'static str>>>);
///
/// impl Observer for Slow {
///     fn observe(&self, event: &Event<'_>) {
///         std::thread::sleep(Duration::from_millis(1));
///         self.0.lock().unwrap().push(event.name());
///     }
/// }
///
/// let slow = Slow::default();
/// let queued = Queued::new(slow.clone(), 1024)?;
/// queued.observe(&Event::EventsLost { count: 1 });
/// assert!(queued.wait(Duration::from_secs(60)), "it has been told");
/// assert_eq!(*slow.0.lock().unwrap(), ["events_lost"]);
/// assert_eq!(queued.lost(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// What is in the queue when the process ends is lost as well: [`wait`](Self::wait) for it in an orderly end.
pub struct Queued {
    queue: SyncSender<Kept>,
    shared: Arc<Shared>,
}

struct Shared {
    observer: Guarded,
    lost: AtomicU64,
    /// How many of them it has been told of.
    admitted: AtomicU64,
    accepted: AtomicU64,
    told: Mutex<u64>,
    progress: Condvar,
}

impl Queued {
    /// Tells this observer, with room for so many events; at least one.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn new(observer: impl Observer + 'static, capacity: usize) -> io::Result<Self> {
        let (queue, events) = sync_channel(capacity.max(1));
        let shared = Arc::new(Shared {
            observer: Guarded::new(Arc::new(observer)),
            lost: AtomicU64::new(0),
            admitted: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            told: Mutex::new(0),
            progress: Condvar::new(),
        });
        let teller = Arc::clone(&shared);
        thread::Builder::new()
            .name("countersign-events".to_owned())
            .spawn(move || teller.tell(&events))?;
        Ok(Self { queue, shared })
    }

    /// How many events were lost.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Waits until the observer has been told of all that is in the queue, at most for so long. Whether it has.
    pub fn wait(&self, at_most: Duration) -> bool {
        let until = self.shared.accepted.load(Ordering::Acquire);
        let told = self.shared.told.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .shared
            .progress
            .wait_timeout_while(told, at_most, |told| *told < until);
        let (told, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *told >= until
    }
}

impl Observer for Queued {
    fn observe(&self, event: &Event<'_>) {
        // Nothing is kept for one that has ended.
        if !self.shared.observer.has_ended() && self.queue.try_send(kept(event)).is_ok() {
            self.shared.accepted.fetch_add(1, Ordering::Release);
        } else {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Shared {
    /// Until there is nobody left who could send.
    fn tell(&self, events: &Receiver<Kept>) {
        for event in events {
            event(&self.observer);
            self.admit_losses();
            *self.told.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            self.progress.notify_all();
        }
    }

    fn admit_losses(&self) {
        let lost = self.lost.load(Ordering::Relaxed);
        let count = lost - self.admitted.swap(lost, Ordering::Relaxed);
        if count > 0 {
            self.observer.observe(&Event::EventsLost { count });
        }
    }
}

impl fmt::Debug for Queued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queued")
            .field("observer", &self.shared.observer)
            .field("lost", &self.lost())
            .finish_non_exhaustive()
    }
}

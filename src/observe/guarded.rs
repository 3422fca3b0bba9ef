use std::fmt;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Event, Observer};

/// An observer whose first panic is its end: whoever tells it goes on, and it is told nothing more.
pub(super) struct Guarded {
    inner: Arc<dyn Observer>,
    ended: AtomicBool,
}

impl Guarded {
    pub(super) fn new(inner: Arc<dyn Observer>) -> Self {
        Self {
            inner,
            ended: AtomicBool::new(false),
        }
    }

    /// Whether it has panicked in this very call.
    pub(super) fn ends_with(&self, event: &Event<'_>) -> bool {
        if self.ended.load(Ordering::Relaxed) {
            return false;
        }
        // It is never called again, so nobody sees what it has left half done.
        if catch_unwind(AssertUnwindSafe(|| self.inner.observe(event))).is_ok() {
            return false;
        }
        let first = !self.ended.swap(true, Ordering::Relaxed);
        if first {
            // Where it stood, the panic hook has said.
            let _ = writeln!(
                std::io::stderr(),
                "countersign: an observer has panicked, and is told nothing more"
            );
        }
        first
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

/// This observer, whose panics hurt nobody.
#[cfg(any(
    feature = "tower",
    feature = "tokio",
    feature = "dispatch",
    feature = "reload"
))]
pub(crate) fn guarded(observer: Arc<dyn Observer>) -> Arc<dyn Observer> {
    Arc::new(Guarded::new(observer))
}

impl Observer for Guarded {
    fn observe(&self, event: &Event<'_>) {
        self.ends_with(event);
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_tuple("Guarded");
        // One that has panicked may hold a lock that its Debug waits for.
        if self.has_ended() {
            shown.field(&"ended").finish()
        } else {
            shown.field(&self.inner).finish()
        }
    }
}

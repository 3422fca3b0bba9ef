//! Generations: which of two changes is the newer one.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that no other change in this process has.
///
/// One count for all, so that the newest of several numbers says whether *any* part of a joined policy has changed.
pub(crate) fn next() -> u64 {
    static CHANGES: AtomicU64 = AtomicU64::new(0);
    CHANGES.fetch_add(1, Ordering::Relaxed) + 1
}

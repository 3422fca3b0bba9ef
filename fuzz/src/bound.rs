use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What 64 KiB may cost; a shorter input may cost as much, a longer one in proportion.
const MOST: Duration = Duration::from_millis(10);
const FOR_BYTES: usize = 64 * 1024;
/// The targets are built with coverage and debug assertions, which make them that much slower than what is shipped.
const SLOWER: u32 = 10;

/// Does `work`, and fails where it takes longer than its input may: in time of this thread, so that a busy machine
/// does not count.
///
/// # Panics
/// As said.
pub fn bounded<T>(input: &[u8], work: impl FnOnce() -> T) -> T {
    within(input.len(), work)
}

/// [`bounded`] for an input of so many bytes that does not stand in one piece.
///
/// # Panics
/// As said there.
pub fn within<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let began = cpu_time();
    let result = work();
    let took = cpu_time().saturating_sub(began);
    let units = u32::try_from(bytes.div_ceil(FOR_BYTES)).unwrap_or(u32::MAX);
    let most = MOST * SLOWER * units.max(1);
    assert!(took <= most, "{bytes} bytes took {took:?}");
    result
}

fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or_default(),
        u32::try_from(now.tv_nsec).unwrap_or_default(),
    )
}

//! What the fuzz targets share: header fields out of lines, and a bound on the time that an input may take.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use rustix::time::{ClockId, clock_gettime};

/// What 64 KiB may cost; a shorter input may cost as much, a longer one in proportion.
const MOST: Duration = Duration::from_millis(10);
const FOR_BYTES: usize = 64 * 1024;
/// The targets are built with coverage and debug assertions, and run where others run: that much slower than what is shipped.
const SLOWER: u32 = 10;

/// Does `work`, and fails where it takes longer than its input may: in time of this thread, so that a busy machine
/// does not count.
///
/// # Panics
/// As said.
pub fn bounded<T>(input: &[u8], work: impl FnOnce() -> T) -> T {
    let began = cpu_time();
    let result = work();
    let took = cpu_time().saturating_sub(began);
    let units = u32::try_from(input.len().div_ceil(FOR_BYTES)).unwrap_or(u32::MAX);
    let most = MOST * SLOWER * units.max(1);
    assert!(took <= most, "{} bytes took {took:?}", input.len());
    result
}

fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or_default(),
        u32::try_from(now.tv_nsec).unwrap_or_default(),
    )
}

/// Header fields from lines `name: value`. What is no line, or no field, is left out: the HTTP parser would have refused it.
pub fn headers(lines: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n').take(100) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

/// What stands before the first empty line, and what stands behind it.
pub fn head_and_body(message: &[u8]) -> (&[u8], &[u8]) {
    let end = message.windows(2).position(|two| two == b"\n\n");
    match end {
        Some(end) => (&message[..end], &message[end + 2..]),
        None => (message, &[]),
    }
}

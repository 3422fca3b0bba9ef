//! THE WORST INPUT. Each parser that meets outside bytes before anybody is known is given the worst that it can be given,
//! at its limit and at a quarter of it: four times the input may cost seven times the work, and no more.
//!
//! Measured in the processor's time of this very thread, so a busy machine makes no difference; the least of several runs.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::type_complexity,
    clippy::unwrap_used,
    reason = "tests say what they expect by failing loudly; a table is what it is"
)]

mod certificates;
mod forwarded;
mod jose;
mod messages;
mod requests;

use std::thread;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What four times the input may cost. Sorting it takes nearly five times as long; looking at each pair of its parts, sixteen
/// times. Halves would be too near to each other: what others do on a busy machine is a quarter of a measure now and then.
const MOST: f64 = 7.0;
/// What is too short to be told from its surroundings.
const TOO_LITTLE: Duration = Duration::from_micros(300);
/// What costs no more than this at its limit may grow as it likes: a signature costs as much.
const CHEAP: f64 = 30e-6;

/// What takes longer than this, in seconds, is told from its surroundings at once.
const LONG: f64 = 0.1;

/// How often it is asked, and how much longer is waited each time.
const ROUNDS: u32 = 12;
const PAUSE: Duration = Duration::from_millis(20);

/// A parser with its input, which says itself what must come of it.
type Run = Box<dyn Fn()>;

/// The parser's cost grows with the size of its input, from a quarter of the limit to the limit.
fn grows(name: &str, limit: usize, with: impl Fn(usize) -> Run) {
    let (quarter, full) = (with(limit / 4), with(limit));
    if cost(&full) <= CHEAP {
        return;
    }
    let (mut least_quarter, mut least_full) = (f64::INFINITY, f64::INFINITY);
    for round in 0..ROUNDS {
        for _ in 0..5 {
            least_quarter = least_quarter.min(cost(&quarter));
            least_full = least_full.min(cost(&full));
            if least_full > LONG {
                break;
            }
        }
        if least_full <= MOST * least_quarter {
            let seen = least_full / least_quarter;
            println!("{name}: {seen:.2}, {:.1} ms at the limit", least_full * 1e3);
            return;
        }
        // What others do to the caches and to the processor below this one lasts for a while.
        thread::sleep(PAUSE * round);
    }
    panic!(
        "{name}: four times the input costs {:.2} times as much",
        least_full / least_quarter
    );
}

/// Seconds for one run, over as many as can be measured.
fn cost(run: &Run) -> f64 {
    let mut runs = 1;
    loop {
        let began = processor_time();
        (0..runs).for_each(|_| run());
        let taken = processor_time() - began;
        if taken >= TOO_LITTLE {
            return taken.as_secs_f64() / f64::from(runs);
        }
        runs *= 4;
    }
}

/// What this thread has used.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.try_into().expect("after the start"),
        time.tv_nsec.try_into().expect("less than a second"),
    )
}

/// The measure finds what it is there for.
#[test]
#[should_panic(expected = "pairs: four times the input costs")]
fn what_looks_at_each_pair_is_found_out() {
    grows("pairs", 4_000, |count| {
        let names: Vec<String> = (0..count).map(|number| number.to_string()).collect();
        Box::new(move || {
            let twice = names
                .iter()
                .enumerate()
                .any(|(place, name)| names[..place].contains(name));
            assert!(!twice);
        })
    });
}

/// Three letters, another each time.
fn short_name(number: usize) -> String {
    let letter =
        |place: u32| char::from(b'a' + u8::try_from(number / 26_usize.pow(place) % 26).expect("a letter"));
    [letter(2), letter(1), letter(0)].iter().collect()
}

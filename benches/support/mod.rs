//! Is it as fast as the peer that it is measured against?
//!
//! The cases of a [`Group`] take turns, so that whatever the machine does to one it does to all: a round runs a batch
//! of about two milliseconds of each, every other round backwards. A case is told by the median of its batches, and
//! two cases are compared by the median of the ratios within each round. Time is the CPU time of this thread, where
//! the system tells it, so that being preempted does not count.
//!
//! Allocations are those of Rust's global allocator in one call; what a C library allocates is not seen.
//!
//! A bench ends with one line of JSON, made by [`Summary::print`]. `QUICK=1` in the environment runs few rounds: enough
//! to see that it works, too few to quote.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use serde_json::{Value, json};

/// How long a batch takes.
const BATCH: Duration = Duration::from_millis(2);

/// Odd, so that there is a median.
const ROUNDS: usize = 61;
const QUICK_ROUNDS: usize = 5;

/// Cases that are compared with each other.
#[derive(Default)]
pub(crate) struct Group<'a> {
    cases: Vec<Case<'a>>,
}

struct Case<'a> {
    name: &'static str,
    allocations: Allocations,
    /// Calls in a batch.
    calls: u32,
    /// Runs so many calls, and tells how long they took.
    run: Box<dyn FnMut(u32) -> Duration + 'a>,
    /// Nanoseconds a call, by round.
    rounds: Vec<f64>,
}

impl<'a> Group<'a> {
    /// Adds a case. The first one added is what the others are compared with.
    pub(crate) fn case<T>(self, name: &'static str, mut call: impl FnMut() -> T + 'a) -> Self {
        self.case_on(name, || (), move |()| call())
    }

    /// Adds a case that is called on something made anew for each batch, for what grows with every call. Making it and
    /// dropping it does not count.
    pub(crate) fn case_on<S, T>(
        mut self,
        name: &'static str,
        make: impl Fn() -> S + 'a,
        mut call: impl FnMut(&S) -> T + 'a,
    ) -> Self {
        let allocations = {
            let on = make();
            // Caches, lazy statics and the allocator's pools are warm before anything counts.
            black_box(call(&on));
            Allocations::of(|| call(&on))
        };
        let mut run = Box::new(move |calls| {
            let on = make();
            timed(|| {
                for _ in 0..calls {
                    black_box(call(&on));
                }
            })
        });
        self.cases.push(Case {
            name,
            allocations,
            calls: calls_in(BATCH, &mut *run),
            run,
            rounds: Vec::new(),
        });
        self
    }

    /// Runs all rounds.
    pub(crate) fn run(mut self) -> Measured {
        let rounds = if std::env::var_os("QUICK").is_some() {
            QUICK_ROUNDS
        } else {
            ROUNDS
        };
        for round in 0..rounds {
            if round % 2 == 0 {
                self.cases.iter_mut().for_each(Case::batch);
            } else {
                self.cases.iter_mut().rev().for_each(Case::batch);
            }
        }
        let base = self
            .cases
            .first()
            .map(|case| case.rounds.clone())
            .unwrap_or_default();
        Measured(self.cases.into_iter().map(|case| case.measured(&base)).collect())
    }
}

impl Case<'_> {
    fn batch(&mut self) {
        let nanos = (self.run)(self.calls).as_nanos() as f64;
        self.rounds.push(nanos / f64::from(self.calls));
    }

    fn measured(self, base: &[f64]) -> (&'static str, Figures) {
        let ratios = self.rounds.iter().zip(base).map(|(ours, theirs)| ours / theirs);
        let figures = Figures {
            ratio: median(ratios.collect()),
            nanos: median(self.rounds),
            allocations: self.allocations,
        };
        (self.name, figures)
    }
}

/// What a group has shown, by the name of the case, in order.
pub(crate) struct Measured(Vec<(&'static str, Figures)>);

#[derive(Clone, Copy)]
pub(crate) struct Figures {
    /// Median time of one call.
    pub(crate) nanos: f64,
    /// Median of the ratios to the first case.
    pub(crate) ratio: f64,
    /// Of one call.
    pub(crate) allocations: Allocations,
}

impl Measured {
    /// One line a case, under the group's name.
    pub(crate) fn print(&self, group: &str) {
        println!("{group}");
        for (name, figures) in &self.0 {
            let Figures {
                nanos,
                ratio,
                allocations,
            } = figures;
            println!(
                "  {name:<24} {:>10.2} us  {ratio:>7.3} x  {:>4} allocations, {:>8} bytes",
                nanos / 1000.0,
                allocations.count,
                allocations.bytes,
            );
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, Figures)> {
        self.0.iter().copied()
    }
}

/// What Rust's allocator was asked for.
#[derive(Clone, Copy)]
pub(crate) struct Allocations {
    /// How often.
    pub(crate) count: u64,
    /// Bytes in all.
    pub(crate) bytes: u64,
    /// Bytes still held at the end.
    #[allow(dead_code, reason = "not every bench keeps something")]
    pub(crate) held: i64,
}

impl Allocations {
    /// Those of one call. What it returns is still alive when they are counted.
    pub(crate) fn of<T>(call: impl FnOnce() -> T) -> Self {
        let mut kept = None;
        let info = allocation_counter::measure(|| kept = Some(black_box(call())));
        Self {
            count: info.count_total,
            bytes: info.bytes_total,
            held: info.bytes_current,
        }
    }
}

/// The line that a bench ends with.
pub(crate) struct Summary {
    bench: &'static str,
    ratios: BTreeMap<String, Value>,
    allocations: BTreeMap<String, Value>,
}

impl Summary {
    pub(crate) fn new(bench: &'static str) -> Self {
        Self {
            bench,
            ratios: BTreeMap::new(),
            allocations: BTreeMap::new(),
        }
    }

    /// Ours / theirs.
    pub(crate) fn ratio(&mut self, name: impl Into<String>, ratio: f64) {
        let digits = if ratio < 0.1 { 10_000.0 } else { 1_000.0 };
        self.ratios
            .insert(name.into(), json!((ratio * digits).round() / digits));
    }

    /// A count, or bytes where the name says so.
    pub(crate) fn allocations(&mut self, name: impl Into<String>, count: u64) {
        self.allocations.insert(name.into(), json!(count));
    }

    pub(crate) fn print(&self) {
        let (bench, ratios, allocations) = (json!(self.bench), json!(self.ratios), json!(self.allocations));
        println!(r#"{{"bench": {bench}, "ratios": {ratios}, "allocations": {allocations}}}"#);
    }
}

/// How many calls fill that time, found by doubling.
fn calls_in(time: Duration, run: &mut dyn FnMut(u32) -> Duration) -> u32 {
    let mut calls = 1;
    loop {
        let taken = run(calls);
        if taken * 2 >= time || calls >= 1 << 24 {
            let wanted = time.as_secs_f64() / taken.as_secs_f64().max(1e-9);
            return ((f64::from(calls) * wanted) as u32).max(1);
        }
        calls *= 2;
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Nothing is counted meanwhile: that takes time too.
fn timed(run: impl FnOnce()) -> Duration {
    let mut taken = Duration::ZERO;
    allocation_counter::opt_out(|| {
        let began = now();
        run();
        taken = now().saturating_sub(began);
    });
    taken
}

/// The CPU time that this thread has used.
#[cfg(target_os = "linux")]
fn now() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// The time since the first call.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn now() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;

    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed()
}

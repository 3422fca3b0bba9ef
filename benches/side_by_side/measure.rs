//! Time and allocations of cases that take turns.
//!
//! The cases of a [`Group`] take turns, so that whatever the machine does to one it does to all: a round runs a batch
//! of about two milliseconds of each, every other round backwards. A case is told by the median of its batches, and
//! two cases are compared by the median of the ratios within each round. Time is the CPU time of this thread, where
//! the system tells it, so that being preempted does not count.
//!
//! Allocations are those of Rust's global allocator in one call; what a C library allocates is not seen.

use std::hint::black_box;
use std::time::Duration;

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
        self.push(name, allocations, move |calls| {
            let on = make();
            timed(|| {
                for _ in 0..calls {
                    black_box(call(&on));
                }
            })
        });
        self
    }

    /// Adds a case that tells itself how long it took, where only a part of each call counts.
    pub(crate) fn case_in_part(
        mut self,
        name: &'static str,
        mut call: impl FnMut() -> Duration + 'a,
    ) -> Self {
        call();
        let allocations = Allocations::of(&mut call);
        self.push(name, allocations, move |calls| {
            let mut taken = Duration::ZERO;
            allocation_counter::opt_out(|| taken = (0..calls).map(|_| call()).sum());
            taken
        });
        self
    }

    fn push(&mut self, name: &'static str, allocations: Allocations, run: impl FnMut(u32) -> Duration + 'a) {
        let mut run = Box::new(run);
        self.cases.push(Case {
            name,
            allocations,
            calls: calls_in(BATCH, &mut *run),
            run,
            rounds: Vec::new(),
        });
    }

    /// Runs all rounds; few of them where it only has to be seen that it works.
    pub(crate) fn run(mut self, quick: bool) -> Measured {
        let rounds = if quick { QUICK_ROUNDS } else { ROUNDS };
        for round in 0..rounds {
            if round % 2 == 0 {
                self.cases.iter_mut().for_each(Case::batch);
            } else {
                self.cases.iter_mut().rev().for_each(Case::batch);
            }
        }
        Measured(self.cases.into_iter().map(Case::measured).collect())
    }
}

impl Case<'_> {
    fn batch(&mut self) {
        let nanos = (self.run)(self.calls).as_nanos() as f64;
        self.rounds.push(nanos / f64::from(self.calls));
    }

    fn measured(self) -> (&'static str, Figures) {
        let figures = Figures {
            nanos: median(self.rounds.clone()),
            rounds: self.rounds,
            allocations: self.allocations,
        };
        (self.name, figures)
    }
}

/// What a group has shown, by the name of the case, in order.
pub(crate) struct Measured(Vec<(&'static str, Figures)>);

pub(crate) struct Figures {
    /// Median time of one call.
    pub(crate) nanos: f64,
    /// By round.
    rounds: Vec<f64>,
    /// Of one call.
    pub(crate) allocations: Allocations,
}

impl Figures {
    /// Median of the ratios within each round.
    pub(crate) fn ratio_to(&self, other: &Self) -> f64 {
        let rounds = self.rounds.iter().zip(&other.rounds);
        median(rounds.map(|(ours, theirs)| ours / theirs).collect())
    }
}

impl Measured {
    /// One line a case, under the group's name. Ratios are to the first case.
    pub(crate) fn print(&self, group: &str) {
        println!("{group}");
        let Some((_, first)) = self.0.first() else { return };
        for (name, figures) in &self.0 {
            println!(
                "  {name:<26} {:>12.3} us  {:>8.3} x  {:>4} allocations, {:>8} bytes",
                figures.nanos / 1000.0,
                figures.ratio_to(first),
                figures.allocations.count,
                figures.allocations.bytes,
            );
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &Figures)> {
        self.0.iter().map(|(name, figures)| (*name, figures))
    }

    pub(crate) fn find(&self, case: &str) -> Option<&Figures> {
        self.iter()
            .find(|(name, _)| *name == case)
            .map(|(_, figures)| figures)
    }

    /// The time of a case that there is.
    pub(crate) fn nanos(&self, case: &str) -> f64 {
        self.find(case).map_or(f64::NAN, |figures| figures.nanos)
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

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Nothing is counted meanwhile: that takes time too.
pub(crate) fn timed(run: impl FnOnce()) -> Duration {
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
pub(crate) fn now() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// The time since the first call.
#[cfg(not(target_os = "linux"))]
pub(crate) fn now() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;

    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed()
}

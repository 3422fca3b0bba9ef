//! What went wrong, if anything did.

use std::time::{Duration, Instant};

use crate::receiver::Receiver;
use crate::traffic::{Tally, Traffic};

/// Memory may be so much more than at the beginning, where that is behind the first fifth of the time.
const MOST_GROWN: f64 = 0.05;
/// A store that is there may be slower than it is waited for, once and once more in so many requests: then the machine was.
const SELDOM: u64 = 1000;
/// In less time nothing is known: until then the stores fill, which forget what is too old to be sent again.
const LEAST_TIME: Duration = Duration::from_secs(600);
/// Each is judged by its median.
const WINDOWS: usize = 8;

pub(crate) struct Judge {
    time: Duration,
    began: Instant,
    descriptors: u64,
    memory: Vec<(Duration, u64)>,
}

impl Judge {
    /// When the receiver is connected to its stores, and nobody to it.
    pub(crate) async fn new(receiver: &Receiver, time: Duration) -> Self {
        let mut descriptors = receiver.descriptors();
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            descriptors = descriptors.min(receiver.descriptors());
        }
        Self {
            time,
            began: Instant::now(),
            descriptors,
            memory: Vec::new(),
        }
    }

    pub(crate) async fn watch(&mut self, receiver: &Receiver, end: Instant) {
        while Instant::now() < end {
            self.memory.push((self.began.elapsed(), receiver.memory()));
            tokio::time::sleep((self.time / 1000).max(Duration::from_millis(50))).await;
        }
    }

    /// Prints all of it, and says whether all is well.
    pub(crate) async fn verdict(&self, receiver: &Receiver, traffic: &Traffic, panicked: u64) -> bool {
        let descriptors = self.descriptors_at_the_end(receiver).await;
        let counts = receiver.counts().await;
        let count = |code: &str| {
            counts
                .iter()
                .find(|(name, _)| name == code)
                .map_or(0, |(_, number)| *number)
        };
        print_counts(&counts);
        let Tally {
            requests,
            wrong,
            late,
            ..
        } = print_tallies(traffic);
        for line in traffic.wrong() {
            println!("WRONG {line}");
        }
        println!();
        let panics = count("PANIC") + panicked;
        let memory = self.grown();
        let mebibytes = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
        let judged = [
            ("panics", panics.to_string(), panics == 0),
            (
                "wrong verdicts",
                format!("{wrong} of {requests} in {:.0?}", self.began.elapsed()),
                wrong == 0 && requests > 0,
            ),
            (
                "right refusals by a store that was slower than its limit",
                format!("{late} of {requests}"),
                late <= 1 + requests / SELDOM,
            ),
            (
                "handled twice",
                count("HANDLED TWICE").to_string(),
                count("HANDLED TWICE") == 0,
            ),
            (
                "resident memory",
                memory
                    .as_ref()
                    .map_or("too short to be judged".to_owned(), |(first, worst)| {
                        format!(
                            "{} after the warm-up, {} at worst",
                            mebibytes(*first),
                            mebibytes(*worst)
                        )
                    }),
                memory.is_none_or(|(first, worst)| worst as f64 <= first as f64 * (1.0 + MOST_GROWN)),
            ),
            (
                "descriptors",
                format!("{} at the beginning, {descriptors} at the end", self.descriptors),
                descriptors <= self.descriptors,
            ),
        ];
        for (what, said, is_well) in &judged {
            println!("{} {what}: {said}", if *is_well { "ok   " } else { "WRONG" });
        }
        judged.iter().all(|(.., is_well)| *is_well)
    }

    /// When the last connections are closed.
    async fn descriptors_at_the_end(&self, receiver: &Receiver) -> u64 {
        let began = Instant::now();
        loop {
            let now = receiver.descriptors();
            if now <= self.descriptors || began.elapsed() > Duration::from_secs(10) {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The median right after the warm-up, and the largest later.
    fn grown(&self) -> Option<(u64, u64)> {
        if self.time < LEAST_TIME {
            return None;
        }
        let warm = self.memory.iter().filter(|(at, _)| *at > self.time / 5);
        let warm: Vec<_> = warm.map(|(_, bytes)| *bytes).collect();
        let medians = warm.chunks(warm.len().div_ceil(WINDOWS)).map(median);
        let medians: Vec<_> = medians.collect();
        Some((*medians.first()?, *medians.iter().max()?))
    }
}

fn median(bytes: &[u64]) -> u64 {
    let mut sorted = bytes.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

fn print_counts(counts: &[(String, u64)]) {
    println!("{:<44} {:>9}", "the receiver tells", "times");
    for (code, number) in counts {
        println!("{code:<44} {number:>9}");
    }
    println!();
}

fn print_tallies(traffic: &Traffic) -> Tally {
    println!("{:<44} {:>9} {:>7} {:>9}", "sent", "requests", "wrong", "ms each");
    let mut all = Tally::default();
    for (kind, tally) in traffic.tallies() {
        let each = tally.time.as_secs_f64() * 1000.0 / tally.requests.max(1) as f64;
        println!("{kind:<44} {:>9} {:>7} {each:>9.1}", tally.requests, tally.wrong);
        all.requests += tally.requests;
        all.wrong += tally.wrong;
        all.late += tally.late;
    }
    println!();
    all
}

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::time::Duration;

use rustls_pki_types::UnixTime;

use super::{Delivery, Endpoint, Failure, Fate, Jitter, Outcome, Schedule};

/// A retry queue in memory, with one line for each endpoint, and a last moment for each delivery. Pure: no clock, no
/// random numbers, no I/O; what it holds ends with the process.
///
/// While an endpoint answers, all that is due goes out side by side. When the dispatcher answers that the endpoint's
/// circuit is open ([`Failure::NotNow`]), its line is closed: one delivery at a time is taken from it, the one that is due
/// first, and not before the circuit is probed. Once that one is delivered, the line is open again. So an endpoint that is
/// dead for days costs a probe now and then, however much waits for it.
///
/// Every delivery ends: delivered, dead, given up when the [`Schedule`] is used up, or expired. Without an
/// [expiry](Delivery::with_expiry) of its own it gets one, an hour after the schedule would be used up at the latest,
/// since waiting for a circuit counts as no try. One that has expired comes out of [`next`](Self::next) once more, at once:
/// the dispatcher sends nothing, and tells its observer.
///
/// ```
/// use std::time::Duration;
/// use countersign::dispatch::{Backlog, Delivery, Dispatcher, Endpoint, Jitter, Schedule, Settled};
/// use countersign::tenant::TenantId;
/// # use rustls::pki_types::UnixTime;
/// # let now = UnixTime::now().as_secs();
/// # let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(now + seconds));
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
///
/// let (dispatcher, acme) = (Dispatcher::new(), TenantId::parse("acme")?);
/// let endpoint = Endpoint::parse(acme.clone(), "https://hooks.acme.example/paid")?;
/// let mut backlog = Backlog::new(Schedule::standard_webhooks());
/// backlog.push(endpoint, Delivery::new(acme, "msg_4711", r#"{"paid":true}"#), at(0));
///
/// let queued = backlog.next(at(0)).expect("the first try is due at once");
/// let outcome = dispatcher.deliver(queued.endpoint(), queued.delivery()).await;
/// match backlog.settle(queued, &outcome, at(1), Jitter::NONE) {
///     Settled::Delivered => println!("done"),
///     Settled::Waits { until } => println!("again at {}", until.as_secs()),
///     Settled::Ended(all) => println!(
///         "{}: put {} aside, and tell somebody",
///         outcome.code(),
///         all.len(),
///     ),
///     other => println!("{other:?}"),
/// }
/// # // No sender yet, which is our own fault: it is tried again.
/// assert_eq!(backlog.next_at(), Some(at(6)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Backlog {
    schedule: Schedule,
    numbers: u64,
    waiting: HashMap<u64, QueuedDelivery>,
    lines: HashMap<Endpoint, Line>,
    /// When the next of each line may be tried, and its number.
    turns: BTreeSet<(u64, u64)>,
    /// When each expires, and its number.
    ends: BTreeSet<(u64, u64)>,
}

/// What waits for one endpoint.
#[derive(Default)]
struct Line {
    /// When each is due, and its number.
    due: BTreeSet<(u64, u64)>,
    /// One at a time, and none before: its circuit was open.
    closed_until: Option<u64>,
    /// What stands for it in [`Backlog::turns`].
    turn: Option<(u64, u64)>,
    /// How many are being tried.
    out: usize,
}

/// A delivery that was taken from a [`Backlog`] to be tried.
#[derive(Debug)]
#[must_use = "a delivery that is not settled is lost"]
pub struct QueuedDelivery {
    endpoint: Endpoint,
    delivery: Delivery,
    failures: u32,
    number: u64,
    due: u64,
    /// The only one of a closed line that is let through.
    leads: bool,
}

/// The end of an attempt at a delivery in a [`Backlog`].
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "what has ended is nowhere else any more"]
pub enum Settled {
    /// It has arrived.
    Delivered,
    /// It is tried again.
    Waits {
        /// When it is due. Later, where its endpoint's line is closed.
        until: UnixTime,
    },
    /// Nothing more is tried with these: the delivery, and where the endpoint is gone, all that waited for it.
    Ended(Vec<QueuedDelivery>),
}

/// A delivery that leads its line, and is not settled within this time, was lost by whoever took it.
const LOST_AFTER: u64 = 600;
/// How long a delivery without an expiry of its own may wait for circuits, beside its schedule.
const AN_HOUR: Duration = Duration::from_secs(3600);

impl Backlog {
    /// An empty one, whose deliveries are tried by this schedule.
    pub fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            numbers: 0,
            waiting: HashMap::new(),
            lines: HashMap::new(),
            turns: BTreeSet::new(),
            ends: BTreeSet::new(),
        }
    }

    /// Adds a delivery, which is due at once.
    pub fn push(&mut self, endpoint: Endpoint, delivery: Delivery, now: UnixTime) {
        let longest = self.schedule.longest().saturating_add(AN_HOUR).as_secs();
        let expires = delivery.expires().unwrap_or_else(|| after(now, longest));
        self.numbers += 1;
        self.put(QueuedDelivery {
            endpoint,
            delivery: delivery.with_expiry(expires),
            failures: 0,
            number: self.numbers,
            due: now.as_secs(),
            leads: false,
        });
    }

    /// A delivery to be tried now: to be given to [`Dispatcher::deliver`](super::Dispatcher::deliver), and then
    /// [settled](Self::settle).
    pub fn next(&mut self, now: UnixTime) -> Option<QueuedDelivery> {
        let now = now.as_secs();
        let expired = self.ends.first().filter(|(last, _)| *last < now);
        if let Some(&(_, number)) = expired {
            return self.take(number);
        }
        let &(_, number) = self.turns.first().filter(|(at, _)| *at <= now)?;
        let mut queued = self.take(number)?;
        if let Some(line) = self.lines.get_mut(&queued.endpoint)
            && line.closed_until.is_some()
        {
            queued.leads = true;
            line.closed_until = Some(now.saturating_add(LOST_AFTER));
            self.line_up(&queued.endpoint);
        }
        Some(queued)
    }

    /// When the next delivery comes out of [`next`](Self::next), for a timer. `None` where none waits.
    pub fn next_at(&self) -> Option<UnixTime> {
        let turn = self.turns.first().map(|(at, _)| *at);
        let end = self.ends.first().map(|(last, _)| last.saturating_add(1));
        let at = turn.into_iter().chain(end).min()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(at)))
    }

    /// Does with a delivery as its outcome says.
    pub fn settle(
        &mut self,
        mut queued: QueuedDelivery,
        outcome: &Outcome,
        now: UnixTime,
        jitter: Jitter,
    ) -> Settled {
        let not_now = matches!(outcome.failure, Some(Failure::NotNow(_)));
        let (endpoint, leads) = (queued.endpoint.clone(), std::mem::take(&mut queued.leads));
        if let Some(line) = self.lines.get_mut(&endpoint) {
            line.out = line.out.saturating_sub(1);
            line.closed_until = match outcome.fate {
                // Nothing was tried, so nothing has failed: all of them wait until the circuit is probed.
                Fate::Retry { after: wait } if not_now => Some(after(now, wait.as_secs().max(1)).as_secs()),
                Fate::Delivered if leads => None,
                // The next one asks whether its circuit is open still.
                _ if leads => Some(now.as_secs()),
                _ => line.closed_until,
            };
        }
        let settled = match outcome.fate {
            Fate::Delivered => Settled::Delivered,
            Fate::Gone => {
                let mut all = vec![queued];
                all.extend(self.remove(&endpoint));
                Settled::Ended(all)
            }
            // By a clock that runs behind, the dispatcher may not know yet that it has expired.
            Fate::Retry { .. } if not_now && now.as_secs() > queued.last() => Settled::Ended(vec![queued]),
            Fate::Retry { .. } if not_now => Settled::Waits {
                until: self.put(queued),
            },
            Fate::Retry { after } => self.again(queued, after, now, jitter),
            Fate::Dead => Settled::Ended(vec![queued]),
        };
        self.line_up(&endpoint);
        settled
    }

    /// Takes out all that waits for an endpoint: its tenant has taken it away. What is being tried is settled as ever.
    pub fn remove(&mut self, endpoint: &Endpoint) -> Vec<QueuedDelivery> {
        let line = self.lines.get(endpoint);
        let numbers: Vec<_> = line
            .into_iter()
            .flat_map(|line| line.due.iter().map(|(_, number)| *number))
            .collect();
        let all = numbers
            .into_iter()
            .filter_map(|number| self.take(number))
            .collect();
        self.lines.remove(endpoint);
        all
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn again(
        &mut self,
        mut queued: QueuedDelivery,
        wait: Duration,
        now: UnixTime,
        jitter: Jitter,
    ) -> Settled {
        queued.failures = queued.failures.saturating_add(1);
        let Some(delay) = self.schedule.after_at_least(queued.failures, wait, jitter) else {
            return Settled::Ended(vec![queued]);
        };
        queued.due = after(now, delay.as_secs()).as_secs();
        if queued.due > queued.last() {
            return Settled::Ended(vec![queued]);
        }
        Settled::Waits {
            until: self.put(queued),
        }
    }

    /// Tells when it is due.
    fn put(&mut self, queued: QueuedDelivery) -> UnixTime {
        let until = UnixTime::since_unix_epoch(Duration::from_secs(queued.due));
        let endpoint = queued.endpoint.clone();
        self.ends.insert((queued.last(), queued.number));
        let line = self.lines.entry(endpoint.clone()).or_default();
        line.due.insert((queued.due, queued.number));
        self.waiting.insert(queued.number, queued);
        self.line_up(&endpoint);
        until
    }

    fn take(&mut self, number: u64) -> Option<QueuedDelivery> {
        let queued = self.waiting.remove(&number)?;
        self.ends.remove(&(queued.last(), number));
        if let Some(line) = self.lines.get_mut(&queued.endpoint) {
            line.due.remove(&(queued.due, number));
            line.out += 1;
        }
        self.line_up(&queued.endpoint);
        Some(queued)
    }

    /// The first of a line stands for it.
    fn line_up(&mut self, endpoint: &Endpoint) {
        let Some(line) = self.lines.get_mut(endpoint) else {
            return;
        };
        let first = line.due.first();
        let turn = first.map(|(due, number)| ((*due).max(line.closed_until.unwrap_or(0)), *number));
        if turn != line.turn {
            if let Some(before) = line.turn {
                self.turns.remove(&before);
            }
            self.turns.extend(turn);
            line.turn = turn;
        }
        if line.due.is_empty() && line.out == 0 {
            self.lines.remove(endpoint);
        }
    }
}

fn after(now: UnixTime, seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs().saturating_add(seconds)))
}

impl QueuedDelivery {
    /// The endpoint that it goes to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What.
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// How many tries have failed. Whatever was not tried because of a circuit is not counted.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The last moment at which a try may begin.
    fn last(&self) -> u64 {
        self.delivery.expires().map_or(u64::MAX, |at| at.as_secs())
    }
}

impl fmt::Debug for Backlog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backlog")
            .field("waiting", &self.waiting.len())
            .field("endpoints", &self.lines.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

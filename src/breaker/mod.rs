//! Circuit breakers (**is it worth trying?**), one for each of many peers: closed, open, half-open.
//!
//! A [`Breaker`] watches what comes of dealing with each key: a tenant and its endpoint when sending, a source when
//! receiving. Where the failure *rate* spikes it opens that key's circuit, and refuses in its place for a while; then
//! it lets a few probes through, and closes or opens again by what they find. Pure: no clock, no random numbers, no
//! I/O.

mod circuit;
mod circuits;
mod jitter;
mod permit;

use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls_pki_types::UnixTime;

use self::circuit::Rules;
use self::circuits::Circuits;
use crate::codes::entries;
use crate::date::Date;

pub use jitter::Jitter;
pub use permit::Permit;

/// Circuits by key, bounded in number. Clones share them.
///
/// ```
/// use std::time::Duration;
/// use countersign::breaker::{Breaker, NotNow, State, Verdict};
/// # use rustls::pki_types::UnixTime;
///
/// let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
/// let breaker = Breaker::new(10_000)
///     .trip_at_rate(50, 4)
///     .with_open_time(Duration::from_secs(30), Duration::from_secs(600));
///
/// for _ in 0..4 {
///     breaker.ask(&"acme", at(0))?.record(Verdict::Failure, at(0));
/// }
/// assert_eq!(breaker.ask(&"acme", at(29)).err(), Some(NotNow::Open { until: at(30) }));
/// assert!(breaker.ask(&"globex", at(29)).is_ok());
///
/// let probe = breaker.ask(&"acme", at(30))?;
/// assert_eq!(breaker.ask(&"acme", at(30)).err(), Some(NotNow::Probing));
/// let change = probe.record(Verdict::Success, at(31)).expect("the probe closes it");
/// assert_eq!((change.from.name(), change.to.name()), ("half_open", "closed"));
/// # Ok::<(), NotNow>(())
/// ```
///
/// # When a circuit opens
/// When, within a sliding window, enough requests have failed of enough ([`trip_at_rate`](Self::trip_at_rate)), and,
/// where that is asked for, when so many failed in a row ([`trip_in_a_row`](Self::trip_in_a_row)), which serves keys
/// that are too quiet for a rate. What is our own fault is [`Verdict::NotCounted`]: an expired certificate of ours must
/// not open the circuit of whoever rightly refuses it.
///
/// It stays open for the [open time](Self::with_open_time), twice as long each time a probe fails, up to the longest.
/// [`Permit::with_jitter`] spreads that, so that a fleet does not probe as one.
///
/// # Probes
/// A half-open circuit lets [so many](Self::with_probes) requests through, and no more: each takes a place before it
/// begins, and gives it back when it ends without a verdict, by whatever way (a [`Permit`] that is dropped). All of
/// them must succeed to close the circuit; the first that fails opens it again. A verdict on what began before the
/// circuit last changed counts for nothing.
///
/// # When it is full
/// There is room for as many circuits as were given to [`new`](Self::new), some 320 bytes each and twice the key. For
/// one more, the closed one that had no verdict for longest is forgotten, and with it the little it had counted.
/// One that is open or half-open is forgotten only if no closed one is left, and if it has been of no use for as long as
/// the longest open time: so nobody closes his own circuit by bringing many new keys. Where nothing may be forgotten,
/// the new key is let through and not watched; [`unwatched`](Self::unwatched) tells how often.
///
/// # Time
/// Whole seconds of the clock that everything else goes by, so that a [`snapshot`](Self::snapshot) means something to
/// the next process. Where the clock is a little late, as among threads, the latest time counts; where it steps back by
/// more than a minute, time goes on from there as if it had stood still, and nothing stays open for longer. Where it
/// steps ahead, open circuits are probed early.
///
/// # Security
/// When receiving, take a key that the peer cannot choose: [`source`], not a header, nor the name in a certificate that
/// was not verified. Count a failure only when the handshake is over, since a certificate proves nothing before. Many
/// senders may share one address, good ones and bad ones, hence a rate and not a number.
///
/// # Cost
/// One lock for all. Asking looks one key up; a verdict adds to two numbers, and once a second moves the key to the end
/// of a queue. Both together take half a microsecond with 100,000 circuits, a refusal a tenth (measured): a handshake
/// costs a thousand times as much, so shards would buy nothing. [`states`](Self::states) and
/// [`snapshot`](Self::snapshot) hold the lock while they copy.
pub struct Breaker<K> {
    shared: Arc<Shared<K>>,
}

struct Shared<K> {
    rules: Rules,
    circuits: Mutex<Circuits<K>>,
}

impl<K> Clone for Breaker<K> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

/// How it is set up. Each of these begins with no circuits at all: set it up first, then share it.
impl<K: Clone + Eq + Hash> Breaker<K> {
    /// A breaker of at most so many circuits. They open when half of ten or more requests within a minute fail, for 30 seconds and
    /// up to ten minutes, and are closed by one probe.
    pub fn new(capacity: usize) -> Self {
        Self::by(Rules::new(capacity))
    }

    fn by(rules: Rules) -> Self {
        let circuits = Mutex::new(Circuits::default());
        Self {
            shared: Arc::new(Shared { rules, circuits }),
        }
    }

    fn with(self, set: impl FnOnce(&mut Rules)) -> Self {
        let mut rules = self.shared.rules;
        set(&mut rules);
        Self::by(rules)
    }

    /// Opens when so many percent, or more, of at least so many requests within the window failed. More than 100
    /// percent never do.
    #[must_use]
    pub fn trip_at_rate(self, percent: u8, requests: u32) -> Self {
        self.with(|rules| (rules.percent, rules.requests) = (percent, requests))
    }

    /// Opens, too, when so many requests failed in a row, however far apart. Off by default, and with 0.
    #[must_use]
    pub fn trip_in_a_row(self, failures: u32) -> Self {
        self.with(|rules| rules.in_a_row = failures)
    }

    /// The window of the rate. Default a minute; it slides in eighths, rounded up to seconds.
    #[must_use]
    pub fn with_window(self, window: Duration) -> Self {
        self.with(|rules| rules.set_window(window))
    }

    /// How long a circuit is open at first, and at most.
    #[must_use]
    pub fn with_open_time(self, first: Duration, longest: Duration) -> Self {
        self.with(|rules| rules.set_open_time(first, longest))
    }

    /// Lets so many probes through, all of which must succeed. At least 1, which is the default.
    #[must_use]
    pub fn with_probes(self, probes: u32) -> Self {
        self.with(|rules| rules.probes = probes.max(1))
    }
}

impl<K: Clone + Eq + Hash> Breaker<K> {
    /// Whether to try now. The permit says afterwards what came of it.
    ///
    /// # Errors
    /// [`NotNow`].
    pub fn ask(&self, key: &K, now: UnixTime) -> Result<Permit<K>, NotNow> {
        let (ticket, change) = self.lock().ask(key, now, &self.shared.rules)?;
        Ok(Permit::new(self.clone(), key.clone(), ticket, change))
    }

    /// How it stands with this key. A circuit that nothing is known of is closed.
    pub fn state(&self, key: &K, now: UnixTime) -> State {
        self.lock().state(key, now, &self.shared.rules)
    }

    /// How it stands with each key that is watched, in no order, for a dashboard.
    pub fn states(&self, now: UnixTime) -> Vec<(K, State)> {
        self.lock().states(now, &self.shared.rules)
    }

    /// Closes a circuit at once, and forgets its failures: for an operator who knows that the cause is gone.
    pub fn reset(&self, key: &K, now: UnixTime) -> Option<Transition<K>> {
        self.lock().reset(key, now, &self.shared.rules)
    }

    /// What must outlive the process: each circuit that is not closed. What a closed one has counted is not worth
    /// keeping for longer than its window.
    pub fn snapshot(&self, now: UnixTime) -> Vec<Tripped<K>> {
        self.lock().snapshot(now)
    }

    /// Takes up what [`snapshot`](Self::snapshot) gave, and tells how many there was room for. Nothing stays open for
    /// longer than the longest open time, whatever the snapshot says; a circuit that is open already stays as it is.
    pub fn restore(&self, tripped: impl IntoIterator<Item = Tripped<K>>, now: UnixTime) -> usize {
        let mut circuits = self.lock();
        let restored = |one| circuits.restore(one, now, &self.shared.rules);
        tripped
            .into_iter()
            .map(restored)
            .filter(|&restored| restored)
            .count()
    }

    /// How many keys are watched.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many verdicts found no room, since it was made. More than 0 asks for a larger breaker.
    pub fn unwatched(&self) -> u64 {
        self.lock().unwatched()
    }

    /// Nothing in here can panic half-way through a change, so a poisoned lock guards sound circuits.
    fn lock(&self) -> MutexGuard<'_, Circuits<K>> {
        let circuits = &self.shared.circuits;
        circuits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> fmt::Debug for Breaker<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("rules", &self.shared.rules)
            .finish_non_exhaustive()
    }
}

/// The outcome of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The peer did its part.
    Success,
    /// The peer did not.
    Failure,
    /// It says nothing about the peer: a fault of ours, or it was called off.
    NotCounted,
}

/// The reason not to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotNow {
    /// The circuit is open.
    #[error("it failed too often, and is not tried before {}", Date(*.until))]
    Open {
        /// From when on it is probed.
        until: UnixTime,
    },
    /// The circuit is half-open, and as many probes as may are under way.
    #[error("it failed too often, and is being probed")]
    Probing,
}

entries! {
    NotNow []
    Self::Open { .. } => "breaker.open", Theirs, "ours: whom to leave alone, and until when",
        "Mend what failed; it is tried again by itself.",
        "Mend what failed; it is tried again by itself.";
    Self::Probing => "breaker.probing", Theirs, "ours: whom to leave alone, and until when",
        "Nothing: it is let in as soon as the probes succeed.",
        "Nothing: it is let in as soon as the probes succeed.";
}

/// The state of one circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Requests are let through, and counted.
    Closed {
        /// Verdicts within the window.
        requests: u32,
        /// Failures among them.
        failures: u32,
    },
    /// Requests are refused.
    Open {
        /// From when on it is probed.
        until: UnixTime,
    },
    /// Probes are let through.
    HalfOpen {
        /// Probes under way.
        probing: u32,
        /// Probes that succeeded.
        succeeded: u32,
    },
}

impl State {
    /// Its stable name, for metrics and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }
}

/// A change of one circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transition<K> {
    /// Whose.
    pub key: K,
    /// How it stood before.
    pub from: State,
    /// How it stands.
    pub to: State,
}

/// A circuit that is not closed, as plain data: to be stored, and restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tripped<K> {
    /// Whose.
    pub key: K,
    /// From when on it is to be probed.
    pub until: UnixTime,
    /// How often it has opened since it was last closed.
    pub opened: u32,
}

impl<K> Tripped<K> {
    /// As it was stored.
    pub fn new(key: K, until: UnixTime, opened: u32) -> Self {
        Self { key, until, opened }
    }
}

/// The source that an address counts as: an IPv4 address, however it is written, or the first 64 bits of an IPv6 address,
/// since one host has all the rest to choose from.
///
/// ```
/// use countersign::breaker::source;
///
/// assert_eq!(source("::ffff:192.0.2.7".parse()?), "192.0.2.7".parse::<std::net::IpAddr>()?);
/// assert_eq!(source("2001:db8:1:2:3:4:5:6".parse()?), "2001:db8:1:2::".parse::<std::net::IpAddr>()?);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

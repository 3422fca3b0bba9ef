//! The circuits of all keys, and who is forgotten first.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::mem::discriminant;
use std::time::Duration;

use rustls_pki_types::UnixTime;

use super::circuit::{Circuit, Counted, Rules};
use super::{Jitter, NotNow, State, Transition, Tripped};

pub(super) struct Circuits<K> {
    watched: HashMap<K, Watched>,
    /// Who is forgotten first stands first.
    queue: BTreeMap<Place, K>,
    time: Time,
    /// The last number given to a change or a place.
    number: u64,
    unwatched: u64,
}

struct Watched {
    circuit: Circuit,
    /// The number of its last change, 0 before the first.
    changed: u64,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    rank: Rank,
    idle_since: u64,
    /// No two are the same.
    number: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Closed,
    Tripped,
}

/// The number of the circuit's last change when its holder asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// What was not watched yet when its holder asked.
const UNWATCHED: Ticket = Ticket(0);

impl<K> Default for Circuits<K> {
    fn default() -> Self {
        Self {
            watched: HashMap::new(),
            queue: BTreeMap::new(),
            time: Time::default(),
            number: 0,
            unwatched: 0,
        }
    }
}

impl<K: Clone + Eq + Hash> Circuits<K> {
    pub(super) fn ask(
        &mut self,
        key: &K,
        now: UnixTime,
        rules: &Rules,
    ) -> Result<(Ticket, Option<Transition<K>>), NotNow> {
        let now = self.time.advance(now);
        let Some(watched) = self.watched.get(key) else {
            return Ok((UNWATCHED, None));
        };
        match watched.circuit.at(now) {
            Circuit::Closed(_) => Ok((Ticket(watched.changed), None)),
            Circuit::Open { until, .. } => Err(NotNow::Open {
                until: self.time.unix(until),
            }),
            Circuit::HalfOpen {
                probing, succeeded, ..
            } if probing + succeeded >= rules.probes => Err(NotNow::Probing),
            Circuit::HalfOpen { .. } => Ok(self.probe(key, now, rules)),
        }
    }

    fn probe(&mut self, key: &K, now: u64, rules: &Rules) -> (Ticket, Option<Transition<K>>) {
        let change = self.change(key, now, rules, |circuit| {
            *circuit = circuit.at(now);
            if let Circuit::HalfOpen { probing, .. } = circuit {
                *probing += 1;
            }
        });
        let ticket = self
            .watched
            .get(key)
            .map_or(UNWATCHED, |watched| Ticket(watched.changed));
        (ticket, change)
    }

    pub(super) fn succeeded(
        &mut self,
        key: &K,
        ticket: Ticket,
        now: UnixTime,
        rules: &Rules,
    ) -> Option<Transition<K>> {
        let now = self.time.advance(now);
        self.holds(key, ticket, now, rules)
            .then(|| self.change(key, now, rules, |circuit| circuit.succeeded(now, rules)))?
    }

    pub(super) fn failed(
        &mut self,
        key: &K,
        ticket: Ticket,
        now: UnixTime,
        jitter: Jitter,
        rules: &Rules,
    ) -> Option<Transition<K>> {
        let now = self.time.advance(now);
        self.holds(key, ticket, now, rules)
            .then(|| self.change(key, now, rules, |circuit| circuit.failed(now, jitter, rules)))?
    }

    pub(super) fn give_back(&mut self, key: &K, ticket: Ticket) {
        let Some(watched) = self.watched.get_mut(key) else {
            return;
        };
        if let Circuit::HalfOpen { probing, .. } = &mut watched.circuit
            && watched.changed == ticket.0
        {
            *probing = probing.saturating_sub(1);
        }
    }

    pub(super) fn reset(&mut self, key: &K, now: UnixTime, rules: &Rules) -> Option<Transition<K>> {
        let now = self.time.advance(now);
        self.change(key, now, rules, |circuit| {
            *circuit = Circuit::Closed(Counted::default())
        })
    }

    pub(super) fn restore(&mut self, one: Tripped<K>, now: UnixTime, rules: &Rules) -> bool {
        let left = one.until.as_secs().saturating_sub(now.as_secs());
        let now = self.time.advance(now);
        if !self.watched.contains_key(&one.key) && !self.watch(&one.key, now, rules) {
            return false;
        }
        self.change(&one.key, now, rules, |circuit| {
            if let Circuit::Closed(_) = circuit {
                *circuit = Circuit::Open {
                    until: now.saturating_add(left.min(rules.longest)),
                    opened: one.opened.max(1),
                };
            }
        });
        true
    }
}

/// What can be read.
impl<K: Clone + Eq + Hash> Circuits<K> {
    pub(super) fn state(&self, key: &K, now: UnixTime, rules: &Rules) -> State {
        let unknown = Circuit::Closed(Counted::default());
        let circuit = self.watched.get(key).map_or(unknown, |watched| watched.circuit);
        let now = self.time.read(now);
        self.shown(circuit.at(now), now, rules)
    }

    pub(super) fn states(&self, now: UnixTime, rules: &Rules) -> Vec<(K, State)> {
        let now = self.time.read(now);
        let shown = |watched: &Watched| self.shown(watched.circuit.at(now), now, rules);
        let each = self.watched.iter();
        each.map(|(key, watched)| (key.clone(), shown(watched))).collect()
    }

    pub(super) fn snapshot(&self, now: UnixTime) -> Vec<Tripped<K>> {
        let now = self.time.read(now);
        let tripped = |(key, watched): (&K, &Watched)| match watched.circuit {
            Circuit::Closed(_) => None,
            Circuit::Open { until, opened } => Some(Tripped::new(key.clone(), self.time.unix(until), opened)),
            Circuit::HalfOpen { opened, .. } => Some(Tripped::new(key.clone(), self.time.unix(now), opened)),
        };
        self.watched.iter().filter_map(tripped).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.watched.len()
    }

    pub(super) fn unwatched(&self) -> u64 {
        self.unwatched
    }

    fn shown(&self, circuit: Circuit, now: u64, rules: &Rules) -> State {
        match circuit {
            Circuit::Closed(counted) => {
                let count = counted.within(now, rules);
                State::Closed {
                    requests: count.requests,
                    failures: count.failures,
                }
            }
            Circuit::Open { until, .. } => State::Open {
                until: self.time.unix(until),
            },
            Circuit::HalfOpen {
                probing, succeeded, ..
            } => State::HalfOpen { probing, succeeded },
        }
    }
}

/// Changing one, and making room for one more.
impl<K: Clone + Eq + Hash> Circuits<K> {
    /// Whether a verdict under this ticket counts: the circuit has not changed since, and there is one, or room for it.
    fn holds(&mut self, key: &K, ticket: Ticket, now: u64, rules: &Rules) -> bool {
        if let Some(watched) = self.watched.get(key) {
            return watched.changed == ticket.0;
        }
        let room = ticket == UNWATCHED && self.watch(key, now, rules);
        self.unwatched += u64::from(ticket == UNWATCHED && !room);
        room
    }

    fn change(
        &mut self,
        key: &K,
        now: u64,
        rules: &Rules,
        act: impl FnOnce(&mut Circuit),
    ) -> Option<Transition<K>> {
        let watched = self.watched.get_mut(key)?;
        let before = watched.circuit;
        act(&mut watched.circuit);
        let after = watched.circuit;
        let changed = discriminant(&before) != discriminant(&after);
        if changed {
            self.number += 1;
            watched.changed = self.number;
        }
        let place = watched.place.of(&after, now);
        let old = std::mem::replace(&mut watched.place, place);
        if old != place {
            let key = self.queue.remove(&old).unwrap_or_else(|| key.clone());
            self.queue.insert(place, key);
        }
        changed.then(|| Transition {
            key: key.clone(),
            from: self.shown(before, now, rules),
            to: self.shown(after, now, rules),
        })
    }

    /// Begins to watch a key, if there is room for one more.
    fn watch(&mut self, key: &K, now: u64, rules: &Rules) -> bool {
        if !self.make_room(now, rules) {
            return false;
        }
        self.number += 1;
        let circuit = Circuit::Closed(Counted::default());
        let place = Place {
            rank: Rank::Closed,
            idle_since: now,
            number: self.number,
        };
        self.queue.insert(place, key.clone());
        let watched = Watched {
            circuit,
            changed: UNWATCHED.0,
            place,
        };
        self.watched.insert(key.clone(), watched);
        true
    }

    fn make_room(&mut self, now: u64, rules: &Rules) -> bool {
        if self.watched.len() < rules.capacity {
            return true;
        }
        let forgotten = match self.queue.first_entry() {
            Some(first) if first.key().is_forgettable(now, rules) => first.remove(),
            _ => return false,
        };
        self.watched.remove(&forgotten).is_some()
    }
}

impl Place {
    fn of(self, circuit: &Circuit, now: u64) -> Self {
        let (rank, idle_since) = match circuit {
            Circuit::Closed(_) => (Rank::Closed, now),
            Circuit::Open { until, .. } => (Rank::Tripped, *until),
            Circuit::HalfOpen { .. } => (Rank::Tripped, now),
        };
        Self {
            rank,
            idle_since,
            number: self.number,
        }
    }

    fn is_forgettable(&self, now: u64, rules: &Rules) -> bool {
        self.rank == Rank::Closed || self.idle_since.saturating_add(rules.longest) < now
    }
}

/// Time of our own, in seconds, which only goes on.
#[derive(Default)]
struct Time {
    elapsed: u64,
    /// What the clock showed then.
    shown: Option<u64>,
}

impl Time {
    /// So late may one be who asked the clock before others did. Later is a clock that was set back.
    const LATE: u64 = 60;

    fn advance(&mut self, now: UnixTime) -> u64 {
        self.elapsed = self.read(now);
        let now = now.as_secs();
        let late = |shown| (now..=now.saturating_add(Self::LATE)).contains(&shown);
        self.shown = Some(self.shown.filter(|shown| late(*shown)).unwrap_or(now));
        self.elapsed
    }

    fn read(&self, now: UnixTime) -> u64 {
        let ahead = |shown| now.as_secs().saturating_sub(shown);
        self.elapsed.saturating_add(self.shown.map_or(0, ahead))
    }

    /// What the clock showed, or is to show, at that time of ours.
    fn unix(&self, time: u64) -> UnixTime {
        let shown = self.shown.unwrap_or_default();
        let seconds = match time.checked_sub(self.elapsed) {
            Some(ahead) => shown.saturating_add(ahead),
            None => shown.saturating_sub(self.elapsed - time),
        };
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }
}

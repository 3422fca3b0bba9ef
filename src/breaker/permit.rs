use std::fmt;
use std::hash::Hash;

use rustls_pki_types::UnixTime;

use super::circuits::Ticket;
use super::{Breaker, Jitter, Transition, Verdict};

/// A permission to try once. Say what came of it with [`record`](Self::record); dropping it gives a probe's place back, and
/// counts nothing.
///
/// # Security
/// One that is neither recorded nor dropped keeps its place as a probe, and its circuit half-open. So give each try a
/// deadline.
#[must_use = "dropping it says nothing of what came of the try"]
pub struct Permit<K: Clone + Eq + Hash> {
    breaker: Breaker<K>,
    key: K,
    /// `None` once it is settled.
    ticket: Option<Ticket>,
    jitter: Jitter,
    change: Option<Transition<K>>,
}

impl<K: Clone + Eq + Hash> Permit<K> {
    pub(super) fn new(breaker: Breaker<K>, key: K, ticket: Ticket, change: Option<Transition<K>>) -> Self {
        Self {
            breaker,
            key,
            ticket: Some(ticket),
            jitter: Jitter::NONE,
            change,
        }
    }

    /// The key of the circuit that it belongs to.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// What asking has changed: an open circuit has become half-open with the first probe.
    pub fn transition(&self) -> Option<&Transition<K>> {
        self.change.as_ref()
    }

    /// If its failure opens the circuit, for a time that is spread by this.
    pub fn with_jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// What came of it, and what that has changed.
    pub fn record(mut self, verdict: Verdict, now: UnixTime) -> Option<Transition<K>> {
        // What does not count is dropped.
        let ticket = match verdict {
            Verdict::NotCounted => None,
            Verdict::Success | Verdict::Failure => self.ticket.take(),
        }?;
        let (rules, jitter) = (&self.breaker.shared.rules, self.jitter);
        let mut circuits = self.breaker.lock();
        if verdict == Verdict::Success {
            return circuits.succeeded(&self.key, ticket, now, rules);
        }
        circuits.failed(&self.key, ticket, now, jitter, rules)
    }
}

impl<K: Clone + Eq + Hash> Drop for Permit<K> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.breaker.lock().give_back(&self.key, ticket);
        }
    }
}

impl<K: Clone + Eq + Hash + fmt::Debug> fmt::Debug for Permit<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("key", &self.key)
            .field("jitter", &self.jitter)
            .finish_non_exhaustive()
    }
}

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::future::ready;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls_pki_types::UnixTime;

use super::{Claim, ClaimAnswer, ClaimKey, Claimed, ReplayStore, Settlement, StoreDown, StoreFuture};

/// The claims of one process, in memory: bounded, and gone with the process.
///
/// When it is full of claims that may not be forgotten yet, it refuses new ones ([`StoreDown::Full`], answered with
/// 503) rather than forget one: a sender can be asked to wait, a replay cannot be taken back.
pub struct MemoryStore {
    capacity: usize,
    shelf: Mutex<Shelf>,
}

#[derive(Default)]
struct Shelf {
    entries: HashMap<ClaimKey, Entry>,
    /// The same keys in the order in which they may be forgotten.
    by_end: BTreeSet<(UnixTime, ClaimKey)>,
    tokens: u64,
}

#[derive(Clone, Copy)]
struct Entry {
    state: State,
    /// When it may be forgotten.
    end: UnixTime,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Leased { token: u64 },
    Handled,
}

impl MemoryStore {
    /// A store of at most so many claims.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            shelf: Mutex::default(),
        }
    }

    /// How many claims it holds, including those that may be forgotten.
    pub fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Nothing in here can panic half-way through a change, so a poisoned lock guards a sound shelf.
    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    /// A store of at most 100,000 claims.
    fn default() -> Self {
        Self::new(100_000)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

impl ReplayStore for MemoryStore {
    fn claim<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ClaimAnswer> {
        Box::pin(ready(self.lock().claim(claim, self.capacity)))
    }

    fn commit<'a>(&'a self, claimed: &'a Claimed) -> StoreFuture<'a, Settlement> {
        Box::pin(ready(Ok(self.lock().commit(claimed))))
    }

    fn release<'a>(&'a self, claimed: &'a Claimed) -> StoreFuture<'a, Settlement> {
        Box::pin(ready(Ok(self.lock().release(claimed))))
    }
}

impl Shelf {
    fn claim(&mut self, claim: &Claim, capacity: usize) -> Result<ClaimAnswer, StoreDown> {
        self.forget(claim.now);
        if let Some(entry) = self.entries.get(&claim.key) {
            return Ok(entry.answer(claim.now));
        }
        if self.entries.len() >= capacity {
            return Err(StoreDown::Full);
        }
        self.tokens += 1;
        let granted = Claimed::granted(claim, self.tokens);
        let end = UnixTime::since_unix_epoch(
            claim
                .lease
                .saturating_add(std::time::Duration::from_secs(claim.now.as_secs())),
        );
        self.put(
            claim.key,
            Entry {
                state: State::Leased { token: self.tokens },
                end,
            },
        );
        Ok(ClaimAnswer::Granted(granted))
    }

    fn commit(&mut self, claimed: &Claimed) -> Settlement {
        if !self.holds(claimed) {
            return Settlement::LeaseLost;
        }
        self.put(
            claimed.key(),
            Entry {
                state: State::Handled,
                end: claimed.keep_until(),
            },
        );
        Settlement::Done
    }

    fn release(&mut self, claimed: &Claimed) -> Settlement {
        if !self.holds(claimed) {
            return Settlement::LeaseLost;
        }
        self.remove(&claimed.key());
        Settlement::Done
    }

    fn holds(&self, claimed: &Claimed) -> bool {
        let leased = State::Leased {
            token: claimed.token(),
        };
        self.entries
            .get(&claimed.key())
            .is_some_and(|entry| entry.state == leased)
    }

    fn put(&mut self, key: ClaimKey, entry: Entry) {
        self.remove(&key);
        self.by_end.insert((entry.end, key));
        self.entries.insert(key, entry);
    }

    fn remove(&mut self, key: &ClaimKey) {
        if let Some(entry) = self.entries.remove(key) {
            self.by_end.remove(&(entry.end, *key));
        }
    }

    /// Drops what has ended *before* now: a claim is kept through its last second.
    fn forget(&mut self, now: UnixTime) {
        while let Some((end, key)) = self.by_end.first().copied() {
            if end >= now {
                break;
            }
            self.remove(&key);
        }
    }
}

impl Entry {
    fn answer(&self, now: UnixTime) -> ClaimAnswer {
        match self.state {
            State::Handled => ClaimAnswer::Handled,
            State::Leased { .. } => {
                let left = self.end.as_secs().saturating_sub(now.as_secs());
                ClaimAnswer::InProgress {
                    left: std::time::Duration::from_secs(left),
                }
            }
        }
    }
}

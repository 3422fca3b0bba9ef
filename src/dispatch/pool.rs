use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::Limits;
use super::connection::Connection;
use super::endpoint::Place;

/// The connections of one tenant under one generation of its identity. There is no key that could be mistaken: another
/// tenant, and another generation, has another pool.
pub(super) struct Pool {
    shelves: Mutex<Shelves>,
    /// How many are idle in all pools.
    everywhere: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Shelves {
    retired: bool,
    places: HashMap<Place, Vec<Kept>>,
}

struct Kept {
    connection: Connection,
    since: Instant,
}

impl Pool {
    pub(super) fn new(everywhere: Arc<AtomicUsize>) -> Self {
        Self {
            shelves: Mutex::default(),
            everywhere,
        }
    }

    /// A connection to that place that `fits`. Those that do not are closed.
    pub(super) fn take(&self, place: &Place, fits: impl Fn(&Connection) -> bool) -> Option<Connection> {
        let mut shelves = self.lock();
        let shelf = shelves.places.get_mut(place)?;
        let before = shelf.len();
        shelf.retain(|kept| fits(&kept.connection));
        let shared = shelf.iter().find_map(|kept| kept.connection.join());
        // The one that was used last is the least likely to be closed at the other end.
        let taken = shared.or_else(|| {
            let last = shelf.iter().rposition(|kept| kept.connection.is_idle())?;
            Some(shelf.remove(last).connection)
        });
        let gone = before - shelf.len();
        if shelf.is_empty() {
            shelves.places.remove(place);
        }
        self.everywhere.fetch_sub(gone, Ordering::Relaxed);
        taken
    }

    /// Keeps a connection for the next request to that place, if there is room and the pool is still in use.
    pub(super) fn keep(&self, place: Place, connection: Connection, limits: &Limits, now: Instant) {
        let mut shelves = self.lock();
        let room = self.everywhere.load(Ordering::Relaxed) < limits.idle_in_all;
        if shelves.retired || !connection.is_ready() {
            return;
        }
        let shelf = shelves.places.entry(place).or_default();
        if let Some(shared) = shelf
            .iter_mut()
            .find(|kept| Arc::ptr_eq(&kept.connection.facts, &connection.facts))
        {
            shared.since = now;
            return;
        }
        if room && shelf.len() < limits.idle_per_endpoint {
            shelf.push(Kept {
                connection,
                since: now,
            });
            self.everywhere.fetch_add(1, Ordering::Relaxed);
        } else if shelf.is_empty() {
            shelves.places.retain(|_, shelf| !shelf.is_empty());
        }
    }

    /// Gives this connection to nobody any more. Requests that are under way on it end by themselves.
    pub(super) fn discard(&self, place: &Place, connection: &Connection) {
        let mut shelves = self.lock();
        let Some(shelf) = shelves.places.get_mut(place) else {
            return;
        };
        let before = shelf.len();
        shelf.retain(|kept| !Arc::ptr_eq(&kept.connection.facts, &connection.facts));
        let gone = before - shelf.len();
        if shelf.is_empty() {
            shelves.places.remove(place);
        }
        self.everywhere.fetch_sub(gone, Ordering::Relaxed);
    }

    /// Closes what was idle for too long, or is closed already. Tells how many are left.
    pub(super) fn sweep(&self, limits: &Limits, now: Instant) -> usize {
        let mut shelves = self.lock();
        let (mut before, mut left) = (0, 0);
        shelves.places.retain(|_, shelf| {
            before += shelf.len();
            shelf.retain(|kept| {
                kept.connection.is_ready() && now.duration_since(kept.since) < limits.idle_for
            });
            left += shelf.len();
            !shelf.is_empty()
        });
        self.everywhere.fetch_sub(before - left, Ordering::Relaxed);
        left
    }

    /// Closes all that is idle, and keeps nothing from now on: what is under way ends by itself.
    pub(super) fn retire(&self) {
        let mut shelves = self.lock();
        shelves.retired = true;
        let idle: usize = shelves.places.drain().map(|(_, shelf)| shelf.len()).sum();
        self.everywhere.fetch_sub(idle, Ordering::Relaxed);
    }

    pub(super) fn is_retired(&self) -> bool {
        self.lock().retired
    }

    /// Nothing in here can panic half-way through a change.
    fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.retire();
    }
}

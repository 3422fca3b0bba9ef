use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::Limits;
use super::connection::Connection;
use super::endpoint::Place;
use super::room::Room;
use super::sweeper::Sweeper;

/// The connections of one tenant under one generation of its identity. There is no key that could be mistaken: another
/// tenant, and another generation, has another pool. What they share is [`Room`], which knows numbers only.
pub(super) struct Pool {
    itself: Weak<Self>,
    number: u64,
    shelves: Mutex<Shelves>,
    room: Arc<Room<Self>>,
    sweeper: Arc<Sweeper>,
}

#[derive(Default)]
struct Shelves {
    retired: bool,
    places: HashMap<Place, Vec<Kept>>,
    /// How many stand on all of them.
    all: usize,
}

struct Kept {
    connection: Connection,
    since: Instant,
    /// For how long it may be idle.
    lasts: Duration,
}

impl Kept {
    fn is_fresh(&self, now: Instant) -> bool {
        now.duration_since(self.since) < self.lasts
    }

    fn is(&self, connection: &Connection) -> bool {
        Arc::ptr_eq(&self.connection.facts, &connection.facts)
    }
}

impl Pool {
    pub(super) fn new(room: Arc<Room<Self>>, sweeper: Arc<Sweeper>) -> Arc<Self> {
        Arc::new_cyclic(|itself| Self {
            itself: itself.clone(),
            number: room.number(),
            shelves: Mutex::default(),
            room,
            sweeper,
        })
    }

    /// A connection to that place that `fits`, and was not idle for longer than it may. Others are closed.
    pub(super) fn take(
        &self,
        place: &Place,
        now: Instant,
        fits: impl Fn(&Connection) -> bool,
    ) -> Option<Connection> {
        self.change(|shelves| {
            shelves.retain_at(place, |kept| kept.is_fresh(now) && fits(&kept.connection));
            let shelf = shelves.places.get(place)?;
            let shared = shelf.iter().find_map(|kept| kept.connection.join());
            // The one that was used last is the least likely to be closed at the other end.
            shared.or_else(|| shelves.pop(place))
        })
    }

    /// Keeps a connection for the next request to that place, if the pool is still in use. Where there is no room, what
    /// was idle for longest gives way: of this place, of this tenant, and, among all, of whoever keeps most.
    pub(super) fn keep(
        &self,
        place: Place,
        connection: Connection,
        lasts: Duration,
        limits: &Limits,
        now: Instant,
    ) {
        let kept = Kept {
            connection,
            since: now,
            lasts,
        };
        self.put(place, kept, limits);
        // Not under this pool's lock: it may be another's turn to give way.
        while let Some(fullest) = self.room.over(limits.idle_in_all) {
            fullest.change(Shelves::drop_oldest);
        }
        self.sweeper.call();
    }

    fn put(&self, place: Place, kept: Kept, limits: &Limits) {
        let mut shelves = self.lock();
        // Under the lock: what was retired a moment ago keeps nothing.
        if !shelves.retired && kept.connection.is_ready() {
            shelves.put(place, kept, limits);
            // Also where it is there already: it has been of use.
            self.room.tell(self.number, &self.itself, shelves.all);
        }
    }

    /// Gives this connection to nobody any more. Requests that are under way on it end by themselves.
    pub(super) fn discard(&self, place: &Place, connection: &Connection) {
        self.change(|shelves| shelves.retain_at(place, |kept| !kept.is(connection)));
    }

    /// Closes what was idle for too long, or is closed already. Tells how many are left.
    pub(super) fn sweep(&self, now: Instant) -> usize {
        self.change(|shelves| {
            shelves.retain(|kept| kept.connection.is_ready() && kept.is_fresh(now));
            shelves.all
        })
    }

    /// Closes all that is idle, and keeps nothing from now on: what is under way ends by itself.
    pub(super) fn retire(&self) {
        self.change(|shelves| {
            shelves.retired = true;
            shelves.retain(|_| false);
        });
    }

    pub(super) fn is_retired(&self) -> bool {
        self.lock().retired
    }

    fn change<T>(&self, change: impl FnOnce(&mut Shelves) -> T) -> T {
        let mut shelves = self.lock();
        let before = shelves.all;
        let done = change(&mut shelves);
        // Still under the lock: what the room is told is in the order of what happened here.
        if shelves.all != before {
            self.room.tell(self.number, &self.itself, shelves.all);
        }
        done
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

impl Shelves {
    fn put(&mut self, place: Place, kept: Kept, limits: &Limits) {
        // Most places have one connection, and a list that grows begins with room for four.
        let shelf = self.places.entry(place.clone());
        let shelf = shelf.or_insert_with(|| Vec::with_capacity(1));
        if let Some(shared) = shelf.iter_mut().find(|there| there.is(&kept.connection)) {
            *shared = kept;
            return;
        }
        shelf.push(kept);
        self.all += 1;
        let most = limits.idle_per_endpoint;
        while self.places.get(&place).is_some_and(|shelf| shelf.len() > most) {
            self.drop_oldest_at(&place);
        }
        while self.all > limits.idle_per_tenant {
            self.drop_oldest();
        }
    }

    fn pop(&mut self, place: &Place) -> Option<Connection> {
        let shelf = self.places.get_mut(place)?;
        let last = shelf.iter().rposition(|kept| kept.connection.is_idle())?;
        let taken = shelf.remove(last);
        self.all -= 1;
        if shelf.is_empty() {
            self.places.remove(place);
        }
        Some(taken.connection)
    }

    fn retain(&mut self, stays: impl Fn(&Kept) -> bool) {
        self.places.retain(|_, shelf| {
            shelf.retain(&stays);
            !shelf.is_empty()
        });
        self.all = self.places.values().map(Vec::len).sum();
    }

    fn retain_at(&mut self, place: &Place, stays: impl Fn(&Kept) -> bool) {
        let Some(shelf) = self.places.get_mut(place) else {
            return;
        };
        let before = shelf.len();
        shelf.retain(stays);
        self.all -= before - shelf.len();
        if shelf.is_empty() {
            self.places.remove(place);
        }
    }

    fn drop_oldest(&mut self) {
        let each = self.places.iter();
        let oldest = each.flat_map(|(place, shelf)| shelf.iter().map(move |kept| (kept.since, place)));
        if let Some(place) = oldest
            .min_by_key(|(since, _)| *since)
            .map(|(_, place)| place.clone())
        {
            self.drop_oldest_at(&place);
        }
    }

    fn drop_oldest_at(&mut self, place: &Place) {
        let Some(shelf) = self.places.get_mut(place) else {
            return;
        };
        let each = shelf.iter().enumerate();
        if let Some((at, _)) = each.min_by_key(|(_, kept)| kept.since) {
            shelf.remove(at);
            self.all -= 1;
        }
        if shelf.is_empty() {
            self.places.remove(place);
        }
    }
}

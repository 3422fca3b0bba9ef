use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The room for idle connections that all tenants' pools share: how many each of them keeps, and who is to give way when
/// it is used up. It sees numbers, and never a connection.
///
/// Whoever keeps most gives way; of several, the one that has kept something last the longest ago. So nobody has less
/// than an equal part because others have more, and who is alone may have all.
pub(super) struct Room<P> {
    held: Mutex<Held<P>>,
}

struct Held<P> {
    /// Counts pools, and uses.
    tick: u64,
    all: usize,
    holders: HashMap<u64, Holder<P>>,
    /// The last one is who gives way: how many it keeps, when it was last of use, its number.
    order: BTreeSet<(usize, Reverse<u64>, u64)>,
}

struct Holder<P> {
    pool: Weak<P>,
    keeps: usize,
    used: u64,
}

impl<P> Default for Room<P> {
    fn default() -> Self {
        Self {
            held: Mutex::new(Held {
                tick: 0,
                all: 0,
                holders: HashMap::new(),
                order: BTreeSet::new(),
            }),
        }
    }
}

impl<P> Room<P> {
    /// For another pool.
    pub(super) fn number(&self) -> u64 {
        self.lock().next()
    }

    /// That pool keeps so many now. If these are no fewer than before, it has just been of use.
    pub(super) fn tell(&self, number: u64, pool: &Weak<P>, keeps: usize) {
        let mut held = self.lock();
        let used = match held.remove(number) {
            Some(before) if keeps < before.keeps => before.used,
            _ => held.next(),
        };
        if keeps > 0 {
            held.order.insert((keeps, Reverse(used), number));
            held.all += keeps;
            let pool = pool.clone();
            held.holders.insert(number, Holder { pool, keeps, used });
        }
    }

    /// Who is to give way, if there are more than so many.
    pub(super) fn over(&self, most: usize) -> Option<Arc<P>> {
        let mut held = self.lock();
        while held.all > most {
            let &(_, _, number) = held.order.last()?;
            if let Some(pool) = held.holders.get(&number)?.pool.upgrade() {
                return Some(pool);
            }
            // On its way out, with all that it keeps.
            held.remove(number);
        }
        None
    }

    /// Whoever keeps something.
    pub(super) fn holders(&self) -> Vec<Arc<P>> {
        let held = self.lock();
        held.holders
            .values()
            .filter_map(|one| one.pool.upgrade())
            .collect()
    }

    /// Nothing in here can panic half-way through a change.
    fn lock(&self) -> MutexGuard<'_, Held<P>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P> Held<P> {
    fn next(&mut self) -> u64 {
        self.tick += 1;
        self.tick
    }

    fn remove(&mut self, number: u64) -> Option<Holder<P>> {
        let holder = self.holders.remove(&number)?;
        self.order.remove(&(holder.keeps, Reverse(holder.used), number));
        self.all -= holder.keeps;
        Some(holder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who is asked to give way when one more than `most` is there, each pool having kept its connections in this order.
    #[test]
    fn whoever_keeps_most_gives_way_and_of_several_the_one_that_was_used_the_longest_ago() {
        // Pools, named by their place, keep one connection more each time that they are named.
        #[rustfmt::skip]
        let cases: &[(&str, &[usize], usize, Option<usize>)] = &[
            ("nobody has any", &[], 0, None),
            ("there is room", &[0, 1, 1], 3, None),
            ("one alone", &[0, 0, 0], 2, Some(0)),
            ("one has most", &[0, 1, 1, 2], 3, Some(1)),
            ("one has most, and was used last", &[0, 2, 1, 1], 3, Some(1)),
            ("equal parts", &[0, 1, 2], 2, Some(0)),
            ("equal parts, the first was used again", &[0, 1, 1, 0, 2, 2], 5, Some(1)),
            ("a newcomer is not it", &[1, 1, 2, 2, 0], 4, Some(1)),
        ];
        for (name, kept, most, expected) in cases {
            let room = Room::default();
            let pools: Vec<_> = (0..3).map(|_| (Arc::new(()), room.number())).collect();
            let mut counts = [0; 3];
            for &one in *kept {
                counts[one] += 1;
                room.tell(pools[one].1, &Arc::downgrade(&pools[one].0), counts[one]);
            }
            let over = room.over(*most);
            let who = over.and_then(|found| pools.iter().position(|(pool, _)| Arc::ptr_eq(pool, &found)));
            assert_eq!(who, *expected, "{name}");
        }
    }

    #[test]
    fn a_pool_that_is_gone_holds_no_room() {
        let room = Room::default();
        let (gone, there) = (Arc::new(()), Arc::new(()));
        room.tell(7, &Arc::downgrade(&gone), 9);
        room.tell(8, &Arc::downgrade(&there), 2);
        drop(gone);
        assert!(room.over(2).is_none());
        assert_eq!(room.lock().all, 2);
    }
}

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many places, and so many of them for each holder. Nobody waits for one: who finds none is turned away.
///
/// A quarter is for holders of none: so many who together have taken the rest still leave each of the others one at a
/// time.
#[derive(Debug)]
pub(super) struct Shares<K> {
    in_all: usize,
    each: usize,
    held: Mutex<Held<K>>,
}

#[derive(Debug)]
struct Held<K> {
    in_all: usize,
    /// Nobody who holds none stands here.
    by: HashMap<K, usize>,
}

/// A place, for as long as this is held.
#[derive(Debug)]
pub(super) struct Share<K: Eq + Hash> {
    shares: Arc<Shares<K>>,
    holder: K,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UsedUp {
    /// All that there are, or all but those for others, are taken.
    All { limit: usize },
    /// The holder has its share.
    Own { limit: usize },
}

impl<K: Clone + Eq + Hash> Shares<K> {
    /// At least one each.
    pub(super) fn new(in_all: usize, each: usize) -> Arc<Self> {
        let held = Held {
            in_all: 0,
            by: HashMap::new(),
        };
        Arc::new(Self {
            in_all: in_all.max(1),
            each: each.max(1),
            held: Mutex::new(held),
        })
    }

    pub(super) fn take(self: &Arc<Self>, holder: K) -> Result<Share<K>, UsedUp> {
        let mut held = self.lock();
        let own = held.by.get(&holder).copied().unwrap_or_default();
        if own >= self.each {
            return Err(UsedUp::Own { limit: self.each });
        }
        if held.in_all >= self.open_to(own) {
            return Err(UsedUp::All { limit: self.in_all });
        }
        held.in_all += 1;
        held.by.insert(holder.clone(), own + 1);
        Ok(Share {
            shares: self.clone(),
            holder,
        })
    }
}

impl<K> Shares<K> {
    fn open_to(&self, own: usize) -> usize {
        let for_others = if own == 0 { 0 } else { self.in_all / 4 };
        self.in_all - for_others
    }

    /// Nothing in here can panic half-way through a change, so a poisoned lock guards sound numbers.
    fn lock(&self) -> MutexGuard<'_, Held<K>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = self.shares.lock();
        held.in_all = held.in_all.saturating_sub(1);
        match held.by.get_mut(&self.holder) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(held.by.remove(&self.holder)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many for this holder, and tells how many it got and why no more.
    fn take(shares: &Arc<Shares<char>>, holder: char, so_many: usize) -> (Vec<Share<char>>, Option<UsedUp>) {
        let mut taken = Vec::new();
        for _ in 0..so_many {
            match shares.take(holder) {
                Ok(share) => taken.push(share),
                Err(used_up) => return (taken, Some(used_up)),
            }
        }
        (taken, None)
    }

    #[test]
    fn each_has_its_share_and_a_quarter_is_for_those_who_have_none() {
        let (own, all) = (UsedUp::Own { limit: 5 }, UsedUp::All { limit: 16 });
        let shares = Shares::new(16, 5);
        let (a, why) = take(&shares, 'a', 99);
        assert_eq!((a.len(), why), (5, Some(own)));
        let (b, why) = take(&shares, 'b', 99);
        assert_eq!((b.len(), why), (5, Some(own)));
        let (c, why) = take(&shares, 'c', 99);
        assert_eq!((c.len(), why), (2, Some(all)), "twelve of sixteen");
        let last: Vec<_> = ('d'..='z').map_while(|holder| shares.take(holder).ok()).collect();
        assert_eq!(last.len(), 4, "one each");
        drop(a);
        let (d, why) = take(&shares, 'd', 99);
        assert_eq!((d.len(), why), (1, Some(all)), "twelve again");
        drop((b, c, d, last));
        let held = shares.lock();
        assert_eq!((held.in_all, held.by.len()), (0, 0), "nothing is left behind");
    }

    #[test]
    fn there_is_one_place_at_least() {
        let shares = Shares::new(0, 0);
        let (taken, why) = take(&shares, 'a', 2);
        assert_eq!((taken.len(), why), (1, Some(UsedUp::Own { limit: 1 })));
        assert_eq!(shares.take('b').err(), Some(UsedUp::All { limit: 1 }));
    }
}

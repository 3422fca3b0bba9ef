//! What is remembered of many, bounded: who was not asked for longest is forgotten.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

/// Two halves: when the young one is full it becomes the old one, and what was old is forgotten.
pub(super) struct Shelf<K, V> {
    half: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash, V> Shelf<K, V> {
    /// For up to so many.
    pub(super) fn of(most: usize) -> Self {
        Self {
            half: most.div_ceil(2).max(1),
            young: HashMap::new(),
            old: HashMap::new(),
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        match self.young.get_mut(key) {
            Some(value) => Some(value),
            None => self.old.get_mut(key),
        }
    }

    /// What there is of it, or what is made now. It belongs to the young ones from then on.
    pub(super) fn entry(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        if !self.young.contains_key(&key) && self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        let before = &mut self.old;
        match self.young.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let value = before.remove(place.key()).unwrap_or_else(make);
                place.insert(value)
            }
        }
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.young.iter().chain(&self.old)
    }

    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

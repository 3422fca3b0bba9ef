//! Memory of what was seen or asked for lately, and no more than there is room for.

use std::collections::HashMap;
use std::hash::Hash;

/// A map that forgets what was not asked for lately, and never holds more than its room.
///
/// Two halves: what is put in or asked for goes to the young one; when that is full, it is the old one, and what stood there
/// is forgotten.
#[derive(Debug)]
pub(crate) struct Recent<I, V> {
    half: usize,
    young: HashMap<I, V>,
    old: HashMap<I, V>,
}

impl<I: Eq + Hash + Clone, V> Recent<I, V> {
    pub(crate) fn new(room: usize) -> Self {
        Self {
            half: (room / 2).max(1),
            young: HashMap::new(),
            old: HashMap::new(),
        }
    }

    pub(crate) fn get(&mut self, id: &I) -> Option<&mut V> {
        if let Some((id, value)) = self.old.remove_entry(id) {
            self.insert(id, value);
        }
        self.young.get_mut(id)
    }

    /// A copy, looked up only once where it was asked for lately.
    pub(crate) fn cloned(&mut self, id: &I) -> Option<V>
    where
        V: Clone,
    {
        if let Some(value) = self.young.get(id) {
            return Some(value.clone());
        }
        self.get(id).cloned()
    }

    pub(crate) fn get_or_default(&mut self, id: &I) -> &mut V
    where
        V: Default,
    {
        if self.get(id).is_none() {
            self.insert(id.clone(), V::default());
        }
        self.young.entry(id.clone()).or_default()
    }

    pub(crate) fn insert(&mut self, id: I, value: V) {
        self.old.remove(&id);
        if self.young.len() >= self.half && !self.young.contains_key(&id) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id, value);
    }

    pub(crate) fn remove(&mut self, id: &I) {
        self.young.remove(id);
        self.old.remove(id);
    }

    pub(crate) fn retain(&mut self, stays: impl Fn(&I, &V) -> bool) {
        self.young.retain(|id, value| stays(id, value));
        self.old.retain(|id, value| stays(id, value));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&I, &V)> {
        self.young.iter().chain(&self.old)
    }

    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_room_is_never_exceeded() {
        let mut recent = Recent::new(10);
        recent.insert(0, 'a');
        for number in 1..1_000 {
            recent.insert(number, 'b');
            assert_eq!(recent.get(&0), Some(&mut 'a'), "after {number}");
            assert!(recent.len() <= 10, "{}", recent.len());
        }
        for number in 1_000..2_000 {
            recent.insert(number, 'b');
            assert_eq!(recent.cloned(&0), Some('a'), "after {number}");
        }
        for number in 2_000..3_000 {
            *recent.get_or_default(&number) = 'c';
            assert_eq!(recent.get_or_default(&0), &'a', "after {number}");
            assert!(recent.len() <= 10, "{}", recent.len());
        }
        let seen: Vec<_> = recent.iter().filter(|(_, value)| **value == 'a').collect();
        assert_eq!(seen, [(&0, &'a')]);
        assert_eq!(recent.get(&1), None);
        recent.remove(&0);
        assert_eq!(recent.get(&0), None);
        recent.retain(|_, _| false);
        assert_eq!(recent.len(), 0);
    }
}

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use super::tenant_id::{check, part};
use super::{InvalidTenantId, TenantId};

/// The most bytes of names in one piece. Tenants of one piece count their holders together, which costs processors that clone
/// them at the same time: so pieces are short.
const PIECE: usize = 512;

/// Names as they are listed, one behind the other, and not yet looked at.
#[derive(Debug, Default)]
pub(super) struct Listed {
    text: String,
    ends: Vec<usize>,
}

impl Listed {
    pub(super) fn push(&mut self, name: &str) {
        self.text.push_str(name);
        self.ends.push(self.text.len());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let places = starts.zip(&self.ends);
        places.map(|(start, end)| self.text.get(start..*end).unwrap_or_default())
    }
}

/// A set of tenants, their names one behind the other: a million cost a few large allocations, to build and to drop.
#[derive(Clone, Default)]
pub(super) struct Known {
    pieces: Vec<Arc<str>>,
    /// Places by the hash of the name, the next free one where several fall together. A third is free.
    places: Box<[Place]>,
    /// Keyed anew for each set, so that nobody can choose names that fall together.
    hasher: RandomState,
}

/// Where a name stands.
#[derive(Clone, Copy, Default)]
struct Place {
    piece: u32,
    start: u16,
    /// Nothing stands there: 0.
    len: u8,
    /// A part of the hash, so that hardly another name is looked at.
    tag: u8,
}

impl Known {
    /// The tenants of these names.
    ///
    /// # Errors
    /// The first name that is none.
    pub(super) fn of(names: &Listed) -> Result<Self, (&str, InvalidTenantId)> {
        let count = names.ends.len();
        let mut known = Self {
            places: vec![Place::default(); count + count / 2 + 1].into(),
            ..Self::default()
        };
        let mut open = String::new();
        for name in names.iter() {
            let len = check(name).map_err(|why| (name, why))?;
            known.add(name, len, &mut open);
        }
        known.close(&mut open);
        Ok(known)
    }

    fn add(&mut self, name: &str, len: u8, open: &mut String) {
        let (from, tag) = self.bucket(name);
        let is_it = |place: &Place| place.tag == tag && self.text(place, open) == name;
        let Err(free) = self.search(from, is_it) else {
            return;
        };
        if open.len() + name.len() > PIECE {
            self.close(open);
        }
        let piece = u32::try_from(self.pieces.len());
        let (Ok(piece), Ok(start)) = (piece, u16::try_from(open.len())) else {
            return;
        };
        if let Some(place) = self.places.get_mut(free) {
            let name_at = Place {
                piece,
                start,
                len,
                tag,
            };
            *place = name_at;
            open.push_str(name);
        }
    }

    fn close(&mut self, open: &mut String) {
        if !open.is_empty() {
            self.pieces.push(open.as_str().into());
            open.clear();
        }
    }

    /// The tenant of this name, if it is known.
    pub(super) fn get(&self, name: &str) -> Option<TenantId> {
        let (from, tag) = self.bucket(name);
        let is_it = |place: &Place| place.tag == tag && self.text(place, "") == name;
        let place = self.places.get(self.search(from, is_it).ok()?)?;
        Some(TenantId::within(self.piece(place)?, place.start, place.len))
    }

    /// Where it is, or the first free place behind where it belongs.
    fn search(&self, from: usize, is_it: impl Fn(&Place) -> bool) -> Result<usize, usize> {
        let mut at = from;
        for _ in 0..=self.places.len() {
            match self.places.get(at) {
                Some(place) if place.len == 0 => return Err(at),
                Some(place) if is_it(place) => return Ok(at),
                Some(_) => at += 1,
                // Behind the last one comes the first.
                None => at = 0,
            }
        }
        Err(usize::MAX)
    }

    /// Where a name belongs, and its tag.
    fn bucket(&self, name: &str) -> (usize, u8) {
        let hash = self.hasher.hash_one(name);
        let [tag, ..] = hash.to_le_bytes();
        // The upper bits, as a part of the whole.
        let scaled = (u128::from(hash) * self.places.len() as u128) >> 64;
        (usize::try_from(scaled).unwrap_or(0), tag)
    }

    fn piece(&self, place: &Place) -> Option<&Arc<str>> {
        self.pieces.get(usize::try_from(place.piece).ok()?)
    }

    fn text<'t>(&'t self, place: &Place, open: &'t str) -> &'t str {
        let piece = self.piece(place).map_or(open, |piece| piece);
        part(piece, place.start, place.len)
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let taken = self.places.iter().filter(|place| place.len > 0);
        f.debug_set()
            .entries(taken.map(|place| self.text(place, "")))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Short and long ones, some of them twice, and what begins like another.
    fn names(count: usize) -> Vec<String> {
        let name = |number: usize| match number % 5 {
            0 => format!("{number}"),
            1 => format!("t{number:0127}"),
            2 => format!("{:a<1$}", number, number % 128 + 1),
            _ => format!("tenant {}", number / 3),
        };
        (0..count).map(name).collect()
    }

    fn listed<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Listed {
        let mut listed = Listed::default();
        names.into_iter().for_each(|name| listed.push(name.as_ref()));
        listed
    }

    #[test]
    fn it_is_a_set_of_their_names() {
        for count in [0, 1, 2, 7, 100, 3_000] {
            let names = names(count);
            let set: HashSet<&str> = names.iter().map(String::as_str).collect();
            let known = Known::of(&listed(&names)).expect("names");
            for name in &names {
                let tenant = known.get(name).expect("known");
                assert_eq!(tenant, TenantId::parse(name).expect("a name"));
                assert!(known.get(&format!("{name}x")).is_none() || set.contains(&*format!("{name}x")));
            }
            for other in ["", " ", "t", "tenant", "\u{e9}", "unknown"] {
                assert_eq!(known.get(other).is_some(), set.contains(other), "{other:?}");
            }
            let listed = known.places.iter().filter(|place| place.len > 0).count();
            assert_eq!(listed, set.len(), "each once");
        }
    }

    #[test]
    fn a_tenant_outlives_the_set_and_is_one_wherever_it_comes_from() {
        let known = Known::of(&listed(["acme", "globex"])).expect("names");
        let globex = known.get("globex").expect("known");
        drop(known);
        let parsed = TenantId::parse("globex").expect("a name");
        assert_eq!(globex.as_str(), "globex");
        assert_eq!(globex.cmp(&parsed), std::cmp::Ordering::Equal);
        assert!(HashSet::from([parsed]).contains(&globex));
        assert!(HashSet::from([globex]).contains("globex"));
    }

    #[test]
    fn what_is_no_name_is_told() {
        for wrong in ["", " acme", "acme ", "\u{e9}", &"a".repeat(129)] {
            let names = listed(["acme", wrong, "globex"]);
            assert_eq!(Known::of(&names).err(), Some((wrong, InvalidTenantId)));
        }
    }
}

use super::pin::{Digest, Terms};

/// The pins of one place, by their digests.
///
/// In order rather than hashed: digests are spread evenly already, so that their first bits say where to look. Who can have
/// keys pinned may choose many that begin alike; among those it is a binary search.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PinTable {
    digests: Box<[Digest]>,
    /// One for each number that the first bits may be, and one behind the last, where that ends.
    buckets: Box<[Bucket]>,
    /// How many bits that is.
    bits: u32,
    /// One for each; none where all are plain.
    terms: Box<[Terms]>,
}

/// The digests whose first bits are one number: where they begin, and a mark for each of what else they are. Most strangers have
/// another mark, and cost one access to memory; only the others are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Bucket(u64);

/// How many marks there are. What is left of 64 bits counts more digests than any memory holds.
const MARKS: u32 = 24;

impl Bucket {
    #[inline]
    fn may_hold(self, digest: &Digest) -> bool {
        self.0 & mark(digest) != 0
    }

    #[inline]
    fn start(self) -> usize {
        usize::try_from(self.0 >> MARKS).unwrap_or(usize::MAX)
    }

    fn count(&mut self) {
        self.0 += 1 << MARKS;
    }
}

/// By bits that do not choose the bucket.
#[inline]
fn mark(digest: &Digest) -> u64 {
    let [.., last] = *digest;
    1 << (u32::from(last) % MARKS)
}

/// How many digests share their first bits, and up to twice as many.
const SHARE: usize = 1;
/// So many are looked at one by one.
const FEW: usize = 8;

static PLAIN: Terms = Terms::PLAIN;

impl PinTable {
    pub(super) fn len(&self) -> usize {
        self.digests.len()
    }

    /// The place of a digest.
    #[inline]
    pub(super) fn find(&self, digest: &Digest) -> Option<usize> {
        let number = bucket(self.bits, first_bits(digest));
        let bucket = self.buckets.get(number)?;
        if !bucket.may_hold(digest) {
            return None;
        }
        let from = bucket.start();
        let to = self.buckets.get(number.wrapping_add(1))?.start();
        let here = self.digests.get(from..to)?;
        let at = match here.len() {
            ..=FEW => here.iter().position(|other| other == digest),
            _ => here.binary_search(digest).ok(),
        };
        at.map(|at| from + at)
    }

    /// The terms of the digest at this place.
    pub(super) fn terms(&self, at: usize) -> &Terms {
        self.terms.get(at).unwrap_or(&PLAIN)
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<&Terms> {
        self.find(digest).map(|at| self.terms(at))
    }

    /// All of them, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Digest, &Terms)> {
        let digests = self.digests.iter().enumerate();
        digests.map(|(at, digest)| (digest, self.terms(at)))
    }
}

/// The pins of a place as they were given.
#[derive(Default)]
pub(super) struct Unsorted {
    digests: Vec<Digest>,
    /// As many, or none yet.
    terms: Vec<Terms>,
}

impl Unsorted {
    pub(super) fn push(&mut self, digest: Digest, terms: Terms) {
        if terms != Terms::PLAIN || !self.terms.is_empty() {
            self.terms.resize(self.digests.len(), Terms::PLAIN);
            self.terms.push(terms);
        }
        self.digests.push(digest);
    }

    /// Of one that was given twice, the later one counts.
    pub(super) fn into_table(self) -> PinTable {
        let mut order: Vec<_> = self.digests.iter().map(first_bits).zip(0_usize..).collect();
        let digest = |at: usize| self.digests.get(at);
        order.sort_unstable_by(|(first, one), (second, other)| {
            let digests = || digest(*one).cmp(&digest(*other));
            first.cmp(second).then_with(digests).then(other.cmp(one))
        });
        order.dedup_by(|(_, one), (_, kept)| digest(*one) == digest(*kept));
        let bits = (order.len() / SHARE).checked_ilog2().unwrap_or(0);
        let terms = match order.iter().all(|(_, at)| self.terms(*at) == &PLAIN) {
            true => Box::default(),
            false => order.iter().map(|(_, at)| self.terms(*at).clone()).collect(),
        };
        PinTable {
            buckets: buckets(bits, order.iter().filter_map(|(_, at)| digest(*at))),
            digests: order.iter().filter_map(|(_, at)| digest(*at)).copied().collect(),
            bits,
            terms,
        }
    }

    fn terms(&self, at: usize) -> &Terms {
        self.terms.get(at).unwrap_or(&PLAIN)
    }
}

#[inline]
fn first_bits(digest: &Digest) -> u64 {
    digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

#[inline]
fn bucket(bits: u32, first: u64) -> usize {
    let bucket = first.checked_shr(u64::BITS - bits).unwrap_or(0);
    usize::try_from(bucket).unwrap_or(usize::MAX)
}

/// Those of so many first bits, of digests in order.
fn buckets<'d>(bits: u32, order: impl Iterator<Item = &'d Digest>) -> Box<[Bucket]> {
    let mut buckets = vec![Bucket::default(); (1 << bits) + 1];
    for digest in order {
        let number = bucket(bits, first_bits(digest));
        if let Some(own) = buckets.get_mut(number) {
            own.0 |= mark(digest);
        }
        if let Some(behind) = buckets.get_mut(number.wrapping_add(1)) {
            behind.count();
        }
    }
    let mut before = 0;
    for bucket in &mut buckets {
        before += bucket.0 >> MARKS;
        let marks = bucket.0 & ((1 << MARKS) - 1);
        *bucket = Bucket(before << MARKS | marks);
    }
    buckets.into()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use sha2::{Digest as _, Sha256};

    use super::*;

    fn labelled(number: usize) -> Terms {
        let label = (number > 0).then(|| Arc::from(number.to_string()));
        Terms {
            label,
            ..Terms::PLAIN
        }
    }

    /// Evenly spread.
    fn hashed(number: usize) -> Digest {
        Sha256::digest(number.to_be_bytes()).into()
    }

    /// As somebody could choose them, who wants many to begin alike.
    fn chosen(number: usize) -> Digest {
        let mut digest = hashed(number);
        digest[..8].fill(7);
        digest
    }

    #[test]
    fn it_is_a_map_in_which_the_last_counts() {
        for digest in [hashed, chosen] {
            for pins in [0, 1, 2, 5, 9, 40, 300] {
                let (mut unsorted, mut map) = (Unsorted::default(), HashMap::new());
                // Some of them twice, and a few on terms.
                for (at, number) in (0..pins).chain(0..pins / 3).enumerate() {
                    let terms = labelled(at * usize::from(at % 7 == 0));
                    unsorted.push(digest(number), terms.clone());
                    map.insert(digest(number), terms);
                }
                let table = unsorted.into_table();
                for number in 0..pins * 2 + 1 {
                    assert_eq!(
                        table.get(&digest(number)),
                        map.get(&digest(number)),
                        "{pins}: {number}"
                    );
                }
                let listed = table.iter().map(|(digest, terms)| (*digest, terms.clone()));
                assert_eq!(listed.collect::<HashMap<_, _>>(), map);
                assert_eq!(table.len(), pins);
            }
        }
    }
}

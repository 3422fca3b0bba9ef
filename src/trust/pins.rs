use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls_pki_types::UnixTime;

use super::pin::{Pin, PinProblem, Pinned, Place, Terms, certificate};
use super::pin_table::{PinTable, Unsorted};
use super::untrusted::check_validity;
use super::{Check, Evidence, Presented, Untrusted, VerifiedPeer, VerifyPeer};
use crate::expiry::{Expiries, Kind};
use crate::identity::{PeerChain, SpkiHash, Validity};
use crate::usage::{Hits, NotRetired, Retirement, Usage};

/// The keys and certificates that are allowed, by their SHA-256.
///
/// A [`Pin`] says *where* its key must be: in the leaf, in an issuer on the verified path, or in the anchor. One of the
/// pins must match. Renewing a certificate under the same key needs no change; to change the key, add the next pin
/// first ([`stage`](Self::stage)), and take the old one out when nobody uses it any more ([`retire`](Self::retire)): each
/// pin counts the handshakes that it has let in, and clones count together. An empty set trusts nobody. Lookups take
/// constant time; a million pins take about 36 MB, and 100 bytes more for each that was used.
///
/// # Security
/// Alone, a set of leaf pins proves that the peer holds a known key and that its certificate is within its dates, and
/// nothing about who issued it. Join it to a certificate authority: `PrivateCa.and(PinSet)`. Pins of issuers and
/// anchors count only on a path that a verifier before them has verified, so alone they match nothing.
///
/// ```
/// use countersign::trust::PinSet;
///
/// let pins = PinSet::parse([
///     "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", // in use
///     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b856", // next
/// ])?;
/// assert_eq!(pins.len(), 2);
///
/// let file: PinSet = "# in use\nsha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n".parse()?;
/// assert_eq!(file.len(), 1);
/// # Ok::<(), countersign::trust::InvalidPin>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct PinSet {
    tables: Arc<Tables>,
    /// What was counted. Clones count together, and so do sets of which one was [staged](Self::stage) from the other.
    counted: Arc<Counted>,
}

/// The pins by the place that they are about.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tables {
    leaf: PinTable,
    issuer: PinTable,
    anchor: PinTable,
    certificate: PinTable,
}

impl Tables {
    fn of(pins: impl IntoIterator<Item = Pin>) -> Self {
        let [mut leaf, mut issuer, mut anchor, mut certificate] = [const { None::<Unsorted> }; 4];
        for Pin { pinned, terms } in pins {
            let unsorted = match pinned.place {
                Place::Leaf => &mut leaf,
                Place::Issuer => &mut issuer,
                Place::Anchor => &mut anchor,
                Place::Certificate => &mut certificate,
            };
            unsorted.get_or_insert_default().push(pinned.digest, terms);
        }
        let table =
            |unsorted: Option<Unsorted>| unsorted.map_or_else(PinTable::default, Unsorted::into_table);
        Self {
            leaf: table(leaf),
            issuer: table(issuer),
            anchor: table(anchor),
            certificate: table(certificate),
        }
    }

    fn each(&self) -> [(Place, &PinTable); 4] {
        [
            (Place::Leaf, &self.leaf),
            (Place::Issuer, &self.issuer),
            (Place::Anchor, &self.anchor),
            (Place::Certificate, &self.certificate),
        ]
    }

    fn iter(&self) -> impl Iterator<Item = (Pinned, &Terms)> {
        self.each().into_iter().flat_map(|(place, table)| {
            let pins = table.iter();
            pins.map(move |(digest, terms)| {
                (
                    Pinned {
                        place,
                        digest: *digest,
                    },
                    terms,
                )
            })
        })
    }

    fn get(&self, pinned: Pinned) -> Option<&Terms> {
        let table = match pinned.place {
            Place::Leaf => &self.leaf,
            Place::Issuer => &self.issuer,
            Place::Anchor => &self.anchor,
            Place::Certificate => &self.certificate,
        };
        table.get(&pinned.digest)
    }
}

/// The uses of those pins that were used: a count for each of a million would take more room than the pins.
#[derive(Debug, Default)]
struct Counted(Mutex<HashMap<Pinned, Hits>>);

impl Counted {
    fn usage(&self, pinned: Pinned) -> Usage {
        self.lock().get(&pinned).map(Hits::usage).unwrap_or_default()
    }

    /// The same without what was counted of others than these.
    fn of(&self, mut is_kept: impl FnMut(Pinned) -> bool) -> HashMap<Pinned, Hits> {
        let counted = self.lock();
        let kept = counted.iter().filter(|(pinned, _)| is_kept(**pinned));
        kept.map(|(pinned, hits)| (*pinned, hits.clone())).collect()
    }

    /// Nothing in here can panic half-way through a change.
    fn lock(&self) -> MutexGuard<'_, HashMap<Pinned, Hits>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same pins on the same terms, however much they were used.
impl PartialEq for PinSet {
    fn eq(&self, other: &Self) -> bool {
        self.tables == other.tables
    }
}

impl Eq for PinSet {}

impl PinSet {
    /// The keys that leaves may have.
    pub fn new(leaves: impl IntoIterator<Item = SpkiHash>) -> Self {
        Self::of(leaves.into_iter().map(Pin::leaf))
    }

    /// A set of pins. Where the same key is pinned twice in one place, the later one counts.
    pub fn of(pins: impl IntoIterator<Item = Pin>) -> Self {
        Self {
            tables: Arc::new(Tables::of(pins)),
            counted: Arc::default(),
        }
    }

    /// The pins of these lines. Blank lines and lines that begin with `#` say nothing. The whole text of a file is read by
    /// `text.parse()`. A line is the key that a leaf may have, in any form that [`SpkiHash::parse`] understands; or, in full,
    ///
    /// ```text
    /// [leaf|issuer|anchor|certificate] HASH [until=2026-12-31T23:59:59Z] [label=whatever it is called, to the end of the line]
    /// ```
    ///
    /// # Errors
    /// [`InvalidPin`] with the number of the first line that is none.
    pub fn parse<T: AsRef<str>>(lines: impl IntoIterator<Item = T>) -> Result<Self, InvalidPin> {
        let read = |(line, text): (usize, T)| {
            let text = text.as_ref();
            let silent = text.trim().is_empty() || text.trim_start().starts_with('#');
            (!silent).then(|| text.parse::<Pin>().map_err(|source| InvalidPin { line, source }))
        };
        let pins: Result<Vec<_>, _> = (1..).zip(lines).filter_map(read).collect();
        pins.map(Self::of)
    }

    /// How many pins there are, retired ones included.
    pub fn len(&self) -> usize {
        self.tables.each().into_iter().map(|(_, table)| table.len()).sum()
    }

    /// Whether nobody is allowed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The labels that have one pin left at `now`, or none: a lost or changed key shuts that peer out.
    pub fn without_backup(&self, now: UnixTime) -> Vec<PinWarning> {
        let mut left: HashMap<Option<&Arc<str>>, usize> = HashMap::new();
        for (_, terms) in self.tables.iter() {
            let count = match left.entry(terms.label.as_ref()) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(0),
            };
            *count += usize::from(terms.counts_at(now));
        }
        let alone = left.into_iter().filter(|(_, pins)| *pins < 2);
        let mut warnings: Vec<_> = alone
            .map(|(label, pins)| PinWarning {
                label: label.map(|label| label.to_string()),
                pins,
            })
            .collect();
        warnings.sort_by(|one, other| one.label.cmp(&other.label));
        warnings
    }

    /// Each pin, and the handshakes that it has let in.
    pub fn usage(&self) -> impl Iterator<Item = (Pin, Usage)> {
        let usage = |(pinned, terms): (Pinned, &Terms)| (pin(pinned, terms), self.counted.usage(pinned));
        self.tables.iter().map(usage)
    }

    /// The same with these beside them: the first step of a change of keys. Where one is there already, its terms are
    /// replaced, and what was counted goes on.
    #[must_use]
    pub fn stage(&self, pins: impl IntoIterator<Item = Pin>) -> Self {
        let own = self.tables.iter().map(|(pinned, terms)| pin(pinned, terms));
        Self {
            tables: Arc::new(Tables::of(own.chain(pins))),
            counted: Arc::clone(&self.counted),
        }
    }

    /// The same without this one: the last step. Its successor is another pin of its label, or, without a label, any other
    /// pin without one.
    ///
    /// # Errors
    /// [`NotRetired`] where the terms do not let it go.
    pub fn retire(&self, old: &Pin, terms: Retirement, now: UnixTime) -> Result<Self, NotRetired> {
        let own = self.tables.get(old.pinned).ok_or(NotRetired::Unknown)?;
        let is_other = |(pinned, _): &(Pinned, &Terms)| *pinned != old.pinned;
        let successors = self.tables.iter().filter(is_other);
        let successors = successors.filter(|(_, other)| other.label == own.label);
        let used = successors.map(|(pinned, _)| self.counted.usage(pinned));
        terms.check(self.counted.usage(old.pinned), used, now)?;
        let left = self.tables.iter().filter(is_other);
        // Without what was counted of the one that goes: if it comes back, it begins anew.
        let counted = self.counted.of(|pinned| pinned != old.pinned);
        Ok(Self {
            tables: Arc::new(Tables::of(left.map(|(pinned, terms)| pin(pinned, terms)))),
            counted: Arc::new(Counted(Mutex::new(counted))),
        })
    }

    /// Takes over what was counted of the same pins, from the set that this one replaces.
    #[must_use]
    pub fn with_history_of(self, previous: &Self) -> Self {
        if !Arc::ptr_eq(&self.counted, &previous.counted) {
            let before = previous.counted.of(|pinned| self.tables.get(pinned).is_some());
            let mut counted = self.counted.lock();
            for (pinned, before) in before {
                counted.entry(pinned).or_default().continue_from(&before);
            }
        }
        self
    }

    /// The pin that allows this peer.
    fn find(&self, chain: &PeerChain, found: Option<&Evidence>, now: UnixTime) -> Option<(Pinned, &Terms)> {
        let leaf = chain.leaf();
        let allows = |pinned: Pinned| {
            let terms = self.tables.get(pinned)?;
            terms.counts_at(now).then_some((pinned, terms))
        };
        let by_path = |found: &Evidence| {
            let mut issuers = found.issuers.iter().map(|spki| Place::Issuer.pins(*spki));
            let by_issuer = issuers.find_map(allows);
            by_issuer.or_else(|| allows(Place::Anchor.pins(found.anchor?)))
        };
        // Last, since it costs another hash.
        let by_hash = || match self.tables.certificate.len() {
            0 => None,
            _ => allows(certificate(leaf.hash())),
        };
        allows(Place::Leaf.pins(leaf.spki()))
            .or_else(|| found.and_then(by_path))
            .or_else(by_hash)
    }
}

fn pin(pinned: Pinned, terms: &Terms) -> Pin {
    let terms = terms.clone();
    Pin { pinned, terms }
}

/// One pin a line, as it is read, in order.
impl fmt::Display for PinSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pins = self.tables.iter();
        let pins = pins.map(|(pinned, terms)| pin(pinned, terms).to_string());
        let mut lines: Vec<_> = pins.collect();
        lines.sort();
        f.write_str(&lines.join("\n"))
    }
}

impl FromStr for PinSet {
    type Err = InvalidPin;

    /// As [`parse`](Self::parse), of each line.
    fn from_str(text: &str) -> Result<Self, InvalidPin> {
        Self::parse(text.lines())
    }
}

impl VerifyPeer for PinSet {
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        let leaf = peer.chain.leaf();
        let found = self.find(peer.chain, peer.found, peer.now);
        if found.is_none() && peer.is_path_unknown() {
            // It may be an issuer's key that is pinned.
            peer.not_reached(Check::Pin);
        } else {
            peer.check(Check::Pin, || match found {
                Some(_) => Ok(()),
                None => Err(Untrusted::NotPinned { spki: leaf.spki() }),
            })?;
        }
        let pin = found.map(|(pinned, terms)| pin(pinned, terms));
        peer.check(Check::Validity, || check_validity(leaf.validity(), peer.now))?;
        let mut valid = leaf.validity();
        if let Some(retires) = pin.as_ref().and_then(Pin::retires) {
            valid.not_after = valid.not_after.min(retires);
        }
        Ok(Evidence {
            pin,
            ..Evidence::new(valid)
        })
    }

    fn confirm(&self, peer: &VerifiedPeer, now: UnixTime) {
        if let Some((pinned, _)) = self.find(peer.chain(), Some(peer.evidence()), now) {
            self.counted.lock().entry(pinned).or_default().count(now);
        }
    }

    fn expiries(&self, found: &mut Expiries) {
        for (pinned, terms) in self.tables.iter() {
            if let Some(retires) = terms.retires {
                let validity = Validity::new(Validity::ALWAYS.not_before, retires);
                let label = terms.label.as_deref();
                found.add(
                    Kind::Pin,
                    label.map_or_else(|| pinned.to_string(), str::to_owned),
                    validity,
                );
            }
        }
    }
}

/// A label whose pins do not back each other up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PinWarning {
    /// The label; `None` for the pins without one.
    pub label: Option<String>,
    /// How many of its pins are left: one or none.
    pub pins: usize,
}

/// A pin that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("line {line}: {source}")]
pub struct InvalidPin {
    /// Its line, from 1; comments and blank lines count.
    pub line: usize,
    /// What is wrong with it.
    pub source: PinProblem,
}

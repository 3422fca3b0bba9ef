use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rustls_pki_types::UnixTime;

use super::untrusted::check_validity;
use super::{Evidence, Presented, Untrusted, VerifiedPeer, VerifyPeer};
use crate::date::Date;
use crate::expiry::{Expiries, Kind};
use crate::identity::{CertHash, InvalidHash, PeerChain, SpkiHash, Validity, from_rfc3339};
use crate::usage::{Hits, NotRetired, Retirement, Usage};

/// The keys and certificates that are allowed, by their SHA-256.
///
/// A [`Pin`] says *where* its key must be: in the leaf, in an issuer on the verified path, or in the anchor. One of the
/// pins must match. Renewing a certificate under the same key needs no change; to change the key, add the next pin
/// first ([`stage`](Self::stage)), and take the old one out when nobody uses it any more ([`retire`](Self::retire)): each
/// pin counts the handshakes that it has let in, and clones count together. An empty set trusts nobody. Lookups take
/// constant time; a million pins take about 210 MB.
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
    pins: HashMap<Pinned, Counted>,
}

/// The terms of a pin, and its uses.
#[derive(Debug, Clone)]
struct Counted {
    terms: Terms,
    hits: Arc<Hits>,
}

impl From<Terms> for Counted {
    fn from(terms: Terms) -> Self {
        let hits = Arc::default();
        Self { terms, hits }
    }
}

/// The same pins on the same terms, however much they were used.
impl PartialEq for PinSet {
    fn eq(&self, other: &Self) -> bool {
        let same = |(pinned, counted): (&Pinned, &Counted)| {
            let there = other.pins.get(pinned);
            there.is_some_and(|there| there.terms == counted.terms)
        };
        self.pins.len() == other.pins.len() && self.pins.iter().all(same)
    }
}

impl Eq for PinSet {}

/// What a pin names, and where it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Pinned {
    Leaf(SpkiHash),
    Issuer(SpkiHash),
    Anchor(SpkiHash),
    Certificate(CertHash),
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Terms {
    label: Option<Arc<str>>,
    retires: Option<UnixTime>,
}

/// A pin: one key or certificate that is allowed.
///
/// ```
/// use countersign::identity::SpkiHash;
/// use countersign::trust::{Pin, PinSet};
///
/// let now = SpkiHash::of(b"the key of this year");
/// let pins = PinSet::of(
///     [Pin::leaf(now).labelled("2026"), Pin::leaf(SpkiHash::of(b"the next")).labelled("2027")]
/// );
/// assert_eq!(pins.len(), 2);
/// assert_eq!(Pin::leaf(now).labelled("2026").label(), Some("2026"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Pin {
    pinned: Pinned,
    terms: Terms,
}

impl Pin {
    /// The leaf has this key.
    pub fn leaf(spki: SpkiHash) -> Self {
        Self::new(Pinned::Leaf(spki))
    }

    /// An issuer between leaf and anchor, on the path that was verified, has this key.
    pub fn issuer(spki: SpkiHash) -> Self {
        Self::new(Pinned::Issuer(spki))
    }

    /// The anchor that the verified path ends in has this key.
    pub fn anchor(spki: SpkiHash) -> Self {
        Self::new(Pinned::Anchor(spki))
    }

    /// The leaf is this very certificate: to be changed at every renewal.
    pub fn certificate(hash: CertHash) -> Self {
        Self::new(Pinned::Certificate(hash))
    }

    fn new(pinned: Pinned) -> Self {
        Self {
            pinned,
            terms: Terms::default(),
        }
    }

    /// Belongs to the set of this name: whose key it is, for instance. Two pins of one label back each other up.
    #[must_use]
    pub fn labelled(mut self, label: &str) -> Self {
        self.terms.label = Some(label.into());
        self
    }

    /// Counts until this second, included, and no longer.
    #[must_use]
    pub fn retiring(mut self, at: UnixTime) -> Self {
        self.terms.retires = Some(at);
        self
    }

    /// Its label.
    pub fn label(&self) -> Option<&str> {
        self.terms.label.as_deref()
    }

    /// When it retires.
    pub fn retires(&self) -> Option<UnixTime> {
        self.terms.retires
    }
}

impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leaf(spki) => write!(f, "leaf {spki}"),
            Self::Issuer(spki) => write!(f, "issuer {spki}"),
            Self::Anchor(spki) => write!(f, "anchor {spki}"),
            Self::Certificate(hash) => write!(f, "certificate {hash}"),
        }
    }
}

/// As it is read. See [`PinSet::parse`].
impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.pinned)?;
        if let Some(retires) = self.retires() {
            write!(f, " until={}", Date(retires))?;
        }
        if let Some(label) = self.label() {
            write!(f, " label={label}")?;
        }
        Ok(())
    }
}

/// One line of [`PinSet::parse`].
impl FromStr for Pin {
    type Err = PinProblem;

    fn from_str(text: &str) -> Result<Self, PinProblem> {
        let (text, label) = match text.split_once(" label=") {
            Some((text, label)) => (text, Some(label)),
            None => (text, None),
        };
        let (text, until) = match text.split_once(" until=") {
            Some((text, until)) => (text, Some(until)),
            None => (text, None),
        };
        let pin = Self::new(match text.split_once(' ') {
            Some(("leaf", spki)) => Pinned::Leaf(spki.parse()?),
            Some(("issuer", spki)) => Pinned::Issuer(spki.parse()?),
            Some(("anchor", spki)) => Pinned::Anchor(spki.parse()?),
            Some(("certificate", hash)) => Pinned::Certificate(hash.parse()?),
            _ => Pinned::Leaf(text.parse()?),
        });
        let pin = match until {
            Some(until) => pin.retiring(from_rfc3339(until).ok_or(PinProblem::Until)?),
            None => pin,
        };
        match label {
            Some(label) if label.trim().is_empty() => Err(PinProblem::Label),
            Some(label) => Ok(pin.labelled(label)),
            None => Ok(pin),
        }
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({}, {:?})", self.pinned, self.terms)
    }
}

impl PinSet {
    /// The keys that leaves may have.
    pub fn new(leaves: impl IntoIterator<Item = SpkiHash>) -> Self {
        Self::of(leaves.into_iter().map(Pin::leaf))
    }

    /// A set of pins. Where the same key is pinned twice in one place, the later one counts.
    pub fn of(pins: impl IntoIterator<Item = Pin>) -> Self {
        Self {
            pins: pins
                .into_iter()
                .map(|pin| (pin.pinned, pin.terms.into()))
                .collect(),
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
        self.pins.len()
    }

    /// Whether nobody is allowed.
    pub fn is_empty(&self) -> bool {
        self.pins.is_empty()
    }

    /// The labels that have one pin left at `now`, or none: a lost or changed key shuts that peer out.
    pub fn without_backup(&self, now: UnixTime) -> Vec<PinWarning> {
        let mut left: HashMap<Option<&Arc<str>>, usize> = HashMap::new();
        for Counted { terms, .. } in self.pins.values() {
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
        self.pins
            .iter()
            .map(|(pinned, counted)| (counted.pin(*pinned), counted.hits.usage()))
    }

    /// The same with these beside them: the first step of a change of keys. Where one is there already, its terms are
    /// replaced, and what was counted goes on.
    #[must_use]
    pub fn stage(&self, pins: impl IntoIterator<Item = Pin>) -> Self {
        let mut staged = self.clone();
        for pin in pins {
            match staged.pins.entry(pin.pinned) {
                Entry::Occupied(mut entry) => entry.get_mut().terms = pin.terms,
                Entry::Vacant(entry) => drop(entry.insert(pin.terms.into())),
            }
        }
        staged
    }

    /// The same without this one: the last step. Its successor is another pin of its label, or, without a label, any other
    /// pin without one.
    ///
    /// # Errors
    /// [`NotRetired`] where the terms do not let it go.
    pub fn retire(&self, old: &Pin, terms: Retirement, now: UnixTime) -> Result<Self, NotRetired> {
        let counted = self.pins.get(&old.pinned).ok_or(NotRetired::Unknown)?;
        let is_successor = |(pinned, other): &(&Pinned, &Counted)| {
            **pinned != old.pinned && other.terms.label == counted.terms.label
        };
        let others = self.pins.iter().filter(is_successor);
        let others = others.map(|(_, other)| other.hits.usage());
        terms.check(counted.hits.usage(), others, now)?;
        let mut left = self.clone();
        left.pins.remove(&old.pinned);
        Ok(left)
    }

    /// Takes over what was counted of the same pins, from the set that this one replaces.
    #[must_use]
    pub fn with_history_of(self, previous: &Self) -> Self {
        for (pinned, counted) in &self.pins {
            if let Some(before) = previous.pins.get(pinned) {
                counted.hits.continue_from(&before.hits);
            }
        }
        self
    }

    /// The pin that allows this peer.
    fn find(&self, chain: &PeerChain, found: Option<&Evidence>, now: UnixTime) -> Option<(Pinned, &Counted)> {
        let leaf = chain.leaf();
        let by_leaf = [Pinned::Leaf(leaf.spki())].into_iter();
        let path = found.into_iter().flat_map(|found| {
            let issuers = found.issuers.iter().map(|spki| Pinned::Issuer(*spki));
            issuers.chain(found.anchor.map(Pinned::Anchor))
        });
        // Last, since it costs another hash.
        let by_hash = std::iter::once_with(|| Pinned::Certificate(leaf.hash()));
        by_leaf.chain(path).chain(by_hash).find_map(|pinned| {
            let counted = self.pins.get(&pinned)?;
            counted.terms.counts_at(now).then_some((pinned, counted))
        })
    }
}

impl Counted {
    fn pin(&self, pinned: Pinned) -> Pin {
        let terms = self.terms.clone();
        Pin { pinned, terms }
    }
}

/// One pin a line, as it is read, in order.
impl fmt::Display for PinSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pins = self.pins.iter();
        let pins = pins.map(|(pinned, counted)| counted.pin(*pinned).to_string());
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

impl Terms {
    fn counts_at(&self, now: UnixTime) -> bool {
        self.retires.is_none_or(|retires| now <= retires)
    }
}

impl VerifyPeer for PinSet {
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        let leaf = peer.chain.leaf();
        let (pinned, counted) = self
            .find(peer.chain, peer.found, peer.now)
            .ok_or(Untrusted::NotPinned { spki: leaf.spki() })?;
        let pin = counted.pin(pinned);
        check_validity(leaf.validity(), peer.now)?;
        let mut valid = leaf.validity();
        if let Some(retires) = pin.retires() {
            valid.not_after = valid.not_after.min(retires);
        }
        Ok(Evidence {
            pin: Some(pin),
            ..Evidence::new(valid)
        })
    }

    fn confirm(&self, peer: &VerifiedPeer, now: UnixTime) {
        if let Some((_, counted)) = self.find(peer.chain(), Some(peer.evidence()), now) {
            counted.hits.count(now);
        }
    }

    fn expiries(&self, found: &mut Expiries) {
        for (pinned, counted) in &self.pins {
            if let Some(retires) = counted.terms.retires {
                let validity = Validity::new(Validity::ALWAYS.not_before, retires);
                let label = counted.terms.label.as_deref();
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

/// A reason why a pin cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PinProblem {
    /// Its hash cannot be read.
    #[error(transparent)]
    Hash(#[from] InvalidHash),
    /// Its end cannot be read.
    #[error("`until=` is followed by a time such as 2026-12-31T23:59:59Z (RFC 3339), and before `label=`")]
    Until,
    /// Its label is empty.
    #[error("`label=` is followed by a label")]
    Label,
}

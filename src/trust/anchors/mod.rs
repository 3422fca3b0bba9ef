mod anchor;

use std::collections::HashMap;
use std::sync::Arc;

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};

use super::Untrusted;
use super::algorithms::Algorithms;
use super::invalid_ca::{InvalidCa, Problem};
use super::profile::check_signer;
use super::source::Source;
use crate::identity::{CertHash, Facts, KeyKind, NameTypes, SpkiHash};
use crate::usage::{NotRetired, Retirement};
use anchor::{check_private, check_version, is_self_issued, taken};

pub use anchor::AnchorUsage;
pub(super) use anchor::{Anchor, subject_text};

/// Above this many anchors, only those whose name occurs in the chain are shown to webpki, which looks at each.
const SCAN: usize = 16;

/// The certificates at which paths may end.
#[derive(Default)]
pub(super) struct Anchors {
    trusted: Vec<TrustAnchor<'static>>,
    /// What webpki does not keep of an anchor; at the same place as the anchor. Shared with what is made of this.
    anchors: Vec<Arc<Anchor>>,
    by_subject: HashMap<Box<[u8]>, Vec<usize>>,
    /// Leaves trusted as they are, without an issuer.
    leaves: HashMap<CertHash, Arc<Anchor>>,
}

/// Which authorities may be anchors.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Only one's own: no public one, and none that a public one has issued, by a signature of these algorithms.
    Private(Algorithms),
    /// Also those that browsers trust.
    Public,
}

impl Anchors {
    /// Reads every source; all of them must be good.
    pub(super) fn read(sources: &[Source], kind: Kind, now: UnixTime) -> Result<Self, InvalidCa> {
        let mut anchors = Self::default();
        for source in sources {
            anchors
                .read_source(source, kind, now)
                .map_err(|problem| InvalidCa {
                    source_name: source.to_string(),
                    problem,
                })?;
        }
        if anchors.trusted.is_empty() && anchors.leaves.is_empty() {
            return Err(InvalidCa {
                source_name: "nothing".to_owned(),
                problem: Problem::NoCertificate,
            });
        }
        Ok(anchors)
    }

    /// The authorities that browsers trust, by Mozilla's list: keys and names, without certificates.
    pub(super) fn of_the_web() -> Self {
        Self::default().and_of_the_web()
    }

    pub(super) fn and_of_the_web(mut self) -> Self {
        for root in webpki_roots::TLS_SERVER_ROOTS {
            self.keep(Anchor::of_the_web(root), root.clone());
        }
        self
    }

    fn read_source(&mut self, source: &Source, kind: Kind, now: UnixTime) -> Result<(), Problem> {
        let mut found = false;
        for der in source.certificates()? {
            found = true;
            if source.holds_leaves() {
                self.add_leaf(&der, now)?
            } else {
                self.add(&der, kind, now)?
            }
        }
        if found {
            Ok(())
        } else {
            Err(Problem::NoCertificate)
        }
    }

    fn add(&mut self, der: &CertificateDer<'_>, kind: Kind, now: UnixTime) -> Result<(), Problem> {
        let (facts, validity) = Facts::of(der).map_err(Problem::Certificate)?;
        let subject = subject_text(der);
        check_version(&facts, &subject)?;
        if !facts.is_ca {
            return Err(if is_self_issued(der) {
                Problem::SelfSignedLeaf { subject }
            } else {
                Problem::NotACa { subject }
            });
        }
        match facts.key {
            KeyKind::Strong => {}
            KeyKind::Weak => return Err(Problem::WeakKey { subject }),
            KeyKind::Unsupported => return Err(Problem::UnsupportedKey { subject }),
        }
        if let Some(oid) = facts.unknown_critical {
            return Err(Problem::CriticalExtension { subject, oid });
        }
        match check_signer(&facts) {
            Ok(()) => {}
            Err(Untrusted::Rfc5280 { rule }) => return Err(Problem::Rfc5280 { subject, rule }),
            Err(_) => return Err(Problem::MayNotSign { subject }),
        }
        let (anchor, trusted) = taken(der, subject, &facts, validity, now)?;
        if let Kind::Private(algorithms) = kind {
            check_private(&anchor, der, algorithms)?;
        }
        self.keep(anchor, trusted);
        Ok(())
    }

    fn keep(&mut self, anchor: impl Into<Arc<Anchor>>, trusted: TrustAnchor<'static>) {
        let place = self.trusted.len();
        self.by_subject
            .entry(trusted.subject.as_ref().into())
            .or_default()
            .push(place);
        self.trusted.push(trusted);
        self.anchors.push(anchor.into());
    }

    fn add_leaf(&mut self, der: &CertificateDer<'_>, now: UnixTime) -> Result<(), Problem> {
        let (facts, validity) = Facts::of(der).map_err(Problem::Certificate)?;
        let subject = subject_text(der);
        if facts.is_ca {
            return Err(if is_self_issued(der) {
                Problem::SelfSignedCa { subject }
            } else {
                Problem::NotALeaf { subject }
            });
        }
        let (anchor, _) = taken(der, subject, &facts, validity, now)?;
        self.leaves.insert(CertHash::of(der), anchor.into());
        Ok(())
    }

    /// What may be an anchor of a path from a certificate of one of these issuers.
    pub(super) fn candidates(&self, issuers: impl FnOnce() -> Vec<Vec<u8>>) -> Candidates<'_> {
        if self.trusted.len() <= SCAN {
            return Candidates::All(&self.trusted);
        }
        let known = issuers()
            .into_iter()
            .filter_map(|issuer| self.by_subject.get(issuer.as_slice()));
        let mut places: Vec<usize> = known.flatten().copied().collect();
        places.sort_unstable();
        places.dedup();
        Candidates::Some(
            places
                .into_iter()
                .filter_map(|place| self.trusted.get(place))
                .map(borrowed)
                .collect(),
        )
    }

    /// The types of names that the anchors of these names constrain.
    pub(super) fn constrained(&self, names: &[Vec<u8>]) -> NameTypes {
        let places = names
            .iter()
            .filter_map(|name| self.by_subject.get(name.as_slice()));
        let anchors = places.flatten().filter_map(|place| self.anchors.get(*place));
        anchors.fold(NameTypes::default(), |types, anchor| {
            types.and(anchor.constrained)
        })
    }

    /// What is known of the anchor that a path ended in.
    ///
    /// A root that was renewed under its key is there twice, and to a path both are the same: the one that counts is
    /// the one that `allows` the path for longest.
    pub(super) fn find(
        &self,
        trusted: &TrustAnchor<'_>,
        allows: impl Fn(&Anchor) -> Result<(), Untrusted>,
    ) -> Result<&Anchor, Untrusted> {
        let places = self.by_subject.get(trusted.subject.as_ref());
        let same = places.into_iter().flatten().filter(|place| {
            self.trusted
                .get(**place)
                .is_some_and(|anchor| same(anchor, trusted))
        });
        let (anchor, answer) = same
            .filter_map(|place| self.anchors.get(*place))
            .map(|anchor| (anchor, allows(anchor)))
            .max_by_key(|(anchor, answer)| (answer.is_ok(), anchor.validity.not_after))
            .ok_or(Untrusted::UnknownIssuer)?;
        answer.map(|()| anchor.as_ref())
    }

    pub(super) fn find_leaf(&self, der: &CertificateDer<'_>) -> Option<&Anchor> {
        if self.leaves.is_empty() {
            return None;
        }
        self.leaves.get(&CertHash::of(der)).map(Arc::as_ref)
    }

    /// Those that issue, without leaves that are trusted as they are.
    pub(super) fn authorities(&self) -> &[Arc<Anchor>] {
        &self.anchors
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Anchor> {
        self.anchors.iter().chain(self.leaves.values()).map(Arc::as_ref)
    }

    /// These and those, each once. What they count, they count together with what they were taken from.
    pub(super) fn and(&self, others: &Self) -> Self {
        let mut all = Self::default();
        for from in [self, others] {
            for (anchor, trusted) in from.anchors.iter().zip(&from.trusted) {
                if !all.anchors.iter().any(|known| known.is_twin_of(anchor)) {
                    all.keep(anchor.clone(), trusted.clone());
                }
            }
            for (hash, leaf) in &from.leaves {
                all.leaves.entry(*hash).or_insert_with(|| leaf.clone());
            }
        }
        all
    }

    /// Those without this key, where the terms let it go.
    pub(super) fn retire(&self, old: SpkiHash, terms: Retirement, now: UnixTime) -> Result<Self, NotRetired> {
        let (retired, left): (Vec<_>, Vec<_>) = self.all().partition(|anchor| anchor.spki == old);
        if retired.is_empty() {
            return Err(NotRetired::Unknown);
        }
        let used = |anchor: &&Anchor| anchor.hits.usage();
        let old_use = retired.iter().map(used).max_by_key(|usage| usage.last_used);
        terms.check(old_use.unwrap_or_default(), left.iter().map(used), now)?;
        let mut kept = Self::default();
        for (anchor, trusted) in self.anchors.iter().zip(&self.trusted) {
            if anchor.spki != old {
                kept.keep(anchor.clone(), trusted.clone());
            }
        }
        let leaves = self.leaves.iter().filter(|(_, leaf)| leaf.spki != old);
        kept.leaves = leaves.map(|(hash, leaf)| (*hash, leaf.clone())).collect();
        Ok(kept)
    }

    /// What was counted of the same keys before.
    pub(super) fn continue_from(&self, before: &Self) {
        for anchor in self.all() {
            if let Some(same) = before.all().find(|old| old.is_twin_of(anchor)) {
                anchor.hits.continue_from(&same.hits);
            }
        }
    }
}

/// The anchors to be tried for one chain.
pub(super) enum Candidates<'a> {
    All(&'a [TrustAnchor<'static>]),
    Some(Vec<TrustAnchor<'a>>),
}

impl<'a> Candidates<'a> {
    pub(super) fn as_slice(&self) -> &[TrustAnchor<'a>] {
        match self {
            Self::All(all) => all,
            Self::Some(some) => some,
        }
    }
}

fn borrowed<'a>(anchor: &'a TrustAnchor<'static>) -> TrustAnchor<'a> {
    TrustAnchor {
        subject: anchor.subject.as_ref().into(),
        subject_public_key_info: anchor.subject_public_key_info.as_ref().into(),
        name_constraints: anchor
            .name_constraints
            .as_ref()
            .map(|constraints| constraints.as_ref().into()),
    }
}

fn same(one: &TrustAnchor<'_>, other: &TrustAnchor<'_>) -> bool {
    one.subject_public_key_info.as_ref() == other.subject_public_key_info.as_ref()
        && one.name_constraints.as_ref().map(AsRef::as_ref)
            == other.name_constraints.as_ref().map(AsRef::<[u8]>::as_ref)
}

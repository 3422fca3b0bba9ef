use std::collections::HashMap;
use std::sync::Arc;

use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer, TrustAnchor, UnixTime};

use webpki::EndEntityCert;

use super::Untrusted;
use super::algorithms::Algorithms;
use super::invalid_ca::{InvalidCa, Problem};
use super::profile::check_signer;
use super::public_roots::PublicRoots;
use super::source::Source;
use crate::expiry::{self, Expiries};
use crate::identity::{
    CertHash, ExtendedKeyUsage, Facts, KeyKind, NameConstraints, NameTypes, SpkiHash, Validity,
};
use crate::usage::{Hits, NotRetired, Retirement, Usage};

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

/// What is known of one anchor.
pub(super) struct Anchor {
    pub(super) spki: SpkiHash,
    pub(super) spki_der: SubjectPublicKeyInfoDer<'static>,
    pub(super) validity: Validity,
    pub(super) name_constrained: bool,
    /// The types of names that it constrains.
    pub(super) constrained: NameTypes,
    pub(super) extended_key_usage: Option<ExtendedKeyUsage>,
    /// How many authorities may stand between it and a leaf.
    pub(super) path_len: Option<u32>,
    pub(super) may_sign_crls: bool,
    /// Its name, without the outer SEQUENCE.
    pub(super) name: Box<[u8]>,
    subject: String,
    hits: Hits,
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
        let (facts, validity) = Facts::of(der).map_err(|_| Problem::Certificate)?;
        let subject = subject_text(der);
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
        if facts.unknown_critical {
            return Err(Problem::CriticalExtension { subject });
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
        let (facts, validity) = Facts::of(der).map_err(|_| Problem::Certificate)?;
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

impl Anchor {
    fn new(subject: String, trusted: &TrustAnchor<'_>, facts: &Facts, validity: Validity) -> Self {
        let spki_der = webpki::spki_for_anchor(trusted);
        Self {
            spki: SpkiHash::of(&spki_der),
            spki_der,
            validity,
            name_constrained: trusted.name_constraints.is_some(),
            constrained: facts
                .name_constraints
                .map(NameConstraints::constrained)
                .unwrap_or_default(),
            extended_key_usage: facts.extended_key_usage,
            path_len: facts.path_len,
            may_sign_crls: facts.key_usage.is_none_or(|usage| usage.crl_sign),
            name: trusted.subject.as_ref().into(),
            subject,
            hits: Hits::default(),
        }
    }

    /// Whoever is on the list may sign: the list takes the place of the certificate.
    fn of_the_web(trusted: &TrustAnchor<'static>) -> Self {
        let spki_der = webpki::spki_for_anchor(trusted);
        Self {
            spki: SpkiHash::of(&spki_der),
            spki_der,
            validity: Validity::ALWAYS,
            name_constrained: trusted.name_constraints.is_some(),
            constrained: NameTypes::default(),
            extended_key_usage: None,
            path_len: None,
            may_sign_crls: true,
            name: trusted.subject.as_ref().into(),
            subject: String::from("a public root"),
            hits: Hits::default(),
        }
    }

    /// The same certificate, as far as paths are concerned.
    fn is_twin_of(&self, other: &Self) -> bool {
        (self.spki, &self.name, self.validity) == (other.spki, &other.name, other.validity)
    }

    pub(super) fn count(&self, now: UnixTime) {
        self.hits.count(now);
    }

    pub(super) fn expiry(&self, found: &mut Expiries) {
        found.add(expiry::Kind::Anchor, self.subject.as_str(), self.validity);
    }

    pub(super) fn usage(&self) -> AnchorUsage {
        AnchorUsage {
            spki: self.spki,
            subject: self.subject.clone(),
            validity: self.validity,
            handshakes: self.hits.usage(),
        }
    }
}

/// As an anchor, or as a leaf that counts by itself: within its dates, and in webpki's form.
fn taken(
    der: &CertificateDer<'_>,
    subject: String,
    facts: &Facts,
    validity: Validity,
    now: UnixTime,
) -> Result<(Anchor, TrustAnchor<'static>), Problem> {
    let not_after = validity.not_after;
    if now > not_after {
        return Err(Problem::Expired { subject, not_after });
    }
    let trusted = webpki::anchor_from_trusted_cert(der).map_err(|_| Problem::Certificate)?;
    let trusted = trusted.to_owned();
    Ok((Anchor::new(subject, &trusted, facts, validity), trusted))
}

fn check_private(anchor: &Anchor, der: &CertificateDer<'_>, algorithms: Algorithms) -> Result<(), Problem> {
    let subject = || anchor.subject.clone();
    let public = PublicRoots::known();
    if public.contain(&anchor.spki) {
        return Err(Problem::Public { subject: subject() });
    }
    if public.have_issued(der, algorithms) {
        return Err(Problem::PublicIntermediate { subject: subject() });
    }
    Ok(())
}

/// A count of an anchor's use. In a change of authorities, the old one can go when nobody uses it any more:
/// [`PrivateCa::retire`](super::PrivateCa::retire).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnchorUsage {
    /// Its public key.
    pub spki: SpkiHash,
    /// Its subject, for people to read. Never to be matched.
    pub subject: String,
    /// When it is valid.
    pub validity: Validity,
    /// Completed handshakes of peers whose path ends in it.
    pub handshakes: Usage,
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

/// For messages to the operator only.
fn is_self_issued(der: &CertificateDer<'_>) -> bool {
    EndEntityCert::try_from(der).is_ok_and(|certificate| certificate.issuer() == certificate.subject())
}

/// For messages to the operator only; never matched.
pub(super) fn subject_text(der: &[u8]) -> String {
    use x509_parser::prelude::FromDer as _;
    match x509_parser::certificate::X509Certificate::from_der(der) {
        Ok((_, certificate)) => certificate.subject().to_string(),
        Err(_) => String::from("?"),
    }
}

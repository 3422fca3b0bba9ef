use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer, TrustAnchor, UnixTime};

use super::Untrusted;
use super::profile::check_signer;
use super::public_roots::is_public;
use crate::identity::{CertHash, Facts, KeyKind, SpkiHash, Validity};

/// Above this many anchors, only those whose name occurs in the chain are shown to webpki, which looks at each.
const SCAN: usize = 16;

/// The certificates at which paths may end.
#[derive(Default)]
pub(super) struct Anchors {
    trusted: Vec<TrustAnchor<'static>>,
    /// What webpki does not keep of an anchor; at the same place as the anchor.
    anchors: Vec<Anchor>,
    by_subject: HashMap<Box<[u8]>, Vec<usize>>,
    /// Leaves trusted as they are, without an issuer.
    leaves: HashMap<CertHash, Anchor>,
}

/// What is known of one anchor.
pub(super) struct Anchor {
    pub(super) spki: SpkiHash,
    pub(super) spki_der: SubjectPublicKeyInfoDer<'static>,
    pub(super) validity: Validity,
    pub(super) name_constrained: bool,
    pub(super) may_sign_crls: bool,
    /// Its name, without the outer SEQUENCE.
    pub(super) name: Box<[u8]>,
    subject: String,
    hits: AtomicU64,
}

/// Which authorities may be anchors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only one's own.
    Private,
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
            return Err(Problem::NotACa { subject });
        }
        if facts.key == KeyKind::Weak {
            return Err(Problem::WeakKey { subject });
        }
        if facts.unknown_critical {
            return Err(Problem::CriticalExtension { subject });
        }
        match check_signer(&facts) {
            Ok(()) => {}
            Err(Untrusted::Rfc5280 { rule }) => return Err(Problem::Rfc5280 { subject, rule }),
            Err(_) => return Err(Problem::MayNotSign { subject }),
        }
        if now > validity.not_after {
            return Err(Problem::Expired {
                subject,
                not_after: validity.not_after,
            });
        }
        let trusted = webpki::anchor_from_trusted_cert(der)
            .map_err(|_| Problem::Certificate)?
            .to_owned();
        let anchor = Anchor::new(subject, &trusted, &facts, validity);
        if kind == Kind::Private && is_public(&anchor.spki) {
            return Err(Problem::Public {
                subject: anchor.subject,
            });
        }
        self.keep(anchor, trusted);
        Ok(())
    }

    fn keep(&mut self, anchor: Anchor, trusted: TrustAnchor<'static>) {
        let place = self.trusted.len();
        self.by_subject
            .entry(trusted.subject.as_ref().into())
            .or_default()
            .push(place);
        self.trusted.push(trusted);
        self.anchors.push(anchor);
    }

    fn add_leaf(&mut self, der: &CertificateDer<'_>, now: UnixTime) -> Result<(), Problem> {
        let (facts, validity) = Facts::of(der).map_err(|_| Problem::Certificate)?;
        let subject = subject_text(der);
        if facts.is_ca {
            return Err(Problem::NotALeaf { subject });
        }
        if now > validity.not_after {
            return Err(Problem::Expired {
                subject,
                not_after: validity.not_after,
            });
        }
        let trusted = webpki::anchor_from_trusted_cert(der)
            .map_err(|_| Problem::Certificate)?
            .to_owned();
        self.leaves.insert(
            CertHash::of(der),
            Anchor::new(subject, &trusted, &facts, validity),
        );
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

    /// What is known of the anchor that a path ended in.
    ///
    /// A root that was renewed under its key is there twice, and to a path both are the same: the one that counts is
    /// the one in force at `now` for longest.
    pub(super) fn find(&self, trusted: &TrustAnchor<'_>, now: UnixTime) -> Option<&Anchor> {
        let places = self.by_subject.get(trusted.subject.as_ref())?;
        let same = places.iter().filter(|place| {
            self.trusted
                .get(**place)
                .is_some_and(|anchor| same(anchor, trusted))
        });
        same.filter_map(|place| self.anchors.get(*place))
            .max_by_key(|anchor| (anchor.validity.contains(now), anchor.validity.not_after))
    }

    pub(super) fn find_leaf(&self, der: &CertificateDer<'_>) -> Option<&Anchor> {
        if self.leaves.is_empty() {
            return None;
        }
        self.leaves.get(&CertHash::of(der))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Anchor> {
        self.anchors.iter().chain(self.leaves.values())
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
            may_sign_crls: facts.key_usage.is_none_or(|usage| usage.crl_sign),
            name: trusted.subject.as_ref().into(),
            subject,
            hits: AtomicU64::new(0),
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
            may_sign_crls: true,
            name: trusted.subject.as_ref().into(),
            subject: String::from("a public root"),
            hits: AtomicU64::new(0),
        }
    }

    pub(super) fn count(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn usage(&self) -> AnchorUsage {
        AnchorUsage {
            spki: self.spki,
            subject: self.subject.clone(),
            validity: self.validity,
            handshakes: self.hits.load(Ordering::Relaxed),
        }
    }
}

/// How much an anchor is used. In a change of authorities, the old one can go when its count stands still.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnchorUsage {
    /// Its public key.
    pub spki: SpkiHash,
    /// Its subject, for people to read. Never to be matched.
    pub subject: String,
    /// When it is valid.
    pub validity: Validity,
    /// Completed handshakes of peers whose path ends in it, since it was loaded.
    pub handshakes: u64,
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

/// For messages to the operator only; never matched.
fn subject_text(der: &[u8]) -> String {
    use x509_parser::prelude::FromDer as _;
    match x509_parser::certificate::X509Certificate::from_der(der) {
        Ok((_, certificate)) => certificate.subject().to_string(),
        Err(_) => String::from("?"),
    }
}

/// Where certificates come from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Pem(Vec<u8>),
    PemFile(PathBuf),
    Der(CertificateDer<'static>),
    LeafPem(Vec<u8>),
}

impl Source {
    pub(super) fn file(path: impl AsRef<Path>) -> Self {
        Self::PemFile(path.as_ref().into())
    }

    fn holds_leaves(&self) -> bool {
        matches!(self, Self::LeafPem(_))
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Problem> {
        match self {
            Self::Der(der) => Ok(vec![der.clone()]),
            Self::Pem(pem) | Self::LeafPem(pem) => read_pem(pem),
            Self::PemFile(path) => {
                let pem = std::fs::read(path).map_err(|error| Problem::Unreadable(error.to_string()))?;
                read_pem(&pem)
            }
        }
    }
}

fn read_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let certificates: Result<_, _> = CertificateDer::pem_slice_iter(pem).collect();
    certificates.map_err(|error| Problem::Pem(error.to_string()))
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem(_) | Self::LeafPem(_) => f.write_str("the PEM text given"),
            Self::Der(_) => f.write_str("the certificate given"),
            Self::PemFile(path) => path.display().fmt(f),
        }
    }
}

/// A set of anchors that must not be used: which source, which certificate, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("certificate authorities from {source_name}: {problem}")]
pub struct InvalidCa {
    pub(super) source_name: String,
    pub(super) problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("cannot be read ({0}); check that the file exists and that this process may read it")]
    Unreadable(String),
    #[error("not well-formed PEM ({0}); export it again as PEM")]
    Pem(String),
    #[error("holds no certificate; give the CA certificates as PEM sections \"BEGIN CERTIFICATE\"")]
    NoCertificate,
    #[error("a certificate in it is not X.509 in DER; export it again from the CA")]
    Certificate,
    #[error(
        "{subject} is not a certificate authority (basicConstraints cA is false); give its issuer, or trust it as a leaf"
    )]
    NotACa { subject: String },
    #[error("{subject} is a certificate authority; give it as an anchor, not as a leaf")]
    NotALeaf { subject: String },
    #[error(
        "{subject} may not sign certificates (keyUsage lacks keyCertSign); give the CA certificate that may"
    )]
    MayNotSign { subject: String },
    #[error(
        "{subject} has a weak key (RSA below 2048 bits, or an unusual curve); have the CA issue a new one"
    )]
    WeakKey { subject: String },
    #[error("{subject} expired at {} (seconds since 1970); remove it, or give its successor", .not_after.as_secs())]
    Expired { subject: String, not_after: UnixTime },
    #[error(
        "{subject} is a public authority, which issues to anybody; for senders with a public certificate use PublicCa, \
         together with their exact names or keys"
    )]
    Public { subject: String },
    #[error("{subject} has a critical extension that is not supported, so nobody can say what it means")]
    CriticalExtension { subject: String },
    #[error("{subject} breaks RFC 5280: {rule}; have the CA issue a new one")]
    Rfc5280 { subject: String, rule: &'static str },
    #[error("revocation is required and no CRL is loaded; give the CRLs of every authority on the path")]
    NoCrl,
    #[error("a public authority proves nothing about who it is; give exact names or pins of the senders")]
    NoNames,
}

use std::sync::Arc;

use super::template::{Template, is_spiffe};
use super::{InvalidTable, PeerIdentity, TableProblem, TenantId};
use crate::identity::{Name, NameKind, SpkiHash};
use crate::trust::VerifiedPeer;

/// A rule by which a peer shows whose it is, with conditions.
///
/// Kong's rule, for one: below a fixed issuer, the organizational unit is the tenant and the common name a known
/// application.
///
/// ```
/// use countersign::identity::{NameKind, SpkiHash};
/// use countersign::tenant::{Rule, TableProblem, TenantTable};
///
/// let issuer = SpkiHash::of(b"the issuer's public key");
/// let rule = Rule::template(NameKind::OrganizationalUnit, "{tenant}")
///     .issued_by(issuer)
///     .carrying(NameKind::CommonName, "billing-application");
/// let table = TenantTable::builder().rule(rule.clone()).known(["globex", "initech"]).build();
/// assert_eq!(table.map(drop), Ok(()));
/// // A template only yields tenants that are known, so somebody must be.
/// let nobody = TenantTable::builder().rule(rule).build();
/// assert_eq!(nobody.err().map(|why| why.problem), Some(TableProblem::NobodyKnown));
/// ```
///
/// In a configuration it is [one line](#impl-FromStr-for-Rule), such as `DNS:hooks.globex.example -> globex`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub(super) source: Source,
    pub(super) issued_by: Option<SpkiHash>,
    pub(super) carrying: Vec<(NameKind, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Template(NameKind, String),
    Name(TenantId, NameKind, String),
    Host(TenantId, String),
    Pin(TenantId, SpkiHash),
    Issuer(TenantId, SpkiHash),
}

impl Rule {
    /// A name of this kind with `{tenant}` in it: one path segment of a URI, one label of a DNS name. It yields only
    /// tenants that are [known](super::TenantTableBuilder::known).
    pub fn template(kind: NameKind, template: &str) -> Self {
        Self::from(Source::Template(kind, template.to_owned()))
    }

    /// This tenant's is exactly that name.
    pub fn name(tenant: TenantId, kind: NameKind, name: &str) -> Self {
        Self::from(Source::Name(tenant, kind, name.to_owned()))
    }

    /// This tenant's is exactly that host name, as a DNS name or as the only common name: for senders that say the name and not
    /// where it stands. A leaf that carries it in both places matches once.
    pub fn host_name(tenant: TenantId, name: &str) -> Self {
        Self::from(Source::Host(tenant, name.to_owned()))
    }

    /// This tenant is the holder of that key.
    pub fn pin(tenant: TenantId, spki: SpkiHash) -> Self {
        Self::from(Source::Pin(tenant, spki))
    }

    /// This tenant is whoever was issued a certificate by the authority with that key, on the path that was verified:
    /// an authority for each tenant.
    ///
    /// Below a [`PublicCa`](crate::trust::PublicCa) or a [`SharedCa`](crate::trust::SharedCa) it names nobody
    /// ([`NoTenant::SharedAuthority`](super::NoTenant::SharedAuthority)), unless the leaf must be [carrying](Self::carrying) a name.
    pub fn issuer(tenant: TenantId, spki: SpkiHash) -> Self {
        Self::from(Source::Issuer(tenant, spki))
    }

    /// Only below the authority with this key, on the path that was verified.
    #[must_use]
    pub fn issued_by(mut self, spki: SpkiHash) -> Self {
        self.issued_by = Some(spki);
        self
    }

    /// Only for a leaf that carries exactly this name as well.
    #[must_use]
    pub fn carrying(mut self, kind: NameKind, name: &str) -> Self {
        self.carrying.push((kind, name.to_owned()));
        self
    }

    fn from(source: Source) -> Self {
        Self {
            source,
            issued_by: None,
            carrying: Vec::new(),
        }
    }

    /// The tenant that it names: none, where what stands in the certificate does.
    pub(super) fn tenant(&self) -> Option<&TenantId> {
        match &self.source {
            Source::Template(..) => None,
            Source::Name(tenant, ..) | Source::Host(tenant, _) => Some(tenant),
            Source::Pin(tenant, _) | Source::Issuer(tenant, _) => Some(tenant),
        }
    }

    /// Whether this identity shows what it begins with; its conditions aside.
    pub(super) fn speaks_of(&self, identity: &PeerIdentity) -> bool {
        match &self.source {
            Source::Template(..) => false,
            Source::Name(_, kind, text) => {
                Name::parse(*kind, text).is_ok_and(|name| identity.names().contains(&name))
            }
            Source::Host(_, text) => {
                hosts_among(identity.names()).any(|host| host.eq_ignore_ascii_case(text))
            }
            Source::Pin(_, spki) => identity.spki() == *spki,
            Source::Issuer(_, spki) => identity.issuers().contains(spki),
        }
    }

    pub(super) fn is_template(&self) -> bool {
        matches!(self.source, Source::Template(..))
    }

    /// Without conditions a name can be looked up.
    pub(super) fn as_lookup(&self) -> Option<Result<(Key, TenantId), InvalidTable>> {
        if self.issued_by.is_some() || !self.carrying.is_empty() {
            return None;
        }
        let (owner, key) = match &self.source {
            Source::Name(owner, kind, text) => (owner, self.parse_name(*kind, text).map(Key::Name)),
            Source::Host(owner, text) => (owner, self.parse_host(text).map(Key::Host)),
            Source::Pin(owner, spki) => (owner, Ok(Key::Pin(*spki))),
            Source::Template(..) | Source::Issuer(..) => return None,
        };
        Some(key.map(|key| (key, owner.clone())))
    }

    pub(super) fn compile(&self) -> Result<Compiled, InvalidTable> {
        let matcher = match &self.source {
            Source::Template(kind, text) => {
                Matcher::Template(Template::parse(*kind, text).map_err(|problem| self.invalid(problem))?)
            }
            Source::Name(owner, kind, text) => Matcher::Name(self.parse_name(*kind, text)?, owner.clone()),
            Source::Host(owner, text) => Matcher::Host(self.parse_host(text)?, owner.clone()),
            Source::Pin(owner, spki) => Matcher::Pin(*spki, owner.clone()),
            Source::Issuer(owner, spki) => Matcher::Issuer(*spki, owner.clone()),
        };
        let carrying = self
            .carrying
            .iter()
            .map(|(kind, text)| self.parse_name(*kind, text))
            .collect::<Result<_, _>>()?;
        Ok(Compiled {
            matcher,
            issued_by: self.issued_by,
            carrying,
            label: self.label().into(),
        })
    }

    /// How it is called in answers and errors.
    fn label(&self) -> String {
        match &self.source {
            Source::Template(kind, text) => format!("{kind} {text}"),
            Source::Name(_, kind, text) => format!("{kind} {text}"),
            Source::Host(_, text) => host_label(text),
            Source::Pin(_, spki) => format!("pin {spki}"),
            Source::Issuer(_, spki) => format!("issuer {spki}"),
        }
    }

    fn invalid(&self, problem: TableProblem) -> InvalidTable {
        InvalidTable {
            rule: self.label(),
            problem,
        }
    }

    /// In lower case, as DNS names are kept.
    fn parse_host(&self, text: &str) -> Result<Box<str>, InvalidTable> {
        self.parse_name(NameKind::Dns, text)?;
        Ok(text.to_ascii_lowercase().into())
    }

    fn parse_name(&self, kind: NameKind, text: &str) -> Result<Name, InvalidTable> {
        Name::parse(kind, text).map_err(|invalid| self.invalid(TableProblem::Name(invalid)))
    }
}

/// What can be looked up rather than compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Name(Name),
    /// A host name, wherever it stands.
    Host(Box<str>),
    Pin(SpkiHash),
}

impl Key {
    /// The kind of name that it was found in.
    pub(super) fn kind(&self, peer: &VerifiedPeer) -> Option<NameKind> {
        match self {
            Self::Name(name) => Some(name.kind()),
            Self::Host(host) => Some(kind_of_host(peer, host)),
            Self::Pin(_) => None,
        }
    }

    pub(super) fn is_spiffe(&self) -> bool {
        matches!(self, Self::Name(Name::Uri(uri)) if is_spiffe(uri))
    }

    pub(super) fn label(&self) -> String {
        match self {
            Self::Name(name) => name.to_string(),
            Self::Host(host) => host_label(host),
            Self::Pin(spki) => format!("pin {spki}"),
        }
    }
}

/// A rule that has been checked.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    matcher: Matcher,
    issued_by: Option<SpkiHash>,
    carrying: Vec<Name>,
    pub(super) label: Arc<str>,
}

#[derive(Debug, Clone)]
enum Matcher {
    Template(Template),
    Name(Name, TenantId),
    Host(Box<str>, TenantId),
    Pin(SpkiHash, TenantId),
    Issuer(SpkiHash, TenantId),
}

/// What a rule finds in a peer.
pub(super) enum Found<'a> {
    Tenant(&'a TenantId),
    /// What stands in the certificate where the tenant's name belongs.
    Captured(&'a str),
}

impl Compiled {
    /// Everything it matches: two are one too many.
    pub(super) fn found<'a>(&'a self, peer: &'a VerifiedPeer) -> impl Iterator<Item = Found<'a>> {
        let names = if self.applies(peer) {
            peer.leaf().names()
        } else {
            &[]
        };
        let by_name = names.iter().filter_map(|name| match &self.matcher {
            Matcher::Template(template) => template.capture(name).map(Found::Captured),
            Matcher::Name(wanted, tenant) => (name == wanted).then_some(Found::Tenant(tenant)),
            Matcher::Host(..) | Matcher::Pin(..) | Matcher::Issuer(..) => None,
        });
        let by_key = match &self.matcher {
            Matcher::Pin(spki, tenant) => {
                (peer.leaf().spki() == *spki && self.applies(peer)).then_some(tenant)
            }
            Matcher::Host(wanted, tenant) => {
                let is_shown = || hosts(peer).any(|host| host == *wanted);
                (self.applies(peer) && is_shown()).then_some(tenant)
            }
            Matcher::Issuer(spki, tenant) => {
                (is_on_path(peer, *spki) && self.applies(peer)).then_some(tenant)
            }
            Matcher::Template(_) | Matcher::Name(..) => None,
        };
        by_name.chain(by_key.map(Found::Tenant))
    }

    fn applies(&self, peer: &VerifiedPeer) -> bool {
        let carries = |name: &Name| peer.leaf().names().contains(name);
        self.issued_by.is_none_or(|spki| is_on_path(peer, spki)) && self.carrying.iter().all(carries)
    }

    /// Its template, where it has one and asks for nothing else.
    pub(super) fn as_template_alone(&self) -> Option<&Template> {
        match &self.matcher {
            Matcher::Template(template) if self.issued_by.is_none() && self.carrying.is_empty() => {
                Some(template)
            }
            _ => None,
        }
    }

    /// It asks for nothing but who has issued the certificate.
    pub(super) fn is_issuer_alone(&self) -> bool {
        matches!(self.matcher, Matcher::Issuer(..)) && self.carrying.is_empty()
    }

    /// It relies on a SPIFFE ID.
    pub(super) fn is_spiffe(&self) -> bool {
        match &self.matcher {
            Matcher::Template(template) => template.is_spiffe(),
            Matcher::Name(Name::Uri(uri), _) => is_spiffe(uri),
            Matcher::Name(..) | Matcher::Host(..) | Matcher::Pin(..) | Matcher::Issuer(..) => false,
        }
    }

    /// The kinds of names that it relies on.
    pub(super) fn kinds(&self, peer: &VerifiedPeer) -> impl Iterator<Item = NameKind> {
        let own = match &self.matcher {
            Matcher::Template(template) => Some(template.kind()),
            Matcher::Name(name, _) => Some(name.kind()),
            Matcher::Host(host, _) => Some(kind_of_host(peer, host)),
            Matcher::Pin(..) | Matcher::Issuer(..) => None,
        };
        own.into_iter().chain(self.carrying.iter().map(Name::kind))
    }
}

/// As a rule on this name begins.
pub(super) fn written(name: &Name) -> String {
    let prefix = name.kind().prefix();
    match name {
        Name::Ip(address) => format!("{prefix}{address}"),
        Name::Dns(text) | Name::Uri(text) | Name::Email(text) => format!("{prefix}{text}"),
        Name::CommonName(text) | Name::OrganizationalUnit(text) => format!("{prefix}{text}"),
        Name::UserId(text) | Name::OrganizationIdentifier(text) => format!("{prefix}{text}"),
    }
}

fn host_label(host: &str) -> String {
    format!("host name {host}")
}

/// The host names that the leaf shows: its DNS names, and common names that are shaped like one and are not among them.
pub(super) fn hosts(peer: &VerifiedPeer) -> impl Iterator<Item = Box<str>> {
    hosts_among(peer.leaf().names())
}

pub(super) fn hosts_among(names: &[Name]) -> impl Iterator<Item = Box<str>> {
    names.iter().filter_map(|name| match name {
        Name::Dns(host) => Some(host.clone()),
        Name::CommonName(text) => match Name::parse(NameKind::Dns, text) {
            Ok(Name::Dns(host)) if !names.contains(&Name::Dns(host.clone())) => Some(host),
            _ => None,
        },
        _ => None,
    })
}

/// Where the leaf shows a host name that it shows: what is a DNS name need not be the common name, too.
fn kind_of_host(peer: &VerifiedPeer, host: &str) -> NameKind {
    if peer.leaf().names().contains(&Name::Dns(host.into())) {
        NameKind::Dns
    } else {
        NameKind::CommonName
    }
}

fn is_on_path(peer: &VerifiedPeer, spki: SpkiHash) -> bool {
    let evidence = peer.evidence();
    evidence.anchor == Some(spki) || evidence.issuers.contains(&spki)
}

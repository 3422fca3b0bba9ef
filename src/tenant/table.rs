use std::collections::HashMap;
use std::sync::Arc;

use super::known::{Known, Listed};
use super::prepared::OneTemplate;
use super::rule::{Compiled, Found, Key, hosts};
use super::{InvalidTable, NoTenant, ResolveTenant, Resolved, Rule, TableProblem, TenantId};
use crate::identity::{NameKind, SpkiHash};
use crate::trust::VerifiedPeer;

/// A mapping of verified peers to tenants, by rules on their names, keys and issuers.
///
/// Names match exactly and by type. Exactly one rule must match, with exactly one name: everything else is refused,
/// never guessed. A template only ever yields a tenant that is [known](TenantTableBuilder::known). Rules on exact names
/// and pins are looked up, so a million tenants cost no more than one.
///
/// ```
/// use countersign::identity::PeerChain;
/// use countersign::tenant::{NoTenant, ResolveTenant as _, TenantTable};
/// # use countersign::testing::{NOW, TestCa};
/// # use countersign::trust::{PrivateCa, Role, VerifiedPeer};
///
/// let table = TenantTable::builder()
///     .uri("spiffe://acme.example/tenant/{tenant}")
///     .known(["globex", "initech"])
///     .build()?;
///
/// # let (ca, algorithms) = (TestCa::new("Acme Root"), rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all);
/// # let trust = PrivateCa::from_pem(ca.pem().as_bytes(), algorithms, NOW)?;
/// # let verified = |id: &str| Ok::<_, Box<dyn std::error::Error>>(VerifiedPeer::verify(&trust, PeerChain::parse(ca.client(id).issue().chain())?, Role::Client, NOW)?);
/// let globex = table.resolve_tenant(&verified("spiffe://acme.example/tenant/globex")?)?;
/// assert_eq!(globex.tenant.as_str(), "globex");
/// let unknown = table.resolve_tenant(&verified("spiffe://acme.example/tenant/acme")?);
/// assert_eq!(unknown.err().map(|why| why.code()), Some("tenant.unknown"));
/// let nobody = table.resolve_tenant(&verified("spiffe://else.example/tenant/globex")?);
/// assert_eq!(nobody.err(), Some(NoTenant::NoRule));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct TenantTable {
    rules: Vec<Compiled>,
    lookup: HashMap<Key, TenantId>,
    /// Of what kind they are: what none of them is need not be made a key of.
    has: Kinds,
    pub(super) known: Known,
    /// Where it is no more than that.
    pub(super) one_template: Option<OneTemplate>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Kinds {
    pins: bool,
    names: bool,
    hosts: bool,
}

impl Kinds {
    fn of<'k>(keys: impl Iterator<Item = &'k Key>) -> Self {
        keys.fold(Self::default(), |has, key| match key {
            Key::Pin(_) => Self { pins: true, ..has },
            Key::Name(_) => Self { names: true, ..has },
            Key::Host(_) => Self { hosts: true, ..has },
        })
    }
}

impl TenantTable {
    /// An empty table to add rules to.
    pub fn builder() -> TenantTableBuilder {
        TenantTableBuilder::default()
    }

    /// The one match that there is. A second one makes it none, also where both name one tenant: a table in which two rules
    /// speak about one certificate was not meant so.
    fn only_match<'a>(&'a self, peer: &'a VerifiedPeer) -> Result<Match<'a>, NoTenant> {
        let mut only: Option<Match<'_>> = None;
        self.matches(peer).try_for_each(|found| match only.take() {
            None => {
                only = Some(found);
                Ok(())
            }
            Some(first) => Err(NoTenant::Ambiguous {
                first: first.by.label(),
                second: found.by.label(),
            }),
        })?;
        only.ok_or(NoTenant::NoRule)
    }

    /// Every match there is.
    fn matches<'a>(&'a self, peer: &'a VerifiedPeer) -> impl Iterator<Item = Match<'a>> {
        let leaf = peer.leaf();
        let Kinds {
            pins,
            names,
            hosts: has_hosts,
        } = self.has;
        let pin = pins.then(|| Key::Pin(leaf.spki()));
        let names = names.then(|| leaf.names().iter().cloned().map(Key::Name));
        let hosts = has_hosts.then(|| hosts(peer).map(Key::Host));
        let names = names.into_iter().flatten();
        let keys = pin.into_iter().chain(names).chain(hosts.into_iter().flatten());
        let looked_up = keys.filter_map(|key| {
            let (key, tenant) = self.lookup.get_key_value(&key)?;
            Some(Match {
                found: Found::Tenant(tenant),
                by: By::Key(key),
            })
        });
        let ruled = self.rules.iter().flat_map(move |rule| {
            rule.found(peer).map(move |found| Match {
                found,
                by: By::Rule(rule),
            })
        });
        looked_up.chain(ruled)
    }
}

struct Match<'a> {
    found: Found<'a>,
    by: By<'a>,
}

enum By<'a> {
    Key(&'a Key),
    Rule(&'a Compiled),
}

impl By<'_> {
    fn label(&self) -> Arc<str> {
        match self {
            Self::Key(key) => key.label().into(),
            Self::Rule(rule) => rule.label.clone(),
        }
    }

    fn is_spiffe(&self) -> bool {
        match self {
            Self::Key(key) => key.is_spiffe(),
            Self::Rule(rule) => rule.is_spiffe(),
        }
    }

    fn relies_on_the_subject(&self, peer: &VerifiedPeer) -> bool {
        let of_the_subject = |kind| NameKind::OF_THE_SUBJECT.contains(&kind);
        match self {
            Self::Key(key) => key.kind(peer).is_some_and(of_the_subject),
            Self::Rule(rule) => rule.kinds(peer).any(of_the_subject),
        }
    }

    fn relies_on(&self, kind: NameKind, peer: &VerifiedPeer) -> bool {
        match self {
            Self::Key(key) => key.kind(peer) == Some(kind),
            Self::Rule(rule) => rule.kinds(peer).any(|relied| relied == kind),
        }
    }
}

impl ResolveTenant for TenantTable {
    fn resolve_tenant(&self, peer: &VerifiedPeer) -> Result<Resolved, NoTenant> {
        let at_once = self.one_template.as_ref();
        match at_once.and_then(|template| template.resolve(peer, &self.known)) {
            Some(resolved) => Ok(resolved),
            None => self.resolve_by_rules(peer),
        }
    }
}

impl TenantTable {
    /// By whatever rules there are.
    pub(super) fn resolve_by_rules(&self, peer: &VerifiedPeer) -> Result<Resolved, NoTenant> {
        let only = self.only_match(peer)?;
        check_subject_names(peer, &only.by)?;
        check_spiffe(peer, &only.by)?;
        check_issuer(peer, &only.by)?;
        let rule = only.by.label();
        match only.found {
            Found::Tenant(tenant) => Ok(Resolved::new(tenant.clone(), rule)),
            Found::Captured(name) => match self.known.get(name) {
                Some(tenant) => Ok(Resolved::new(tenant, rule)),
                None => Err(NoTenant::Unknown {
                    rule,
                    name: name.to_owned(),
                }),
            },
        }
    }
}

/// A name of the subject counts only where no authority on the path constrains names, and one that says who it is only if it
/// is the only one.
fn check_subject_names(peer: &VerifiedPeer, by: &By<'_>) -> Result<(), NoTenant> {
    if !by.relies_on_the_subject(peer) {
        return Ok(());
    }
    for kind in NameKind::OF_THE_SUBJECT {
        if !by.relies_on(kind, peer) {
            continue;
        }
        if peer.evidence().name_constrained {
            return Err(NoTenant::Unconstrained { kind });
        }
        if peer.leaf().facts().is_repeated(kind) {
            return Err(NoTenant::Ambiguous {
                first: by.label(),
                second: format!("a second {kind}").into(),
            });
        }
    }
    Ok(())
}

/// A certificate that carries a SPIFFE ID carries no other URI (X.509-SVID §2).
fn check_spiffe(peer: &VerifiedPeer, by: &By<'_>) -> Result<(), NoTenant> {
    let uris = peer
        .leaf()
        .names()
        .iter()
        .filter(|name| name.kind() == NameKind::Uri);
    if by.is_spiffe() && uris.count() > 1 {
        return Err(NoTenant::Ambiguous {
            first: by.label(),
            second: "a second URI beside a SPIFFE ID".into(),
        });
    }
    Ok(())
}

/// Below an authority that issues to others as well, the issuer alone is nobody.
fn check_issuer(peer: &VerifiedPeer, by: &By<'_>) -> Result<(), NoTenant> {
    match by {
        By::Rule(rule) if rule.is_issuer_alone() && peer.evidence().shared_authority => {
            Err(NoTenant::SharedAuthority { rule: by.label() })
        }
        By::Rule(_) | By::Key(_) => Ok(()),
    }
}

/// A builder of a [`TenantTable`]. Mistakes are reported by [`build`](Self::build).
#[derive(Debug, Default)]
pub struct TenantTableBuilder {
    rules: Vec<Rule>,
    known: Listed,
}

impl TenantTableBuilder {
    /// A rule, with or without conditions.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// URI in the subject alternative name, with `{tenant}` for one path segment:
    /// `spiffe://acme.example/tenant/{tenant}`. Below `spiffe:` the URI must be a SPIFFE ID in the standard's form.
    #[must_use]
    pub fn uri(self, template: &str) -> Self {
        self.template(NameKind::Uri, template)
    }

    /// A name with `{tenant}` in it. See [`Rule::template`].
    #[must_use]
    pub fn template(self, kind: NameKind, template: &str) -> Self {
        self.rule(Rule::template(kind, template))
    }

    /// The tenants that a template may name: texts, as a configuration lists them, or every [`TenantId`] that there is. What is
    /// no tenant's name is told by [`build`](Self::build).
    #[must_use]
    pub fn known<T: Into<String>>(mut self, tenants: impl IntoIterator<Item = T>) -> Self {
        tenants.into_iter().for_each(|name| self.known.push(&name.into()));
        self
    }

    /// This tenant's is exactly that name.
    #[must_use]
    pub fn name(self, tenant: TenantId, kind: NameKind, name: &str) -> Self {
        self.rule(Rule::name(tenant, kind, name))
    }

    /// This tenant's is exactly that common name of the subject. A tenant and a name are of different types, so that
    /// neither can stand in the other's place:
    ///
    /// ```compile_fail,E0308
    /// use countersign::tenant::{TenantId, TenantTable};
    ///
    /// let acme = TenantId::parse("acme").unwrap();
    /// let _ = TenantTable::builder().common_name("webhooks.acme.example", acme);
    /// ```
    #[must_use]
    pub fn common_name(self, tenant: TenantId, name: &str) -> Self {
        self.name(tenant, NameKind::CommonName, name)
    }

    /// This tenant's is exactly that host name, as a DNS name or as the only common name. See [`Rule::host_name`].
    #[must_use]
    pub fn host_name(self, tenant: TenantId, name: &str) -> Self {
        self.rule(Rule::host_name(tenant, name))
    }

    /// This tenant's is exactly that organizational unit of the subject.
    #[must_use]
    pub fn organizational_unit(self, tenant: TenantId, name: &str) -> Self {
        self.name(tenant, NameKind::OrganizationalUnit, name)
    }

    /// This tenant is the holder of that key.
    #[must_use]
    pub fn pin(self, tenant: TenantId, spki: SpkiHash) -> Self {
        self.rule(Rule::pin(tenant, spki))
    }

    /// This tenant is the customers of that authority. See [`Rule::issuer`].
    #[must_use]
    pub fn issuer(self, tenant: TenantId, spki: SpkiHash) -> Self {
        self.rule(Rule::issuer(tenant, spki))
    }

    /// The table.
    ///
    /// # Errors
    /// [`InvalidTable`] with the first rule that cannot be followed, or where there is none.
    pub fn build(self) -> Result<TenantTable, InvalidTable> {
        let whole = |problem| InvalidTable {
            rule: "table".to_owned(),
            problem,
        };
        if self.rules.is_empty() {
            return Err(whole(TableProblem::Empty));
        }
        if self.known.is_empty() && self.rules.iter().any(Rule::is_template) {
            return Err(whole(TableProblem::NobodyKnown));
        }
        let (mut rules, mut lookup) = (Vec::new(), HashMap::new());
        for rule in &self.rules {
            match rule.as_lookup() {
                Some(entry) => add(&mut lookup, entry?)?,
                None => rules.push(rule.compile()?),
            }
        }
        let known = Known::of(&self.known).map_err(|(name, _)| InvalidTable {
            rule: "known".to_owned(),
            problem: TableProblem::Tenant(name.to_owned()),
        })?;
        let one_template = lookup.is_empty().then(|| OneTemplate::of(&rules, &self.known));
        Ok(TenantTable {
            one_template: one_template.flatten(),
            rules,
            has: Kinds::of(lookup.keys()),
            lookup,
            known,
        })
    }
}

/// One owner for each key.
fn add(lookup: &mut HashMap<Key, TenantId>, (key, tenant): (Key, TenantId)) -> Result<(), InvalidTable> {
    if let Some(first) = lookup.get(&key).filter(|first| **first != tenant) {
        let problem = TableProblem::Twice {
            first: first.to_string(),
            second: tenant.to_string(),
        };
        return Err(InvalidTable {
            rule: key.label(),
            problem,
        });
    }
    lookup.insert(key, tenant);
    Ok(())
}

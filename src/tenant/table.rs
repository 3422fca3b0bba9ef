use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::template::Template;
use super::{InvalidTable, NoTenant, Problem, ResolveTenant, Resolved, TenantId};
use crate::identity::{Name, NameKind, SpkiHash};
use crate::trust::VerifiedPeer;

/// Maps verified peers to tenants by rules on their names and keys.
///
/// Names match exactly and by type. Exactly one rule must match, with exactly one name: everything else is refused,
/// never guessed. A template only ever yields a tenant that is [known](TenantTableBuilder::known).
///
/// ```
/// use countersign::tenant::TenantTable;
///
/// let table = TenantTable::builder()
///     .uri("spiffe://acme.example/tenant/{tenant}")
///     .known(["globex", "initech"])
///     .build()?;
/// # Ok::<(), countersign::tenant::InvalidTable>(())
/// ```
#[derive(Debug, Clone)]
pub struct TenantTable {
    templates: Vec<(Template, Arc<str>)>,
    names: HashMap<Name, TenantId>,
    pins: HashMap<SpkiHash, TenantId>,
    known: HashSet<TenantId>,
    exact: Arc<str>,
    pinned: Arc<str>,
}

impl TenantTable {
    /// An empty table to add rules to.
    pub fn builder() -> TenantTableBuilder {
        TenantTableBuilder::default()
    }

    /// Every match there is, each with its rule.
    fn matches<'a>(&'a self, peer: &'a VerifiedPeer) -> impl Iterator<Item = Match<'a>> {
        let leaf = peer.leaf();
        let pinned = self
            .pins
            .get(&leaf.spki())
            .map(|tenant| Match::Tenant(tenant, &self.pinned, None));
        let named = leaf.names().iter().flat_map(|name| {
            let exact = self
                .names
                .get(name)
                .map(|tenant| Match::Tenant(tenant, &self.exact, Some(name.kind())));
            exact.into_iter().chain(self.captures(name))
        });
        pinned.into_iter().chain(named)
    }

    fn captures<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = Match<'a>> {
        self.templates.iter().filter_map(move |(template, rule)| {
            let captured = template.capture(name)?;
            Some(match self.known.get(captured) {
                Some(tenant) => Match::Tenant(tenant, rule, Some(template.kind())),
                None => Match::Stranger(captured, rule, template.kind()),
            })
        })
    }
}

enum Match<'a> {
    Tenant(&'a TenantId, &'a Arc<str>, Option<NameKind>),
    Stranger(&'a str, &'a Arc<str>, NameKind),
}

impl Match<'_> {
    fn rule(&self) -> &Arc<str> {
        let (Self::Tenant(_, rule, _) | Self::Stranger(_, rule, _)) = self;
        rule
    }

    fn kind(&self) -> Option<NameKind> {
        match self {
            Self::Tenant(_, _, kind) => *kind,
            Self::Stranger(_, _, kind) => Some(*kind),
        }
    }
}

impl ResolveTenant for TenantTable {
    fn resolve_tenant(&self, peer: &VerifiedPeer) -> Result<Resolved, NoTenant> {
        let mut matches = self.matches(peer);
        let found = matches.next().ok_or(NoTenant::NoRule)?;
        if let Some(second) = matches.next() {
            return Err(NoTenant::Ambiguous {
                first: found.rule().clone(),
                second: second.rule().clone(),
            });
        }
        if let Some(kind) = found.kind() {
            check_subject_name(peer, kind)?;
        }
        match found {
            Match::Tenant(tenant, rule, _) => Ok(Resolved {
                tenant: tenant.clone(),
                rule: rule.clone(),
            }),
            Match::Stranger(name, rule, _) => Err(NoTenant::Unknown {
                rule: rule.clone(),
                name: name.to_owned(),
            }),
        }
    }
}

/// A name of the subject counts only if it is the only one of its kind (for common names) and no authority on the
/// path constrains names.
fn check_subject_name(peer: &VerifiedPeer, kind: NameKind) -> Result<(), NoTenant> {
    if !matches!(kind, NameKind::CommonName | NameKind::OrganizationalUnit) {
        return Ok(());
    }
    if peer.evidence().name_constrained {
        return Err(NoTenant::Unconstrained { kind });
    }
    let several = peer
        .leaf()
        .names()
        .iter()
        .filter(|name| name.kind() == kind)
        .count()
        > 1;
    if several && kind == NameKind::CommonName {
        let rule: Arc<str> = "a second common name".into();
        return Err(NoTenant::Ambiguous {
            first: rule.clone(),
            second: rule,
        });
    }
    Ok(())
}

/// Collects the rules of a [`TenantTable`]. Mistakes are reported by [`build`](Self::build).
#[derive(Debug, Default)]
pub struct TenantTableBuilder {
    templates: Vec<(NameKind, String)>,
    names: Vec<(NameKind, String, String)>,
    pins: Vec<(SpkiHash, String)>,
    known: Vec<String>,
}

impl TenantTableBuilder {
    /// URI in the subject alternative name, with `{tenant}` for one path segment:
    /// `spiffe://acme.example/tenant/{tenant}`. Below `spiffe:` the URI must be a SPIFFE ID in the standard's form.
    #[must_use]
    pub fn uri(self, template: &str) -> Self {
        self.template(NameKind::Uri, template)
    }

    /// A name with `{tenant}` in it. A common name or organizational unit does not count below a certificate
    /// authority that constrains names.
    #[must_use]
    pub fn template(mut self, kind: NameKind, template: &str) -> Self {
        self.templates.push((kind, template.to_owned()));
        self
    }

    /// The tenants that a template may name.
    #[must_use]
    pub fn known<T: Into<String>>(mut self, tenants: impl IntoIterator<Item = T>) -> Self {
        self.known.extend(tenants.into_iter().map(Into::into));
        self
    }

    /// Exactly this name is that tenant's.
    #[must_use]
    pub fn name(mut self, kind: NameKind, name: &str, tenant: &str) -> Self {
        self.names.push((kind, name.to_owned(), tenant.to_owned()));
        self
    }

    /// Exactly this common name of the subject is that tenant's.
    #[must_use]
    pub fn common_name(self, name: &str, tenant: &str) -> Self {
        self.name(NameKind::CommonName, name, tenant)
    }

    /// Exactly this organizational unit of the subject is that tenant's.
    #[must_use]
    pub fn organizational_unit(self, name: &str, tenant: &str) -> Self {
        self.name(NameKind::OrganizationalUnit, name, tenant)
    }

    /// The holder of this key is that tenant.
    #[must_use]
    pub fn pin(mut self, spki: SpkiHash, tenant: &str) -> Self {
        self.pins.push((spki, tenant.to_owned()));
        self
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
        if self.templates.is_empty() && self.names.is_empty() && self.pins.is_empty() {
            return Err(whole(Problem::Empty));
        }
        if !self.templates.is_empty() && self.known.is_empty() {
            return Err(whole(Problem::NobodyKnown));
        }
        Ok(TenantTable {
            templates: self.templates.iter().map(template).collect::<Result<_, _>>()?,
            known: self
                .known
                .iter()
                .map(|name| tenant("known", name))
                .collect::<Result<_, _>>()?,
            names: unique(
                self.names
                    .iter()
                    .map(|(kind, text, owner)| exact(*kind, text, owner)),
            )?,
            pins: unique(
                self.pins
                    .iter()
                    .map(|(spki, owner)| Ok((*spki, tenant(&spki.to_string(), owner)?))),
            )?,
            exact: "name".into(),
            pinned: "pin".into(),
        })
    }
}

fn template((kind, text): &(NameKind, String)) -> Result<(Template, Arc<str>), InvalidTable> {
    let template = Template::parse(*kind, text).map_err(|problem| InvalidTable {
        rule: text.clone(),
        problem,
    })?;
    Ok((template, text.as_str().into()))
}

fn exact(kind: NameKind, text: &str, owner: &str) -> Result<(Name, TenantId), InvalidTable> {
    let name = Name::parse(kind, text).map_err(|invalid| InvalidTable {
        rule: text.to_owned(),
        problem: Problem::Name(invalid),
    })?;
    Ok((name, tenant(text, owner)?))
}

fn tenant(rule: &str, name: &str) -> Result<TenantId, InvalidTable> {
    TenantId::parse(name).map_err(|_| InvalidTable {
        rule: rule.to_owned(),
        problem: Problem::Tenant(name.to_owned()),
    })
}

/// One owner for each key.
fn unique<K: std::hash::Hash + Eq + std::fmt::Display>(
    entries: impl Iterator<Item = Result<(K, TenantId), InvalidTable>>,
) -> Result<HashMap<K, TenantId>, InvalidTable> {
    let mut owners: HashMap<K, TenantId> = HashMap::new();
    for entry in entries {
        let (key, tenant) = entry?;
        if let Some(first) = owners.get(&key).filter(|first| **first != tenant) {
            let problem = Problem::Twice {
                first: first.to_string(),
                second: tenant.to_string(),
            };
            return Err(InvalidTable {
                rule: key.to_string(),
                problem,
            });
        }
        owners.insert(key, tenant);
    }
    Ok(owners)
}

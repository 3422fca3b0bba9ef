//! Tenants (**whose is it?**): from a verified peer to the one it acts for.
//!
//! [`ResolveTenant`] decides. Its argument is a [`VerifiedPeer`], so an unverified certificate cannot be mapped; the
//! ready-made answers are [`TenantTable`], and [`TenantCache`] for tenants that live in a database.

mod cache;
mod known;
mod peer_identity;
mod prepared;
mod rule;
mod rule_text;
mod table;
mod template;
mod tenant_id;

use std::fmt;
use std::sync::Arc;

use crate::codes::entries;
use crate::elsewhere::{Term, Ticket};
use crate::identity::NameKind;
use crate::trust::VerifiedPeer;

pub use cache::{TenantCache, TenantSource};
pub use peer_identity::PeerIdentity;
pub use rule::Rule;
pub use rule_text::InvalidRule;
pub use table::{TenantTable, TenantTableBuilder};
pub use template::{InvalidTable, TableProblem};
pub use tenant_id::{InvalidTenantId, TenantId};

/// A mapping of verified peers to tenants. Pure: no I/O, no clock.
pub trait ResolveTenant: fmt::Debug + Send + Sync {
    /// The tenant, and the rule that named it.
    ///
    /// # Errors
    /// [`NoTenant`]. Two answers are none: an implementation never picks the first of many.
    fn resolve_tenant(&self, peer: &VerifiedPeer) -> Result<Resolved, NoTenant>;

    /// As for [`VerifyPeer::generation`](crate::trust::VerifyPeer::generation).
    fn generation(&self) -> u64 {
        0
    }
}

impl<R: ResolveTenant + ?Sized> ResolveTenant for Arc<R> {
    fn resolve_tenant(&self, peer: &VerifiedPeer) -> Result<Resolved, NoTenant> {
        (**self).resolve_tenant(peer)
    }

    fn generation(&self) -> u64 {
        (**self).generation()
    }
}

/// A tenant and what named it. Two are equal that say the same, whenever they are to be asked for again.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Resolved {
    /// Whose the peer is.
    pub tenant: TenantId,
    /// The rule that said so, for the operator.
    pub rule: Arc<str>,
    /// For how long that counts, where it does not until the next change.
    term: Option<Term>,
}

impl PartialEq for Resolved {
    fn eq(&self, other: &Self) -> bool {
        (&self.tenant, &self.rule) == (&other.tenant, &other.rule)
    }
}

impl Eq for Resolved {}

impl Resolved {
    /// This tenant, named by that rule.
    pub fn new(tenant: TenantId, rule: impl Into<Arc<str>>) -> Self {
        Self {
            tenant,
            rule: rule.into(),
            term: None,
        }
    }

    fn within(self, term: Term) -> Self {
        let term = Some(term);
        Self { term, ..self }
    }

    /// Whether the time is over for which it counts.
    pub(crate) fn is_over(&self) -> bool {
        self.term.as_ref().is_some_and(Term::is_over)
    }
}

/// The reason why a verified peer belongs to nobody here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoTenant {
    /// No rule speaks about any of its names or its key.
    #[error("no rule matches this peer")]
    NoRule,
    /// A rule names a tenant that the table does not know.
    #[error("rule {rule} names the tenant {name:?}, which is not known")]
    Unknown {
        /// The rule.
        rule: Arc<str>,
        /// What stands in the certificate where the tenant's name belongs.
        name: String,
    },
    /// Two rules match, or one rule matches two names: nobody can say which was meant.
    #[error("ambiguous: {first} and {second} both match")]
    Ambiguous {
        /// The rule that matched.
        first: Arc<str>,
        /// The rule that matched too; the same one where it matched twice.
        second: Arc<str>,
    },
    /// The rule asks for a name of the subject below an authority that constrains names: subject names escape its
    /// constraints, so they prove nothing.
    #[error("a {kind} does not count below a name-constrained certificate authority")]
    Unconstrained {
        /// The kind of name that the rule asks for.
        kind: NameKind,
    },
    /// The rule asks for the issuer alone, and that one issues to others as well
    /// ([`Evidence::shared_authority`](crate::trust::Evidence::shared_authority)): all of its customers would be this tenant.
    #[error(
        "{rule} names a tenant by an authority that issues to others as well; name the peer itself, or its key"
    )]
    SharedAuthority {
        /// The rule.
        rule: Arc<str>,
    },
    /// That is not known here: to be had with this ticket, and then asked for again. Until then, an outage.
    #[error("whose a peer is, is to be fetched")]
    Elsewhere(Ticket),
    /// Nobody can say just now whose it is. An outage, not a refusal.
    #[error("whose a peer is, is not known just now")]
    Unavailable,
}

entries! {
    NoTenant []
    Self::NoRule => "tenant.no_rule", Ours 403, "RFC 9525 §6",
        "Add a rule for a name that the certificate has, by its type: a DNS name, URI or pin.",
        "Use the certificate with the name that was agreed.";
    Self::Unknown { .. } => "tenant.unknown", Ours 403, "ours: a template yields known tenants only",
        "Add the tenant to `known`, if it is one.",
        "Use the certificate that was issued for your name.";
    Self::Ambiguous { .. } => "tenant.ambiguous", Ours 403, "ours: one match or none",
        "Make one rule with both conditions (`Rule::issued_by`, `Rule::carrying`), or take one of the two away.",
        "Use a certificate with one customer's names only.";
    Self::Unconstrained { .. } => "tenant.unconstrained_name", Ours 403, "RFC 5280 §4.2.1.10",
        "Make the rule on a name of subjectAltName, or on the key.",
        "Have the name put into subjectAltName.";
    Self::SharedAuthority { .. } => "tenant.shared_authority", Ours 403, "ours: below a shared authority the issuer alone is no tenant",
        "Make the rule on the peer's name or key.",
        "Nothing: the receiver's rule is too wide.";
    Self::Elsewhere(_) | Self::Unavailable => "tenant.unavailable", Ours 503, "RFC 9110 §15.6.4",
        "Look at whatever renews the table of tenants, or at the source that it asks (`TenantCache::last_failure`).",
        "Try again after Retry-After.";
}

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{NoTenant, PeerIdentity, ResolveTenant, Resolved, Rule, TenantId, TenantTable};
use crate::clock::Monotonic;
use crate::elsewhere::{Fetch, Fetched, Found, Keep, Kept, SourceDown};
use crate::generation;
use crate::identity::{Name, SpkiHash};
use crate::trust::VerifiedPeer;

/// A source of tenants that takes its time: a database, a service.
pub trait TenantSource: fmt::Debug + Send + Sync {
    /// The rules that speak about this identity; nothing, where none does.
    ///
    /// It says rules, and does not decide: what they say about the peer is decided here, as [`TenantTable`] decides. Each must
    /// [begin](PeerIdentity::written) with what the identity shows, and name its tenant: a template is for tables.
    ///
    /// The future is dropped where it takes longer than [`Keep::with_patience`].
    ///
    /// # Errors
    /// [`SourceDown`], where it cannot tell: that is an outage, and no refusal.
    fn fetch_rules<'a>(&'a self, identity: &'a PeerIdentity) -> Fetched<'a, Vec<Rule>>;
}

/// A mapping of verified peers to tenants that remembers what a [`TenantSource`] says, for platforms with more tenants than they
/// load at the start. Clones are the same mapping.
///
/// It waits for nothing: what it lacks it says with a [`Ticket`](crate::elsewhere::Ticket)
/// ([`NoTenant::Elsewhere`]), which [`CallerLayer`](crate::web::CallerLayer) takes to the source before it asks again. Which
/// answers count for how long, and what happens while the source is down, says [`elsewhere`](crate::elsewhere). Open connections
/// are asked again when the time of the answer is over, or when it was invalidated.
///
/// # Security
/// It is asked about peers whose certificate is trusted now, and about nobody else; trust itself is never remembered here.
/// What is remembered is rules, under all that the source was asked by ([`PeerIdentity`]), and they are applied to each peer
/// anew. So one certificate's answer is never another's that shows anything else. A source that says a rule about somebody else,
/// two tenants for one name, or a template, is down for that peer: not believed, and no refusal.
///
/// ```
/// use countersign::elsewhere::{Fetched, Keep};
/// use countersign::gate::{Caller, Policy};
/// use countersign::identity::PeerChain;
/// use countersign::tenant::{PeerIdentity, Rule, TenantCache, TenantSource};
/// # use countersign::testing::{NOW, TestCa};
/// use countersign::trust::PinSet;
///
/// /// What a table in a database would say.
/// #[derive(Debug)]
/// struct Rows;
///
/// impl TenantSource for Rows {
///     fn fetch_rules<'a>(&'a self, identity: &'a PeerIdentity) -> Fetched<'a, Vec<Rule>> {
///         let acme = "URI:spiffe://acme.example/tenant/acme";
///         let rule = identity.written().iter().any(|shown| shown == acme);
///         let rule = rule.then(|| format!("{acme} -> acme").parse());
///         Box::pin(async { Ok(rule.and_then(Result::ok).map(|rule| vec![rule])) })
///     }
/// }
///
/// # let issued = TestCa::new("Acme Root").client("spiffe://acme.example/tenant/acme").issue();
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let chain = PeerChain::parse(issued.chain())?;
/// let trust = PinSet::new([chain.leaf().spki()]);
/// let policy = Policy::new(trust, TenantCache::new(Rows, Keep::default()));
/// // What `CallerLayer` does, by hand.
/// let refusal = Caller::identify(&policy, chain.clone(), NOW).expect_err("it is not here yet");
/// let ticket = refusal.ticket().expect("it is to be had");
/// ticket.redeem(tokio::time::sleep(ticket.patience())).await;
/// assert_eq!(Caller::identify(&policy, chain, NOW)?.tenant().as_str(), "acme");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TenantCache {
    kept: Kept<PeerIdentity, PeerIdentity, Arc<Said>>,
    generation: Arc<AtomicU64>,
}

/// What the source has said of an identity.
#[derive(Debug)]
struct Said {
    table: TenantTable,
    tenants: Vec<TenantId>,
}

impl TenantCache {
    /// Remembers what this source says.
    pub fn new(source: impl TenantSource + 'static, keep: Keep) -> Self {
        Self::with_clock(source, keep, Monotonic::default())
    }

    /// The same, by this clock.
    pub fn with_clock(source: impl TenantSource + 'static, keep: Keep, clock: Monotonic) -> Self {
        Self {
            kept: Kept::new(Asked(source), keep, clock),
            // Nought would say that it never changes.
            generation: Arc::new(AtomicU64::new(generation::next())),
        }
    }

    /// Forgets whatever names this tenant, and who is nobody's: its rules were changed. Of what has gone from one tenant to
    /// another, both are to be told. Open connections are asked again.
    pub fn invalidate(&self, tenant: &TenantId) {
        self.forget(|_, said| said.tenants.contains(tenant), |_| true);
    }

    /// Forgets whoever shows this name: a rule about it was made, changed, or taken away.
    pub fn invalidate_name(&self, name: &Name) {
        let shows = |identity: &PeerIdentity| identity.names().contains(name);
        self.forget(|identity, _| shows(identity), shows);
    }

    /// Forgets whoever holds this key, or was issued a certificate by it.
    pub fn invalidate_key(&self, spki: SpkiHash) {
        let shows = |identity: &PeerIdentity| identity.spki() == spki || identity.issuers().contains(&spki);
        self.forget(|identity, _| shows(identity), shows);
    }

    /// Forgets everybody.
    pub fn invalidate_all(&self) {
        self.forget(|_, _| true, |_| true);
    }

    fn forget(
        &self,
        known: impl Fn(&PeerIdentity, &Arc<Said>) -> bool,
        asked: impl Fn(&PeerIdentity) -> bool,
    ) {
        self.kept.invalidate_where(known, asked);
        // Afterwards: whoever reads the new number finds nothing of the old.
        self.generation.fetch_max(generation::next(), Ordering::Release);
    }

    /// Why the source could not tell, if it could not when it was last asked: for the operator.
    pub fn last_failure(&self) -> Option<SourceDown> {
        self.kept.last_failure()
    }

    /// Of how many identities rules are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether none are.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for TenantCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TenantCache").field(&self.kept).finish()
    }
}

impl ResolveTenant for TenantCache {
    fn resolve_tenant(&self, peer: &VerifiedPeer) -> Result<Resolved, NoTenant> {
        let identity = PeerIdentity::of(peer);
        match self.kept.find(&identity, &identity) {
            Found::Known(said, term) => Ok(said.table.resolve_tenant(peer)?.within(term)),
            Found::Absent => Err(NoTenant::NoRule),
            Found::Lacking(ticket) => Err(NoTenant::Elsewhere(ticket)),
            Found::Down => Err(NoTenant::Unavailable),
        }
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }
}

#[derive(Debug)]
struct Asked<S>(S);

impl<S: TenantSource> Fetch<PeerIdentity, Arc<Said>> for Asked<S> {
    fn fetch<'a>(&'a self, identity: &'a PeerIdentity) -> Fetched<'a, Arc<Said>> {
        Box::pin(async move {
            let rules = self.0.fetch_rules(identity).await?.unwrap_or_default();
            (!rules.is_empty()).then(|| said(identity, rules)).transpose()
        })
    }
}

/// What is said, where it can be believed: another's rule would have that tenant's peers speak for this one's.
fn said(identity: &PeerIdentity, rules: Vec<Rule>) -> Result<Arc<Said>, SourceDown> {
    if let Some(other) = rules.iter().find(|rule| !rule.speaks_of(identity)) {
        return Err(SourceDown::new(format_args!(
            "it has said a rule that is not about the identity it was asked about: {other}"
        )));
    }
    let tenants = rules.iter().filter_map(Rule::tenant).cloned().collect();
    let table = rules
        .into_iter()
        .fold(TenantTable::builder(), |table, rule| table.rule(rule));
    let table = table.build().map_err(SourceDown::new)?;
    Ok(Arc::new(Said { table, tenants }))
}

//! Proofs for tests of what stands behind the layers.

use crate::gate::{Caller, Countersigned, Policy};
use crate::identity::PeerChain;
use crate::payload::{Authentic, DeliveryKey, Fresh};
use crate::replay::{Claimed, Terms};
use crate::tenant::{Rule, TenantId, TenantTable};
use crate::testing::{NOW, TestCa};
use crate::trust::PinSet;

/// A delivery that this tenant's certificate and signature agree on, for a handler that is called directly.
///
/// ```
/// use countersign::gate::Countersigned;
/// use countersign::testing::countersigned;
///
/// async fn paid(proof: Countersigned, order: &str) -> String {
///     format!("{} has paid {order}", proof.tenant())
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// assert_eq!(paid(countersigned("acme"), "order 7").await, "acme has paid order 7");
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// It is always the same delivery. Where a handler tells deliveries apart, by [`Fresh::claim_key`] for one, bind a
/// [`caller`] to a [`fresh`] delivery of some name:
///
/// ```
/// use countersign::gate::Countersigned;
/// use countersign::testing::{caller, fresh};
///
/// let proof = |id| Countersigned::bind(caller("acme"), fresh("acme", id));
/// let (first, again, second) = (proof("msg_1")?, proof("msg_1")?, proof("msg_2")?);
/// assert_eq!(first.payload().claim_key(), again.payload().claim_key());
/// assert_ne!(first.payload().claim_key(), second.payload().claim_key());
/// # Ok::<(), countersign::refusal::Refusal>(())
/// ```
///
/// # Panics
/// Where that is no tenant's name. So do all of these.
///
/// # Security
/// Nobody has signed anything: keep the feature `testing` among your `dev-dependencies`.
pub fn countersigned(tenant: &str) -> Countersigned {
    Countersigned::bind(caller(tenant), fresh(tenant, "msg_1")).expect("the same tenant")
}

/// A caller of this tenant's, at [`NOW`], with a certificate that was made for it.
///
/// ```
/// use countersign::testing::caller;
///
/// assert_eq!(caller("acme").tenant().as_str(), "acme");
/// ```
pub fn caller(tenant: &str) -> Caller {
    let chain = TestCa::new("Test Root")
        .client("spiffe://test.example/client")
        .issue()
        .chain();
    let chain = PeerChain::parse(chain).expect("a chain");
    let spki = chain.leaf().spki();
    let rule = Rule::pin(known(tenant), spki);
    let tenants = TenantTable::builder().rule(rule).build().expect("a table");
    Caller::identify(&Policy::new(PinSet::new([spki]), tenants), chain, NOW).expect("a caller")
}

/// A message of this tenant's that was found signed, of a delivery of that name: for a store or a layer of one's own.
///
/// ```
/// use countersign::testing::authentic;
///
/// let message = authentic("acme", "msg_1");
/// assert_eq!(
///     (message.sender().as_str(), message.scheme(), message.key().as_str()),
///     ("acme", "test", "test"),
/// );
/// ```
pub fn authentic<'m>(tenant: &str, id: &'m str) -> Authentic<'m> {
    Authentic::assertion(known(tenant), "test".into(), "test".into(), DeliveryKey::Id(id))
}

/// A message that was found signed and was not handled before: for a handler without mutual TLS in front.
///
/// ```
/// use countersign::payload::Fresh;
/// use countersign::testing::fresh;
///
/// fn paid(proof: &Fresh) -> bool {
///     proof.sender().as_str() == "stripe"
/// }
///
/// assert!(paid(&fresh("stripe", "evt_1")));
/// assert!(!paid(&fresh("paypal", "evt_1")));
/// ```
pub fn fresh(tenant: &str, id: &str) -> Fresh {
    claimed(tenant, id).0
}

/// A message that was found signed, with the claim that a store has granted at [`NOW`], for code that commits or releases it itself.
///
/// ```
/// use countersign::testing::claimed;
///
/// let (delivery, claim) = claimed("acme", "msg_1");
/// assert_eq!((claim.tenant(), claim.key()), (delivery.sender(), delivery.claim_key()));
/// ```
pub fn claimed(tenant: &str, id: &str) -> (Fresh, Claimed) {
    let authentic = authentic(tenant, id);
    let claimed = Claimed::granted(&authentic.claim(NOW, Terms::default()), 1);
    (authentic.settle(&claimed).expect("its own claim"), claimed)
}

fn known(tenant: &str) -> TenantId {
    TenantId::parse(tenant).expect("a tenant's name")
}

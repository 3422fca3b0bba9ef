use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// A future that is done some time.
pub(super) type Done<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// What is to be done for an answer.
pub(super) trait Errand: Send + Sync {
    fn patience(&self) -> Duration;

    fn run<'a>(&'a self, patience: Done<'a>) -> Done<'a>;
}

/// An answer that is not here, and how to get it: [`redeem`](Self::redeem), and ask again. Cheap to clone.
///
/// [`PayloadLayer`](crate::web::PayloadLayer) does that. By hand:
///
/// ```
/// use countersign::elsewhere::{Fetched, Keep};
/// use countersign::payload::hmac::{Digest, Key, KeyForm, KeySpec};
/// use countersign::payload::{FindKeys as _, KeyCache, KeyId, KeySource, NoKey, TenantKeys, Wanted};
/// use countersign::tenant::TenantId;
///
/// #[derive(Debug)]
/// struct Table;
///
/// impl KeySource for Table {
///     fn fetch_keys<'a>(&'a self, owner: &'a TenantId) -> Fetched<'a, TenantKeys> {
///         let spec = KeySpec::Secret { digest: Digest::Sha256, form: KeyForm::Utf8 };
///         let key = Key::parse(KeyId::new("2026"), spec, "a secret of sixteen bytes").ok();
///         Box::pin(async move { Ok(key.map(|key| TenantKeys::new(owner.clone(), [key]))) })
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let (keys, acme) = (KeyCache::new(Table, Keep::default()), TenantId::parse("acme")?);
/// let Err(NoKey::Elsewhere(ticket)) = keys.find_keys(&Wanted::of(Some(&acme))) else { panic!("it is not here") };
/// ticket.redeem(tokio::time::sleep(ticket.patience())).await;
/// assert_eq!(keys.find_keys(&Wanted::of(Some(&acme)))?.owner(), &acme);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Ticket(Arc<dyn Errand>);

impl Ticket {
    pub(super) fn new(errand: impl Errand + 'static) -> Self {
        Self(Arc::new(errand))
    }

    /// How long to wait for it.
    pub fn patience(&self) -> Duration {
        self.0.patience()
    }

    /// Waits for the answer, by asking the source or with whoever is asking it, as long as the patience lasts. Whatever comes
    /// of it, the decision knows when it is asked again.
    pub async fn redeem(&self, patience: impl Future<Output = ()> + Send) {
        self.0.run(Box::pin(patience)).await;
    }
}

/// The same ticket, not one for the same.
impl PartialEq for Ticket {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Ticket {}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket")
    }
}

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::caught::{agreed, unpanicked};
use super::keeper::Keeper;
use super::publish::Publish;
use super::reloading::{Reloading, read};
use super::watch::Watcher;
use super::{Loaded, NotLoaded, Rules, Source, Status};
use crate::clock::Clock;
use crate::observe::{Event, Observer, Silent, guarded};

/// A keeper of what is loaded from outside: it watches any number of sources, and puts in force what is good.
///
/// Each source has a task of its own, so that one that hangs or panics keeps no other waiting. Clones share them; with the
/// last clone all tasks end, and what was in force stays.
///
/// All or nothing: what cannot be read whole, or is not agreed to by whoever will use it, changes nothing. What was good
/// stays in force, or is withdrawn when it is too old ([`Rules::failing_closed_after`]). Each publication, each failure
/// and the end of one is an event, and [`Status`] tells how it stands.
///
/// ```
/// use countersign::gate::Policy;
/// use countersign::reload::{FileSource, Reload, Rules};
/// use countersign::testing::TestCa;
/// use countersign::tls::{ClientAuth, Credentials, Tls, rustls};
/// use countersign::trust::VerifyPeer as _;
/// # use countersign::tenant::TenantTable;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let folder = std::env::temp_dir().join(format!("countersign-reload-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let file = |name: &str| folder.join(name);
/// # let (ca, own) = (TestCa::new("Acme Root"), TestCa::new("Public").server("hooks.example").issue());
/// # std::fs::write(file("ca.pem"), ca.pem())?;
/// # std::fs::write(file("tls.crt"), own.chain_pem())?;
/// # std::fs::write(file("tls.key"), own.key_pem())?;
/// # let table = TenantTable::builder().uri("spiffe://pay.example/tenant/{tenant}").known(["acme"]).build()?;
/// let tls = Tls::new(rustls::crypto::aws_lc_rs::default_provider().into());
/// let reload = Reload::new();
/// let clients = FileSource::anchors(file("ca.pem"), tls.algorithms());
/// let clients = reload.start("authorities of clients", clients, Rules::default()).await?;
/// let own = FileSource::credentials(&tls, file("tls.crt"), file("tls.key"));
/// let own = reload.start("own certificate", own, Rules::default()).await?;
///
/// // From here on, whoever replaces the files replaces what is in force.
/// let policy = Policy::new(clients.live(), table);
/// let config = tls.server_config(&own.live(), policy.trust(), ClientAuth::Require)?;
/// assert!(reload.statuses().iter().all(|status| status.is_current()));
/// # drop(config);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Reload {
    shared: Arc<Shared>,
    clock: Clock,
    observer: Arc<dyn Observer>,
}

#[derive(Default)]
struct Shared {
    watcher: Watcher,
    tasks: Mutex<JoinSet<()>>,
    statuses: Mutex<Vec<Weak<RwLock<Status>>>>,
}

impl Reload {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self {
            shared: Arc::default(),
            clock: Clock::default(),
            observer: Arc::new(Silent),
        }
    }

    /// Takes the present from this clock, for what is started from here on.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Tells this observer, of what is started from here on.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = guarded(observer);
        self
    }

    /// Loads it once, and keeps it loaded from then on. The name is for the operator: each its own.
    ///
    /// # Errors
    /// [`NotLoaded`] where it cannot be loaded now: then nothing is in force, and nothing is kept.
    pub async fn start<T: Send + Sync + 'static>(
        &self,
        name: &str,
        source: impl Source<T> + 'static,
        rules: Rules,
    ) -> Result<Reloading<T>, NotLoaded> {
        self.start_with(name, source, rules, |_: &Arc<T>| Ok::<_, NotLoaded>(()))
            .await
    }

    /// The same, handing each new one to `publish` first: for what is not behind a [`Live`](crate::live::Live), such as a dispatcher's
    /// identities. What it refuses is not put in force.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub async fn start_with<T: Send + Sync + 'static>(
        &self,
        name: &str,
        source: impl Source<T> + 'static,
        rules: Rules,
        publish: impl Publish<T> + 'static,
    ) -> Result<Reloading<T>, NotLoaded> {
        let mut source: Box<dyn Source<T>> = Box::new(source);
        let mut loaded = unpanicked(|| source.load(None, self.clock.now())).await??;
        let value = loaded
            .value
            .take()
            .ok_or_else(|| NotLoaded::invalid("the source is empty"))?;
        let value = Arc::new(value);
        agreed(&publish, &value)?;
        let reloading = Reloading::begun(name, value, self.clock.now());
        self.observer.observe(&Event::Reloaded { name, generation: 1 });
        self.spawn(
            Keeper {
                rules,
                publish: Box::new(publish),
                reloading: reloading.clone(),
                watcher: self.shared.watcher.clone(),
                told: BTreeSet::new(),
                held: None,
                clock: self.clock.clone(),
                observer: self.observer.clone(),
                good: Instant::now(),
                failures: 0,
                is_failing: AtomicBool::new(false),
                wait: Duration::ZERO,
            },
            source,
            loaded,
        );
        Ok(reloading)
    }

    /// How all of them stand, in the order in which they were started.
    pub fn statuses(&self) -> Vec<Status> {
        let mut all = self
            .shared
            .statuses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.retain(|status| status.strong_count() > 0);
        let all = all.iter().filter_map(Weak::upgrade);
        all.map(|status| read(&status)).collect()
    }

    fn spawn<T: Send + Sync + 'static>(
        &self,
        mut keeper: Keeper<T>,
        source: Box<dyn Source<T>>,
        first: Loaded<T>,
    ) {
        keeper.finish(&*source, first.again, first.despite);
        let status = Arc::downgrade(&keeper.reloading.status);
        let lock = &self.shared.statuses;
        lock.lock().unwrap_or_else(PoisonError::into_inner).push(status);
        let mut tasks = self.shared.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(keeper.run(source));
    }
}

impl Default for Reload {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload").field("of", &self.statuses()).finish()
    }
}

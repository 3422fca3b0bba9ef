use std::collections::BTreeSet;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::task::Poll;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::publish::Publish;
use super::reloading::{Reloading, read};
use super::source::any_of;
use super::watch::Watcher;
use super::{FoundBy, Loaded, NotLoaded, Rules, Source, Status};
use crate::breaker::Jitter;
use crate::clock::Clock;
use crate::observe::{Event, InForce, Observer, Silent, guarded};

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

/// Who looks after one source.
struct Keeper<T> {
    rules: Rules,
    publish: Box<dyn Publish<T>>,
    reloading: Reloading<T>,
    watcher: Watcher,
    /// The folders of which it is told.
    told: BTreeSet<PathBuf>,
    held: Option<Held<T>>,
    clock: Clock,
    observer: Arc<dyn Observer>,
    /// When it was last loaded, or found unchanged.
    good: Instant,
    /// In a row.
    failures: u32,
    /// Whether the last that was told of it is a failure.
    is_failing: AtomicBool,
    wait: Duration,
}

/// What was loaded and is not in force yet: it was refused, or a part was missing while nothing was in force.
struct Held<T> {
    value: Arc<T>,
    refused: bool,
}

impl<T> Held<T> {
    fn new(value: Arc<T>) -> Self {
        Self {
            value,
            refused: false,
        }
    }
}

impl<T: Send + Sync + 'static> Keeper<T> {
    async fn run(mut self, mut source: Box<dyn Source<T>>) {
        loop {
            let asked = self.reloading.asked.clone();
            any_of(vec![
                Box::pin(tokio::time::sleep(self.wait)),
                Box::pin(asked.notified()),
                Box::pin(self.changed(&mut *source)),
            ])
            .await;
            self.look(&mut *source).await;
        }
    }

    /// A source that panics while it waits for a change is asked again after the next look.
    async fn changed(&self, source: &mut dyn Source<T>) {
        let Err(panicked) = unpanicked(|| source.changed()).await else {
            return;
        };
        self.tell(&panicked);
        self.note(|status, now| status.failed = Some((now, panicked)));
        std::future::pending().await
    }

    async fn look(&mut self, source: &mut dyn Source<T>) {
        let (before, now) = (self.before(), self.clock.now());
        let loaded = self.in_time(unpanicked(|| source.load(Some(before), now))).await;
        let outcome = loaded
            .and_then(|loaded| loaded)
            .and_then(|loaded| self.put_in_force(loaded));
        let (again, failed) = match outcome {
            Ok((again, despite)) => (again, despite),
            Err(failed) => (None, Some(failed)),
        };
        self.finish(source, again, failed);
    }

    /// A look that hangs does not keep in force what grows too old meanwhile. It goes on all the same.
    async fn in_time<L>(&mut self, look: impl Future<Output = L> + Send) -> L {
        let mut look = std::pin::pin!(look);
        while let Some(left) = self.left() {
            match tokio::time::timeout(left, &mut look).await {
                Ok(looked) => return looked,
                Err(_) => self.withdraw_if_too_old(),
            }
        }
        look.await
    }

    /// What a source must not go back behind: what is in force, or was before it was withdrawn; or what is to be put there
    /// once it is whole. What was refused was never in force, and whoever takes it back goes back behind nothing.
    fn before(&self) -> Arc<T> {
        match &self.held {
            Some(held) if !held.refused => Arc::clone(&held.value),
            _ => self.reloading.live.load(),
        }
    }

    fn put_in_force(
        &mut self,
        loaded: Loaded<T>,
    ) -> Result<(Option<Duration>, Option<NotLoaded>), NotLoaded> {
        if let Some(value) = loaded.value {
            self.held = Some(Held::new(Arc::new(value)));
        }
        let is_withdrawn = self.reloading.live.is_withdrawn();
        // Of what was withdrawn nothing comes back by halves: a part of it may be too old still.
        if !(is_withdrawn && loaded.despite.is_some()) {
            let last = || is_withdrawn.then(|| Held::new(self.reloading.live.load()));
            if let Some(held) = self.held.take().or_else(last) {
                self.offer(held.value)?;
            }
        }
        Ok((loaded.again, loaded.despite))
    }

    /// The source has it behind itself, and does not yield it again: what is refused is kept here.
    fn offer(&mut self, value: Arc<T>) -> Result<(), NotLoaded> {
        self.publish(&value)
            .inspect_err(|_| self.held = Some(Held { value, refused: true }))
    }

    fn publish(&self, value: &Arc<T>) -> Result<(), NotLoaded> {
        agreed(&*self.publish, value)?;
        self.reloading.live.publish(Arc::clone(value));
        let generation = self.note(|status, now| {
            status.generation += 1;
            status.loaded_at = now;
            status.in_force = InForce::LastGood;
        });
        let name = self.name();
        let (name, generation) = (&*name, generation.generation);
        self.is_failing.store(false, Ordering::Relaxed);
        self.observer.observe(&Event::Reloaded { name, generation });
        Ok(())
    }

    fn finish(&mut self, source: &dyn Source<T>, again: Option<Duration>, failed: Option<NotLoaded>) {
        let (places, failed) = match caught(|| source.places()) {
            Ok(places) => (places, failed),
            Err(panicked) => (Vec::new(), failed.or(Some(panicked))),
        };
        match &failed {
            None => {
                (self.failures, self.good) = (0, Instant::now());
                self.tell_recovered();
            }
            Some(failed) => {
                self.failures = self.failures.saturating_add(1);
                self.tell(failed);
            }
        }
        self.withdraw_if_too_old();
        let whom = &self.reloading.asked;
        let all = self.watcher.watch(places, &mut self.told, whom);
        let found_by = match all && !self.told.is_empty() {
            true => FoundBy::Events,
            false => FoundBy::Looking,
        };
        self.wait = self.next(again);
        let wait = self.wait;
        self.note(|status, now| {
            if failed.is_none() {
                status.good_at = now;
            }
            status.failed = failed.map(|failed| (now, failed));
            status.found_by = found_by;
            status.next_look = rustls_pki_types::UnixTime::since_unix_epoch(
                Duration::from_secs(now.as_secs()).saturating_add(wait),
            );
        });
    }

    /// Give or take a fifth, so that a fleet that was started together does not ask together; but with a fifth of the time
    /// to go until what is in force is too old, since a look takes its time, and never later than that.
    fn next(&self, again: Option<Duration>) -> Duration {
        let wait = self.rules.wait(self.failures);
        let wait = again.map_or(wait, |again| again.min(wait));
        let wait = Jitter::random().spread(wait);
        let Some((left, max_age)) = self.left().zip(self.rules.max_age) else {
            return wait;
        };
        let early = left.checked_sub(max_age / 5);
        wait.min(early.filter(|early| !early.is_zero()).unwrap_or(left))
    }

    /// The time until what is in force is too old, and never none at all; nothing where that never comes, or came.
    fn left(&self) -> Option<Duration> {
        let max_age = self.rules.max_age?;
        let left = max_age.saturating_sub(self.good.elapsed());
        (!self.reloading.live.is_withdrawn()).then(|| left.max(Duration::from_millis(1)))
    }

    fn withdraw_if_too_old(&mut self) {
        let age = self.good.elapsed();
        let Some(max_age) = self.rules.max_age.filter(|max_age| age >= *max_age) else {
            return;
        };
        if self.reloading.live.is_withdrawn() {
            return;
        }
        let told = caught(|| self.publish.withdraw());
        self.reloading.live.withdraw();
        let too_old = NotLoaded::TooOld { age, max_age };
        self.note(|status, now| {
            status.in_force = InForce::Nothing;
            status.failed = Some((now, too_old.clone()));
        });
        told.unwrap_or_else(|panicked| self.tell(&panicked));
        self.tell(&too_old);
    }

    fn tell(&self, failed: &NotLoaded) {
        self.is_failing.store(true, Ordering::Relaxed);
        let (name, reason) = (self.name(), failed.to_string());
        self.observer.observe(&Event::NotReloaded {
            name: &name,
            code: failed.code(),
            reason: &reason,
            in_force: read(&self.reloading.status).in_force,
        });
    }

    fn tell_recovered(&self) {
        if self.is_failing.swap(false, Ordering::Relaxed) {
            let name = &*self.name();
            self.observer.observe(&Event::ReloadRecovered { name });
        }
    }

    fn name(&self) -> Arc<str> {
        read(&self.reloading.status).name
    }

    fn note(&self, change: impl FnOnce(&mut Status, rustls_pki_types::UnixTime)) -> Status {
        let now = self.clock.now();
        let lock = &self.reloading.status;
        let mut status = lock.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut status, now);
        status.clone()
    }
}

impl<T> Drop for Keeper<T> {
    fn drop(&mut self) {
        for folder in &self.told {
            self.watcher.forget(folder, &self.reloading.asked);
        }
    }
}

/// A source of the user's may panic; its keeper goes on.
async fn unpanicked<T, L>(begin: impl FnOnce() -> L) -> Result<T, NotLoaded>
where
    L: Future<Output = T> + Unpin,
{
    let mut begun = caught(begin)?;
    std::future::poll_fn(move |context| {
        let poll = caught(|| Pin::new(&mut begun).poll(context));
        poll.map_or_else(|panicked| Poll::Ready(Err(panicked)), |poll| poll.map(Ok))
    })
    .await
}

/// Whoever uses it may panic, too.
fn agreed<T>(publish: &(impl Publish<T> + ?Sized), value: &Arc<T>) -> Result<(), NotLoaded> {
    caught(|| publish.publish(value))?.map_err(NotLoaded::invalid)
}

fn caught<T>(call: impl FnOnce() -> T) -> Result<T, NotLoaded> {
    std::panic::catch_unwind(AssertUnwindSafe(call)).map_err(|_| NotLoaded::Panicked)
}

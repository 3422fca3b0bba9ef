use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::caught::{agreed, caught, unpanicked};
use super::publish::Publish;
use super::reloading::{Reloading, read};
use super::source::any_of;
use super::watch::Watcher;
use super::{FoundBy, Loaded, NotLoaded, Rules, Source, Status};
use crate::breaker::Jitter;
use crate::clock::Clock;
use crate::observe::{Event, InForce, Observer};

/// Who looks after one source.
pub(super) struct Keeper<T> {
    pub(super) rules: Rules,
    pub(super) publish: Box<dyn Publish<T>>,
    pub(super) reloading: Reloading<T>,
    pub(super) watcher: Watcher,
    /// The folders of which it is told.
    pub(super) told: BTreeSet<PathBuf>,
    pub(super) held: Option<Held<T>>,
    pub(super) clock: Clock,
    pub(super) observer: Arc<dyn Observer>,
    /// When it was last loaded, or found unchanged.
    pub(super) good: Instant,
    /// In a row.
    pub(super) failures: u32,
    /// Whether the last that was told of it is a failure.
    pub(super) is_failing: AtomicBool,
    pub(super) wait: Duration,
}

/// What was loaded and is not in force yet: it was refused, or a part was missing while nothing was in force.
pub(super) struct Held<T> {
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
    pub(super) async fn run(mut self, mut source: Box<dyn Source<T>>) {
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

    pub(super) fn finish(
        &mut self,
        source: &dyn Source<T>,
        again: Option<Duration>,
        failed: Option<NotLoaded>,
    ) {
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

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

/// The one watcher of the file system that all sources share: a process may have few.
#[derive(Clone, Default)]
pub(super) struct Watcher(Arc<Watching>);

#[derive(Default)]
struct Watching {
    /// Whom a change in a folder concerns.
    concerned: Arc<Concerned>,
    /// Made when it is first needed; nothing where the system has none for us.
    system: Mutex<Option<Option<RecommendedWatcher>>>,
}

#[derive(Default)]
struct Concerned(Mutex<BTreeMap<PathBuf, Vec<Arc<Notify>>>>);

impl Watcher {
    /// Tells this one of changes at these places from now on, and no more of those where it was told before. Whether all
    /// are watched; what is not, is only found by looking.
    pub(super) fn watch(
        &self,
        places: Vec<PathBuf>,
        told: &mut BTreeSet<PathBuf>,
        whom: &Arc<Notify>,
    ) -> bool {
        let folders = folders(&places);
        for gone in told.difference(&folders) {
            self.forget(gone, whom);
        }
        // Also those that are watched already: another folder may have taken the name.
        let watched = folders.iter().filter(|folder| self.add(folder, whom)).count();
        let all = watched == folders.len();
        *told = folders;
        all
    }

    pub(super) fn forget(&self, folder: &Path, whom: &Arc<Notify>) {
        let mut concerned = self.0.concerned.lock();
        let Some(all) = concerned.get_mut(folder) else {
            return;
        };
        all.retain(|other| !Arc::ptr_eq(other, whom));
        if all.is_empty() {
            concerned.remove(folder);
            drop(concerned);
            if let Some(Some(system)) = &mut *lock(&self.0.system) {
                let _ = system.unwatch(folder);
            }
        }
    }

    fn add(&self, folder: &Path, whom: &Arc<Notify>) -> bool {
        let mut concerned = self.0.concerned.lock();
        let all = concerned.entry(folder.to_owned()).or_default();
        if !all.iter().any(|other| Arc::ptr_eq(other, whom)) {
            all.push(whom.clone());
        }
        drop(concerned);
        let mut system = lock(&self.0.system);
        let system = system.get_or_insert_with(|| begin(&self.0.concerned));
        let watch = |system: &mut RecommendedWatcher| system.watch(folder, RecursiveMode::NonRecursive);
        system.as_mut().is_some_and(|system| watch(system).is_ok())
    }
}

impl Concerned {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Vec<Arc<Notify>>>> {
        lock(&self.0)
    }

    fn tell(&self, event: &Event) {
        // Being read is no change, and it is we who read.
        match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => {}
            EventKind::Access(_) => return,
            _ => {}
        }
        let concerned = self.lock();
        for path in &event.paths {
            let folders = [Some(path.as_path()), path.parent()].into_iter().flatten();
            for whom in folders.filter_map(|folder| concerned.get(folder)).flatten() {
                whom.notify_one();
            }
        }
        if event.need_rescan() {
            tell_all(&concerned);
        }
    }
}

fn begin(concerned: &Arc<Concerned>) -> Option<RecommendedWatcher> {
    let concerned = concerned.clone();
    let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| match event {
        Ok(event) => concerned.tell(&event),
        // What was missed is not known.
        Err(_) => tell_all(&concerned.lock()),
    });
    watcher.ok()
}

fn tell_all(concerned: &BTreeMap<PathBuf, Vec<Arc<Notify>>>) {
    concerned.values().flatten().for_each(|whom| whom.notify_one());
}

/// The folders in which a change shows: where the names stand, and where the links at these names lead.
fn folders(places: &[PathBuf]) -> BTreeSet<PathBuf> {
    let parent = |path: &Path| path.parent().map(Path::to_owned);
    let led = |path: &PathBuf| path.canonicalize().ok().as_deref().and_then(parent);
    places
        .iter()
        .flat_map(|path| [parent(path), led(path)])
        .flatten()
        .map(|folder| match folder.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false => folder,
        })
        .collect()
}

/// What is behind the lock is whole after every statement, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

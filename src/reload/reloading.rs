use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls_pki_types::UnixTime;
use tokio::sync::Notify;

use super::{FoundBy, Status};
use crate::live::Live;
use crate::observe::InForce;

/// A part that is kept loaded. Clones share it. To drop it ends nothing.
pub struct Reloading<T> {
    pub(super) live: Live<T>,
    pub(super) status: Arc<RwLock<Status>>,
    pub(super) asked: Arc<Notify>,
}

impl<T> Reloading<T> {
    /// With its first value in force.
    pub(super) fn begun(name: &str, value: Arc<T>, now: UnixTime) -> Self {
        let status = Status {
            name: name.into(),
            generation: 1,
            loaded_at: now,
            good_at: now,
            in_force: InForce::LastGood,
            failed: None,
            next_look: now,
            found_by: FoundBy::Looking,
        };
        Self {
            live: Live::of(value),
            status: Arc::new(RwLock::new(status)),
            asked: Arc::default(),
        }
    }

    /// What is in force, for whoever decides by it.
    pub fn live(&self) -> Live<T> {
        self.live.clone()
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        read(&self.status)
    }

    /// Looks at once, as when somebody asks for it by a signal.
    pub fn look_now(&self) {
        self.asked.notify_one();
    }
}

impl<T> Clone for Reloading<T> {
    fn clone(&self) -> Self {
        Self {
            live: self.live.clone(),
            status: self.status.clone(),
            asked: self.asked.clone(),
        }
    }
}

impl<T> fmt::Debug for Reloading<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reloading").field(&self.status()).finish()
    }
}

pub(super) fn read(status: &RwLock<Status>) -> Status {
    status.read().unwrap_or_else(PoisonError::into_inner).clone()
}

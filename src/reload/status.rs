use std::sync::Arc;

use rustls_pki_types::UnixTime;

use super::NotLoaded;
use crate::observe::InForce;

/// The state of what is reloaded, as of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// What the operator calls it.
    pub name: Arc<str>,
    /// How many times it has been put in force, from 1.
    pub generation: u64,
    /// When what is in force was put there.
    pub loaded_at: UnixTime,
    /// When it was last loaded, or found unchanged.
    pub good_at: UnixTime,
    /// What is in force; [`InForce::LastGood`] also where nothing is wrong.
    pub in_force: InForce,
    /// What failed when it was last looked at, and when; nothing where all was well.
    pub failed: Option<(UnixTime, NotLoaded)>,
    /// When it is looked at again, at the latest.
    pub next_look: UnixTime,
    /// How changes are found.
    pub found_by: FoundBy,
}

/// The way in which changes are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FoundBy {
    /// The system tells of them. They are looked for at intervals all the same.
    Events,
    /// By looking at intervals: it is no file, or the system does not tell.
    Looking,
}

impl Status {
    /// Whether what stands outside is what is in force.
    pub fn is_current(&self) -> bool {
        self.failed.is_none()
    }
}

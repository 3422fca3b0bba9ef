use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use metrics::{SharedString, gauge};

use super::capped::Capped;
use super::seconds;
use crate::expiry::{Expiry, Kind};

/// What ends when, by name.
#[derive(Debug)]
pub(super) struct Named {
    names: Capped,
    /// What was last said of each label. A gauge says the same until it is told something else, so what is listed no longer
    /// would seem to run out.
    said: Mutex<HashMap<(Kind, SharedString), f64>>,
}

impl Named {
    pub(super) fn new(most: usize) -> Self {
        Self {
            names: Capped::new(most),
            said: Mutex::default(),
        }
    }

    /// Says it of those that end first. Under one label, what ends first counts; what is gone expires at infinity.
    pub(super) fn say(&self, expiries: &[Expiry]) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.values_mut().for_each(|end| *end = f64::INFINITY);
        for expiry in expiries.iter().take(self.names.most()) {
            let end = said
                .entry((expiry.kind(), self.label(expiry)))
                .or_insert(f64::INFINITY);
            *end = end.min(seconds(expiry.not_after()));
        }
        for ((kind, name), end) in &*said {
            let (kind, name) = (kind.as_str(), name.clone());
            gauge!("countersign_expiry_named_timestamp_seconds", "kind" => kind, "name" => name).set(*end);
        }
    }

    fn label(&self, expiry: &Expiry) -> SharedString {
        let owner = expiry.owner().unwrap_or_default();
        self.names.label(&format!("{owner} {}", expiry.name()))
    }
}

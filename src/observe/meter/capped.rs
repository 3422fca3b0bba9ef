use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use metrics::SharedString;

/// Values of one label: the first so many, and `other` for all that come later.
#[derive(Debug)]
pub(super) struct Capped {
    most: usize,
    seen: Mutex<HashSet<Arc<str>>>,
}

impl Capped {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            seen: Mutex::default(),
        }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.most > 0
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    pub(super) fn label(&self, value: &str) -> SharedString {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = seen.get(value) {
            return SharedString::from_shared(Arc::clone(known));
        }
        if seen.len() >= self.most {
            return SharedString::const_str("other");
        }
        let value: Arc<str> = value.into();
        seen.insert(Arc::clone(&value));
        SharedString::from_shared(value)
    }
}

//! A subscriber that keeps what it is told as lines.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};

use crate::observe::{Event, Log, Observer as _};

/// Keeps each event as `LEVEL target message field="text" field=other`.
#[derive(Default)]
struct Kept(Arc<Mutex<Vec<String>>>);

impl Subscriber for Kept {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let metadata = event.metadata();
        let said = format!(
            "{} {} {}{}",
            metadata.level(),
            metadata.target(),
            line.message,
            line.fields
        );
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(said);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => self.fields += &format!(" {name}={value:?}"),
        }
    }
}

/// The line that `Log` writes of this event.
pub(super) fn told(event: &Event<'_>) -> String {
    let kept = Kept::default();
    let lines = kept.0.clone();
    tracing::subscriber::with_default(kept, || Log::new().observe(event));
    let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    lines.join("\n")
}

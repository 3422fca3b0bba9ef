//! What the operator of an example reads: one line for each event, `MESSAGE FIELD=VALUE ..`.

#![allow(dead_code, reason = "each example uses a part of it")]

use std::sync::Arc;

use countersign::observe::{Event, Log, Observer};
use tracing_subscriber::fmt::MakeWriter;

/// Writes what [`countersign::observe::Log`] tells to standard output, from now on. A program of one's own chooses another
/// subscriber here.
pub(crate) fn start() {
    start_to(std::io::stdout);
}

/// The same, elsewhere.
pub(crate) fn start_to(writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static) {
    tracing_subscriber::fmt()
        .with_writer(writer)
        .without_time()
        .with_level(false)
        .with_target(false)
        .with_ansi(false)
        // A reader that has gone away is no reason to complain on standard error.
        .log_internal_errors(false)
        .init();
}

/// For whatever is reloaded: says nothing of what was read at the start.
pub(crate) fn later() -> Arc<dyn Observer> {
    Arc::new(Later(Log::new()))
}

#[derive(Debug)]
struct Later(Log);

impl Observer for Later {
    fn observe(&self, event: &Event<'_>) {
        if !matches!(event, Event::Reloaded { generation: 1, .. }) {
            self.0.observe(event);
        }
    }
}

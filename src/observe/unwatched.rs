use std::io::Write as _;
use std::sync::Once;

use super::{Event, Observer};
use crate::refusal::Refusal;

/// The observer of layers that were given none: silent, but for a server that is put together wrongly.
///
/// The peer sees a blank 500 of that, and must not see more; so whoever built the server would see nothing either.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unwatched;

impl Observer for Unwatched {
    fn observe(&self, event: &Event<'_>) {
        let Some(mistake) = mistake(event) else { return };
        #[cfg(feature = "tracing")]
        if tracing::enabled!(target: "countersign", tracing::Level::ERROR) {
            return super::Log::new().observe(event);
        }
        // Once: each request to such a route would repeat it, and anybody can send those.
        static TOLD: Once = Once::new();
        TOLD.call_once(|| {
            let _ = writeln!(std::io::stderr(), "countersign: {mistake}");
        });
    }
}

fn mistake(event: &Event<'_>) -> Option<String> {
    match event {
        Event::Refused {
            refusal: refusal @ Refusal::NotWired { .. },
            ..
        } => Some(refusal.to_string()),
        _ => None,
    }
}

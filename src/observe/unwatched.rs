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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_is_put_together_wrongly_is_told_of() {
        let not_wired = Refusal::NotWired {
            missing: "Caller",
            remedy: "put `CallerLayer` around this route",
        };
        for (refusal, told) in [
            (
                not_wired,
                Some("Caller is missing: put `CallerLayer` around this route".to_owned()),
            ),
            (Refusal::NoCertificate, None),
        ] {
            let event = Event::Refused {
                peer: None,
                tenant: None,
                refusal: &refusal,
            };
            assert_eq!(mistake(&event), told);
        }
    }
}

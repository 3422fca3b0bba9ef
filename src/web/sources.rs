use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::breaker::{Breaker, NotNow, Permit, Transition, Verdict, source};
use crate::clock::Clock;
use crate::observe::{Event, Observer};

/// From which sources connections are taken at all.
#[derive(Debug, Clone, Default)]
pub(super) struct Sources {
    pub(super) breaker: Option<Breaker<IpAddr>>,
    pub(super) clock: Clock,
}

/// One connection that was taken. Dropped without a verdict, it counts for nothing.
#[must_use = "what came of the handshake is to be recorded"]
pub(super) struct Taken(Option<Permit<IpAddr>>);

impl Sources {
    pub(super) fn take(&self, peer: SocketAddr, observer: &Arc<dyn Observer>) -> Result<Taken, NotNow> {
        let Some(breaker) = &self.breaker else {
            return Ok(Taken(None));
        };
        let permit = breaker.ask(&source(peer.ip()), self.clock.now())?;
        if let Some(transition) = permit.transition() {
            tell(observer, transition);
        }
        Ok(Taken(Some(permit)))
    }

    pub(super) fn record(&self, taken: Taken, verdict: Verdict, observer: &Arc<dyn Observer>) {
        let Taken(Some(permit)) = taken else { return };
        if let Some(transition) = permit.record(verdict, self.clock.now()) {
            tell(observer, &transition);
        }
    }
}

fn tell(observer: &Arc<dyn Observer>, transition: &Transition<IpAddr>) {
    observer.observe(&Event::SourceChanged { transition });
}

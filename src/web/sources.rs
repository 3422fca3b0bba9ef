use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::shares::{Share, Shares, UsedUp};
use crate::breaker::{Breaker, Permit, Transition, Verdict, source};
use crate::clock::Clock;
use crate::observe::{Event, HandshakeFailure, Observer};

/// From which sources connections are taken at all, and how many at once.
#[derive(Debug, Clone)]
pub(super) struct Sources {
    pub(super) breaker: Option<Breaker<IpAddr>>,
    pub(super) clock: Clock,
    /// Of their number in all, others take care.
    shares: Arc<Shares<IpAddr>>,
}

/// One connection that was taken, which holds a part of its source's share. Without a verdict, it counts for nothing.
#[must_use = "what came of the handshake is to be recorded"]
pub(super) struct Taken {
    permit: Option<Permit<IpAddr>>,
    _share: Share<IpAddr>,
}

impl Sources {
    pub(super) fn new(share: usize) -> Self {
        Self {
            breaker: None,
            clock: Clock::default(),
            shares: Shares::new(usize::MAX, share),
        }
    }

    pub(super) fn set_share(&mut self, share: usize) {
        self.shares = Shares::new(usize::MAX, share);
    }

    pub(super) fn take(
        &self,
        peer: SocketAddr,
        observer: &Arc<dyn Observer>,
    ) -> Result<Taken, HandshakeFailure> {
        let source = source(peer.ip());
        let share = self.shares.take(source).map_err(|used_up| match used_up {
            UsedUp::Own { limit } | UsedUp::All { limit } => HandshakeFailure::ShareUsedUp { limit },
        })?;
        let permit = match &self.breaker {
            None => None,
            Some(breaker) => {
                let permit = breaker.ask(&source, self.clock.now());
                Some(permit.map_err(HandshakeFailure::Blocked)?)
            }
        };
        if let Some(transition) = permit.as_ref().and_then(Permit::transition) {
            tell(observer, transition);
        }
        Ok(Taken {
            permit,
            _share: share,
        })
    }

    /// What came of the handshake. Its part of the share is held on.
    pub(super) fn record(&self, taken: &mut Taken, verdict: Verdict, observer: &Arc<dyn Observer>) {
        let Some(permit) = taken.permit.take() else { return };
        if let Some(transition) = permit.record(verdict, self.clock.now()) {
            tell(observer, &transition);
        }
    }
}

fn tell(observer: &Arc<dyn Observer>, transition: &Transition<IpAddr>) {
    observer.observe(&Event::SourceChanged { transition });
}

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::shares::{Share, Shares, UsedUp};
use crate::breaker::{Breaker, Permit, Transition, Verdict, source};
use crate::clock::Clock;
use crate::observe::{Cut, Event, HandshakeFailure, Observer};

/// From which sources connections are taken at all, and how many at once.
#[derive(Debug, Clone)]
pub(super) struct Sources {
    pub(super) breaker: Option<Breaker<IpAddr>>,
    pub(super) clock: Clock,
    /// Of their number in all, others take care.
    shares: Arc<Shares<IpAddr>>,
    /// How many may be open, and of one source.
    connections: Option<Arc<Shares<IpAddr>>>,
}

/// The place of a connection, until it is closed.
pub(super) type Held = Share<IpAddr>;

/// One connection that was taken, which holds a part of its source's share. Without a verdict, it counts for nothing.
#[must_use = "what came of the handshake is to be recorded"]
pub(super) struct Taken {
    permit: Option<Permit<IpAddr>>,
    _share: Share<IpAddr>,
    held: Option<Held>,
}

impl Taken {
    /// The place among those that are open, for as long as it is.
    pub(super) fn hold(&mut self) -> Option<Held> {
        self.held.take()
    }
}

impl Sources {
    pub(super) fn new(share: usize) -> Self {
        Self {
            breaker: None,
            clock: Clock::default(),
            shares: Shares::new(usize::MAX, share),
            connections: None,
        }
    }

    pub(super) fn set_share(&mut self, share: usize) {
        self.shares = Shares::new(usize::MAX, share);
    }

    #[cfg(feature = "server")]
    pub(super) fn set_connections(&mut self, in_all: usize, per_source: usize) {
        self.connections = Some(Shares::new(in_all, per_source));
    }

    fn hold(&self, source: IpAddr) -> Result<Option<Held>, Cut> {
        let held = self
            .connections
            .as_ref()
            .map(|connections| connections.take(source));
        held.transpose().map_err(|used_up| match used_up {
            UsedUp::All { limit } => Cut::Connections { limit },
            UsedUp::Own { limit } => Cut::ConnectionsOfSource { limit },
        })
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
        let held = self.hold(source)?;
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
            held,
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

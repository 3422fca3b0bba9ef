use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::pace::Pace;
use super::shares::{Share, Shares, UsedUp};
use crate::breaker::{Breaker, NotNow, Permit, Transition, Verdict, source};
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
    /// In turn, where a circuit is open; none at all without.
    pace: Option<Arc<Pace>>,
}

/// The place of a connection, until it is closed.
pub(super) type Held = Share<IpAddr>;

/// One connection that was taken, which holds a part of its source's share. Without a verdict, it counts for nothing.
#[must_use = "what came of the handshake is to be recorded"]
pub(super) struct Taken {
    permit: Option<Permit<IpAddr>>,
    _share: Share<IpAddr>,
    held: Option<Held>,
    turn: Option<Instant>,
}

impl Taken {
    /// When its handshake may begin, if it has to wait.
    pub(super) fn turn(&self) -> Option<Instant> {
        self.turn
    }

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
            pace: None,
        }
    }

    pub(super) fn set_share(&mut self, share: usize) {
        self.shares = Shares::new(usize::MAX, share);
    }

    pub(super) fn set_pace(&mut self, apart: Duration) {
        self.pace = Some(Pace::new(apart));
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

    /// A part of the source's share, unless it is used up, or the source blocked, or its turn not within this time.
    pub(super) fn take(
        &self,
        peer: SocketAddr,
        within: Duration,
        observer: &Arc<dyn Observer>,
    ) -> Result<Taken, HandshakeFailure> {
        let source = source(peer.ip());
        let share = self.shares.take(source).map_err(|used_up| match used_up {
            UsedUp::Own { limit } | UsedUp::All { limit } => HandshakeFailure::ShareUsedUp { limit },
        })?;
        let held = self.hold(source)?;
        let asked = self
            .breaker
            .as_ref()
            .map(|breaker| breaker.ask(&source, self.clock.now()));
        let (permit, turn) = match asked {
            None => (None, None),
            Some(Ok(permit)) => (Some(permit), None),
            Some(Err(not_now)) => (None, Some(self.turn(source, within, not_now)?)),
        };
        if let Some(transition) = permit.as_ref().and_then(Permit::transition) {
            tell(observer, transition);
        }
        Ok(Taken {
            permit,
            _share: share,
            held,
            turn,
        })
    }

    fn turn(&self, source: IpAddr, within: Duration, not_now: NotNow) -> Result<Instant, HandshakeFailure> {
        let turn = self
            .pace
            .as_ref()
            .and_then(|pace| pace.turn(source, within, Instant::now()));
        turn.ok_or(HandshakeFailure::Blocked(not_now))
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

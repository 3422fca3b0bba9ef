//! The way of one connection: it is met, waits for its place and its turn, and shakes hands.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout};

use super::Acceptor;
use crate::breaker::Verdict;
use crate::identity::Certificate;
use crate::observe::{ClaimedCertificate, Event, HandshakeFailure, PeerCertificate};
use crate::stream::linger;
use crate::web::Secured;
use crate::web::handshake::{Done, Failed, verdict};
#[cfg(feature = "proxy-protocol")]
use crate::web::proxied::told_source;
use crate::web::sources::Taken;

/// A connection that has come in, and whose it is taken for.
pub(in crate::web) struct Arrival {
    peer: SocketAddr,
    /// A load balancer's is taken for nobody's until its header is read.
    taken: Option<Taken>,
    begun: Instant,
}

impl Arrival {
    /// Where it comes from, as far as is known: before its header is read, a load balancer's comes from there.
    pub(in crate::web) fn peer(&self) -> SocketAddr {
        self.peer
    }
}

impl Acceptor {
    /// The handshake with one peer.
    ///
    /// # Errors
    /// [`HandshakeFailure`], after the peer was given the time to read its alert.
    pub async fn accept<I>(&self, io: I, peer: SocketAddr) -> Result<Secured<I>, HandshakeFailure>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let mut arrival = self.meet(peer)?;
        let begun = arrival.begun;
        let Ok(_place) = timeout(self.handshake_timeout, self.place()).await else {
            let failed = Failed::<I>::gone(HandshakeFailure::TimedOut, Verdict::NotCounted);
            return Err(self.refuse(&mut arrival, failed).await);
        };
        let left = self.handshake_timeout.saturating_sub(begun.elapsed());
        self.accept_within(left, io, &mut arrival).await
    }

    /// Whether to deal with this connection at all.
    pub(in crate::web) fn meet(&self, peer: SocketAddr) -> Result<Arrival, HandshakeFailure> {
        #[cfg(feature = "proxy-protocol")]
        if self.is_balancer(peer) {
            let (taken, begun) = (None, Instant::now());
            return Ok(Arrival { peer, taken, begun });
        }
        let begun = Instant::now();
        let taken = Some(self.take(peer, self.handshake_timeout)?);
        Ok(Arrival { peer, taken, begun })
    }

    /// Half of the time is for its turn, and half for the handshake.
    fn take(&self, peer: SocketAddr, limit: Duration) -> Result<Taken, HandshakeFailure> {
        let taken = self.sources.take(peer, limit / 2, &self.observer);
        taken.inspect_err(|reason| self.tell_why(peer, reason, None))
    }

    fn tell_why(&self, peer: SocketAddr, reason: &HandshakeFailure, claimed: Option<&Certificate>) {
        self.observer.observe(&Event::HandshakeFailed {
            peer,
            reason,
            claimed: claimed.map(ClaimedCertificate::of),
            at: self.sources.clock.now(),
        });
    }

    /// A port accepts nothing just now.
    pub(in crate::web) fn tell_of(&self, error: &io::Error, at: SocketAddr) {
        self.observer.observe(&Event::AcceptFailed { at, error });
    }

    /// A place for one handshake, for as long as it is held. `None` never comes: nobody closes the semaphore.
    pub(in crate::web) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().acquire_owned().await.ok()
    }

    /// The handshake of one who has a place.
    pub(in crate::web) async fn accept_in<I>(
        &self,
        _place: &OwnedSemaphorePermit,
        io: I,
        arrival: &mut Arrival,
    ) -> Result<Secured<I>, HandshakeFailure>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        self.accept_within(self.handshake_timeout, io, arrival).await
    }

    async fn accept_within<I>(
        &self,
        limit: Duration,
        io: I,
        arrival: &mut Arrival,
    ) -> Result<Secured<I>, HandshakeFailure>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let begun = Instant::now();
        #[cfg(feature = "proxy-protocol")]
        let io = self.learn(limit, io, arrival).await?;
        if let Some(turn) = arrival.taken.as_ref().and_then(Taken::turn) {
            sleep_until(turn).await;
        }
        let left = limit.saturating_sub(begun.elapsed());
        let peer = arrival.peer;
        self.observer.observe(&Event::HandshakeStarted { peer });
        let heard = AtomicBool::new(false);
        let protocols = (self.protocols, self.by_default);
        let handshake = self.names.handshake(io, arrival.peer, protocols, &heard);
        let failed = match timeout(left, handshake).await {
            Ok(Ok(done)) => return Ok(self.complete(arrival, done)),
            Ok(Err(failed)) => failed,
            Err(_) => Failed::gone(HandshakeFailure::TimedOut, verdict(None, &heard)),
        };
        Err(self.refuse(arrival, failed).await)
    }

    fn complete<I>(&self, arrival: &mut Arrival, done: Done<I>) -> Secured<I> {
        let (peer, handshake) = (arrival.peer, done.handshake);
        let held = arrival.taken.as_mut().and_then(Taken::hold);
        self.record(arrival, Verdict::Success);
        self.observer.observe(&Event::HandshakeCompleted {
            peer,
            handshake,
            certificate: done.connection.certificate().map(PeerCertificate::of),
            took: arrival.begun.elapsed(),
        });
        Secured::new(done.stream, done.connection, self.drain.open(), held)
    }

    async fn refuse<I>(&self, arrival: &mut Arrival, failed: Failed<I>) -> HandshakeFailure
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        self.record(arrival, failed.verdict);
        self.tell_why(arrival.peer, &failed.reason, failed.claimed.as_deref());
        if let Some(io) = failed.io {
            linger(io).await;
        }
        failed.reason
    }

    fn record(&self, arrival: &mut Arrival, verdict: Verdict) {
        if let Some(taken) = &mut arrival.taken {
            self.sources.record(taken, verdict, &self.observer);
        }
    }
}

/// What stands in front of TLS.
#[cfg(feature = "proxy-protocol")]
impl Acceptor {
    fn is_balancer(&self, peer: SocketAddr) -> bool {
        let balancers = self.balancers.as_ref();
        balancers.is_some_and(|balancers| balancers.is_spoken_by(peer.ip()))
    }

    /// Learns from a load balancer whose connection it is, and whether to deal with that peer.
    async fn learn<I>(&self, limit: Duration, mut io: I, arrival: &mut Arrival) -> Result<I, HandshakeFailure>
    where
        I: AsyncRead + Unpin,
    {
        if arrival.taken.is_some() {
            return Ok(io);
        }
        let begun = Instant::now();
        let told = timeout(limit, told_source(&mut io)).await;
        let told = told.unwrap_or(Err(HandshakeFailure::TimedOut));
        if let Some(source) = told.inspect_err(|reason| self.tell_why(arrival.peer, reason, None))? {
            arrival.peer = source;
        }
        let left = limit.saturating_sub(begun.elapsed());
        arrival.taken = Some(self.take(arrival.peer, left)?);
        Ok(io)
    }
}

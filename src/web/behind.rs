//! Proxies in front of us, and what they say about who is behind them.

use http::{HeaderMap, HeaderValue, Request};

use super::outside::Outside;
#[cfg(feature = "forwarded")]
use super::{
    Connection,
    passed::{connection, peer},
};
#[cfg(feature = "forwarded")]
use crate::forwarded::{Forwarded, Forwarder, Hop, NotForwarded};
use crate::gate::Provenance;
#[cfg(feature = "forwarded")]
use crate::observe::Event;
#[cfg(feature = "forwarded")]
use crate::payload::Head;
use crate::refusal::Refusal;

/// The proxies in front, if there are any.
#[derive(Debug, Clone, Default)]
pub(super) struct Behind {
    #[cfg(feature = "forwarded")]
    forwarder: Option<Forwarder>,
    vary: Option<HeaderValue>,
}

/// Whose certificate counts.
#[derive(Debug)]
pub(super) enum Shown {
    /// The connection's own.
    Itself,
    /// Nobody's: the connection is a hop's, and says nothing about a client.
    #[cfg(feature = "forwarded")]
    Nobody,
    /// The one that a hop has handed on.
    #[cfg(feature = "forwarded")]
    Forwarded(Forwarded),
}

impl Shown {
    /// Of a caller that is known by it.
    pub(super) fn provenance(&self) -> Provenance {
        match self {
            Self::Itself => Provenance::Handshake,
            #[cfg(feature = "forwarded")]
            Self::Nobody => Provenance::Handshake,
            #[cfg(feature = "forwarded")]
            Self::Forwarded(forwarded) => Provenance::Forwarded(forwarded.by().clone()),
        }
    }
}

#[cfg(not(feature = "forwarded"))]
impl Behind {
    pub(super) fn read<B>(&self, _: &Request<B>, _: &Outside) -> Result<Shown, Refusal> {
        Ok(Shown::Itself)
    }

    pub(super) fn strip(&self, _: &mut HeaderMap) {}
}

#[cfg(feature = "forwarded")]
impl Behind {
    pub(super) fn of(forwarder: Forwarder) -> Self {
        let vary = HeaderValue::from_str(forwarder.format().certificate_field().as_str()).ok();
        Self {
            forwarder: Some(forwarder),
            vary,
        }
    }

    /// What the request says, as far as it is believed.
    pub(super) fn read<B>(&self, request: &Request<B>, outside: &Outside) -> Result<Shown, Refusal> {
        let (Some(forwarder), Some(connection)) = (&self.forwarder, connection(request.extensions())) else {
            return Ok(Shown::Itself);
        };
        let hop = match hop(forwarder, connection, request, outside)? {
            Ok(Some(hop)) => hop,
            nobody => {
                let reason = nobody
                    .err()
                    .or_else(|| forwarder.present(None, request.headers()).err());
                if let Some(reason) = &reason {
                    let peer = peer(request.extensions());
                    outside.observer.observe(&Event::NotForwarded { peer, reason });
                }
                return Ok(Shown::Itself);
            }
        };
        let forwarded = forwarder.present(Some(&hop), request.headers())?;
        Ok(forwarded.map_or(Shown::Nobody, Shown::Forwarded))
    }

    pub(super) fn strip(&self, headers: &mut HeaderMap) {
        if let Some(forwarder) = &self.forwarder {
            forwarder.strip(headers);
        }
    }
}

/// The trusted hop that the request came from: by what the connection proves, then by a signature, and last by what proves
/// least. Whether it is one, nobody may be able to tell just now: then it is neither a hop nor a client.
#[cfg(feature = "forwarded")]
fn hop<B>(
    forwarder: &Forwarder,
    connection: &Connection,
    request: &Request<B>,
    outside: &Outside,
) -> Result<Result<Option<Hop>, NotForwarded>, Refusal> {
    let (hops, now) = (forwarder.hops(), outside.clock.now());
    let caller = hops.policy().map(|policy| connection.hop(policy, now));
    let caller = caller.transpose()?.flatten();
    let caller = caller.as_ref().map(Hop::caller);
    let socket = match connection.peer() {
        Some(peer) => Hop::address(peer.ip()),
        None => Hop::unix_socket(),
    };
    let trusted = |hop: &Hop| hops.admit(hop).is_some();
    if let Some(hop) = caller.into_iter().chain([socket]).find(trusted) {
        return Ok(Ok(Some(hop)));
    }
    let head = Head::new(request.method(), request.uri(), request.headers(), now);
    match forwarder.signed_by(&head) {
        Err(NotForwarded::HopNotAuthentic(why)) if Refusal::from(why.clone()).is_outage() => Err(why.into()),
        signed => Ok(signed),
    }
}

impl Behind {
    /// The field that answers vary with.
    pub(super) fn vary(&self) -> Option<HeaderValue> {
        self.vary.clone()
    }
}

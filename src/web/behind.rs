//! What stands in front of us, and what it says about who is behind it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::{CACHE_CONTROL, VARY};
use http::{HeaderMap, HeaderValue, Request, Response};
use pin_project_lite::pin_project;

use super::outside::Outside;
#[cfg(feature = "forwarded")]
use super::{
    Connection,
    passed::{connection, peer},
};
#[cfg(feature = "forwarded")]
use crate::forwarded::{Forwarded, Forwarder, Hop, NotForwarded};
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
        let hop = match hop(forwarder, connection, request, outside) {
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
/// least.
#[cfg(feature = "forwarded")]
fn hop<B>(
    forwarder: &Forwarder,
    connection: &Connection,
    request: &Request<B>,
    outside: &Outside,
) -> Result<Option<Hop>, NotForwarded> {
    let (hops, now) = (forwarder.hops(), outside.clock.now());
    let caller = hops.policy().and_then(|policy| connection.hop(policy, now));
    let caller = caller.as_ref().map(Hop::caller);
    let socket = match connection.peer() {
        Some(peer) => Hop::address(peer.ip()),
        None => Hop::unix_socket(),
    };
    let trusted = |hop: &Hop| hops.admit(hop).is_some();
    if let Some(hop) = caller.into_iter().chain([socket]).find(trusted) {
        return Ok(Some(hop));
    }
    forwarder.signed_by(&Head::new(
        request.method(),
        request.uri(),
        request.headers(),
        now,
    ))
}

impl Behind {
    /// The answer, which varies with the certificate.
    pub(super) fn answer<F>(&self, future: F) -> CallerFuture<F> {
        CallerFuture {
            future,
            vary: self.vary.clone(),
        }
    }
}

pin_project! {
    /// The answer of a [`CallerService`](super::CallerService).
    #[derive(Debug)]
    pub struct CallerFuture<F> {
        #[pin]
        future: F,
        vary: Option<HeaderValue>,
    }
}

impl<F, R, E> Future for CallerFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut answer = ready!(this.future.poll(cx));
        if let (Ok(response), Some(field)) = (&mut answer, this.vary.take())
            && may_be_stored(response.headers())
        {
            response.headers_mut().append(VARY, field);
        }
        Poll::Ready(answer)
    }
}

/// Whether a cache may keep it at all: `no-store` among its directives (RFC 9111 §5.2.2.5).
fn may_be_stored(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(CACHE_CONTROL).iter();
    let mut directives = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    !directives.any(|directive| directive.trim_ascii().eq_ignore_ascii_case(b"no-store"))
}

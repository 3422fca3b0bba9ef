use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::Extensions;

use super::Connection;
use crate::gate::Caller;
use crate::observe::{Event, Observer, Unwatched};
use crate::payload::Fresh;
use crate::refusal::Refusal;
use crate::tenant::TenantId;

/// Which layers a request has passed, for those behind them; travels in its extensions.
#[derive(Debug, Clone)]
pub(super) struct Passed {
    observer: Arc<dyn Observer>,
    asked_for_caller: bool,
    #[cfg_attr(not(feature = "axum"), expect(dead_code, reason = "extractors read it"))]
    verified: Option<Bytes>,
}

impl Passed {
    pub(super) fn caller_layer(observer: Arc<dyn Observer>) -> Self {
        Self {
            observer,
            asked_for_caller: true,
            verified: None,
        }
    }

    /// With the body that was verified.
    pub(super) fn payload_layer(observer: Arc<dyn Observer>, before: Option<&Self>, body: Bytes) -> Self {
        Self {
            observer,
            asked_for_caller: before.is_some_and(|before| before.asked_for_caller),
            verified: Some(body),
        }
    }
}

/// Tells whoever watches the layers that are there.
pub(super) fn tell(extensions: &Extensions, refusal: &Refusal) {
    let passed = extensions.get::<Passed>();
    let observer = passed.map_or(&Unwatched as &dyn Observer, |passed| &*passed.observer);
    observer.observe(&Event::Refused {
        peer: peer(extensions),
        tenant: tenant(extensions),
        refusal,
    });
}

/// Whose request it is: by its connection, else by its payload. Where both are there, they are one tenant's.
pub(super) fn tenant(extensions: &Extensions) -> Option<&TenantId> {
    let by_connection = extensions.get().map(Caller::tenant);
    by_connection.or_else(|| extensions.get().map(Fresh::sender))
}

/// Whether [`CallerLayer`](super::CallerLayer) has asked who is calling, whatever the answer was.
#[cfg(feature = "axum")]
pub(super) fn asked_for_caller(extensions: &Extensions) -> bool {
    extensions
        .get::<Passed>()
        .is_some_and(|passed| passed.asked_for_caller)
}

/// The body as [`PayloadLayer`](super::PayloadLayer) has verified it.
#[cfg(feature = "axum")]
pub(super) fn verified(extensions: &Extensions) -> Option<&Bytes> {
    extensions.get::<Passed>()?.verified.as_ref()
}

pub(super) fn connection(extensions: &Extensions) -> Option<&Connection> {
    let direct = extensions.get::<Connection>();
    #[cfg(feature = "axum")]
    let direct = direct.or_else(|| {
        extensions
            .get::<::axum::extract::ConnectInfo<Connection>>()
            .map(|info| &info.0)
    });
    direct
}

/// Where a request came from, where somebody has said so.
pub(super) fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    let peer = connection(extensions).and_then(Connection::peer);
    #[cfg(feature = "axum")]
    let peer = peer.or_else(|| {
        extensions
            .get::<::axum::extract::ConnectInfo<SocketAddr>>()
            .map(|info| info.0)
    });
    peer
}

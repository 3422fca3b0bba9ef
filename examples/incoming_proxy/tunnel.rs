//! Changes of protocol (RFC 9110 §7.8), of which only WebSocket is passed on, and only where a route says so.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::UPGRADE;
use axum::http::{Method, Request, Response, StatusCode, request};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::time::timeout;

/// What a client wants its connection to become.
pub(crate) enum Wish {
    Nothing,
    WebSocket(OnUpgrade),
    /// Something else, or a WebSocket in another form than RFC 6455 §4.1 has it.
    Other,
}

/// The client's connection, once it is no longer HTTP's.
#[derive(Clone)]
pub(crate) struct Pending(OnUpgrade);

impl Pending {
    /// Kept beside the request, where a connection may be given away: hyper knows.
    pub(crate) fn of(request: &mut Request<Body>) -> Option<Self> {
        let may = request.extensions().get::<OnUpgrade>().is_some();
        let pending = may.then(|| Self(hyper::upgrade::on(&mut *request)))?;
        request.extensions_mut().insert(pending.clone());
        Some(pending)
    }

    /// Says goodbye where the wish was not granted: HTTP leaves the connection then as it is, and a client of TLS would take
    /// what it has read for cut off.
    pub(crate) fn unless_granted(self, status: StatusCode) {
        if status != StatusCode::SWITCHING_PROTOCOLS {
            tokio::spawn(async move {
                if let Ok(io) = self.0.await {
                    let _ = TokioIo::new(io).shutdown().await;
                }
            });
        }
    }
}

impl Wish {
    pub(crate) fn of(head: &request::Parts) -> Self {
        let mut wanted = head.headers.get_all(UPGRADE).iter();
        let pending = head.extensions.get::<Pending>().cloned();
        match (wanted.next(), wanted.next(), pending) {
            (None, ..) => Self::Nothing,
            (Some(one), None, Some(Pending(client)))
                if one.as_bytes().eq_ignore_ascii_case(b"websocket") && head.method == Method::GET =>
            {
                Self::WebSocket(client)
            }
            _ => Self::Other,
        }
    }
}

/// Passes bytes both ways, until one side ends, or for so long at most: who it is was asked at the beginning, and is not asked
/// again.
pub(crate) fn join(client: OnUpgrade, answer: &mut Response<Body>, at_most: Duration) {
    let service = hyper::upgrade::on(answer);
    tokio::spawn(async move {
        if let Ok((client, service)) = tokio::try_join!(client, service) {
            let (mut client, mut service) = (TokioIo::new(client), TokioIo::new(service));
            let _ = timeout(at_most, copy_bidirectional(&mut client, &mut service)).await;
            let _ = client.shutdown().await;
        }
    });
}

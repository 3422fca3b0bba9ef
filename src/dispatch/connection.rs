use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::Protocol;
use super::wire::{Watched, Wire};
use crate::identity::Validity;

/// How long a connection that nobody holds any more may take to say goodbye.
const LINGER: Duration = Duration::from_millis(500);
/// How often the other end of a busy HTTP/2 connection is asked whether it is there, and how long it may take.
const PING: Duration = Duration::from_secs(5);
/// The longest head of an answer.
const MAX_HEAD: u32 = 64 * 1024;

/// A connection whose TLS handshake is done, and what it was made under.
pub(super) struct Connection {
    sender: Sender,
    pub(super) facts: Arc<Facts>,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// What a connection was made under, and what is known of it.
pub(super) struct Facts {
    pub(super) wire: Arc<Wire>,
    /// The generation of the trust that the server was verified by; read before it was.
    pub(super) trust: u64,
    /// For how long that holds.
    pub(super) valid: Validity,
    /// Whether the server asked for a certificate.
    pub(super) asked: bool,
    pub(super) opened: Instant,
    /// Goes with the last who holds the connection; the task that drives it notices.
    _held: oneshot::Sender<()>,
}

/// What is known of a connection when it is opened.
pub(super) struct Opened {
    pub(super) wire: Arc<Wire>,
    pub(super) trust: u64,
    pub(super) valid: Validity,
    pub(super) asked: bool,
    pub(super) at: Instant,
}

impl Connection {
    /// Begins HTTP on it.
    pub(super) async fn begin(io: Watched, protocol: Protocol, opened: Opened) -> hyper::Result<Self> {
        let (held, gone) = oneshot::channel();
        let io = TokioIo::new(io);
        let sender = match protocol {
            Protocol::Http1 => {
                let mut builder = http1::Builder::new();
                builder.max_header_size(MAX_HEAD as usize);
                let (sender, connection) = builder.handshake(io).await?;
                tokio::spawn(drive(connection, gone));
                Sender::Http1(sender)
            }
            Protocol::Http2 => {
                let mut builder = http2::Builder::new(TokioExecutor::new());
                builder.timer(TokioTimer::new()).max_header_list_size(MAX_HEAD);
                // A connection that many share, and that the network has dropped, is found out by a ping.
                builder.keep_alive_interval(PING).keep_alive_timeout(PING);
                let (sender, connection) = builder.handshake(io).await?;
                tokio::spawn(drive(connection, gone));
                Sender::Http2(sender)
            }
        };
        let facts = Arc::new(Facts {
            wire: opened.wire,
            trust: opened.trust,
            valid: opened.valid,
            asked: opened.asked,
            opened: opened.at,
            _held: held,
        });
        Ok(Self { sender, facts })
    }

    pub(super) fn protocol(&self) -> Protocol {
        match self.sender {
            Sender::Http1(_) => Protocol::Http1,
            Sender::Http2(_) => Protocol::Http2,
        }
    }

    /// The same connection for another request beside this one: HTTP/2 only.
    pub(super) fn share(&self) -> Option<Self> {
        match &self.sender {
            Sender::Http1(_) => None,
            Sender::Http2(sender) => Some(Self {
                sender: Sender::Http2(sender.clone()),
                facts: self.facts.clone(),
            }),
        }
    }

    /// Whether a request could be sent on it now, as far as is known.
    pub(super) fn is_ready(&self) -> bool {
        let open = match &self.sender {
            Sender::Http1(sender) => sender.is_ready(),
            Sender::Http2(sender) => sender.is_ready(),
        };
        open && self.facts.wire.alert().is_none()
    }

    /// Waits until the answer before has been read to its end, or tells that there will be no other.
    pub(super) async fn ready(&mut self) -> hyper::Result<()> {
        match &mut self.sender {
            Sender::Http1(sender) => sender.ready().await,
            Sender::Http2(sender) => sender.ready().await,
        }
    }

    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Interrupted> {
        let before = self.facts.wire.sent();
        let answer = match &mut self.sender {
            Sender::Http1(sender) => sender.try_send_request(request).await,
            Sender::Http2(sender) => sender.try_send_request(request).await,
        };
        answer.map_err(|error| Interrupted {
            processed: self.may_be_processed(&error, before),
            error: error.into_error(),
        })
    }

    /// A request was certainly not handled where hyper gives it back, never having begun to write it; where the system
    /// took no byte since it was handed over (of HTTP/1.1: other requests share an HTTP/2 connection); and where an
    /// HTTP/2 server says so itself (RFC 9113 §8.7).
    fn may_be_processed(&self, error: &TrySendError<Request<Full<Bytes>>>, before: u64) -> Processed {
        let unsent = match self.sender {
            Sender::Http1(_) => self.facts.wire.sent() == before,
            Sender::Http2(_) => is_refused(error.error()),
        };
        if error.message().is_some() || unsent {
            Processed::No
        } else {
            Processed::Perhaps
        }
    }
}

/// REFUSED_STREAM, or a GOAWAY without an error: h2 reports one only to streams above the last that will be handled.
fn is_refused(error: &hyper::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return match error.reason() {
                Some(h2::Reason::REFUSED_STREAM) => true,
                Some(h2::Reason::NO_ERROR) => error.is_go_away() && error.is_remote(),
                _ => false,
            };
        }
        cause = error.source();
    }
    false
}

/// A request without an answer.
pub(super) struct Interrupted {
    pub(super) processed: Processed,
    pub(super) error: hyper::Error,
}

/// Whether the server may have handled a request that it did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Processed {
    /// Certainly not.
    No,
    /// Nobody knows.
    Perhaps,
}

/// Drives a connection until it ends, or, when nobody holds it any more, for a moment longer.
async fn drive(connection: impl Future<Output = hyper::Result<()>>, gone: oneshot::Receiver<()>) {
    let mut connection = pin!(connection);
    let mut end = pin!(async {
        let _ = gone.await;
        sleep(LINGER).await;
    });
    poll_fn(|cx| match connection.as_mut().poll(cx) {
        Poll::Ready(_) => Poll::Ready(()),
        Poll::Pending => end.as_mut().poll(cx),
    })
    .await;
}

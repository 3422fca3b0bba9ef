use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::Protocol;
use super::body::{BodyBytes, Sending};
use super::wire::{Watched, Wire};
use crate::identity::Validity;

/// How long a connection that nobody holds any more may take to say goodbye.
const LINGER: Duration = Duration::from_millis(500);
/// The longest head of an answer; each field counts 32 bytes more than it has, as in HTTP/2 (RFC 9113 §6.5.2).
const MAX_HEAD: u32 = 64 * 1024;
/// How much of an answer's body a server may send before we have read what came before it.
const WINDOW: u32 = 64 * 1024;
/// The same of all answers on one connection.
const WINDOW_IN_ALL: u32 = 4 * WINDOW;

/// What is sent.
pub(super) type Body = Full<BodyBytes>;
type Http2 = http2::Connection<TokioIo<Watched>, Body, Tied>;

/// A connection whose TLS handshake is done, and what it was made under.
pub(super) struct Connection {
    sender: Sender,
    pub(super) facts: Arc<Facts>,
    /// Counts its request; not while it lies in the pool.
    busy: Option<Busy>,
}

enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>, Weak<Mutex<Http2>>),
}

/// What a connection was made under, and what is known of it.
pub(super) struct Facts {
    pub(super) wire: Arc<Wire>,
    /// The generation of the trust that the server was verified by; read before it was.
    pub(super) trust: u64,
    /// For how long that holds, and is all that would be said of the server.
    pub(super) valid: Validity,
    /// Whether the server asked for a certificate.
    pub(super) asked: bool,
    pub(super) opened: Instant,
    /// How many requests are under way on it.
    under_way: AtomicUsize,
    /// Goes with the last who holds the connection; the tasks that drive it notice.
    _held: watch::Sender<()>,
}

/// A request under way.
struct Busy(Arc<Facts>);

impl Busy {
    fn on(facts: &Arc<Facts>) -> Self {
        facts.under_way.fetch_add(1, Ordering::AcqRel);
        Self(facts.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::AcqRel);
    }
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
    /// Begins HTTP on it, for a first request.
    pub(super) async fn begin(io: Watched, protocol: Protocol, opened: Opened) -> hyper::Result<Self> {
        let (held, gone) = watch::channel(());
        opened.wire.allow(before_an_answer(protocol, 0));
        let sender = match protocol {
            Protocol::Http1 => begin_http1(io, gone).await?,
            Protocol::Http2 => begin_http2(io, gone).await?,
        };
        let facts = Arc::new(Facts {
            wire: opened.wire,
            trust: opened.trust,
            valid: opened.valid,
            asked: opened.asked,
            opened: opened.at,
            under_way: AtomicUsize::new(0),
            _held: held,
        });
        Ok(Self {
            sender,
            busy: Some(Busy::on(&facts)),
            facts,
        })
    }

    pub(super) fn protocol(&self) -> Protocol {
        match self.sender {
            Sender::Http1(_) => Protocol::Http1,
            Sender::Http2(..) => Protocol::Http2,
        }
    }

    /// The same connection, to be kept for others beside this request: HTTP/2 only.
    pub(super) fn share(&self) -> Option<Self> {
        match &self.sender {
            Sender::Http1(_) => None,
            Sender::Http2(sender, driven) => Some(Self {
                sender: Sender::Http2(sender.clone(), driven.clone()),
                facts: self.facts.clone(),
                busy: None,
            }),
        }
    }

    /// The same connection for another request beside those under way: HTTP/2 only, and only as many as the server takes.
    pub(super) fn join(&self) -> Option<Self> {
        let joined = self.share().filter(|_| !self.is_full())?;
        Some(Self {
            busy: Some(Busy::on(&self.facts)),
            ..joined
        })
    }

    /// Whether another request would wait for one of those under way.
    fn is_full(&self) -> bool {
        let most = match &self.sender {
            Sender::Http1(_) => 1,
            // What has ended is not ready, and no place for a request either.
            Sender::Http2(_, driven) => driven
                .upgrade()
                .map_or(0, |driven| lock(&driven).current_max_send_streams()),
        };
        self.facts.under_way.load(Ordering::Acquire) >= most
    }

    /// Whether nobody else has it: an HTTP/2 connection of which no place is free is busy, and not to be waited for.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.sender, Sender::Http1(_))
    }

    /// Its request is answered.
    pub(super) fn rest(&mut self) {
        self.busy = None;
    }

    /// Whether a request could be sent on it now, as far as is known.
    pub(super) fn is_ready(&self) -> bool {
        let open = match &self.sender {
            Sender::Http1(sender) => sender.is_ready(),
            Sender::Http2(sender, _) => sender.is_ready(),
        };
        open && self.facts.wire.alert().is_none() && !self.facts.wire.babbles()
    }

    /// Waits until the answer before has been read to its end, or tells that there will be no other.
    pub(super) async fn ready(&mut self) -> hyper::Result<()> {
        match &mut self.sender {
            Sender::Http1(sender) => sender.ready().await,
            Sender::Http2(sender, _) => sender.ready().await,
        }
    }

    /// What is to be sent as a request's body on this connection.
    pub(super) fn body(&self, body: Bytes) -> (Body, Arc<Sending>) {
        let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
        self.facts.wire.allow(before_an_answer(self.protocol(), length));
        let (bytes, sending) = BodyBytes::new(body, self.facts.wire.clone());
        (Full::new(bytes), sending)
    }

    /// The head of the answer.
    pub(super) async fn send(&mut self, request: Request<Body>) -> Result<Response<Incoming>, Interrupted> {
        let before = self.facts.wire.sent();
        let answer = match &mut self.sender {
            Sender::Http1(sender) => sender.try_send_request(request).await,
            Sender::Http2(sender, _) => sender.try_send_request(request).await,
        };
        self.facts.wire.progress();
        answer.map_err(|error| Interrupted {
            processed: self.may_be_processed(&error, before),
            error: error.into_error(),
        })
    }

    /// A request was certainly not handled where hyper gives it back, never having begun to write it; where the system
    /// took no byte since it was handed over (of HTTP/1.1: other requests share an HTTP/2 connection); and where an
    /// HTTP/2 server says so itself (RFC 9113 §8.7).
    fn may_be_processed(&self, error: &TrySendError<Request<Body>>, before: u64) -> Processed {
        let unsent = match self.sender {
            Sender::Http1(_) => self.facts.wire.sent() == before,
            Sender::Http2(..) => is_refused(error.error()),
        };
        if error.message().is_some() || unsent {
            Processed::No
        } else {
            Processed::Perhaps
        }
    }
}

async fn begin_http1(io: Watched, gone: watch::Receiver<()>) -> hyper::Result<Sender> {
    let mut builder = http1::Builder::new();
    // How many fields there may be is left as it is, at 100: for these hyper has room on the stack, for any other number it
    // allocates and fills 64 bytes for each before every answer.
    builder.max_header_size(MAX_HEAD as usize);
    let (sender, connection) = builder.handshake(TokioIo::new(io)).await?;
    tokio::spawn(drive(connection, gone));
    Ok(Sender::Http1(sender))
}

async fn begin_http2(io: Watched, gone: watch::Receiver<()>) -> hyper::Result<Sender> {
    let mut builder = http2::Builder::new(Tied(gone.clone()));
    builder
        .max_header_list_size(MAX_HEAD)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW_IN_ALL)
        // Until the server has said how many it takes at once.
        .initial_max_send_streams(1);
    let (sender, connection) = builder.handshake(TokioIo::new(io)).await?;
    let connection = Arc::new(Mutex::new(connection));
    let driven = Arc::downgrade(&connection);
    let part = poll_fn(move |cx| Pin::new(&mut *lock(&connection)).poll(cx));
    tokio::spawn(drive(part, gone));
    Ok(Sender::Http2(sender, driven))
}

/// It is locked while it is driven and while it is asked something: neither panics half-way.
fn lock(connection: &Mutex<Http2>) -> MutexGuard<'_, Http2> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How much a server may send before it answers a request of this length: interim responses, which are without a limit
/// of their own, and the head. Of HTTP/2 also what tells us to go on, two frames of 13 bytes for each of at most 16 KiB,
/// and the answers to other requests that nobody waits for any more.
fn before_an_answer(protocol: Protocol, length: u64) -> u64 {
    let (head, window) = (u64::from(MAX_HEAD), u64::from(WINDOW_IN_ALL));
    match protocol {
        Protocol::Http1 => 2 * head,
        Protocol::Http2 => (2 * head + window).saturating_add(length),
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

/// Drives a part of a connection until it ends, or, when nobody holds the connection any more, for a moment longer.
///
/// Not an `async fn`: that would have room for the part twice, where it is given and where it is pinned, as long as the
/// connection lasts.
fn drive<T>(
    mut part: impl Future<Output = T> + Unpin,
    mut gone: watch::Receiver<()>,
) -> impl Future<Output = ()> {
    let mut end = Box::pin(async move {
        while gone.changed().await.is_ok() {}
        sleep(LINGER).await;
    });
    poll_fn(move |cx| match Pin::new(&mut part).poll(cx) {
        Poll::Ready(_) => Poll::Ready(()),
        Poll::Pending => end.as_mut().poll(cx),
    })
}

/// Ties what hyper does aside for an HTTP/2 connection to those who hold the connection. A peer that reads nothing more
/// would keep it for ever.
#[derive(Clone)]
struct Tied(watch::Receiver<()>);

impl<F> hyper::rt::Executor<F> for Tied
where
    F: Future + Send + 'static,
{
    fn execute(&self, part: F) {
        tokio::spawn(drive(Box::pin(part), self.0.clone()));
    }
}

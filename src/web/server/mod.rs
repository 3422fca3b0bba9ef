//! A server that is bounded on every side.

mod bounds;
mod frames;
mod of_hyper;
mod requests;
mod serving;
mod unread;
mod watch;
mod watched;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use http::{Request, Response};
use http_body::Body;
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::task::JoinSet;
use tower_service::Service;

use self::of_hyper::OfHyper;
use self::serving::Rules;
use super::body::BoxError;
use super::shares::Shares;
use super::{Acceptor, Drain, Drained, Listener, Protocols};
use crate::gate::Policy;

pub use bounds::Bounds;
pub use unread::{IncompleteBody, RequestBody};

/// An HTTP server, for HTTP/1.1 and HTTP/2 over TLS, of which no peer can take more than its [`Bounds`] say.
///
/// It serves what `axum`, `tonic` and `tower` make ([`serve`](Self::serve)), and hyper's own services
/// ([`serve_hyper`](Self::serve_hyper)). Each request bears its [`Connection`](super::Connection), so the layers find it
/// without more. What it cuts is told as [`Event::ConnectionCut`](crate::observe::Event::ConnectionCut), to the acceptor's observer.
///
/// ```
/// use axum::{Router, routing::get};
/// use countersign::testing::TestCa;
/// use countersign::tls::rustls;
/// use countersign::web::{Acceptor, Bounds, Server};
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let own = TestCa::new("Acme Root").server("hooks.example").issue();
/// # let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
/// #     .with_safe_default_protocol_versions()?
/// #     .with_no_client_auth()
/// #     .with_single_cert(own.chain(), own.key())?;
/// let bounds = Bounds::default().with_idle_timeout(Duration::from_secs(20));
/// let server = Server::bind("127.0.0.1:0", Acceptor::new(config)).await?.with_bounds(bounds);
/// assert_ne!(server.local_addr().port(), 0);
///
/// let asked_to_end = std::future::ready(());
/// let drained = server.serve_until(Router::new().route("/", get(async || "hello")), asked_to_end).await;
/// assert_eq!(drained.cut, 0, "nobody was cut off");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What `axum::serve` leaves open
/// Read in axum 0.8.9, which has no settings for its server: it runs hyper without a timer. `Listener` bounds what comes
/// before a request in either case (handshakes, their number, time and share of a source); `PayloadLayer` what is in one.
///
/// | of `axum::serve` | here |
/// |---|---|
/// | a request's header fields may take for ever | [`with_header_timeout`](Bounds::with_header_timeout), 10 s |
/// | 400 KiB of them are kept in memory, under HTTP/1.1 | [`with_headers`](Bounds::with_headers), 16 KiB |
/// | a connection without requests stays open | [`with_idle_timeout`](Bounds::with_idle_timeout), a minute |
/// | a peer that takes no answer is waited for | [`with_stall_timeout`](Bounds::with_stall_timeout), 30 s |
/// | a connection lives for ever, and takes any number of requests | [`with_lifetime`](Bounds::with_lifetime), an hour; [`with_requests`](Bounds::with_requests), 10,000 |
/// | any number of connections, of anybody | [`with_connections`](Bounds::with_connections), 4096; [per source](Bounds::with_connections_per_source) and [per tenant](Bounds::with_connections_per_tenant), 512 |
/// | streams that are begun and reset, as fast as they come (CVE-2023-44487) | [`with_resets_per_second`](Bounds::with_resets_per_second), 100 |
/// | 1,024 streams that the server is made to reset (CVE-2025-8671) | the same, since it counts what either side resets |
/// | pings, settings and empty frames, as fast as they come | [`with_pings_per_second`](Bounds::with_pings_per_second), 100 |
/// | an answer before the body is read closes the connection on a sender that is still sending, or resets its stream | [`with_unread`](Bounds::with_unread), 16 MiB and 5 s |
/// | WebSocket and other upgrades | none: what is upgraded is no request any more, and has no bounds |
/// | at the end, waits for connections that have never sent a request | closes them after a second |
///
/// # Security
/// A connection's place is taken before TLS and held until it is closed, so neither handshakes nor idle connections can take
/// more than there are. What a body may take (bytes and time), and how many handlers run, is not known here: put
/// [`PayloadLayer`](super::PayloadLayer) around routes, or limits of your own.
pub struct Server {
    tcp: TcpListener,
    local_addr: SocketAddr,
    acceptor: Acceptor,
    bounds: Bounds,
    policy: Option<Policy>,
}

impl Server {
    /// Listens on this address. Nothing is accepted before it serves.
    ///
    /// # Errors
    /// What the system says when the port cannot be had.
    pub async fn bind(address: impl ToSocketAddrs, acceptor: Acceptor) -> io::Result<Self> {
        Self::on(TcpListener::bind(address).await?, acceptor)
    }

    /// Listens on a port that is open already.
    ///
    /// # Errors
    /// What the system says when the port's address cannot be told.
    pub fn on(tcp: TcpListener, acceptor: Acceptor) -> io::Result<Self> {
        Ok(Self {
            local_addr: tcp.local_addr()?,
            tcp,
            acceptor: acceptor.offering_by_default(Protocols::Http2OrHttp1),
            bounds: Bounds::default(),
            policy: None,
        })
    }

    /// Keeps to these bounds.
    #[must_use]
    pub fn with_bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Counts connections as their tenants' before their first request, by this policy: the one that
    /// [`CallerLayer`](super::CallerLayer) has. With [`Sites`](super::Sites), it is known anyway. Without either, a
    /// connection is counted when a request on it was identified, and a tenant's last too many is closed after its first
    /// answer.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What ends it, and counts its open connections.
    pub fn drain(&self) -> Drain {
        self.acceptor.drain()
    }

    /// Serves this service, until it is [drained](Self::drain) and its last connection is closed. Dropped before, it closes
    /// them all.
    pub async fn serve<S, B>(self, service: S)
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let Bounds {
            connections,
            per_source,
            per_tenant,
            ..
        } = self.bounds;
        let acceptor = self.acceptor.with_max_connections(connections, per_source);
        let rules = Arc::new(Rules {
            bounds: self.bounds,
            // Of their number in all, the sources' shares take care.
            tenants: Shares::new(usize::MAX, per_tenant),
            policy: self.policy,
            clock: acceptor.clock(),
            drain: acceptor.drain(),
            observer: acceptor.observer(),
        });
        let mut listener = Listener::at(self.local_addr, self.tcp, acceptor);
        let mut open = JoinSet::new();
        while let Some((secured, _)) = listener.next().await {
            while open.try_join_next().is_some() {}
            open.spawn(rules.clone().serve(secured, service.clone()));
        }
        while open.join_next().await.is_some() {}
    }

    /// The same for a service of hyper's, whose requests have a [`RequestBody`] too.
    pub async fn serve_hyper<S, B>(self, service: S)
    where
        S: hyper::service::Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        self.serve(OfHyper(service)).await;
    }

    /// Serves until this happens (a signal, for one), and then drains: requests that are under way have the
    /// [grace](Bounds::with_grace) to end.
    pub async fn serve_until<S, B>(self, service: S, asked_to_end: impl Future<Output = ()>) -> Drained
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (drain, grace, asked) = (self.drain(), self.bounds.grace, AtomicBool::new(false));
        let mut serving = pin!(self.serve(service));
        let mut ending = pin!(async {
            asked_to_end.await;
            asked.store(true, Ordering::Relaxed);
            drain.shut(grace).await
        });
        let mut served = false;
        let mut drained = None;
        poll_fn(|cx| {
            served = served || serving.as_mut().poll(cx).is_ready();
            if drained.is_none()
                && let Poll::Ready(done) = ending.as_mut().poll(cx)
            {
                drained = Some(done);
            }
            match (served, drained) {
                (true, Some(drained)) => Poll::Ready(drained),
                // Somebody else has drained it.
                (true, None) if !asked.load(Ordering::Relaxed) => Poll::Ready(Drained { cut: 0 }),
                _ => Poll::Pending,
            }
        })
        .await
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("local_addr", &self.local_addr)
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

//! One served connection, under its bounds.

use std::error::Error;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use http::{Request, Response};
use http_body::Body;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};
use tower_service::Service;

use super::Bounds;
use super::requests::Requests;
use super::unread::RequestBody;
use super::watch::{Look, Watch};
use super::watched::Watched;
use crate::clock::Clock;
use crate::gate::Policy;
use crate::observe::{Cut, Event, Observer};
use crate::tenant::TenantId;
use crate::web::body::BoxError;
use crate::web::shares::Shares;
use crate::web::{Connection, Drain, Secured};

/// The least that hyper has for a buffer.
const LEAST_BUFFER: usize = 8192;
/// How many streams, reset before anybody has looked at them, HTTP/2 keeps.
const PENDING_RESETS: usize = 20;
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// What all connections of a server have in common.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) bounds: Bounds,
    pub(super) tenants: Arc<Shares<TenantId>>,
    pub(super) policy: Option<Policy>,
    pub(super) clock: Clock,
    pub(super) drain: Drain,
    pub(super) observer: Arc<dyn Observer>,
}

impl Rules {
    pub(super) fn tell(&self, connection: &Connection, cut: &Cut) {
        let peer = connection.peer();
        self.observer.observe(&Event::ConnectionCut { peer, cut });
    }

    /// Counts the connection as its tenant's, once somebody has asked whose it is; where that are too many, it ends.
    pub(super) fn count(&self, connection: &Connection, watch: &Watch) {
        if let Some(tenant) = connection.known_tenant()
            && let Err(cut) = watch.count(&tenant, &self.tenants)
        {
            watch.leave(Some(cut));
        }
    }

    /// The same before the first request, where it is known by which policy.
    fn admit(&self, connection: &Connection, watch: &Watch) -> Result<(), Cut> {
        let policy = self.policy.as_ref().or_else(|| connection.policy());
        let caller = policy.and_then(|policy| connection.identify(policy, self.clock.now()).ok());
        caller.map_or(Ok(()), |caller| watch.count(caller.tenant(), &self.tenants))
    }

    /// Serves one connection to its end.
    pub(super) async fn serve<I, S, B>(self: Arc<Self>, secured: Secured<I>, service: S)
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (connection, watch) = (secured.connection().clone(), Watch::new(self.bounds));
        if let Err(cut) = self.admit(&connection, &watch) {
            return self.tell(&connection, &cut);
        }
        let requests = Requests {
            inner: service,
            connection: connection.clone(),
            watch: watch.clone(),
            rules: self.clone(),
        };
        let io = TokioIo::new(Watched::new(secured, watch.clone()));
        let http = http(&self.bounds);
        let mut served = pin!(http.serve_connection(io, TowerToHyperService::new(requests)));
        let (mut begun, mut again) = (pin!(self.drain.begun()), pin!(sleep_until(Instant::now())));
        let mut drains = false;
        let ended = poll_fn(|cx| {
            loop {
                if !drains && begun.as_mut().poll(cx).is_ready() {
                    drains = true;
                    watch.leave(None);
                    served.as_mut().graceful_shutdown();
                }
                if let Poll::Ready(ended) = served.as_mut().poll(cx) {
                    return Poll::Ready(ended);
                }
                match watch.look(Instant::now()) {
                    Look::Again(at) => {
                        if at < again.deadline() || again.is_elapsed() {
                            again.as_mut().reset(at);
                        }
                        if again.as_mut().poll(cx).is_pending() {
                            return Poll::Pending;
                        }
                    }
                    Look::Leave(cut) => {
                        self.tell(&connection, &cut);
                        served.as_mut().graceful_shutdown();
                    }
                    Look::Close(cut) => {
                        if let Some(cut) = cut {
                            self.tell(&connection, &cut);
                        }
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        });
        let ended = ended.await;
        let by_hyper = || ended.err().and_then(|error| overstepped(&*error, &self.bounds));
        if let Some(cut) = watch.untold().or_else(by_hyper) {
            self.tell(&connection, &cut);
        }
    }
}

/// HTTP with these bounds. Those that only we keep are not in here.
fn http(bounds: &Bounds) -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    let bytes = u32::try_from(bounds.header_bytes).unwrap_or(u32::MAX);
    let resets = usize::try_from(bounds.resets).unwrap_or(usize::MAX);
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_headers(bounds.header_number)
        .max_buf_size(bounds.header_bytes.max(LEAST_BUFFER));
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(bounds.streams)
        // What is a little too large is refused by us, who tell of it.
        .max_header_list_size(bytes.saturating_mul(2))
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(resets.saturating_mul(4))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    http
}

/// Whether it is a limit of ours that hyper has kept.
fn overstepped(error: &(dyn Error + 'static), bounds: &Bounds) -> Option<Cut> {
    let mut next = Some(error);
    let mut causes = std::iter::from_fn(|| {
        let cause = next?;
        next = cause.source();
        Some(cause)
    });
    causes.find_map(|cause| {
        if cause.downcast_ref().is_some_and(hyper::Error::is_parse_too_large) {
            return Some(Cut::LargeHeaders {
                bytes: bounds.header_bytes,
                number: bounds.header_number,
            });
        }
        let frames = cause.downcast_ref::<h2::Error>()?;
        let calm = frames.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM);
        (calm && !frames.is_remote()).then_some(Cut::Overdone)
    })
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::task::Context;
    use std::time::Duration;

    use axum::Router;
    use rustls::crypto::aws_lc_rs::default_provider;
    use rustls::{ClientConfig, RootCertStore, ServerConfig};
    use tokio::io::{DuplexStream, duplex};
    use tokio::time::{sleep, timeout};
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;

    use super::*;
    use crate::stream::{Around, passes_on};
    use crate::testing::TestCa;
    use crate::web::Acceptor;

    /// A stream that counts how often it is asked for bytes.
    struct Counted(DuplexStream, Arc<AtomicUsize>);

    impl Around for Counted {
        type Inner = DuplexStream;

        fn inner(&self) -> &DuplexStream {
            &self.0
        }

        fn inner_mut(&mut self) -> &mut DuplexStream {
            &mut self.0
        }

        fn after_read(
            &mut self,
            _: &mut Context<'_>,
            polled: Poll<io::Result<()>>,
            _: &[u8],
        ) -> Poll<io::Result<()>> {
            self.1.fetch_add(1, Relaxed);
            polled
        }
    }

    passes_on!({} Counted);

    fn configurations() -> (ServerConfig, ClientConfig) {
        let ca = TestCa::new("Servers Root");
        let (own, provider) = (ca.server("hooks.example").issue(), Arc::new(default_provider()));
        let server = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(own.chain(), own.key());
        let mut roots = RootCertStore::empty();
        roots.add(ca.certificate().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        (server.unwrap(), client)
    }

    /// A connection that is served, and of which nothing is asked.
    async fn quiet(reads: &Arc<AtomicUsize>) -> TlsStream<DuplexStream> {
        let (server, client) = configurations();
        let (near, far) = duplex(64 * 1024);
        let acceptor = Acceptor::new(server);
        let (connector, name) = (TlsConnector::from(Arc::new(client)), "hooks.example".try_into());
        let (secured, client) = tokio::join!(
            acceptor.accept(Counted(far, reads.clone()), ([192, 0, 2, 1], 4711).into()),
            connector.connect(name.unwrap(), near)
        );
        let rules = Arc::new(Rules {
            bounds: Bounds::default(),
            tenants: Shares::new(usize::MAX, usize::MAX),
            policy: None,
            clock: acceptor.clock(),
            drain: acceptor.drain(),
            observer: acceptor.observer(),
        });
        reads.store(0, Relaxed);
        tokio::spawn(rules.serve(secured.unwrap(), Router::new()));
        client.unwrap()
    }

    /// Its first timer runs out at once. Were that one not set forward, it would be over each time it is looked at, and the
    /// connection would be polled without end. However busy the machine is, one that waits is not polled more often.
    #[tokio::test]
    async fn a_connection_waits_for_its_next_deadline() {
        let reads = Arc::default();
        let _client = quiet(&reads).await;
        let woken = async {
            while reads.load(Relaxed) < 2 {
                sleep(Duration::from_millis(1)).await;
            }
        };
        let woken = timeout(Duration::from_secs(30), woken).await;
        woken.expect("it is polled at its beginning, and by its first timer");
        sleep(Duration::from_millis(50)).await;
        let polls = reads.load(Relaxed);
        assert!(
            polls < 10,
            "{polls} polls of a connection on which nothing happens"
        );
    }
}

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncBufRead as _, AsyncWrite as _};
use tokio::sync::Notify;
use tokio_rustls::client::TlsStream;

use crate::egress::Stream;
use crate::stream::{Around, passes_on};
use crate::tls::PeerAlert;

/// What one connection's bytes tell beyond what HTTP does.
#[derive(Debug, Default)]
pub(super) struct Wire {
    alert: OnceLock<PeerAlert>,
    sent: AtomicU64,
    secured: AtomicBool,
    flushes: AtomicU64,
    ended: AtomicBool,
    changed: Notify,
    /// How much has been received since somebody last got something of it, and how much that may be.
    received: AtomicU64,
    allowance: AtomicU64,
    babbles: AtomicBool,
}

impl Wire {
    /// The alert that the peer has sent, which hyper, and HTTP/2 above all, does not hand on whole.
    pub(super) fn alert(&self) -> Option<PeerAlert> {
        self.alert.get().copied()
    }

    /// How many bytes the system has taken to send them.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Acquire)
    }

    /// The handshake is done.
    pub(super) fn secured(&self) {
        self.secured.store(true, Ordering::Release);
    }

    /// How often all that was to be sent by then had been given to the system.
    pub(super) fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Acquire)
    }

    /// All that was to be sent has been given to the system.
    pub(super) fn flushed(&self) {
        self.flushes.fetch_add(1, Ordering::AcqRel);
        self.change();
    }

    /// Nothing more will be sent.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Wakes up whoever waits for something to be sent.
    pub(super) fn change(&self) {
        self.changed.notify_waiters();
    }

    pub(super) fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }

    /// A request begins: so much may be received before it is answered.
    pub(super) fn allow(&self, bytes: u64) {
        self.allowance.fetch_max(bytes, Ordering::AcqRel);
        self.progress();
    }

    /// Somebody has got what he waits for.
    pub(super) fn progress(&self) {
        self.received.store(0, Ordering::Release);
    }

    /// Whether the peer has said too much that answers nobody.
    pub(super) fn babbles(&self) -> bool {
        self.babbles.load(Ordering::Acquire)
    }

    fn receive(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let received = self
            .received
            .fetch_add(bytes, Ordering::AcqRel)
            .saturating_add(bytes);
        if received > self.allowance.load(Ordering::Acquire) {
            self.babbles.store(true, Ordering::Release);
        }
    }

    fn note(&self, error: &io::Error) {
        if let Some(alert) = PeerAlert::find(error) {
            let _ = self.alert.set(alert);
        }
    }
}

/// Below TLS: counts what was sent.
///
/// Under TLS 1.2 a server refuses our certificate within the handshake. If it then closes with the rest of our flight
/// unread, the first to notice is a write; and a handshake that cannot write ends there, the alert unread. So within the
/// handshake a write to a peer that is gone only seems to succeed: the next read finds the alert, or the end.
pub(super) struct Counted {
    io: Stream,
    wire: Arc<Wire>,
}

impl Counted {
    pub(super) fn new(io: Stream, wire: Arc<Wire>) -> Self {
        Self { io, wire }
    }

    fn is_shaking_hands(&self) -> bool {
        !self.wire.secured.load(Ordering::Acquire)
    }
}

fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
}

impl Around for Counted {
    type Inner = Stream;

    fn inner(&self) -> &Stream {
        &self.io
    }

    fn inner_mut(&mut self) -> &mut Stream {
        &mut self.io
    }

    fn after_write(
        &mut self,
        _: &mut Context<'_>,
        polled: Poll<io::Result<usize>>,
        offered: usize,
    ) -> Poll<io::Result<usize>> {
        match &polled {
            Poll::Ready(Ok(written)) => {
                let written = u64::try_from(*written).unwrap_or(u64::MAX);
                self.wire.sent.fetch_add(written, Ordering::Release);
            }
            Poll::Ready(Err(error)) if self.is_shaking_hands() && is_gone(error) => {
                return Poll::Ready(Ok(offered));
            }
            _ => {}
        }
        polled
    }
}

passes_on!({} Counted);

/// Above TLS: notes the peer's alert, also where it is found only after a write has failed; what was sent and how much
/// was received; and does not go without a word.
///
/// Under TLS 1.3 the alert that refuses our certificate comes when we believe ourselves connected and have begun to
/// write. If the peer then closes with our request unread, the system resets the connection, and the first to notice is
/// a write: the alert waits in the receive buffer, and nobody would read it.
pub(super) struct Watched {
    tls: TlsStream<Counted>,
    wire: Arc<Wire>,
}

impl Watched {
    pub(super) fn new(tls: TlsStream<Counted>, wire: Arc<Wire>) -> Self {
        Self { tls, wire }
    }

    /// A write has failed: looks for the reason in what has been received, without taking any of it away.
    fn look_for_an_alert(&mut self, cx: &mut Context<'_>) {
        if let Poll::Ready(Err(error)) = Pin::new(&mut self.tls).poll_fill_buf(cx) {
            self.wire.note(&error);
        }
    }
}

impl Around for Watched {
    type Inner = TlsStream<Counted>;

    fn inner(&self) -> &Self::Inner {
        &self.tls
    }

    fn inner_mut(&mut self) -> &mut Self::Inner {
        &mut self.tls
    }

    fn after_read(
        &mut self,
        _: &mut Context<'_>,
        polled: Poll<io::Result<()>>,
        read: &[u8],
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(Err(error)) = &polled {
            self.wire.note(error);
        }
        self.wire.receive(read.len());
        if self.wire.babbles() {
            return Poll::Ready(Err(io::Error::other(BABBLE)));
        }
        polled
    }

    fn after<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &polled {
            self.wire.note(error);
            self.look_for_an_alert(cx);
        }
        polled
    }

    fn after_flush(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        if let Poll::Ready(Ok(())) = &polled {
            self.wire.flushed();
        }
        self.after(cx, polled)
    }
}

passes_on!({} Watched);

/// What a peer does that says much and answers nobody.
pub(super) const BABBLE: &str = "the server says too much before it answers";

impl Drop for Watched {
    /// Whoever ends it, and why: the peer is told that it was meant so (RFC 8446 §6.1), as far as the socket takes it at
    /// once. Nobody is left who could wait.
    fn drop(&mut self) {
        let _ = Pin::new(&mut self.tls).poll_shutdown(&mut Context::from_waker(Waker::noop()));
        self.wire.ended.store(true, Ordering::Release);
        self.wire.change();
    }
}

#[cfg(all(test, feature = "testing"))]
#[expect(
    clippy::unwrap_used,
    reason = "the helpers of a test fail as loudly as the test"
)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::*;
    use crate::address::AddressGuard;
    use crate::egress::Egress;
    use crate::testing::TestCa;
    use crate::tls::rustls::crypto::aws_lc_rs::default_provider;
    use crate::tls::{ClientAuth, Credentials, Tls};
    use crate::trust::PrivateCa;

    /// Refuses every client's certificate, and resets the connection at once.
    async fn refusing(tls: &Tls, servers: &TestCa) -> SocketAddr {
        let server = servers.server("hooks.acme.example").issue();
        let credentials = Credentials::new(tls.provider(), server.chain(), server.key()).unwrap();
        let trust = trust(tls, &TestCa::new("Nobody's Root"));
        let config = tls
            .server_config(&credentials, trust, ClientAuth::Require)
            .unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        tokio::spawn(async move {
            let (io, _) = tcp.accept().await.unwrap();
            let accepted = TlsAcceptor::from(Arc::new(config)).accept(io).into_fallible();
            let (_, io) = accepted.await.unwrap_err();
            io.set_zero_linger().unwrap();
        });
        address
    }

    fn trust(tls: &Tls, ca: &TestCa) -> PrivateCa {
        PrivateCa::from_pem(ca.pem().as_bytes(), tls.algorithms(), crate::testing::NOW).unwrap()
    }

    /// Who only writes learns of a reset, and not why; the alert has been there all the time.
    #[tokio::test]
    async fn an_alert_is_found_after_a_write_has_failed() {
        let (clients, servers) = (TestCa::new("Tenants Root"), TestCa::new("Servers Root"));
        let tls = Tls::new(Arc::new(default_provider()));
        let address = refusing(&tls, &servers).await;
        let client = clients.client("spiffe://acme.example/tenant/acme").issue();
        let credentials = Credentials::new(tls.provider(), client.chain(), client.key()).unwrap();
        let config = tls.client_config(&credentials, trust(&tls, &servers)).unwrap();
        let egress = Egress::new().with_guard(AddressGuard::new().allow(address));
        let io = egress.connect("127.0.0.1", address.port(), Duration::from_secs(5));
        let wire = Arc::new(Wire::default());
        let io = Counted::new(io.await.unwrap(), wire.clone());
        let name = "hooks.acme.example".try_into().unwrap();
        let tls = TlsConnector::from(Arc::new(config))
            .connect(name, io)
            .await
            .unwrap();
        wire.secured();
        let mut watched = Watched::new(tls, wire.clone());
        let sent = wire.sent();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let failed = async {
            while watched.write_all(&[b' '; 4096]).await.is_ok() && watched.flush().await.is_ok() {
                assert_eq!(wire.alert(), None, "nobody has looked");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), failed)
            .await
            .unwrap();
        assert_eq!(wire.alert().map(|alert| alert.name()), Some("unknown_ca"));
        assert_eq!(wire.sent(), sent, "the system has taken nothing");
        assert!(watched.read(&mut [0; 16]).await.is_err());
    }
}

//! HTTP/3 over QUIC, and over TCP the key exchange that resists a quantum computer: the same policy on another stack of rustls.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use countersign::gate::{Countersigned, Policy};
use countersign::live::Live;
use countersign::observe::{HandshakeFacts, HandshakeKind, NamedGroup, TlsVersion};
use countersign::testing::{TestCa, TestCert};
use countersign::tls::{ClientAuth, Credentials, Tls};
use countersign::trust::PinSet;
use countersign::web::{Acceptor, CallerLayer, Connection};
use h3::client::SendRequest;
use h3::server::{RequestResolver, RequestStream};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame};
use quinn::crypto::rustls::{HandshakeData, QuicClientConfig, QuicServerConfig};
use rustls::crypto::{ActiveKeyExchange, CompletedKeyExchange, CryptoProvider, SupportedKxGroup};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{NamedGroup as Group, ProtocolVersion};
use tokio_rustls::TlsConnector;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Layer as _, ServiceExt as _, service_fn};

use crate::door::{Hands, LIMIT, Log, payload_layer, world};
use crate::sender::{Delivery, Pieces, Version, client_config, delivery};
use crate::support::{Flaky, secs};

// --- the recipe ---------------------------------------------------------------------------------------------------------

/// The handler, behind the layers.
type Service = BoxCloneSyncService<Request<Quic>, Response<Full<Bytes>>, Infallible>;

/// A request's body, as it arrives.
struct Quic(RequestStream<h3_quinn::RecvStream, Bytes>);

impl Body for Quic {
    type Data = Bytes;
    type Error = h3::error::StreamError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let data = ready!(self.0.poll_recv_data(cx)).transpose();
        Poll::Ready(data.map(|data| data.map(|mut data| Frame::data(data.copy_to_bytes(data.remaining())))))
    }
}

/// `config` is one of `Tls::server_config`, which takes no early data and resumes nothing.
fn bind(mut config: rustls::ServerConfig, address: SocketAddr) -> Result<quinn::Endpoint, BoxError> {
    config.alpn_protocols = vec![b"h3".to_vec()];
    let config = QuicServerConfig::try_from(config)?;
    Ok(quinn::Endpoint::server(
        quinn::ServerConfig::with_crypto(Arc::new(config)),
        address,
    )?)
}

/// What the handshake has shown.
fn shown(quic: &quinn::Connection) -> Result<Connection, BoxError> {
    let certificates = match quic
        .peer_identity()
        .map(|shown| shown.downcast::<Vec<CertificateDer<'static>>>())
    {
        Some(Err(_)) => return Err("not the certificates of rustls".into()),
        Some(Ok(certificates)) => Some(certificates),
        None => None,
    };
    let connection = Connection::new(quic.remote_address(), certificates.as_deref().map(Vec::as_slice))?
        .with_handshake(HandshakeFacts::new(HandshakeKind::Full, TlsVersion::Tls13));
    let data = quic
        .handshake_data()
        .and_then(|data| data.downcast::<HandshakeData>().ok());
    Ok(match data.and_then(|data| data.server_name) {
        Some(name) => connection.with_server_name(&name),
        None => connection,
    })
}

async fn serve(endpoint: quinn::Endpoint, service: Service) {
    while let Some(incoming) = endpoint.accept().await {
        if endpoint.open_connections() > 10_000 {
            incoming.refuse();
            continue;
        }
        let service = service.clone();
        tokio::spawn(async move { connection(incoming, service).await });
    }
}

/// Waits for the whole handshake. `into_0rtt` would not, and nobody has shown anything then.
async fn connection(incoming: quinn::Incoming, service: Service) -> Result<(), BoxError> {
    let quic = incoming.await?;
    let service = shown(&quic)?.layer(service);
    let mut requests = h3::server::builder();
    let requests = requests.max_field_section_size(64 * 1024);
    let mut requests = requests.build(h3_quinn::Connection::new(quic)).await?;
    while let Some(request) = requests.accept().await? {
        let service = service.clone();
        tokio::spawn(async move { answer(request, service).await });
    }
    Ok(())
}

async fn answer<S>(request: RequestResolver<h3_quinn::Connection, Bytes>, service: S) -> Result<(), BoxError>
where
    S: tower::Service<Request<Quic>, Response = Response<Full<Bytes>>, Error = Infallible>,
{
    let (request, stream) = request.resolve_request().await?;
    let (mut stream, body) = stream.split();
    let Ok(response) = service.oneshot(request.map(|()| Quic(body))).await;
    let (parts, body) = response.into_parts();
    let Ok(body) = body.collect().await;
    stream.send_response(Response::from_parts(parts, ())).await?;
    stream.send_data(body.to_bytes()).await?;
    Ok(stream.finish().await?)
}

// --- what comes of it ---------------------------------------------------------------------------------------------------

async fn handle(request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let both = request.extensions().get::<Countersigned>();
    let said = both.map(|both| format!("{} {}", both.tenant(), both.payload().key()));
    Ok(Response::new(Full::from(said.unwrap_or_default())))
}

struct Port {
    address: SocketAddr,
    log: Log,
    trust: Live<PinSet>,
}

impl Port {
    /// Serves until the test ends.
    fn open(tls: &Tls, client_auth: ClientAuth) -> Self {
        let (world, log) = (world(), Log::default());
        let trust = Live::new(world.pins());
        let policy = Policy::new(trust.clone(), world.tenants(&["acme", "globex"]));
        let server = world.ca.server("hooks.acme.example").issue();
        let own = Credentials::new(tls.provider(), server.chain(), server.key()).expect("a pair");
        let config = tls
            .server_config(&own, policy.trust(), client_auth)
            .expect("a configuration");
        let endpoint = bind(config, ([127, 0, 0, 1], 0).into()).expect("a port");
        let address = endpoint.local_addr().expect("an address");
        let callers = CallerLayer::new(policy).observed_by(Arc::new(log.clone()));
        let payload = payload_layer(
            world.keys.clone(),
            Arc::<Flaky>::default(),
            &log,
            &Hands::default(),
        );
        let service = BoxCloneSyncService::new(callers.layer(payload.layer(service_fn(handle))));
        tokio::spawn(serve(endpoint, service));
        Self { address, log, trust }
    }
}

/// A sender on one QUIC connection, which lives as long as this.
struct Sender {
    requests: SendRequest<h3_quinn::OpenStreams, Bytes>,
    quic: quinn::Connection,
}

impl Sender {
    async fn connect(port: &Port, certificate: Option<&TestCert>) -> Result<Self, BoxError> {
        let mut config = client_config(certificate)?;
        config.alpn_protocols = vec![b"h3".to_vec()];
        let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(config)?));
        let endpoint = quinn::Endpoint::client(([127, 0, 0, 1], 0).into())?;
        let connecting = endpoint.connect_with(config, port.address, "hooks.acme.example")?;
        let quic = tokio::time::timeout(secs(20), connecting).await??;
        let (mut driver, requests) = h3::client::new(h3_quinn::Connection::new(quic.clone())).await?;
        tokio::spawn(async move { driver.wait_idle().await });
        Ok(Self { requests, quic })
    }

    async fn send(&mut self, delivery: Delivery) -> Result<(u16, String), BoxError> {
        let (parts, body) = delivery.request(Version::Http2).into_parts();
        let body = body.collect().await?.to_bytes();
        let mut stream = self.requests.send_request(Request::from_parts(parts, ())).await?;
        // A server that has answered already need not read on.
        let _ = stream.send_data(body).await;
        let _ = stream.finish().await;
        let response = stream.recv_response().await?;
        let mut said = Vec::new();
        while let Some(data) = stream.recv_data().await? {
            said.extend_from_slice(data.chunk());
        }
        Ok((response.status().as_u16(), String::from_utf8(said)?))
    }
}

const OK: &str = r#"{"status": 200}"#;

#[tokio::test]
async fn a_quic_connection_gives_a_caller_and_each_of_its_requests_is_asked_again() {
    let (world, port) = (world(), Port::open(&world().tls, ClientAuth::Offer));
    let attempt = |owner, id: &str| delivery(owner, id, OK, UnixTime::now());
    let too_large = attempt("acme", "msg_2").with_body(Pieces::whole(&"x".repeat(LIMIT + 1)));
    let mut acme = Sender::connect(&port, Some(&world.acme)).await.expect("trusted");
    #[rustfmt::skip]
    let cases = [
        ("good", attempt("acme", "msg_1"), (200, "acme acme-2026"), "accepted: acme"),
        ("again", attempt("acme", "msg_1"), (200, ""), "refused: acme replay.handled"),
        ("another's", attempt("globex", "msg_1"), (401, ""), "refused: acme payload.signature_mismatch"),
        ("too large", too_large, (413, ""), "refused: acme payload.body_too_large"),
    ];
    for (name, delivery, (status, said), line) in cases {
        let answer = acme.send(delivery).await.expect("an answer");
        assert_eq!(answer, (status, said.to_owned()), "{name}");
        assert_eq!(port.log.take(), [line], "{name}");
    }
    let mut nobody = Sender::connect(&port, None).await.expect("offered, not required");
    assert_eq!(
        nobody.send(attempt("acme", "msg_3")).await.expect("an answer").0,
        401
    );
    assert_eq!(port.log.take(), ["refused: nobody identity.no_certificate"]);

    port.trust.replace(PinSet::default());
    assert_eq!(
        acme.send(attempt("acme", "msg_4")).await.expect("an answer").0,
        403
    );
    assert_eq!(port.log.take(), ["refused: nobody trust.not_pinned"]);
}

/// A TLS alert in QUIC (RFC 9001 §4.8).
fn alert(error: &quinn::ConnectionError) -> Option<u64> {
    match error {
        quinn::ConnectionError::ConnectionClosed(close) => Some(u64::from(close.error_code) - 0x100),
        _ => None,
    }
}

#[tokio::test]
async fn who_is_not_trusted_is_told_by_the_alert_of_tls() {
    let (world, port) = (world(), Port::open(&world().tls, ClientAuth::Require));
    let stranger = TestCa::new("Somebody Else")
        .client("spiffe://acme.example/tenant/acme")
        .issue();
    for (certificate, expected) in [(None, 116), (Some(&stranger), 49), (Some(&world.acme), 0)] {
        let sender = Sender::connect(&port, certificate).await;
        let mut sender = sender.expect("under TLS 1.3 a client believes itself connected");
        let answer = sender.send(delivery("acme", "msg_1", OK, UnixTime::now())).await;
        match expected {
            0 => assert_eq!(answer.expect("an answer").0, 200),
            expected => {
                answer.expect_err("refused");
                let closed = tokio::time::timeout(secs(20), sender.quic.closed())
                    .await
                    .expect("closed");
                assert_eq!(alert(&closed), Some(expected), "{closed}");
            }
        }
    }
}

// --- the key exchange ---------------------------------------------------------------------------------------------------

/// A group, and how often it was used.
#[derive(Debug)]
struct Counted(&'static dyn SupportedKxGroup, AtomicUsize);

impl SupportedKxGroup for Counted {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, rustls::Error> {
        self.0.start()
    }

    fn start_and_complete(&self, peer_pub_key: &[u8]) -> Result<CompletedKeyExchange, rustls::Error> {
        self.1.fetch_add(1, SeqCst);
        self.0.start_and_complete(peer_pub_key)
    }

    fn name(&self) -> Group {
        self.0.name()
    }

    fn usable_for_version(&self, version: ProtocolVersion) -> bool {
        self.0.usable_for_version(version)
    }
}

/// quinn does not hand on which group it was, so the provider of this server counts.
#[tokio::test]
async fn a_quic_handshake_is_post_quantum_by_default() {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    let counting = |group: &&'static dyn SupportedKxGroup| -> &'static Counted {
        Box::leak(Box::new(Counted(*group, AtomicUsize::new(0))))
    };
    let counted: Vec<_> = provider.kx_groups.iter().map(counting).collect();
    provider.kx_groups = counted.iter().map(|group| *group as _).collect();
    let port = Port::open(&Tls::new(Arc::new(provider)), ClientAuth::Require);
    let mut acme = Sender::connect(&port, Some(&world().acme))
        .await
        .expect("trusted");
    let answer = acme.send(delivery("acme", "msg_1", OK, UnixTime::now())).await;
    assert_eq!(answer.expect("an answer").0, 200);
    let used = counted.iter().map(|group| (group.name(), group.1.load(SeqCst)));
    let used: Vec<_> = used.filter(|(_, times)| *times > 0).collect();
    assert_eq!(used, [(Group::X25519MLKEM768, 1)]);
}

/// Over TCP, by `Tls` on both sides: the group that is told.
async fn group(server: CryptoProvider, client: CryptoProvider) -> Option<NamedGroup> {
    let world = world();
    let (server, client) = (Tls::new(Arc::new(server)), Tls::new(Arc::new(client)));
    let shown = world.ca.server("hooks.acme.example").issue();
    let own = Credentials::new(server.provider(), shown.chain(), shown.key()).expect("a pair");
    let config = server
        .server_config(&own, world.pins(), ClientAuth::Require)
        .expect("a configuration");
    let theirs = Credentials::new(client.provider(), world.acme.chain(), world.acme.key()).expect("a pair");
    let calling = client
        .client_config(&theirs, world.trust(&world.ca))
        .expect("a configuration");
    let (here, there) = tokio::io::duplex(64 * 1024);
    let name = ServerName::try_from("hooks.acme.example").expect("a name");
    let acceptor = Acceptor::new(config);
    let (accepted, connected) = tokio::join!(
        acceptor.accept(here, ([192, 0, 2, 1], 4711).into()),
        TlsConnector::from(Arc::new(calling)).connect(name, there),
    );
    connected.expect("a handshake");
    accepted
        .expect("a handshake")
        .connection()
        .handshake()
        .expect("it was made here")
        .group
}

#[tokio::test]
async fn both_sides_of_aws_lc_rs_agree_on_a_post_quantum_group_and_it_is_told() {
    use rustls::crypto::{aws_lc_rs, ring};
    let (new, old) = (aws_lc_rs::default_provider, ring::default_provider);
    let cases = [
        (new(), new(), "X25519MLKEM768", true),
        (new(), old(), "x25519", false),
        (old(), new(), "x25519", false),
    ];
    for (server, client, name, post_quantum) in cases {
        let group = group(server, client).await.expect("there was a key exchange");
        assert_eq!((group.as_str(), group.is_post_quantum()), (name, post_quantum));
    }
}

/// Against the registry as rustls writes it.
#[test]
fn groups_are_called_as_in_the_registry() {
    for group in rustls::crypto::aws_lc_rs::ALL_KX_GROUPS
        .iter()
        .map(|group| group.name())
    {
        let told = NamedGroup::from_iana(group.into());
        let name = group.as_str().expect("named");
        assert_eq!(told.as_str().to_lowercase(), name.to_lowercase());
        assert_eq!(told.is_post_quantum(), name.contains("MLKEM"), "{name}");
        assert_eq!(told.iana(), u16::from(group));
    }
    assert_eq!(NamedGroup::from_iana(0x4242).as_str(), "unknown");
}

//! The layers behind a proxy: real requests through hyper and axum, in memory.

mod handed_on;
mod hops;

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use countersign::forwarded::{Format, Forwarder, Hops};
use countersign::gate::{Caller, ForwardedBy, Policy, Provenance};
use countersign::observe::{Event, Observer};
use countersign::testing::{NOW, TestCert};
use countersign::web::{CallerLayer, CertificateDemand, Clock, Connection, Site, Sites};
use http::HeaderMap;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::Layer as _;

use crate::decisions::byte_sequence;
use crate::world::{World, name};

#[derive(Debug, Default)]
struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn observe(&self, event: &Event<'_>) {
        let line = match event {
            Event::NotForwarded { reason, .. } => format!("ignored {}", reason.code()),
            Event::Refused { refusal, .. } => format!("refused {}", refusal.code()),
            _ => return,
        };
        self.0.lock().expect("no panic").push(line);
    }
}

/// A receiver behind a proxy.
struct Receiver {
    layer: CallerLayer,
    told: Arc<Told>,
}

/// What the handler says: who it is, by whom, and which fields are left.
async fn who(caller: Option<Caller>, headers: HeaderMap) -> ([(&'static str, &'static str); 1], String) {
    let who = match &caller {
        None => "nobody".to_owned(),
        Some(caller) => match caller.provenance() {
            Provenance::Handshake => format!("{} itself", caller.tenant()),
            Provenance::Forwarded(by) => format!("{} by {by:?}", caller.tenant()),
            other => format!("{other:?}"),
        },
    };
    let left: Vec<_> = headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(|name| name.contains("cert"))
        .collect();
    ([("x-seen", "1")], format!("{who}; left: {left:?}"))
}

impl Receiver {
    fn new(policy: Policy, hops: Hops, format: Format, demand: CertificateDemand) -> Self {
        let told = Arc::<Told>::default();
        let forwarder = Forwarder::new(hops, format).expect("fields");
        let layer = CallerLayer::new(policy)
            .behind(forwarder)
            .with_demand(demand)
            .with_clock(Clock::new(|| NOW))
            .observed_by(told.clone());
        Self { layer, told }
    }

    /// One request, as it is written; the status line, the fields and the body.
    async fn ask(&self, connection: &Connection, fields: &str) -> Answer {
        let app = Router::new().route("/", get(who)).layer(self.layer.clone());
        let text = exchange(app, connection, fields).await;
        let told = std::mem::take(&mut *self.told.0.lock().expect("no panic"));
        Answer { text, told }
    }
}

async fn exchange(app: Router, connection: &Connection, fields: &str) -> String {
    let (mut client, server) = tokio::io::duplex(256 * 1024);
    let service = TowerToHyperService::new(connection.layer(app));
    let served = tokio::spawn(async move {
        let builder = auto::Builder::new(TokioExecutor::new());
        let _ = builder.serve_connection(TokioIo::new(server), service).await;
    });
    let request = format!("GET / HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n{fields}\r\n");
    client.write_all(request.as_bytes()).await.expect("written");
    let mut text = String::new();
    client.read_to_string(&mut text).await.expect("read");
    served.await.expect("served");
    text
}

#[derive(Debug)]
struct Answer {
    text: String,
    told: Vec<String>,
}

impl Answer {
    fn status(&self) -> u16 {
        self.text[9..12].parse().expect("a status")
    }

    fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").expect("a head").1
    }

    fn fields(&self, name: &str) -> Vec<&str> {
        let head = self.text.split("\r\n\r\n").next().expect("a head");
        let start = format!("{name}: ");
        head.lines()
            .filter_map(|line| line.strip_prefix(start.as_str()))
            .collect()
    }
}

fn line(certificate: &TestCert) -> String {
    let value = byte_sequence(certificate);
    format!("Client-Cert: {}\r\n", value.to_str().expect("ASCII"))
}

fn peer(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn connection(certificate: Option<&TestCert>) -> Connection {
    let chain = certificate.map(TestCert::chain);
    Connection::new(peer("192.0.2.1:4000"), chain.as_deref()).expect("a connection")
}

/// The table of `forwarded`, with requests.
#[tokio::test]
async fn whose_certificate_counts() {
    let world = World::new();
    let hops_policy = world.hops_policy();
    let hops = || Hops::nobody().with_callers(hops_policy.clone(), [name("edge")]);
    let by_edge = "acme by Certificate(TenantId(\"edge\")); left: []";
    let (edge, logger) = (connection(Some(&world.edge)), connection(Some(&world.logger)));
    let (acme, open) = (connection(Some(&world.acme)), connection(None));
    let under = connection(Some(&world.edge)).under(Some(hops_policy.clone()));
    assert!(under.policy().is_some_and(|policy| policy.is_same(&hops_policy)));
    let under_clients = connection(Some(&world.edge)).under(Some(world.policy()));
    let stranger = world
        .clients
        .evil_twin()
        .client("spiffe://acme.example/tenant/acme")
        .issue();
    let (good, own, bad) = (line(&world.acme), line(&world.edge), line(&stranger));
    let alias = good.replace("Client-Cert", "Client_Cert");
    let twice = format!("{good}{good}");
    let named = format!("Connection: close, Client-Cert\r\n{good}");
    let garbage = "Client-Cert: x\r\n".to_owned();
    let (nothing, ignored) = (String::new(), "ignored forwarded.untrusted_hop");
    let nobody = "nobody; left: []";
    #[rustfmt::skip]
    let table: &[(&str, &Connection, &String, u16, &str, &[&str])] = &[
        ("a stranger", &open, &nothing, 200, nobody, &[]),
        ("a stranger with the field", &open, &good, 200, nobody, &[ignored]),
        ("a stranger with an alias", &open, &alias, 200, nobody, &[ignored]),
        ("a stranger with garbage", &open, &garbage, 200, nobody, &[ignored]),
        ("a client itself", &acme, &nothing, 200, "acme itself; left: []", &[]),
        ("a client itself, with somebody's field", &acme, &own, 200, "acme itself; left: []", &[ignored]),
        ("a proxy that may not", &logger, &good, 403, "", &[ignored, "refused trust.unknown_issuer"]),
        ("a proxy without the field", &edge, &nothing, 200, nobody, &[]),
        ("a proxy with a client's", &edge, &good, 200, by_edge, &[]),
        ("a proxy whose handshake ran under the hops' policy", &under, &good, 200, by_edge, &[]),
        ("a proxy whose handshake ran under another", &under_clients, &good, 421, "", &[ignored, "refused host.other_policy"]),
        ("a proxy with its own", &edge, &own, 403, "", &["refused trust.unknown_issuer"]),
        ("a proxy with a forged one", &edge, &bad, 403, "", &["refused trust.signature"]),
        ("a proxy with an alias", &edge, &alias, 400, "", &["refused forwarded.alias"]),
        ("a proxy with two", &edge, &twice, 400, "", &["refused forwarded.repeated"]),
        ("a proxy with one that `Connection` names", &edge, &named, 400, "", &["refused forwarded.hop_by_hop"]),
        ("a proxy with garbage", &edge, &garbage, 400, "", &["refused forwarded.unreadable"]),
    ];
    for (line, connection, fields, status, body, told) in table {
        let receiver = Receiver::new(
            world.policy(),
            hops(),
            Format::rfc_9440(),
            CertificateDemand::never(),
        );
        for _ in 0..2 {
            let answer = receiver.ask(connection, fields).await;
            assert_eq!((answer.status(), answer.body()), (*status, *body), "{line}");
            assert_eq!(answer.told, *told, "{line}");
            assert_eq!(
                answer.fields("vary"),
                ["client-cert"],
                "{line}: RFC 9440 section 2.4"
            );
        }
    }
}

/// A route that demands mutual TLS end to end does not take a proxy's word.
#[tokio::test]
async fn end_to_end_is_not_forwarded() {
    let world = World::new();
    let hops_policy = world.hops_policy();
    let good = line(&world.acme);
    let (edge, acme) = (connection(Some(&world.edge)), connection(Some(&world.acme)));
    let listed = CertificateDemand::for_hosts(["a.example"]).expect("a host");
    let others = CertificateDemand::for_hosts(["b.example"]).expect("a host");
    #[rustfmt::skip]
    let table = [
        ("a proxy, end to end", CertificateDemand::always().end_to_end(), &edge, &*good, 403),
        ("a client itself, end to end", CertificateDemand::always().end_to_end(), &acme, "", 200),
        ("a proxy, for a listed host", listed.clone().end_to_end(), &edge, &*good, 403),
        ("a proxy, for another host", others.end_to_end(), &edge, &*good, 200),
        ("a proxy, where either will do", listed, &edge, &*good, 200),
    ];
    for (line, demand, connection, fields, status) in table {
        let hops = Hops::nobody().with_callers(hops_policy.clone(), [name("edge")]);
        let receiver = Receiver::new(world.policy(), hops, Format::rfc_9440(), demand);
        let answer = receiver.ask(connection, fields).await;
        let told: &[&str] = match status {
            403 => &["refused forwarded.not_end_to_end"],
            _ => &[],
        };
        assert_eq!(answer.status(), status, "{line}");
        assert_eq!(answer.told, told, "{line}");
    }
}

/// The policy of the host decides about who is forwarded, whatever the handshake ran under: that was the hop's.
#[tokio::test]
async fn by_host_it_is_the_hosts_policy() {
    let world = World::new();
    let (policy, hops_policy) = (world.policy(), world.hops_policy());
    let config = world.server_config();
    let others = world.policy_of(
        &world.clients.evil_twin(),
        "spiffe://acme.example/tenant/{tenant}",
        &["acme"],
    );
    let site = |policy: &Policy| Site::new(policy.clone(), config.clone());
    let edge = || connection(Some(&world.edge));
    let good = line(&world.acme);
    let refused: &[&str] = &["refused trust.signature"];
    #[rustfmt::skip]
    let table: &[(&str, Site, Connection, &str, u16, &[&str])] = &[
        ("its own", site(&policy), edge().under(Some(hops_policy.clone())), &good, 200, &[]),
        ("its own, ground untold", site(&policy), edge(), &good, 200, &[]),
        ("another's", site(&others), edge().under(Some(hops_policy.clone())), &good, 403, refused),
        ("nobody's", Site::for_anybody(config.clone()), edge(), &good, 401, &["refused identity.no_certificate"]),
        ("none is forwarded", site(&policy), edge(), "", 401, &["refused identity.no_certificate"]),
        ("a client itself", site(&policy), connection(Some(&world.acme)).under(Some(policy.clone())), "", 200, &[]),
        ("without TLS", site(&policy), Connection::without_tls(peer("192.0.2.1:1")), &good, 401, &["ignored forwarded.untrusted_hop", "refused identity.no_certificate"]),
    ];
    for (line, site, connection, fields, status, told) in table {
        let sites = Sites::builder()
            .site("a.example", site.clone())
            .build()
            .expect("a site");
        let hops = Hops::nobody().with_callers(hops_policy.clone(), [name("edge")]);
        let forwarder = Forwarder::new(hops, Format::rfc_9440()).expect("fields");
        let log = Arc::<Told>::default();
        let layer = CallerLayer::by_host(sites)
            .behind(forwarder)
            .with_clock(Clock::new(|| NOW))
            .observed_by(log.clone());
        let receiver = Receiver { layer, told: log };
        let answer = receiver.ask(connection, fields).await;
        assert_eq!(answer.status(), *status, "{line}");
        assert_eq!(answer.told, *told, "{line}");
    }
}

/// Both signatures name one tenant, and it is known which of them we saw.
#[test]
fn a_countersigned_says_whose_handshake_it_was() {
    use countersign::gate::{self, Countersigned};
    use countersign::payload::{
        HmacSigner, HmacVerifier, Keyring, Message, Outgoing, Scheme, Secret, SignPayload as _,
    };
    use countersign::replay::{MemoryStore, Terms};
    let world = World::new();
    let scheme = Scheme::standard_webhooks();
    let secret = Secret::new("whsec_YWNtZS1zZWNyZXQtb2YtMzItYnl0ZXMtZm9yLXRlc3Q=");
    let keys = Keyring::builder(&scheme)
        .key(name("acme"), "1", secret)
        .build()
        .expect("a key");
    let signer = HmacSigner::new(scheme.clone(), keys.clone());
    let signed = signer
        .sign_payload(&Outgoing::new(&name("acme"), "1", b"{}", NOW))
        .expect("signed");
    let (method, uri) = (http::Method::POST, http::Uri::from_static("/"));
    let mut headers: HeaderMap = [(
        http::HeaderName::from_static("client-cert"),
        byte_sequence(&world.acme),
    )]
    .into_iter()
    .collect();
    headers.extend(signed);
    let forwarder = Forwarder::new(Hops::nobody().with_unix_socket(), Format::rfc_9440()).expect("fields");
    let forwarded = forwarder.present(Some(&countersign::forwarded::Hop::unix_socket()), &headers);
    let caller = forwarded
        .expect("read")
        .expect("a certificate")
        .identify(&world.policy(), NOW)
        .expect("a caller");
    let message = Message::new(&method, &uri, &headers, b"{}", NOW);
    let verifier = HmacVerifier::new(scheme, keys);
    let authentic = gate::verify(&verifier, message, Some(&caller)).expect("authentic");
    let store = MemoryStore::default();
    let mut claim = std::pin::pin!(gate::claim(&store, authentic, Terms::default(), NOW));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(claimed) = claim.as_mut().poll(&mut context) else {
        panic!("it waits");
    };
    let (fresh, _claimed) = claimed.expect("fresh");
    let both = Countersigned::bind(caller.clone(), fresh).expect("one tenant");
    assert_eq!(both.provenance(), &Provenance::Forwarded(ForwardedBy::UnixSocket));
}

/// Servers without TLS: axum tells the layer where a request comes from, over a Unix socket and over TCP.
#[tokio::test]
async fn axum_without_tls() {
    let world = World::new();
    let (policy, good) = (world.policy(), line(&world.acme));
    let app = |hops: Hops| {
        let receiver = Receiver::new(
            policy.clone(),
            hops,
            Format::rfc_9440(),
            CertificateDemand::always(),
        );
        let app = Router::new().route("/", get(who)).layer(receiver.layer);
        app.into_make_service_with_connect_info::<Connection>()
    };
    let request = format!("GET / HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n{good}\r\n");
    let local = std::net::IpAddr::from([127, 0, 0, 1]);

    let path = std::env::temp_dir().join(format!("countersign-forwarded-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let socket = tokio::net::UnixListener::bind(&path).expect("a socket");
    let served = tokio::spawn(axum::serve(socket, app(Hops::nobody().with_unix_socket())).into_future());
    let mut client = tokio::net::UnixStream::connect(&path).await.expect("connected");
    client.write_all(request.as_bytes()).await.expect("written");
    let mut text = String::new();
    client.read_to_string(&mut text).await.expect("read");
    assert!(text.ends_with("acme by UnixSocket; left: []"), "{text}");
    served.abort();
    let _ = std::fs::remove_file(&path);

    let by_address = Hops::nobody().with_unauthenticated_addresses([local]);
    for (hops, status) in [
        (by_address, "HTTP/1.1 200"),
        (Hops::nobody().with_unix_socket(), "HTTP/1.1 401"),
    ] {
        let port = tokio::net::TcpListener::bind((local, 0)).await.expect("a port");
        let address = port.local_addr().expect("an address");
        let served = tokio::spawn(axum::serve(port, app(hops)).into_future());
        let mut client = tokio::net::TcpStream::connect(address).await.expect("connected");
        client.write_all(request.as_bytes()).await.expect("written");
        let mut text = String::new();
        client.read_to_string(&mut text).await.expect("read");
        assert!(text.starts_with(status), "{text}");
        served.abort();
    }
}

// --- the other side -----------------------------------------------------------------------------------------------------

async fn seen(headers: HeaderMap) -> ([(&'static str, &'static str); 1], String) {
    let mut lines: Vec<_> = headers
        .iter()
        .filter(|(name, _)| name.as_str().contains("cert"))
        .map(|(name, value)| format!("{name}: {}\n", value.to_str().expect("ASCII")))
        .collect();
    lines.sort();
    ([("vary", "accept, Client-Cert")], lines.concat())
}

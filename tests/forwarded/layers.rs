//! The layers behind a proxy: real requests through hyper and axum, in memory.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use countersign::forwarded::{Emit, Format, Forwarder, Hops};
use countersign::gate::{Caller, ForwardedBy, Policy, Provenance};
use countersign::observe::{Event, Observer};
use countersign::testing::{NOW, TestCert};
use countersign::web::{CallerLayer, CertificateDemand, Clock, Connection, ForwardLayer};
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

/// Nobody is nobody, wherever a certificate is demanded.
#[tokio::test]
async fn a_hop_is_never_its_client() {
    let world = World::new();
    // One authority and one table for clients and proxies, so that a proxy would pass for a client.
    let shared = || world.policy_of(&world.proxies, "spiffe://proxies.example/{tenant}", &["edge"]);
    let policy = shared();
    let edge = connection(Some(&world.edge));
    for policy_of_hops in [policy.clone(), shared()] {
        let hops = Hops::nobody().with_callers(policy_of_hops, [name("edge")]);
        let receiver = Receiver::new(
            policy.clone(),
            hops,
            Format::rfc_9440(),
            CertificateDemand::always(),
        );
        let answer = receiver.ask(&edge, "").await;
        assert_eq!((answer.status(), answer.body()), (401, ""));
        assert_eq!(answer.told, ["refused identity.no_certificate"]);
    }
    let receiver = Receiver::new(
        policy,
        Hops::nobody(),
        Format::rfc_9440(),
        CertificateDemand::always(),
    );
    assert_eq!(
        receiver.ask(&edge, "").await.body(),
        "edge itself; left: []",
        "where it is none"
    );
}

/// The ways of a hop that has no certificate.
#[tokio::test]
async fn a_hop_by_socket_or_address() {
    let world = World::new();
    let good = line(&world.acme);
    let by_socket = || Hops::nobody().with_unix_socket();
    let by_address = || Hops::nobody().with_unauthenticated_addresses([[192, 0, 2, 1].into()]);
    let socket = Connection::unix_socket();
    let here = Connection::without_tls(peer("192.0.2.1:4000"));
    let mapped = Connection::without_tls(peer("[::ffff:192.0.2.1]:4000"));
    let elsewhere = Connection::without_tls(peer("192.0.2.2:4000"));
    let at = format!(
        "acme by {:?}; left: []",
        ForwardedBy::Address([192, 0, 2, 1].into())
    );
    #[rustfmt::skip]
    let table = [
        ("the socket", by_socket(), &socket, 200, "acme by UnixSocket; left: []"),
        ("an address for the socket", by_socket(), &here, 401, ""),
        ("the address", by_address(), &here, 200, &*at),
        ("the address in the form of IPv6", by_address(), &mapped, 200, &*at),
        ("another address", by_address(), &elsewhere, 401, ""),
        ("the socket for an address", by_address(), &socket, 401, ""),
        ("nobody", Hops::nobody(), &socket, 401, ""),
    ];
    for (line, hops, connection, status, body) in table {
        let receiver = Receiver::new(
            world.policy(),
            hops,
            Format::rfc_9440(),
            CertificateDemand::always(),
        );
        let answer = receiver.ask(connection, &good).await;
        assert_eq!((answer.status(), answer.body()), (status, body), "{line}");
        let forged = format!("X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\n{good}");
        let answer = receiver.ask(connection, &forged).await;
        assert_eq!(answer.status(), status, "{line}: no field says where it is from");
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

#[tokio::test]
async fn what_is_too_large_is_431() {
    let world = World::new();
    let hops = Hops::nobody().with_unix_socket();
    let receiver = Receiver::new(
        world.policy(),
        hops,
        Format::rfc_9440(),
        CertificateDemand::never(),
    );
    let large = format!("Client-Cert: :{}:\r\n", "A".repeat(65 * 1024));
    let answer = receiver.ask(&Connection::unix_socket(), &large).await;
    assert_eq!(
        (answer.status(), answer.told),
        (431, vec!["refused forwarded.too_large".to_owned()])
    );
}

/// A response that is not to be stored needs no `Vary`, and one that has one keeps it.
#[tokio::test]
async fn a_response_varies_by_the_certificate() {
    let world = World::new();
    let forwarder = Forwarder::new(Hops::nobody().with_unix_socket(), Format::rfc_9440()).expect("fields");
    #[rustfmt::skip]
    let table: [(&[(&str, &str)], &[&str]); 5] = [
        (&[], &["client-cert"]),
        (&[("cache-control", "no-store")], &[]),
        (&[("cache-control", "private, No-Store")], &[]),
        (&[("cache-control", "no-cache")], &["client-cert"]),
        (&[("vary", "accept")], &["accept", "client-cert"]),
    ];
    for (fields, vary) in table {
        let layer = CallerLayer::new(world.policy())
            .behind(forwarder.clone())
            .with_demand(CertificateDemand::never());
        let fields: &'static [(&str, &str)] = Box::leak(fields.to_vec().into_boxed_slice());
        let answer = move || async move { (http::HeaderMap::from_iter(fields.iter().map(pair)), "") };
        let app = Router::new().route("/", get(answer)).layer(layer);
        let text = exchange(app, &Connection::unix_socket(), "").await;
        let told = Vec::new();
        assert_eq!(Answer { text, told }.fields("vary"), vary, "{fields:?}");
    }
}

fn pair(field: &(&'static str, &'static str)) -> (http::HeaderName, http::HeaderValue) {
    let (name, value) = *field;
    (
        http::HeaderName::from_static(name),
        http::HeaderValue::from_static(value),
    )
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

/// A proxy writes what it has verified, whatever its client sends.
#[tokio::test]
async fn a_proxy_hands_on_what_it_has_verified() {
    let world = World::new();
    let forged = format!(
        "{}Client_Cert: x\r\nClient-Cert-Chain: y\r\nclient-cert_chain: z\r\nX-Forwarded-Client-Cert: Cert=x\r\n",
        line(&world.edge)
    );
    let both = ForwardLayer::new([Emit::rfc_9440(), Emit::xfcc()]);
    let small = ForwardLayer::new([Emit::rfc_9440().with_limit(100)]);
    let callers = CallerLayer::new(world.policy())
        .with_demand(CertificateDemand::never())
        .with_clock(Clock::new(|| NOW));
    let app = |layer: &ForwardLayer| {
        let app = Router::new().route("/", get(seen));
        app.layer(layer.clone()).layer(callers.clone())
    };
    let acme = connection(Some(&world.acme));
    for fields in ["", &forged] {
        let text = exchange(app(&both), &acme, fields).await;
        let answer = Answer { text, told: vec![] };
        let lines: Vec<_> = answer.body().lines().collect();
        let [cert, xfcc] = lines.as_slice() else {
            panic!("{lines:?}");
        };
        let own = byte_sequence(&world.acme);
        assert_eq!(*cert, format!("client-cert: {}", own.to_str().expect("ASCII")));
        assert!(xfcc.starts_with("x-forwarded-client-cert: Hash="), "{xfcc}");
        assert_eq!(answer.fields("vary"), ["*"], "RFC 9440 section 2.4");
        let text = exchange(app(&both), &connection(None), fields).await;
        let answer = Answer { text, told: vec![] };
        assert_eq!(
            (answer.status(), answer.body()),
            (200, ""),
            "without a caller, none of it"
        );
        let text = exchange(app(&small), &acme, fields).await;
        let answer = Answer { text, told: vec![] };
        assert_eq!(
            (answer.status(), answer.body()),
            (431, ""),
            "too large for the field"
        );
    }
}

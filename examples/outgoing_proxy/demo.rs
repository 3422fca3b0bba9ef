//! Merchants on loopback, a service that calls them through the proxy, and what it is to be answered.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use countersign::address::AddressGuard;
use countersign::dispatch::{Dispatcher, TenantIdentity};
use countersign::egress::{Egress, Resolve, Resolving};
use countersign::identity::{Name, PeerChain, SpkiHash};
use countersign::tenant::TenantId;
use countersign::testing::{TestCa, TestCert};
use countersign::tls::{ClientAuth, Credentials, Tls};
use countersign::trust::{PinSet, PrivateCa};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::pki_types::UnixTime;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::proxy::{self, Proxy};
use crate::{Mistake, files, say};

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// What the service asks for, with which Host, and what is to come back.
const CALLS: &[(&str, &str, &str, &str)] = &[
    (
        "POST",
        "/acme/v1/orders",
        "127.0.0.1",
        "200 acme: POST /v1/orders",
    ),
    (
        "GET",
        "/acme/v1/orders?open=1",
        "127.0.0.1",
        "200 acme: GET /v1/orders?open=1",
    ),
    ("POST", "/globex/paid", "127.0.0.1", "200 globex: POST /paid"),
    (
        "POST",
        "/acme/v1/orders",
        "localhost",
        "200 acme: POST /v1/orders",
    ),
    (
        "POST",
        "/acme/v1/orders",
        "evil.example",
        r#"403 {"code":"proxy.not_a_service","fault":"-"}"#,
    ),
    ("POST", "/acme/moved", "127.0.0.1", "302 acme: POST /moved"),
    (
        "POST",
        "/rekeyed/v1",
        "127.0.0.1",
        r#"502 {"code":"trust.not_pinned","fault":"theirs"}"#,
    ),
    (
        "POST",
        "/inside/v1",
        "127.0.0.1",
        r#"502 {"code":"dispatch.private_address","fault":"policy"}"#,
    ),
    (
        "POST",
        "/nobody/v1",
        "127.0.0.1",
        r#"404 {"code":"proxy.no_such_merchant","fault":"-"}"#,
    ),
    (
        "POST",
        "/acme@globex/v1",
        "127.0.0.1",
        r#"404 {"code":"proxy.no_such_merchant","fault":"-"}"#,
    ),
];

/// Whether all was answered as expected.
pub(crate) async fn run() -> Result<bool, Mistake> {
    let failed = |error: AnyError| format!("--demo: {error}");
    let address = start().await.map_err(failed)?;
    let mut good = 0;
    for (method, path, host, expected) in CALLS {
        let answer = call(address, method, path, host).await.map_err(failed)?;
        let verdict = if answer == *expected { "ok" } else { "UNEXPECTED" };
        good += usize::from(answer == *expected);
        say(&format!(
            "{method:4} {path:24} Host: {host:20} {answer:58} {verdict}"
        ));
    }
    let outside = proxy::listen("0.0.0.0:0").await.is_err();
    let verdict = if outside { "ok" } else { "UNEXPECTED" };
    good += usize::from(outside);
    say(&format!("{:109} {verdict}", "--listen 0.0.0.0:0 is refused"));
    let all = CALLS.len() + 1;
    say(&format!("outgoing_proxy: {good} of {all} as expected"));
    Ok(good == all)
}

/// Merchants, and the proxy in front of them. Each merchant has handed out a certificate for calls to itself.
async fn start() -> Result<SocketAddr, AnyError> {
    let tls = Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let guard = AddressGuard::new().allow_network("127.0.0.1".parse()?);
    let mut ports = vec![443];
    let mut merchants = HashMap::from([("inside".to_owned(), "https://api.inside.example".to_owned())]);
    let mut identities = Vec::new();
    for name in ["acme", "globex", "rekeyed"] {
        let ca = TestCa::new(&format!("{name} Root"));
        let host = format!("api.{name}.example");
        let server = ca.server(&host).issue();
        let pinned = match name {
            // Pinned before the merchant changed its key, and told nobody.
            "rekeyed" => SpkiHash::of(b"the key before"),
            _ => SpkiHash::of(&server.spki_der()),
        };
        let ours = ca.client(&format!("spiffe://{name}.example/platform")).issue();
        let port = merchant(&tls, &ca, &server).await?;
        ports.push(port);
        merchants.insert(name.to_owned(), format!("https://{host}:{port}"));
        identities.push((name, ours, pinned));
    }
    let anybody = TestCa::new("Inside Root")
        .client("spiffe://inside.example/platform")
        .issue();
    identities.push(("inside", anybody, SpkiHash::of(b"no matter")));
    let dispatcher = Dispatcher::builder()
        .with_egress(Egress::new().with_guard(guard).with_resolver(Names))
        .with_ports(ports)
        .with_limits(files::limits())
        .build();
    for (name, ours, pinned) in &identities {
        dispatcher.set_identity(TenantId::parse(name)?, identity(&tls, name, ours, *pinned)?)?;
    }
    let listener = proxy::listen("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(Proxy::new(dispatcher, merchants).serve(listener));
    Ok(address)
}

/// For calls to this merchant, whose server has that key, and the next one in advance.
fn identity(
    tls: &Tls,
    merchant: &str,
    ours: &TestCert,
    pinned: SpkiHash,
) -> Result<TenantIdentity, AnyError> {
    let next = SpkiHash::of(format!("the next key of {merchant}").as_bytes());
    let pins = PinSet::new([pinned, next]);
    Ok(TenantIdentity::unsigned(tls, credentials(tls, ours)?, pins)?)
}

fn credentials(tls: &Tls, certificate: &TestCert) -> Result<Credentials, AnyError> {
    Ok(Credentials::new(
        tls.provider(),
        certificate.chain(),
        certificate.key(),
    )?)
}

/// A merchant's server, which lets in whom its own authority has certified; it says who that was.
async fn merchant(tls: &Tls, ca: &TestCa, server: &TestCert) -> Result<u16, AnyError> {
    let trust = PrivateCa::from_pem(ca.pem().as_bytes(), tls.algorithms(), UnixTime::now())?;
    let config = tls.server_config(&credentials(tls, server)?, trust, ClientAuth::Require)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let tcp = TcpListener::bind("127.0.0.1:0").await?;
    let port = tcp.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((io, _)) = tcp.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(tls) = acceptor.accept(io).await else {
                    return;
                };
                let shown = tls.get_ref().1.peer_certificates().unwrap_or_default().to_vec();
                let client = PeerChain::parse(shown).ok().and_then(|chain| platform_of(&chain));
                let service = service_fn(move |request| answer(request, client.clone()));
                let http = auto::Builder::new(TokioExecutor::new());
                let _ = http.serve_connection(TokioIo::new(tls), service).await;
            });
        }
    });
    Ok(port)
}

/// Of `spiffe://acme.example/platform`: acme.
fn platform_of(chain: &PeerChain) -> Option<String> {
    chain.leaf().names().iter().find_map(|name| match name {
        Name::Uri(uri) => {
            let rest = uri.strip_prefix("spiffe://")?;
            rest.split_once(".example/platform")
                .map(|(name, _)| name.to_owned())
        }
        _ => None,
    })
}

async fn answer(request: Request<Incoming>, client: Option<String>) -> http::Result<Response<Full<Bytes>>> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let said = format!("{}: {} {path}", client.unwrap_or_default(), request.method());
    let status = if path == "/moved" { 302 } else { 200 };
    let response = Response::builder()
        .status(status)
        .header("location", "http://127.0.0.1/");
    response.body(Full::from(said))
}

/// A service of ours, which knows nothing of TLS.
async fn call(proxy: SocketAddr, method: &str, path: &str, host: &str) -> Result<String, AnyError> {
    let tcp = TcpStream::connect(proxy).await?;
    let (mut http, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tcp)).await?;
    tokio::spawn(connection);
    let request = Request::builder().method(method).uri(path).header("host", host);
    let answer = http.send_request(request.body(Full::<Bytes>::default())?).await?;
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await?.to_bytes();
    Ok(format!("{status} {}", String::from_utf8_lossy(&body)))
}

/// All names lead to this machine, but one, which leads into somebody's network.
#[derive(Debug)]
struct Names;

impl Resolve for Names {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        let inside = host.contains(".inside.");
        let address: IpAddr = if inside { [10, 0, 0, 1] } else { [127, 0, 0, 1] }.into();
        Box::pin(async move { Ok(vec![address]) })
    }
}

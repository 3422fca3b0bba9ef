//! The cost of the layers to a request on a connection that is open: the same service with and without them.
//!
//! Each request carries a body of 2 KB, signed after Standard Webhooks, and the service reads it whole.
//!
//! * "in process" is one call of the service, from the request with its extensions to the response: what the layers
//!   themselves cost, in the difference to the first line. Ratios say little there, since without the layers next to
//!   nothing is left.
//! * "over TLS" is one request and its answer on a connection that stays open, HTTP/1.1 and HTTP/2, the client's work
//!   included: client and server take turns on this one thread.
//!
//! "caller" is `CallerLayer` alone, which has identified the connection before; "all" is `CallerLayer` around
//! `PayloadLayer` with a `MemoryStore`: certificate, signature and replay.
//!
//! "observed" is "all" in process, told to nobody, to `Silent`, to `Metrics` with an exporter, and to `Metrics` behind a
//! `Queued`.
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use countersign::gate::Policy;
use countersign::observe::{Metrics, Observer, Queued, Silent};
use countersign::payload::{HmacSigner, HmacVerifier, Keyring, Outgoing, Scheme, Secret, SignPayload as _};
use countersign::replay::MemoryStore;
use countersign::tenant::{TenantId, TenantTable};
use countersign::testing::{TestCa, TestCert};
use countersign::tls::{ClientAuth, Credentials, Tls};
use countersign::trust::PrivateCa;
use countersign::web::{Acceptor, CallerLayer, Connection, Listener, PayloadLayer, Protocols};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::{ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsConnector;
use tower::util::BoxCloneSyncService;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::measure::{Group, Measured};
use crate::report::Report;

const HOST: &str = "hooks.acme.example";
const BODY: usize = 2 * 1024;
/// Deliveries that are signed beforehand. None is used twice where that would matter.
const DELIVERIES: usize = 40_000;

pub(crate) fn run(report: &mut Report) {
    let stage = Stage::new();
    in_process(&stage, report);
    observed(&stage, report);
    for (name, protocols) in [("h1", Protocols::Http1), ("h2", Protocols::Http2)] {
        over_tls(&stage, report, name, protocols);
    }
}

// --- the service, and what stands around it ----------------------------------------------------------------------------

/// Reads the body, and answers with nothing.
async fn handle<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible>
where
    B: Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let body = request.into_body().collect().await.expect("a body").to_bytes();
    let mut response = Response::new(Full::default());
    if body.len() == BODY {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    Ok(response)
}

type Service<B> = BoxCloneSyncService<Request<B>, Response<Full<Bytes>>, Infallible>;

#[derive(Clone, Copy)]
enum Layers {
    None,
    Caller,
    All,
}

struct Stage {
    tls: Tls,
    ca: TestCa,
    acme: TestCert,
    policy: Policy,
    keys: Keyring,
    body: Bytes,
    /// The headers of deliveries.
    signed: Vec<HeaderMap>,
}

impl Stage {
    fn new() -> Self {
        let tls = Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let ca = TestCa::new("Acme Root");
        let table = TenantTable::builder().uri("spiffe://acme.example/{tenant}");
        let policy = Policy::new(trust(&tls, &ca), table.known(["acme"]).build().expect("a table"));
        let keys = Keyring::builder(&Scheme::standard_webhooks());
        let keys = keys.key(
            TenantId::parse("acme").expect("a tenant"),
            "2026",
            Secret::new("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
        );
        let (keys, body) = (keys.build().expect("a key"), Bytes::from(vec![b'x'; BODY]));
        Self {
            acme: ca.client("spiffe://acme.example/acme").issue(),
            signed: signed(&keys, &body),
            tls,
            ca,
            policy,
            keys,
            body,
        }
    }

    /// Both layers, told to this observer.
    fn observed(&self, observer: Option<Arc<dyn Observer>>) -> Service<Full<Bytes>> {
        let callers = CallerLayer::new(self.policy.clone());
        let verifier = HmacVerifier::new(Scheme::standard_webhooks(), self.keys.clone());
        let payload = PayloadLayer::new(verifier, MemoryStore::default());
        let (callers, payload) = match observer {
            None => (callers, payload),
            Some(observer) => (
                callers.observed_by(observer.clone()),
                payload.observed_by(observer),
            ),
        };
        Service::new(callers.layer(payload.layer(service_fn(handle::<Full<Bytes>>))))
    }

    fn service<B>(&self, layers: Layers) -> Service<B>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: std::error::Error + Send + Sync,
    {
        let callers = CallerLayer::new(self.policy.clone());
        let verifier = HmacVerifier::new(Scheme::standard_webhooks(), self.keys.clone());
        let payload = || PayloadLayer::new(verifier, MemoryStore::default());
        match layers {
            Layers::None => Service::new(service_fn(handle::<B>)),
            Layers::Caller => Service::new(callers.layer(service_fn(handle::<B>))),
            Layers::All => Service::new(callers.layer(payload().layer(service_fn(handle::<Full<Bytes>>)))),
        }
    }

    fn request(&self, number: usize) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = http::Method::POST;
        *request.headers_mut() = self.signed.get(number).expect("enough deliveries").clone();
        request
    }

    fn connection(&self) -> Connection {
        let peer = SocketAddr::from(([127, 0, 0, 1], 443));
        Connection::new(peer, Some(&self.acme.chain())).expect("a chain")
    }
}

fn trust(tls: &Tls, ca: &TestCa) -> PrivateCa {
    let now = UnixTime::now();
    PrivateCa::from_pem(ca.pem().as_bytes(), tls.algorithms(), now).expect("an anchor")
}

fn signed(keys: &Keyring, body: &[u8]) -> Vec<HeaderMap> {
    let signer = HmacSigner::new(Scheme::standard_webhooks(), keys.clone());
    let acme = TenantId::parse("acme").expect("a tenant");
    let now = UnixTime::now();
    let sign = |number| {
        let id = format!("msg_{number}");
        signer
            .sign_payload(&Outgoing::new(&acme, &id, body, now))
            .expect("a key")
    };
    (0..DELIVERIES).map(sign).collect()
}

fn judge(response: &Response<impl Sized>) {
    assert_eq!(response.status(), StatusCode::NO_CONTENT, "a request was refused");
}

// --- in process ----------------------------------------------------------------------------------------------------------

fn in_process(stage: &Stage, report: &mut Report) {
    // With an empty store for each batch, so that the deliveries may begin again.
    let connection = stage.connection();
    let begin = |layers| move || (stage.service::<Full<Bytes>>(layers), Cell::new(0));
    let call = |on: &(Service<Full<Bytes>>, Cell<usize>)| {
        let mut request = stage.request(on.1.replace(on.1.get() + 1) % DELIVERIES);
        request.extensions_mut().insert(connection.clone());
        judge(&now(on.0.clone().oneshot(request)).expect("infallible"));
    };
    let group = Group::default()
        .case_on("none", begin(Layers::None), call)
        .case_on("caller", begin(Layers::Caller), call)
        .case_on("all", begin(Layers::All), call);
    let measured = report.group("in_process", group);
    differences(report, "in_process", &measured);
}

fn observed(stage: &Stage, report: &mut Report) {
    let exporter = metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder();
    let _exporter = exporter.expect("the first of this process");
    let connection = stage.connection();
    let begin =
        |observer: Option<Arc<dyn Observer>>| move || (stage.observed(observer.clone()), Cell::new(0));
    let call = |on: &(Service<Full<Bytes>>, Cell<usize>)| {
        let mut request = stage.request(on.1.replace(on.1.get() + 1) % DELIVERIES);
        request.extensions_mut().insert(connection.clone());
        judge(&now(on.0.clone().oneshot(request)).expect("infallible"));
    };
    let queued = Queued::new(Metrics::new(), 100_000).expect("a thread");
    let group = Group::default()
        .case_on("unobserved", begin(None), call)
        .case_on("silent", begin(Some(Arc::new(Silent::default()))), call)
        .case_on("metrics", begin(Some(Arc::new(Metrics::new()))), call)
        .case_on("queued", begin(Some(Arc::new(queued))), call);
    report.group("observed", group);
}

/// What a future that waits for nothing answers.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

/// What each layer takes beyond the request without it.
fn differences(report: &mut Report, name: &str, measured: &Measured) {
    for case in ["caller", "all"] {
        let more = measured.nanos(case) - measured.nanos("none");
        report.amount(&format!("{name}_{case}_beyond_none"), "ns", more);
    }
}

// --- over TLS ------------------------------------------------------------------------------------------------------------

fn over_tls(stage: &Stage, report: &mut Report, name: &str, protocols: Protocols) {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let cases = [
        ("none", Layers::None),
        ("caller", Layers::Caller),
        ("all", Layers::All),
    ];
    let group = cases.into_iter().fold(Group::default(), |group, (case, layers)| {
        let client = RefCell::new(runtime.block_on(stage.connect(layers, protocols)));
        let (number, runtime) = (Cell::new(0), &runtime);
        group.case(case, move || {
            let request = stage.request(number.replace(number.get() + 1));
            client.borrow_mut().send(runtime, request);
        })
    });
    let name = format!("over_tls_{name}");
    let measured = report.group(&name, group);
    differences(report, &name, &measured);
}

enum Client {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Client {
    fn send(&mut self, runtime: &Runtime, mut request: Request<Full<Bytes>>) {
        let response = runtime.block_on(async {
            match self {
                Self::Http1(requests) => {
                    request
                        .headers_mut()
                        .insert("host", HOST.parse().expect("a value"));
                    requests.ready().await.expect("open");
                    requests.send_request(request).await
                }
                Self::Http2(requests) => {
                    *request.uri_mut() = http::Uri::from_static("https://hooks.acme.example/");
                    requests.send_request(request).await
                }
            }
        });
        judge(&response.expect("an answer"));
    }
}

impl Stage {
    /// A server for one connection, and the client on it.
    async fn connect(&self, layers: Layers, protocols: Protocols) -> Client {
        let server = self.ca.server(HOST).issue();
        let own = Credentials::new(self.tls.provider(), server.chain(), server.key()).expect("a pair");
        let config = self
            .tls
            .server_config(&own, self.policy.trust(), ClientAuth::Require);
        let acceptor = Acceptor::new(config.expect("a configuration")).with_protocols(protocols);
        let mut listener = Listener::bind("127.0.0.1:0", acceptor).await.expect("a port");
        let (address, service) = (listener.local_addr(), self.service::<Incoming>(layers));
        tokio::spawn(async move {
            let (secured, _) = listener.next().await.expect("a connection");
            let service = TowerToHyperService::new(secured.connection().layer(service));
            let server = auto::Builder::new(TokioExecutor::new());
            server
                .serve_connection(TokioIo::new(secured), service)
                .await
                .expect("no error");
        });
        let own = Credentials::new(self.tls.provider(), self.acme.chain(), self.acme.key()).expect("a pair");
        let config = self
            .tls
            .client_config(&own, trust(&self.tls, &self.ca))
            .expect("a configuration");
        let tcp = TcpStream::connect(address).await.expect("open");
        tcp.set_nodelay(true).expect("a socket");
        let name = ServerName::try_from(HOST).expect("a name");
        let tls = TlsConnector::from(Arc::new(config))
            .connect(name, tcp)
            .await
            .expect("trusted");
        match protocols {
            Protocols::Http1 => {
                let (requests, connection) = http1::handshake(TokioIo::new(tls)).await.expect("HTTP/1.1");
                tokio::spawn(connection);
                Client::Http1(requests)
            }
            _ => {
                let begun = http2::handshake(TokioExecutor::new(), TokioIo::new(tls)).await;
                let (requests, connection) = begun.expect("HTTP/2");
                tokio::spawn(connection);
                Client::Http2(requests)
            }
        }
    }
}

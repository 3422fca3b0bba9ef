//! Identity and trust of a tenant are replaced while it delivers: does anything fail, and is the old ever used again?
//!
//! The receiver judges. Each delivery says which identity was in force when it began; none may come under an older one.

use crate::sending;

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use countersign::clock::Clock;
use countersign::dispatch::{Connected, Delivery, Dispatcher, Endpoint, Fate, Protocol, TenantIdentity};
use countersign::live::Live;
use countersign::testing::{TestCa, TestCert};
use countersign::tls::Credentials;
use countersign::trust::PrivateCa;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sending::{Tenant, loopback, provider, server_config, tls, to_loopback};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

const HOST: &str = "hooks.acme.example";
const WORKERS: usize = 8;
const ROTATIONS: usize = 20;
/// Between one rotation and the next.
const DELIVERIES: usize = 60;

// --- the receiver -----------------------------------------------------------------------------------------------------

/// A delivery, as the receiver has seen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    /// The identity that was in force when the delivery began.
    begun: usize,
    /// The one that its connection was made under.
    shown: usize,
    /// The certificate that the receiver itself showed on that connection.
    served: usize,
}

struct Receiver {
    /// The tenant's certificates, in their order.
    clients: Vec<TestCert>,
    servers: Vec<Arc<CertifiedKey>>,
    serves: AtomicUsize,
    seen: Mutex<Vec<Seen>>,
    open: Mutex<Vec<usize>>,
}

#[derive(Debug)]
struct Serves(Arc<CertifiedKey>);

impl ResolvesServerCert for Serves {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

impl Receiver {
    async fn start(
        clients: Vec<TestCert>,
        servers: &[&TestCert],
        lets_in: &TestCa,
        protocol: Protocol,
    ) -> (Arc<Self>, u16) {
        let certified = |server: &&TestCert| {
            let pair = CertifiedKey::from_der(server.chain(), server.key(), &provider());
            Arc::new(pair.expect("a pair"))
        };
        let receiver = Arc::new(Self {
            clients,
            servers: servers.iter().map(certified).collect(),
            serves: AtomicUsize::new(0),
            seen: Mutex::default(),
            open: Mutex::default(),
        });
        let mut config = server_config(servers[0], &[lets_in]);
        if protocol == Protocol::Http2 {
            config.alpn_protocols = vec![b"h2".to_vec()];
        }
        let tcp = TcpListener::bind(loopback(0)).await.expect("a port");
        let port = tcp.local_addr().expect("an address").port();
        tokio::spawn(receiver.clone().accept(tcp, config));
        (receiver, port)
    }

    async fn accept(self: Arc<Self>, tcp: TcpListener, config: ServerConfig) {
        while let Ok((io, _)) = tcp.accept().await {
            let served = self.serves.load(SeqCst);
            let mut config = config.clone();
            config.cert_resolver = Arc::new(Serves(self.servers[served].clone()));
            tokio::spawn(
                self.clone()
                    .serve(io, TlsAcceptor::from(Arc::new(config)), served),
            );
        }
    }

    async fn serve(self: Arc<Self>, io: TcpStream, acceptor: TlsAcceptor, served: usize) {
        let Ok(tls) = acceptor.accept(io).await else {
            return;
        };
        let leaf = tls
            .get_ref()
            .1
            .peer_certificates()
            .and_then(|chain| chain.first());
        let leaf = leaf.expect("rustls demands one");
        let shown = self.clients.iter().position(|client| client.leaf() == leaf);
        let shown = shown.expect("a certificate of the tenant's");
        self.open.lock().expect("sound").push(shown);
        let receiver = self.clone();
        let service = service_fn(move |request| receiver.clone().answer(request, shown, served));
        let server = auto::Builder::new(TokioExecutor::new());
        let _ = server.serve_connection(TokioIo::new(tls), service).await;
        let mut open = self.open.lock().expect("sound");
        let closed = open.iter().position(|open| *open == shown).expect("it was open");
        open.swap_remove(closed);
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        shown: usize,
        served: usize,
    ) -> Result<Response<Empty<Bytes>>, Infallible> {
        let body = request.into_body().collect().await.expect("a body").to_bytes();
        let begun = std::str::from_utf8(&body)
            .expect("text")
            .parse()
            .expect("a number");
        // While it is under way, its connection is not idle: so some are in the middle of it when they are replaced.
        sleep(Duration::from_millis(2)).await;
        self.seen
            .lock()
            .expect("sound")
            .push(Seen { begun, shown, served });
        Ok(Response::new(Empty::new()))
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("sound").clone()
    }

    /// Waits until no connection is open that this does not want.
    async fn assert_only_open(&self, wanted: impl Fn(usize) -> bool) {
        for _ in 0..500 {
            if self.open.lock().expect("sound").iter().all(|open| wanted(*open)) {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("open under: {:?}", self.open.lock().expect("sound"));
    }
}

// --- the sender -------------------------------------------------------------------------------------------------------

/// A tenant that delivers all the time.
struct Load {
    dispatcher: Dispatcher,
    endpoint: Endpoint,
    /// The identity in force.
    force: AtomicUsize,
    done: AtomicUsize,
    enough: AtomicUsize,
}

impl Load {
    fn on(dispatcher: &Dispatcher, tenant: &Tenant, port: u16) -> Arc<Self> {
        let url = format!("https://{HOST}:{port}/in");
        Arc::new(Self {
            dispatcher: dispatcher.clone(),
            endpoint: Endpoint::parse(tenant.id(), &url).expect("a URL"),
            force: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            enough: AtomicUsize::new(usize::MAX),
        })
    }

    fn start(self: &Arc<Self>) -> JoinSet<()> {
        let mut workers = JoinSet::new();
        for worker in 0..WORKERS {
            let load = self.clone();
            workers.spawn(async move {
                for number in 0.. {
                    if load.done.load(SeqCst) >= load.enough.load(SeqCst) {
                        break;
                    }
                    let outcome = load.deliver(&format!("{worker}_{number}")).await;
                    assert_eq!((outcome.fate, outcome.failure), (Fate::Delivered, None));
                    load.done.fetch_add(1, SeqCst);
                }
            });
        }
        workers
    }

    async fn deliver(&self, id: &str) -> countersign::dispatch::Outcome {
        let tenant = self.endpoint.tenant().clone();
        let body = self.force.load(SeqCst).to_string();
        let delivery = Delivery::new(tenant, id, body);
        self.dispatcher.deliver(&self.endpoint, &delivery).await
    }

    /// Waits until so many more were delivered.
    async fn go_on(&self, more: usize) {
        let enough = self.done.load(SeqCst) + more;
        for _ in 0..10_000 {
            if self.done.load(SeqCst) >= enough {
                return;
            }
            sleep(Duration::from_millis(1)).await;
        }
        panic!("nothing is delivered any more");
    }

    async fn stop(&self, mut workers: JoinSet<()>) {
        self.enough.store(0, SeqCst);
        while let Some(worker) = workers.join_next().await {
            worker.expect("all was delivered");
        }
    }
}

// --- what is replaced --------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_is_replaced_under_load_by_http1() {
    replace_identities(Protocol::Http1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_is_replaced_under_load_by_http2() {
    replace_identities(Protocol::Http2).await;
}

async fn replace_identities(protocol: Protocol) {
    let (acme, servers) = (Tenant::new("acme"), TestCa::new("Servers"));
    let clients: Vec<_> = (0..=ROTATIONS).map(|_| acme.certificate()).collect();
    let senders: Vec<_> = clients
        .iter()
        .map(|client| acme.sender(client, &[&servers]))
        .collect();
    let server = servers.server(HOST).issue();
    let (receiver, port) = Receiver::start(clients, &[&server], &acme.ca, protocol).await;
    let dispatcher = to_loopback(&[port]).build();
    let load = Load::on(&dispatcher, &acme, port);

    let mut senders = senders.into_iter();
    dispatcher
        .set_identity(acme.id(), senders.next().expect("the first"))
        .expect("a sender");
    let workers = load.start();
    load.go_on(DELIVERIES).await;
    for (number, sender) in senders.enumerate() {
        dispatcher.set_identity(acme.id(), sender).expect("a sender");
        load.force.store(number + 1, SeqCst);
        load.go_on(DELIVERIES).await;
    }
    load.stop(workers).await;
    // What the last but one had under way has ended, and nothing of before is open.
    receiver.assert_only_open(|shown| shown == ROTATIONS).await;

    let seen = receiver.seen();
    assert_eq!(seen.len(), load.done.load(SeqCst), "each delivery came once");
    assert!(seen.len() >= (ROTATIONS + 1) * DELIVERIES);
    let older: Vec<_> = seen.iter().filter(|seen| seen.shown < seen.begun).collect();
    assert!(
        older.is_empty(),
        "under an identity that was replaced before: {older:?}"
    );
    for identity in 0..=ROTATIONS {
        assert!(
            seen.iter().any(|seen| seen.shown == identity),
            "identity {identity} was never used"
        );
    }
}

/// Trust is replaced in place, in two phases, while the receiver moves from one authority to another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trust_is_replaced_under_load() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let acme = Tenant::new("acme");
        let (before, after) = (TestCa::new("Before"), TestCa::new("After"));
        let servers = [&before.server(HOST).issue(), &after.server(HOST).issue()];
        let client = acme.certificate();
        let trust = Live::new(trusting(&[&before]));
        let sender = sender(&acme, &client, trust.clone());
        let (receiver, port) = Receiver::start(vec![client], &servers, &acme.ca, protocol).await;
        let dispatcher = to_loopback(&[port]).build();
        dispatcher.set_identity(acme.id(), sender).expect("a sender");
        let load = Load::on(&dispatcher, &acme, port);
        let workers = load.start();
        load.go_on(DELIVERIES).await;

        trust.replace(trusting(&[&before, &after]));
        load.go_on(DELIVERIES).await;
        receiver.serves.store(1, SeqCst);
        load.go_on(DELIVERIES).await;
        trust.replace(trusting(&[&after]));
        // Whatever begins now goes to the new authority's server; `begun` marks it.
        load.force.store(1, SeqCst);
        load.go_on(DELIVERIES).await;
        load.stop(workers).await;

        let seen = receiver.seen();
        assert_eq!(seen.len(), load.done.load(SeqCst), "each delivery came once");
        let late = seen.iter().filter(|seen| seen.begun == 1);
        let served: Vec<_> = late.map(|seen| seen.served).collect();
        assert!(served.len() >= DELIVERIES);
        assert!(
            served.iter().all(|served| *served == 1),
            "{protocol:?}: {served:?}"
        );

        // A connection is idle; it would do, but was made under the trust of before.
        let idle = load.deliver("idle").await;
        assert_eq!(
            idle.answer.map(|answer| answer.connection),
            Some(Connected::Reused)
        );
        trust.replace(trusting(&[&before]));
        let refused = load.deliver("refused").await;
        assert_eq!(
            (refused.code(), refused.fate),
            ("trust.unknown_issuer", Fate::Dead)
        );
        assert_eq!(receiver.seen().len(), seen.len() + 1);
    }
}

/// Without an identity nothing is delivered, whatever is open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_is_taken_away_under_load() {
    let (acme, servers) = (Tenant::new("acme"), TestCa::new("Servers"));
    let client = acme.certificate();
    let sender = acme.sender(&client, &[&servers]);
    let server = servers.server(HOST).issue();
    let (receiver, port) = Receiver::start(vec![client], &[&server], &acme.ca, Protocol::Http1).await;
    let dispatcher = to_loopback(&[port]).build();
    dispatcher.set_identity(acme.id(), sender).expect("a sender");
    let load = Load::on(&dispatcher, &acme, port);
    let workers = load.start();
    load.go_on(DELIVERIES).await;
    load.stop(workers).await;
    let seen = receiver.seen().len();

    assert!(dispatcher.remove_identity(&acme.id()));
    let nobody = load.deliver("nobody").await;
    assert_eq!(nobody.code(), "dispatch.no_identity");
    receiver.assert_only_open(|_| false).await;
    assert_eq!(receiver.seen().len(), seen);
}

fn trusting(authorities: &[&TestCa]) -> PrivateCa {
    let pem: String = authorities.iter().map(|ca| ca.pem()).collect();
    PrivateCa::from_pem(pem.as_bytes(), tls().algorithms(), Clock::default().now()).expect("anchors")
}

fn sender(tenant: &Tenant, client: &TestCert, trust: Live<PrivateCa>) -> TenantIdentity {
    let credentials = Credentials::new(&provider(), client.chain(), client.key()).expect("a pair");
    TenantIdentity::new(&tls(), credentials, trust, tenant.signer()).expect("a sender")
}

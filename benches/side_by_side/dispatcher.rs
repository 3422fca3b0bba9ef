//! Deliveries over loopback on connections that stay open, by the dispatcher and by `reqwest`: each with the tenant's own
//! certificate, each signed by the same signer, 2 KB over HTTP/1.1. What counts is the CPU time of the sender alone; the receiver
//! has a thread of its own.
//!
//! Of many tenants each has its turn, so a connection is never the one used last. `reqwest` has one client for each tenant, since a
//! client has one identity.
//!
//! "held" is what a tenant takes that has an identity and an idle connection, of Rust's allocator; what aws-lc allocates is not seen.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use countersign::dispatch::{Delivery, Dispatcher, Endpoint, Fate, TenantIdentity};
use countersign::egress::{AddressGuard, Egress, Resolve, Resolving};
use countersign::payload::{HmacSigner, Keyring, Outgoing, Scheme, Secret, SignPayload as _};
use countersign::tenant::TenantId;
use countersign::testing::{TestCa, TestCert};
use countersign::tls::{Credentials, Tls};
use countersign::trust::PrivateCa;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::UnixTime;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;

use crate::measure::{Allocations, Group};
use crate::pki::provider;
use crate::report::Report;

const HOST: &str = "hooks.example";
const BODY: usize = 2 * 1024;
/// Ours is to take so much of their time: half as many deliveries again in a second.
const GOAL: f64 = 1.0 / 1.5;
/// Bytes for a tenant with an idle connection.
const HELD: f64 = 25.0 * 1024.0;

pub(crate) fn run(report: &mut Report) {
    let stage = Stage::new(report.size(1_000, 8));
    for (name, tenants) in [("one", 1), ("many", stage.tenants.len())] {
        let (ours, theirs) = (Ours::new(&stage, tenants), Theirs::new(&stage, tenants));
        let group = Group::default()
            .case("reqwest", || theirs.deliver(&stage))
            .case("ours", || ours.deliver(&stage));
        let measured = report.group(name, group);
        report.at_most(name, &measured, "ours", GOAL, "reqwest");
    }
    held(report);
}

fn held(report: &mut Report) {
    let tenants = report.size(256, 8);
    let each = |of: Allocations| of.held as f64 / tenants as f64;
    // Each has a runtime of its own: on one that was used, connections of those before end meanwhile, and give back what was not counted.
    let (ours, theirs) = (Stage::new(tenants), Stage::new(tenants));
    let ours = each(Allocations::of(|| Ours::new(&ours, tenants)));
    let theirs = each(Allocations::of(|| Theirs::new(&theirs, tenants)));
    report.amount("held_reqwest", "bytes", theirs);
    report.below("held", "bytes", ours, HELD);
}

struct Stage {
    runtime: Runtime,
    hosts: TestCa,
    receiver: SocketAddr,
    tenants: Vec<Tenant>,
    body: Bytes,
    sent: Cell<usize>,
}

struct Tenant {
    id: TenantId,
    own: TestCert,
    signer: HmacSigner,
}

impl Stage {
    fn new(tenants: usize) -> Self {
        let (hosts, clients) = (TestCa::new("Hosts Root"), TestCa::new("Acme Root"));
        let runtime = Builder::new_current_thread().enable_all().build();
        Self {
            runtime: runtime.expect("a runtime"),
            receiver: receiver(&hosts, &clients),
            tenants: (0..tenants).map(|number| Tenant::new(&clients, number)).collect(),
            hosts,
            body: Bytes::from(vec![b'x'; BODY]),
            sent: Cell::new(0),
        }
    }

    /// The next delivery: its number and whose it is, of so many.
    fn next(&self, tenants: usize) -> (&Tenant, usize, String) {
        let number = self.sent.replace(self.sent.get() + 1);
        let turn = number % tenants;
        (&self.tenants[turn], turn, format!("msg_{number}"))
    }

    fn url(&self) -> String {
        format!("https://{HOST}:{}/hooks", self.receiver.port())
    }
}

impl Tenant {
    fn new(clients: &TestCa, number: usize) -> Self {
        let id = TenantId::parse(&format!("t{number:04}")).expect("a tenant");
        let scheme = Scheme::standard_webhooks();
        let secret = Secret::new("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
        let keys = Keyring::builder(&scheme).key(id.clone(), "2026", secret);
        Self {
            own: clients
                .client(&format!("spiffe://acme.example/tenant/{id}"))
                .issue(),
            signer: HmacSigner::new(scheme, keys.build().expect("a key")),
            id,
        }
    }
}

struct Ours {
    dispatcher: Dispatcher,
    endpoints: Vec<Endpoint>,
}

impl Ours {
    /// With an open connection for each tenant.
    fn new(stage: &Stage, tenants: usize) -> Self {
        let loopback = AddressGuard::new().allow_network("127.0.0.0/8".parse().expect("a network"));
        let egress = Egress::new().with_guard(loopback).with_resolver(Loopback);
        let dispatcher = Dispatcher::builder()
            .with_egress(egress)
            .with_ports([stage.receiver.port()])
            .build();
        let tls = Tls::new(Arc::new(provider()));
        let endpoint = |tenant: &Tenant| {
            let identity = tenant.identity(&tls, &stage.hosts);
            dispatcher
                .set_identity(tenant.id.clone(), identity)
                .expect("an identity");
            Endpoint::parse(tenant.id.clone(), &stage.url()).expect("an endpoint")
        };
        let endpoints = stage.tenants.iter().take(tenants).map(endpoint).collect();
        let ours = Self {
            dispatcher,
            endpoints,
        };
        (0..tenants).for_each(|_| ours.deliver(stage));
        ours
    }

    fn deliver(&self, stage: &Stage) {
        let (tenant, turn, id) = stage.next(self.endpoints.len());
        let delivery = Delivery::new(tenant.id.clone(), id, stage.body.clone());
        let outcome = self.dispatcher.deliver(&self.endpoints[turn], &delivery);
        let outcome = stage.runtime.block_on(outcome);
        assert_eq!(outcome.fate, Fate::Delivered, "{outcome:?}");
    }
}

impl Tenant {
    fn identity(&self, tls: &Tls, hosts: &TestCa) -> TenantIdentity {
        let own = Credentials::new(tls.provider(), self.own.chain(), self.own.key()).expect("a pair");
        let trust = PrivateCa::from_pem(hosts.pem().as_bytes(), tls.algorithms(), UnixTime::now());
        TenantIdentity::new(tls, own, trust.expect("an anchor"), self.signer.clone()).expect("an identity")
    }
}

/// Every name is this machine.
#[derive(Debug)]
struct Loopback;

impl Resolve for Loopback {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
        Box::pin(async { Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]) })
    }
}

struct Theirs {
    clients: Vec<reqwest::Client>,
    url: String,
}

impl Theirs {
    fn new(stage: &Stage, tenants: usize) -> Self {
        let client = |tenant: &Tenant| {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tenant.rustls(&stage.hosts))
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .timeout(Duration::from_secs(30))
                .resolve(HOST, stage.receiver)
                .build()
                .expect("a client")
        };
        let theirs = Self {
            clients: stage.tenants.iter().take(tenants).map(client).collect(),
            url: stage.url(),
        };
        (0..tenants).for_each(|_| theirs.deliver(stage));
        theirs
    }

    fn deliver(&self, stage: &Stage) {
        let (tenant, turn, id) = stage.next(self.clients.len());
        let outgoing = Outgoing::new(&tenant.id, &id, &stage.body, UnixTime::now());
        let request = self.clients[turn]
            .post(&self.url)
            .headers(tenant.signer.sign_payload(&outgoing).expect("signed"))
            .header("content-type", "application/json")
            .body(stage.body.clone());
        stage.runtime.block_on(async {
            let answer = request.send().await.expect("an answer");
            assert_eq!(answer.status(), 204);
            answer.bytes().await.expect("a body");
        });
    }
}

impl Tenant {
    fn rustls(&self, hosts: &TestCa) -> ClientConfig {
        let config = ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots(hosts))
            .with_client_auth_cert(self.own.chain(), self.own.key());
        config.expect("a certificate")
    }
}

fn roots(ca: &TestCa) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(ca.certificate().clone()).expect("an anchor");
    roots
}

/// Takes every delivery of whoever shows a certificate.
fn receiver(hosts: &TestCa, clients: &TestCa) -> SocketAddr {
    let own = hosts.server(HOST).issue();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots(clients)), Arc::new(provider()));
    let config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_single_cert(own.chain(), own.key())
        .expect("a certificate");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(receive(listener, config));
    });
    address
}

async fn receive(listener: std::net::TcpListener, config: ServerConfig) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    loop {
        let (tcp, _) = listener.accept().await.expect("a connection");
        tcp.set_nodelay(true).expect("a socket");
        let accepting = acceptor.accept(tcp);
        tokio::spawn(async move {
            let tls = accepting.await.expect("trusted");
            // How the sender ends it says nothing about it.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(tls), service_fn(taken))
                .await;
        });
    }
}

async fn taken(request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    assert_eq!(body.len(), BODY);
    Ok(Response::builder()
        .status(204)
        .body(Empty::new())
        .expect("an answer"))
}

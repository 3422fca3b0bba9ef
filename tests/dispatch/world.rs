//! Everybody who takes part in a delivery: tenants, their authorities, their consumers' names.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use countersign::address::AddressGuard;
use countersign::dispatch::{
    Deadlines, Delivery, Dispatcher, DispatcherBuilder, Endpoint, Limits, TenantIdentity,
};
use countersign::egress::{Egress, NotResolved, Resolve, Resolving};
use countersign::observe::{Event, Observer};
use countersign::payload::{HmacSigner, Scheme};
use countersign::tenant::TenantId;
use countersign::testing::{TestCa, TestCert};
use countersign::tls::{ClientAuth, Credentials, Tls};
use countersign::trust::{PrivateCa, VerifyPeer};
use rustls::ServerConfig;
use rustls::pki_types::UnixTime;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

pub(crate) use crate::keys::keys;

pub(crate) const HOST: &str = "hooks.acme.example";
pub(crate) const BODY: &str = r#"{"paid": 42}"#;

pub(crate) struct World {
    pub(crate) tls: Tls,
    /// Issues what the tenants show.
    pub(crate) clients: TestCa,
    /// Issues what the consumers' servers show.
    pub(crate) servers: TestCa,
    pub(crate) server: TestCert,
    pub(crate) acme: TestCert,
    pub(crate) globex: TestCert,
}

pub(crate) fn world() -> &'static World {
    static WORLD: LazyLock<World> = LazyLock::new(|| {
        let (clients, servers) = (TestCa::new("Tenants Root"), TestCa::new("Servers Root"));
        let client = |tenant: &str| clients.client(&uri(tenant)).issue();
        World {
            tls: Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider())).allow_tls12(),
            server: servers.server(HOST).dns("hooks.globex.example").issue(),
            acme: client("acme"),
            globex: client("globex"),
            clients,
            servers,
        }
    });
    &WORLD
}

pub(crate) fn uri(tenant: &str) -> String {
    format!("spiffe://acme.example/tenant/{tenant}")
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).expect("a tenant's name")
}

pub(crate) fn signer(tenant: &str) -> HmacSigner {
    HmacSigner::new(Scheme::standard_webhooks(), keys(&[tenant]))
}

/// Sends for both tenants, to receivers on this port.
pub(crate) fn of_both_tenants(port: u16) -> Dispatcher {
    let dispatcher = builder(&[port]).build();
    for (name, certificate) in [("acme", &world().acme), ("globex", &world().globex)] {
        let sender = world().sender(certificate, name);
        dispatcher.set_identity(tenant(name), sender).expect("TLS");
    }
    dispatcher
}

/// Of a server that asks for no client certificate.
pub(crate) fn unasking(version: &'static rustls::SupportedProtocolVersion) -> ServerConfig {
    ServerConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_no_client_auth()
        .with_single_cert(world().server.chain(), world().server.key())
        .expect("a pair")
}

impl World {
    pub(crate) fn trust(&self, ca: &TestCa) -> PrivateCa {
        PrivateCa::from_pem(ca.pem().as_bytes(), self.tls.algorithms(), UnixTime::now()).expect("an anchor")
    }

    pub(crate) fn credentials(&self, certificate: &TestCert) -> Credentials {
        Credentials::new(self.tls.provider(), certificate.chain(), certificate.key()).expect("a pair")
    }

    /// Shows this certificate, trusts the servers' authority, signs as this tenant.
    pub(crate) fn sender(&self, certificate: &TestCert, name: &str) -> TenantIdentity {
        self.sender_trusting(certificate, name, self.trust(&self.servers))
    }

    pub(crate) fn sender_trusting(
        &self,
        certificate: &TestCert,
        name: &str,
        trust: impl VerifyPeer + 'static,
    ) -> TenantIdentity {
        TenantIdentity::new(&self.tls, self.credentials(certificate), trust, signer(name)).expect("a sender")
    }

    pub(crate) fn server_config(&self, auth: ClientAuth) -> ServerConfig {
        self.server_config_showing(&self.server, auth)
    }

    pub(crate) fn server_config_showing(&self, certificate: &TestCert, auth: ClientAuth) -> ServerConfig {
        let credentials = self.credentials(&self.server);
        let config = self
            .tls
            .server_config(&credentials, self.trust(&self.clients), auth);
        let mut config = config.expect("a configuration");
        // Not by way of `Credentials`: a configuration is made of good ones only.
        let certified = CertifiedKey::from_der(certificate.chain(), certificate.key(), self.tls.provider());
        config.cert_resolver = Arc::new(SingleCertAndKey::from(certified.expect("a pair")));
        config
    }
}

/// Tells what stands in it; everything else is this machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Book(Arc<Mutex<HashMap<String, Vec<Resolved>>>>);

type Resolved = Result<Vec<IpAddr>, NotResolved>;

impl Book {
    /// The first answer comes first; the last one stays.
    pub(crate) fn answers(self, host: &str, answers: &[&[&str]]) -> Self {
        let parse = |answer: &&[&str]| Ok(answer.iter().map(|ip| ip.parse().expect("an address")).collect());
        let answers = answers.iter().rev().map(parse).collect();
        self.0.lock().expect("no panic").insert(host.to_owned(), answers);
        self
    }

    pub(crate) fn fails(self, host: &str) -> Self {
        let answers = vec![Err(NotResolved::new("no such name"))];
        self.0.lock().expect("no panic").insert(host.to_owned(), answers);
        self
    }
}

impl Resolve for Book {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        let mut book = self.0.lock().expect("no panic");
        let answer = match book.get_mut(host) {
            None => Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]),
            Some(answers) if answers.len() > 1 => answers.pop().expect("more than one"),
            Some(answers) => answers[0].clone(),
        };
        Box::pin(async { answer })
    }
}

pub(crate) fn loopback() -> AddressGuard {
    AddressGuard::new().allow_network("127.0.0.0/8".parse().expect("a network"))
}

/// All names lead to this machine, and every port is delivered to.
pub(crate) fn builder(ports: &[u16]) -> DispatcherBuilder {
    builder_with(Book::default(), ports)
}

pub(crate) fn builder_with(book: Book, ports: &[u16]) -> DispatcherBuilder {
    let egress = Egress::new().with_guard(loopback()).with_resolver(book);
    Dispatcher::builder()
        .with_egress(egress)
        .with_ports(ports.iter().copied())
        .with_deadlines(deadlines())
}

/// Long enough for a slow machine, short enough for a test.
pub(crate) fn deadlines() -> Deadlines {
    Deadlines::default()
        .with_answer(Duration::from_secs(5))
        .with_body(Duration::from_millis(500))
        .with_whole(Duration::from_secs(10))
}

pub(crate) fn limits(set: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    set(&mut limits);
    limits
}

pub(crate) fn endpoint(owner: &str, url: &str) -> Endpoint {
    Endpoint::parse(tenant(owner), url).expect("an endpoint")
}

pub(crate) fn delivery(owner: &str, id: &str) -> Delivery {
    Delivery::new(tenant(owner), id, BODY)
}

/// All events, one line each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("no panic"))
    }
}

impl Observer for Log {
    fn observe(&self, event: &Event<'_>) {
        let line = match event {
            Event::Delivering { id, stage, .. } => format!("{id}: {stage:?}"),
            Event::Delivered { tenant, host, id } => format!("{id}: delivered to {host} for {tenant}"),
            Event::NotDelivered { id, code, fault, .. } => format!("{id}: {code}, {fault}"),
            Event::Reported {
                tenant, untrusted, ..
            } => format!("reported: {tenant} {}", untrusted.code()),
            Event::CircuitChanged { tenant, from, to, .. } => format!("circuit of {tenant}: {from} -> {to}"),
            other => format!("{other:?}"),
        };
        self.0.lock().expect("no panic").push(line);
    }
}

//! Receivers on loopback that behave and misbehave, and what is expected to come of each.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign::address::AddressGuard;
use countersign::dispatch::{Deadlines, Delivery, Dispatcher, Endpoint, EndpointOwners, TenantIdentity};
use countersign::egress::{Egress, Resolve, Resolving};
use countersign::identity::SpkiHash;
use countersign::payload::{HmacSigner, Keyring, Scheme, Secret};
use countersign::tenant::TenantId;
use countersign::testing::{TestCa, TestCert};
use countersign::tls::{ClientAuth, Credentials, Tls};
use countersign::trust::{PinSet, PrivateCa, VerifyPeer as _};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::pki_types::UnixTime;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::table::{self, Row};
use crate::{Job, Mistake, deliver, once, say};

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Tenant, host, what its server does, and what is to come of it.
const CAST: &[(&str, &str, Server, &str)] = &[
    (
        "acme",
        "hooks.acme.example",
        Server::Answers(204, &[]),
        "delivered",
    ),
    ("acme", "h2.acme.example", Server::Answers(200, &[]), "delivered"),
    (
        "acme",
        "busy.acme.example",
        Server::Answers(503, &[("retry-after", "300")]),
        "dispatch.status",
    ),
    (
        "acme",
        "closed.acme.example",
        Server::Answers(410, &[]),
        "dispatch.gone",
    ),
    (
        "acme",
        "moved.acme.example",
        Server::Answers(302, &[("location", "http://127.0.0.1/")]),
        "dispatch.redirected",
    ),
    (
        "acme",
        "slow.acme.example",
        Server::Hangs,
        "dispatch.answer_timed_out",
    ),
    (
        "acme",
        "rekeyed.acme.example",
        Server::HasAnotherKey,
        "trust.not_pinned",
    ),
    (
        "acme",
        "inside.acme.example",
        Server::IsInside,
        "dispatch.private_address",
    ),
    (
        "globex",
        "hooks.globex.example",
        Server::Answers(204, &[]),
        "delivered",
    ),
    // Globex's certificate is from an authority that this consumer does not know.
    (
        "globex",
        "strict.globex.example",
        Server::KnowsAcmeOnly,
        "dispatch.identity_refused",
    ),
    // Acme's endpoint, claimed by Acme: Globex asks for a test delivery there.
    (
        "globex",
        "hooks.acme.example",
        Server::IsAcmes,
        "dispatch.not_their_endpoint",
    ),
    (
        "initech",
        "hooks.initech.example",
        Server::Answers(204, &[]),
        "dispatch.no_identity",
    ),
];

#[derive(Clone, Copy)]
enum Server {
    Answers(u16, &'static [(&'static str, &'static str)]),
    Hangs,
    HasAnotherKey,
    KnowsAcmeOnly,
    IsInside,
    IsAcmes,
}

/// Whether all came as expected.
pub(crate) async fn run() -> Result<bool, Mistake> {
    let (rows, expected) = play().await.map_err(|error| format!("--demo: {error}"))?;
    say(table::print(&rows).trim_end());
    let unexpected: Vec<_> = rows
        .iter()
        .zip(expected)
        .filter(|(row, code)| row.outcome.code() != *code)
        .collect();
    for (row, code) in &unexpected {
        say(&format!("unexpected: {}, and not {code}", row.outcome.code()));
    }
    say(&format!(
        "dispatcher: {} of {} outcomes as expected",
        rows.len() - unexpected.len(),
        rows.len()
    ));
    Ok(unexpected.is_empty())
}

/// Everybody's authorities and certificates.
struct World {
    tls: Tls,
    servers: TestCa,
    acmes: TestCa,
    globexs: TestCa,
}

async fn play() -> Result<(Vec<Row>, Vec<&'static str>), AnyError> {
    let world = World {
        tls: Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider())),
        servers: TestCa::new("Servers Root"),
        acmes: TestCa::new("Acme Root"),
        globexs: TestCa::new("Globex Root"),
    };
    let certificate = world.certificate();
    let owners = EndpointOwners::per_host();
    let (mut jobs, mut ports, mut expected, mut acmes_port) = (Vec::new(), vec![443], Vec::new(), 443);
    for (tenant, host, server, code) in CAST {
        let port = match server {
            Server::IsInside => 443,
            Server::IsAcmes => acmes_port,
            other => world.start(*other, host, &certificate).await?,
        };
        if *host == "hooks.acme.example" {
            acmes_port = port;
        }
        let endpoint = Endpoint::parse(TenantId::parse(tenant)?, &format!("https://{host}:{port}/paid"))?;
        // Who has proved to control it, before.
        if !matches!(server, Server::IsAcmes) {
            owners.claim(&endpoint)?;
        }
        let id = format!("msg_{}", jobs.len());
        let delivery = Delivery::new(endpoint.tenant().clone(), id, r#"{"paid": 42}"#);
        jobs.push(Job { endpoint, delivery });
        ports.push(port);
        expected.push(*code);
    }
    let dispatcher = world.dispatcher(owners, ports, &certificate)?;
    Ok((deliver(&dispatcher, jobs, once()).await, expected))
}

impl World {
    fn certificate(&self) -> TestCert {
        let server = self.servers.server("hooks.acme.example");
        let server = CAST
            .iter()
            .fold(server, |server, (_, host, _, _)| server.dns(host));
        server.issue()
    }

    fn trust(&self, ca: &TestCa) -> Result<PrivateCa, AnyError> {
        Ok(PrivateCa::from_pem(
            ca.pem().as_bytes(),
            self.tls.algorithms(),
            UnixTime::now(),
        )?)
    }

    fn credentials(&self, certificate: &TestCert) -> Result<Credentials, AnyError> {
        Ok(Credentials::new(
            self.tls.provider(),
            certificate.chain(),
            certificate.key(),
        )?)
    }

    /// Acme and Globex have identities, and what they are trusted to talk to; Initech has none yet.
    fn dispatcher(
        &self,
        owners: EndpointOwners,
        ports: Vec<u16>,
        server: &TestCert,
    ) -> Result<Dispatcher, AnyError> {
        let deadlines = Deadlines::default().with_answer(Duration::from_secs(1));
        // The receivers are on this machine; anything else that is not public stays forbidden.
        let guard = AddressGuard::new().allow_network("127.0.0.1".parse()?);
        let dispatcher = Dispatcher::builder()
            .with_egress(Egress::new().with_guard(guard).with_resolver(Names))
            .with_owners(owners)
            .with_ports(ports)
            .with_deadlines(deadlines)
            .build();
        let in_use = SpkiHash::of(&server.spki_der());
        let next = SpkiHash::of(b"the key that the servers will have next");
        for (name, ca) in [("acme", &self.acmes), ("globex", &self.globexs)] {
            let own = ca.client(&format!("spiffe://acme.example/tenant/{name}")).issue();
            let trust = self.trust(&self.servers)?.and(PinSet::new([in_use, next]));
            let sender = TenantIdentity::new(&self.tls, self.credentials(&own)?, trust, signer(name)?)?;
            dispatcher.set_identity(TenantId::parse(name)?, sender)?;
        }
        Ok(dispatcher)
    }

    /// A receiver, and the port it listens at.
    async fn start(&self, server: Server, host: &str, certificate: &TestCert) -> Result<u16, AnyError> {
        let credentials = match server {
            Server::HasAnotherKey => self.credentials(&self.servers.server(host).issue())?,
            _ => self.credentials(certificate)?,
        };
        let clients = PrivateCa::builder(self.tls.algorithms()).pem(self.acmes.pem().as_bytes());
        let clients = match server {
            Server::KnowsAcmeOnly => clients,
            _ => clients.pem(self.globexs.pem().as_bytes()),
        };
        let clients = clients.build(UnixTime::now())?;
        let mut config = self
            .tls
            .server_config(&credentials, clients, ClientAuth::Require)?;
        if host.starts_with("h2.") {
            config.alpn_protocols = vec![b"h2".to_vec()];
        }
        let tcp = TcpListener::bind("127.0.0.1:0").await?;
        let port = tcp.local_addr()?.port();
        tokio::spawn(serve(tcp, TlsAcceptor::from(Arc::new(config)), server));
        Ok(port)
    }
}

fn signer(tenant: &str) -> Result<HmacSigner, AnyError> {
    let scheme = Scheme::standard_webhooks();
    // Throw-away: 32 bytes that nobody else has, in the form of a secret.
    let random = countersign::testing::TestKey::generate(countersign::testing::KeyAlgorithm::Ed25519);
    let secret = SpkiHash::of(random.pem().as_bytes()).to_string();
    let keys = Keyring::builder(&scheme).key(
        TenantId::parse(tenant)?,
        "demo",
        Secret::new(&secret.replace("sha256/", "whsec_")),
    );
    Ok(HmacSigner::new(scheme, keys.build()?))
}

async fn serve(tcp: TcpListener, acceptor: TlsAcceptor, server: Server) {
    while let Ok((io, _)) = tcp.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(tls) = acceptor.accept(io).await else {
                return;
            };
            let service = service_fn(move |request| answer(request, server));
            let http = auto::Builder::new(TokioExecutor::new());
            let _ = http.serve_connection(TokioIo::new(tls), service).await;
        });
    }
}

async fn answer(_: Request<Incoming>, server: Server) -> http::Result<Response<Full<Bytes>>> {
    let (status, fields) = match server {
        Server::Answers(status, fields) => (status, fields),
        Server::Hangs => std::future::pending().await,
        _ => (204, &[][..]),
    };
    let response = Response::builder().status(status);
    let with =
        |response: http::response::Builder, (name, value): &(&str, &str)| response.header(*name, *value);
    fields.iter().fold(response, with).body(Full::default())
}

/// All names lead to this machine, but one, which leads into somebody's network.
#[derive(Debug)]
struct Names;

impl Resolve for Names {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        let inside = host.starts_with("inside.");
        let address: IpAddr = if inside {
            [169, 254, 169, 254]
        } else {
            [127, 0, 0, 1]
        }
        .into();
        Box::pin(async move { Ok(vec![address]) })
    }
}

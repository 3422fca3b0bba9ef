//! Connections over loopback, one signed request each, beside nginx with `ssl_verify_client on` and rustls's own verifier: the CPU
//! seconds of the server for 1,000 connections. Every handshake is a full one, of TLS 1.3.
//!
//! "ours" and "rustls" are the same server, on one thread of tokio, with another verifier; "front_door" is our server with its
//! bounds, the policy, and the layers that ask who is calling, whether the body is signed, and whether it was here before. nginx is
//! one process; it is left out where it is not installed, and its time is told by the system in hundredths of a second. The others
//! only ask for a certificate: the signature of a body is none of their business.

mod nginx;
mod tokio_servers;

use std::cell::Cell;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use countersign::payload::{HmacSigner, Keyring, Outgoing, Scheme, Secret, SignPayload as _};
use countersign::tenant::TenantId;
use countersign::testing::{KeyAlgorithm, TestCa};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection};

use self::nginx::Nginx;
use self::tokio_servers::OnThread;
use crate::handshake::{CLIENTS, HOST, Policies, Stage};
use crate::measure::median;
use crate::pki::{Pki, read};
use crate::report::Report;

const CONNECTIONS: usize = 1_000;
const REVOKED: usize = 100_000;
const ROUNDS: usize = 3;
const BODY: [u8; 256] = [b'x'; 256];

pub(crate) fn run(report: &mut Report) {
    let p256 = KeyAlgorithm::EcdsaP256;
    let pki = Pki::new("", p256, p256, 1);
    let street = Street::new(&pki);
    street.measure(report, &pki, "", 0);
    street.measure(report, &pki, "_crl", report.size(REVOKED, 1_000));
}

trait Server {
    fn address(&self) -> SocketAddr;
    /// CPU time so far.
    fn used(&self) -> Duration;
}

/// The clients, and what the servers know of them.
struct Street {
    stage: Stage,
    clients: Vec<Arc<ClientConfig>>,
    keys: Keyring,
    signers: HmacSigner,
    sent: Cell<usize>,
}

impl Street {
    fn new(pki: &Pki) -> Self {
        let stage = Stage::new(&TestCa::new("Hosts Root"), pki);
        let scheme = Scheme::standard_webhooks();
        let keys = (0..CLIENTS).fold(Keyring::builder(&scheme), |keys, client| {
            let secret = Secret::new("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
            keys.key(tenant(client), "2026", secret)
        });
        let keys = keys.build().expect("keys");
        Self {
            clients: stage.client_configs(),
            stage,
            signers: HmacSigner::new(scheme, keys.clone()),
            keys,
            sent: Cell::new(0),
        }
    }

    fn servers(&self, pki: &Pki, revoked: usize) -> Vec<(&'static str, Box<dyn Server>)> {
        let crls = if revoked == 0 {
            Vec::new()
        } else {
            pki.crls(revoked)
        };
        let lists = (!crls.is_empty()).then(|| read(&crls));
        let policies = Policies::new(pki, lists.as_ref());
        let policy = policies.policy();
        let front_door = OnThread::front_door(self.stage.ours(policy.trust()), policy, self.keys.clone());
        let mut servers: Vec<(&'static str, Box<dyn Server>)> = vec![
            (
                "ours",
                Box::new(OnThread::hyper(self.stage.ours(policies.known()))),
            ),
            ("front_door", Box::new(front_door)),
            (
                "rustls",
                Box::new(OnThread::hyper(self.stage.rustls(pki.webpki(&crls)))),
            ),
        ];
        match Nginx::start(&self.stage, pki, &crls) {
            Some(nginx) => servers.push(("nginx", Box::new(nginx))),
            None => println!("  nginx is not installed"),
        }
        servers
    }

    fn measure(&self, report: &mut Report, pki: &Pki, kind: &str, revoked: usize) {
        let servers = self.servers(pki, revoked);
        let (connections, rounds) = (report.size(CONNECTIONS, 32), report.size(ROUNDS, 1));
        let mut taken = vec![Vec::new(); servers.len()];
        // Each client was here once.
        for (_, server) in &servers {
            self.connect_all(server.address(), self.clients.len());
        }
        for _ in 0..rounds {
            for ((_, server), taken) in servers.iter().zip(&mut taken) {
                let before = server.used();
                self.connect_all(server.address(), connections);
                taken.push((server.used() - before).as_secs_f64() * 1_000.0 / connections as f64);
            }
        }
        let names = servers.iter().map(|(name, _)| *name);
        let found: Vec<_> = names.zip(taken.into_iter().map(median)).collect();
        judge(report, kind, &found);
    }

    fn connect_all(&self, address: SocketAddr, connections: usize) {
        for client in (0..self.clients.len()).cycle().take(connections) {
            self.request(client, address);
        }
    }

    /// One connection, one request, and its end.
    fn request(&self, client: usize, address: SocketAddr) {
        let name = ServerName::try_from(HOST).expect("a name");
        let config = Arc::clone(&self.clients[client]);
        let tcp = TcpStream::connect(address).expect("a connection");
        tcp.set_nodelay(true).expect("a socket");
        let mut tls = rustls::StreamOwned::new(ClientConnection::new(config, name).expect("a client"), tcp);
        tls.write_all(&self.signed(client)).expect("written");
        let mut answer = Vec::new();
        match tls.read_to_end(&mut answer) {
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => panic!("{error}"),
            _ => {}
        }
        let text = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(b"HTTP/1.1 204"), "{text}");
    }

    /// The next delivery of this client's.
    fn signed(&self, client: usize) -> Vec<u8> {
        let number = self.sent.replace(self.sent.get() + 1);
        let (tenant, id) = (tenant(client), format!("msg_{number}"));
        let outgoing = Outgoing::new(&tenant, &id, &BODY, UnixTime::now());
        let mut head =
            format!("POST / HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\ncontent-length: 256\r\n");
        for (name, value) in &self.signers.sign_payload(&outgoing).expect("signed") {
            head.extend([name.as_str(), ": ", value.to_str().expect("text"), "\r\n"]);
        }
        [head.as_bytes(), b"\r\n", &BODY].concat()
    }
}

fn tenant(client: usize) -> TenantId {
    TenantId::parse(&format!("t{client:07}")).expect("a tenant")
}

fn judge(report: &mut Report, kind: &str, found: &[(&str, f64)]) {
    for (name, seconds) in found {
        report.amount(&format!("{name}{kind}"), "s", *seconds);
    }
    for (ours, name) in [("ours", "per_1000"), ("front_door", "front_door_per_1000")] {
        let (_, seconds) = found
            .iter()
            .find(|(name, _)| *name == ours)
            .expect("it has served");
        for (other, theirs) in found
            .iter()
            .filter(|(name, _)| ["rustls", "nginx"].contains(name))
        {
            report.compare(&format!("{name}{kind}"), "s", *seconds, (other, *theirs), 1.0);
        }
    }
}

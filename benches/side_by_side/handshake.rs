//! The server's CPU time of a whole handshake of mutual TLS 1.3, in memory: the client's work is not counted.
//!
//! "rustls" is a server with `WebPkiClientVerifier`; "least" the same server with a verifier that only knows chains again
//! ([`LeastMemory`]); "known" and "first" are ours with a whole policy around them. Clients take turns, so that no chain is
//! the last one seen; for "first" the memory is too small to know any of them again.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use countersign::gate::Policy;
use countersign::identity::SpkiHash;
use countersign::tenant::TenantTable;
use countersign::testing::{NOW, TestCa, TestCert};
use countersign::tls::{ClientAuth, Credentials, Tls, allow_resumption, disable_resumption};
use countersign::trust::{Crls, Remembered, VerifyPeer};
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, ServerConfig, ServerConnection};

use crate::measure::{Group, now};
use crate::pki::{LeastMemory, Pki, provider, read};
use crate::report::Report;

pub(crate) const HOST: &str = "hooks.example";
/// Clients that take turns.
pub(crate) const CLIENTS: usize = 16;
const REVOKED: usize = 100_000;

pub(crate) fn run(report: &mut Report) {
    let hosts = TestCa::new("Hosts Root");
    for pki in Pki::all() {
        let stage = Stage::new(&hosts, &pki);
        stage.full(report, &pki);
        if pki.name == "p256_int" {
            stage.below_a_long_list(report, &pki);
            stage.resumed(report, &pki);
        }
    }
}

#[derive(Debug)]
struct Stopped;

impl TimeProvider for Stopped {
    fn current_time(&self) -> Option<UnixTime> {
        Some(NOW)
    }
}

pub(crate) struct Stage {
    tls: Tls,
    pub(crate) own: TestCert,
    hosts: TestCa,
    clients: Vec<TestCert>,
}

impl Stage {
    pub(crate) fn new(hosts: &TestCa, pki: &Pki) -> Self {
        Self {
            tls: Tls::new(Arc::new(provider())).with_time_provider(Arc::new(Stopped)),
            own: hosts.server(HOST).issue(),
            hosts: hosts.clone(),
            clients: (0..CLIENTS).map(|tenant| pki.client(tenant)).collect(),
        }
    }

    fn full(&self, report: &mut Report, pki: &Pki) {
        let [rustls, least] = [self.rustls(pki.webpki(&[])), self.least()];
        let [known, first] = [Policies::new(pki, None).known(), Policies::new(pki, None).first()];
        let [known, first] = [self.ours(known), self.ours(first)];
        let group = Group::default()
            .case_in_part("rustls", self.shaking(&rustls))
            .case_in_part("least", self.shaking(&least))
            .case_in_part("known", self.shaking(&known))
            .case_in_part("first", self.shaking(&first));
        let measured = report.group(pki.name, group);
        report.at_most(pki.name, &measured, "known", 1.02, "least");
        report.at_most(pki.name, &measured, "first", 1.02, "rustls");
    }

    fn below_a_long_list(&self, report: &mut Report, pki: &Pki) {
        let crls = pki.crls(report.size(REVOKED, 1_000));
        let lists = read(&crls);
        let rustls = self.rustls(pki.webpki(&crls));
        let [without, least] = [self.rustls(pki.webpki(&[])), self.least()];
        let policies = || Policies::new(pki, Some(&lists));
        let [known, first] = [self.ours(policies().known()), self.ours(policies().first())];
        let group = Group::default()
            .case_in_part("rustls", self.shaking(&without))
            .case_in_part("rustls_crl", self.shaking(&rustls))
            .case_in_part("least", self.shaking(&least))
            .case_in_part("known_crl", self.shaking(&known))
            .case_in_part("first_crl", self.shaking(&first));
        let name = format!("{}_crl", pki.name);
        let measured = report.group(&name, group);
        report.at_most(&name, &measured, "known_crl", 1.02, "least");
        report.at_most(&name, &measured, "first_crl", 1.02, "rustls");
    }

    /// Sessions that are taken up again: rustls's own store beside ours, which is bound to the policy.
    fn resumed(&self, report: &mut Report, pki: &Pki) {
        let mut rustls = ServerConfig::clone(&self.rustls(pki.webpki(&[])));
        rustls.session_storage = rustls::server::ServerSessionMemoryCache::new(4096);
        rustls.send_tls13_tickets = 2;
        let policy = Policies::new(pki, None).policy();
        let mut ours = ServerConfig::clone(&self.ours(policy.trust()));
        allow_resumption(&mut ours, &policy);
        let group = Group::default()
            .case_in_part("rustls", self.resuming(rustls))
            .case_in_part("ours", self.resuming(ours));
        let measured = report.group("resumed", group);
        report.at_most("resumed", &measured, "ours", 1.03, "rustls");
    }

    pub(crate) fn rustls(&self, verifier: Arc<dyn ClientCertVerifier>) -> Arc<ServerConfig> {
        let config = ServerConfig::builder_with_details(Arc::new(provider()), Arc::new(Stopped))
            .with_protocol_versions(&[&TLS13])
            .expect("TLS 1.3")
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.own.chain(), self.own.key());
        let mut config = config.expect("a certificate");
        disable_resumption(&mut config);
        Arc::new(config)
    }

    fn least(&self) -> Arc<ServerConfig> {
        let chains: Vec<_> = self.clients.iter().map(TestCert::chain).collect();
        self.rustls(Arc::new(LeastMemory::of(chains.iter().map(Vec::as_slice))))
    }

    pub(crate) fn ours(&self, trust: Arc<dyn VerifyPeer>) -> Arc<ServerConfig> {
        let own = Credentials::new(self.tls.provider(), self.own.chain(), self.own.key()).expect("a pair");
        let config = self.tls.server_config(&own, trust, ClientAuth::Require);
        Arc::new(config.expect("a configuration"))
    }

    pub(crate) fn known_chain(&self) -> Vec<CertificateDer<'static>> {
        self.clients.first().expect("a client").chain()
    }

    pub(crate) fn client_keys(&self) -> impl Iterator<Item = SpkiHash> {
        let keys = self.clients.iter().map(TestCert::spki_der);
        keys.map(|key| SpkiHash::of(&key))
    }

    /// Clients that never resume.
    pub(crate) fn client_configs(&self) -> Vec<Arc<ClientConfig>> {
        let config = |client: &TestCert| self.client_config(client.chain(), client);
        self.clients.iter().map(config).collect()
    }

    /// A client that shows these certificates, and signs with that key, whether it fits or not.
    pub(crate) fn client_config(
        &self,
        chain: Vec<CertificateDer<'static>>,
        signer: &TestCert,
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.hosts.certificate().clone()).expect("an anchor");
        let key = self.tls.provider().key_provider.load_private_key(signer.key());
        let shown = CertifiedKey::new(chain, key.expect("a key"));
        let mut config = ClientConfig::builder_with_details(Arc::new(provider()), Arc::new(Stopped))
            .with_protocol_versions(&[&TLS13])
            .expect("TLS 1.3")
            .with_root_certificates(roots)
            .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
        config.resumption = Resumption::disabled();
        Arc::new(config)
    }

    pub(crate) fn shaking(&self, server: &Arc<ServerConfig>) -> impl FnMut() -> Duration + use<> {
        let (server, clients) = (Arc::clone(server), self.client_configs());
        let turn = Cell::new(0);
        let shake = move || {
            let client = &clients[turn.replace(turn.get() + 1) % clients.len()];
            serve(&server, client, HandshakeKind::Full)
        };
        // Each client was here once.
        (0..CLIENTS).for_each(|_| {
            shake();
        });
        shake
    }

    fn resuming(&self, server: ServerConfig) -> impl FnMut() -> Duration + use<> {
        let mut client = ClientConfig::clone(self.client_configs().first().expect("a client"));
        client.resumption = Resumption::in_memory_sessions(8);
        let (server, client) = (Arc::new(server), Arc::new(client));
        serve(&server, &client, HandshakeKind::Full);
        move || serve(&server, &client, HandshakeKind::Resumed)
    }
}

/// Our policies about one kind of client.
pub(crate) struct Policies<'a> {
    pki: &'a Pki,
    crls: Option<&'a Crls>,
}

impl<'a> Policies<'a> {
    pub(crate) fn new(pki: &'a Pki, crls: Option<&'a Crls>) -> Self {
        Self { pki, crls }
    }

    pub(crate) fn known(&self) -> Arc<dyn VerifyPeer> {
        self.policy().trust()
    }

    fn first(&self) -> Arc<dyn VerifyPeer> {
        Arc::new(Remembered::with_capacity(self.pki.trust(self.crls), CLIENTS / 4))
    }

    pub(crate) fn policy(&self) -> Policy {
        let tenants = TenantTable::builder().uri("spiffe://acme.example/tenant/{tenant}");
        let tenants = tenants.known((0..CLIENTS).map(|tenant| format!("t{tenant:07}")));
        Policy::new(self.pki.trust(self.crls), tenants.build().expect("a table"))
    }
}

/// One handshake, until the server has sent its tickets, and what it has cost the server.
fn serve(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>, kind: HandshakeKind) -> Duration {
    let (taken, ended) = exchange(server, client);
    assert_eq!(ended.expect("trusted"), Some(kind));
    taken
}

/// One handshake that the server ends, and what it has cost the server until its alert is written.
pub(crate) fn refuse(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>) -> Duration {
    let (taken, ended) = exchange(server, client);
    assert!(ended.is_err(), "a stranger");
    taken
}

/// One handshake as far as it goes: what it has cost the server, and how it ended there.
fn exchange(
    server: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
) -> (Duration, Result<Option<HandshakeKind>, rustls::Error>) {
    let name = ServerName::try_from(HOST).expect("a name");
    let mut client = ClientConnection::new(Arc::clone(client), name).expect("a client");
    let began = now();
    let mut server = ServerConnection::new(Arc::clone(server)).expect("a server");
    let mut taken = now() - began;
    let (mut asked, mut answered, mut ended) = (Vec::new(), Vec::new(), Ok(()));
    while ended.is_ok() {
        asked.clear();
        answered.clear();
        while client.wants_write() {
            client.write_tls(&mut asked).expect("room");
        }
        if asked.is_empty() {
            break;
        }
        let began = now();
        ended = answer(&mut server, &asked, &mut answered);
        taken += now() - began;
        let mut flight = &answered[..];
        while ended.is_ok() && !flight.is_empty() {
            client.read_tls(&mut flight).expect("bytes");
            client.process_new_packets().expect("trusted");
        }
    }
    let kind = server.handshake_kind();
    let began = now();
    drop(server);
    (taken + (now() - began), ended.map(|()| kind))
}

/// What a server makes of one flight, and all that it writes then.
fn answer(
    server: &mut ServerConnection,
    mut flight: &[u8],
    answered: &mut Vec<u8>,
) -> Result<(), rustls::Error> {
    let mut ended = Ok(());
    while ended.is_ok() && !flight.is_empty() {
        server.read_tls(&mut flight).expect("bytes");
        ended = server.process_new_packets().map(drop);
    }
    while server.wants_write() {
        server.write_tls(answered).expect("room");
    }
    ended
}

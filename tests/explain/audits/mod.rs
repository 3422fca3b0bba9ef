//! `explain::audit`: each concern about a set-up, and that its remedy takes it away; and none about a good one.

mod clients;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use countersign::explain::{self, Audit, Setup};
use countersign::forwarded::{Format, Forwarder, Hops};
use countersign::gate::Policy;
use countersign::identity::{SpkiHash, Validity};
use countersign::payload::{Keyring, Scheme, Secret};
use countersign::replay::{Terms, Tolerance};
use countersign::tenant::{TenantId, TenantTable};
use countersign::testing::{NOW, TestCa, TestCert};
use countersign::tls::{self, ClientAuth, Credentials, Tls, rustls};
use countersign::trust::{Crls, Pin, PinSet, PrivateCa, Revocation, VerifyPeer as _};
use rustls::crypto::aws_lc_rs::{self, default_provider};
use rustls::pki_types::ServerName;
use rustls::server::{ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::{DistinguishedName, KeyLogFile, RootCertStore, ServerConfig};

const ACME: &str = "spiffe://pay.example/tenant/acme";
const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// Short, and of no word that an audit says.
const WEAK: &str = "swordfish";

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).expect("a name")
}

fn days(from_now: i64) -> countersign::UnixTime {
    let seconds = NOW.as_secs().saturating_add_signed(from_now * 86_400);
    countersign::UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// Everything that a set-up is made of.
struct Parts {
    root: TestCa,
    tls: Tls,
    trust: PrivateCa,
    own: Credentials,
    server: TestCert,
    config: ServerConfig,
    policy: Policy,
    pins: PinSet,
    keys: Keyring,
    tenants: Vec<TenantId>,
    tolerance: Tolerance,
    terms: Terms,
    forwarder: Option<Forwarder>,
    name: &'static str,
}

fn pin(cert: &TestCert) -> Pin {
    Pin::leaf(SpkiHash::of(&cert.spki_der()))
}

fn table() -> TenantTable {
    let table = TenantTable::builder().uri("spiffe://pay.example/tenant/{tenant}");
    table.known(["acme", "globex"]).build().expect("a table")
}

fn ring(keys: &[(&str, &str, Validity)]) -> Keyring {
    let mut ring = Keyring::builder(&Scheme::standard_webhooks());
    for (owner, id, validity) in keys {
        ring = ring.key_valid(tenant(owner), *id, Secret::new(SECRET), *validity);
    }
    ring.build().expect("keys")
}

fn two() -> Keyring {
    ring(&[
        ("acme", "2026", Validity::ALWAYS),
        ("globex", "2026", Validity::ALWAYS),
    ])
}

fn trusting(root: &TestCa, tls: &Tls) -> PrivateCa {
    PrivateCa::from_pem(root.pem().as_bytes(), tls.algorithms(), NOW).expect("an authority")
}

impl Parts {
    /// As `examples/quickstart.rs` has them: TLS 1.3, a private authority, pins in advance, a key for each tenant.
    fn good() -> Self {
        let root = TestCa::new("Acme Root");
        let tls = Tls::new(Arc::new(default_provider()));
        let trust = trusting(&root, &tls);
        let server = root.server("hooks.example").issue();
        let own = Credentials::new(tls.provider(), server.chain(), server.key()).expect("a pair");
        let pins = PinSet::of([root.client(ACME).issue(), root.client(ACME).issue()].map(|cert| pin(&cert)));
        let policy = Policy::new(trust.clone().and(pins.clone()), table());
        let config = rustls_config(&tls, &server, ClientAuth::Require, policy.trust());
        Self {
            config,
            policy,
            pins,
            keys: two(),
            tenants: vec![tenant("acme"), tenant("globex")],
            tolerance: Tolerance::default(),
            terms: Terms::default(),
            forwarder: None,
            name: "hooks.example",
            root,
            tls,
            trust,
            own,
            server,
        }
    }

    fn audit(&self) -> Audit {
        let name = ServerName::try_from(self.name).expect("a name");
        let mut setup = Setup::new()
            .with_server(tls::try_server(&self.config, &name))
            .with_policy(&self.policy)
            .with_expiring(&self.own)
            .with_pins(&self.pins)
            .with_keys(&self.keys)
            .with_tenants(self.tenants.clone())
            .with_tolerance(self.tolerance)
            .with_terms(self.terms);
        if let Some(forwarder) = &self.forwarder {
            setup = setup.with_forwarder(forwarder);
        }
        explain::audit(&setup, NOW)
    }

    fn asks(&mut self, how: ClientAuth) {
        self.config = rustls_config(&self.tls, &self.server, how, self.policy.trust());
    }

    /// A configuration that somebody wrote for rustls by hand.
    fn by_hand(&mut self, verifier: Option<Arc<dyn rustls::server::danger::ClientCertVerifier>>) {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("TLS 1.3");
        let builder = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let made = builder.with_single_cert(self.server.chain(), self.server.key());
        self.config = made.expect("a configuration");
        tls::disable_resumption(&mut self.config);
    }

    fn forwards(&mut self, hops: Hops) {
        self.forwarder = Some(Forwarder::new(hops, Format::rfc_9440()).expect("a forwarder"));
    }

    fn lives(&mut self, from: i64, until: i64) {
        self.server = self
            .root
            .server("hooks.example")
            .validity(days(from), days(until))
            .issue();
        self.own =
            Credentials::new(self.tls.provider(), self.server.chain(), self.server.key()).expect("a pair");
    }

    fn revoking(&mut self, until: i64) {
        let list = self.root.crl(1).next_update(days(until)).issue().pem();
        let crls = Crls::from_pem(list.as_bytes(), NOW).expect("a list");
        let builder = PrivateCa::builder(self.tls.algorithms()).pem(self.root.pem().as_bytes());
        let trust = builder
            .with_revocation(Revocation::required(crls))
            .build(NOW)
            .expect("an authority");
        self.policy = Policy::new(trust.and(self.pins.clone()), table());
    }
}

fn rustls_config(
    tls: &Tls,
    server: &TestCert,
    how: ClientAuth,
    trust: Arc<dyn countersign::trust::VerifyPeer>,
) -> ServerConfig {
    let own = Credentials::new(tls.provider(), server.chain(), server.key()).expect("a pair");
    tls.server_config(&own, trust, how).expect("a configuration")
}

/// rustls's own verifier, with the authorities that it names to clients.
fn webpki(root: &TestCa, named: Option<&[u8]>) -> Arc<dyn rustls::server::danger::ClientCertVerifier> {
    let mut roots = RootCertStore::empty();
    roots.add(root.certificate().clone()).expect("a root");
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::new(default_provider()));
    if let Some(name) = named {
        builder = builder.add_root_hint_subjects([DistinguishedName::in_sequence(name)]);
    }
    builder.build().expect("a verifier")
}

#[test]
fn a_good_set_up_has_no_concern() {
    let audit = Parts::good().audit();
    assert!(audit.is_clean(), "{audit}");
    assert_eq!(audit.to_string(), "FINE: nothing to mend\n");
    assert!(explain::audit(&Setup::new(), NOW).is_clean(), "nothing was given");
}

/// A key that ends is no concern as long as another goes on: neither as what expires, nor as a gap.
#[test]
fn a_key_that_another_outlives_is_no_concern() {
    let mut parts = Parts::good();
    parts.keys = ring(&[
        ("acme", "long", Validity::new(days(-90), days(400))),
        ("acme", "short", Validity::new(days(-10), days(5))),
        ("globex", "2026", Validity::ALWAYS),
    ]);
    let audit = parts.audit();
    assert!(audit.is_clean(), "{audit}");
    let setup = Setup::new().with_keys(&parts.keys).with_expiring(&parts.keys);
    let audit = explain::audit(&setup, NOW);
    assert!(audit.is_clean(), "{audit}");
}

/// What is done wrong, its first concern, and the remedy.
type Row = (&'static str, &'static str, fn(&mut Parts), fn(&mut Parts));

#[rustfmt::skip]
fn of_tls() -> Vec<Row> {
    vec![
        ("offered", "audit.certificate_optional", |p| p.asks(ClientAuth::Offer), |p| p.asks(ClientAuth::Require)),
        ("not asked", "audit.certificate_not_asked", |p| p.by_hand(None), |p| p.asks(ClientAuth::Require)),
        ("public roots", "audit.public_authority",
            |p| { let public = webpki_root_certs::TLS_SERVER_ROOT_CERTS[0].clone(); let name = subject(&public); p.by_hand(Some(webpki(&p.root, Some(&name)))) },
            |p| p.by_hand(Some(webpki(&p.root, None)))),
        ("TLS 1.2", "audit.tls12", |p| { p.tls = p.tls.clone().allow_tls12(); p.asks(ClientAuth::Require) },
            |p| { p.tls = Tls::new(Arc::new(default_provider())); p.asks(ClientAuth::Require) }),
        ("stored sessions", "audit.resumption", |p| p.config.session_storage = ServerSessionMemoryCache::new(8), |p| tls::disable_resumption(&mut p.config)),
        ("tickets", "audit.resumption", |p| p.config.ticketer = aws_lc_rs::Ticketer::new().expect("a ticketer"),
            |p| { let policy = p.policy.clone(); tls::allow_resumption(&mut p.config, &policy) }),
        ("early data", "audit.early_data", |p| p.config.max_early_data_size = 1024, |p| tls::disable_resumption(&mut p.config)),
        ("half-RTT data", "audit.half_rtt_data", |p| p.config.send_half_rtt_data = true, |p| p.config.send_half_rtt_data = false),
        ("key log", "audit.key_log", |p| p.config.key_log = Arc::new(KeyLogFile::new()), |p| p.asks(ClientAuth::Require)),
        ("no certificate for the name", "audit.no_answer",
            |p| p.config.cert_resolver = Arc::new(rustls::server::ResolvesServerCertUsingSni::new()), |p| p.asks(ClientAuth::Require)),
    ]
}

#[rustfmt::skip]
fn of_time() -> Vec<Row> {
    vec![
        ("an expired certificate", "audit.expired", |p| p.lives(-90, -1), |p| p.lives(-1, 90)),
        ("one that expires", "audit.expires_soon", |p| p.lives(-85, 5), |p| p.lives(-1, 90)),
        ("a list that expires", "audit.expires_soon", |p| p.revoking(1), |p| p.revoking(3000)),
        ("one pin", "audit.no_pin_backup", |p| p.pins = PinSet::of([pin(&p.server)]),
            |p| p.pins = p.pins.stage([pin(&p.root.client(ACME).issue())])),
        ("pins of the past", "audit.no_pin", |p| p.pins = PinSet::of([pin(&p.server).labelled("globex").retiring(days(-1))]),
            |p| p.pins = PinSet::of([p.root.client(ACME).issue(), p.root.client(ACME).issue()].map(|cert| pin(&cert).labelled("globex")))),
        ("a key that ends", "audit.rotation_gap",
            |p| p.keys = ring(&[("acme", "old", Validity::new(days(-90), days(10))), ("globex", "2026", Validity::ALWAYS)]),
            |p| p.keys = p.keys.stage(&ring(&[("acme", "new", Validity::new(days(5), days(400)))])).expect("both")),
        ("a gap between keys", "audit.rotation_gap",
            |p| p.keys = ring(&[("acme", "old", Validity::new(days(-90), days(10))), ("acme", "new", Validity::new(days(11), days(400))), ("globex", "2026", Validity::ALWAYS)]),
            |p| p.keys = ring(&[("acme", "old", Validity::new(days(-90), days(12))), ("acme", "new", Validity::new(days(11), days(400))), ("globex", "2026", Validity::ALWAYS)])),
        ("keys of the past", "audit.no_key_in_force",
            |p| p.keys = ring(&[("acme", "old", Validity::new(days(-90), days(-10))), ("globex", "2026", Validity::ALWAYS)]),
            |p| p.keys = two()),
    ]
}

#[rustfmt::skip]
fn of_payloads_and_proxies() -> Vec<Row> {
    vec![
        ("a short secret", "audit.weak_secret",
            |p| {
                let ring = Keyring::builder(&Scheme::github()).allow_weak_secrets();
                let ring = ring.key(tenant("acme"), "2026", Secret::new(WEAK)).key(tenant("globex"), "2026", Secret::new("a secret of sixteen bytes"));
                p.keys = ring.build().expect("allowed");
            },
            |p| p.keys = two()),
        ("a tenant without a key", "audit.tenant_without_key", |p| p.tenants.push(tenant("initech")), |p| drop(p.tenants.pop())),
        ("a key without a tenant", "audit.key_without_tenant", |p| drop(p.tenants.pop()), |p| p.tenants.push(tenant("globex"))),
        ("a tolerance wide in the past", "audit.wide_tolerance", |p| p.tolerance.past = Duration::from_secs(86_400), |p| p.tolerance = Tolerance::default()),
        ("a tolerance wide in the future", "audit.wide_tolerance", |p| p.tolerance.future = Duration::from_secs(86_400), |p| p.tolerance = Tolerance::default()),
        ("a short memory", "audit.short_memory", |p| p.terms = Terms::default().with_window(Duration::from_secs(60)), |p| p.terms = Terms::default()),
        ("nobody forwards", "audit.no_hop", |p| p.forwards(Hops::nobody()), |p| p.forwards(Hops::nobody().with_unix_socket())),
        ("an address forwards", "audit.hop_by_address",
            |p| p.forwards(Hops::nobody().with_unauthenticated_addresses([IpAddr::V4(Ipv4Addr::LOCALHOST)])),
            |p| p.forwards(Hops::nobody().with_callers(edge(p), [tenant("edge")]))),
        ("a client forwards", "audit.hop_is_a_client",
            |p| p.forwards(Hops::nobody().with_callers(p.policy.clone(), [tenant("acme")])),
            |p| p.forwards(Hops::nobody().with_callers(edge(p), [tenant("edge")]))),
    ]
}

/// A policy of the proxies' own.
fn edge(parts: &Parts) -> Policy {
    Policy::new(parts.trust.clone(), table())
}

/// The name of a certificate's subject, without its outer SEQUENCE.
fn subject(der: &[u8]) -> Vec<u8> {
    use x509_parser::prelude::FromDer as _;
    let (_, cert) = x509_parser::certificate::X509Certificate::from_der(der).expect("a certificate");
    let raw = cert.subject().as_raw();
    let (_, any) = x509_parser::der_parser::asn1_rs::Any::from_der(raw).expect("a sequence");
    any.data.to_vec()
}

#[test]
fn each_concern_is_the_first_and_its_remedy_takes_it_away() {
    let rows: Vec<Row> = [of_tls(), of_time(), of_payloads_and_proxies()].concat();
    assert!(rows.len() > 20, "{}", rows.len());
    for (name, code, wrong, mend) in rows {
        let mut parts = Parts::good();
        wrong(&mut parts);
        let audit = parts.audit();
        let first = audit.concerns.first().map(|concern| concern.code);
        assert_eq!(first, Some(code), "{name}: {audit}");
        let shown = format!("{audit}{audit:?}");
        let leak = [&SECRET[6..14], WEAK]
            .into_iter()
            .find(|secret| shown.contains(secret));
        assert_eq!(leak, None, "{name}: {audit}");
        mend(&mut parts);
        let audit = parts.audit();
        assert!(audit.is_clean(), "{name}, mended: {audit}");
    }
}

/// What is asked of one name says nothing of another; the gravest comes first.
#[test]
fn the_gravest_comes_first() {
    let mut parts = Parts::good();
    parts.tls = parts.tls.clone().allow_tls12();
    parts.asks(ClientAuth::Offer);
    parts.config.max_early_data_size = 1;
    let codes: Vec<_> = parts
        .audit()
        .concerns
        .iter()
        .map(|concern| concern.code)
        .collect();
    assert_eq!(
        codes,
        ["audit.early_data", "audit.certificate_optional", "audit.tls12"]
    );
}

//! Who takes part, and the files that say so.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::identity::SpkiHash;
use countersign::payload::{HmacSigner, Keyring, Outgoing, Scheme, Secret, SignPayload as _};
use countersign::replay::Tolerance;
use countersign::tenant::TenantId;
use countersign::testing::{TestCa, TestCert};
use countersign::tls::{HandshakeVerifier, Tls};
use countersign::trust::PrivateCa;
use http::HeaderMap;
use rustls::ClientConfig;
use rustls::pki_types::UnixTime;

use crate::world::{Toggle, later};

pub(crate) const HOST: &str = "hooks.acme.example";
pub(crate) const TEMPLATE: &str = "spiffe://acme.example/tenant/{tenant}";
/// How far a signed time may be off.
pub(crate) const TOLERANCE: Duration = Duration::from_secs(30);
/// By which the clock is set ahead and back.
pub(crate) const STEP: i64 = 4 * 60 * 60;

/// Whoever is let in at first, with a key of its own.
const TENANTS: [&str; 8] = [
    "acme", "globex", "initech", "hooli", "umbrella", "stark", "wayne", "short",
];

pub(crate) fn tls() -> Tls {
    Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

pub(crate) fn scheme() -> Scheme {
    Scheme::standard_webhooks().with_tolerance(Tolerance::within(TOLERANCE))
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).expect("a tenant's name")
}

/// A folder of files, and the clients that they let in or not.
pub(crate) struct Stage {
    pub(crate) folder: PathBuf,
    ca: TestCa,
    passing: TestCa,
    servers: TestCa,
    certificates: HashMap<&'static str, TestCert>,
    clients: HashMap<&'static str, Arc<ClientConfig>>,
    nobody: Arc<ClientConfig>,
    signers: HashMap<&'static str, HmacSigner>,
    lists: AtomicU64,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let [ca, passing, servers, stranger] = ["Acme", "Passing", "Servers", "Stranger"].map(TestCa::new);
        let of = |ca: &TestCa, name: &str| ca.client(&TEMPLATE.replace("{tenant}", name));
        let (from, until) = (
            later(UnixTime::now(), -STEP / 2),
            later(UnixTime::now(), STEP / 2),
        );
        let mut certificates: HashMap<_, _> = TENANTS
            .iter()
            .map(|name| (*name, of(&ca, name).issue()))
            .collect();
        certificates.insert("hooli", of(&passing, "hooli").issue());
        certificates.insert("short", of(&ca, "short").validity(from, until).issue());
        certificates.insert("expired", of(&ca, "acme").expired().issue());
        certificates.insert("revoked", of(&ca, "acme").issue());
        certificates.insert("not pinned", of(&ca, "acme").issue());
        certificates.insert("stranger", of(&stranger, "acme").issue());
        let client = |certificate| Arc::new(client_config(&servers, certificate));
        let clients = certificates
            .iter()
            .map(|(name, cert)| (*name, client(Some(cert))));
        let folder = std::env::temp_dir().join(format!("countersign-soak-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let stage = Self {
            folder,
            clients: clients.collect(),
            nobody: client(None),
            signers: TENANTS.iter().map(|name| (*name, signer(name))).collect(),
            lists: AtomicU64::new(0),
            ca,
            passing,
            servers,
            certificates,
        };
        stage.renew();
        for toggle in Toggle::ALL {
            stage.write(toggle, true);
        }
        stage
    }

    pub(crate) fn client(&self, name: &str) -> Arc<ClientConfig> {
        self.clients.get(name).unwrap_or(&self.nobody).clone()
    }

    /// The header fields that this tenant's key signs.
    pub(crate) fn sign(&self, signer: &str, id: &str, body: &[u8], at: UnixTime) -> HeaderMap {
        let owner = tenant(signer);
        let outgoing = Outgoing::new(&owner, id, body, at);
        self.signers[signer].sign_payload(&outgoing).expect("a key")
    }

    /// A server's certificate anew.
    pub(crate) fn renew(&self) {
        let own = self.servers.server(HOST).issue();
        self.put("own.pem", own.chain_pem());
        self.put("own.key", own.key_pem());
    }

    /// The file that lets the client of this in, or does not.
    pub(crate) fn write(&self, toggle: Toggle, lets_in: bool) {
        let text = match toggle {
            Toggle::Pin => self.pins(lets_in),
            Toggle::Authority if lets_in => self.ca.pem() + &self.passing.pem(),
            Toggle::Authority => self.ca.pem(),
            Toggle::List => self.lists(lets_in),
            Toggle::Tenant => lines(TENANTS.iter().filter(|name| lets_in || **name != "stark")),
            Toggle::Key => lines(TENANTS.iter().map(|name| match *name {
                "wayne" if !lets_in => "wayne next ".to_owned() + &secret("another"),
                name => format!("{name} {name}-2026 {}", secret(name)),
            })),
        };
        self.put(file(toggle), text);
    }

    /// What stands there for a moment, and is no such file.
    pub(crate) fn break_file(&self, toggle: Toggle) {
        let text = match toggle {
            Toggle::Pin | Toggle::Tenant | Toggle::Key => "\u{0}half a li",
            Toggle::Authority | Toggle::List => "-----BEGIN CERTIFICATE-----\nMIIB",
        };
        self.put(file(toggle), text.to_owned());
    }

    fn pins(&self, lets_in: bool) -> String {
        let known = self.certificates.iter().filter(|(name, _)| {
            **name != "not pinned" && **name != "stranger" && (lets_in || **name != "initech")
        });
        lines(known.map(|(_, certificate)| SpkiHash::of(&certificate.spki_der())))
    }

    fn lists(&self, lets_in: bool) -> String {
        let number = self.lists.fetch_add(1, Ordering::Relaxed) + 1;
        let list = self.ca.crl(number).revoke(&self.certificates["revoked"]);
        let list = match lets_in {
            true => list,
            false => list.revoke(&self.certificates["umbrella"]),
        };
        list.issue().pem() + &self.passing.crl(number).issue().pem()
    }

    /// At once, as everybody should.
    fn put(&self, name: &str, text: String) {
        let draft = self.folder.join(format!(".{name}"));
        fs::write(&draft, text).expect("a file");
        fs::rename(&draft, self.folder.join(name)).expect("a file");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub(crate) fn file(toggle: Toggle) -> &'static str {
    match toggle {
        Toggle::Pin => "pins",
        Toggle::Authority => "ca.pem",
        Toggle::List => "ca.crl",
        Toggle::Tenant => "tenants",
        Toggle::Key => "keys",
    }
}

fn lines(items: impl Iterator<Item = impl ToString>) -> String {
    items.map(|item| item.to_string() + "\n").collect()
}

fn secret(name: &str) -> String {
    format!("whsec_{}", STANDARD.encode(format!("the secret of {name:-<20}")))
}

fn signer(name: &str) -> HmacSigner {
    let ring =
        Keyring::builder(&scheme()).key(tenant(name), format!("{name}-2026"), Secret::new(&secret(name)));
    HmacSigner::new(scheme(), ring.build().expect("a ring"))
}

/// A text of lines whose last one is whole.
pub(crate) fn whole(text: &str) -> Result<std::str::Lines<'_>, String> {
    match text.ends_with('\n') {
        true => Ok(text.lines()),
        false => Err("the last line is not whole".to_owned()),
    }
}

/// One key a line: tenant, name and secret.
pub(crate) fn keyring(text: &str) -> Result<Keyring, String> {
    let mut ring = Keyring::builder(&scheme());
    for line in whole(text)? {
        let [owner, name, secret] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err("a line that is no key".to_owned());
        };
        ring = ring.key(tenant(owner), name, Secret::new(secret));
    }
    ring.build().map_err(|invalid| invalid.to_string())
}

/// Also with a certificate that `Tls` would not make a configuration of.
fn client_config(servers: &TestCa, certificate: Option<&TestCert>) -> ClientConfig {
    let tls = tls();
    let servers = PrivateCa::from_pem(servers.pem().as_bytes(), tls.algorithms(), UnixTime::now());
    let verifier = HandshakeVerifier::new(tls.provider(), servers.expect("an anchor"));
    let config = ClientConfig::builder_with_provider(Arc::new(tls.provider().clone()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("a version")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match certificate {
        Some(certificate) => config
            .with_client_auth_cert(certificate.chain(), certificate.key())
            .expect("a pair"),
        None => config.with_no_client_auth(),
    };
    config.resumption = rustls::client::Resumption::disabled();
    config
}

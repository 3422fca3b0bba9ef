//! Everybody who takes part: certificates good and evil, keys, pins, deliveries.

use std::path::{Path, PathBuf};
use std::{fs, process, thread};

use countersign::identity::SpkiHash;
use countersign::payload::{HmacSigner, Keyring, Outgoing, Scheme, Secret, SignPayload as _};
use countersign::tenant::TenantId;
use countersign::testing::{KeyAlgorithm, TestCa, TestCert};
use countersign::web::Clock;

use crate::process::workshop;

const SECRET: &str = "whsec_YWNtZS1zZWNyZXQtb2YtMzItYnl0ZXMtZm9yLXRlc3Q=";
pub(crate) const TEMPLATE: &str = "spiffe://acme.example/tenant/{tenant}";
const ACME: &str = "spiffe://acme.example/tenant/acme";

/// The certificates of acme's that are as they should be, one for each kind of key.
pub(crate) const GOOD: [&str; 4] = ["p256", "p384", "rsa2048", "ed25519"];

/// A directory of PEM files, gone with its test unless that failed.
pub(crate) struct World {
    directory: PathBuf,
}

impl World {
    pub(crate) fn empty(test: &str) -> Self {
        let directory = workshop().join(format!("{test}-{}", process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("a directory");
        Self { directory }
    }

    pub(crate) fn new(test: &str) -> Self {
        let world = Self::empty(test);

        let servers = TestCa::new("Server Root");
        world.write("server-ca.pem", &servers.pem());
        world.write_pair("receiver", &servers.server("localhost").issue());

        let root = TestCa::new("Acme Root");
        let issuing = root.intermediate("Acme Issuing");
        world.write("client-ca.pem", &root.pem());
        let key = |algorithm| issuing.client(ACME).key_algorithm(algorithm).issue();
        let pinned = [
            ("p256", key(KeyAlgorithm::EcdsaP256)),
            ("p384", key(KeyAlgorithm::EcdsaP384)),
            ("rsa2048", key(KeyAlgorithm::Rsa2048)),
            ("ed25519", key(KeyAlgorithm::Ed25519)),
            ("expired", issuing.client(ACME).expired().issue()),
            ("early", issuing.client(ACME).not_yet_valid().issue()),
            ("server", issuing.client(ACME).server_only().issue()),
            (
                "stranger",
                issuing.client("spiffe://acme.example/tenant/initech").issue(),
            ),
            ("other-ca", TestCa::new("Other Root").client(ACME).issue()),
            ("twin-of-the-ca", root.evil_twin().client(ACME).issue()),
            (
                "self-signed",
                TestCert::self_signed(ACME).common_name("acme").issue(),
            ),
        ];
        let pins: Vec<_> = pinned
            .iter()
            .map(|(_, cert)| SpkiHash::of(&cert.spki_der()).to_string())
            .collect();
        world.write("pins.txt", &pins.join("\n"));
        for (name, cert) in &pinned {
            world.write_pair(name, cert);
        }
        world.write_pair("not-pinned", &issuing.client(ACME).issue());
        world.write(
            "keys.txt",
            &format!("# tenant key-name secret\nacme 2026 {SECRET}\n"),
        );
        world
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.directory.join(file)
    }

    pub(crate) fn write(&self, file: &str, text: &str) -> PathBuf {
        let path = self.path(file);
        fs::write(&path, text).expect("a file");
        path
    }

    pub(crate) fn write_pair(&self, name: &str, cert: &TestCert) {
        self.write(&format!("{name}.pem"), &cert.chain_pem());
        self.write(&format!("{name}.key"), &cert.key_pem());
    }

    /// The options that the receiver needs, with these after them.
    pub(crate) fn options(&self, more: &[&str]) -> Vec<String> {
        let file = |name: &str| self.path(name).display().to_string();
        let mut options = vec!["--listen".to_owned(), "127.0.0.1:0".to_owned()];
        for (option, value) in [
            ("--cert", file("receiver.pem")),
            ("--key", file("receiver.key")),
            ("--client-ca", file("client-ca.pem")),
            ("--keys", file("keys.txt")),
            ("--pins", file("pins.txt")),
            ("--tenants", TEMPLATE.to_owned()),
        ] {
            options.extend([option.to_owned(), value]);
        }
        options.extend(more.iter().map(|&option| option.to_owned()));
        options
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !thread::panicking() {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// A request, ready to be sent.
#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Delivery {
    /// As acme signs it, now.
    pub(crate) fn signed(id: &str) -> Self {
        let scheme = Scheme::standard_webhooks();
        let keys = Keyring::builder(&scheme)
            .key(
                TenantId::parse("acme").expect("a name"),
                "2026",
                Secret::new(SECRET),
            )
            .build()
            .expect("a key");
        let body = r#"{"type":"order.paid","amount":100}"#.to_owned();
        let tenant = TenantId::parse("acme").expect("a name");
        let headers = HmacSigner::new(scheme, keys)
            .sign_payload(&Outgoing::new(
                &tenant,
                id,
                body.as_bytes(),
                Clock::default().now(),
            ))
            .expect("a signature");
        let text = |value: &http::HeaderValue| value.to_str().expect("text").to_owned();
        let headers = headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect();
        Self { headers, body }
    }

    /// The same with another amount, under the signature of the first.
    pub(crate) fn with_body_changed(mut self) -> Self {
        self.body = self.body.replace("100", "900");
        self
    }

    /// The same without any signature.
    pub(crate) fn without_headers(mut self) -> Self {
        self.headers.clear();
        self
    }

    /// What goes over the wire.
    pub(crate) fn request(&self) -> String {
        let mut head = format!(
            "POST /hooks HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n",
            self.body.len()
        );
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        format!("{head}\r\n{}", self.body)
    }
}

/// A path as an argument.
pub(crate) fn argument(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

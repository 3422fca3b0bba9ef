//! Everybody who takes part: one authority, one server name, and senders with a certificate and a secret each. In a folder, so
//! that several processes can be in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign::gate::Policy;
use countersign::payload::{Keyring, Scheme, Secret};
use countersign::tenant::{TenantId, TenantTable};
use countersign::testing::TestCa;
use countersign::tls::{ClientAuth, Credentials, Tls};
use countersign::trust::PrivateCa;
use rustls::pki_types::UnixTime;
use rustls::{ClientConfig, ServerConfig};

pub(crate) const SERVER: &str = "hooks.example.com";
const TEMPLATE: &str = "spiffe://acme.example/tenant/{tenant}";

/// A folder of this process's, cleared away when all is over, well or not.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Made by whoever first writes into it.
    pub(crate) fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("{name}-{}", std::process::id())))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) struct World {
    folder: PathBuf,
    tls: Tls,
    senders: Vec<String>,
}

impl World {
    /// Writes the certificates of a new world.
    pub(crate) fn create(folder: &Path, senders: usize) -> Self {
        std::fs::create_dir_all(folder.join("ledger")).expect("a folder");
        let world = Self::open(folder, senders);
        let ca = TestCa::new("Fleet Root");
        world.write("ca.pem", &ca.pem());
        let server = ca.server(SERVER).issue();
        world.write("server.pem", &server.chain_pem());
        world.write("server.key", &server.key_pem());
        for sender in &world.senders {
            let certificate = ca.client(&TEMPLATE.replace("{tenant}", sender)).issue();
            world.write(&format!("{sender}.pem"), &certificate.chain_pem());
            world.write(&format!("{sender}.key"), &certificate.key_pem());
        }
        world
    }

    /// The one that is there.
    pub(crate) fn open(folder: &Path, senders: usize) -> Self {
        Self {
            folder: folder.to_owned(),
            tls: Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider())),
            senders: (0..senders).map(|number| format!("sender-{number:02}")).collect(),
        }
    }

    pub(crate) fn senders(&self) -> &[String] {
        &self.senders
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.folder.join("ledger")
    }

    pub(crate) fn policy(&self) -> Policy {
        let tenants = TenantTable::builder()
            .uri(TEMPLATE)
            .known(self.senders.iter().map(String::as_str));
        Policy::new(self.trust(), tenants.build().expect("a table"))
    }

    pub(crate) fn keys(&self) -> Keyring {
        let scheme = Scheme::standard_webhooks();
        let ring = self
            .senders
            .iter()
            .fold(Keyring::builder(&scheme), |ring, sender| {
                // A secret of 32 bytes: its beginning is the sender's name.
                let bytes: [u8; 32] =
                    std::array::from_fn(|at| sender.as_bytes().get(at).copied().unwrap_or(b'.'));
                let secret = format!(
                    "whsec_{}",
                    base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes)
                );
                let sender = TenantId::parse(sender).expect("a tenant");
                ring.key(sender, "2026", Secret::new(&secret))
            });
        ring.build().expect("good keys")
    }

    pub(crate) fn server_config(&self, policy: &Policy) -> ServerConfig {
        let config = self
            .tls
            .server_config(&self.credentials("server"), policy.trust(), ClientAuth::Require);
        config.expect("a configuration")
    }

    pub(crate) fn client_config(&self, sender: &str) -> ClientConfig {
        let config = self
            .tls
            .client_config(&self.credentials(sender), Arc::new(self.trust()));
        config.expect("a configuration")
    }

    fn trust(&self) -> PrivateCa {
        let ca = PrivateCa::from_pem_file(self.folder.join("ca.pem"), self.tls.algorithms(), UnixTime::now());
        ca.expect("an anchor")
    }

    fn credentials(&self, name: &str) -> Credentials {
        let path = |end: &str| self.folder.join(format!("{name}.{end}"));
        Credentials::from_pem_files(self.tls.provider(), path("pem"), path("key")).expect("a pair")
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).expect("a file");
    }
}

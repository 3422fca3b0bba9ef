//! Who takes part: acme, whose deliveries they are, its certificates good and bad, and the servers' own.

use std::path::{Path, PathBuf};
use std::{fs, process, thread};

use countersign::dispatch::TenantIdentity;
use countersign::testing::{NOT_AFTER, TestCa, TestCert, utc};
use countersign::tls::Tls;

use crate::process::workshop;
use crate::sending::{Tenant, tls};

pub(crate) const HOST: &str = "hooks.consumer.example";

/// A directory of PEM files and answers, gone with its test unless that failed.
pub(crate) struct World {
    directory: PathBuf,
    pub(crate) acme: Tenant,
    good: TestCert,
    renewed: TestCert,
    expired: TestCert,
    stranger: TestCert,
    servers: TestCa,
}

/// What acme shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    Good,
    /// Another one, as good.
    Renewed,
    Expired,
    /// A certificate of an authority that the consumer does not know.
    Stranger,
}

impl World {
    pub(crate) fn new(test: &str) -> Self {
        let directory = workshop().join(format!("receivers-{test}-{}", process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("a directory");
        let acme = Tenant::new("acme");
        // Valid also at the time when the expired certificate was.
        let servers = TestCa::builder("Servers")
            .validity(utc(2019, 1, 1), NOT_AFTER)
            .issue();
        let server = servers.server(HOST).validity(utc(2019, 1, 1), NOT_AFTER).issue();
        let client = |ca: &TestCa| ca.client("spiffe://sender.example/tenant/acme");
        let world = Self {
            directory,
            good: acme.certificate(),
            renewed: acme.certificate(),
            expired: client(&acme.ca).expired().issue(),
            stranger: client(&TestCa::new("Nobody knows it")).issue(),
            acme,
            servers,
        };
        world.write("clients.pem", &world.acme.ca.pem());
        world.write_pair("server", &server);
        world.write_pair("expired", &world.servers.server(HOST).expired().issue());
        world.write_pair("stranger", &TestCa::new("Other servers").server(HOST).issue());
        world.write("huge", &"x".repeat(8 << 20));
        world.write_answers();
        world
    }

    /// What `openssl s_server -HTTP` sends as it is.
    fn write_answers(&self) {
        let answer = |file: &str, head: &str, body: &str| {
            self.write(
                file,
                &format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n{body}"),
            );
        };
        answer("ok", "200 OK\r\ncontent-length: 6", "nobody");
        answer(
            "301",
            "301 Moved Permanently\r\nlocation: /ok\r\ncontent-length: 0",
            "",
        );
        answer("410", "410 Gone\r\ncontent-length: 0", "");
        answer(
            "429",
            "429 Too Many Requests\r\nretry-after: 120\r\ncontent-length: 0",
            "",
        );
        answer("500", "500 Internal Server Error\r\ncontent-length: 0", "");
        answer("503", "503 Service Unavailable\r\ncontent-length: 0", "");
        answer("breaks-off", "200 OK\r\ncontent-length: 100", "x");
        answer(
            "endless",
            "200 OK\r\ncontent-length: 8388608",
            &"x".repeat(8 << 20),
        );
        self.write("babble", "good morning\r\n\r\n");
        self.write("closes", "");
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        fs::write(self.directory.join(file), text).expect("a file");
    }

    fn write_pair(&self, name: &str, cert: &TestCert) {
        self.write(&format!("{name}.pem"), &cert.chain_pem());
        self.write(&format!("{name}.key"), &cert.key_pem());
    }

    fn certificate(&self, shows: Shows) -> &TestCert {
        match shows {
            Shows::Good => &self.good,
            Shows::Renewed => &self.renewed,
            Shows::Expired => &self.expired,
            Shows::Stranger => &self.stranger,
        }
    }

    /// The serial number of what is shown, in hexadecimal.
    pub(crate) fn serial(&self, shows: Shows) -> String {
        let serial = self.certificate(shows).serial().as_bytes();
        serial.iter().map(|byte| format!("{byte:02X}")).collect()
    }

    pub(crate) fn sender(&self, shows: Shows) -> TenantIdentity {
        self.sender_by(&tls().allow_tls12(), shows)
    }

    pub(crate) fn sender_by(&self, tls: &Tls, shows: Shows) -> TenantIdentity {
        self.acme
            .sender_by(tls, self.certificate(shows), &[&self.servers])
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !thread::panicking() {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

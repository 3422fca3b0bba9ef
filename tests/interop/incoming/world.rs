//! The files of a platform, and the proxy that is run from them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{fs, thread};

use countersign::identity::SpkiHash;
use countersign::payload::{HmacSigner, Keyring, Outgoing, Scheme, Secret, SignPayload as _};
use countersign::tenant::TenantId;
use countersign::testing::{TestCa, TestCert};
use countersign::web::Clock;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::process::{Running, workshop};
use crate::senders::binary;

pub(crate) const SECRETS: [(&str, &str); 2] = [
    ("acme", "whsec_YWNtZS1zZWNyZXQtb2YtMzItYnl0ZXMtZm9yLXRlc3Q="),
    ("globex", "whsec_Z2xvYmV4LXNlY3JldC1vZi0zMi1ieXRlcy1mb3ItdGU="),
];

/// What the example itself is shown with.
pub(crate) const SAMPLE: &str = include_str!("../../../examples/incoming_proxy/proxy.toml");

/// A folder with everything that a configuration names, gone with its test.
pub(crate) struct Platform {
    folder: PathBuf,
    ca: TestCa,
    clients: Vec<(&'static str, TestCert)>,
}

impl Platform {
    pub(crate) fn new(test: &str) -> Self {
        let folder = workshop().join(format!("incoming-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        let ca = TestCa::new("Platform CA");
        let client = |ca: &TestCa, tenant| ca.client(&format!("spiffe://platform.example/tenant/{tenant}"));
        let clients = vec![
            ("acme", client(&ca, "acme").issue()),
            ("globex", client(&ca, "globex").issue()),
            ("revoked", client(&ca, "acme").issue()),
            ("foreign", client(&ca.evil_twin(), "acme").issue()),
        ];
        let platform = Self { folder, ca, clients };
        let server = platform
            .ca
            .server("localhost")
            .dns("erp.pay.example")
            .dns("shop.pay.example")
            .issue();
        platform.pair("server", &server);
        platform.write("platform-ca.pem", &platform.ca.pem());
        for (name, cert) in &platform.clients {
            platform.pair(name, cert);
        }
        let pins = platform
            .clients
            .iter()
            .map(|(_, cert)| SpkiHash::of(&cert.spki_der()).to_string());
        platform.write("pins.txt", &pins.collect::<Vec<_>>().join("\n"));
        platform.write(
            "keys.txt",
            &SECRETS
                .map(|(tenant, secret)| format!("{tenant} 2026 {secret}\n"))
                .concat(),
        );
        let revoked = platform.client("revoked").serial().clone();
        platform.write("crls.pem", &platform.ca.crl(1).revoke(revoked).issue().pem());
        platform
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    pub(crate) fn write(&self, file: &str, text: &str) -> PathBuf {
        let path = self.path(file);
        fs::write(&path, text).expect("a file");
        path
    }

    pub(crate) fn ca(&self) -> &TestCa {
        &self.ca
    }

    pub(crate) fn pair(&self, name: &str, cert: &TestCert) {
        self.write(&format!("{name}.pem"), &cert.chain_pem());
        self.write(&format!("{name}.key"), &cert.key_pem());
    }

    pub(crate) fn client(&self, name: &str) -> &TestCert {
        let found = self.clients.iter().find(|(other, _)| *other == name);
        &found.unwrap_or_else(|| panic!("{name}")).1
    }

    /// A process on this configuration.
    pub(crate) fn command(&self, text: &str) -> Command {
        let file = self.write("proxy.toml", text);
        let mut command = Command::new(binary("incoming_proxy"));
        command.arg("--config").arg(file);
        command
    }

    pub(crate) fn start(&self, text: &str) -> Proxy {
        self.start_with(text, &[])
    }

    pub(crate) fn start_with(&self, text: &str, environment: &[(&str, String)]) -> Proxy {
        let text = text.replace("127.0.0.1:8443", "127.0.0.1:0");
        let environment = environment.iter().map(|(name, value)| (name, value));
        let mut process = Running::start(self.command(&text).envs(environment));
        let lines = lines_of(process.0.stdout.take().expect("a pipe"));
        let listening = lines.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| {
            let mut said = String::new();
            let _ = process
                .0
                .stderr
                .take()
                .map(|mut pipe| pipe.read_to_string(&mut said));
            panic!("it does not start: {said}")
        });
        let port = listening
            .strip_prefix("listening on https://127.0.0.1:")
            .and_then(|port| port.parse().ok());
        Proxy {
            port: port.unwrap_or_else(|| panic!("{listening}")),
            process,
            lines: Mutex::new(lines),
        }
    }

    /// A connection whose handshake this name was asked for in, as this client.
    pub(crate) fn connect(
        &self,
        port: u16,
        who: &str,
        name: &str,
    ) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.certificate().clone()).expect("a root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
        let config = match who {
            "nobody" => config.with_no_client_auth(),
            name => {
                let shown = self.client(name);
                config
                    .with_client_auth_cert(shown.chain(), shown.key())
                    .expect("a pair")
            }
        };
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let tcp = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        tcp.set_read_timeout(Some(Duration::from_secs(60)))
            .expect("a limit");
        StreamOwned::new(
            ClientConnection::new(Arc::new(config), name).expect("a client"),
            tcp,
        )
    }

    /// Sends this as it stands, and reads to the end of the connection, which must be one in TLS, too.
    pub(crate) fn raw(&self, port: u16, who: &str, name: &str, request: &[u8]) -> String {
        let mut io = self.connect(port, who, name);
        let mut answer = Vec::new();
        let read = io
            .write_all(request)
            .and_then(|()| io.flush())
            .and_then(|()| io.read_to_end(&mut answer));
        match read {
            Ok(_) => String::from_utf8_lossy(&answer).into_owned(),
            Err(error) => format!("{}\n{error}", String::from_utf8_lossy(&answer)),
        }
    }

    /// The answer to a request for `localhost`: its status and its body.
    pub(crate) fn ask(&self, port: u16, who: &str, line: &str, fields: &str, body: &str) -> (u16, String) {
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{fields}\r\n{body}"
        );
        let answer = self.raw(port, who, "localhost", request.as_bytes());
        parsed(&answer)
    }
}

pub(crate) fn parsed(answer: &str) -> (u16, String) {
    let status = answer.get(9..12).and_then(|status| status.parse().ok());
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or(("", answer));
    (status.unwrap_or(0), body.to_owned())
}

impl Drop for Platform {
    fn drop(&mut self) {
        if !thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

pub(crate) const BODY: &str = r#"{"type":"order.paid"}"#;

/// The fields of a webhook of this tenant's, signed now.
pub(crate) fn hook(tenant: &str, id: &str) -> String {
    let scheme = Scheme::standard_webhooks();
    let tenant = TenantId::parse(tenant).expect("a name");
    let mut keys = Keyring::builder(&scheme);
    for (tenant, secret) in SECRETS {
        keys = keys.key(tenant.parse().expect("a name"), "2026", Secret::new(secret));
    }
    let signer = HmacSigner::new(scheme, keys.build().expect("keys"));
    let outgoing = Outgoing::new(&tenant, id, BODY.as_bytes(), Clock::default().now());
    let signed = signer.sign_payload(&outgoing).expect("a signature");
    let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        format!("{name}: {}\r\n", value.to_str().expect("text"))
    };
    signed.iter().map(line).collect()
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    pub(crate) process: Running,
    lines: Mutex<Receiver<String>>,
}

impl Proxy {
    /// The next line that the operator reads with this in it.
    pub(crate) fn reads(&self, part: &str) -> String {
        let lines = self.lines.lock().expect("lines");
        let mut all = Vec::new();
        while let Ok(line) = lines.recv_timeout(Duration::from_secs(60)) {
            if line.contains(part) {
                return line;
            }
            all.push(line);
        }
        panic!("{part:?} is not in {all:#?}");
    }

    /// The next line that the operator reads.
    pub(crate) fn line(&self) -> String {
        let lines = self.lines.lock().expect("lines");
        lines.recv_timeout(Duration::from_secs(60)).expect("a line")
    }

    pub(crate) fn signal(&self, signal: &str) {
        let process = self.process.0.id().to_string();
        let sent = Command::new("kill").args([signal, &process]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {signal}");
    }
}

/// A plain HTTP service, in a language of its own.
pub(crate) struct Service {
    pub(crate) port: u16,
    _process: Running,
}

impl Service {
    /// On this port, or on any where it is 0.
    pub(crate) fn start(interpreter: &Path, script: &str, port: u16) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("interop/incoming")
            .join(script);
        let mut process = Running::start(Command::new(interpreter).arg(script).arg(port.to_string()));
        let lines = lines_of(process.0.stdout.take().expect("a pipe"));
        let line = lines.recv_timeout(Duration::from_secs(60)).expect("a line");
        let port = line
            .strip_prefix("service on ")
            .and_then(|port| port.parse().ok());
        Self {
            port: port.unwrap_or_else(|| panic!("{line}")),
            _process: process,
        }
    }
}

fn lines_of(pipe: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        BufReader::new(pipe)
            .lines()
            .map_while(Result::ok)
            .try_for_each(|line| sender.send(line))
    });
    lines
}

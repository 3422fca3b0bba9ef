//! The real clients, each with its own TLS library and its own words for an alert.

mod alerts;
mod built;
mod commands;

use std::path::Path;
use std::process::Command;

use crate::process::{find, run, run_with_input};
use crate::world::{Delivery, World};
use built::{go_client, java, java_classes};
use commands::{curl, curl_twice, gnutls_cli, pkcs12, program_with, s_client, s_client_twice};

pub(crate) use alerts::Alert;

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

//! Other people's servers, each with its own TLS, as a process of its own.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{ChildStdout, Command};

use crate::process::{Running, find};
use crate::world::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V12,
    V13,
}

impl Version {
    pub(crate) fn number(self) -> &'static str {
        match self {
            Self::V12 => "1.2",
            Self::V13 => "1.3",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    Node,
    Python,
    OpenSsl,
}

impl Kind {
    /// # Errors
    /// What is not installed, and which package of Debian's holds it.
    pub(crate) fn find(self) -> Result<(), String> {
        let (program, package) = match self {
            Self::Nginx => ("nginx", "nginx-light"),
            Self::Node => ("node", "nodejs"),
            Self::Python => ("python3", "python3"),
            Self::OpenSsl => ("openssl", "openssl"),
        };
        let found = find(program);
        found
            .map(drop)
            .ok_or_else(|| format!("{program} is not installed: apt-get install {package}"))
    }
}

/// A server, or several that differ in what they show and ask for, on their ports.
pub(crate) struct Server {
    ports: BTreeMap<String, u16>,
    _processes: Vec<Running>,
    /// Held, since a server that nobody reads from ends.
    _said: Vec<BufReader<ChildStdout>>,
    /// Behind nginx, and says nothing.
    _behind: Option<TcpListener>,
}

impl Server {
    pub(crate) fn start(kind: Kind, world: &World, version: Version) -> Self {
        match kind {
            Kind::Nginx => nginx(world, version),
            Kind::Node => script(Command::new("node"), "server.mjs", world, version),
            Kind::Python => script(Command::new("python3"), "server.py", world, version),
            Kind::OpenSsl => s_servers(world, version),
        }
    }

    /// A program that prints its ports.
    pub(crate) fn listening(command: &mut Command) -> Self {
        let mut process = Running::start(command);
        let mut said = BufReader::new(process.0.stdout.take().expect("a pipe"));
        let mut line = String::new();
        said.read_line(&mut line).expect("text");
        let ports = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{command:?} does not start"));
        Self {
            ports,
            _processes: vec![process],
            _said: vec![said],
            _behind: None,
        }
    }

    /// The port of this variant, if the server has it.
    pub(crate) fn port(&self, variant: &str) -> Option<u16> {
        self.ports.get(variant).copied()
    }

    pub(crate) fn ports(&self) -> Vec<u16> {
        self.ports.values().copied().collect()
    }
}

// --- node, python -----------------------------------------------------------------------------------------------------

fn script(mut command: Command, script: &str, world: &World, version: Version) -> Server {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("receivers")
        .join(script);
    Server::listening(command.arg(script).arg(world.directory()).arg(version.number()))
}

// --- nginx ------------------------------------------------------------------------------------------------------------

const NGINX: &str = include_str!("nginx.conf");

/// nginx cannot be told to take any free port, so somebody else may be faster.
fn nginx(world: &World, version: Version) -> Server {
    (0..5)
        .find_map(|_| try_nginx(world, version))
        .expect("nginx starts")
}

fn try_nginx(world: &World, version: Version) -> Option<Server> {
    let behind = TcpListener::bind("127.0.0.1:0").expect("a port");
    let variants = ["good", "expired", "stranger", "unasking"];
    let free: Vec<_> = (0..variants.len() + 2)
        .map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"))
        .collect();
    let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
    let ports: BTreeMap<_, _> = variants
        .into_iter()
        .zip(&free)
        .map(|(name, free)| (name, port(free)))
        .collect();
    let (nobody, inside) = (port(&free[variants.len()]), port(&free[variants.len() + 1]));
    let http2 = match version {
        Version::V12 => "",
        Version::V13 => " http2",
    };
    let mut config = NGINX
        .replace("HTTP2", http2)
        .replace("VERSION", version.number())
        .replace("BEHIND", &port(&behind).to_string())
        .replace("NOBODY", &nobody.to_string())
        .replace("INSIDE", &inside.to_string());
    for (name, port) in &ports {
        config = config.replace(&format!(":{}", name.to_uppercase()), &format!(":{port}"));
    }
    drop(free);
    let name = format!("nginx-{}.conf", version.number());
    world.write(&name, &config);
    let program = find("nginx").expect("nginx");
    let mut command = Command::new(program);
    command
        .arg("-p")
        .arg(world.directory())
        .arg("-c")
        .arg(&name)
        .args(["-e", "stderr"]);
    let mut process = Running::start(&mut command);
    let said = BufReader::new(process.0.stdout.take().expect("a pipe"));
    process.is_up(ports["good"]).then(|| Server {
        ports: ports
            .into_iter()
            .map(|(name, port)| (name.to_owned(), port))
            .collect(),
        _processes: vec![process],
        _said: vec![said],
        _behind: Some(behind),
    })
}

// --- openssl ----------------------------------------------------------------------------------------------------------

/// One for each variant, since each shows one certificate. It answers with files as they are.
fn s_servers(world: &World, version: Version) -> Server {
    let verify: &[&str] = &["-Verify", "3", "-verify_return_error", "-CAfile", "clients.pem"];
    let variants = [
        ("good", "server", verify),
        ("expired", "expired", verify),
        ("stranger", "stranger", verify),
        ("unasking", "server", &[]),
    ];
    let mut server = Server {
        ports: BTreeMap::new(),
        _processes: Vec::new(),
        _said: Vec::new(),
        _behind: None,
    };
    for (variant, name, options) in variants {
        let (process, said, port) = s_server(world, version, name, options);
        server.ports.insert(variant.to_owned(), port);
        server._processes.push(process);
        server._said.push(said);
    }
    server
}

pub(crate) fn s_server(
    world: &World,
    version: Version,
    name: &str,
    options: &[&str],
) -> (Running, BufReader<ChildStdout>, u16) {
    let version = match version {
        Version::V12 => "-tls1_2",
        Version::V13 => "-tls1_3",
    };
    let mut command = Command::new("openssl");
    command.current_dir(world.directory());
    command.args(["s_server", "-accept", "127.0.0.1:0", "-HTTP", version]);
    command
        .args(["-cert", &format!("{name}.pem"), "-key", &format!("{name}.key")])
        .args(options);
    let mut process = Running::start(&mut command);
    let mut said = BufReader::new(process.0.stdout.take().expect("a pipe"));
    loop {
        let mut line = String::new();
        assert_ne!(
            said.read_line(&mut line).expect("text"),
            0,
            "{command:?} does not start"
        );
        if let Some(port) = line.strip_prefix("ACCEPT 127.0.0.1:") {
            return (process, said, port.trim().parse().expect("a port"));
        }
    }
}

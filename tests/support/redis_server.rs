//! A real Redis server of one's own, on loopback, that can be killed, paused and started again.
#![allow(dead_code, reason = "each user needs a part of it")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "whoever starts a server fails loudly, and waits for it"
)]

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

#[path = "own_server.rs"]
mod own_server;

pub(crate) use own_server::Port;
use own_server::{OwnServer, or_skip, signal};

/// What servers are called, the first of which is taken that is installed.
pub(crate) const COMMANDS: [&str; 2] = ["redis-server", "valkey-server"];

/// It keeps every write that it has answered, whatever becomes of it.
pub(crate) const PERSISTENT: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];
/// It keeps nothing.
pub(crate) const FORGETFUL: [&str; 2] = ["--appendonly", "no"];

const PATIENCE: Duration = Duration::from_secs(20);

/// The command of an installed server: that of the environment variable `COUNTERSIGN_REDIS_SERVER`, or one that is found.
pub(crate) fn installed() -> Option<String> {
    let named = std::env::var("COUNTERSIGN_REDIS_SERVER").ok();
    let found = || COMMANDS.iter().map(|command| (*command).to_owned());
    named.into_iter().chain(found()).find(|command| {
        let version = Command::new(command)
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        version.is_ok_and(|status| status.success())
    })
}

/// For a test: the command, or the test is skipped loudly.
pub(crate) fn installed_or_skip(test: &str) -> Option<String> {
    let why = "no redis-server is installed (Debian: apt-get install redis-server)";
    or_skip(installed(), test, why)
}

/// Killed and cleared away when it is dropped.
pub(crate) struct RedisServer {
    command: String,
    options: Vec<String>,
    own: OwnServer,
}

impl RedisServer {
    /// On a free port, answering.
    pub(crate) fn start(command: &str, options: &[&str]) -> Self {
        let mut server = Self {
            command: command.to_owned(),
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            own: OwnServer::new("redis"),
        };
        // Whoever reserves nothing may have been faster.
        for _ in 0..5 {
            if server.spawn() {
                return server;
            }
            server.kill();
            server.own.port = Port::reserve();
        }
        panic!("{command} does not start: {}", server.own.log());
    }

    /// Again, on the same port and with what it has kept.
    pub(crate) fn restart(&mut self) {
        self.kill();
        assert!(self.spawn(), "it does not come back: {}", self.own.log());
    }

    /// With SIGKILL: it has no time to write anything down.
    pub(crate) fn kill(&mut self) {
        self.own.end(|process| drop(process.kill()));
    }

    /// It is there, and says nothing.
    pub(crate) fn pause(&self) {
        signal("STOP", &[self.own.id().expect("it runs")]);
    }

    pub(crate) fn resume(&self) {
        signal("CONT", &[self.own.id().expect("it runs")]);
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.own.address()
    }

    pub(crate) fn port(&self) -> u16 {
        self.own.port.number
    }

    /// Whether it answers then.
    fn spawn(&mut self) -> bool {
        let mut command = Command::new(&self.command);
        command
            .args(["--bind", "127.0.0.1", "--port", &self.port().to_string()])
            .args(["--save", "", "--daemonize", "no"])
            .args(&self.options)
            .arg("--dir")
            .arg(&self.own.folder);
        self.own.run(&mut command);
        let pongs = |address| ping(address).is_ok_and(|answer| answer.starts_with("+PONG"));
        self.own.answers(PATIENCE, pongs)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn ping(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_millis(200))?;
    stream.set_read_timeout(Some(Duration::from_millis(500)))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 64];
    let length = stream.read(&mut answer)?;
    Ok(String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).into_owned())
}

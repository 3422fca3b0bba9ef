//! A real PostgreSQL server of one's own, on loopback, that can be killed, paused and started again.
#![allow(dead_code, reason = "each user needs a part of it")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "whoever starts a server fails loudly, and waits for it"
)]

use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

#[path = "own_server.rs"]
mod own_server;

use own_server::{OwnServer, or_skip, signal};

const PATIENCE: Duration = Duration::from_secs(30);

/// Where its programs are: in the folder of the environment variable `COUNTERSIGN_POSTGRES`, or where Debian puts them.
pub(crate) fn installed() -> Option<PathBuf> {
    let named = std::env::var_os("COUNTERSIGN_POSTGRES").map(PathBuf::from);
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let debian = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    named
        .into_iter()
        .chain(debian)
        .find(|folder| folder.join("postgres").is_file())
}

/// For a test: the programs, or the test is skipped loudly.
pub(crate) fn installed_or_skip(test: &str) -> Option<PathBuf> {
    let why = "no PostgreSQL server is installed (Debian: apt-get install postgresql)";
    or_skip(installed(), test, why)
}

/// Killed and cleared away when it is dropped.
pub(crate) struct PostgresServer {
    programs: PathBuf,
    options: Vec<String>,
    own: OwnServer,
}

impl PostgresServer {
    /// On a free port, answering. `options` are settings: `name=value`.
    pub(crate) fn start(programs: &Path, options: &[&str]) -> Self {
        let mut server = Self {
            programs: programs.to_owned(),
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            own: OwnServer::new("postgres"),
        };
        server.initialise();
        assert!(server.spawn(), "it does not start: {}", server.own.log());
        server
    }

    /// Again, on the same port and with what it has kept.
    pub(crate) fn restart(&mut self) {
        self.kill();
        assert!(self.spawn(), "it does not come back: {}", self.own.log());
    }

    /// It writes nothing down any more, and its next start is a recovery from a crash. (SIGKILL would leave it to each of its
    /// processes to notice that the first is gone.)
    pub(crate) fn kill(&mut self) {
        self.own.end(|process| signal("QUIT", &[process.id()]));
    }

    /// It is there, and says nothing.
    pub(crate) fn pause(&self) {
        signal("STOP", &self.processes());
    }

    pub(crate) fn resume(&self) {
        signal("CONT", &self.processes());
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://hooks@{}/postgres", self.address())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.own.address()
    }

    fn initialise(&self) {
        if let Some((user, group)) = lesser() {
            chown(&self.own.folder, Some(user), Some(group)).expect("the folder is its own");
        }
        let made = self
            .program("initdb")
            .args([
                "--auth=trust",
                "--username=hooks",
                "--no-sync",
                "--no-instructions",
                "--encoding=UTF8",
            ])
            .arg("--locale=C")
            .output()
            .expect("it was found");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// Whether it answers then.
    fn spawn(&mut self) -> bool {
        let port = self.own.port.number.to_string();
        let mut command = self.program("postgres");
        command.args(["-h", "127.0.0.1", "-p", &port, "-k", ""]);
        for option in &self.options {
            command.args(["-c", option]);
        }
        self.own.run(&mut command);
        let is_ready = || {
            Command::new(self.programs.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &port])
                .status()
        };
        self.own.answers(PATIENCE, |address| {
            is_ready().is_ok_and(|status| status.success()) && TcpStream::connect(address).is_ok()
        })
    }

    /// It refuses to be root.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command
            .arg("-D")
            .arg(self.own.folder.join("data"))
            .current_dir(&self.own.folder);
        if let Some((user, group)) = lesser() {
            command.uid(user).gid(group);
        }
        command
    }

    /// The first, and those that it has begun.
    fn processes(&self) -> Vec<u32> {
        let first = self.own.id().expect("it runs");
        let children =
            std::fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|id| id.parse().ok());
        std::iter::once(first).chain(children).collect()
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if self.own.id().is_some() {
            self.resume();
        }
        self.kill();
    }
}

/// Whose the server is where this is root.
fn lesser() -> Option<(u32, u32)> {
    let of = |what: &str, user: &[&str]| {
        let told = Command::new("id").arg(what).args(user).output().ok()?;
        String::from_utf8(told.stdout).ok()?.trim().parse().ok()
    };
    if of("-u", &[]) != Some(0) {
        return None;
    }
    let postgres = ["postgres"];
    Some((
        of("-u", &postgres).expect("its user"),
        of("-g", &postgres).expect("its group"),
    ))
}

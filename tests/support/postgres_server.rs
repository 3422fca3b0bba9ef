//! A real PostgreSQL server of one's own, on loopback, that can be killed, paused and started again.
#![allow(dead_code, reason = "each user needs a part of it")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "whoever starts a server fails loudly, and waits for it"
)]

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

#[path = "port.rs"]
mod port;

use port::Port;

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

/// For a test: the programs, or it says LOUDLY that the test is skipped. In CI, where nothing may be skipped, it fails.
pub(crate) fn installed_or_skip(test: &str) -> Option<PathBuf> {
    let programs = installed();
    if programs.is_none() {
        let why = "no PostgreSQL server is installed (Debian: apt-get install postgresql)";
        assert!(std::env::var_os("CI").is_none(), "SKIPPED in CI: {test}: {why}");
        let _ = writeln!(io::stderr(), "SKIPPED: {test}: {why}");
    }
    programs
}

/// Killed and cleared away when it is dropped.
pub(crate) struct PostgresServer {
    programs: PathBuf,
    options: Vec<String>,
    folder: PathBuf,
    port: Port,
    process: Option<Child>,
}

impl PostgresServer {
    /// On a free port, answering. `options` are settings: `name=value`.
    pub(crate) fn start(programs: &Path, options: &[&str]) -> Self {
        let mut server = Self {
            programs: programs.to_owned(),
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            folder: folder(),
            port: Port::reserve(),
            process: None,
        };
        server.initialise();
        server.spawn();
        assert!(server.answers(), "it does not start: {}", server.log());
        server
    }

    /// Again, on the same port and with what it has kept.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.spawn();
        assert!(self.answers(), "it does not come back: {}", self.log());
    }

    /// It writes nothing down any more, and its next start is a recovery from a crash. (SIGKILL would leave it to each of its
    /// processes to notice that the first is gone.)
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            signal("QUIT", &[process.id()]);
            let _ = process.wait();
        }
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
        (Ipv4Addr::LOCALHOST, self.port.number).into()
    }

    fn initialise(&self) {
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

    fn spawn(&mut self) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))
            .expect("a log");
        let mut command = self.program("postgres");
        command.args(["-h", "127.0.0.1", "-p", &self.port.number.to_string(), "-k", ""]);
        for option in &self.options {
            command.args(["-c", option]);
        }
        let process = command
            .stdout(Stdio::null())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn();
        self.process = Some(process.expect("it was found"));
    }

    /// It refuses to be root.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command
            .arg("-D")
            .arg(self.folder.join("data"))
            .current_dir(&self.folder);
        if let Some((user, group)) = lesser() {
            command.uid(user).gid(group);
        }
        command
    }

    /// Whether it answers before patience ends.
    fn answers(&mut self) -> bool {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let running = self
                .process
                .as_mut()
                .is_some_and(|process| matches!(process.try_wait(), Ok(None)));
            if !running {
                return false;
            }
            let asked = Command::new(self.programs.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.number.to_string()])
                .status();
            if asked.is_ok_and(|status| status.success()) && TcpStream::connect(self.address()).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// The first, and those that it has begun.
    fn processes(&self) -> Vec<u32> {
        let first = self.process.as_ref().expect("it runs").id();
        let children =
            std::fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|id| id.parse().ok());
        std::iter::once(first).chain(children).collect()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.resume();
        }
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn signal(name: &str, processes: &[u32]) {
    let processes = processes.iter().map(u32::to_string);
    let sent = Command::new("kill")
        .arg(format!("-{name}"))
        .args(processes)
        .status();
    assert!(sent.is_ok(), "kill -{name}");
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

fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("countersign-postgres-{}-{number}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    if let Some((user, group)) = lesser() {
        chown(&folder, Some(user), Some(group)).expect("the folder is its own");
    }
    folder
}

//! A real Redis server of one's own, on loopback, that can be killed, paused and started again.
#![allow(dead_code, reason = "each user needs a part of it")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "whoever starts a server fails loudly, and waits for it"
)]

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

#[path = "port.rs"]
mod port;

pub(crate) use port::Port;

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

/// For a test: the command, or it says LOUDLY that the test is skipped. In CI, where nothing may be skipped, it fails.
pub(crate) fn installed_or_skip(test: &str) -> Option<String> {
    let command = installed();
    if command.is_none() {
        let why = "no redis-server is installed (Debian: apt-get install redis-server)";
        assert!(std::env::var_os("CI").is_none(), "SKIPPED in CI: {test}: {why}");
        let _ = writeln!(io::stderr(), "SKIPPED: {test}: {why}");
    }
    command
}

/// Killed and cleared away when it is dropped.
pub(crate) struct RedisServer {
    command: String,
    options: Vec<String>,
    folder: PathBuf,
    port: Port,
    process: Option<Child>,
}

impl RedisServer {
    /// On a free port, answering.
    pub(crate) fn start(command: &str, options: &[&str]) -> Self {
        let mut server = Self {
            command: command.to_owned(),
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            folder: folder(),
            port: Port::reserve(),
            process: None,
        };
        // Whoever reserves nothing may have been faster.
        for _ in 0..5 {
            server.spawn();
            if server.answers() {
                return server;
            }
            server.kill();
            server.port = Port::reserve();
        }
        panic!("{command} does not start: {}", server.log());
    }

    /// Again, on the same port and with what it has kept.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.spawn();
        assert!(self.answers(), "it does not come back: {}", self.log());
    }

    /// With SIGKILL: it has no time to write anything down.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// It is there, and says nothing.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port.number).into()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port.number
    }

    fn spawn(&mut self) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))
            .expect("a log");
        let process = Command::new(&self.command)
            .args(["--bind", "127.0.0.1", "--port", &self.port.number.to_string()])
            .args(["--save", "", "--daemonize", "no"])
            .args(&self.options)
            .arg("--dir")
            .arg(&self.folder)
            .stdout(log)
            .stderr(Stdio::null())
            .stdin(Stdio::null())
            .spawn();
        self.process = Some(process.expect("it was found"));
    }

    /// Whether it answers before patience ends.
    fn answers(&mut self) -> bool {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let ended = self
                .process
                .as_mut()
                .is_none_or(|process| !matches!(process.try_wait(), Ok(None)));
            if ended {
                return false;
            }
            if ping(self.address()).is_ok_and(|answer| answer.starts_with("+PONG")) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("it runs");
        let sent = Command::new("kill")
            .args([format!("-{signal}"), process.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -{signal}");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
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

fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("countersign-redis-{}-{number}", std::process::id());
    let folder = Path::new(&std::env::temp_dir()).join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

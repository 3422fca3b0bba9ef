//! What servers of one's own have in common: a folder, a port that stays theirs, a process, and a log to read when it fails.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

#[path = "port.rs"]
mod port;

pub(crate) use port::Port;

/// What is installed, or it says LOUDLY that the test is skipped. In CI, where nothing may be skipped, it fails.
pub(crate) fn or_skip<T>(installed: Option<T>, test: &str, why: &str) -> Option<T> {
    if installed.is_none() {
        assert!(std::env::var_os("CI").is_none(), "SKIPPED in CI: {test}: {why}");
        let _ = writeln!(io::stderr(), "SKIPPED: {test}: {why}");
    }
    installed
}

/// Its folder is cleared away when it is dropped. To end the process is for its owner, who knows how.
pub(crate) struct OwnServer {
    pub(crate) folder: PathBuf,
    pub(crate) port: Port,
    process: Option<Child>,
}

impl OwnServer {
    pub(crate) fn new(kind: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("countersign-{kind}-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        Self {
            folder,
            port: Port::reserve(),
            process: None,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port.number).into()
    }

    pub(crate) fn run(&mut self, command: &mut Command) {
        let log = || {
            let appended = std::fs::File::options()
                .create(true)
                .append(true)
                .open(self.log_file());
            appended.expect("a log")
        };
        let process = command.stdin(Stdio::null()).stdout(log()).stderr(log()).spawn();
        self.process = Some(process.expect("it was found"));
    }

    /// Whether it answers before patience ends, or it does.
    pub(crate) fn answers(&mut self, patience: Duration, answer: impl Fn(SocketAddr) -> bool) -> bool {
        let began = Instant::now();
        while began.elapsed() < patience && self.is_running() {
            if answer(self.address()) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    fn is_running(&mut self) -> bool {
        let process = self.process.as_mut();
        process.is_some_and(|process| matches!(process.try_wait(), Ok(None)))
    }

    /// The number of its process, while it has one.
    pub(crate) fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Waits until the process has ended, of which `end` is told.
    pub(crate) fn end(&mut self, end: impl FnOnce(&mut Child)) {
        if let Some(mut process) = self.process.take() {
            end(&mut process);
            let _ = process.wait();
        }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("log")
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// To all of these processes, as far as they are still there.
pub(crate) fn signal(name: &str, processes: &[u32]) {
    let processes = processes.iter().map(u32::to_string);
    let sent = Command::new("kill")
        .arg(format!("-{name}"))
        .args(processes)
        .status();
    assert!(sent.is_ok(), "kill -{name}");
}

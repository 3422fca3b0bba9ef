//! The example's own binary, as a process.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, SystemTime};
use std::{env, fs, thread};

use crate::process::Running;
use crate::world::World;

/// A line of the receiver's comes at once, or not at all.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Receiver {
    process: Running,
    pub(crate) port: u16,
    /// The curl command that it prints.
    pub(crate) curl: String,
    lines: mpsc::Receiver<String>,
}

impl Receiver {
    /// With the options that it needs, and these.
    pub(crate) fn start(world: &World, more: &[&str]) -> Self {
        Self::start_with(&world.options(more))
    }

    /// With these options alone.
    pub(crate) fn start_with(options: &[impl AsRef<OsStr>]) -> Self {
        let mut process = Running::start(Command::new(binary()).args(options));
        let (sender, lines) = mpsc::channel();
        // What it says on standard error, a panic say, is an event that no test expects.
        send_lines(process.0.stdout.take().expect("a pipe"), sender.clone());
        send_lines(process.0.stderr.take().expect("a pipe"), sender);
        let mut receiver = Self {
            process,
            port: 0,
            curl: String::new(),
            lines,
        };
        let address = receiver.lines_until("listening on ");
        let port = address
            .strip_prefix("listening on https://127.0.0.1:")
            .and_then(|rest| rest.strip_suffix("/hooks"));
        receiver.port = port
            .and_then(|port| port.parse().ok())
            .unwrap_or_else(|| panic!("{address}"));
        receiver.curl = receiver.paragraph();
        receiver
    }

    fn lines_until(&self, start: &str) -> String {
        let mut lines = std::iter::repeat_with(|| self.line());
        lines.find(|line| line.starts_with(start)).unwrap_or_default()
    }

    fn paragraph(&self) -> String {
        let lines = std::iter::repeat_with(|| self.line()).skip_while(String::is_empty);
        lines
            .take_while(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The next event, without the reason in words and without the peer's port.
    pub(crate) fn event(&self) -> String {
        let line = self.line();
        let line = line.split(" (").next().unwrap_or_default();
        line.split(" peer=").next().unwrap_or_default().to_owned()
    }

    fn line(&self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("the receiver says nothing"),
            Err(RecvTimeoutError::Disconnected) => panic!("the receiver is gone"),
        }
    }

    /// Nothing has happened but what was asked for.
    pub(crate) fn assert_nothing_else(self) {
        drop(self.process);
        assert_eq!(self.lines.into_iter().collect::<Vec<_>>(), Vec::<String>::new());
    }
}

fn send_lines(pipe: impl Read + Send + 'static, lines: mpsc::Sender<String>) {
    let pipe = BufReader::new(pipe);
    thread::spawn(move || {
        pipe.lines()
            .map_while(Result::ok)
            .try_for_each(|line| lines.send(line))
    });
}

/// Where cargo has built the example. `cargo test --test interop` alone builds no examples, so what is missing or out
/// of date is built here.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let test = env::current_exe().expect("a path");
        let profile = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
        let binary = profile
            .join("examples")
            .join("receiver")
            .with_extension(env::consts::EXE_EXTENSION);
        if !is_up_to_date(&binary) {
            build(profile);
        }
        binary
    })
}

/// Whether none of its sources, which cargo lists beside it, is newer.
fn is_up_to_date(binary: &Path) -> bool {
    let modified = |file: &Path| fs::metadata(file).and_then(|metadata| metadata.modified()).ok();
    let sources = fs::read_to_string(binary.with_extension("d")).unwrap_or_default();
    let Some((built, (_, sources))) = modified(binary).zip(sources.split_once(": ")) else {
        return false;
    };
    // Spaces in a path are escaped, which makes its pieces files that do not exist: then it is built.
    let newer =
        |source: &str| modified(Path::new(source)).is_none_or(|modified: SystemTime| modified > built);
    !sources.split_whitespace().any(newer)
}

fn build(profile: &Path) {
    let profile = match profile.file_name().and_then(|name| name.to_str()) {
        None | Some("debug") => "dev",
        Some(name) => name,
    };
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the target directory");
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--example",
            "receiver",
            "--profile",
            profile,
            "--target-dir",
        ])
        .arg(target)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "the example is not to be built"
    );
}

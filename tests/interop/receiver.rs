//! The example's own binary, as a process.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::endings::ends_on;
use crate::example::example;
use crate::process::Running;
use crate::world::{World, argument};

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
        let mut receiver = Self::spawn(options);
        let address = receiver.lines_until("listening on ");
        receiver.port = port("listening on ", &address, "/hooks");
        receiver.curl = receiver.paragraph();
        receiver
    }

    /// On files of its own, which it writes to this folder.
    pub(crate) fn demo(folder: &Path) -> Self {
        Self::start_with(&["--listen", "127.0.0.1:0", "--demo", argument(folder)])
    }

    /// One that admits nobody, with these options alone.
    pub(crate) fn enrol(options: &[impl AsRef<OsStr>]) -> Self {
        let mut receiver = Self::spawn(options);
        let address = receiver.lines_until("enrolling on ");
        receiver.port = port("enrolling on ", &address, ", admitting nobody");
        receiver
    }

    fn spawn(options: &[impl AsRef<OsStr>]) -> Self {
        let mut process = Running::start(Command::new(binary()).args(options));
        let (sender, lines) = mpsc::channel();
        // What it says on standard error, a panic say, is an event that no test expects.
        send_lines(process.0.stdout.take().expect("a pipe"), sender.clone());
        send_lines(process.0.stderr.take().expect("a pipe"), sender);
        Self {
            process,
            port: 0,
            curl: String::new(),
            lines,
        }
    }

    /// All that it says up to an event, and the event.
    pub(crate) fn report(&self) -> (Vec<String>, String) {
        let mut lines = Vec::new();
        loop {
            let line = self.line();
            if line.starts_with("handshake failed ") {
                return (lines, event_of(line));
            }
            lines.push(line);
        }
    }

    fn lines_until(&self, start: &str) -> String {
        let mut lines = std::iter::repeat_with(|| self.line());
        lines.find(|line| line.starts_with(start)).unwrap_or_default()
    }

    /// What it says up to an empty line.
    pub(crate) fn paragraph(&self) -> String {
        let lines = std::iter::repeat_with(|| self.line()).skip_while(String::is_empty);
        lines
            .take_while(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The next event.
    pub(crate) fn event(&self) -> String {
        event_of(self.line())
    }

    fn line(&self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("the receiver says nothing"),
            Err(RecvTimeoutError::Disconnected) => panic!("the receiver is gone"),
        }
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn ends_on(mut self, signal: &str) -> Option<i32> {
        ends_on(&mut self.process, signal)
    }

    /// Nothing has happened but what was asked for.
    pub(crate) fn assert_nothing_else(self) {
        drop(self.process);
        assert_eq!(self.lines.into_iter().collect::<Vec<_>>(), Vec::<String>::new());
    }
}

fn port(before: &str, line: &str, after: &str) -> u16 {
    let port = line
        .strip_prefix(before)
        .and_then(|rest| rest.strip_prefix("https://127.0.0.1:"))
        .and_then(|rest| rest.strip_suffix(after));
    port.and_then(|port| port.parse().ok())
        .unwrap_or_else(|| panic!("{line}"))
}

/// An event without the reason in words and without the peer's port: `refused code=CODE tenant=TENANT`.
fn event_of(line: String) -> String {
    let value = |field: &str| {
        let (_, rest) = line.split_once(&format!(" {field}=\""))?;
        Some(rest.split('"').next().unwrap_or_default().to_owned())
    };
    let (Some((message, _)), Some(code)) = (line.split_once(" peer="), value("code")) else {
        return line;
    };
    match message {
        "refused" => format!(
            "refused code={code} tenant={}",
            value("tenant").unwrap_or("-".into())
        ),
        _ => format!("{message} code={code}"),
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

pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| example("receiver"))
}

//! Other programs, which end in bounded time whatever they do.

use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use std::{env, fs, io, thread};

/// How long it takes to see that a program has ended, at most.
const PAUSE: Duration = Duration::from_millis(5);
/// How often to look: for two minutes, where no client needs a second, but a compiler on a busy machine may need one.
const LOOKS: usize = 24_000;

/// What a program did.
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// Runs a program to its end, and kills it when that does not come.
pub(crate) fn run(command: &mut Command) -> Outcome {
    run_with_input(command, b"")
}

/// The same, with this on its standard input, which stays open: clients take its end for the end of the connection.
pub(crate) fn run_with_input(command: &mut Command, input: &[u8]) -> Outcome {
    let mut running = Running::start(command);
    let mut stdin = running.0.stdin.take().expect("a pipe");
    let stdout = read_aside(running.0.stdout.take().expect("a pipe"));
    let stderr = read_aside(running.0.stderr.take().expect("a pipe"));
    // A program that does not want to read has its reasons, and gives them on its other pipes.
    let _ = stdin.write_all(input).and_then(|()| stdin.flush());
    let ended = running.end();
    drop(running);
    let (stdout, stderr) = (stdout.join().expect("text"), stderr.join().expect("text"));
    let Some(status) = ended else {
        panic!("{command:?} did not end: {stdout}{stderr}");
    };
    Outcome {
        status,
        stdout,
        stderr,
    }
}

fn read_aside(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A process that is killed when it goes out of scope.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Starts it with pipes, and in plain English.
    pub(crate) fn start(command: &mut Command) -> Self {
        command
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let started = command.spawn();
        Self(started.unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// For a server that cannot be told to take any free port: it gets one, unless somebody else is faster.
    pub(crate) fn on_free_port(mut command: impl FnMut(u16) -> Command) -> (u16, Self) {
        let start = |_| {
            let free = TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = free.local_addr().expect("an address").port();
            drop(free);
            let mut process = Self::start(&mut command(port));
            process.is_up(port).then_some((port, process))
        };
        (0..5).find_map(start).expect("the server starts")
    }

    /// Waits until it listens there: in vain, where it ends before.
    pub(crate) fn is_up(&mut self, port: u16) -> bool {
        for _ in 0..1_000 {
            if self.0.try_wait().expect("a child process").is_some() {
                return false;
            }
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(_) => return true,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused),
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// Waits for its end, if that comes.
    pub(crate) fn end(&mut self) -> Option<ExitStatus> {
        (0..LOOKS).find_map(|_| {
            thread::sleep(PAUSE);
            self.0.try_wait().expect("a child process")
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program on the path, or where Debian keeps servers and only root looks.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
}

/// What was found, or else says LOUDLY that a test is skipped. In CI, where nothing may be skipped, it fails.
pub(crate) fn or_skip<T>(test: &str, found: Result<T, String>) -> Option<T> {
    match found {
        Ok(found) => Some(found),
        Err(why) => {
            assert!(env::var_os("CI").is_none(), "SKIPPED in CI: {test}: {why}");
            // Not `eprintln!`, which the test harness keeps to itself when the test passes.
            let _ = writeln!(io::stderr(), "SKIPPED: {test}: {why}");
            None
        }
    }
}

/// Where tests may leave what the next run can use again: `target/interop`.
pub(crate) fn workshop() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the target directory");
    let workshop = target.join("interop");
    fs::create_dir_all(&workshop).expect("a directory");
    workshop
}

//! How the examples end that end by themselves: with a reader that has gone away, or asked to.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Running, find, or_skip, run, workshop};
use crate::senders::binary;
use crate::world::argument;

/// A folder for temporary files of one test's processes.
struct Temporary(PathBuf);

impl Temporary {
    fn new(test: &str) -> Self {
        let folder = workshop().join(format!("endings-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn start(&self, example: &str, options: &[&str]) -> Running {
        Running::start(Command::new(binary(example)).args(options).env("TMPDIR", &self.0))
    }

    /// What lies there, and the processes whose command line speaks of it.
    fn left(&self) -> Vec<String> {
        let names = |folder: &Path| {
            let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
            entries.map(|entry| entry.path()).collect::<Vec<_>>()
        };
        let here = argument(&self.0);
        let commands = names(Path::new("/proc")).into_iter().filter_map(|process| {
            let command = fs::read(process.join("cmdline")).ok()?;
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            command.contains(here).then_some(command)
        });
        let files = names(&self.0).into_iter().map(|path| path.display().to_string());
        files.chain(commands).collect()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The first line, after which nobody reads any more.
fn first_line(running: &mut Running) -> String {
    let mut line = String::new();
    let pipe = running.0.stdout.take().expect("a pipe");
    BufReader::new(pipe).read_line(&mut line).expect("a line");
    line
}

fn complaint(running: &mut Running) -> String {
    let mut text = String::new();
    let mut pipe = running.0.stderr.take().expect("a pipe");
    pipe.read_to_string(&mut text).expect("text");
    text
}

fn redis(test: &str) -> bool {
    let found = find("redis-server").ok_or("no redis-server is installed".to_owned());
    or_skip(test, found).is_some()
}

/// Asks it to end, and waits until it has.
pub(crate) fn ends_on(running: &mut Running, signal: &str) -> Option<i32> {
    let process = running.0.id().to_string();
    let sent = Command::new("kill").args([signal, &process]).status();
    assert!(sent.is_ok_and(|status| status.success()), "kill {signal}");
    running.end().and_then(|status| status.code())
}

/// One line with the program's name, and the exit code of what could not start: whoever has seen it once knows it in all.
#[test]
fn all_examples_answer_a_mistake_alike() {
    let names = [
        "axum",
        "dispatcher",
        "doctor",
        "fleet",
        "incoming_proxy",
        "observed",
        "outgoing_proxy",
        "quickstart",
        "receiver",
    ];
    for name in names {
        let output = Command::new(binary(name)).arg("--frobnicate").output();
        let output = output.expect("it starts");
        let text = String::from_utf8_lossy(&output.stderr);
        let told = text
            .strip_prefix(&format!("{name}: "))
            .map(|rest| rest.lines().count());
        assert_eq!((output.status.code(), told), (Some(2), Some(1)), "{name}: {text}");
    }
}

/// `| head -1`.
#[test]
fn a_reader_that_goes_away_is_no_reason_to_panic() {
    let temporary = Temporary::new("head");
    for (example, options, begins) in [
        ("quickstart", &[][..], "tried "),
        ("dispatcher", &["--demo"], "tenant "),
        ("outgoing_proxy", &["--demo"], "POST /acme"),
        ("fleet", &[], "Redis at 127.0.0.1:"),
    ] {
        if example == "fleet" && !redis("fleet | head -1") {
            continue;
        }
        let mut running = temporary.start(example, options);
        let line = first_line(&mut running);
        assert!(line.starts_with(begins), "{example}: {line}");
        let code = running.end().and_then(|status| status.code());
        assert_eq!(
            (complaint(&mut running).as_str(), code),
            ("", Some(0)),
            "{example}"
        );
        assert_eq!(temporary.left(), Vec::<String>::new(), "{example}");
    }
}

#[test]
fn a_fleet_that_is_asked_to_end_leaves_no_redis_and_no_folder() {
    if !redis("fleet on signals") {
        return;
    }
    let temporary = Temporary::new("signals");
    for signal in ["-INT", "-TERM"] {
        let mut running = temporary.start("fleet", &[]);
        first_line(&mut running);
        assert_ne!(temporary.left(), Vec::<String>::new(), "its Redis is seen");
        let code = ends_on(&mut running, signal);
        let told = "fleet: asked to end before it was done\n";
        assert_eq!(
            (complaint(&mut running).as_str(), code),
            (told, Some(2)),
            "{signal}"
        );
        assert_eq!(temporary.left(), Vec::<String>::new(), "{signal}");
    }
}

#[test]
fn the_small_receiver_that_is_asked_to_end_leaves_no_folder() {
    let temporary = Temporary::new("axum");
    for signal in ["-INT", "-TERM"] {
        let mut running = temporary.start("axum", &["mutual-tls"]);
        let line = first_line(&mut running);
        assert!(line.contains(argument(&temporary.0)), "where the key is: {line}");
        let code = ends_on(&mut running, signal);
        assert_eq!(
            (complaint(&mut running).as_str(), code),
            ("", Some(0)),
            "{signal}"
        );
        assert_eq!(temporary.left(), Vec::<String>::new(), "{signal}");
    }
}

/// Where it is, and never by which password.
#[test]
fn a_redis_that_is_not_there_is_told_by_its_address() {
    for (url, expected) in [
        (
            "redis://user:swordfish@127.0.0.1:1/0",
            "fleet: the Redis at 127.0.0.1:1: the replay store is unavailable: ",
        ),
        ("redis//user:swordfish@127.0.0.1:1", "fleet: --redis: "),
    ] {
        let outcome = run(Command::new(binary("fleet")).args(["--redis", url]));
        assert_eq!(
            (outcome.status.code(), outcome.stdout.as_str()),
            (Some(2), ""),
            "{url}"
        );
        assert!(outcome.stderr.starts_with(expected), "{url}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("swordfish"), "{url}: {}", outcome.stderr);
    }
}

//! `doctor endpoint`: it finds what a careless receiver lets through, and nothing at `examples/receiver.rs`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, id};

use serde_json::Value;

use crate::example::example;
use crate::process::{Running, find, or_skip, run, workshop};
use crate::receiver::Receiver;
use crate::world::{World, argument};

pub(crate) const SECRET: &str = "whsec_YWNtZS1zZWNyZXQtb2YtMzItYnl0ZXMtZm9yLXRlc3Q=";

/// `examples/careless.py`, and its port.
pub(crate) fn careless() -> Option<(u16, Running)> {
    let python = find("python3").ok_or_else(|| "python3 is not there".to_owned());
    let python = or_skip("a careless receiver", python)?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/careless.py");
    let mut process = Running::start(Command::new(python).arg(script).env("ACME_SECRET", SECRET));
    let mut line = String::new();
    let stdout = process.0.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let port = line.trim().trim_end_matches('/').rsplit(':').next();
    let port = port.and_then(|port| port.parse().ok());
    Some((port.unwrap_or_else(|| panic!("no port: {line}")), process))
}

/// How it ends, and what it says of each that was tried.
fn play(words: &[&str]) -> (Option<i32>, Vec<(String, String)>) {
    let mut command = Command::new(example("doctor"));
    let outcome = run(command
        .args(["endpoint", "--json", "--scheme", "standard_webhooks"])
        .args(words));
    let value: Value =
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {}", outcome.text()));
    let text = |row: &Value, key: &str| {
        row.get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let rows = value.as_array().expect("rows").iter();
    let announced = format!("sending {} deliveries to ", rows.len());
    assert!(
        outcome.stderr.starts_with(&announced) || rows.len() == 1,
        "{}",
        outcome.stderr
    );
    (
        outcome.status.code(),
        rows.map(|row| (text(row, "tried"), text(row, "verdict")))
            .collect(),
    )
}

fn of<'r>(rows: &'r [(String, String)], verdict: &str) -> Vec<&'r str> {
    let rows = rows.iter().filter(|(_, said)| said == verdict);
    rows.map(|(tried, _)| tried.as_str()).collect()
}

#[test]
fn what_a_careless_receiver_lets_through_is_found() {
    let Some((port, _running)) = careless() else {
        return;
    };
    let world = World::empty("doctor-careless");
    let key = world.write("key.txt", SECRET);
    let url = format!("http://127.0.0.1:{port}/");
    let (ended, rows) = play(&[&url, "--key-file", argument(&key)]);
    let through = [
        "white space after the body",
        "no signature",
        "the signature's field twice",
        "signed ten minutes ago",
        "signed ten minutes ahead",
        "a body over the limit",
    ];
    assert_eq!((of(&rows, "got through"), ended), (through.to_vec(), Some(1)));
    assert_eq!(
        of(&rows, "passed"),
        [
            "a good delivery",
            "one word of the body changed",
            "an empty signature"
        ]
    );

    // Where the good one is refused, nothing else says anything.
    let wrong = world.write("wrong.txt", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    let (ended, rows) = play(&[&url, "--key-file", argument(&wrong)]);
    assert_eq!(
        (rows.len(), of(&rows, "refused"), ended),
        (1, vec!["a good delivery"], Some(1))
    );
}

#[test]
fn nothing_gets_through_to_the_receiver() {
    let folder = workshop().join(format!("doctor-receiver-{}", id()));
    let _ = fs::remove_dir_all(&folder);
    let receiver = Receiver::start_with(&["--listen", "127.0.0.1:0", "--demo", argument(&folder)]);
    let file = |name: &str| argument(&folder.join(name)).to_owned();
    let keys = fs::read_to_string(folder.join("keys.txt")).expect("keys");
    for tenant in ["acme", "globex"] {
        let prefix = format!("{tenant} demo ");
        let secret = keys
            .lines()
            .find_map(|line| line.strip_prefix(&prefix))
            .expect("a key");
        fs::write(folder.join(format!("{tenant}.txt")), secret).expect("a file");
    }
    let url = format!("https://localhost:{}/hooks", receiver.port);
    let files = [
        ("--key-file", file("acme.txt")),
        ("--other-key-file", file("globex.txt")),
        ("--ca", file("server-ca.pem")),
        ("--cert", file("acme.pem")),
        ("--key", file("acme.key")),
        ("--other-cert", file("globex.pem")),
        ("--other-key", file("globex.key")),
    ];
    let words = files.iter().flat_map(|(option, file)| [*option, file.as_str()]);
    let words: Vec<_> = std::iter::once(url.as_str()).chain(words).collect();
    let (ended, rows) = play(&words);
    assert_eq!((of(&rows, "got through"), ended), (vec![], Some(0)));
    assert_eq!(of(&rows, "passed").len(), 13, "{rows:?}");
    assert_eq!(of(&rows, "look"), ["the same again", "a host of nobody's"]);
    let _ = fs::remove_dir_all(&folder);
}

/// Nobody is sent anything by mistake.
#[test]
fn beyond_loopback_it_asks_first() {
    let world = World::empty("doctor-beyond");
    let key = world.write("key.txt", SECRET);
    let told = |words: &[&str]| {
        let mut command = Command::new(example("doctor"));
        let outcome = run(command
            .args(["endpoint", "--key-file", argument(&key)])
            .args(words));
        assert_eq!(
            (outcome.status.code(), outcome.stdout.as_str()),
            (Some(2), ""),
            "{words:?}"
        );
        assert!(!outcome.stderr.contains("YWNtZS1"), "{}", outcome.stderr);
        outcome.stderr
    };
    for (words, expected) in [
        (
            &["https://192.0.2.1/hooks", "--scheme", "github"][..],
            "beyond loopback",
        ),
        (&["ftp://127.0.0.1/", "--scheme", "github"], "is no URL"),
        (
            &["http://127.0.0.1:1/", "--scheme", "nobody"],
            "--scheme \"nobody\"",
        ),
        (
            &["http://127.0.0.1:1/", "--scheme", "github"],
            "check that somebody listens",
        ),
        (&["http://127.0.0.1:1/"], "--scheme NAME is missing"),
    ] {
        let line = told(words);
        assert!(line.contains(expected), "{words:?}: {line}");
    }
}

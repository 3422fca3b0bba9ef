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
type Told = (Option<i32>, Vec<(String, String)>);

fn play(words: &[&str]) -> Told {
    play_by("standard_webhooks", words)
}

fn play_by(scheme: &str, words: &[&str]) -> Told {
    let mut command = Command::new(example("doctor"));
    let outcome = run(command
        .args(["endpoint", "--json", "--scheme", scheme])
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
    // A retry is two.
    let retries = rows.clone().filter(|row| text(row, "tried").contains(" after "));
    let retries = retries.filter(|row| text(row, "expected") == "accepted").count();
    let announced = format!("sending {} deliveries to ", rows.len() + retries);
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
            "a retry after its connection broke",
            "a retry after its answer was lost",
            "a delivery after a forgery of its id",
            "one bit of the body changed",
            "an empty signature",
            "a compressed body, signed as sent",
            "a compressed body, signed before",
            "one that unpacks to over the limit",
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
    let receiver = Receiver::demo(&folder);
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
    assert_eq!(of(&rows, "passed").len(), 18, "{rows:?}");
    let look = [
        "the same again",
        "a compressed body, signed as sent",
        "a host of nobody's",
    ];
    assert_eq!(of(&rows, "look"), look);
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
        (
            &["http://127.0.0.1:1/", "--scheme", "telegram"],
            "it is a fixed secret",
        ),
        (
            &["http://127.0.0.1:1/", "--scheme", "paypal"],
            "paypal: what it signs is not the whole body",
        ),
        (
            &["http://127.0.0.1:1/", "--scheme", "ebay"],
            "ebay: the endpoint fetches the provider's key",
        ),
        (
            &["http://127.0.0.1:1/", "--scheme", "discord"],
            "discord needs the private key in PEM, for Ed25519",
        ),
    ] {
        let line = told(words);
        assert!(line.contains(expected), "{words:?}: {line}");
    }
}

/// `endpoint.mjs`, careful but for one thing, and its port.
fn careful_but(scheme: &str, careless: &str) -> Option<(u16, Running)> {
    let node = find("node").ok_or_else(|| "node is not there".to_owned());
    let node = or_skip("an endpoint in Node", node)?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/interop/endpoint.mjs");
    let mut command = Command::new(node);
    command
        .arg(script)
        .env("SCHEME", scheme)
        .env("SECRET", SECRET)
        .env("CARELESS", careless);
    if scheme == "discord" {
        command.env("PUBLIC_KEY", PUBLIC_KEY);
    }
    let mut process = Running::start(&mut command);
    let mut line = String::new();
    let stdout = process.0.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let port = line.trim().parse();
    Some((port.unwrap_or_else(|_| panic!("no port: {line}")), process))
}

const PRIVATE_KEY: &str = include_str!("../support/jose/ed25519.pem");
const PUBLIC_KEY: &str = include_str!("../support/jose/ed25519.pub.pem");

/// What is said of an endpoint that is careful but for one thing.
fn played(scheme: &str, careless: &str) -> Option<Told> {
    let (port, _running) = careful_but(scheme, careless)?;
    let world = World::empty(&format!("doctor-{scheme}-{careless}"));
    let text = if scheme == "discord" { PRIVATE_KEY } else { SECRET };
    let key = world.write("key.txt", text);
    let url = format!("http://127.0.0.1:{port}/hooks?tenant=acme");
    Some(play_by(scheme, &[&url, "--key-file", argument(&key)]))
}

#[test]
fn what_a_retry_meets_is_told() {
    let cases: [(&str, &[&str], &[&str]); 4] = [
        ("", &[], &[]),
        (
            "half",
            &["a retry after its connection broke"],
            &["a delivery after a forgery of its id"],
        ),
        ("forged", &["a delivery after a forgery of its id"], &[]),
        ("lost", &["a retry after its answer was lost"], &[]),
    ];
    for (careless, refused, also) in cases {
        let Some((ended, rows)) = played("standard_webhooks", careless) else {
            return;
        };
        let expected: Vec<_> = refused.iter().chain(also).copied().collect();
        assert_eq!(of(&rows, "refused"), expected, "{careless}: {rows:?}");
        assert_eq!(
            of(&rows, "got through"),
            Vec::<&str>::new(),
            "{careless}: {rows:?}"
        );
        assert_eq!(ended, Some(i32::from(!expected.is_empty())), "{careless}");
        assert!(rows.len() > 15, "a retry that is refused ends nothing: {rows:?}");
    }
    // Whoever is told to come later comes later.
    let Some((ended, rows)) = played("standard_webhooks", "busy") else {
        return;
    };
    assert!(
        of(&rows, "look").contains(&"a retry after its answer was lost"),
        "{rows:?}"
    );
    assert_eq!(ended, Some(0));
}

#[test]
fn what_is_unpacked_before_it_is_verified_is_told() {
    let Some((ended, rows)) = played("standard_webhooks", "unpack") else {
        return;
    };
    assert_eq!(
        of(&rows, "got through"),
        ["one that unpacks to over the limit"],
        "{rows:?}"
    );
    assert!(
        of(&rows, "look").contains(&"a compressed body, signed before"),
        "{rows:?}"
    );
    assert_eq!(ended, Some(1));
}

#[test]
fn what_signs_the_url_is_played_too() {
    for (careless, expected) in [
        ("", None),
        ("path", Some("signed for another path")),
        ("host", Some("signed for another host, and sent under it")),
    ] {
        let Some((ended, rows)) = played("square", careless) else {
            return;
        };
        let expected: Vec<_> = expected.into_iter().collect();
        assert_eq!(of(&rows, "got through"), expected, "{careless}: {rows:?}");
        assert_eq!(ended, Some(i32::from(!expected.is_empty())), "{careless}");
        let timed = rows.iter().any(|(tried, _)| tried.contains("ten minutes"));
        assert!(!timed, "no time is signed: {rows:?}");
    }
}

/// Twilio signs fields of a form, and writes no time.
#[test]
fn twilios_forms_are_played() {
    let Some((ended, rows)) = played("twilio", "") else {
        return;
    };
    assert_eq!(
        (of(&rows, "got through"), of(&rows, "refused"), ended),
        (vec![], vec![], Some(0)),
        "{rows:?}"
    );
    assert!(
        of(&rows, "passed").contains(&"signed for another path"),
        "{rows:?}"
    );
    let packed = |(tried, _): &(String, String)| tried == "a compressed body, signed as sent";
    assert!(!rows.iter().any(packed), "no form: {rows:?}");
}

#[test]
fn what_is_signed_with_a_private_key_is_played_too() {
    for (careless, expected) in [
        ("", &[][..]),
        ("time", &["signed ten minutes ago", "signed ten minutes ahead"]),
    ] {
        let Some((ended, rows)) = played("discord", careless) else {
            return;
        };
        assert_eq!(of(&rows, "got through"), expected, "{careless}: {rows:?}");
        assert_eq!(ended, Some(i32::from(!expected.is_empty())), "{careless}");
        assert!(of(&rows, "passed").contains(&"no signature"), "{rows:?}");
    }
}

//! Every mistake in the file is told in one line: the file, the line, the key, and what to do.

use super::world::{Platform, SAMPLE};
use crate::process::run;
use crate::senders::binary;
use std::process::Command;

/// What is written in the place of what, and what is said. `PROXY` is the file.
#[rustfmt::skip]
const MISTAKES: &[(&str, &str, &str)] = &[
    ("listen = \"127.0.0.1:8443\"", "", "TODO"),
];

#[test]
fn every_mistake_is_one_line() {
    let platform = Platform::new("mistakes");
    for (file, text) in [
        ("empty", ""),
        ("two-words.txt", "\nacme swordfish\n"),
        ("short.txt", "acme 2026 whsec_c3dvcmRmaXNo\n"),
        ("bad-pins.txt", "# acme\nsha256/AAAA\n"),
    ] {
        platform.write(file, text);
    }
    let folder = platform.path("").display().to_string();
    let mut wrong = Vec::new();
    for (from, to, expected) in MISTAKES {
        assert!(SAMPLE.contains(from), "{from}");
        let outcome = run(&mut platform.command(&SAMPLE.replacen(from, to, 1)));
        let told = outcome.stderr.replace(&folder, "");
        let told = (outcome.status.code(), outcome.stdout.as_str(), told.as_str());
        let expected = format!("incoming_proxy: {expected}\n");
        if told != (Some(2), "", expected.as_str()) {
            wrong.push(format!("{from:?} -> {to:?}: {told:?}"));
        }
        for secret in ["swordfish", "c3dvcmRmaXNo"] {
            assert!(!outcome.text().contains(secret), "{to}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn mistakes_on_the_command_line() {
    let told = |options: &[&str]| {
        let outcome = run(Command::new(binary("incoming_proxy")).args(options));
        (outcome.status.code(), outcome.stderr)
    };
    for (options, expected) in [
        (
            &[][..],
            "--config FILE is missing; --help explains it, and --demo tries it without",
        ),
        (
            &["--config"],
            "missing argument for option '--config'; --help lists the options",
        ),
        (
            &["--config", "missing.toml"],
            "--config missing.toml cannot be read (No such file or directory (os error 2)); check that it is a text file and that this process may read it",
        ),
        (
            &["--config", "a", "--config", "b"],
            "--config stands twice; give it once",
        ),
        (
            &["--config", "a", "--demo"],
            "--demo brings its own files; leave the other options out",
        ),
        (
            &["proxy.toml"],
            "unexpected argument \"proxy.toml\"; --help lists the options",
        ),
    ] {
        assert_eq!(
            told(options),
            (Some(2), format!("incoming_proxy: {expected}\n")),
            "{options:?}"
        );
    }
}

/// The README shows what it prints.
#[test]
fn the_demo_judges_itself_and_stands_in_the_readme() {
    let outcome = run(Command::new(binary("incoming_proxy")).arg("--demo"));
    assert_eq!(
        (outcome.status.code(), outcome.stderr.as_str()),
        (Some(0), ""),
        "{}",
        outcome.stdout
    );
    let readme = include_str!("../../../README.md");
    let lines: Vec<_> = outcome.stdout.lines().map(str::trim_end).collect();
    assert!(
        readme.contains(&lines.join("\n")),
        "README.md does not show:\n{}",
        outcome.stdout
    );
}

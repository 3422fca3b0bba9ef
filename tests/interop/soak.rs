//! The soak for a few seconds: that it ends well, and that it finds what is planted. Half an hour of it is `.ci/long soak`.

use std::process::Command;

use crate::example::example;
use crate::process::{Outcome, find, or_skip, run};

/// Redis and PostgreSQL, each a real one.
fn stores(test: &str) -> bool {
    let redis = find("redis-server").or_else(|| find("valkey-server"));
    let redis = redis.ok_or("no redis-server is installed".to_owned());
    let postgres = std::path::Path::new("/usr/lib/postgresql").is_dir()
        || std::env::var_os("COUNTERSIGN_POSTGRES").is_some();
    let postgres = postgres
        .then_some(())
        .ok_or("no PostgreSQL is installed".to_owned());
    or_skip(test, redis).is_some() && or_skip(test, postgres).is_some()
}

fn soak(seconds: &str, plant: &str) -> Outcome {
    run(Command::new(example("soak"))
        .env("SOAK_SECONDS", seconds)
        .env("SOAK_PLANT", plant))
}

/// What it says of each thing that it judges.
fn judged(outcome: &Outcome, what: &str) -> bool {
    let line = |begin: &str| {
        outcome
            .stdout
            .lines()
            .any(|line| line.starts_with(&format!("{begin}{what}: ")))
    };
    assert!(line("ok    ") != line("WRONG "), "{what}: {}", outcome.text());
    line("ok    ")
}

#[test]
fn a_short_soak_ends_well() {
    if !stores("soak") {
        return;
    }
    let outcome = soak("10", "");
    assert!(outcome.status.success(), "{}", outcome.text());
    for what in [
        "panics",
        "wrong verdicts",
        "handled twice",
        "resident memory",
        "descriptors",
    ] {
        assert!(judged(&outcome, what), "{}", outcome.text());
    }
}

#[test]
fn what_is_planted_is_found() {
    if !stores("what is planted in a soak") {
        return;
    }
    for (plant, what) in [
        ("verdict", "wrong verdicts"),
        ("panic", "panics"),
        ("descriptors", "descriptors"),
    ] {
        let outcome = soak("4", plant);
        assert_eq!(outcome.status.code(), Some(1), "{plant}: {}", outcome.text());
        assert!(!judged(&outcome, what), "{plant}: {}", outcome.text());
    }
}

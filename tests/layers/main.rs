//! WHO MAY USE WHOM? The arrows of `docs/design.md`, checked on the source text of `src/`.
//!
//! Comments, literals and test modules do not count: they never become part of the library.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests say what they expect by failing loudly"
)]

mod broken;
mod documents;
mod examples;
mod foreign;
mod reading;

use std::{collections::BTreeSet, fs, io, path::Path};

use reading::{File, NamedPath, Parsed};

const FIVE: &[&str] = &["identity", "trust", "tenant", "payload", "replay"];
const CORE: &[&str] = &[
    "pem",
    "identity",
    "expiry",
    "trust",
    "tenant",
    "payload",
    "replay",
    "refusal",
    "observe",
    "live",
    "gate",
    "breaker",
    "address",
    "proxy_protocol",
    "usage",
    "codes",
];

/// The house from the ground up: each room, and what it may use. A row names only rooms of rows above it.
const ROOMS: &[(&str, &[&[&str]])] = &[
    ("codes", &[]),
    ("date", &[]),
    ("pem", &[]),
    ("address", &[]),
    ("proxy_protocol", &[&["address", "codes"]]),
    ("recent", &[]),
    ("breaker", &[&["date", "codes"]]),
    ("clock", &[]),
    ("generation", &[]),
    ("usage", &[&["date", "codes"]]),
    ("identity", &[&["pem", "codes"]]),
    ("expiry", &[&["identity", "date"]]),
    (
        "trust",
        &[&["identity", "expiry", "pem", "date", "usage", "recent", "codes"]],
    ),
    ("elsewhere", &[&["clock", "recent"]]),
    (
        "tenant",
        &[&["trust", "identity", "elsewhere", "clock", "generation", "codes"]],
    ),
    ("replay", &[&["tenant", "clock", "date", "codes"]]),
    (
        "payload",
        &[&[
            "replay",
            "tenant",
            "identity",
            "elsewhere",
            "expiry",
            "pem",
            "clock",
            "date",
            "usage",
            "codes",
        ]],
    ),
    ("refusal", &[FIVE, &["elsewhere", "pem", "codes"]]),
    (
        "observe",
        &[
            FIVE,
            &[
                "expiry",
                "refusal",
                "breaker",
                "proxy_protocol",
                "clock",
                "date",
                "usage",
                "recent",
                "codes",
            ],
        ],
    ),
    (
        "live",
        &[&["trust", "tenant", "payload", "identity", "expiry", "generation"]],
    ),
    ("gate", &[FIVE, &["expiry", "refusal"]]),
    (
        "forwarded",
        &[&["identity", "tenant", "payload", "pem", "refusal", "gate"]],
    ),
    (
        "explain",
        &[FIVE, &["refusal", "gate", "forwarded", "expiry", "codes", "date"]],
    ),
    // The plugs.
    ("stream", &[]),
    ("egress", &[CORE, &["stream"]]),
    ("tls", &[CORE, &["clock", "date", "explain"]]),
    (
        "web",
        &[CORE, &["clock", "forwarded", "stream", "tls", "explain"]],
    ),
    (
        "dispatch",
        &[CORE, &["clock", "date", "egress", "elsewhere", "stream", "tls"]],
    ),
    ("reload", &[CORE, &["clock", "egress", "tls"]]),
    ("testing", &[CORE]),
    ("written", &[CORE]),
];

/// Crates that only some rooms may name. Others reach what they need of them through a room that may.
const NAMED_ONLY_IN: &[(&str, &[&str])] = &[
    ("rustls", &["tls", "testing"]),
    ("tokio_rustls", &["dispatch", "web"]),
    ("redis", &["replay"]),
    ("tokio_postgres", &["replay"]),
    ("metrics", &["observe"]),
    ("notify", &["reload"]),
];

const CLOCKS: &[[&str; 2]] = &[["SystemTime", "now"], ["Instant", "now"], ["UnixTime", "now"]];
const MAY_ASK_THE_TIME: &[&str] = &["clock", "egress", "tls", "web", "dispatch", "reload"];

/// Names that say nothing about what is inside.
const DRAWERS: &[&str] = &[
    "utils", "util", "common", "types", "helpers", "helper", "errors", "error",
];

#[test]
fn the_house_keeps_its_arrows() -> io::Result<()> {
    let files = reading::files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../src"))?;
    assert!(files.iter().any(|file| file.path == "lib.rs"), "nothing was read");
    assert_eq!(breaches(&files), Vec::<String>::new());
    Ok(())
}

#[test]
fn each_row_names_only_rooms_above_it() {
    let mut above = Vec::new();
    for (room, uses) in ROOMS {
        for used in uses.concat() {
            assert!(above.contains(&used), "`{room}` uses `{used}`");
        }
        above.push(*room);
    }
}

#[test]
fn each_row_is_a_room_and_each_room_has_a_row() -> io::Result<()> {
    let files = reading::files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../src"))?;
    let rooms = files
        .iter()
        .filter_map(|file| reading::module_of(&file.path).into_iter().next());
    let rows = ROOMS.iter().map(|(room, _)| (*room).to_owned());
    assert_eq!(rooms.collect::<BTreeSet<_>>(), rows.collect::<BTreeSet<_>>());
    Ok(())
}

/// `x/mod.rs` where a module has files of its own, `x.rs` where it has none.
#[test]
fn each_module_has_one_style_of_file() -> io::Result<()> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src");
    let files = reading::files(&src)?.into_iter().map(|file| file.path);
    let beside_a_folder = files.filter(|path| src.join(path.trim_end_matches(".rs")).is_dir());
    assert_eq!(beside_a_folder.collect::<Vec<_>>(), Vec::<String>::new());
    Ok(())
}

/// A row of the block in `docs/design.md`: `room (what it is)  <- a, b`.
fn row_of_the_document(line: &str) -> (String, BTreeSet<String>) {
    let (room, uses) = line.split_once("  <- ").expect("an arrow");
    let names = uses.split(", ").flat_map(|name| match name {
        "nothing" => vec![],
        "the five" => FIVE.to_vec(),
        "the core" => CORE.to_vec(),
        one => vec![one],
    });
    let room = room.split(" (").next().expect("a room");
    (room.to_owned(), names.map(str::to_owned).collect())
}

#[test]
fn the_design_document_shows_these_rows() -> io::Result<()> {
    let design = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/design.md"))?;
    let (_, section) = design.split_once("## Who may use whom").expect("the section");
    let block = section.split("```").nth(1).expect("the block");
    let shown = block.lines().skip(1).map(row_of_the_document);
    let rows = ROOMS.iter().map(|(room, uses)| {
        let uses = uses.concat().into_iter().map(str::to_owned);
        ((*room).to_owned(), uses.collect())
    });
    assert_eq!(shown.collect::<Vec<_>>(), rows.collect::<Vec<_>>());
    Ok(())
}

// --- the rules --------------------------------------------------------------------------------------------

/// What the rules say of this source tree, one line for each breach.
fn breaches(files: &[File]) -> Vec<String> {
    let parsed: Vec<Parsed> = files.iter().map(reading::parse).collect();
    let tests: Vec<&Vec<String>> = parsed.iter().flat_map(|file| &file.test_modules).collect();
    let shipped = |file: &&Parsed| !tests.iter().any(|test| file.module.starts_with(test));
    parsed.iter().filter(shipped).flat_map(judge).collect()
}

/// The crate root, `lib.rs`: it shows every room, and does nothing.
const LIB: &str = "lib";

fn judge(file: &Parsed) -> Vec<String> {
    let room = file.module.first().map_or(LIB, String::as_str);
    let mut found = BTreeSet::new();
    if room != LIB && uses(room).is_none() {
        found.insert((1, format!("`{room}` has no row in the table")));
    }
    for path in &file.paths {
        found.extend(judge_path(room, path).map(|breach| (path.line, breach)));
    }
    for (name, line) in &file.modules {
        if DRAWERS.contains(&name.as_str()) {
            found.insert((*line, format!("`{name}` is a drawer, not a module")));
        }
    }
    for line in file.functions.iter().filter(|_| room == LIB) {
        found.insert((*line, format!("`{LIB}` holds logic")));
    }
    found
        .iter()
        .map(|(line, breach)| format!("{}:{line}: {breach}", file.path))
        .collect()
}

fn judge_path(room: &str, path: &NamedPath) -> Option<String> {
    if let Some(clock) = CLOCKS.iter().find(|clock| ends_with(&path.written, *clock))
        && !MAY_ASK_THE_TIME.contains(&room)
    {
        return Some(format!("`{room}` asks `{}`", clock.join("::")));
    }
    match &path.within {
        Some(_) if room == LIB => None,
        Some(within) => judge_own(room, within, path.renamed),
        None => judge_foreign(room, &path.written),
    }
}

fn ends_with(path: &[String], end: &[&str]) -> bool {
    let last = path.iter().rev().map(String::as_str).take(end.len());
    last.eq(end.iter().rev().copied())
}

/// A path into this crate, from its root.
fn judge_own(room: &str, path: &[String], renamed: bool) -> Option<String> {
    let used = match path {
        [] if renamed => "crate",
        [] => return None,
        [used, ..] => used.as_str(),
    };
    if uses(used).is_none() {
        return Some(format!("`{room}` takes `{used}` from the crate root"));
    }
    let fine = used == room || uses(room).is_some_and(|allowed| allowed.contains(&used));
    (!fine).then(|| format!("`{room}` uses `{used}`"))
}

/// A path into another crate, or one that begins at a name already imported.
fn judge_foreign(room: &str, path: &[String]) -> Option<String> {
    rooms_that_name(path.first()?)?;
    let named = path
        .iter()
        .find(|name| rooms_that_name(name).is_some_and(|rooms| !rooms.contains(&room)))?;
    Some(format!("`{room}` names the crate `{named}`"))
}

fn uses(room: &str) -> Option<Vec<&'static str>> {
    ROOMS
        .iter()
        .find(|(name, _)| *name == room)
        .map(|(_, uses)| uses.concat())
}

fn rooms_that_name(foreign: &str) -> Option<&'static [&'static str]> {
    NAMED_ONLY_IN
        .iter()
        .find(|(name, _)| *name == foreign)
        .map(|(_, rooms)| *rooms)
}

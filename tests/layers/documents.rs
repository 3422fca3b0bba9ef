//! WHAT IS IN BACKTICKS AND LOOKS LIKE A PATH IS THERE: files move, and no compiler reads the documents.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const FOLDERS: &[&str] = &[
    "src/",
    "tests/",
    "benches/",
    "examples/",
    "fuzz/",
    "docs/",
    ".ci/",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Each `.md` at the top and in the folders below it that hold documents. The change log tells of what was.
fn documents() -> Vec<PathBuf> {
    ["", "docs", "tests", "examples", "benches", "fuzz"]
        .iter()
        .filter_map(|folder| std::fs::read_dir(root().join(folder)).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "md") && !path.ends_with("CHANGELOG.md"))
        .collect()
}

/// The paths that this text names. `<name>` and `*` stand for whatever one likes, down to the folder that they stand in.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted
        .filter(|quoted| FOLDERS.iter().any(|folder| quoted.starts_with(folder)))
        .filter(|quoted| !quoted.contains(char::is_whitespace))
        .map(|path| path.split(['<', '*', '{', '#']).next().unwrap_or(path))
}

#[test]
fn each_path_that_a_document_names_is_there() {
    let documents = documents();
    assert!(documents.len() > 6, "{documents:?}");
    let mut lost = Vec::new();
    for document in documents {
        let text = std::fs::read_to_string(&document).expect("a document");
        for path in named(&text) {
            if !root().join(path).exists() {
                lost.push(format!("{}: {path}", document.display()));
            }
        }
    }
    assert_eq!(lost, Vec::<String>::new());
}

#[test]
fn a_lost_path_is_seen() {
    let text = "see `src/gate/mod.rs`, `cargo test`, `tests/gone.rs` and `fuzz/seeds/<target>/`";
    assert_eq!(
        named(text).collect::<Vec<_>>(),
        ["src/gate/mod.rs", "tests/gone.rs", "fuzz/seeds/"]
    );
}

/// The tests that the threat model names: in the last column of its tables of bypasses.
fn tests_of_the_threat_model(text: &str) -> BTreeSet<&str> {
    let (_, section) = text
        .split_once("## Bypasses that have worked on others\n")
        .expect("the section");
    let section = section.split("\n## ").next().expect("it ends");
    let rows = section
        .lines()
        .filter(|line| line.starts_with("| "))
        .filter(|line| !line.ends_with("| tests |"));
    let is_name = |name: &&str| {
        name.chars()
            .all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_')
    };
    rows.flat_map(|row| {
        let last = row.trim_end_matches('|').rsplit('|').next().expect("a column");
        let names: Vec<_> = last.split('`').skip(1).step_by(2).filter(is_name).collect();
        assert!(
            !names.is_empty() || last.contains("benches/"),
            "{row} names no test"
        );
        names
    })
    .collect()
}

/// What stands behind `#[test]` or its kin in these files, by name.
fn tests_in(files: &[String]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in files {
        let text = read(file);
        for after in text
            .split("test]\n")
            .chain(text.split("test("))
            .chain(text.split("proptest! {"))
            .skip(1)
        {
            let function = after
                .split("fn ")
                .nth(1)
                .and_then(|after| after.split(['(', '<']).next());
            names.extend(function.map(str::to_owned));
        }
    }
    names
}

#[test]
fn each_test_that_the_threat_model_names_is_there() {
    let text = read("docs/threat-model.md");
    let named = tests_of_the_threat_model(&text);
    assert!(named.len() > 100, "{}", named.len());
    let tests = tests_in(&[rust_files("tests"), rust_files("src")].concat());
    let lost: Vec<_> = named.iter().filter(|name| !tests.contains(**name)).collect();
    assert_eq!(lost, Vec::<&&str>::new());
}

/// Each Rust file in this folder and below it, by its path from the root.
pub(crate) fn rust_files(folder: &str) -> Vec<String> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = std::fs::read_dir(root().join(&folder)).expect("a folder");
        for entry in entries.map(|entry| entry.expect("an entry")) {
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            match entry.file_type().expect("a type").is_dir() {
                true => open.push(path),
                false if path.ends_with(".rs") => files.push(path),
                false => {}
            }
        }
    }
    files.sort();
    files
}

pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("a file")
}

/// Those that this document does not name, each by itself or by the `main.rs` beside it.
fn unnamed(document: &str, files: impl IntoIterator<Item = String>) -> Vec<String> {
    let text = read(document);
    let named: Vec<&str> = named(&text).collect();
    let whole = |path: &str| Some(format!("{}/main.rs", path.rsplit_once('/')?.0));
    let found = |path: &String| {
        let whole = whole(path).unwrap_or_default();
        named.iter().any(|named| *named == path || *named == whole)
    };
    files.into_iter().filter(|path| !found(path)).collect()
}

#[test]
fn the_table_of_tests_names_each_file_with_tests() {
    let has_tests = |path: &String| {
        let text = read(path);
        text.lines()
            .any(|line| line.trim() == "#[test]" || line.trim().starts_with("#[tokio::test"))
    };
    let files = rust_files("tests").into_iter().filter(has_tests);
    assert_eq!(unnamed("tests/README.md", files), Vec::<String>::new());
}

#[test]
fn the_table_of_examples_names_each_of_them() {
    let top = |path: &String| path.matches('/').count() == 1;
    let files = rust_files("examples").into_iter().filter(top);
    assert_eq!(unnamed("examples/README.md", files), Vec::<String>::new());
}

/// Whoever looks for the least that is needed finds it on one screen.
#[test]
fn the_small_example_is_small() {
    let lines = read("examples/axum.rs").lines().count();
    assert!(lines < 80, "{lines} lines");
}

/// They are listed by hand, since all but one are another package's.
#[test]
fn each_example_is_built_by_one_package() {
    let manifests = read("Cargo.toml") + &read("tests/Cargo.toml");
    let files = rust_files("examples")
        .into_iter()
        .filter(|path| path.matches('/').count() == 1);
    let name = |path: String| {
        path.trim_start_matches("examples/")
            .trim_end_matches(".rs")
            .to_owned()
    };
    let lost: Vec<_> = files
        .map(name)
        .filter(|name| {
            manifests
                .matches(&format!("[[example]]\nname = \"{name}\""))
                .count()
                != 1
        })
        .collect();
    assert_eq!(lost, Vec::<String>::new());
}

#[test]
fn each_fuzz_target_is_told_of() {
    let text = read("CONTRIBUTING.md");
    let name = |path: String| Some(path.rsplit_once('/')?.1.trim_end_matches(".rs").to_owned());
    let names = rust_files("fuzz/fuzz_targets").into_iter().filter_map(name);
    let untold: Vec<_> = names
        .filter(|name| !text.contains(&format!("`{name}`")))
        .collect();
    assert_eq!(untold, Vec::<String>::new());
}

/// Types are renamed, too. A proof that the table still speaks of this crate.
#[test]
fn each_type_that_the_table_of_tests_names_is_public() {
    let source: String = rust_files("src").iter().map(|path| read(path)).collect();
    let public = |name: &str| {
        ["struct", "enum", "trait"]
            .iter()
            .any(|kind| source.split(&format!("pub {kind} {name}")).skip(1).any(ends))
    };
    let text = read("tests/README.md");
    let types = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|quoted| quoted.starts_with(char::is_uppercase));
    let gone: Vec<_> = types
        .filter(|quoted| !public(quoted.split("::").next().unwrap_or(quoted)))
        .collect();
    assert_eq!(gone, Vec::<&str>::new());
}

fn ends(after: &str) -> bool {
    !after.starts_with(|next: char| next.is_alphanumeric() || next == '_')
}

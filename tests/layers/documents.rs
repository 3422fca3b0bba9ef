//! WHAT IS IN BACKTICKS AND LOOKS LIKE A PATH IS THERE: files move, and no compiler reads the documents.

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
    let text = "see `src/gate.rs`, `cargo test`, `tests/gone.rs` and `fuzz/seeds/<target>/`";
    assert_eq!(
        named(text).collect::<Vec<_>>(),
        ["src/gate.rs", "tests/gone.rs", "fuzz/seeds/"]
    );
}

//! Vectors that lie beside the repository, or where `COUNTERSIGN_VECTORS` says.
#![allow(
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "tests say what they expect by failing loudly"
)]
#![allow(dead_code, reason = "each test binary uses some of it")]

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The file or folder of this name, or nothing where it is absent and may be: the test says so, loudly; with `CI` set, that
/// is a failure.
pub fn vectors(name: &str) -> Option<PathBuf> {
    let vectors = std::env::var_os("COUNTERSIGN_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors"),
        PathBuf::from,
    );
    let path = vectors.join(name);
    let Err(error) = std::fs::metadata(&path) else {
        return Some(path);
    };
    let path = path.display();
    let skipped = format!("{name}: SKIPPED: {path}: {error}; name its folder in COUNTERSIGN_VECTORS");
    assert!(std::env::var_os("CI").is_none(), "{skipped}");
    // Past libtest, which swallows what a test that passes prints.
    writeln!(std::io::stderr(), "{skipped}").expect("stderr");
    None
}

//! The examples' own binaries.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;
use std::{env, fs};

/// Where cargo has built an example. `cargo test --test NAME` alone builds no examples, so what is missing or out of date
/// is built here.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a path");
    let profile = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
    let binary = profile
        .join("examples")
        .join(name)
        .with_extension(env::consts::EXE_EXTENSION);
    if !is_up_to_date(&binary) {
        build(name, profile);
    }
    binary
}

/// Whether none of its sources, which cargo lists beside it, is newer.
fn is_up_to_date(binary: &Path) -> bool {
    let modified = |file: &Path| fs::metadata(file).and_then(|metadata| metadata.modified()).ok();
    let sources = fs::read_to_string(binary.with_extension("d")).unwrap_or_default();
    let Some((built, (_, sources))) = modified(binary).zip(sources.split_once(": ")) else {
        return false;
    };
    // Spaces in a path are escaped, which makes its pieces files that do not exist: then it is built.
    let newer =
        |source: &str| modified(Path::new(source)).is_none_or(|modified: SystemTime| modified > built);
    !sources.split_whitespace().any(newer)
}

fn build(name: &str, profile: &Path) {
    let profile = match profile.file_name().and_then(|name| name.to_str()) {
        None | Some("debug") => "dev",
        Some(name) => name,
    };
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the target directory");
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--example",
            name,
            "--profile",
            profile,
            "--target-dir",
        ])
        .arg(target)
        // As these tests were built: for other features, the library would be built once more.
        .args(cfg!(feature = "postgres").then_some("--all-features"))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "{name} is not to be built"
    );
}

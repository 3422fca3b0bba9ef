//! Programs with a manifest and a folder of their own, as a user of the crate has them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::workshop;
use crate::world::argument;

pub(crate) const TREE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Its binary, of this table of dependencies and this `main.rs`. Nothing is fetched.
pub(crate) fn build(name: &str, dependencies: &str, source: &str) -> PathBuf {
    let folder = workshop().join(name);
    write(&folder, name, dependencies, source);
    let target = workshop().parent().expect("the target directory").to_owned();
    // On a machine with nothing built, the compiler needs longer than any client.
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline", "--target-dir", argument(&target)])
        .current_dir(&folder)
        .status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "{name} is not to be built"
    );
    let binary = target.join("debug").join(name);
    binary.with_extension(std::env::consts::EXE_EXTENSION)
}

fn write(folder: &Path, name: &str, dependencies: &str, source: &str) {
    fs::create_dir_all(folder.join("src")).expect("a folder");
    let package = format!("[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n");
    let manifest = format!("{package}\n[workspace]\n\n{dependencies}");
    for (file, text) in [("Cargo.toml", manifest), ("src/main.rs", source.to_owned())] {
        let file = folder.join(file);
        // What is as it was is not built again.
        if fs::read_to_string(&file).ok().as_ref() != Some(&text) {
            fs::write(file, text).expect("a file");
        }
    }
    fs::copy(Path::new(TREE).join("Cargo.lock"), folder.join("Cargo.lock"))
        .expect("the versions of the tree");
}

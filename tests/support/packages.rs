//! Libraries of others, installed below `target/interop` when a test first needs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder of the suite's own: npm prunes what another suite has installed above or beside it.
pub(crate) fn folder(suite: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .with_file_name("interop")
        .join(suite);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Where a script finds these packages from npm: beside `node_modules`.
///
/// # Errors
/// That they cannot be installed.
pub(crate) fn npm(suite: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let folder = folder(suite);
    let options = [
        "--no-audit",
        "--no-fund",
        "--no-save",
        "--loglevel=error",
        "--prefix",
    ];
    installed(&folder, "npm", packages, || {
        let mut npm = Command::new("npm");
        ran(npm.arg("install").args(options).arg(&folder).args(packages))
    })?;
    Ok(folder)
}

/// A Python that has these packages from PyPI.
///
/// # Errors
/// That they cannot be installed.
pub(crate) fn pypi(suite: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let folder = folder(suite);
    let venv = folder.join("venv");
    let python = venv.join("bin/python");
    installed(&folder, "pypi", packages, || {
        ran(Command::new("python3").args(["-m", "venv"]).arg(&venv))
            && ran(Command::new(&python)
                .args(["-m", "pip", "install", "-q"])
                .args(packages))
    })?;
    Ok(python)
}

/// Whether this very list was installed before, or is now.
fn installed(
    folder: &Path,
    registry: &str,
    packages: &[&str],
    install: impl FnOnce() -> bool,
) -> Result<(), String> {
    let stamp = folder.join(format!("{registry}.installed"));
    let list = packages.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|known| known == list) {
        return Ok(());
    }
    if !install() {
        return Err(format!("{list:?} cannot be installed from {registry}"));
    }
    fs::write(stamp, list).expect("a stamp");
    Ok(())
}

fn ran(command: &mut Command) -> bool {
    matches!(command.stdout(Stdio::null()).stdin(Stdio::null()).status(), Ok(status) if status.success())
}

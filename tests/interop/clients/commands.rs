//! What each client is called with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Attempt, Second, Tls};
use crate::process::{run, run_with_input};
use crate::world::World;

pub(super) fn program_with(program: &str, arguments: &[&Path]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

pub(super) fn curl(world: &World, attempt: Attempt<'_>) -> Command {
    let mut command = curl_as(world, attempt);
    command.args([
        "-i",
        "-H",
        "connection: close",
        "--data-binary",
        &attempt.delivery.body,
    ]);
    for (name, value) in &attempt.delivery.headers {
        command.args(["-H", &format!("{name}: {value}")]);
    }
    command.arg(format!("https://localhost:{}/hooks", attempt.port));
    command
}

pub(super) fn curl_twice(world: &World, attempt: Attempt<'_>) -> Command {
    let mut command = curl_as(world, attempt);
    let url = format!("https://localhost:{}/answer", attempt.port);
    command.args(["-H", "connection: close", &url, &url]);
    command
}

fn curl_as(world: &World, attempt: Attempt<'_>) -> Command {
    let mut command = Command::new("curl");
    let version = attempt.tls.number();
    command.args([
        "-sS",
        // As the other clients: what is judged is below HTTP.
        "--http1.1",
        "--noproxy",
        "*",
        "--max-time",
        "10",
        "--tls-max",
        version,
        &format!("--tlsv{version}"),
    ]);
    command.args(["--resolve", &format!("localhost:{}:127.0.0.1", attempt.port)]);
    with_files(
        &mut command,
        world,
        attempt.identity,
        ["--cacert", "--cert", "--key"],
    );
    command
}

pub(super) fn s_client(world: &World, attempt: Attempt<'_>) -> Command {
    let mut command = Command::new("openssl");
    let version = match attempt.tls {
        Tls::V12 => "-tls1_2",
        Tls::V13 => "-tls1_3",
    };
    command.args([
        "s_client",
        "-connect",
        &format!("127.0.0.1:{}", attempt.port),
        "-servername",
        "localhost",
        version,
    ]);
    command.args([
        "-verify_return_error",
        "-verify_hostname",
        "localhost",
        "-ign_eof",
    ]);
    with_files(
        &mut command,
        world,
        attempt.identity,
        ["-CAfile", "-cert", "-key"],
    );
    if let Some(name) = attempt.identity {
        command.arg("-cert_chain").arg(world.path(&format!("{name}.pem")));
    }
    command
}

pub(super) fn s_client_twice(world: &World, attempt: Attempt<'_>, second: u16, request: &str) -> Second {
    let session = world.path("session.pem");
    let _ = fs::remove_file(&session);
    run_with_input(
        s_client(world, attempt).arg("-sess_out").arg(&session),
        request.as_bytes(),
    );
    if !session.exists() {
        return Second::NothingToOffer;
    }
    let again = Attempt {
        port: second,
        ..attempt
    };
    let text = run_with_input(
        s_client(world, again).arg("-sess_in").arg(&session),
        request.as_bytes(),
    )
    .text();
    match (text.contains("Reused, TLSv"), text.contains("New, TLSv")) {
        (true, false) => Second::Resumed,
        (false, true) => Second::Full,
        _ => panic!("openssl did not connect twice: {text}"),
    }
}

pub(super) fn gnutls_cli(world: &World, attempt: Attempt<'_>) -> Command {
    let mut command = Command::new("gnutls-cli");
    command.args([
        "127.0.0.1",
        "-p",
        &attempt.port.to_string(),
        "--sni-hostname=localhost",
        "--verify-hostname=localhost",
    ]);
    command.arg(format!(
        "--priority=NORMAL:-VERS-ALL:+VERS-TLS{}",
        attempt.tls.number()
    ));
    with_files(
        &mut command,
        world,
        attempt.identity,
        ["--x509cafile", "--x509certfile", "--x509keyfile"],
    );
    command
}

fn with_files(command: &mut Command, world: &World, identity: Option<&str>, [trusted, cert, key]: [&str; 3]) {
    command.arg(trusted).arg(world.path("server-ca.pem"));
    if let Some(name) = identity {
        command.arg(cert).arg(world.path(&format!("{name}.pem")));
        command.arg(key).arg(world.path(&format!("{name}.key")));
    }
}

/// What Java reads: chain and key in one file, under a password.
pub(super) fn pkcs12(world: &World, name: &str) -> PathBuf {
    let file = world.path(&format!("{name}.p12"));
    if !file.exists() {
        let mut export = Command::new("openssl");
        export
            .args(["pkcs12", "-export", "-passout", "pass:changeit", "-in"])
            .arg(world.path(&format!("{name}.pem")));
        export
            .arg("-inkey")
            .arg(world.path(&format!("{name}.key")))
            .arg("-out")
            .arg(&file);
        let outcome = run(&mut export);
        assert!(outcome.status.success(), "{}", outcome.text());
    }
    file
}

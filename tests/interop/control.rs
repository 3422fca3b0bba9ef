//! A server that *does* resume sessions: what shows that a client which never resumes ours could have.

use std::io::{BufRead as _, BufReader};
use std::process::{ChildStdout, Command};

use crate::process::Running;
use crate::world::World;

/// What it answers `GET /answer` with: `-HTTP` sends a file as it is.
const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nyes";

/// `openssl s_server`, with the receiver's own certificates, and resumption as it comes.
pub(crate) struct Control {
    _process: Running,
    /// Held, since a server that nobody reads from ends.
    _stdout: BufReader<ChildStdout>,
    pub(crate) port: u16,
}

impl Control {
    pub(crate) fn start(world: &World) -> Self {
        world.write("answer", ANSWER);
        let mut command = Command::new("openssl");
        command.current_dir(world.path(""));
        command.args([
            "s_server",
            "-accept",
            "127.0.0.1:0",
            "-HTTP",
            "-Verify",
            "3",
            "-verify_return_error",
        ]);
        command
            .arg("-cert")
            .arg(world.path("receiver.pem"))
            .arg("-key")
            .arg(world.path("receiver.key"));
        command.arg("-CAfile").arg(world.path("client-ca.pem"));
        let mut process = Running::start(&mut command);
        let mut stdout = BufReader::new(process.0.stdout.take().expect("a pipe"));
        let mut said = String::new();
        let port = loop {
            let mut line = String::new();
            assert_ne!(
                stdout.read_line(&mut line).expect("text"),
                0,
                "openssl s_server does not start: {said}"
            );
            if let Some(port) = line.strip_prefix("ACCEPT 127.0.0.1:") {
                break port.trim().parse().expect("a port");
            }
            said += &line;
        };
        Self {
            _process: process,
            _stdout: stdout,
            port,
        }
    }
}

//! Real clients that are answered while they are still sending: they see the answer.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::clients::Client;
use crate::command_line::in_a_shell;
use crate::process::{or_skip, run};
use crate::receiver::Receiver;
use crate::world::World;

/// Each is a race that a client might win by chance.
const TIMES: usize = 5;
/// More than a body may be, than any window takes, and than a client has sent when the answer comes.
const HUGE: usize = 5_000_000;

const NODE: &str = r"
const [port, ca, cert, key, length] = process.argv.slice(1);
const read = require('node:fs').readFileSync;
const https = require('node:https');
const request = https.request({
  host: '127.0.0.1', servername: 'localhost', port, path: '/hooks', method: 'POST', ca: read(ca), cert: read(cert), key: read(key),
}, (answer) => { answer.resume(); console.log(answer.statusCode); });
request.on('error', (error) => console.log(error.message));
request.end(Buffer.alloc(Number(length)));
";

/// A body of so many bytes instead of the one that is signed.
fn instead(receiver: &Receiver, body: &Path, options: &str) -> String {
    let mut command = String::new();
    for line in receiver.curl.lines() {
        let other = format!("  --data-binary @{} {options} \\", body.display());
        let is_body = line.starts_with("  --data-binary ");
        command += if is_body { &other } else { line };
        command += "\n";
    }
    command
}

#[test]
fn curl_shows_a_refusal_that_comes_before_its_body_is_read() {
    if or_skip("curl and a large body", Client::Curl.prepare()).is_none() {
        return;
    }
    let world = World::empty("unread-curl");
    let demo = world.path("demo");
    let receiver = Receiver::demo(&demo);
    let body = world.path("body");
    fs::write(&body, vec![b' '; HUGE]).expect("a file");
    for options in ["--http2", "--http1.1", "--http1.1 -H Expect:"] {
        let command = instead(&receiver, &body, options);
        for _ in 0..TIMES {
            assert_eq!(in_a_shell(&command), "413\n", "{command}");
        }
    }
}

#[test]
fn node_shows_a_refusal_that_comes_before_its_body_is_read() {
    if or_skip("Node and a large body", Client::Node.prepare()).is_none() {
        return;
    }
    let world = World::empty("unread-node");
    let demo = world.path("demo");
    let receiver = Receiver::demo(&demo);
    let files = ["server-ca.pem", "acme.pem", "acme.key"].map(|file| demo.join(file));
    for _ in 0..TIMES {
        let (port, length) = (receiver.port.to_string(), HUGE.to_string());
        let mut node = Command::new("node");
        node.args(["-e", NODE, "--", &port]).args(&files).arg(&length);
        assert_eq!(run(&mut node).text(), "401\n");
    }
}

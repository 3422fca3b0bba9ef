//! `doctor connect` against servers of others: the right reason for each way to be refused.
#![allow(
    clippy::indexing_slicing,
    reason = "what is not in the JSON is null, and no number is asked for"
)]

use std::process::{Command, Stdio};

use countersign::testing::TestCa;
use serde_json::Value;

use crate::example::example;
use crate::process::{Running, find, or_skip, run};
use crate::world::{World, argument};

const ACME: &str = "spiffe://acme.example/tenant/acme";

/// A server of somebody else's, that demands certificates of one authority and looks at its revocation list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    OpenSsl,
    Node,
}

/// The versions of TLS that a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Both,
    Only13,
    Only11,
}

impl Kind {
    pub(crate) fn is_there(self) -> Result<(), String> {
        let program = self.program();
        find(program)
            .map(|_| ())
            .ok_or_else(|| format!("{program} is not there"))
    }

    fn program(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::OpenSsl => "openssl",
            Self::Node => "node",
        }
    }

    pub(crate) fn start(self, world: &World, speaks: Speaks) -> (u16, Running) {
        Running::on_free_port(|port| {
            let mut command = Command::new(find(self.program()).expect("it is there"));
            command.current_dir(world.path("")).stdin(Stdio::null());
            match self {
                Self::Nginx => nginx(&mut command, world, port, speaks),
                Self::OpenSsl => openssl(&mut command, port, speaks),
                Self::Node => node(&mut command, world, port, speaks),
            }
            command
        })
    }
}

fn nginx(command: &mut Command, world: &World, port: u16, speaks: Speaks) {
    let versions = match speaks {
        Speaks::Both => "TLSv1.2 TLSv1.3",
        Speaks::Only13 => "TLSv1.3",
        Speaks::Only11 => "TLSv1.1",
    };
    let text = format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr crit; events {{}}
        http {{
          access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
          uwsgi_temp_path uwsgi; scgi_temp_path scgi;
          server {{
            listen 127.0.0.1:{port} ssl; ssl_protocols {versions}; ssl_ciphers DEFAULT@SECLEVEL=0;
            ssl_certificate server.pem; ssl_certificate_key server.key;
            ssl_client_certificate clients.pem; ssl_crl crl.pem; ssl_verify_client on;
            location / {{ return 200 in; }}
          }}
        }}"
    );
    let file = world.write("nginx.conf", &text);
    command.args([
        "-p",
        argument(&world.path("")),
        "-e",
        "stderr",
        "-c",
        argument(&file),
    ]);
}

fn openssl(command: &mut Command, port: u16, speaks: Speaks) {
    let port = port.to_string();
    let words = "s_server -www -quiet -cert server.pem -key server.key -CAfile clients.pem -CRL crl.pem -crl_check \
                 -Verify 2 -verify_return_error -cipher DEFAULT@SECLEVEL=0";
    command.args(words.split_whitespace()).args(["-accept", &port]);
    match speaks {
        Speaks::Both => command,
        Speaks::Only13 => command.arg("-tls1_3"),
        Speaks::Only11 => command.arg("-tls1_1"),
    };
}

fn node(command: &mut Command, world: &World, port: u16, speaks: Speaks) {
    let (least, most) = match speaks {
        Speaks::Both => ("1.2", "1.3"),
        Speaks::Only13 => ("1.3", "1.3"),
        Speaks::Only11 => ("1.1", "1.1"),
    };
    let text = format!(
        "import {{ readFileSync as read }} from 'node:fs';
        import {{ createServer }} from 'node:https';
        const options = {{ cert: read('server.pem'), key: read('server.key'), ca: read('clients.pem'), crl: read('crl.pem'),
          requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv{least}', maxVersion: 'TLSv{most}',
          ciphers: 'DEFAULT@SECLEVEL=0' }};
        createServer(options, (_, response) => response.end('in')).listen({port}, '127.0.0.1');"
    );
    command.arg(world.write("server.mjs", &text));
}

pub(crate) fn world(name: &str) -> World {
    let world = World::empty(&format!("doctor-{name}"));
    let (servers, root) = (TestCa::new("Server Root"), TestCa::new("Acme Root"));
    world.write("server-ca.pem", &servers.pem());
    world.write_pair("server", &servers.server("localhost").issue());
    world.write("clients.pem", &root.pem());
    let good = || root.client(ACME);
    let revoked = good().issue();
    world.write("crl.pem", &root.crl(1).revoke(&revoked).issue().pem());
    world.write_pair("good", &good().issue());
    world.write_pair("revoked", &revoked);
    world.write_pair("expired", &good().expired().issue());
    world.write_pair("early", &good().not_yet_valid().issue());
    world.write_pair("purpose", &good().server_only().issue());
    world.write_pair("unknown", &TestCa::new("Other Root").client(ACME).issue());
    world
}

/// What it says, as JSON, and whether something was found.
fn connect(world: &World, port: u16, name: &str, cert: Option<&str>) -> (Option<i32>, Value) {
    let mut command = Command::new(example("doctor"));
    let address = format!("127.0.0.1:{port}");
    let ca = world.path("server-ca.pem");
    command.args([
        "connect",
        &address,
        "--name",
        name,
        "--json",
        "--ca",
        argument(&ca),
    ]);
    for (option, end) in [("--cert", "pem"), ("--key", "key")] {
        if let Some(cert) = cert {
            command.args([option, argument(&world.path(&format!("{cert}.{end}")))]);
        }
    }
    let outcome = run(&mut command);
    let value = serde_json::from_str(&outcome.stdout);
    (
        outcome.status.code(),
        value.unwrap_or_else(|error| panic!("{error}: {}", outcome.text())),
    )
}

/// Who shows what, under which name, and what the first reason is, in both versions of TLS.
const ROWS: [(Option<&str>, &str, &str); 7] = [
    (None, "localhost", "connect.no_certificate"),
    (Some("unknown"), "localhost", "connect.unknown_ca"),
    (Some("expired"), "localhost", "connect.expired"),
    (Some("early"), "localhost", "connect.expired"),
    (Some("purpose"), "localhost", "connect.purpose"),
    (Some("revoked"), "localhost", "connect.revoked"),
    (Some("good"), "other.example", "connect.wrong_name"),
];

fn judge(kind: Kind) {
    if or_skip(kind.program(), kind.is_there()).is_none() {
        return;
    }
    let world = world(kind.program());
    let (port, _running) = kind.start(&world, Speaks::Both);
    let both = serde_json::json!(["TLS 1.2", "TLS 1.3"]);
    for (cert, name, expected) in ROWS {
        let (ended, seen) = connect(&world, port, name, cert);
        let case = format!("{kind:?}, {cert:?}: {seen:#}");
        let findings = &seen["findings"];
        assert_eq!(findings.as_array().map(Vec::len), Some(1), "{case}");
        assert_eq!(findings[0]["code"], expected, "{case}");
        if name == "localhost" {
            assert_eq!(findings[0]["versions"], both, "{case}");
        }
        assert_eq!(ended, Some(1), "{case}");
    }
    let (ended, seen) = connect(&world, port, "localhost", Some("good"));
    assert_eq!(
        (ended, &seen["findings"]),
        (Some(0), &serde_json::json!([])),
        "{seen:#}"
    );
    assert_eq!(
        seen["tried"][1]["authorities"],
        serde_json::json!(["CN=Acme Root"]),
        "{seen:#}"
    );
    versions(kind, &world);
}

fn versions(kind: Kind, world: &World) {
    for (speaks, severity, ends) in [(Speaks::Only13, "note", 0), (Speaks::Only11, "error", 1)] {
        let (port, _running) = kind.start(world, speaks);
        let (ended, seen) = connect(world, port, "localhost", Some("good"));
        let case = format!("{kind:?}, {speaks:?}: {seen:#}");
        let found = &seen["findings"][0];
        assert_eq!(found["code"], "connect.protocol_version", "{case}");
        assert_eq!(
            (ended, &found["severity"]),
            (Some(ends), &severity.into()),
            "{case}"
        );
        assert_eq!(seen["findings"].as_array().map(Vec::len), Some(1), "{case}");
    }
}

#[test]
fn nginx_is_understood() {
    judge(Kind::Nginx);
}

#[test]
fn openssl_is_understood() {
    judge(Kind::OpenSsl);
}

#[test]
fn node_is_understood() {
    judge(Kind::Node);
}

/// What it cannot look at is one line, and no finding.
#[test]
fn who_is_not_there_is_no_finding() {
    let world = World::empty("doctor-nobody");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let free = taken.local_addr().expect("an address").to_string();
    drop(taken);
    let missing = world.path("missing.pem");
    let told = |words: &[&str]| {
        let outcome = run(Command::new(example("doctor")).arg("connect").args(words));
        assert_eq!(
            (outcome.status.code(), outcome.stdout.as_str()),
            (Some(2), ""),
            "{words:?}"
        );
        outcome.stderr
    };
    for (words, expected) in [
        (&[&free[..]][..], "Connection refused"),
        (&["localhost"], "has no port; write host:port"),
        (
            &[&free, "--cert", argument(&missing)],
            "--cert and --key belong together",
        ),
        (&[&free, "--ca", argument(&missing)], "missing.pem"),
        (&[], "give the server"),
    ] {
        let line = told(words);
        assert!(
            line.contains(expected) && line.lines().count() == 1,
            "{words:?}: {line}"
        );
    }
}

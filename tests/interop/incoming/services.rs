//! Services in Python and Node that know nothing of TLS, called by curl, by openssl and by a library of Standard Webhooks.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use countersign::web::Clock;

use super::world::{BODY, Platform, Proxy, SAMPLE, SECRETS, Service, hook, parsed};
use crate::packages;
use crate::port::Port;
use crate::process::{find, or_skip, run, run_with_input};
use crate::world::argument;

#[test]
fn python() {
    judged("python3", "service.py");
}

#[test]
fn node() {
    judged("node", "service.mjs");
}

fn judged(interpreter: &str, script: &str) {
    let found = find(interpreter).ok_or(format!("no {interpreter} is installed"));
    let Some(interpreter) = or_skip("a service behind the proxy", found) else {
        return;
    };
    let platform = Platform::new(script);
    let port = Port::reserve();
    let proxy = platform.start(&SAMPLE.replace(":8080", &format!(":{}", port.number)));
    let service = Service::start(&interpreter, script, port.number);
    let scene = Scene {
        platform: &platform,
        proxy: &proxy,
    };
    scene.curl();
    scene.openssl();
    scene.standard_webhooks();
    scene.nobody_but_them();

    // Stopped and restarted: the claim is released, and the retry of the very delivery gets through, once.
    drop(service);
    let signed = hook("acme", "msg_stopped");
    let attempt = || platform.ask(proxy.port, "acme", "POST /hooks", &signed, BODY);
    assert_eq!(attempt(), (502, String::new()));
    assert!(proxy.reads("proxy.backend").contains("tenant=\"acme\""));
    let _again = Service::start(&interpreter, script, port.number);
    let (status, told) = attempt();
    assert_eq!(status, 200, "{told}");
    assert!(told.contains("x-countersign-tenant: acme\n"), "{told}");
    assert_eq!(attempt(), (200, String::new()));
    proxy.reads("replay.handled");
}

struct Scene<'a> {
    platform: &'a Platform,
    proxy: &'a Proxy,
}

impl Scene<'_> {
    /// In both versions, with and without a certificate.
    fn curl(&self) {
        let version = run(Command::new("curl").arg("--version")).text();
        let found = if version.contains("HTTP2") {
            Ok(())
        } else {
            Err("no curl with HTTP/2 is installed".to_owned())
        };
        if or_skip("curl", found).is_none() {
            return;
        }
        for (version, via) in [("--http1.1", "1.1 countersign"), ("--http2", "2 countersign")] {
            let options = [
                version,
                "-d",
                "{\"order\":7}",
                "-H",
                "Client-Cert: :AAAA:",
                "-b",
                "a=1; b=2",
            ];
            let told = self.curls("acme", "/erp/orders?open=1", &options);
            for part in [
                "POST /erp/orders?open=1\n",
                "x-countersign-tenant: acme\n",
                "x-forwarded-for: 127.0.0.1\n",
                "x-forwarded-proto: https\n",
                &format!("host: localhost:{}\n", self.proxy.port),
                &format!("via: {via}\n"),
                "cookie: a=1; b=2\n",
                "content-length: 11\n",
                "body: {\"order\":7}\n200",
            ] {
                assert!(told.contains(part), "{version}: no {part:?} in {told}");
            }
            assert_eq!(told.matches("\nclient-cert: :MII").count(), 1, "{told}");
            assert!(
                !told.contains("AAAA") && !told.contains("x-countersign-delivery"),
                "{told}"
            );
            assert!(!told.contains("of this connection"), "{told}");
            let told = self.curls("nobody", "/status", &[version, "-H", "Client-Cert: :AAAA:"]);
            assert!(
                told.starts_with("GET /status\n") && told.ends_with("200"),
                "{told}"
            );
            assert!(
                !told.contains("client-cert") && !told.contains("x-countersign-"),
                "{told}"
            );
            let head = self.curls("acme", "/erp/orders", &[version, "-I"]);
            assert!(head.ends_with("200") && !head.contains("POST"), "{head}");
        }
    }

    fn curls(&self, who: &str, path: &str, options: &[&str]) -> String {
        let file = |name: &str| argument(&self.platform.path(name)).to_owned();
        let mut curl = Command::new("curl");
        curl.args([
            "-s",
            "--noproxy",
            "*",
            "-w",
            "%{http_code}",
            "--cacert",
            &file("platform-ca.pem"),
        ]);
        if who != "nobody" {
            curl.args([
                "--cert",
                &file(&format!("{who}.pem")),
                "--key",
                &file(&format!("{who}.key")),
            ]);
        }
        let url = format!("https://localhost:{}{path}", self.proxy.port);
        run(curl.args(options).arg(url)).text()
    }

    fn openssl(&self) {
        if or_skip(
            "openssl",
            find("openssl").ok_or("no openssl is installed".to_owned()),
        )
        .is_none()
        {
            return;
        }
        let request = format!(
            "POST /hooks HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n{}\r\n{BODY}",
            BODY.len(),
            hook("globex", "msg_openssl")
        );
        let file = |name: &str| argument(&self.platform.path(name)).to_owned();
        let mut openssl = Command::new("openssl");
        openssl.args([
            "s_client",
            "-quiet",
            "-connect",
            &format!("127.0.0.1:{}", self.proxy.port),
            "-servername",
            "localhost",
        ]);
        openssl.args(["-CAfile", &file("platform-ca.pem"), "-verify_return_error"]);
        openssl.args(["-cert", &file("globex.pem"), "-key", &file("globex.key")]);
        let answer = run_with_input(&mut openssl, request.as_bytes());
        let (status, told) = parsed(&answer.stdout);
        assert_eq!(status, 200, "{}", answer.text());
        assert!(told.contains("x-countersign-tenant: globex\n"), "{told}");
        assert!(
            told.contains("x-countersign-delivery: ") && told.contains(&format!("body: {BODY}\n")),
            "{told}"
        );
    }

    fn standard_webhooks(&self) {
        let python = packages::pypi("incoming", &["standardwebhooks==1.1.0"]);
        let Some(python) = or_skip("a sender of Standard Webhooks", python) else {
            return;
        };
        let now = Clock::default().now().as_secs().to_string();
        let [(_, acme), (_, globex)] = SECRETS;
        let send = |id: &str, secret: &str| {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/incoming/sender.py");
            let file = |name: &str| self.platform.path(name);
            let files = [file("platform-ca.pem"), file("acme.pem"), file("acme.key")];
            let port = self.proxy.port.to_string();
            run(Command::new(&python)
                .arg(script)
                .args([&port, secret])
                .args(files)
                .args([id, &now]))
            .text()
        };
        let told = send("msg_library", acme);
        assert!(
            told.starts_with("200\nPOST /hooks\n") && told.contains("x-countersign-delivery: "),
            "{told}"
        );
        assert_eq!(
            send("msg_library", acme),
            "200\n\n",
            "answered, and not handed on again"
        );
        self.proxy.reads("replay.handled");
        assert_eq!(send("msg_other", globex), "401\n\n");
        self.proxy.reads("payload.signature_mismatch");
    }

    fn nobody_but_them(&self) {
        let ask = |who, line, fields: &str| self.platform.ask(self.proxy.port, who, line, fields, BODY).0;
        assert_eq!(ask("nobody", "POST /hooks", &hook("acme", "msg_nobody")), 401);
        self.proxy.reads("identity.no_certificate");
        assert_eq!(ask("foreign", "POST /erp/orders", ""), 0, "no handshake");
        self.proxy.reads("trust.signature");
        assert_eq!(ask("globex", "POST /hooks", &hook("acme", "msg_globex")), 401);
        self.proxy.reads("payload.signature_mismatch");
    }
}

/// A WebSocket, where the route passes it on: bytes both ways, and the service knows whose it is.
#[test]
fn websockets_are_passed_on_where_the_route_says_so() {
    let Some(node) = or_skip(
        "a WebSocket",
        find("node").ok_or("no node is installed".to_owned()),
    ) else {
        return;
    };
    let platform = Platform::new("websocket");
    let service = Service::start(&node, "service.mjs", 0);
    let text = SAMPLE
        .replace(":8080", &format!(":{}", service.port))
        .replace("path = \"/erp/*\"", "path = \"/erp/*\"\nwebsocket = \"pass\"");
    let text = format!("{text}\n[limits]\nwebsocket_seconds = 3\n");
    let proxy = platform.start(&text);
    let request = "GET /erp/socket HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nhello, echo";
    let answer = platform.raw(proxy.port, "acme", "localhost", request.as_bytes());
    // It ends when its time is over, with the goodbye of TLS.
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    for part in [
        "upgrade: websocket\r\n",
        "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
        "x-tenant: acme\r\n",
    ] {
        assert!(
            answer.to_lowercase().contains(&part.to_lowercase()),
            "{part:?}: {answer}"
        );
    }
    assert!(answer.ends_with("\r\n\r\nhello, echo"), "{answer}");
    for (who, path, fields, status, code) in [
        (
            "nobody",
            "/erp/socket",
            "connection: upgrade, close\r\nupgrade: websocket\r\n",
            401,
            "identity.no_certificate",
        ),
        (
            "acme",
            "/status",
            "connection: upgrade, close\r\nupgrade: websocket\r\n",
            501,
            "proxy.upgrade_refused",
        ),
        (
            "acme",
            "/erp/socket",
            "connection: upgrade, close\r\nupgrade: h2c\r\n",
            501,
            "proxy.upgrade_refused",
        ),
        (
            "acme",
            "/erp/socket",
            "connection: upgrade, close\r\nupgrade: websocket\r\nupgrade: h2c\r\n",
            501,
            "proxy.upgrade_refused",
        ),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{fields}\r\n");
        let mut io = platform.connect(proxy.port, who, "localhost");
        io.write_all(request.as_bytes()).expect("a request");
        let mut answer = String::new();
        // With the goodbye of TLS, or this fails.
        std::io::Read::read_to_string(&mut io, &mut answer).expect(code);
        assert_eq!(parsed(&answer), (status, String::new()), "{path} {fields}");
        proxy.reads(code);
    }
}

//! Mutual TLS of all systems, or only of some hosts, paths and routes; revocation; what comes from the environment.

use super::world::{BODY, Platform, Proxy, SAMPLE, hook, parsed};

/// A service that answers `ok`, and whose it is.
fn service() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut io in listener.incoming().map_while(Result::ok) {
            let mut head = [0; 8192];
            let length = std::io::Read::read(&mut io, &mut head).unwrap_or(0);
            let head = String::from_utf8_lossy(head.get(..length).unwrap_or_default()).into_owned();
            let tenant = head
                .lines()
                .find_map(|line| line.strip_prefix("x-countersign-tenant: "))
                .unwrap_or("-");
            let answer = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{tenant}",
                tenant.len()
            );
            let _ = std::io::Write::write_all(&mut io, answer.as_bytes());
        }
    });
    port
}

fn ask(platform: &Platform, proxy: &Proxy, who: &str, name: &str, host: &str) -> (u16, String) {
    let request = format!("GET /orders HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let answer = platform.raw(proxy.port, who, name, request.as_bytes());
    match parsed(&answer) {
        (0, _) => (0, String::new()),
        parsed => parsed,
    }
}

const CLIENTS: &str = "[integration.clients]\nca = \"platform-ca.pem\"\ntenants = [\"acme\", \"globex\"]\n\
                       rules = [\"URI:spiffe://platform.example/tenant/{tenant}\"]\n";
const SERVER: &str = "[[integration]]\ncert = \"server.pem\"\nkey = \"server.key\"\n";

fn route(path: &str, port: u16, more: &str) -> String {
    format!("[[integration.route]]\npath = \"{path}\"\nbackend = \"127.0.0.1:{port}\"\n{more}\n")
}

/// Two integrations on one port: whom the handshake asked is whom the request is for.
#[test]
fn one_host_under_mutual_tls_and_the_others_not() {
    let (platform, port) = (Platform::new("hosts"), service());
    let text = format!(
        "listen = \"127.0.0.1:8443\"\n{SERVER}hosts = [\"erp.pay.example\"]\n{CLIENTS}{}{SERVER}{}",
        route("/*", port, ""),
        route("/*", port, "open = true")
    );
    let proxy = platform.start(&text);
    let ok = |tenant: &str| (200, tenant.to_owned());
    let refused = |status| (status, String::new());
    for (who, name, host, expected, code) in [
        ("nobody", "localhost", "localhost", ok("-"), ""),
        ("nobody", "localhost", "anything.example", ok("-"), ""),
        ("acme", "erp.pay.example", "erp.pay.example", ok("acme"), ""),
        (
            "nobody",
            "erp.pay.example",
            "erp.pay.example",
            refused(0),
            "identity.no_certificate",
        ),
        (
            "foreign",
            "erp.pay.example",
            "erp.pay.example",
            refused(0),
            "trust.signature",
        ),
        (
            "nobody",
            "localhost",
            "erp.pay.example",
            refused(421),
            "host.other_policy",
        ),
        (
            "acme",
            "localhost",
            "erp.pay.example",
            refused(421),
            "host.other_policy",
        ),
        (
            "acme",
            "erp.pay.example",
            "localhost",
            refused(421),
            "host.other_policy",
        ),
        (
            "nobody",
            "localhost",
            "localhost\r\nhost: erp.pay.example",
            refused(400),
            "",
        ),
        (
            "nobody",
            "localhost",
            "erp.pay.example@localhost",
            refused(400),
            "host.unreadable",
        ),
    ] {
        let seen = ask(&platform, &proxy, who, name, host);
        assert_eq!(seen, expected, "{who} {name} {host}");
        if !code.is_empty() {
            proxy.reads(&format!("code=\"{code}\""));
        }
    }
}

/// One policy for all, whose certificates are demanded for some hosts, by either name.
#[test]
fn certificates_are_demanded_for_some_hosts() {
    let (platform, port) = (Platform::new("demand"), service());
    let text = format!(
        "listen = \"127.0.0.1:8443\"\n{SERVER}mutual_tls = [\"erp.pay.example\"]\n{CLIENTS}{}",
        route("/*", port, "")
    );
    let proxy = platform.start(&text);
    for (who, name, host, expected) in [
        ("nobody", "localhost", "localhost", (200, "-")),
        ("acme", "localhost", "localhost", (200, "acme")),
        ("acme", "erp.pay.example", "erp.pay.example", (200, "acme")),
        ("nobody", "erp.pay.example", "erp.pay.example", (401, "")),
        ("nobody", "localhost", "erp.pay.example", (401, "")),
        ("nobody", "erp.pay.example", "localhost", (401, "")),
        ("foreign", "localhost", "localhost", (0, "")),
    ] {
        let (status, told) = ask(&platform, &proxy, who, name, host);
        assert_eq!((status, told.as_str()), expected, "{who} {name} {host}");
    }
}

/// Where no certificate is demanded, a signature is enough, and says whose it is.
#[test]
fn a_signature_alone_is_enough_where_the_route_says_so() {
    let (platform, port) = (Platform::new("payload"), service());
    platform.write(
        "acme.txt",
        "acme 2026 whsec_YWNtZS1zZWNyZXQtb2YtMzItYnl0ZXMtZm9yLXRlc3Q=\n",
    );
    let scheme = "scheme = \"standard_webhooks\"\nkeys = \"acme.txt\"";
    let text = format!(
        "listen = \"127.0.0.1:8443\"\n{SERVER}{}",
        route("/hooks", port, scheme)
    );
    let proxy = platform.start(&text);
    let signed = hook("acme", "msg_1");
    let ask = |fields: &str| platform.ask(proxy.port, "nobody", "POST /hooks", fields, BODY);
    assert_eq!(ask(&signed), (200, "acme".to_owned()));
    assert_eq!(
        ask(&signed),
        (200, String::new()),
        "answered, and not handed on again"
    );
    assert_eq!(ask(&hook("globex", "msg_2")), (401, String::new()));
    assert_eq!(ask(""), (401, String::new()));
}

#[test]
fn whom_a_list_revokes_is_turned_away() {
    let (platform, port) = (Platform::new("revoked"), service());
    let text = format!(
        "listen = \"127.0.0.1:8443\"\n{SERVER}{CLIENTS}crls = \"crls.pem\"\npins = \"pins.txt\"\n{}",
        route("/*", port, "")
    );
    let proxy = platform.start(&text);
    assert_eq!(
        ask(&platform, &proxy, "acme", "localhost", "localhost"),
        (200, "acme".to_owned())
    );
    assert_eq!(
        ask(&platform, &proxy, "revoked", "localhost", "localhost"),
        (0, String::new())
    );
    proxy.reads("trust.revoked");
}

/// No secret need stand in a file.
#[test]
fn secrets_come_from_the_environment() {
    let (platform, port) = (Platform::new("environment"), service());
    let text = SAMPLE.replace(":8080", &format!(":{port}"));
    let text = text
        .replace("\"server.key\"", "{ env = \"PROXY_KEY\" }")
        .replace("\"keys.txt\"", "{ env = \"PROXY_KEYS\" }");
    let read = |file| std::fs::read_to_string(platform.path(file)).expect("a file");
    let environment = [
        ("PROXY_KEY", read("server.key")),
        ("PROXY_KEYS", read("keys.txt")),
    ];
    let proxy = platform.start_with(&text, &environment);
    let told = platform.ask(
        proxy.port,
        "globex",
        "POST /hooks",
        &hook("globex", "msg_1"),
        BODY,
    );
    assert_eq!(told, (200, "globex".to_owned()));
}

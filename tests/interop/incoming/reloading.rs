//! The configuration, and every file that it names, replaced while clients call.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests say what they expect by failing loudly, and live in the present"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::world::{BODY, Platform, Proxy, SAMPLE, hook};
use crate::mount::Way;
use crate::reloading::{Files, Load, ROUNDS, read_each, shows, until, write};

/// A service that reads each request to its end, and answers whose it is.
fn service() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for io in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || serve(io));
        }
    });
    port
}

fn serve(mut io: TcpStream) {
    while let Some((head, _)) = message(&mut io) {
        let tenant = field(&head, "x-countersign-tenant").unwrap_or("-");
        let length = tenant.len();
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{tenant}");
        if io.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Head and body of a message whose length is told.
fn message(io: &mut impl Read) -> Option<(String, String)> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        io.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).ok()?;
    let length = field(&head, "content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    io.read_exact(&mut body).ok()?;
    Some((head, String::from_utf8(body).ok()?))
}

fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    fields
        .find(|(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// What the proxy is run from, with the files of these folders.
fn text(files: &Files, service: u16, tenants: &str) -> String {
    let at = |path: std::path::PathBuf| format!("\"{}\"", path.display());
    let ca = at(files.clients.path("ca.pem"));
    let crls = at(files.clients.path("crls.pem"));
    SAMPLE
        .replace("\"server.pem\"", &at(files.own.path("server.pem")))
        .replace("\"server.key\"", &at(files.own.path("server.key")))
        .replace("\"platform-ca.pem\"", &format!("{ca}\ncrls = {crls}"))
        .replace("\"pins.txt\"", &at(files.pins.path("pins.txt")))
        .replace("\"keys.txt\"", &at(files.keys.path("keys.txt")))
        .replace("127.0.0.1:8080", &format!("127.0.0.1:{service}"))
        .replace("127.0.0.1:8443", "127.0.0.1:0")
        .replace("[\"acme\", \"globex\"]", tenants)
}

const NAMES: [&str; 4] = [
    "integration.cert",
    "integration.clients.ca",
    "integration.clients.pins",
    "integration.route.keys",
];

/// One connection for all requests, which is never cut off, nor told to go elsewhere.
fn one_connection(load: &Load, platform: &Platform, port: u16) {
    let mut io = platform.connect(port, "acme", "localhost");
    while !load.is_over() {
        let asked = io.write_all(b"GET /erp/orders HTTP/1.1\r\nhost: localhost\r\n\r\n");
        let answered = asked.ok().and_then(|()| message(&mut io));
        let is_right = |(head, body): &(String, String)| head.starts_with("HTTP/1.1 200") && body == "acme";
        if !answered.as_ref().is_some_and(is_right) {
            load.note(Err(format!("the kept connection: {answered:?}")));
            return;
        }
        load.note(Ok(()));
        thread::sleep(Duration::from_millis(20));
    }
}

fn ask(platform: &Platform, proxy: &Proxy, who: &str) -> (u16, String) {
    platform.ask(proxy.port, who, "GET /erp/orders", "", "")
}

#[test]
fn every_file_is_replaced_and_broken_while_clients_call() {
    let (platform, service) = (Platform::new("reloading"), service());
    let files = Files::new(&platform);
    let proxy = platform.start(&text(&files, service, "[\"acme\"]"));
    let port = proxy.port;
    let before = hook("acme", "msg_before");
    let post = |fields: &str| platform.ask(port, "acme", "POST /hooks", fields, BODY);
    assert_eq!(post(&before), (200, "acme".to_owned()));
    assert_eq!(ask(&platform, &proxy, "globex").0, 403);

    let mut own = None;
    let beside = |load: &Load| one_connection(load, &platform, port);
    Load::during(&platform, port, beside, || {
        for round in 1..=ROUNDS {
            if round % 3 == 0 {
                files.break_all(round);
                read_each(|| proxy.line(), &NAMES.map(|name| [name, "last_good"]));
            }
            own = Some(files.write(&platform, round));
            read_each(|| proxy.line(), &NAMES.map(|name| [name, "generation="]));
        }
        configure(&platform, &proxy, &files, service);
    });
    let own = own.expect("a round");
    until("the last one is shown", || shows(&platform, port, &own));
    assert_eq!(ask(&platform, &proxy, "globex"), (200, "globex".to_owned()));

    // What was handled under the first configuration is handled.
    assert_eq!(post(&before), (200, String::new()));
    proxy.reads("code=\"replay.handled\"");
    taken_away(&platform, &proxy, &files);
}

/// The file of `--config`: what must not change, what is wrong, what is missing for a while, and what is new.
fn configure(platform: &Platform, proxy: &Proxy, files: &Files, service: u16) {
    let good = text(files, service, "[\"acme\", \"globex\"]");
    let told = |text: &str, part: &str| {
        platform.write("proxy.toml", text);
        read_each(|| proxy.line(), &[["--config", part]]);
    };
    told(
        &good.replace("127.0.0.1:0", "127.0.0.1:1"),
        "read at the start only",
    );
    told(&good.replace("open = true", "opne = true"), "is not known here");
    told(&good[..good.len() / 2], "reload.invalid");
    assert_eq!(ask(platform, proxy, "globex").0, 403);
    let route = format!(
        "\n[[integration.route]]\npath = \"/late\"\nscheme = \"standard_webhooks\"\nkeys = \"late.txt\"\nbackend = \"127.0.0.1:{service}\"\n"
    );
    told(&format!("{good}{route}"), "late.txt cannot be read");
    // Nobody touches the configuration again.
    let (_, secret) = super::world::SECRETS[0];
    platform.write("late.txt", &format!("acme 2026 {secret}\n"));
    read_each(|| proxy.line(), &[["--config", "generation=2"]]);
    let late = platform.ask(proxy.port, "acme", "POST /late", &hook("acme", "msg_late"), BODY);
    assert_eq!(late, (200, "acme".to_owned()));
}

/// A revoked certificate, a pin and a key count for nobody any more, on connections that are open either.
fn taken_away(platform: &Platform, proxy: &Proxy, files: &Files) {
    let mut kept = platform.connect(proxy.port, "globex", "localhost");
    let mut ask_again = || {
        let request = b"GET /erp/orders HTTP/1.1\r\nhost: localhost\r\n\r\n";
        kept.write_all(request).expect("open");
        let (head, _) = message(&mut kept).expect("an answer");
        head.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(ask_again(), "HTTP/1.1 200 OK");
    let (_, secret) = super::world::SECRETS[1];
    write(
        &files.keys,
        Way::Rename,
        &[("keys.txt", format!("globex 2026 {secret}\n"))],
    );
    let mut number = 0;
    until("the key is gone", || {
        number += 1;
        let fields = hook("acme", &format!("msg_gone_{number}"));
        platform.ask(proxy.port, "acme", "POST /hooks", &fields, BODY).0 == 401
    });
    let crl = platform.ca().crl(1000);
    let crl = ["revoked", "globex"]
        .map(|who| platform.client(who).serial().clone())
        .into_iter()
        .fold(crl, |crl, serial| crl.revoke(serial));
    let anchors = platform.ca().pem();
    let clients = [("ca.pem", anchors), ("crls.pem", crl.issue().pem())];
    write(&files.clients, Way::Rename, &clients);
    until("globex is revoked", || ask(platform, proxy, "globex").0 == 0);
    assert_eq!(ask_again(), "HTTP/1.1 403 Forbidden");
    assert_eq!(ask(platform, proxy, "acme").0, 200);
}

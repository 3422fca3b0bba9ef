//! What the proxy hands on, byte for byte, and what becomes of a service that misbehaves.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use super::world::{BODY, Platform, Proxy, SAMPLE, hook, parsed};

/// A service in front of which the bytes are seen as they are: each connection is given to `serve`.
fn service(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(&serve));
    port
}

/// Reads until that has come.
fn until(io: &mut impl std::io::Read, end: &[u8]) -> Vec<u8> {
    let (mut all, mut piece) = (Vec::new(), [0; 1024]);
    loop {
        // What has come before need not be looked at again.
        let tail = all.len().saturating_sub(piece.len() + end.len());
        let tail = all.get(tail..).unwrap_or_default();
        if tail.windows(end.len()).any(|window| window == end) {
            break;
        }
        match io.read(&mut piece) {
            Ok(count @ 1..) => all.extend(piece.iter().take(count)),
            _ => break,
        }
    }
    all
}

fn start(platform: &Platform, port: u16, more: &str) -> Proxy {
    platform.start(&format!(
        "{}\n{more}",
        SAMPLE.replace(":8080", &format!(":{port}"))
    ))
}

#[test]
fn header_fields_are_handed_on_that_are_for_the_service() {
    let heads = channel();
    let sender = heads.0;
    let port = service(move |mut io| {
        let head = until(&mut io, b"\r\n\r\n");
        let _ = io.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nkeep-alive: timeout=5\r\nconnection: x-own\r\nx-own: 1\r\nvary: client-cert\r\nx-kept: \xe9\r\n\r\n");
        let _ = sender.send(head);
    });
    let platform = Platform::new("fields");
    let proxy = start(&platform, port, "");
    let request = b"GET /erp/a%20b?c=%2F HTTP/1.1\r\nhost: localhost\r\n\
        connection: close, Host, x-listed, \xe9, x-after\r\nx-listed: 1\r\nx-after: 1\r\nte: trailers\r\nkeep-alive: 1\r\n\
        proxy-authorization: Basic AAAA\r\nx-text: caf\xe9\r\nx-twice: 1\r\nx-twice: 2\r\n\
        Client-Cert: :AAAA:\r\nclient_cert_chain: :AAAA:\r\nX-Forwarded-Client-Cert: Hash=00\r\nssl-client-verify: SUCCESS\r\n\
        X-Countersign-Tenant: globex\r\nx_countersign.tenant: globex\r\nX-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\n\
        via: 1.1 elsewhere\r\nauthorization: Bearer theirs\r\n\r\n";
    let answer = platform.raw(proxy.port, "acme", "localhost", request);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    for (part, there) in [
        ("vary: *\r\n", true),
        ("x-kept: ", true),
        ("x-own", false),
        ("keep-alive", false),
        ("client-cert", false),
    ] {
        assert_eq!(answer.contains(part), there, "{part}: {answer}");
    }
    let head = heads.1.recv_timeout(Duration::from_secs(60)).expect("a head");
    let mut lines: Vec<_> = head
        .split(|byte| *byte == b'\n')
        .map(|line| line.trim_ascii().escape_ascii().to_string())
        .collect();
    lines.retain(|line| !line.is_empty() && !line.starts_with("client-cert: :MII"));
    lines.sort();
    assert_eq!(
        lines,
        [
            "GET /erp/a%20b?c=%2F HTTP/1.1",
            "authorization: Bearer theirs",
            "connection: close",
            "host: localhost",
            "via: 1.1 countersign",
            "via: 1.1 elsewhere",
            "x-countersign-tenant: acme",
            "x-forwarded-for: 127.0.0.1",
            "x-forwarded-proto: https",
            "x-text: caf\\xe9",
            "x-twice: 1",
            "x-twice: 2",
        ]
    );
}

#[test]
fn bodies_stream_where_no_signature_must_be_verified_first() {
    let (came, go) = (channel::<()>(), channel::<()>());
    let go_on = std::sync::Mutex::new(go.1);
    let port = service(move |mut io| {
        until(&mut io, b"first");
        came.0.send(()).expect("a test");
        until(&mut io, b"second");
        let _ = io.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nthird");
        let _ = go_on
            .lock()
            .expect("a test")
            .recv_timeout(Duration::from_secs(60));
        let _ = io.write_all(b"fourth");
    });
    let platform = Platform::new("streams");
    let proxy = start(&platform, port, "");
    let mut io = platform.connect(proxy.port, "acme", "localhost");
    // As long as the signature's cap is, and longer.
    let first = format!("{}first", "-".repeat(1_100_000));
    let length = first.len() + 6;
    write!(io, "POST /erp/orders HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{first}").expect("a half");
    came.1
        .recv_timeout(Duration::from_secs(60))
        .expect("the first half is there before the second is sent");
    io.write_all(b"second").expect("a half");
    assert!(
        until(&mut io, b"third").starts_with(b"HTTP/1.1 200 OK\r\n"),
        "the first half of the answer, too"
    );
    go.0.send(()).expect("a service");
    assert_eq!(until(&mut io, b"fourth"), b"fourth");
}

#[test]
fn a_body_that_is_signed_has_a_cap() {
    let platform = Platform::new("cap");
    let text = SAMPLE.replace("keys = \"keys.txt\"", "keys = \"keys.txt\"\nbody_bytes = 20");
    let proxy = platform.start(&text);
    let signed = hook("acme", "msg_1");
    assert_eq!(
        platform.ask(proxy.port, "acme", "POST /hooks", &signed, BODY).0,
        413
    );
    proxy.reads("payload.body_too_large");
}

/// What a service does that misbehaves, what the client sees, and what the operator reads.
#[test]
fn services_that_misbehave() {
    let port = service(|mut io| {
        let head = until(&mut io, b"\r\n\r\n");
        let path = head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
        if path == b"/erp/upload" {
            until(&mut io, b"67890");
        }
        let answer: &[u8] = match path {
            b"/erp/gone" => b"",
            b"/erp/half-a-head" => b"HTTP/1.1 200 OK\r\ncontent-le",
            b"/erp/no-http" => b"SSH-2.0-OpenSSH_9.9\r\n",
            b"/erp/switches" => {
                b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
            }
            b"/erp/half-a-body" => b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345",
            b"/erp/goes-quiet" => b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345",
            _ => b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\nno",
        };
        let _ = io.write_all(answer);
        if matches!(path, b"/erp/goes-quiet" | b"/erp/slow") {
            // As long as the test does.
            thread::spawn(move || io.read(&mut [0]));
        }
    });
    let platform = Platform::new("misbehave");
    let limits = "[limits]\nanswer_seconds = 2\nsilence_seconds = 1\n";
    let slow =
        "[[integration.route]]\npath = \"/erp/slow\"\nanswer_seconds = 1\nbackend = \"127.0.0.1:PORT\"\n";
    let hang = TcpListener::bind("127.0.0.1:0").expect("a port");
    let slow = slow.replace("PORT", &hang.local_addr().expect("an address").port().to_string());
    let proxy = start(&platform, port, &format!("{slow}\n{limits}"));
    for (line, status, code) in [
        ("POST /erp/gone", 502, "proxy.backend"),
        ("POST /erp/half-a-head", 502, "proxy.backend"),
        ("POST /erp/no-http", 502, "proxy.backend"),
        ("POST /erp/switches", 502, "proxy.backend_answer"),
        ("POST /erp/slow", 504, "proxy.backend_slow"),
        ("POST /nothing", 404, "proxy.no_route"),
        ("POST /erp/../hooks", 400, "proxy.path_unclear"),
        ("TRACE /erp/orders", 501, "proxy.method"),
        ("CONNECT localhost:1", 404, "proxy.no_route"),
    ] {
        let (seen, body) = platform.ask(proxy.port, "acme", line, "", "");
        assert_eq!((seen, body.as_str()), (status, ""), "{line}");
        let told = proxy.reads(&format!("code=\"{code}\""));
        assert!(
            told.starts_with("refused ") && told.contains(" reason=\""),
            "{told}"
        );
    }
    let half = b"POST /erp/upload HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 10\r\n\r\n12345";
    let answer = platform.raw(proxy.port, "acme", "localhost", half);
    assert_eq!(parsed(&answer).0, 408, "{answer}");
    proxy.reads("proxy.sender_slow");
    // A status of the service's own is its own.
    assert_eq!(
        platform.ask(proxy.port, "acme", "POST /erp/busy", "", ""),
        (503, "no".to_owned())
    );
    // Half an answer is never taken for a whole one.
    for path in ["/erp/half-a-body", "/erp/goes-quiet"] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let answer = platform.raw(proxy.port, "acme", "localhost", request.as_bytes());
        let (status, body) = parsed(&answer);
        assert_eq!((status, body.get(..5)), (200, Some("12345")), "{path}");
        assert!(
            answer.contains("content-length: 10\r\n") && !body.contains("67890"),
            "{path}: {answer}"
        );
    }
    // Without a certificate, nobody learns which paths there are.
    for line in ["POST /nothing", "POST /erp/../hooks", "POST /erp/orders"] {
        assert_eq!(
            platform.ask(proxy.port, "nobody", line, "", ""),
            (401, String::new()),
            "{line}"
        );
    }
}

/// What a service sends beyond its answer, such as the body to HEAD, is not the next sender's answer.
#[test]
fn what_comes_after_an_answer_answers_nobody() {
    let port = service(|mut io| {
        thread::spawn(move || {
            let mut stray: &[u8] = b"";
            loop {
                let head = until(&mut io, b"\r\n\r\n");
                let answer: &[u8] = match head.split(|byte| *byte == b' ').next() {
                    Some(b"HEAD") => b"HTTP/1.1 200 OK\r\ncontent-length: 44\r\n\r\n",
                    Some(b"GET") => b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nown",
                    _ => break,
                };
                if io.write_all(stray).and(io.write_all(answer)).is_err() {
                    break;
                }
                // It comes late, as it does over a network.
                stray = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nothers";
            }
        });
    });
    let platform = Platform::new("beyond");
    let proxy = start(&platform, port, "");
    for (method, answer) in [("HEAD", ""), ("GET", "own"), ("HEAD", ""), ("GET", "own")] {
        let line = format!("{method} /erp/orders");
        let seen = platform.ask(proxy.port, "acme", &line, "", "");
        assert_eq!(seen, (200, answer.to_owned()));
        let seen = platform.ask(proxy.port, "globex", "GET /erp/orders", "", "");
        assert_eq!(seen, (200, "own".to_owned()), "after {method}");
    }
}

/// A delivery that the service has not handled is let in again, whatever went wrong.
#[test]
fn a_claim_is_released_when_the_service_fails() {
    let answers = std::sync::atomic::AtomicUsize::new(0);
    let port = service(move |mut io| {
        until(&mut io, BODY.as_bytes());
        let answer: &[u8] = match answers.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => b"",
            1 => b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
            _ => b"HTTP/1.1 204 No Content\r\n\r\n",
        };
        let _ = io.write_all(answer);
    });
    let platform = Platform::new("released");
    let text = SAMPLE.replace(":8080", &format!(":{port}"));
    let proxy = platform.start(&text.replace(
        "keys = \"keys.txt\"",
        "keys = \"keys.txt\"\nreplay = \"conflict\"",
    ));
    let signed = hook("acme", "msg_1");
    for expected in [502, 500, 204, 409, 409] {
        assert_eq!(
            platform.ask(proxy.port, "acme", "POST /hooks", &signed, BODY),
            (expected, String::new())
        );
    }
}

/// SIGTERM and SIGINT: what is under way is finished, and nothing else is begun.
#[test]
fn it_drains_when_it_is_asked_to_end() {
    for signal in ["-TERM", "-INT"] {
        let (came, go) = (channel::<()>(), channel::<()>());
        let go_on = std::sync::Mutex::new(go.1);
        let port = service(move |mut io| {
            until(&mut io, b"\r\n\r\n");
            came.0.send(()).expect("a test");
            let _ = go_on
                .lock()
                .expect("a test")
                .recv_timeout(Duration::from_secs(60));
            let _ = io.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone");
        });
        let platform = Platform::new(&format!("drain{signal}"));
        let mut proxy = start(&platform, port, "");
        let mut io = platform.connect(proxy.port, "acme", "localhost");
        io.write_all(b"GET /erp/orders HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .expect("a request");
        came.1
            .recv_timeout(Duration::from_secs(60))
            .expect("it is under way");
        proxy.signal(signal);
        // The port is closed before the answer comes.
        let refused = (0..6_000).any(|_| {
            thread::sleep(Duration::from_millis(10));
            TcpStream::connect(("127.0.0.1", proxy.port)).is_err()
        });
        assert!(refused, "{signal}");
        go.0.send(()).expect("a service");
        let mut answer = String::new();
        io.read_to_string(&mut answer).expect("a whole answer");
        assert_eq!(parsed(&answer), (200, "done".to_owned()), "{signal}");
        assert_eq!(
            proxy.process.end().and_then(|status| status.code()),
            Some(0),
            "{signal}"
        );
    }
}

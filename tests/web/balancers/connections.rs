//! Connections that come through a balancer: who is told of, and what is refused before TLS.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::breaker::{Breaker, State};
use countersign::observe::{Event, Observer};
use countersign::proxy_protocol::{MAX_LENGTH, ProxyProtocol};
use countersign::tls::ClientAuth;
use countersign::web::{Acceptor, Listener};
use rustls::pki_types::{ServerName, UnixTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{MAPPED, SSL, V4, V6, filled, say, v2, v2_saying};
use crate::door::world;
use crate::greetings::policy;
use crate::sender::{AnyError, client_config};
use crate::support::secs;

const BALANCER: &str = "10.7.0.4:40000";

const TOLD: &str = "203.0.113.7:51234";

const TEXT: &[u8] = b"PROXY TCP4 203.0.113.7 10.7.0.4 51234 8443\r\n";

/// Events with the peer's address.
#[derive(Debug, Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Observer for Told {
    fn observe(&self, event: &Event<'_>) {
        let line = match event {
            Event::HandshakeCompleted { peer, .. } => format!("{peer} connected"),
            Event::HandshakeFailed { peer, reason, .. } => format!("{peer} {}", reason.code()),
            Event::HandshakeStarted { .. } => return,
            other => panic!("another event: {other:?}"),
        };
        self.0.lock().expect("not poisoned").push(line);
    }
}

impl Told {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("not poisoned"))
    }
}

fn plain() -> (Acceptor, Told) {
    let told = Told::default();
    let acceptor = Acceptor::new(world().server_config(policy().trust(), ClientAuth::Require));
    let acceptor = acceptor.with_handshake_timeout(secs(1));
    (acceptor.observed_by(Arc::new(told.clone())), told)
}

fn behind_balancers() -> (Acceptor, Told) {
    let (acceptor, told) = plain();
    let networks = ["10.7.0.0/24", "fd00:7::4"].map(|text| text.parse().expect("a network"));
    (
        acceptor.with_proxy_protocol(ProxyProtocol::from_balancers(networks)),
        told,
    )
}

/// Who the acceptor takes a connection from there for, on which a client does this; and what it tells.
async fn met(
    (acceptor, told): (Acceptor, Told),
    peer: &str,
    client: impl AsyncFnOnce(DuplexStream),
) -> (Option<SocketAddr>, Vec<String>) {
    let (io, other) = duplex(64 * 1024);
    let peer = peer.parse().expect("an address");
    let server = async {
        let mut secured = acceptor.accept(other, peer).await.ok()?;
        secured.write_all(b"good").await.expect("open");
        secured.shutdown().await.expect("open");
        Some(secured.connection().peer())
    };
    let (seen, ()) = tokio::join!(server, client(io));
    (seen.flatten(), told.take())
}

async fn handshake(io: DuplexStream) -> Result<String, AnyError> {
    let config = client_config(Some(&world().acme))?;
    let name = ServerName::try_from("hooks.acme.example")?;
    let mut tls = TlsConnector::from(Arc::new(config)).connect(name, io).await?;
    let mut said = String::new();
    tls.read_to_string(&mut said).await?;
    Ok(said)
}

async fn send(mut io: DuplexStream, header: &[u8]) {
    io.write_all(header).await.expect("open");
    assert_eq!(handshake(io).await.expect("a handshake"), "good");
}

async fn one_byte_at_a_time(mut io: DuplexStream, header: &[u8]) {
    for byte in header {
        io.write_all(&[*byte]).await.expect("open");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(handshake(io).await.expect("a handshake"), "good");
}

#[tokio::test]
async fn the_peer_is_whom_the_balancer_tells_of() {
    let tls = v2(0x21, 0x11, &[V4, SSL].concat());
    let local = v2(0x20, 0x00, b"");
    #[rustfmt::skip]
    let cases = [
        ("version 1", BALANCER, TEXT, TOLD),
        ("version 2", BALANCER, &*v2(0x21, 0x11, V4), TOLD),
        ("IPv6", BALANCER, &*v2(0x21, 0x21, V6), "[2001:db8::7]:51234"),
        ("IPv4 in the form of IPv6", BALANCER, &*v2(0x21, 0x21, MAPPED), TOLD),
        ("what it has seen of TLS", BALANCER, &*tls, TOLD),
        ("as long as may be", BALANCER, &*filled(MAX_LENGTH), TOLD),
        ("a balancer with IPv6", "[fd00:7::4]:40000", TEXT, TOLD),
        ("on a port for both", "[::ffff:10.7.0.4]:40000", TEXT, TOLD),
        ("local", BALANCER, &*local, BALANCER),
        ("unknown", BALANCER, b"PROXY UNKNOWN\r\n", BALANCER),
        ("no balancer, no header", "10.7.1.4:40000", b"", "10.7.1.4:40000"),
    ];
    for (name, peer, header, expected) in cases {
        let told = (
            Some(expected.parse().expect("an address")),
            vec![format!("{expected} connected")],
        );
        let at_once = met(behind_balancers(), peer, async |io| send(io, header).await).await;
        assert_eq!(at_once, told, "{name}");
        if header.len() < 100 {
            let slowly = met(behind_balancers(), peer, async |io| {
                one_byte_at_a_time(io, header).await;
            });
            assert_eq!(slowly.await, told, "{name}, slowly");
        }
    }
}

const HELLO: &[u8] = &[22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 0, 0, 0, 0, 0];

const STAYS: bool = false;

const ENDS: bool = true;

#[tokio::test]
async fn what_does_not_begin_as_it_is_to_is_refused() {
    let (elsewhere, v2_header) = ("192.0.2.1:40000", v2(0x21, 0x11, V4));
    let late = "handshake.timed_out";
    #[rustfmt::skip]
    let cases = [
        ("TLS from a balancer", BALANCER, HELLO, STAYS, "proxy_header.missing"),
        ("one byte of it", BALANCER, &HELLO[..1], STAYS, "proxy_header.missing"),
        ("HTTP from a balancer", BALANCER, b"GET / HTTP/1.1\r\n\r\n", STAYS, "proxy_header.missing"),
        ("version 1 from elsewhere", elsewhere, TEXT, STAYS, "proxy_header.unexpected"),
        ("version 2 from elsewhere", elsewhere, &*v2_header, STAYS, "proxy_header.unexpected"),
        ("local from elsewhere", elsewhere, &*v2(0x20, 0x00, b""), STAYS, "proxy_header.unexpected"),
        ("HTTP from elsewhere", elsewhere, b"GET / HTTP/1.1\r\n\r\n", STAYS, "handshake.tls"),
        ("half of version 1", BALANCER, &TEXT[..20], ENDS, "proxy_header.truncated"),
        ("half of version 2", BALANCER, &v2_header[..20], ENDS, "proxy_header.truncated"),
        ("half of its signature", BALANCER, &v2_header[..6], ENDS, "proxy_header.truncated"),
        ("half, and silence", BALANCER, &TEXT[..20], STAYS, late),
        ("silence", BALANCER, b"", STAYS, late),
        ("a port that is looked at", BALANCER, b"", ENDS, "handshake.io"),
        ("a line without an end", BALANCER, &[b"PROXY ".as_slice(), &[b'x'; 200]].concat(), STAYS, "proxy_header.too_long"),
        ("as long as it can say", BALANCER, &*v2_saying(0x21, 0x11, u16::MAX, V4), STAYS, "proxy_header.too_long"),
        ("a length of nothing", BALANCER, &*v2_saying(0x21, 0x11, 0, V4), STAYS, "proxy_header.malformed"),
        ("UDP", BALANCER, &*v2(0x21, 0x12, V4), STAYS, "proxy_header.unsupported"),
        ("a Unix socket", BALANCER, &*v2(0x21, 0x31, &[0; 216]), STAYS, "proxy_header.unsupported"),
    ];
    for (name, peer, bytes, ends, code) in cases {
        let refused = met(behind_balancers(), peer, async |io| say(io, bytes, ends).await).await;
        assert_eq!(refused, (None, vec![format!("{peer} {code}")]), "{name}");
    }
    let twice = [TEXT, v2_header.as_slice()].concat();
    let refused = met(behind_balancers(), BALANCER, async |io| {
        say(io, &twice, STAYS).await
    })
    .await;
    let unexpected = |peer: &str| (None, vec![format!("{peer} proxy_header.unexpected")]);
    assert_eq!(refused, unexpected(TOLD), "two headers");
    let refused = met(plain(), BALANCER, async |io| say(io, TEXT, STAYS).await).await;
    assert_eq!(refused, unexpected(BALANCER), "nobody was named");
}

/// What a hello begins with are no fields, so it is seen, and not waited for what TLS will not send again.
#[tokio::test]
async fn a_length_that_takes_in_a_hello_is_seen() {
    let wrong = v2_saying(0x21, 0x11, 12 + 100, V4);
    let outcome = met(behind_balancers(), BALANCER, async |mut io| {
        io.write_all(&wrong).await.expect("open");
        handshake(io).await.expect_err("no handshake");
    });
    let malformed = format!("{BALANCER} proxy_header.malformed");
    assert_eq!(outcome.await, (None, vec![malformed]));
}

#[tokio::test]
async fn a_share_and_a_circuit_are_of_whom_the_balancer_tells() {
    let breaker = Breaker::<IpAddr>::new(100).trip_at_rate(101, 1);
    let (acceptor, told) = behind_balancers();
    let acceptor = acceptor
        .with_breaker(breaker.clone())
        .with_max_handshakes_per_source(1);
    let header = |from: &str| format!("PROXY TCP4 {from} 10.7.0.4 51234 8443\r\n");
    let stays_silent = async |from: &str| {
        let header = header(from);
        met((acceptor.clone(), told.clone()), BALANCER, async |io| {
            say(io, &[header.as_bytes(), &HELLO[..6]].concat(), STAYS).await;
        })
        .await;
    };
    let of = async |bytes: &[u8]| {
        met((acceptor.clone(), told.clone()), BALANCER, async |io| {
            say(io, bytes, STAYS).await;
        })
        .await;
    };
    tokio::join!(
        stays_silent("203.0.113.7"),
        stays_silent("203.0.113.7"),
        stays_silent("203.0.113.8")
    );
    // No header, half of one, a bad one: nobody's.
    tokio::join!(of(HELLO), of(&TEXT[..20]), of(b"PROXY\n"));
    let failures = |ip: &str| {
        let ip: IpAddr = ip.parse().expect("an address");
        match breaker.state(&ip, UnixTime::now()) {
            State::Closed { failures, .. } => failures,
            other => panic!("{other:?}"),
        }
    };
    let counted = ["203.0.113.7", "203.0.113.8", "10.7.0.4"].map(failures);
    assert_eq!(counted, [1, 1, 0]);
}

#[tokio::test]
async fn a_listener_reads_headers_beside_each_other() {
    let (acceptor, told) = plain();
    let balancers = ["127.0.0.1".parse().expect("an address")];
    let acceptor = acceptor
        .with_handshake_timeout(secs(60))
        .with_max_handshakes_per_source(1)
        .with_proxy_protocol(ProxyProtocol::from_balancers(balancers));
    let mut listener = Listener::bind("127.0.0.1:0", acceptor).await.expect("a port");
    let address = listener.local_addr();
    let mut waiting = Vec::new();
    for _ in 0..32 {
        let mut io = TcpStream::connect(address).await.expect("a port");
        io.write_all(&TEXT[..10]).await.expect("open");
        waiting.push(io);
    }
    let client = async {
        let mut io = TcpStream::connect(address).await.expect("a port");
        io.write_all(TEXT).await.expect("open");
        let config = client_config(Some(&world().acme)).expect("a configuration");
        let name = ServerName::try_from("hooks.acme.example").expect("a name");
        let tls = TlsConnector::from(Arc::new(config)).connect(name, io).await;
        tls.expect("a handshake")
    };
    let (accepted, _tls) = tokio::join!(listener.next(), client);
    let (secured, peer) = accepted.expect("a connection");
    assert_eq!(peer.to_string(), TOLD);
    assert_eq!(secured.connection().peer(), Some(peer));
    assert_eq!(told.take(), [format!("{TOLD} connected")]);
}

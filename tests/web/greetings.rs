//! What is told of each handshake, what is offered in it, and from whom none is taken.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::breaker::{Breaker, NotNow};
use countersign::gate::Policy;
use countersign::observe::{
    Event, HandshakeFacts, HandshakeFailure, HandshakeKind, NamedGroup, Observer, TlsVersion,
};
use countersign::testing::TestCa;
use countersign::tls::{ClientAuth, Credentials, Reason, Tls, allow_resumption};
use countersign::web::{Acceptor, Listener, Protocols, Site, Sites};
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::door::{Hands, Log, TEMPLATE, world};
use crate::sender::{Greeting, Version};
use crate::support::{at, secs};

/// Handshakes, with everything that is told of them.
#[derive(Debug, Clone, Default)]
struct Book(Arc<Mutex<Vec<Line>>>);

type Line = (SocketAddr, Result<HandshakeFacts, &'static str>);

impl Observer for Book {
    fn observe(&self, event: &Event<'_>) {
        let line = match event {
            Event::HandshakeCompleted { peer, handshake, .. } => (*peer, Ok(*handshake)),
            Event::HandshakeFailed { peer, reason, .. } => (*peer, Err(reason.code())),
            Event::HandshakeStarted { .. } => return,
            other => panic!("unexpected: {other:?}"),
        };
        self.0.lock().expect("not poisoned").push(line);
    }
}

impl Book {
    async fn next(&self) -> Line {
        for _ in 0..500 {
            if let Some(line) = self.0.lock().expect("not poisoned").pop() {
                return line;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nothing was told");
    }
}

pub(crate) fn policy() -> Policy {
    Policy::new(world().trust(&world().ca), world().tenants(&["acme", "globex"]))
}

/// A port of which each connection is answered with the tenant that it was, or with why it was nobody's.
async fn port(acceptor: Acceptor) -> SocketAddr {
    let mut listener = Listener::bind("127.0.0.1:0", acceptor).await.expect("a port");
    let address = listener.local_addr();
    tokio::spawn(async move {
        while let Some((mut secured, peer)) = listener.next().await {
            let connection = secured.connection().clone();
            assert_eq!(connection.peer(), Some(peer));
            let caller = connection.identify(&policy(), rustls::pki_types::UnixTime::now());
            let said = match caller {
                Ok(caller) => caller.tenant().to_string(),
                Err(refusal) => refusal.code().to_owned(),
            };
            let _ = secured.write_all(said.as_bytes()).await;
            let _ = secured.shutdown().await;
        }
    });
    address
}

#[tokio::test]
async fn each_handshake_is_told_with_its_peer_its_kind_its_version_and_its_group() {
    let (world, book) = (world(), Book::default());
    let tls = Tls::new(Arc::new(world.tls.provider().clone())).allow_tls12();
    let server = world.ca.server("hooks.acme.example").issue();
    let own = Credentials::new(tls.provider(), server.chain(), server.key()).expect("a pair");
    let policy = policy();
    let mut config = tls
        .server_config(&own, policy.trust(), ClientAuth::Require)
        .expect("a configuration");
    allow_resumption(&mut config, &policy);
    let address = port(Acceptor::new(config).observed_by(Arc::new(book.clone()))).await;

    let (full, resumed) = (HandshakeKind::Full, HandshakeKind::Resumed);
    // A session of TLS 1.2 is resumed without a key exchange, one of TLS 1.3 with one.
    let versions = [
        (
            tls,
            &rustls::version::TLS12,
            TlsVersion::Tls12,
            [Some(0x1d), None],
        ),
        (
            world.tls.clone(),
            &rustls::version::TLS13,
            TlsVersion::Tls13,
            [Some(0x11ec); 2],
        ),
    ];
    for (tls, protocol, version, groups) in versions {
        let verifier = countersign::tls::HandshakeVerifier::new(tls.provider(), world.trust(&world.ca));
        let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(tls.provider().clone()))
            .with_protocol_versions(&[protocol])
            .expect("a version")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_auth_cert(world.acme.chain(), world.acme.key())
            .expect("a pair");
        config.resumption = Resumption::in_memory_sessions(8);
        let connector = TlsConnector::from(Arc::new(config));
        for (kind, group) in [full, resumed].into_iter().zip(groups) {
            let tcp = TcpStream::connect(address).await.expect("open");
            let own = tcp.local_addr().expect("an address");
            let name = ServerName::try_from("hooks.acme.example").expect("a name");
            let mut stream = connector.connect(name, tcp).await.expect("trusted");
            let mut said = String::new();
            stream.read_to_string(&mut said).await.expect("closed well");
            assert_eq!(said, "acme", "the proof is the same, resumed or not");
            let facts = HandshakeFacts::new(kind, version);
            let facts = match group {
                Some(group) => facts.with_group(NamedGroup::from_iana(group)),
                None => facts,
            };
            assert_eq!(book.next().await, (own, Ok(facts)));
        }
    }
    let stranger = TestCa::new("Somebody Else")
        .client(&TEMPLATE.replace("{tenant}", "acme"))
        .issue();
    for (certificate, code) in [
        (None, "identity.no_certificate"),
        (Some(&stranger), "trust.unknown_issuer"),
    ] {
        let stream = Greeting::new(certificate, Version::Http1).tls(address).await;
        let stream = stream.expect("under TLS 1.3 a client believes itself connected");
        let own = stream.get_ref().0.local_addr().expect("an address");
        assert_eq!(book.next().await, (own, Err(code)));
    }
}

/// Whether a client that resumes may send early data: what its session from the first connection says.
async fn early_data_is_offered(config: &Arc<rustls::ClientConfig>, address: SocketAddr) -> bool {
    let connector = TlsConnector::from(config.clone());
    let mut offered = false;
    for _ in 0..2 {
        let tcp = TcpStream::connect(address).await.expect("open");
        let name = ServerName::try_from("hooks.acme.example").expect("a name");
        let look = |tls: &mut rustls::ClientConnection| offered = tls.early_data().is_some();
        let mut stream = connector.connect_with(name, tcp, look).await.expect("trusted");
        stream.read_to_end(&mut Vec::new()).await.expect("closed well");
    }
    offered
}

#[tokio::test]
async fn early_data_is_turned_off_whatever_the_configuration_says() {
    let policy = policy();
    let mut config = world().server_config(policy.trust(), ClientAuth::Require);
    allow_resumption(&mut config, &policy);
    config.max_early_data_size = 16 * 1024;
    let client = || {
        let mut client = crate::sender::client_config(Some(&world().acme)).expect("a configuration");
        client.resumption = Resumption::in_memory_sessions(8);
        client.enable_early_data = true;
        Arc::new(client)
    };
    let sites = Sites::builder().site("hooks.acme.example", Site::new(policy, config.clone()));
    let acceptors = [
        ("one configuration", Acceptor::new(config.clone())),
        (
            "by server name",
            Acceptor::by_server_name(sites.build().expect("sites")),
        ),
    ];
    for (name, acceptor) in acceptors {
        let address = port(acceptor).await;
        assert!(!early_data_is_offered(&client(), address).await, "{name}");
    }

    // What would be offered otherwise, or this would show nothing.
    let tcp = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = tcp.local_addr().expect("an address");
    let plain = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((io, _)) = tcp.accept().await {
            let accepted = Reason::watch_all(plain.accept(io)).await.0;
            let _ = accepted.expect("trusted").shutdown().await;
        }
    });
    assert!(
        early_data_is_offered(&client(), address).await,
        "without an acceptor"
    );
}

#[tokio::test]
async fn what_is_offered_is_what_the_acceptor_was_told() {
    let (world, both) = (world(), ["h2", "http/1.1"].as_slice());
    let (h2, h1) = (Some("h2"), Some("http/1.1"));
    let own = || world.server_config(policy().trust(), ClientAuth::Require);
    let with = |protocols: Protocols| Acceptor::new(own()).with_protocols(protocols);
    let mut config = own();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    #[rustfmt::skip]
    let cases = [
        ("nothing", Acceptor::new(own()), both, Ok(None)),
        ("the configuration's own", Acceptor::new(config.clone()), both, Ok(h1)),
        ("instead of the configuration's own", Acceptor::new(config).with_protocols(Protocols::Http2), both, Ok(h2)),
        ("HTTP/1.1", with(Protocols::Http1), both, Ok(h1)),
        ("HTTP/1.1, to one who cannot", with(Protocols::Http1), &["h2"], Err(())),
        ("HTTP/2", with(Protocols::Http2), both, Ok(h2)),
        ("HTTP/2, to one who cannot", with(Protocols::Http2), &["http/1.1"], Err(())),
        ("HTTP/2, to one who says nothing", with(Protocols::Http2), &[], Ok(None)),
        ("either", with(Protocols::Http2OrHttp1), both, Ok(h2)),
        ("either, to one who likes the old one", with(Protocols::Http2OrHttp1), &["http/1.1", "h2"], Ok(h2)),
        ("either, to one who has the old one", with(Protocols::Http2OrHttp1), &["http/1.1"], Ok(h1)),
    ];
    for (name, acceptor, offered, expected) in cases {
        let address = port(acceptor).await;
        let greeting = Greeting::new(Some(&world.acme), Version::Http1).offering(offered);
        let agreed = greeting.tls(address).await.map_err(|error| {
            assert!(
                error.to_string().contains("NoApplicationProtocol"),
                "{name}: {error}"
            );
        });
        let agreed = agreed.map(|stream| stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec));
        assert_eq!(
            agreed,
            expected.map(|name| name.map(|name: &str| name.as_bytes().to_vec())),
            "{name}"
        );
    }
}

#[tokio::test]
async fn an_acceptor_by_itself_has_so_many_places_too() {
    let (world, log) = (world(), Log::default());
    let peer = SocketAddr::from(([127, 0, 0, 1], 1));
    let acceptor = Acceptor::new(world.server_config(policy().trust(), ClientAuth::Require))
        .with_max_handshakes(1)
        .with_handshake_timeout(secs(1))
        .observed_by(Arc::new(log.clone()));
    let (_silent, io) = duplex(64);
    let silent = acceptor.clone();
    let silent = tokio::spawn(async move { silent.accept(io, peer).await.err() });
    tokio::time::sleep(Duration::from_millis(500)).await;

    let begun = std::time::Instant::now();
    let (client, io) = duplex(4096);
    let config = Arc::new(crate::sender::client_config(Some(&world.acme)).expect("a configuration"));
    let name = ServerName::try_from("hooks.acme.example").expect("a name");
    let greeted = TlsConnector::from(config).connect(name, client);
    let (accepted, greeted) = tokio::join!(acceptor.accept(io, peer), greeted);
    assert_eq!(accepted.err(), None);
    greeted.expect("trusted");
    let waited = begun.elapsed();
    assert!(
        waited > Duration::from_millis(250),
        "it waited for the place: {waited:?}"
    );
    assert_eq!(silent.await.expect("no panic"), Some(HandshakeFailure::TimedOut));

    let (_silent, first) = duplex(64);
    let (_waiting, second) = duplex(64);
    let begun = std::time::Instant::now();
    let (first, second) = tokio::join!(acceptor.accept(first, peer), acceptor.accept(second, peer));
    let timed_out = || Some(HandshakeFailure::TimedOut);
    assert_eq!((first.err(), second.err()), (timed_out(), timed_out()));
    assert!(
        begun.elapsed() < secs(2),
        "the wait for a place counts: {:?}",
        begun.elapsed()
    );
    let failed = "not connected: handshake.timed_out";
    assert_eq!(log.take(), [failed, "connected", failed, failed]);
}

#[tokio::test]
async fn a_source_whose_handshakes_fail_is_taken_no_more_for_a_while() {
    let (world, log, hands) = (world(), Log::default(), Hands::default());
    let breaker = Breaker::new(100)
        .trip_at_rate(50, 4)
        .with_open_time(secs(30), secs(600));
    let acceptor = Acceptor::new(world.server_config(policy().trust(), ClientAuth::Require))
        .with_breaker(breaker)
        .with_clock(hands.clock())
        .observed_by(Arc::new(log.clone()));
    let address = port(acceptor).await;
    let greet = async |certificate| -> Result<(), String> {
        let greeting = Greeting::new(certificate, Version::Http1);
        let mut stream = greeting.tls(address).await.map_err(|error| error.to_string())?;
        stream
            .read_to_end(&mut Vec::new())
            .await
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    // A load balancer's question whether we are alive.
    for _ in 0..10 {
        drop(TcpStream::connect(address).await.expect("open"));
        log.wait_for("not connected: handshake.io").await;
        log.take();
    }
    let refused = "not connected: identity.no_certificate";
    for _ in 0..3 {
        greet(None).await.expect_err("no certificate");
        log.wait_for(refused).await;
        assert_eq!(log.take(), [refused], "too few to say");
    }
    greet(Some(&world.acme)).await.expect("a success");
    assert_eq!(log.take(), ["connected"]);
    greet(None).await.expect_err("no certificate");
    log.wait_for(refused).await;
    assert_eq!(log.take(), ["127.0.0.1: open", refused], "four of five");

    for _ in 0..3 {
        greet(Some(&world.acme)).await.expect_err("not taken");
        log.wait_for("not connected: breaker.open").await;
        assert_eq!(log.take(), ["not connected: breaker.open"]);
    }
    hands.turn(29);
    greet(Some(&world.acme)).await.expect_err("not yet");
    log.wait_for("not connected: breaker.open").await;
    log.take();
    hands.turn(1);
    greet(Some(&world.acme)).await.expect("a probe");
    assert_eq!(
        log.take(),
        ["127.0.0.1: half_open", "127.0.0.1: closed", "connected"]
    );
    greet(Some(&world.acme)).await.expect("as ever");
    assert_eq!(log.take(), ["connected"]);
}

#[tokio::test]
async fn sources_are_told_apart_and_one_host_is_one_source() {
    let breaker = Breaker::new(100)
        .trip_at_rate(50, 1)
        .with_open_time(secs(30), secs(600));
    let hands = Hands::default();
    let acceptor = Acceptor::new(world().server_config(policy().trust(), ClientAuth::Require))
        .with_breaker(breaker)
        .with_clock(hands.clock());
    let until = at(hands.now().as_secs() + 30);
    let garbage = async |peer: &str| {
        let (mut client, server) = duplex(1024);
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("room");
        acceptor
            .accept(server, peer.parse().expect("an address"))
            .await
            .err()
    };
    let blocked = Some(HandshakeFailure::Blocked(NotNow::Open { until }));
    for (first, same, other) in [
        ("192.0.2.1:1", "[::ffff:192.0.2.1]:2", "192.0.2.2:1"),
        ("[2001:db8::1]:1", "[2001:db8::ffff:2]:2", "[2001:db8:0:1::1]:1"),
    ] {
        assert!(
            matches!(garbage(first).await, Some(HandshakeFailure::Tls(_))),
            "{first}"
        );
        assert_eq!(garbage(same).await, blocked, "{same}");
        assert!(
            matches!(garbage(other).await, Some(HandshakeFailure::Tls(_))),
            "{other}"
        );
    }
}

//! What one source may take of the places for handshakes, and what counts against it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::breaker::{Breaker, State};
use countersign::observe::HandshakeFailure;
use countersign::testing::TestCa;
use countersign::tls::ClientAuth;
use countersign::trust::PrivateCa;
use countersign::web::Acceptor;
use rustls::pki_types::{ServerName, UnixTime};
use tokio::io::{AsyncWriteExt as _, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::door::{Door, Hands, Log, Plan, TEMPLATE, world};
use crate::greetings::policy;
use crate::sender::{AnyError, Greeting, Sender, Version, delivery, said};
use crate::support::secs;

const OK: &str = r#"{"status": 200}"#;
const NO_SHARE: &str = "not connected: handshake.share_used_up";

fn acceptor() -> Acceptor {
    Acceptor::new(world().server_config(policy().trust(), ClientAuth::Require))
}

/// A source from which one address says nothing on as many connections as it can.
const SILENT: usize = 300;
const SHARE: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_with_hundreds_of_silent_connections_keeps_nobody_waiting() {
    let plan = Plan {
        handshake_timeout: secs(120),
        max_handshakes: 8 * SHARE,
        max_handshakes_per_source: SHARE,
        ..Plan::default()
    };
    let door = Door::planned(plan).await;
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(TcpStream::connect(door.address).await.expect("the port is open"));
    }
    let from = |last| IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
    let deliver = async |last, id: &str| -> Result<_, AnyError> {
        let greeting = Greeting::new(Some(&world().acme), Version::Http1).from(from(last));
        let mut sender = Sender::greet(door.address, greeting).await?;
        sender.try_send(delivery("acme", id, OK, door.hands.now())).await
    };
    let good = said(200, format!("acme acme-2026 URI {TEMPLATE}"));
    let begun = Instant::now();
    assert_eq!(deliver(2, "msg_1").await.expect("a place"), good);
    let waited = begun.elapsed();
    assert!(waited < secs(20), "it waited for the silent ones: {waited:?}");
    let told = door.log.take();
    let turned_away = told.iter().filter(|line| *line == NO_SHARE).count();
    assert_eq!(turned_away, SILENT - SHARE, "{told:?}");

    deliver(1, "msg_2")
        .await
        .expect_err("the silent ones' own address");
    assert_eq!(door.log.take(), [NO_SHARE]);
    drop(silent);
    for _ in 0..SHARE {
        door.log.wait_for("not connected: handshake.io").await;
    }
    let freed = async || {
        while deliver(1, "msg_2").await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(secs(20), freed())
        .await
        .expect("its share is free again");
}

#[tokio::test]
async fn a_share_is_an_eighth_of_all_unless_it_is_told_otherwise() {
    let peer = SocketAddr::from(([192, 0, 2, 1], 1));
    #[rustfmt::skip]
    let cases = [
        ("by default", acceptor(), 256),
        ("an eighth", acceptor().with_max_handshakes(240), 30),
        ("sixteen at least", acceptor().with_max_handshakes(24), 16),
        ("set", acceptor().with_max_handshakes_per_source(3), 3),
        ("set first", acceptor().with_max_handshakes_per_source(3).with_max_handshakes(240), 3),
        ("one at least", acceptor().with_max_handshakes_per_source(0), 1),
    ];
    for (name, acceptor, share) in cases {
        let (mut silent, mut peers) = (tokio::task::JoinSet::new(), Vec::new());
        for _ in 0..share {
            let (client, io) = duplex(64);
            peers.push(client);
            let acceptor = acceptor.clone();
            silent.spawn(async move { acceptor.accept(io, peer).await.err() });
        }
        // On one thread, whoever was spawned has been polled by then, however busy the machine is.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        let (_client, io) = duplex(64);
        let one_more = acceptor.accept(io, peer).await.err();
        assert_eq!(
            one_more,
            Some(HandshakeFailure::ShareUsedUp { limit: share }),
            "{name}"
        );
        assert_eq!(
            silent.try_join_next().map(|ended| ended.expect("no panic")),
            None,
            "{name}: as many as may be"
        );
    }
}

#[tokio::test]
async fn a_share_is_of_an_address_or_of_64_bits() {
    let acceptor = acceptor()
        .with_max_handshakes_per_source(1)
        .with_handshake_timeout(secs(2));
    #[rustfmt::skip]
    let cases = [
        ("192.0.2.1:1", "[::ffff:192.0.2.1]:2", "192.0.2.2:1"),
        ("[2001:db8::1]:1", "[2001:db8::ffff:2]:2", "[2001:db8:0:1::1]:1"),
    ];
    for (first, same, other) in cases {
        let say_nothing = async |peer: &str| {
            let (_client, io) = duplex(64);
            let peer = peer.parse().expect("an address");
            acceptor.accept(io, peer).await.err()
        };
        let (first, same, other) = tokio::join!(say_nothing(first), say_nothing(same), say_nothing(other));
        let (timed_out, no_share) = (
            HandshakeFailure::TimedOut,
            HandshakeFailure::ShareUsedUp { limit: 1 },
        );
        assert_eq!(
            (first, same, other),
            (Some(timed_out.clone()), Some(no_share), Some(timed_out))
        );
    }
}

// --- what counts --------------------------------------------------------------------------------------------------------

/// An acceptor whose breaker never opens, and how it stands with the one source there is.
struct Counted {
    acceptor: Acceptor,
    breaker: Breaker<IpAddr>,
    hands: Hands,
    peer: SocketAddr,
}

impl Counted {
    fn new() -> Self {
        let (breaker, hands) = (Breaker::new(100).trip_at_rate(101, 1), Hands::default());
        let acceptor = acceptor()
            .with_handshake_timeout(secs(1))
            .with_breaker(breaker.clone())
            .with_clock(hands.clock())
            .observed_by(Arc::new(Log::default()));
        let peer = SocketAddr::from(([192, 0, 2, 1], 1));
        Self {
            acceptor,
            breaker,
            hands,
            peer,
        }
    }

    /// The code of its handshake with this client, and the failures that were counted.
    async fn with(&self, client: impl AsyncFnOnce(DuplexStream)) -> (Option<&'static str>, u32) {
        let (io, other) = duplex(4096);
        let accepted = self.acceptor.accept(other, self.peer);
        let (accepted, ()) = tokio::join!(accepted, client(io));
        let state = self.breaker.state(&self.peer.ip(), self.hands.now());
        let State::Closed { requests, failures } = state else {
            panic!("{state:?}");
        };
        let code = accepted.err().map(|failure| failure.code());
        assert_eq!(requests, failures + u32::from(code.is_none()));
        (code, failures)
    }
}

async fn stay(io: DuplexStream) {
    tokio::time::sleep(secs(3)).await;
    drop(io);
}

async fn say(mut io: DuplexStream, bytes: &[u8]) {
    io.write_all(bytes).await.expect("open");
    stay(io).await;
}

/// The first bytes of a ClientHello that never comes.
const HALF: [u8; 6] = [22, 3, 1, 2, 0, 1];
/// The alert `handshake_failure`, before anything else was said.
const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];

async fn connect(io: DuplexStream, trust: PrivateCa) -> Result<(), AnyError> {
    let verifier = countersign::tls::HandshakeVerifier::new(world().tls.provider(), trust);
    let mut config = crate::sender::client_config(Some(&world().acme))?;
    config.dangerous().set_certificate_verifier(Arc::new(verifier));
    let name = ServerName::try_from("hooks.acme.example")?;
    TlsConnector::from(Arc::new(config)).connect(name, io).await?;
    Ok(())
}

/// Of whom nothing is known but an alert or silence, nothing is counted; the others are.
#[tokio::test]
async fn silence_and_alerts_do_not_count_against_a_source() {
    let strangers = TestCa::new("Somebody Else");
    let ours = async |io| connect(io, world().trust(&world().ca)).await.expect("trusted");
    let not_ours = async |io| {
        let trust = PrivateCa::from_pem(
            strangers.pem().as_bytes(),
            world().tls.algorithms(),
            UnixTime::now(),
        );
        connect(io, trust.expect("an anchor"))
            .await
            .expect_err("not trusted");
    };
    let leave = async |mut io: DuplexStream| io.write_all(&HALF).await.expect("open");
    let (io, late, tls) = (
        Some("handshake.io"),
        Some("handshake.timed_out"),
        Some("handshake.tls"),
    );
    let counted = async |client: &str| {
        let of = Counted::new();
        match client {
            "is silent until the end" => of.with(stay).await,
            "goes away without a word" => of.with(async |io| drop(io)).await,
            "refuses what was not said" => of.with(async |io| say(io, &ALERT).await).await,
            "does not trust us" => of.with(not_ours).await,
            "says half a word" => of.with(async |io| say(io, &HALF).await).await,
            "goes away after half a word" => of.with(leave).await,
            "speaks something else" => of.with(async |io| say(io, b"GET / HTTP/1.1\r\n\r\n").await).await,
            _ => of.with(ours).await,
        }
    };
    #[rustfmt::skip]
    let cases = [
        ("is silent until the end", late, 0),
        ("goes away without a word", io, 0),
        ("does not trust us", tls, 0),
        ("says half a word", late, 1),
        ("goes away after half a word", io, 1),
        ("speaks something else", tls, 1),
        ("refuses what was not said", tls, 1),
        ("is good", None, 0),
    ];
    for (client, code, failures) in cases {
        assert_eq!(counted(client).await, (code, failures), "{client}");
    }
}

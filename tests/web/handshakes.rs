//! Before the first request: peers that dawdle, and peers that are turned away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::testing::TestCa;
use countersign::tls::ClientAuth;
use countersign::web::Acceptor;
use rustls::pki_types::ServerName;
use rustls::server::ServerSessionMemoryCache;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::door::{Door, Plan, TEMPLATE, world};
use crate::sender::{AnyError, Sender, Version, client_config, delivery, said, send};

const OK: &str = r#"{"status": 200}"#;
const TIMED_OUT: &str = "not connected: handshake.timed_out";

async fn silent(door: &Door, how_many: usize) -> Vec<TcpStream> {
    let mut peers = Vec::new();
    for _ in 0..how_many {
        peers.push(TcpStream::connect(door.address).await.expect("the port is open"));
    }
    peers
}

/// Begins a TLS record of 512 bytes, and goes on at one byte a second.
async fn dawdle(mut peer: TcpStream) {
    for byte in [0x16, 3, 1, 2, 0].into_iter().chain([0; 512]) {
        if peer.write_u8(byte).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn how_long(door: &Door, id: &str) -> Duration {
    let begun = Instant::now();
    let answer = send(
        door.address,
        &world().acme,
        delivery("acme", id, OK, door.hands.now()),
    )
    .await;
    assert_eq!(answer, said(200, format!("acme acme-2026 URI {TEMPLATE}")));
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_dawdle_delay_nobody() {
    const SILENT: usize = 40;
    let patience = Duration::from_secs(4);
    let plan = Plan {
        handshake_timeout: patience,
        ..Plan::default()
    };
    let door = Door::planned(plan).await;
    how_long(&door, "msg_warm").await;
    let alone = how_long(&door, "msg_alone").await;

    let begun = Instant::now();
    let _silent = silent(&door, SILENT).await;
    for peer in silent(&door, 5).await {
        tokio::spawn(dawdle(peer));
    }
    let in_company = how_long(&door, "msg_company").await;
    assert!(
        in_company < patience / 2,
        "alone {alone:?}, in company {in_company:?}"
    );

    tokio::time::sleep(patience.saturating_sub(begun.elapsed()) + Duration::from_millis(500)).await;
    let told = door.log.take();
    let timed_out = told.iter().filter(|line| *line == TIMED_OUT).count();
    assert_eq!(timed_out, SILENT + 5, "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_handshakes_than_there_are_places() {
    let patience = Duration::from_secs(2);
    let plan = Plan {
        handshake_timeout: patience,
        max_handshakes: 3,
        ..Plan::default()
    };
    let door = Door::planned(plan).await;
    let _two = silent(&door, 2).await;
    assert!(
        how_long(&door, "msg_third").await < patience / 2,
        "there is a third place"
    );

    let begun = Instant::now();
    let _third = silent(&door, 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    how_long(&door, "msg_fourth").await;
    let waited = begun.elapsed();
    assert!(
        waited > Duration::from_millis(300),
        "all three were taken, and yet {waited:?}"
    );
    assert!(
        waited < patience * 2,
        "a place was free after {patience:?}, and yet {waited:?}"
    );
}

#[tokio::test]
async fn a_certificate_that_is_refused_is_named_to_the_operator_only() {
    let (world, door, acme) = (world(), Door::open().await, TEMPLATE.replace("{tenant}", "acme"));
    let strangers = TestCa::new("Somebody Else").client(&acme).issue();
    let issued = world.ca.client(&acme);
    let (expired, early) = (
        issued.clone().expired().issue(),
        issued.clone().not_yet_valid().issue(),
    );
    let (server, unpinned) = (issued.clone().server_only().issue(), issued.issue());
    let cases = [
        ("none", None, "not connected: identity.no_certificate"),
        (
            "another authority's",
            Some(&strangers),
            "not connected: trust.unknown_issuer",
        ),
        ("expired", Some(&expired), "not connected: trust.expired"),
        (
            "not valid yet",
            Some(&early),
            "not connected: trust.not_yet_valid",
        ),
        (
            "a server's",
            Some(&server),
            "not connected: trust.extended_key_usage",
        ),
        ("not pinned", Some(&unpinned), "not connected: trust.not_pinned"),
        ("good", Some(&world.acme), "connected"),
    ];
    for (name, certificate, line) in cases {
        let order = delivery("acme", &format!("msg_{}", name.len()), OK, door.hands.now());
        let answer: Result<_, AnyError> = async {
            let mut sender = Sender::connect(door.address, certificate, Version::Http1).await?;
            sender.try_send(order).await
        }
        .await;
        door.log.wait_for(line).await;
        assert_eq!(answer.is_ok(), line == "connected", "{name}: {answer:?}");
        let told = door.log.take();
        assert_eq!(told[0], line, "{name}");
        assert_eq!(told.len(), if answer.is_ok() { 2 } else { 1 }, "{name}: {told:?}");
    }
}

/// Whatever is in the configuration it was given: early data can be sent again by anybody.
#[tokio::test]
async fn an_acceptor_offers_no_early_data() {
    let world = world();
    let mut config = world.server_config(Arc::new(world.trust(&world.ca)), ClientAuth::Offer);
    config.session_storage = ServerSessionMemoryCache::new(8);
    config.send_tls13_tickets = 1;
    config.max_early_data_size = 1024;
    let config = Arc::new(config);
    let name = ServerName::try_from("hooks.acme.example").expect("a name");
    for (case, offered) in [("rustls by itself", true), ("the acceptor", false)] {
        let mut client = client_config(None).expect("a configuration");
        client.resumption = rustls::client::Resumption::default();
        client.enable_early_data = true;
        let client = Arc::new(client);
        let (near, far) = tokio::io::duplex(64 * 1024);
        let config = config.clone();
        let serve = async move {
            if offered {
                let accepted = tokio_rustls::TlsAcceptor::from(config).accept(far).await;
                accepted.expect("a handshake").write_all(b"x").await
            } else {
                let accepted = Acceptor::new(config)
                    .accept(far, ([127, 0, 0, 1], 1).into())
                    .await;
                accepted.expect("a handshake").write_all(b"x").await
            }
        };
        let ask = async {
            let connected = tokio_rustls::TlsConnector::from(client.clone())
                .connect(name.clone(), near)
                .await;
            // The ticket comes with the first bytes.
            connected.expect("a handshake").read_u8().await
        };
        let (served, asked) = tokio::join!(serve, ask);
        served.expect("written");
        assert_eq!(asked.expect("read"), b'x');
        let mut again = rustls::ClientConnection::new(client, name.clone()).expect("a connection");
        assert_eq!(again.early_data().is_some(), offered, "{case}");
    }
}

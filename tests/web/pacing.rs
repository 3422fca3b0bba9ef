//! What a client costs that loops on a refused certificate, and who waits for it.

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use countersign::breaker::{Breaker, NotNow};
use countersign::observe::{Event, HandshakeFailure, Observer};
use countersign::testing::TestCert;
use countersign::tls::ClientAuth;
use countersign::web::{Acceptor, Listener};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio_rustls::TlsConnector;

use crate::door::{Hands, world};
use crate::greetings::policy;
use crate::looping::names;
use crate::sender::{Greeting, Version, client_config};
use crate::support::{at, secs};

/// How many handshakes began.
#[derive(Debug, Clone, Default)]
struct Begun(Arc<AtomicUsize>);

impl Observer for Begun {
    fn observe(&self, event: &Event<'_>) {
        if let Event::HandshakeStarted { .. } = event {
            self.0.fetch_add(1, SeqCst);
        }
    }
}
fn tripped_at(requests: u32) -> Breaker<IpAddr> {
    Breaker::new(100)
        .trip_at_rate(80, requests)
        .with_open_time(secs(600), secs(600))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_looping_client_is_slowed_down_and_a_good_one_behind_its_address_goes_on() {
    const APART: Duration = Duration::from_millis(100);
    let (world, handshakes) = (world(), Begun::default());
    let acceptor = Acceptor::new(world.server_config(policy().trust(), ClientAuth::Require))
        .with_breaker(tripped_at(10))
        .with_pace(APART)
        .observed_by(Arc::new(handshakes.clone()));
    let mut listener = Listener::bind("127.0.0.1:0", acceptor).await.expect("a port");
    let address = listener.local_addr();
    tokio::spawn(async move {
        while let Some((mut secured, _)) = listener.next().await {
            let _ = secured.write_all(b"welcome").await;
            let _ = secured.shutdown().await;
        }
    });
    let greet = async |certificate: &TestCert| {
        let mut answer = String::new();
        if let Ok(mut tls) = Greeting::new(Some(certificate), Version::Http1)
            .tls(address)
            .await
        {
            let _ = tls.read_to_string(&mut answer).await;
        }
        answer
    };
    let expired = world.ca.client(&names("acme")).expired().issue();
    let begun = Instant::now();
    let (looped, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    // Three loops, each as fast as it can.
    let loops = async || {
        while !done.load(SeqCst) {
            assert_eq!(greet(&expired).await, "");
            looped.fetch_add(1, SeqCst);
        }
    };
    let good = async || {
        while looped.load(SeqCst) < 12 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        for _ in 0..8 {
            assert_eq!(greet(&world.acme).await, "welcome");
        }
        done.store(true, SeqCst);
    };
    tokio::join!(loops(), loops(), loops(), good());
    let turns = begun.elapsed().as_millis() / APART.as_millis();
    let began = handshakes.0.load(SeqCst) as u128;
    assert!(
        began > 20 && began <= 10 + turns + 4,
        "{began} handshakes in {turns} turns"
    );
}

/// The time that the server's side of a connection takes, and not the client's.
async fn cost(acceptor: &Acceptor, certificate: &TestCert) -> (Duration, HandshakeFailure) {
    let (client, server) = duplex(16_384);
    let client = async {
        let config = client_config(Some(certificate)).expect("a configuration");
        let name = ServerName::try_from("hooks.acme.example").expect("a name");
        if let Ok(mut tls) = TlsConnector::from(Arc::new(config)).connect(name, client).await {
            let _ = tls.read_to_end(&mut Vec::new()).await;
        }
    };
    let server = async {
        let mut spent = Duration::ZERO;
        let failure = {
            let mut accepted = pin!(acceptor.accept(server, ([192, 0, 2, 1], 4711).into()));
            poll_fn(|cx| {
                let begun = Instant::now();
                let polled = accepted.as_mut().poll(cx);
                spent += begun.elapsed();
                polled
            })
            .await
        };
        (spent, failure.expect_err("refused"))
    };
    tokio::join!(server, client).0
}

#[tokio::test]
async fn an_attempt_out_of_turn_costs_a_small_part_of_a_refused_handshake() {
    const EACH: usize = 20;
    let world = world();
    let expired = world.ca.client(&names("acme")).expired().issue();
    let config = || world.server_config(policy().trust(), ClientAuth::Require);
    let hands = Hands::default();
    let open = Acceptor::new(config());
    // The second turn is further away than half of a handshake's time.
    let paced = Acceptor::new(config())
        .with_breaker(tripped_at(1))
        .with_pace(secs(10))
        .with_clock(hands.clock());
    let (_, failure) = cost(&paced, &expired).await;
    assert_eq!(failure.code(), "trust.expired", "it trips");
    let (_, failure) = cost(&paced, &expired).await;
    assert_eq!(failure.code(), "trust.expired", "in its turn");
    let until = at(hands.now().as_secs() + 600);
    let blocked = HandshakeFailure::Blocked(NotNow::Open { until });
    let (mut refused, mut out_of_turn) = (Vec::new(), Vec::new());
    for _ in 0..EACH {
        refused.push(cost(&open, &expired).await.0);
        let (spent, failure) = cost(&paced, &expired).await;
        assert_eq!(failure, blocked);
        out_of_turn.push(spent);
    }
    refused.sort();
    out_of_turn.sort();
    let (refused, out_of_turn) = (refused[EACH / 2], out_of_turn[EACH / 2]);
    println!("refused {refused:?}, out of turn {out_of_turn:?}");
    assert!(out_of_turn * 10 < refused, "{out_of_turn:?} of {refused:?}");
}

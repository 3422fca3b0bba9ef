//! No confused deputy: what is one tenant's, or an older generation's, is never another's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use countersign::clock::Clock;
use countersign::dispatch::{
    Connected, Delivery, Dispatcher, Endpoint, EndpointOwners, Failure, Fate, Fault, NotClaimed,
};
use countersign::identity::SpkiHash;
use countersign::live::Live;
use countersign::testing::{NOW, TestCert};
use countersign::tls::ClientAuth;
use countersign::trust::{Pin, PinSet, ReportOnly, VerifyPeer as _};
use http::Response;
use http_body_util::Full;
use rustls::pki_types::UnixTime;

use crate::receiver::{Receiver, with_http2};
use crate::world::*;

async fn receiver(http2: bool) -> Receiver {
    let config = world().server_config(ClientAuth::Require);
    Receiver::good(if http2 { with_http2(config) } else { config }).await
}

async fn send(dispatcher: &Dispatcher, receiver: &Receiver, owner: &str) -> Connected {
    let to = endpoint(owner, &receiver.url(HOST));
    let outcome = dispatcher.deliver(&to, &delivery(owner, "msg_1")).await;
    assert_eq!(outcome.fate, Fate::Delivered, "{outcome:?}");
    outcome.answer.expect("an answer").connection
}

fn shown(receiver: &Receiver) -> Vec<(usize, Option<rustls::pki_types::CertificateDer<'static>>)> {
    let seen = receiver.seen().into_iter();
    seen.map(|seen| (seen.connection, seen.certificate)).collect()
}

#[tokio::test]
async fn two_tenants_share_a_receiver_and_no_connection() {
    for http2 in [false, true] {
        let receiver = receiver(http2).await;
        let dispatcher = of_both_tenants(receiver.port());
        for expected in [Connected::Fresh, Connected::Reused] {
            for owner in ["acme", "globex"] {
                assert_eq!(send(&dispatcher, &receiver, owner).await, expected);
            }
        }
        let (acme, globex) = (
            Some(world().acme.leaf().clone()),
            Some(world().globex.leaf().clone()),
        );
        let expected = [(0, acme.clone()), (1, globex.clone()), (0, acme), (1, globex)];
        assert_eq!(shown(&receiver), expected);
        for (seen, key) in receiver.seen().iter().zip(["acme", "globex"]) {
            let own = signer(key);
            let id = seen.headers["webhook-id"].to_str().expect("ASCII");
            let at = seen.headers["webhook-timestamp"].to_str().expect("ASCII");
            let at = at.parse().map(Duration::from_secs).expect("seconds");
            let owner = tenant(key);
            let outgoing = countersign::payload::Outgoing::new(
                &owner,
                id,
                &seen.body,
                rustls::pki_types::UnixTime::since_unix_epoch(at),
            );
            let again = countersign::payload::SignPayload::sign_payload(&own, &outgoing).expect("a key");
            assert_eq!(seen.headers["webhook-signature"], again["webhook-signature"]);
        }
    }
}

#[tokio::test]
async fn a_replaced_identity_is_not_shown_again() {
    for http2 in [false, true] {
        let receiver = receiver(http2).await;
        let dispatcher = of_both_tenants(receiver.port());
        send(&dispatcher, &receiver, "acme").await;
        let next = world().clients.client(&uri("acme")).issue();
        let before = dispatcher.generation(&tenant("acme"));
        let after = dispatcher
            .set_identity(tenant("acme"), world().sender(&next, "acme"))
            .expect("TLS");
        assert!(before < Some(after));
        assert_eq!(dispatcher.generation(&tenant("acme")), Some(after));
        assert_eq!(send(&dispatcher, &receiver, "acme").await, Connected::Fresh);
        assert_eq!(send(&dispatcher, &receiver, "acme").await, Connected::Reused);
        let (old, new) = (Some(world().acme.leaf().clone()), Some(next.leaf().clone()));
        assert_eq!(shown(&receiver), [(0, old), (1, new.clone()), (1, new)]);

        assert!(dispatcher.remove_identity(&tenant("acme")));
        assert!(!dispatcher.remove_identity(&tenant("acme")));
        let to = endpoint("acme", &receiver.url(HOST));
        let outcome = dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
        assert_eq!(outcome.failure, Some(Failure::NoIdentity));
        assert_eq!(receiver.seen().len(), 3);
    }
}

/// Trust that changes inside a sender, without the sender being replaced.
#[tokio::test]
async fn a_connection_made_under_replaced_trust_is_not_used_again() {
    for http2 in [false, true] {
        let receiver = receiver(http2).await;
        let world = world();
        let key = SpkiHash::of(&world.server.spki_der());
        let pins = Live::new(PinSet::new([key]));
        let dispatcher = builder(&[receiver.port()]).build();
        let sender = world.sender_trusting(&world.acme, "acme", pins.clone());
        dispatcher.set_identity(tenant("acme"), sender).expect("TLS");
        send(&dispatcher, &receiver, "acme").await;
        pins.replace(PinSet::new([key, SpkiHash::of(b"the next one")]));
        assert_eq!(send(&dispatcher, &receiver, "acme").await, Connected::Fresh);
        assert_eq!(send(&dispatcher, &receiver, "acme").await, Connected::Reused);
        pins.replace(PinSet::new([SpkiHash::of(b"the next one")]));
        let to = endpoint("acme", &receiver.url(HOST));
        let outcome = dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
        assert_eq!((outcome.fate, outcome.code()), (Fate::Dead, "trust.not_pinned"));
        assert_eq!(receiver.seen().len(), 3);
    }
}

/// What a dry run of the trust would say of the server is told when it is so, and not after the last connection has gone.
#[tokio::test]
async fn a_connection_is_not_used_beyond_what_was_reported_of_it() {
    for http2 in [false, true] {
        let (receiver, world) = (receiver(http2).await, world());
        let end = UnixTime::since_unix_epoch(Duration::from_secs(NOW.as_secs() + 30 * 86_400));
        let key = SpkiHash::of(&world.server.spki_der());
        let retiring = PinSet::of([Pin::leaf(key).retiring(end)]);
        let trust = PinSet::new([key]).and(ReportOnly::new(retiring));
        let seconds = Arc::new(AtomicU64::new(end.as_secs()));
        let hands = seconds.clone();
        let clock = Clock::new(move || UnixTime::since_unix_epoch(Duration::from_secs(hands.load(SeqCst))));
        let dispatcher = builder(&[receiver.port()]).with_clock(clock).build();
        let sender = world.sender_trusting(&world.acme, "acme", trust);
        dispatcher.set_identity(tenant("acme"), sender).expect("TLS");
        for expected in [Connected::Fresh, Connected::Reused] {
            assert_eq!(send(&dispatcher, &receiver, "acme").await, expected);
        }
        seconds.fetch_add(1, SeqCst);
        for expected in [Connected::Fresh, Connected::Reused] {
            assert_eq!(
                send(&dispatcher, &receiver, "acme").await,
                expected,
                "from then on"
            );
        }
    }
}

#[tokio::test]
async fn idle_connections_are_closed_when_the_identity_is_replaced() {
    let (closed, mut wait) = tokio::sync::mpsc::unbounded_channel();
    let receiver = Receiver::tls(
        world().server_config(ClientAuth::Require),
        move |number, mut tls| {
            let closed = closed.clone();
            async move {
                use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
                crate::receiver::read_request(&mut tls).await;
                let _ = tls.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                let rest = tls.read(&mut [0; 64]).await;
                let _ = closed.send((number, rest.map_err(|error| error.kind())));
            }
        },
    )
    .await;
    let dispatcher = of_both_tenants(receiver.port());
    send(&dispatcher, &receiver, "acme").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(wait.try_recv().is_err(), "it is kept open");
    let again = world().sender(&world().acme, "acme");
    dispatcher.set_identity(tenant("acme"), again).expect("TLS");
    let ended = tokio::time::timeout(Duration::from_secs(2), wait.recv()).await;
    assert_eq!(ended, Ok(Some((0, Ok(0)))), "with close_notify");
}

/// Requests that are under way when the identity is replaced end well, on the connection they began on.
#[tokio::test]
async fn what_is_under_way_ends_under_the_identity_it_began_with() {
    for http2 in [false, true] {
        let config = world().server_config(ClientAuth::Require);
        let config = if http2 { with_http2(config) } else { config };
        let go = Arc::new(tokio::sync::Semaphore::new(0));
        let held = go.clone();
        let receiver = Receiver::http(config, move |_| {
            let held = held.clone();
            async move {
                let _ = held.acquire().await;
                Response::new(Full::from("late"))
            }
        })
        .await;
        let dispatcher = of_both_tenants(receiver.port());
        let to = endpoint("acme", &receiver.url(HOST));
        let under_way = tokio::spawn({
            let (dispatcher, to) = (dispatcher.clone(), to.clone());
            async move { dispatcher.deliver(&to, &delivery("acme", "msg_1")).await }
        });
        while receiver.seen().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let next = world().clients.client(&uri("acme")).issue();
        dispatcher
            .set_identity(tenant("acme"), world().sender(&next, "acme"))
            .expect("TLS");
        go.add_permits(1000);
        assert_eq!(under_way.await.expect("no panic").fate, Fate::Delivered);
        assert_eq!(send(&dispatcher, &receiver, "acme").await, Connected::Fresh);
        let (old, new) = (Some(world().acme.leaf().clone()), Some(next.leaf().clone()));
        assert_eq!(shown(&receiver), [(0, old), (1, new)]);
    }
}

#[tokio::test]
async fn a_delivery_for_another_tenants_endpoint_is_refused_before_anything_is_sent() {
    let receiver = receiver(false).await;
    let owners = EndpointOwners::per_host();
    let dispatcher = builder(&[receiver.port()]).with_owners(owners.clone()).build();
    for (name, certificate) in [("acme", &world().acme), ("globex", &world().globex)] {
        let sender = world().sender(certificate, name);
        dispatcher.set_identity(tenant(name), sender).expect("TLS");
    }
    let globexs = endpoint("globex", &receiver.url(HOST));
    let code = async |to: &Endpoint, what: &Delivery| {
        let outcome = dispatcher.deliver(to, what).await;
        (outcome.fate, outcome.code(), outcome.fault())
    };
    let refused = (Fate::Dead, "dispatch.not_their_endpoint", Some(Fault::Policy));

    // Nobody's yet.
    let unclaimed = (Fate::Dead, "dispatch.unclaimed", Some(Fault::Policy));
    assert_eq!(code(&globexs, &delivery("globex", "msg_1")).await, unclaimed);
    assert_eq!(owners.claim(&globexs), Ok(()));
    assert_eq!(owners.claim(&globexs), Ok(()), "once more changes nothing");
    assert_eq!(
        code(&globexs, &delivery("globex", "msg_1")).await.0,
        Fate::Delivered
    );

    // Acme's delivery, Globex's endpoint: a job in a queue that was put together wrongly.
    assert_eq!(code(&globexs, &delivery("acme", "msg_2")).await, refused);

    // Acme registers Globex's URL, also under another path.
    for path in ["hooks", "other"] {
        let url = format!("https://{HOST}:{}/{path}", receiver.port());
        let stolen = endpoint("acme", &url);
        let taken = NotClaimed::Taken {
            owner: tenant("globex"),
        };
        assert_eq!(owners.claim(&stolen), Err(taken));
        assert!(!owners.release(&stolen));
        assert_eq!(code(&stolen, &delivery("acme", "msg_3")).await, refused);
    }
    assert_eq!(receiver.seen().len(), 1);
    assert!(owners.release(&globexs));
    assert_eq!(code(&globexs, &delivery("globex", "msg_4")).await, unclaimed);
}

/// Cancelled half-way: the connection is closed, and not one that is waiting for its answer is given to the next.
#[tokio::test]
async fn a_delivery_that_is_called_off_leaves_nothing_behind() {
    for http2 in [false, true] {
        let config = world().server_config(ClientAuth::Require);
        let config = if http2 { with_http2(config) } else { config };
        let receiver = Receiver::http(config, |seen| async move {
            if seen.headers["webhook-id"] == "msg_1" {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            Response::new(Full::from(seen.headers["webhook-id"].as_bytes().to_vec()))
        })
        .await;
        let dispatcher = of_both_tenants(receiver.port());
        let to = endpoint("acme", &receiver.url(HOST));
        let what = delivery("acme", "msg_1");
        let cut = tokio::time::timeout(Duration::from_millis(300), dispatcher.deliver(&to, &what)).await;
        assert_eq!(cut.ok(), None, "it was answered before it was called off");
        let outcome = dispatcher.deliver(&to, &delivery("acme", "msg_2")).await;
        let answer = outcome.answer.expect("an answer");
        assert_eq!(&answer.body[..], b"msg_2");
        // A stream of HTTP/2 ends by itself; of HTTP/1.1 the connection goes.
        let expected = if http2 {
            Connected::Reused
        } else {
            Connected::Fresh
        };
        assert_eq!(answer.connection, expected);
    }
}

#[tokio::test]
async fn a_sender_whose_key_fits_nothing_is_not_sent_without() {
    let world = world();
    let key = countersign::testing::TestKey::generate(countersign::testing::KeyAlgorithm::EcdsaP384);
    let p384: TestCert = world.clients.client(&uri("acme")).with_key(key).issue();
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    // A server that verifies nothing but Ed25519 and P-256.
    static FEW: rustls::crypto::WebPkiSupportedAlgorithms = rustls::crypto::WebPkiSupportedAlgorithms {
        all: &[webpki::aws_lc_rs::ECDSA_P256_SHA256],
        mapping: &[(
            rustls::SignatureScheme::ECDSA_NISTP256_SHA256,
            &[webpki::aws_lc_rs::ECDSA_P256_SHA256],
        )],
    };
    provider.signature_verification_algorithms = FEW;
    let trust = countersign::tls::HandshakeVerifier::new(&provider, world.trust(&world.clients))
        .with_client_auth(ClientAuth::Offer);
    let config = rustls::ServerConfig::builder_with_provider(provider.into())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("a version")
        .with_client_cert_verifier(Arc::new(trust))
        .with_single_cert(world.server.chain(), world.server.key())
        .expect("a pair");
    let receiver = Receiver::good(config).await;
    let dispatcher = builder(&[receiver.port()]).build();
    dispatcher
        .set_identity(tenant("acme"), world.sender(&p384, "acme"))
        .expect("TLS");
    let to = endpoint("acme", &receiver.url(HOST)).allow_no_certificate_request();
    let outcome = dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
    assert_eq!(
        (outcome.failure.clone(), outcome.fault()),
        (Some(Failure::IdentityUnfit), Some(Fault::Ours))
    );
    assert_eq!(receiver.seen().len(), 0);
}

/// In front of this receiver, a wire on which the first connection is slow.
async fn slow_at_first(inside: &Receiver) -> Receiver {
    let target = inside.address;
    Receiver::tcp(move |number, mut io| async move {
        let Ok(mut there) = tokio::net::TcpStream::connect(target).await else {
            return;
        };
        if number == 0 {
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        let _ = tokio::io::copy_bidirectional(&mut io, &mut there).await;
    })
    .await
}

/// The handshake takes long, and meanwhile the identity is replaced: the request begins anew, under the new one.
#[tokio::test]
async fn what_was_not_sent_yet_begins_anew_under_the_new_identity() {
    for http2 in [false, true] {
        let config = world().server_config(ClientAuth::Require);
        let config = if http2 { with_http2(config) } else { config };
        let inside = Receiver::good(config).await;
        let slow = slow_at_first(&inside).await;
        let dispatcher = of_both_tenants(slow.port());
        let to = endpoint("acme", &slow.url(HOST));
        let under_way = tokio::spawn({
            let dispatcher = dispatcher.clone();
            async move { dispatcher.deliver(&to, &delivery("acme", "msg_1")).await }
        });
        tokio::time::sleep(Duration::from_millis(150)).await;
        let next = world().clients.client(&uri("acme")).issue();
        dispatcher
            .set_identity(tenant("acme"), world().sender(&next, "acme"))
            .expect("TLS");
        let outcome = under_way.await.expect("no panic");
        assert_eq!(outcome.fate, Fate::Delivered, "{outcome:?}");
        assert_eq!(shown(&inside), [(1, Some(next.leaf().clone()))]);
    }
}

/// The same where only the trust inside the sender is replaced.
#[tokio::test]
async fn what_was_not_sent_yet_begins_anew_under_the_new_trust() {
    let inside = receiver(false).await;
    let slow = slow_at_first(&inside).await;
    let key = SpkiHash::of(&world().server.spki_der());
    let pins = Live::new(PinSet::new([key]));
    let dispatcher = builder(&[slow.port()]).build();
    let sender = world().sender_trusting(&world().acme, "acme", pins.clone());
    dispatcher.set_identity(tenant("acme"), sender).expect("TLS");
    let to = endpoint("acme", &slow.url(HOST));
    let under_way = tokio::spawn(async move { dispatcher.deliver(&to, &delivery("acme", "msg_1")).await });
    tokio::time::sleep(Duration::from_millis(150)).await;
    pins.replace(PinSet::new([key, SpkiHash::of(b"the next one")]));
    assert_eq!(under_way.await.expect("no panic").fate, Fate::Delivered);
    let on: Vec<_> = inside.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(on, [1]);
}

/// Two endpoints at one place: what the lax one has opened is not good enough for the strict one.
#[tokio::test]
async fn a_connection_without_our_certificate_serves_no_endpoint_that_demands_it() {
    let receiver = Receiver::good(unasking(&rustls::version::TLS13)).await;
    let dispatcher = of_both_tenants(receiver.port());
    let strict = endpoint("acme", &receiver.url(HOST));
    let lax = strict.clone().allow_no_certificate_request();
    let send = async |to| dispatcher.deliver(to, &delivery("acme", "msg_1")).await;
    assert_eq!(send(&lax).await.fate, Fate::Delivered);
    assert_eq!(send(&strict).await.failure, Some(Failure::IdentityNotAsked));
    assert_eq!(receiver.seen().len(), 1);
}

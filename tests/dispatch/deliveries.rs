//! What arrives, under which identity, and on which connection.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use countersign::dispatch::{
    BodyEnd, Connected, Delivery, DeliveryId, Failure, Fate, Fault, ForbiddenField, NotSent, Protocol,
    TenantIdentity,
};
use countersign::elsewhere::{Fetched, Keep, SourceDown};
use countersign::identity::SpkiHash;
use countersign::payload::http_signature::{
    HttpSignatureKeyring, HttpSignaturePolicy, HttpSignatureVerifier, HttpSigner, InvalidHttpSignature,
};
use countersign::payload::jose::{Algorithm, VerifyingKey};
use countersign::payload::{
    CannotSign, FindKeys as _, HmacSigner, KeyCache, KeyId, KeySource, Message, NotAuthentic, Origin, Scheme,
    Secret, TenantKeys, VerifyPayload, Wanted,
};
use countersign::tenant::TenantId;
use countersign::tls::{ClientAuth, RustlsKey};
use countersign::trust::{PinSet, ReportOnly, VerifyPeer};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use rustls::pki_types::UnixTime;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::receiver::{Receiver, with_http2};
use crate::world::*;

#[tokio::test]
async fn a_delivery_arrives_with_certificate_and_signature() {
    for http2 in [false, true] {
        let mut config = world().server_config(ClientAuth::Require);
        if http2 {
            config = with_http2(config);
        }
        let receiver = Receiver::good(config).await;
        let log = Log::default();
        let dispatcher = builder(&[receiver.port()])
            .observed_by(std::sync::Arc::new(log.clone()))
            .build();
        dispatcher
            .set_identity(tenant("acme"), world().sender(&world().acme, "acme"))
            .expect("TLS");
        let to = endpoint("acme", &receiver.url(HOST));
        for (id, connection) in [("msg_1", Connected::Fresh), ("msg_2", Connected::Reused)] {
            let outcome = dispatcher.deliver(&to, &delivery("acme", id)).await;
            assert_eq!(
                (outcome.fate, outcome.code(), outcome.fault()),
                (Fate::Delivered, "delivered", None)
            );
            assert_eq!(outcome.to_string(), "delivered");
            let answer = outcome.answer.expect("an answer");
            assert_eq!(
                (answer.status, &answer.body[..], answer.end),
                (200, &b"taken"[..], BodyEnd::Whole)
            );
            assert_eq!(answer.connection, connection);
            assert_eq!(
                answer.protocol,
                if http2 { Protocol::Http2 } else { Protocol::Http1 }
            );
        }
        let seen = receiver.seen();
        assert_eq!(seen.len(), 2);
        for request in &seen {
            assert_eq!((request.connection, request.path.as_str()), (0, "/hooks"));
            assert_eq!(request.certificate.as_ref(), Some(world().acme.leaf()));
            let expected = if http2 {
                http::Version::HTTP_2
            } else {
                http::Version::HTTP_11
            };
            assert_eq!(request.version, expected);
            assert_eq!(request.body, BODY);
            assert_eq!(request.headers["content-type"], "application/json");
            assert!(request.headers.contains_key("webhook-signature"));
        }
        assert_eq!(
            log.take(),
            [
                "msg_1: Connecting",
                "msg_1: Sending",
                "msg_1: delivered to hooks.acme.example for acme",
                "msg_2: Sending",
                "msg_2: delivered to hooks.acme.example for acme"
            ]
        );
    }
}

#[tokio::test]
async fn without_an_identity_nothing_is_sent() {
    let receiver = Receiver::good(world().server_config(ClientAuth::Offer)).await;
    let dispatcher = builder(&[receiver.port()]).build();
    let to = endpoint("acme", &receiver.url(HOST));
    let outcome = dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
    assert_eq!(
        (outcome.failure.clone(), outcome.fault()),
        (Some(Failure::NoIdentity), Some(Fault::Ours))
    );
    assert_eq!(receiver.seen().len(), 0);
}

/// Each delivery under way holds one, and whoever drives it moves it about.
#[tokio::test]
async fn the_future_of_a_delivery_is_small() {
    let dispatcher = builder(&[443]).build();
    let (to, delivery) = (
        endpoint("acme", "https://hooks.acme.example/"),
        delivery("acme", "msg_1"),
    );
    let bytes = size_of_val(&dispatcher.deliver(&to, &delivery));
    assert!(bytes <= 4 * 1024, "{bytes}");
}

#[tokio::test]
async fn method_and_fields_are_the_deliverys() {
    let receiver = Receiver::good(world().server_config(ClientAuth::Require)).await;
    let dispatcher = builder(&[receiver.port()]).build();
    dispatcher
        .set_identity(tenant("acme"), world().sender(&world().acme, "acme"))
        .expect("TLS");
    let what = delivery("acme", "msg_1")
        .with_method(Method::PUT)
        .with_content_type(HeaderValue::from_static("text/plain"))
        .with_header(
            HeaderName::from_static("x-region"),
            HeaderValue::from_static("eu"),
        )
        .expect("a field of its own");
    let to = endpoint("acme", &receiver.url(HOST));
    assert_eq!(dispatcher.deliver(&to, &what).await.fate, Fate::Delivered);
    let seen = &receiver.seen()[0];
    assert_eq!(seen.headers["content-type"], "text/plain");
    assert_eq!(seen.headers["x-region"], "eu");
    assert_eq!(seen.headers["host"], format!("{HOST}:{}", receiver.port()));
    assert_eq!(seen.headers["content-length"], BODY.len().to_string());
}

#[test]
fn what_belongs_to_the_connection_is_not_the_deliverys() {
    for name in [
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "cookie",
        "proxy-authorization",
        "keep-alive",
        "proxy-connection",
        "http2-settings",
    ] {
        let name = HeaderName::from_static(name);
        let refused = delivery("acme", "msg_1").with_header(name.clone(), HeaderValue::from_static("x"));
        assert_eq!(
            refused.map(|_| ()).map_err(|ForbiddenField { name, .. }| name),
            Err(name)
        );
    }
}

/// A field that a signer fills is nobody else's: what is signed and what is read must be one.
#[tokio::test]
async fn a_field_that_would_be_filled_twice_stops_the_delivery() {
    let receiver = Receiver::good(world().server_config(ClientAuth::Require)).await;
    let dispatcher = builder(&[receiver.port()]).build();
    let to = endpoint("acme", &receiver.url(HOST));
    let send = async |sender: TenantIdentity, what: &Delivery| {
        dispatcher.set_identity(tenant("acme"), sender).expect("TLS");
        dispatcher.deliver(&to, what).await.failure
    };
    let taken = |field: &'static str| {
        Some(Failure::FieldTaken {
            field: HeaderName::from_static(field),
        })
    };
    let sender = || world().sender(&world().acme, "acme");
    let forged = delivery("acme", "msg_1")
        .with_header(
            HeaderName::from_static("webhook-id"),
            HeaderValue::from_static("msg_2"),
        )
        .expect("not forbidden by name");
    assert_eq!(send(sender(), &forged).await, taken("webhook-id"));
    let ring = keys(&["acme"]);
    let same = countersign::payload::HmacSigner::new(countersign::payload::Scheme::standard_webhooks(), ring);
    let what = delivery("acme", "msg_1");
    assert_eq!(
        send(sender().also_signed_by(same), &what).await,
        None,
        "what is the same is the same"
    );
    let other = signer_with_acmes_name();
    assert_eq!(
        send(sender().also_signed_by(other), &what).await,
        taken("webhook-signature")
    );
    let unknown = world().sender(&world().acme, "globex");
    let failure = send(unknown, &what).await.expect("a failure");
    assert!(
        matches!(failure, Failure::CannotSign(CannotSign::NoKey(_))),
        "{failure:?}"
    );
    assert_eq!(receiver.seen().len(), 1);
}

/// A vault with acme's key, as long as it is not down.
#[derive(Debug, Clone, Default)]
struct Vault {
    down: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl KeySource for Vault {
    fn fetch_keys<'a>(&'a self, owner: &'a TenantId) -> Fetched<'a, TenantKeys> {
        self.asked.fetch_add(1, SeqCst);
        let told = match self.down.load(SeqCst) {
            true => Err(SourceDown::new("sealed")),
            false => Ok(keys(&["acme"]).find_keys(&Wanted::of(Some(owner))).ok()),
        };
        Box::pin(async { told })
    }
}

#[tokio::test]
async fn a_signers_keys_may_live_elsewhere() {
    let receiver = Receiver::good(world().server_config(ClientAuth::Require)).await;
    let (vault, port) = (Vault::default(), receiver.port());
    let cache = KeyCache::new(vault.clone(), Keep::default().with_pause(Duration::ZERO));
    let signer = HmacSigner::new(Scheme::standard_webhooks(), cache.clone());
    let credentials = world().credentials(&world().acme);
    let sender = TenantIdentity::new(&world().tls, credentials, world().trust(&world().servers), signer);
    let dispatcher = builder(&[port]).build();
    dispatcher
        .set_identity(tenant("acme"), sender.expect("a sender"))
        .expect("TLS");
    let to = endpoint("acme", &receiver.url(HOST));
    vault.down.store(true, SeqCst);
    let outcome = dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
    assert!(matches!(outcome.fate, Fate::Retry { .. }), "{outcome:?}");
    assert_eq!(
        (outcome.code(), receiver.seen().len()),
        ("dispatch.cannot_sign", 0)
    );
    vault.down.store(false, SeqCst);
    vault.asked.store(0, SeqCst);
    let outcome = dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
    assert_eq!((outcome.fate, vault.asked.load(SeqCst)), (Fate::Delivered, 1));
    assert!(receiver.seen()[0].headers.contains_key("webhook-signature"));

    // The same with a client that others wrote.
    cache.invalidate_all();
    let own = dispatcher.own_client(&tenant("acme")).expect("an identity");
    let request = || {
        Request::post(receiver.url(HOST))
            .body(Bytes::from(BODY))
            .expect("a request")
    };
    let by_hand = own.sign(request(), "msg_2").expect_err("not here yet");
    assert!(by_hand.ticket().is_some(), "{by_hand}");
    let echo = service_fn(async |request: Request<Full<Bytes>>| {
        Ok::<_, Infallible>(request.headers().contains_key("webhook-signature"))
    });
    let mut signed = request().map(Full::new);
    signed.extensions_mut().insert(DeliveryId::new("msg_2"));
    assert_eq!(own.layer().layer(echo).oneshot(signed).await, Ok(true));
}

/// A client on another runtime than tokio has no timer of tokio's to wait with.
#[test]
fn without_a_runtime_keys_that_live_elsewhere_stay_an_outage() {
    let (vault, world) = (Vault::default(), world());
    let signer = HmacSigner::new(
        Scheme::standard_webhooks(),
        KeyCache::new(vault.clone(), Keep::default()),
    );
    let trust = world.trust(&world.servers);
    let sender = TenantIdentity::new(&world.tls, world.credentials(&world.acme), trust, signer);
    let dispatcher = builder(&[443]).build();
    dispatcher
        .set_identity(tenant("acme"), sender.expect("a sender"))
        .expect("TLS");
    let own = dispatcher.own_client(&tenant("acme")).expect("an identity");
    let nobody = service_fn(async |_: Request<Full<Bytes>>| Ok::<_, Infallible>(()));
    let mut request = Request::post(format!("https://{HOST}/"))
        .body(Full::new(Bytes::from(BODY)))
        .expect("a request");
    request.extensions_mut().insert(DeliveryId::new("msg_1"));
    let mut sent = pin!(own.layer().layer(nobody).oneshot(request));
    let answer = sent.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(Err(NotSent::Refused(failure))) = answer else {
        panic!("{answer:?}");
    };
    assert!(failure.ticket().is_some(), "{failure}");
    assert_eq!(vault.asked.load(SeqCst), 0);
}

/// Signs as acme, with another key.
fn signer_with_acmes_name() -> countersign::payload::HmacSigner {
    let scheme = countersign::payload::Scheme::standard_webhooks();
    let other = "whsec_b3RoZXItc2VjcmV0LW9mLTMyLWJ5dGVzLWZvci10ZXN0cw==";
    let ring = countersign::payload::Keyring::builder(&scheme).key(
        TenantId::parse("acme").expect("a tenant"),
        "other",
        Secret::new(other),
    );
    countersign::payload::HmacSigner::new(scheme, ring.build().expect("a key"))
}

/// RFC 9421 covers the destination: what was sent to one receiver is not another's.
#[tokio::test]
async fn the_destination_is_signed_where_the_scheme_can() {
    for http2 in [false, true] {
        let config = world().server_config(ClientAuth::Require);
        let receiver = Receiver::good(if http2 { with_http2(config) } else { config }).await;
        let pem = include_bytes!("../support/jose/p256.pem");
        let key = RustlsKey::from_pem(world().tls.provider(), Algorithm::Es256, pem).expect("a key");
        let signer = HttpSigner::to_any_origin().with_key(tenant("acme"), KeyId::new("k1"), Arc::new(key));
        let credentials = world().credentials(&world().acme);
        let sender = TenantIdentity::new(&world().tls, credentials, world().trust(&world().servers), signer);
        let dispatcher = builder(&[receiver.port()]).build();
        dispatcher
            .set_identity(tenant("acme"), sender.expect("a sender"))
            .expect("TLS");
        let to = endpoint("acme", &receiver.url(HOST));
        assert_eq!(
            dispatcher.deliver(&to, &delivery("acme", "msg_1")).await.fate,
            Fate::Delivered
        );

        let seen = &receiver.seen()[0];
        let verify = |origin: &str, path: &'static str| {
            let policy = HttpSignaturePolicy::new(Origin::parse(origin).expect("an origin"));
            let keys = HttpSignatureKeyring::builder()
                .keys(tenant("acme"), [public_key()])
                .build()
                .unwrap();
            let uri = Uri::from_static(path);
            let message = Message::new(&Method::POST, &uri, &seen.headers, &seen.body, UnixTime::now());
            HttpSignatureVerifier::new(policy, keys)
                .verify_payload(&message)
                .map(|authentic| authentic.sender().to_string())
        };
        let forged = || Err(NotAuthentic::HttpSignature(InvalidHttpSignature::Signature));
        let own = format!("https://{HOST}:{}", receiver.port());
        assert_eq!(verify(&own, "/hooks"), Ok("acme".to_owned()));
        assert_eq!(verify("https://hooks.globex.example", "/hooks"), forged());
        assert_eq!(verify(&own, "/other"), forged());
    }
}

fn public_key() -> VerifyingKey {
    let pem = include_bytes!("../support/jose/p256.pub.pem");
    let algorithms = world().tls.algorithms();
    let key = countersign::payload::jose::PublicKey::from_pem(pem).expect("a key");
    VerifyingKey::public(KeyId::new("k1"), Algorithm::Es256, &key, algorithms).expect("a key")
}

/// Pins on trial: what they would refuse is delivered, and told.
#[tokio::test]
async fn pins_on_trial_are_reported() {
    let receiver = Receiver::good(world().server_config(ClientAuth::Require)).await;
    let log = Log::default();
    let dispatcher = builder(&[receiver.port()])
        .observed_by(Arc::new(log.clone()))
        .build();
    let on_trial = ReportOnly::new(PinSet::new([SpkiHash::of(b"another key")]));
    let trust = world().trust(&world().servers).and(on_trial);
    dispatcher
        .set_identity(
            tenant("acme"),
            world().sender_trusting(&world().acme, "acme", trust),
        )
        .expect("TLS");
    let to = endpoint("acme", &receiver.url(HOST));
    assert_eq!(
        dispatcher.deliver(&to, &delivery("acme", "msg_1")).await.fate,
        Fate::Delivered
    );
    assert!(log.take().contains(&"reported: acme trust.not_pinned".to_owned()));
}

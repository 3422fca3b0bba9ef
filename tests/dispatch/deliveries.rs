//! What arrives, under which identity, and on which connection.

use countersign::dispatch::{BodyEnd, Connected, Failure, Fate, Fault, Protocol};
use countersign::tls::ClientAuth;

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
            .set_sender(tenant("acme"), world().sender(&world().acme, "acme"))
            .expect("TLS");
        let to = endpoint("acme", &receiver.url(HOST));
        for (id, connection) in [("msg_1", Connected::Fresh), ("msg_2", Connected::Reused)] {
            let outcome = dispatcher.deliver(&to, &delivery("acme", id)).await;
            assert_eq!(
                (outcome.fate, outcome.code(), outcome.fault()),
                (Fate::Delivered, "delivered", None)
            );
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
        (Some(Failure::NoSender), Some(Fault::Ours))
    );
    assert_eq!(receiver.seen().len(), 0);
}

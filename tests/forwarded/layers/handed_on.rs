//! What a proxy hands on, and what answers say to caches between.

use axum::Router;
use axum::routing::get;
use countersign::forwarded::{Emit, Format, Forwarder, Hops};
use countersign::testing::NOW;
use countersign::web::{CallerLayer, CertificateDemand, Clock, Connection, ForwardLayer};

use super::{Answer, Receiver, connection, exchange, line, seen};
use crate::decisions::byte_sequence;
use crate::world::World;

#[tokio::test]
async fn what_is_too_large_is_431() {
    let world = World::new();
    let hops = Hops::nobody().with_unix_socket();
    let receiver = Receiver::new(
        world.policy(),
        hops,
        Format::rfc_9440(),
        CertificateDemand::never(),
    );
    let large = format!("Client-Cert: :{}:\r\n", "A".repeat(65 * 1024));
    let answer = receiver.ask(&Connection::unix_socket(), &large).await;
    assert_eq!(
        (answer.status(), answer.told),
        (431, vec!["refused forwarded.too_large".to_owned()])
    );
}

/// A response that is not to be stored needs no `Vary`, and one that has one keeps it.
#[tokio::test]
async fn a_response_varies_by_the_certificate() {
    let world = World::new();
    let forwarder = Forwarder::new(Hops::nobody().with_unix_socket(), Format::rfc_9440()).expect("fields");
    #[rustfmt::skip]
    let table: [(&[(&str, &str)], &[&str]); 5] = [
        (&[], &["client-cert"]),
        (&[("cache-control", "no-store")], &[]),
        (&[("cache-control", "private, No-Store")], &[]),
        (&[("cache-control", "no-cache")], &["client-cert"]),
        (&[("vary", "accept")], &["accept", "client-cert"]),
    ];
    for (fields, vary) in table {
        let layer = CallerLayer::new(world.policy())
            .behind(forwarder.clone())
            .with_demand(CertificateDemand::never());
        let fields: &'static [(&str, &str)] = Box::leak(fields.to_vec().into_boxed_slice());
        let answer = move || async move { (http::HeaderMap::from_iter(fields.iter().map(pair)), "") };
        let app = Router::new().route("/", get(answer)).layer(layer);
        let text = exchange(app, &Connection::unix_socket(), "").await;
        let told = Vec::new();
        assert_eq!(Answer { text, told }.fields("vary"), vary, "{fields:?}");
    }
}

fn pair(field: &(&'static str, &'static str)) -> (http::HeaderName, http::HeaderValue) {
    let (name, value) = *field;
    (
        http::HeaderName::from_static(name),
        http::HeaderValue::from_static(value),
    )
}

/// A proxy writes what it has verified, whatever its client sends.
#[tokio::test]
async fn a_proxy_hands_on_what_it_has_verified() {
    let world = World::new();
    let forged = format!(
        "{}Client_Cert: x\r\nClient-Cert-Chain: y\r\nclient-cert_chain: z\r\nX-Forwarded-Client-Cert: Cert=x\r\n",
        line(&world.edge)
    );
    let both = ForwardLayer::new([Emit::rfc_9440(), Emit::xfcc()]);
    let small = ForwardLayer::new([Emit::rfc_9440().with_limit(100)]);
    let callers = CallerLayer::new(world.policy())
        .with_demand(CertificateDemand::never())
        .with_clock(Clock::new(|| NOW));
    let app = |layer: &ForwardLayer| {
        let app = Router::new().route("/", get(seen));
        app.layer(layer.clone()).layer(callers.clone())
    };
    let acme = connection(Some(&world.acme));
    for fields in ["", &forged] {
        let text = exchange(app(&both), &acme, fields).await;
        let answer = Answer { text, told: vec![] };
        let lines: Vec<_> = answer.body().lines().collect();
        let [cert, xfcc] = lines.as_slice() else {
            panic!("{lines:?}");
        };
        let own = byte_sequence(&world.acme);
        assert_eq!(*cert, format!("client-cert: {}", own.to_str().expect("ASCII")));
        assert!(xfcc.starts_with("x-forwarded-client-cert: Hash="), "{xfcc}");
        assert_eq!(answer.fields("vary"), ["*"], "RFC 9440 section 2.4");
        let text = exchange(app(&both), &connection(None), fields).await;
        let answer = Answer { text, told: vec![] };
        assert_eq!(
            (answer.status(), answer.body()),
            (200, ""),
            "without a caller, none of it"
        );
        let text = exchange(app(&small), &acme, fields).await;
        let answer = Answer { text, told: vec![] };
        assert_eq!(
            (answer.status(), answer.body()),
            (431, ""),
            "too large for the field"
        );
    }
}

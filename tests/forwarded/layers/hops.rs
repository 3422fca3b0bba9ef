//! Who is a hop: by certificate, socket, address or signature, and never its own client.

use std::sync::Arc;

use countersign::forwarded::{Format, Hops};
use countersign::gate::ForwardedBy;
use countersign::testing::NOW;
use countersign::web::{CertificateDemand, Connection};
use http::HeaderMap;

use super::{Receiver, connection, line, peer};
use crate::decisions::byte_sequence;
use crate::world::{World, name};

/// Nobody is nobody, wherever a certificate is demanded.
#[tokio::test]
async fn a_hop_is_never_its_client() {
    let world = World::new();
    // One authority and one table for clients and proxies, so that a proxy would pass for a client.
    let shared = || world.policy_of(&world.proxies, "spiffe://proxies.example/{tenant}", &["edge"]);
    let policy = shared();
    let edge = connection(Some(&world.edge));
    for policy_of_hops in [policy.clone(), shared()] {
        let hops = Hops::nobody().with_callers(policy_of_hops, [name("edge")]);
        let receiver = Receiver::new(
            policy.clone(),
            hops,
            Format::rfc_9440(),
            CertificateDemand::always(),
        );
        let answer = receiver.ask(&edge, "").await;
        assert_eq!((answer.status(), answer.body()), (401, ""));
        assert_eq!(answer.told, ["refused identity.no_certificate"]);
    }
    let receiver = Receiver::new(
        policy,
        Hops::nobody(),
        Format::rfc_9440(),
        CertificateDemand::always(),
    );
    assert_eq!(
        receiver.ask(&edge, "").await.body(),
        "edge itself; left: []",
        "where it is none"
    );
}

/// The ways of a hop that has no certificate.
#[tokio::test]
async fn a_hop_by_socket_or_address() {
    let world = World::new();
    let good = line(&world.acme);
    let by_socket = || Hops::nobody().with_unix_socket();
    let by_address = || Hops::nobody().with_unauthenticated_addresses([[192, 0, 2, 1].into()]);
    let socket = Connection::unix_socket();
    let here = Connection::without_tls(peer("192.0.2.1:4000"));
    let mapped = Connection::without_tls(peer("[::ffff:192.0.2.1]:4000"));
    let elsewhere = Connection::without_tls(peer("192.0.2.2:4000"));
    let at = format!(
        "acme by {:?}; left: []",
        ForwardedBy::Address([192, 0, 2, 1].into())
    );
    #[rustfmt::skip]
    let table = [
        ("the socket", by_socket(), &socket, 200, "acme by UnixSocket; left: []"),
        ("an address for the socket", by_socket(), &here, 401, ""),
        ("the address", by_address(), &here, 200, &*at),
        ("the address in the form of IPv6", by_address(), &mapped, 200, &*at),
        ("another address", by_address(), &elsewhere, 401, ""),
        ("the socket for an address", by_address(), &socket, 401, ""),
        ("nobody", Hops::nobody(), &socket, 401, ""),
    ];
    for (line, hops, connection, status, body) in table {
        let receiver = Receiver::new(
            world.policy(),
            hops,
            Format::rfc_9440(),
            CertificateDemand::always(),
        );
        let answer = receiver.ask(connection, &good).await;
        assert_eq!((answer.status(), answer.body()), (status, body), "{line}");
        let forged = format!("X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\n{good}");
        let answer = receiver.ask(connection, &forged).await;
        assert_eq!(answer.status(), status, "{line}: no field says where it is from");
    }
}

/// Without anything else, a hop's signature; a wrong one is told of, and the field counts for nothing.
#[tokio::test]
async fn a_hop_by_signature() {
    use countersign::payload::http_signature::{
        HttpSignatureKeyring, HttpSignaturePolicy, HttpSignatureVerifier, HttpSigner,
    };
    use countersign::payload::jose::{Algorithm, HmacSigningKey, VerifyingKey};
    use countersign::payload::{KeyId, Origin, Outgoing, SignPayload as _};
    let world = World::new();
    let origin = || Origin::parse("https://inside.example").expect("an origin");
    let secret = b"a key of the proxy, of 32 bytes!";
    let key = VerifyingKey::hmac(KeyId::new("edge"), Algorithm::Hs256, secret).expect("a key");
    let keys = HttpSignatureKeyring::builder().keys(name("edge"), [key]).build();
    let policy = HttpSignaturePolicy::new(origin());
    let verifier = HttpSignatureVerifier::new(policy, keys.expect("keys"));
    let hops = Hops::nobody().with_signatures(verifier, [name("edge")]);
    let receiver = Receiver::new(
        world.policy(),
        hops,
        Format::rfc_9440(),
        CertificateDemand::never(),
    );

    let key = Arc::new(HmacSigningKey::new(Algorithm::Hs256, secret).expect("a key"));
    let cert = http::HeaderName::from_static("client-cert");
    let signer = HttpSigner::new(origin()).with_key(name("edge"), KeyId::new("edge"), key);
    let (edge, method, uri) = (name("edge"), http::Method::GET, http::Uri::from_static("/"));
    let mut headers: HeaderMap = [(cert.clone(), byte_sequence(&world.acme))].into_iter().collect();
    let outgoing = Outgoing::new(&edge, "1", b"", NOW)
        .with_request(&method, &uri)
        .with_headers(&headers);
    let added = signer.covering(cert).sign_payload(&outgoing).expect("signed");
    headers.extend(added);
    let text = |headers: &HeaderMap| {
        let lines = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}\r\n", value.to_str().expect("ASCII")));
        lines.collect::<String>()
    };
    let open = Connection::without_tls(peer("192.0.2.1:4000"));
    let answer = receiver.ask(&open, &text(&headers)).await;
    assert_eq!(answer.body(), "acme by Signature(TenantId(\"edge\")); left: []");
    assert_eq!(answer.told, Vec::<String>::new());
    headers.insert("client-cert", byte_sequence(&world.edge));
    let answer = receiver.ask(&open, &text(&headers)).await;
    assert_eq!(answer.body(), "nobody; left: []");
    assert_eq!(answer.told, ["ignored forwarded.hop_not_authentic"]);
}

//! How Efí registers a URL for Pix: it connects without a certificate, and must be refused, then with one, and must be taken.

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use countersign::gate::{Caller, Policy, RecognizedCaller};
use countersign::identity::SpkiHash;
use countersign::payload::token::{TokenScheme, TokenVerifier};
use countersign::payload::{Keyring, Message, Secret};
use countersign::refusal::Refusal;
use countersign::tenant::TenantTable;
use countersign::testing::{TestCa, TestCert};
use countersign::tls::ClientAuth;
use countersign::trust::{ExpectedPeers, KnownSender, PinSet, PixBank, Profile};
use countersign::web::{Acceptor, CallerLayer, Connection, Listener, status};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use rustls::pki_types::UnixTime;

use crate::door::{Log, world};
use crate::sender::{Answer, AnyError, Pieces, Sender, Version, said};
use crate::support::tenant;

const SECRET: &str = "u3Jq-9wXv7hTz2Lk";

/// The bank's certificate, and a secret in the URL.
async fn hook(
    caller: Caller,
    State(secrets): State<Arc<TokenVerifier>>,
    request: axum::extract::Request,
) -> (StatusCode, String) {
    let (parts, body) = request.into_parts();
    let body = Body::new(body).collect().await.expect("a body").to_bytes();
    let message = Message::new(&parts.method, &parts.uri, &parts.headers, &body, UnixTime::now());
    let recognized = secrets.recognize(&message.from_sender(caller.tenant()));
    let both = recognized
        .map_err(Refusal::from)
        .and_then(|recognized| RecognizedCaller::bind(caller, recognized));
    match both {
        Ok(both) => (StatusCode::OK, format!("for {}", both.tenant())),
        Err(refusal) => (status(&refusal), refusal.code().to_owned()),
    }
}

/// Where `bank` alone is taken, known by its key, below an authority that issues to its customers as well.
async fn receiver(bank: &TestCert, authority: &TestCa, log: &Log) -> SocketAddr {
    let spki = SpkiHash::of(&bank.spki_der());
    let pins = PinSet::new([spki]);
    let sender = KnownSender::pix(PixBank::Efi, ExpectedPeers::pins(pins));
    let anchors = authority.pem();
    let (algorithms, now) = (world().tls.algorithms(), UnixTime::now());
    let trust = sender.trust_other_anchors(anchors.as_bytes(), Profile::strict(), algorithms, now);
    let tenants = TenantTable::builder().pin(tenant("efi"), spki).build();
    let policy = Policy::new(trust.expect("anchors"), tenants.expect("a table"));
    let config = world().server_config(policy.trust(), ClientAuth::Require);
    let acceptor = Acceptor::new(config).observed_by(Arc::new(log.clone()));
    let listener = Listener::bind("127.0.0.1:0", acceptor).await.expect("a port");
    let address = listener.local_addr();

    let scheme = TokenScheme::url_parameter("pix", "hmac");
    let keys = Keyring::builder(&scheme)
        .key(tenant("efi"), "2026", Secret::new(SECRET))
        .build();
    let secrets = Arc::new(TokenVerifier::new(scheme, keys.expect("a key")));
    let app = Router::new()
        .route("/webhook/pix", post(hook))
        .layer(CallerLayer::new(policy).observed_by(Arc::new(log.clone())))
        .with_state(secrets);
    let app = app.into_make_service_with_connect_info::<Connection>();
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

async fn probe(address: SocketAddr, certificate: Option<&TestCert>, query: &str) -> Result<Answer, AnyError> {
    let mut sender = Sender::connect(address, certificate, Version::Http1).await?;
    let request = Request::post(format!("/webhook/pix?{query}"))
        .header("host", "hooks.acme.example")
        .body(Pieces::whole(r#"{"evento":"teste_webhook"}"#));
    sender.ask(request.expect("a request")).await
}

#[tokio::test]
async fn efi_is_refused_without_its_certificate_and_taken_with_it() {
    let authority = TestCa::new("Efi");
    let bank = authority.client("pix.psp.example").issue();
    let customer = authority.client("mallory.example").issue();
    let log = Log::default();
    let address = receiver(&bank, &authority, &log).await;
    let good = format!("hmac={SECRET}");

    let without = probe(address, None, &good).await;
    assert!(without.is_err(), "{:?}", without.map(|answer| answer.status));
    log.wait_for("not connected: identity.no_certificate").await;
    log.take();
    assert_eq!(
        probe(address, Some(&bank), &good).await.ok(),
        Some(said(200, "for efi"))
    );
    assert_eq!(log.take(), ["connected"]);

    // Any customer of the bank may register this URL, or show the certificate that it has issued to him.
    for (query, code) in [
        ("", "payload.missing_url_secret"),
        ("hmac=u3Jq-9wXv7hTz2Lz", "payload.signature_mismatch"),
        ("hmac=x&hmac=u3Jq-9wXv7hTz2Lk", "payload.malformed_url_secret"),
    ] {
        assert_eq!(
            probe(address, Some(&bank), query).await.ok(),
            Some(said(401, code)),
            "{query}"
        );
    }
    log.take();
    let other = probe(address, Some(&customer), &good).await;
    assert!(other.is_err(), "{:?}", other.map(|answer| answer.status));
    log.wait_for("not connected: trust.not_pinned").await;
}

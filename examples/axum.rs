//! A small receiver in axum, with throw-away credentials: `cargo run --example axum -- payload` or `-- mutual-tls`.
//! It prints a curl command that reaches it, and then what it let in.

#[path = "support/say.rs"]
mod say;
#[path = "axum/throw_away.rs"]
mod throw_away;

use std::{error::Error, sync::Arc};

use axum::{Json, Router, routing::post};
use countersign::clock::Clock;
use countersign::gate::{Countersigned, Policy};
use countersign::observe::Log;
use countersign::payload::{Fresh, HmacSigner, HmacVerifier, Keyring, Scheme};
use countersign::replay::MemoryStore;
use countersign::tenant::{TenantId, TenantTable};
use countersign::testing::TestCa;
use countersign::tls::{ClientAuth, Credentials, Tls};
use countersign::trust::PrivateCa;
use countersign::web::{Acceptor, CallerLayer, Connection, Listener, PayloadLayer, Signed};
use say::say;
use serde_json::Value;

async fn signed(proof: Fresh, Signed(Json(event)): Signed<Json<Value>>) {
    say(&format_args!("signed by {}: {event}", proof.sender()));
}

async fn countersigned(proof: Countersigned, Signed(Json(event)): Signed<Json<Value>>) {
    say(&format_args!("countersigned by {}: {event}", proof.tenant()));
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let scheme = Scheme::standard_webhooks();
    let keys = Keyring::builder(&scheme)
        .key(TenantId::parse("acme")?, "2026", throw_away::secret())
        .build()?;
    let curl = throw_away::curl(&HmacSigner::new(scheme.clone(), keys.clone()))?;
    let layer = PayloadLayer::new(HmacVerifier::new(scheme, keys), MemoryStore::default())
        .observed_by(Arc::new(Log::new()));
    match std::env::args().nth(1).as_deref() {
        Some("payload") => payload(layer, &curl).await,
        Some("mutual-tls") => mutual_tls(layer, &curl).await,
        _ => throw_away::usage(),
    }
}

async fn payload(layer: PayloadLayer, curl: &str) -> Result<(), Box<dyn Error>> {
    let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    say(&format_args!("{curl} http://{}/hooks", tcp.local_addr()?));
    let app = Router::new().route("/hooks", post(signed)).layer(layer);
    Ok(axum::serve(tcp, app).await?)
}

async fn mutual_tls(layer: PayloadLayer, curl: &str) -> Result<(), Box<dyn Error>> {
    let tls = Tls::new(rustls::crypto::aws_lc_rs::default_provider().into());
    let ca = TestCa::new("Throw-away CA");
    let trust = PrivateCa::from_pem(ca.pem().as_bytes(), tls.algorithms(), Clock::default().now())?;
    let tenants = TenantTable::builder().uri("spiffe://acme.example/tenant/{tenant}");
    let policy = Policy::new(trust, tenants.known(["acme"]).build()?);

    let server = ca.server("localhost").issue();
    let own = Credentials::new(tls.provider(), server.chain(), server.key())?;
    let acceptor = Acceptor::new(tls.server_config(&own, policy.trust(), ClientAuth::Require)?);
    let acceptor = acceptor.observed_by(Arc::new(Log::new()));
    let listener = Listener::bind("127.0.0.1:0", acceptor).await?;
    let (port, client) = (listener.local_addr().port(), throw_away::client(&ca)?);
    say(&format_args!("{curl} {client} https://localhost:{port}/hooks"));

    // What is added last is asked first: the payload is verified with the keys of the tenant that is calling.
    let app = Router::new().route("/hooks", post(countersigned)).layer(layer);
    let app = app.layer(CallerLayer::new(policy).observed_by(Arc::new(Log::new())));
    let serving = axum::serve(listener, app.into_make_service_with_connect_info::<Connection>());
    Ok(serving
        .with_graceful_shutdown(client.until_asked_to_end())
        .await?)
}

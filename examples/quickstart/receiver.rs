//! The receiver of the play: the five questions, in order, around one handler.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use countersign::gate::{Countersigned, Policy};
use countersign::live::Live;
use countersign::observe::{Event, Observer};
use countersign::payload::{HmacVerifier, Scheme};
use countersign::replay::MemoryStore;
use countersign::tenant::TenantTable;
use countersign::tls::{ClientAuth, Credentials};
use countersign::trust::{PinSet, PrivateCa, VerifyPeer};
use countersign::web::{Acceptor, CallerLayer, Connection, Listener, PayloadLayer, Signed};
use http::StatusCode;
use rustls::pki_types::{ServerName, UnixTime};
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::World;
use crate::player::{AnyError, Place};

pub(crate) const BODY_LIMIT: usize = 16 * 1024;

#[derive(Deserialize)]
struct Order {
    fail_first: bool,
}

/// Runs only for a delivery that both signatures vouch for.
async fn handler(
    proof: Countersigned,
    State(failed): State<Arc<Mutex<Vec<String>>>>,
    Signed(Json(order)): Signed<Json<Order>>,
) -> StatusCode {
    let (tenant, mut failed) = (proof.tenant().to_string(), failed.lock().expect("not poisoned"));
    if order.fail_first && !failed.contains(&tenant) {
        failed.push(tenant);
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    StatusCode::OK
}

/// The receiver as the play sees it.
pub(crate) struct Receiver {
    pub(crate) place: Place,
    pub(crate) pins: Live<PinSet>,
    pub(crate) events: mpsc::UnboundedReceiver<(&'static str, &'static str)>,
}

/// Listens on a loopback port, and serves until the program ends.
pub(crate) async fn start(world: &World) -> Result<Receiver, AnyError> {
    let (log, events) = mpsc::unbounded_channel();
    let log: Arc<dyn Observer> = Arc::new(Log(log));
    let pins = Live::new(world.pins());
    let policy = policy(world, pins.clone())?;

    let credentials = Credentials::new(world.tls.provider(), world.server.chain(), world.server.key())?;
    let config = world
        .tls
        .server_config(&credentials, policy.trust(), ClientAuth::Require)?;
    let acceptor = Acceptor::new(config).observed_by(log.clone());
    let listener = Listener::bind("127.0.0.1:0", acceptor).await?;
    let place = Place {
        address: listener.local_addr(),
        name: ServerName::try_from("hooks.acme.example")?,
        host: "hooks.acme.example".to_owned(),
        path: "/orders".to_owned(),
    };

    let app = Router::new()
        .route("/orders", post(handler))
        .layer(payload(world).observed_by(log.clone()))
        .layer(CallerLayer::new(policy).observed_by(log))
        .with_state(Arc::default());
    let app = app.into_make_service_with_connect_info::<Connection>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(Receiver { place, pins, events })
}

/// Do we trust it (a private certificate authority, and a pinned key), and whose is it?
fn policy(world: &World, pins: Live<PinSet>) -> Result<Policy, AnyError> {
    let ca = PrivateCa::from_pem(world.ca.pem().as_bytes(), world.tls.algorithms(), UnixTime::now())?;
    let tenants = TenantTable::builder()
        .uri("spiffe://acme.example/tenant/{tenant}")
        .known(["acme", "globex"])
        .build()?;
    Ok(Policy::new(ca.and(pins), tenants))
}

/// Did they say this, and is it fresh?
fn payload(world: &World) -> PayloadLayer {
    let verifier = HmacVerifier::new(Scheme::standard_webhooks(), world.keys.clone());
    PayloadLayer::new(verifier, MemoryStore::default()).with_limit(BODY_LIMIT)
}

/// What the operator sees, and the peer does not: where it was stopped, and the code.
#[derive(Debug)]
struct Log(mpsc::UnboundedSender<(&'static str, &'static str)>);

impl Observer for Log {
    fn observe(&self, event: &Event<'_>) {
        let (stage, code) = match event {
            Event::HandshakeFailed { reason, .. } => ("handshake", reason.code()),
            Event::Refused { refusal, .. } => (question(refusal.code()), refusal.code()),
            Event::Accepted { .. } => ("handler", "-"),
            _ => return,
        };
        let _ = self.0.send((stage, code));
    }
}

fn question(code: &'static str) -> &'static str {
    match code.split_once('.') {
        Some(("identity" | "trust", _)) => "identity",
        Some((question, _)) => question,
        None => code,
    }
}

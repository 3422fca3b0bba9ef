//! A receiver to try: everything about it can be changed while it runs, and everything it tells is kept.

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use countersign::gate::{Caller, Countersigned, Policy};
use countersign::identity::SpkiHash;
use countersign::live::Live;
use countersign::observe::{Event, Observer};
use countersign::payload::{Fresh, HmacVerifier, Keyring, Scheme};
use countersign::replay::{ReplayStore, Terms};
use countersign::tenant::{TenantId, TenantTable};
use countersign::testing::{TestCa, TestCert};
use countersign::tls::{ClientAuth, Credentials, Tls};
use countersign::trust::{PinSet, PrivateCa, VerifyPeer};
use countersign::web::{
    Acceptor, Bounds, CallerLayer, Clock, Connection, Drain, Listener, PayloadLayer, Server, Signed,
};
use http::StatusCode;
use rustls::pki_types::UnixTime;
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

pub(crate) use crate::keys::keys;
use crate::support::{Flaky, at, secs};

pub(crate) const TEMPLATE: &str = "spiffe://acme.example/tenant/{tenant}";
pub(crate) const LIMIT: usize = 4096;
pub(crate) const LEASE: u64 = 30;

/// Everybody who takes part.
pub(crate) struct World {
    pub(crate) tls: Tls,
    pub(crate) ca: TestCa,
    server: TestCert,
    pub(crate) acme: TestCert,
    pub(crate) globex: TestCert,
    /// Trusted, and nobody's.
    pub(crate) initech: TestCert,
    pub(crate) keys: Keyring,
}

pub(crate) fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let ca = TestCa::new("Acme Root");
        let client = |tenant: &str| ca.client(&TEMPLATE.replace("{tenant}", tenant)).issue();
        World {
            tls: Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider())),
            server: ca.server("hooks.acme.example").issue(),
            acme: client("acme"),
            globex: client("globex"),
            initech: client("initech"),
            keys: keys(&["acme", "globex"]),
            ca,
        }
    })
}

impl World {
    pub(crate) fn trust(&self, ca: &TestCa) -> PrivateCa {
        PrivateCa::from_pem(ca.pem().as_bytes(), self.tls.algorithms(), UnixTime::now()).expect("an anchor")
    }

    pub(crate) fn pins(&self) -> PinSet {
        let known = [&self.acme, &self.globex, &self.initech];
        PinSet::new(known.map(|certificate| SpkiHash::of(&certificate.spki_der())))
    }

    pub(crate) fn tenants(&self, known: &[&str]) -> TenantTable {
        let table = TenantTable::builder().uri(TEMPLATE).known(known.iter().copied());
        table.build().expect("a table")
    }

    pub(crate) fn server_config(
        &self,
        trust: Arc<dyn VerifyPeer>,
        client_auth: ClientAuth,
    ) -> rustls::ServerConfig {
        self.server_config_of(&self.server, trust, client_auth)
    }

    pub(crate) fn server_config_of(
        &self,
        server: &TestCert,
        trust: Arc<dyn VerifyPeer>,
        client_auth: ClientAuth,
    ) -> rustls::ServerConfig {
        let (chain, key) = (server.chain(), server.key());
        let credentials = Credentials::new(self.tls.provider(), chain, key).expect("a pair");
        let config = self.tls.server_config(&credentials, trust, client_auth);
        config.expect("a configuration")
    }
}

// --- what it is asked, and what it tells --------------------------------------------------------------------------------

/// The time of the layers, which a test may turn on. Handshakes keep to that of the system.
#[derive(Debug, Clone)]
pub(crate) struct Hands(Arc<AtomicU64>);

impl Hands {
    pub(crate) fn now(&self) -> UnixTime {
        at(self.0.load(SeqCst))
    }

    pub(crate) fn turn(&self, seconds: u64) {
        self.0.fetch_add(seconds, SeqCst);
    }

    pub(crate) fn clock(&self) -> Clock {
        let hands = self.clone();
        Clock::new(move || hands.now())
    }
}

impl Default for Hands {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(UnixTime::now().as_secs())))
    }
}

/// All events, one line each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Observer for Log {
    fn observe(&self, event: &Event<'_>) {
        let line = match event {
            Event::SourceChanged { transition } => {
                format!("{}: {}", transition.key, transition.to.name())
            }
            Event::HandshakeCompleted { .. } => "connected".to_owned(),
            Event::HandshakeFailed { reason, .. } => format!("not connected: {}", reason.code()),
            Event::AcceptFailed { error, .. } => format!("not accepting: {:?}", error.raw_os_error()),
            Event::ConnectionCut { cut, .. } => format!("cut: {}", cut.code()),
            Event::Refused { tenant, refusal, .. } => {
                format!("refused: {} {}", or_nobody(*tenant), refusal.code())
            }
            Event::Accepted { tenant, .. } => format!("accepted: {tenant}"),
            Event::SenderGone { tenant, .. } => format!("gone: {tenant}"),
            Event::Unsettled { tenant, outcome } => format!("unsettled: {tenant} {outcome:?}"),
            Event::HandshakeStarted { .. } | Event::Identified { .. } | Event::Settled { .. } => return,
            other => panic!("a new event: {other:?}"),
        };
        self.0.lock().expect("not poisoned").push(line);
    }
}

fn or_nobody(tenant: Option<&TenantId>) -> &str {
    tenant.map_or("nobody", TenantId::as_str)
}

impl Log {
    /// Everything since it was last asked.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("not poisoned"))
    }

    /// Waits until this was told.
    pub(crate) async fn wait_for(&self, line: &str) {
        let told = || {
            self.0
                .lock()
                .expect("not poisoned")
                .iter()
                .any(|told| told == line)
        };
        for _ in 0..1_000 {
            if told() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never told: {line}; but {:?}", self.take());
    }
}

/// What a delivery tells its handler to do.
#[derive(Deserialize)]
pub(crate) struct Order {
    /// Answer with this status.
    status: u16,
    /// Wait until the test says go.
    #[serde(default)]
    hold: bool,
}

/// Where the handler waits, and what it has handled.
pub(crate) struct Desk {
    pub(crate) go: Semaphore,
    pub(crate) begun: Semaphore,
    pub(crate) handled: Mutex<Vec<String>>,
}

impl Desk {
    pub(crate) fn handled(&self) -> Vec<String> {
        std::mem::take(&mut *self.handled.lock().expect("not poisoned"))
    }

    /// How many handlers that were told to hold have begun and are not done, when none of them was waited for.
    pub(crate) fn running(&self) -> usize {
        self.begun.available_permits() - self.handled.lock().expect("not poisoned").len()
    }

    /// Waits until a handler that was told to hold has begun.
    pub(crate) async fn begun(&self) {
        self.begun.acquire().await.expect("open").forget();
    }

    pub(crate) async fn handle(&self, order: &Order, whose: String) -> StatusCode {
        if order.hold {
            self.begun.add_permits(1);
            self.go.acquire().await.expect("open").forget();
        }
        self.handled.lock().expect("not poisoned").push(whose);
        StatusCode::from_u16(order.status).expect("a status")
    }
}

/// Says by whom and how the delivery was signed, from each of the proofs.
async fn orders(
    both: Countersigned,
    caller: Caller,
    fresh: Fresh,
    State(desk): State<Arc<Desk>>,
    Signed(Json(order)): Signed<Json<Order>>,
) -> (StatusCode, String) {
    assert_eq!((both.tenant(), both.payload()), (caller.tenant(), &fresh));
    let status = desk.handle(&order, both.tenant().to_string()).await;
    (
        status,
        format!("{} {} {}", fresh.sender(), fresh.key(), caller.rule()),
    )
}

async fn hook(
    fresh: Fresh,
    State(desk): State<Arc<Desk>>,
    Signed(Json(order)): Signed<Json<Order>>,
) -> (StatusCode, String) {
    let status = desk.handle(&order, fresh.sender().to_string()).await;
    (status, format!("{} {}", fresh.sender(), fresh.key()))
}

async fn who(caller: Caller) -> String {
    caller.tenant().to_string()
}

// --- the receiver -----------------------------------------------------------------------------------------------------

/// A receiver on a loopback port.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    pub(crate) log: Log,
    pub(crate) hands: Hands,
    pub(crate) store: Arc<Flaky>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) ca: Live<PrivateCa>,
    pub(crate) pins: Live<PinSet>,
    pub(crate) tenants: Live<TenantTable>,
    pub(crate) drain: Drain,
    pub(crate) served: JoinHandle<std::io::Result<()>>,
}

/// How it differs from the usual.
pub(crate) struct Plan {
    pub(crate) client_auth: ClientAuth,
    pub(crate) handshake_timeout: Duration,
    pub(crate) max_handshakes: usize,
    pub(crate) max_handshakes_per_source: usize,
    pub(crate) route: fn(PayloadLayer, CallerLayer) -> Router<Arc<Desk>>,
    pub(crate) keys: Keyring,
    /// By the crate's own server, and not by axum's.
    pub(crate) bounds: Option<Bounds>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            client_auth: ClientAuth::Require,
            handshake_timeout: secs(10),
            max_handshakes: 64,
            max_handshakes_per_source: usize::MAX,
            route: both_layers,
            keys: world().keys.clone(),
            bounds: None,
        }
    }
}

/// As it should be: /orders wants both signatures, /hook the payload's, /who the connection's.
fn both_layers(payload: PayloadLayer, caller: CallerLayer) -> Router<Arc<Desk>> {
    let signed = Router::new()
        .route("/orders", post(orders))
        .layer(payload.clone());
    let called = signed.route("/who", post(who)).layer(caller);
    called.merge(Router::new().route("/hook", post(hook)).layer(payload))
}

/// Every route behind whatever these layers make of it.
pub(crate) fn all_behind(layers: impl FnOnce(Router<Arc<Desk>>) -> Router<Arc<Desk>>) -> Router<Arc<Desk>> {
    let routes = Router::new().route("/orders", post(orders));
    layers(routes.route("/hook", post(hook)).route("/who", post(who)))
}

impl Door {
    pub(crate) async fn open() -> Self {
        Self::planned(Plan::default()).await
    }

    pub(crate) async fn planned(plan: Plan) -> Self {
        let (world, log, hands, store) = (world(), Log::default(), Hands::default(), Arc::<Flaky>::default());
        let (ca, pins) = (Live::new(world.trust(&world.ca)), Live::new(world.pins()));
        let tenants = Live::new(world.tenants(&["acme", "globex"]));
        let policy = Policy::new(ca.clone().and(pins.clone()), tenants.clone());

        let acceptor = Acceptor::new(world.server_config(policy.trust(), plan.client_auth))
            .with_handshake_timeout(plan.handshake_timeout)
            .with_max_handshakes(plan.max_handshakes)
            .with_max_handshakes_per_source(plan.max_handshakes_per_source)
            .observed_by(Arc::new(log.clone()));
        let desk = Arc::new(Desk {
            go: Semaphore::new(0),
            begun: Semaphore::new(0),
            handled: Mutex::default(),
        });
        let payload = payload_layer(plan.keys, store.clone(), &log, &hands);
        let caller = CallerLayer::new(policy.clone()).with_clock(hands.clock());
        let app = (plan.route)(payload, caller.observed_by(Arc::new(log.clone()))).with_state(desk.clone());
        let (address, drain, served) = match plan.bounds {
            None => serve_by_axum(acceptor, app).await,
            Some(bounds) => {
                let server = Server::bind("127.0.0.1:0", acceptor).await.expect("a port");
                let (address, drain) = (server.local_addr(), server.drain());
                let server = server.with_bounds(bounds).with_policy(policy);
                let served = tokio::spawn(async move {
                    server.serve(app).await;
                    Ok(())
                });
                (address, drain, served)
            }
        };
        Self {
            address,
            log,
            hands,
            store,
            desk,
            ca,
            pins,
            tenants,
            drain,
            served,
        }
    }
}

async fn serve_by_axum(
    acceptor: Acceptor,
    app: Router,
) -> (SocketAddr, Drain, JoinHandle<std::io::Result<()>>) {
    let listener = Listener::bind("127.0.0.1:0", acceptor).await.expect("a port");
    let (address, drain) = (listener.local_addr(), listener.drain());
    let app = app.into_make_service_with_connect_info::<Connection>();
    let server = axum::serve(listener, app).with_graceful_shutdown(drain.begun());
    (address, drain, tokio::spawn(server.into_future()))
}

pub(crate) fn payload_layer(
    keys: Keyring,
    store: Arc<dyn ReplayStore>,
    log: &Log,
    hands: &Hands,
) -> PayloadLayer {
    let verifier = HmacVerifier::new(Scheme::standard_webhooks(), keys);
    PayloadLayer::new(verifier, store)
        .with_limit(LIMIT)
        .with_terms(Terms::default().with_lease(secs(LEASE)))
        .with_clock(hands.clock())
        .observed_by(Arc::new(log.clone()))
}

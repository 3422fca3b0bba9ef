//! The receiver: a process that is told on its standard input what time it is, and tells on its output what happens.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use countersign::clock::Clock;
use countersign::gate::{Countersigned, Policy};
use countersign::live::Live;
use countersign::observe::{Event, Observer};
use countersign::payload::HmacVerifier;
use countersign::refusal::Refusal;
use countersign::reload::{FileSource, Files, Reading, Reload, Rules};
use countersign::replay::{MemoryStore, PostgresStore, RedisStore, ReplayStore, Terms};
use countersign::tenant::TenantTable;
use countersign::tls::ClientAuth;
use countersign::trust::{Crls, PrivateCa, Revocation, VerifyPeer as _};
use countersign::web::{Acceptor, Bounds, CallerLayer, PayloadLayer, ReplayAnswer, Server, Site, Sites};
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

use crate::stage::{HOST, TEMPLATE, keyring, scheme, tls, whole};
use crate::world::{Store, later};

/// The code of the answer, which only this receiver tells its senders.
pub(crate) const CODE: HeaderName = HeaderName::from_static("x-code");
/// What is told of an outage, in the operator's words: why it is one.
pub(crate) const WHY: HeaderName = HeaderName::from_static("x-why");
pub(crate) const LIMIT: usize = 4096;
/// How long slow peers are waited for, at each step: longer than a good one takes on a busy machine.
pub(crate) const SLOW: Duration = Duration::from_secs(3);
/// How long a store is waited for, at each of its steps.
pub(crate) const STORE: Duration = Duration::from_secs(2);
/// Enough for the deliveries that an optimised build takes while their signatures count, which is longer than [`terms`], and so few that their
/// table is in use as a whole when the memory begins to be judged.
const CLAIMS: usize = 1 << 17;
/// One in so many requests meets a planted fault.
const SELDOM: u64 = 20;

pub(crate) async fn serve(folder: &Path, redis: &str, postgres: &str) {
    let told = Arc::new(Told::default());
    count_panics(&told);
    let hands = Hands::default();
    let (reload, server, app) = open(folder, redis, postgres, &told, &hands).await;
    say(&format!("listening {}", server.local_addr().port()));
    let _reload = reload;
    tokio::select! {
        () = server.serve(app) => {}
        // Whoever has started it is done, or gone.
        _ = tokio::task::spawn_blocking(move || obey(&hands, &told)) => {}
    }
}

async fn open(
    folder: &Path,
    redis: &str,
    postgres: &str,
    told: &Arc<Told>,
    hands: &Hands,
) -> (Reload, Server, Router) {
    let tls = tls().with_time_provider(Arc::new(hands.clone()));
    let reload = Reload::new().with_clock(hands.clock()).observed_by(told.clone());
    let rules = Rules::default()
        .looking_every(Duration::from_secs(2))
        .retrying_after(Duration::from_millis(50));
    macro_rules! live {
        ($name:literal, $source:expr) => {
            // Kept by `reload` for as long as that is.
            reload
                .start(
                    $name,
                    $source.with_settling(Duration::from_millis(20)),
                    rules,
                )
                .await
                .unwrap_or_else(|why| panic!("{}: {why}", $name))
                .live()
        };
    }
    let at = |name: &str| folder.join(name);
    let algorithms = tls.algorithms();
    let clients = Files::of([at("ca.pem"), at("ca.crl")]).read_by(
        move |files: &Reading<'_, PrivateCa>| -> Result<_, Box<dyn std::error::Error + Send + Sync>> {
            let lists = Crls::from_pem(files.bytes(1), files.now())?;
            let clients = PrivateCa::builder(algorithms).pem(files.bytes(0));
            let clients = clients.with_revocation(Revocation::required(lists));
            Ok(clients.build(files.now())?)
        },
    );
    let tenants = Files::of([at("tenants")]).read_by(
        |files: &Reading<'_, TenantTable>| -> Result<_, Box<dyn std::error::Error + Send + Sync>> {
            let table = TenantTable::builder().uri(TEMPLATE);
            Ok(table.known(whole(files.text(0)?)?).build()?)
        },
    );
    let keys = Files::of([at("keys")]).read_by(
        |files: &Reading<'_, _>| -> Result<_, Box<dyn std::error::Error + Send + Sync>> {
            Ok(keyring(files.text(0)?)?)
        },
    );
    let clients = live!("clients", clients);
    let pins = live!("pins", FileSource::pins(at("pins")));
    let tenants = live!("tenants", tenants);
    let keys = live!("keys", keys);
    let own = live!("own", FileSource::credentials(&tls, at("own.pem"), at("own.key")));

    let policy = Policy::new(clients.and(pins), tenants);
    let config = tls
        .server_config(&own, policy.trust(), ClientAuth::Require)
        .expect("a configuration");
    let sites = Sites::builder().site(HOST, Site::new(policy, config)).build();
    let sites = Live::new(sites.expect("sites"));
    let acceptor = Acceptor::by_server_name(sites.clone())
        .with_handshake_timeout(SLOW)
        .with_clock(hands.clock())
        .observed_by(told.clone());
    let bounds = Bounds::default()
        .with_header_timeout(SLOW)
        .with_idle_timeout(10 * SLOW);
    let server = Server::bind("127.0.0.1:0", acceptor).await.expect("a port");

    let verifier = HmacVerifier::new(scheme(), keys);
    let layer = |store: Arc<dyn ReplayStore>| {
        PayloadLayer::new(verifier.clone(), store)
            .with_limit(LIMIT)
            .with_body_timeout(SLOW)
            .with_replay_answer(ReplayAnswer::Conflict)
            .with_terms(terms())
            .with_clock(hands.clock())
            .observed_by(told.clone())
    };
    let redis = RedisStore::open(redis).expect("a URL").with_timeout(STORE);
    let postgres = PostgresStore::open(postgres).expect("a URL").with_timeout(STORE);
    let desk = Arc::new(Desk::new(told.clone()));
    let handler = || post(handle);
    let app = Router::new()
        .route(
            Store::Memory.path(),
            handler().layer(layer(Arc::new(MemoryStore::of_claims(CLAIMS)))),
        )
        .route(Store::Redis.path(), handler().layer(layer(Arc::new(redis))))
        .route(Store::Postgres.path(), handler().layer(layer(Arc::new(postgres))))
        .layer(
            CallerLayer::by_host(sites)
                .with_clock(hands.clock())
                .observed_by(told.clone()),
        )
        .layer(from_fn_with_state(Plant::from_environment(), Plant::pass))
        .with_state(desk);
    (reload, server.with_bounds(bounds), app)
}

/// Short, so that a store is full when the memory begins to be judged.
fn terms() -> Terms {
    let lease = Duration::from_secs(30);
    Terms::default().with_lease(lease).with_window(lease)
}

/// What has been handled lately, in a room that does not grow.
struct Desk {
    handled: Vec<AtomicU64>,
    told: Arc<Told>,
}

impl Desk {
    fn new(told: Arc<Told>) -> Self {
        let handled = (0..1 << 16).map(|_| AtomicU64::new(0)).collect();
        Self { handled, told }
    }
}

async fn handle(_: Countersigned, State(desk): State<Arc<Desk>>, headers: HeaderMap) -> impl IntoResponse {
    let id = headers
        .get("webhook-id")
        .and_then(|id| id.to_str().ok())
        .unwrap_or_default();
    let number: u64 = id.trim_start_matches("msg_").parse().expect("a number from 1");
    let place = usize::try_from(number).expect("64 bits") % desk.handled.len();
    if desk.handled[place].swap(number, SeqCst) == number {
        desk.told.count("HANDLED TWICE");
    }
    ([(CODE, HeaderValue::from_static("handled"))], "handled\n")
}

/// A fault that is to be found, of the environment's choice.
#[derive(Clone)]
struct Plant {
    kind: Arc<str>,
    requests: Arc<AtomicU64>,
}

impl Plant {
    fn from_environment() -> Self {
        let kind = std::env::var("SOAK_PLANT").unwrap_or_default();
        assert!(
            ["", "leak", "descriptors", "verdict", "panic"].contains(&kind.as_str()),
            "SOAK_PLANT={kind} is unknown"
        );
        Self {
            kind: kind.into(),
            requests: Arc::default(),
        }
    }

    /// Around everything: also says the code of a refusal to the sender, and why an outage is one.
    async fn pass(State(plant): State<Self>, request: Request, next: Next) -> Response {
        let now = (plant.requests.fetch_add(1, SeqCst) + 1).is_multiple_of(SELDOM);
        match &*plant.kind {
            "leak" => std::mem::forget(vec![7_u8; 100]),
            "descriptors" if now => std::mem::forget(std::fs::File::open("/dev/null")),
            "panic" if now => panic!("planted"),
            _ => {}
        }
        let mut response = next.run(request).await;
        if let Some(refusal) = response.extensions().get::<Refusal>().cloned() {
            response
                .headers_mut()
                .insert(CODE, HeaderValue::from_static(refusal.code()));
            if refusal.is_outage()
                && let Ok(why) = HeaderValue::from_str(&refusal.to_string())
            {
                response.headers_mut().insert(WHY, why);
            }
        }
        if now && &*plant.kind == "verdict" {
            response
                .headers_mut()
                .insert(CODE, HeaderValue::from_static("replay.handled"));
        }
        response
    }
}

/// By how many seconds the time is off.
#[derive(Debug, Clone, Default)]
struct Hands(Arc<AtomicI64>);

impl Hands {
    fn now(&self) -> UnixTime {
        later(UnixTime::now(), self.0.load(SeqCst))
    }

    fn clock(&self) -> Clock {
        let hands = self.clone();
        Clock::new(move || hands.now())
    }
}

impl TimeProvider for Hands {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.now())
    }
}

/// Does what it is told, and answers each line, until there are no more.
fn obey(hands: &Hands, told: &Told) {
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        match line.split_once(' ') {
            Some(("clock", seconds)) => hands.0.store(seconds.parse().expect("seconds"), SeqCst),
            _ => told.report(),
        }
        say(&format!("done {line}"));
    }
}

fn count_panics(told: &Arc<Told>) {
    let told = told.clone();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        told.count("PANIC");
        usual(panic);
    }));
}

/// Counts what happens, by code.
#[derive(Debug, Default)]
struct Told(Mutex<BTreeMap<&'static str, u64>>);

impl Told {
    fn count(&self, code: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *counts.entry(code).or_default() += 1;
    }

    fn report(&self) {
        for (code, number) in &*self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) {
            say(&format!("count {code} {number}"));
        }
    }
}

impl Observer for Told {
    fn observe(&self, event: &Event<'_>) {
        self.count(match event {
            Event::HandshakeFailed { reason, .. } => reason.code(),
            Event::Refused { refusal, .. } => refusal.code(),
            Event::ConnectionCut { cut, .. } => cut.code(),
            Event::NotReloaded { code, .. } => code,
            event => event.name(),
        });
        match event {
            Event::Reloaded { name, .. } => say(&format!("reloaded {name}")),
            Event::NotReloaded { name, .. } => say(&format!("not-reloaded {name}")),
            _ => {}
        }
    }
}

fn say(line: &str) {
    // Whoever does not listen any more is about to end this process.
    let _ = writeln!(io::stdout(), "{line}");
}

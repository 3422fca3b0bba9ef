//! What an operator sees: `cargo run --example observed` serves `/metrics` for Prometheus, and prints what to alert on.
//!
//! A receiver on loopback gets deliveries of its own making, good and bad: of two tenants, of strangers, forged, repeated; one client never
//! ends its request's head. Its files are replaced and broken meanwhile, and acme sends deliveries of its own.
//! Beside it stand a pin that retires soon and a key that ends, so that there is something to be seen coming. With
//! `-- --port 9100` the metrics have that port; with `-- --seconds 10` it ends after that time, and judges itself by what it has counted.

#![expect(
    clippy::disallowed_methods,
    reason = "a program takes the present from the system's clock"
)]

#[path = "support/command_line.rs"]
mod command_line;
#[path = "observed/files.rs"]
mod files;
#[path = "observed/options.rs"]
mod options;
#[path = "support/say.rs"]
mod say;
#[path = "observed/sending.rs"]
mod sending;

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use bytes::Bytes;
use command_line::{Words, exit};
use countersign::breaker::Breaker;
use countersign::gate::{Countersigned, Policy};
use countersign::identity::{SpkiHash, Validity};
use countersign::observe::{Log, Metrics, Observer, Observers, PeersSeen, RefusalWatch, Watch};
use countersign::payload::{HmacSigner, HmacVerifier, Keyring, Outgoing, Scheme, Secret, SignPayload as _};
use countersign::replay::MemoryStore;
use countersign::tenant::{TenantId, TenantTable};
use countersign::testing::{TestCa, TestCert};
use countersign::tls::{ClientAuth, Credentials, Tls};
use countersign::trust::{Pin, PinSet, PrivateCa, ReportOnly, VerifyPeer as _};
use countersign::web::{Acceptor, Bounds, CallerLayer, PayloadLayer, Server};
use files::Files;
use http::{HeaderMap, Request};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use options::{Given, USAGE, given};
use rustls::pki_types::{ServerName, UnixTime};
use say::say;
use sending::Sending;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

type AnyError = Box<dyn Error + Send + Sync>;

const ACME: &str = "whsec_YWNtZS1zZWNyZXQtb2YtMzItYnl0ZXMtZm9yLXRlc3Q=";
const GLOBEX: &str = "whsec_Z2xvYmV4LXNlY3JldC1vZi0zMi1ieXRlcy10b28tb2s=";
const ALERTS: &str = include_str!("../docs/observing/alerts.yml");
const BODY: &[u8] = br#"{"type":"order.paid"}"#;

#[tokio::main]
async fn main() -> ExitCode {
    let done = match given(Words::new()) {
        Ok(None) => {
            say(USAGE);
            Ok(true)
        }
        Ok(Some(given)) => run(given).await.map_err(|error| error.to_string()),
        Err(mistake) => Err(mistake),
    };
    exit("observed", done)
}

/// Whether all was counted that should have been.
async fn run(given: Given) -> Result<bool, AnyError> {
    tracing_subscriber::fmt().init();
    let exporter = PrometheusBuilder::new().install_recorder()?;
    let world = World::new()?;
    let seen = Arc::new(PeersSeen::new());
    let observer = Observers::new()
        .and(Log::new())
        .and(Metrics::new().with_tenants(100))
        .and(seen.clone());
    // In front of all others: it tells them of clients that come again and again.
    let observer: Arc<dyn Observer> = Arc::new(RefusalWatch::new(observer).with_threshold(3));

    let files = Files::new(&world.ca, &world.tls, &observer).await?;
    let policy = world.policy(&files)?;
    let receiver = world.receiver(&policy, &files, &observer).await?;
    let watch = Watch::new()
        .over(policy)
        .over(world.keys.clone())
        .over(files.own.clone())
        .over(seen);
    tokio::spawn(keep_watch(watch, observer.clone()));
    let metrics = serve_metrics(exporter.clone(), given.port.unwrap_or(0)).await?;
    say(&format_args!(
        "metrics at http://{metrics}/metrics; a dashboard is docs/observing/grafana.json"
    ));
    say_alerts();
    let traffic = traffic(&world, &files, receiver, observer);
    match given.seconds {
        None => traffic.await.map(|()| true),
        Some(seconds) => {
            let _ = tokio::time::timeout(Duration::from_secs(seconds), traffic).await;
            Ok(judge(&exporter.render()))
        }
    }
}

fn say_alerts() {
    say(&"alert on (docs/observing/alerts.yml):");
    let alerts = ALERTS.lines();
    for alert in alerts.filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        say(&format_args!("  {alert}"));
    }
}

/// Once a minute is often enough; this is a demonstration.
async fn keep_watch(watch: Watch, observer: Arc<dyn Observer>) {
    loop {
        watch.tell(&*observer, UnixTime::now());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// On a port of its own, without TLS: whoever can reach it learns what is counted.
async fn serve_metrics(exporter: PrometheusHandle, port: u16) -> Result<SocketAddr, AnyError> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    let metrics = move || {
        let exporter = exporter.clone();
        async move { exporter.render() }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/metrics", get(metrics))).await });
    Ok(address)
}

// --- the receiver ---------------------------------------------------------------------------------------------------

struct World {
    tls: Tls,
    ca: TestCa,
    keys: Keyring,
    acme: TestCert,
    globex: TestCert,
    /// One after the other.
    strangers: Vec<TestCert>,
}

impl World {
    fn new() -> Result<Self, AnyError> {
        let tls = Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let ca = TestCa::new("Acme Root");
        let client = |ca: &TestCa, tenant| ca.client(&format!("spiffe://acme.example/{tenant}")).issue();
        let (acme, globex) = (TenantId::parse("acme")?, TenantId::parse("globex")?);
        let keys = Keyring::builder(&Scheme::standard_webhooks())
            .key_valid(
                acme,
                "2026",
                Secret::new(ACME),
                Validity::new(days(-330), days(35)),
            )
            .key(globex, "2026", Secret::new(GLOBEX));
        Ok(Self {
            keys: keys.build()?,
            acme: client(&ca, "acme"),
            globex: client(&ca, "globex"),
            strangers: strangers(&ca),
            tls,
            ca,
        })
    }

    /// The authority decides; pins are tried out beside it, and one retires within days.
    fn policy(&self, files: &Files) -> Result<Policy, AnyError> {
        let acme = Pin::leaf(SpkiHash::of(&self.acme.spki_der()));
        let pins = PinSet::of([acme.labelled("acme").retiring(days(6))]);
        let tenants = TenantTable::builder().uri("spiffe://acme.example/{tenant}");
        let tenants = tenants.known(["acme", "globex"]).build()?;
        Ok(Policy::new(
            files.anchors.clone().and(ReportOnly::new(pins)),
            tenants,
        ))
    }

    async fn receiver(
        &self,
        policy: &Policy,
        files: &Files,
        observer: &Arc<dyn Observer>,
    ) -> Result<SocketAddr, AnyError> {
        let config = self
            .tls
            .server_config(&files.own, policy.trust(), ClientAuth::Require)?;
        // The strangers have an address of their own, or they would shut out everybody else with them.
        let breaker = Breaker::new(1000)
            .trip_in_a_row(3)
            .with_open_time(secs(2), secs(4));
        let acceptor = Acceptor::new(config)
            .observed_by(observer.clone())
            .with_breaker(breaker);
        let server = Server::on(TcpListener::bind("127.0.0.1:0").await?, acceptor)?
            .with_policy(policy.clone())
            .with_bounds(Bounds::default().with_header_timeout(secs(2)));
        let address = server.local_addr();
        let verifier = HmacVerifier::new(Scheme::standard_webhooks(), self.keys.clone());
        let payload = PayloadLayer::new(verifier, MemoryStore::default()).observed_by(observer.clone());
        let app = Router::new()
            .route("/", post(async |_: Countersigned| ()))
            .layer(payload)
            .layer(CallerLayer::new(policy.clone()).observed_by(observer.clone()));
        tokio::spawn(server.serve_until(app, std::future::pending()));
        Ok(address)
    }
}

/// Of an authority that nobody has told us of, in the name of nobody we know; and acme's, expired.
fn strangers(ca: &TestCa) -> Vec<TestCert> {
    let staging = TestCa::new("Staging Root");
    let (staging, acme) = (
        || staging.client("spiffe://staging.example/acme").issue(),
        || ca.client("spiffe://acme.example/acme").expired().issue(),
    );
    (0..12).flat_map(|_| [staging(), acme()]).collect()
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn days(from_now: i64) -> UnixTime {
    let now = Duration::from_secs(UnixTime::now().as_secs());
    let days = Duration::from_secs(from_now.unsigned_abs() * 86_400);
    UnixTime::since_unix_epoch(if from_now < 0 {
        now.saturating_sub(days)
    } else {
        now + days
    })
}

// --- the senders ----------------------------------------------------------------------------------------------------

/// Ten good deliveries to three that are refused, each on a connection of its own; and of every 400 the last 100 are a
/// stranger's, whose authority nobody has told us of.
async fn traffic(
    world: &World,
    files: &Files,
    receiver: SocketAddr,
    observer: Arc<dyn Observer>,
) -> Result<(), AnyError> {
    let signer = HmacSigner::new(Scheme::standard_webhooks(), world.keys.clone());
    let signed = |tenant: &str, id: &str| -> Result<HeaderMap, AnyError> {
        Ok(signer.sign_payload(&Outgoing::new(
            &TenantId::parse(tenant)?,
            id,
            BODY,
            UnixTime::now(),
        ))?)
    };
    let sending = Sending::new(world, &signer, receiver, &observer).await?;
    for number in 0_u64.. {
        files.change(number)?;
        if number % 10 == 9 {
            sending.deliver(number).await;
        }
        if number % 50 == 5 {
            tokio::spawn(an_endless_head(world.connector(&world.globex)?, receiver));
        }
        let id = format!("msg_{number}");
        let kind = if number % 400 < 300 { number % 13 } else { 4 };
        let (sender, headers) = match kind {
            // A certificate of somebody else's authority.
            4 => (world.stranger(number)?, signed("acme", &id)?),
            // A delivery that was handled before.
            8 => (&world.globex, signed("globex", &format!("msg_{}", number - 1))?),
            // The certificate of one tenant, the signature of the other.
            12 => (&world.acme, signed("globex", &id)?),
            even if even % 2 == 0 => (&world.acme, signed("acme", &id)?),
            _ => (&world.globex, signed("globex", &id)?),
        };
        // Refused ones end in an error, as they should.
        let _ = deliver(world, receiver, sender, headers).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

async fn deliver(
    world: &World,
    receiver: SocketAddr,
    sender: &TestCert,
    headers: HeaderMap,
) -> Result<(), AnyError> {
    let is_stranger = world
        .strangers
        .iter()
        .any(|stranger| std::ptr::eq(stranger, sender));
    let from = [127, 0, 0, if is_stranger { 2 } else { 1 }];
    let io = connect(&world.connector(sender)?, from.into(), receiver).await?;
    let (mut requests, connection) = http1::handshake(TokioIo::new(io)).await?;
    let driven = tokio::spawn(connection);
    let mut request = Request::post("/")
        .header("host", "hooks.acme.example")
        .body(Full::new(Bytes::from_static(BODY)))?;
    request.headers_mut().extend(headers);
    requests.send_request(request).await?;
    drop(requests);
    driven.await??;
    Ok(())
}

async fn connect(
    tls: &TlsConnector,
    from: IpAddr,
    receiver: SocketAddr,
) -> Result<TlsStream<TcpStream>, AnyError> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    let tcp = socket.connect(receiver).await?;
    Ok(tls
        .connect(ServerName::try_from("hooks.acme.example")?, tcp)
        .await?)
}

/// A client that begins a request and does not go on, until it is cut off.
async fn an_endless_head(tls: TlsConnector, receiver: SocketAddr) -> Result<(), AnyError> {
    let mut io = connect(&tls, [127, 0, 0, 1].into(), receiver).await?;
    loop {
        io.write_all(b"POST / HTTP/1.1\r\n").await?;
        io.flush().await?;
        tokio::time::sleep(secs(10)).await;
    }
}

impl World {
    fn connector(&self, sender: &TestCert) -> Result<TlsConnector, AnyError> {
        let own = Credentials::new(self.tls.provider(), sender.chain(), sender.key())?;
        let trust = PrivateCa::from_pem(self.ca.pem().as_bytes(), self.tls.algorithms(), UnixTime::now())?;
        Ok(TlsConnector::from(Arc::new(self.tls.client_config(&own, trust)?)))
    }

    /// Another one every ten seconds.
    fn stranger(&self, number: u64) -> Result<&TestCert, AnyError> {
        let place = usize::try_from(number / 100)? % self.strangers.len();
        Ok(self.strangers.get(place).ok_or("no stranger")?)
    }
}

/// Whether what was to be counted was counted.
fn judge(metrics: &str) -> bool {
    let counted = [
        "countersign_handshakes_completed_total{",
        "countersign_handshakes_failed_total{code=\"trust.unknown_issuer\"}",
        "countersign_callers_identified_total",
        "countersign_requests_accepted_total",
        "countersign_requests_refused_total{code=\"payload.signature_mismatch\"}",
        "countersign_requests_refused_total{code=\"replay.handled\"}",
        "countersign_refused_again_total{looks_like=\"another_ca\"}",
        "countersign_source_changes_total{to=\"open\"}",
        "countersign_connections_cut_total{bound=\"connection.slow_headers\"}",
        "countersign_reload_ok{source=\"authorities\"} 0",
        "countersign_dispatch_delivered_total",
        "countersign_dispatch_failed_total{code=\"dispatch.unreachable\",fault=\"network\"}",
        "countersign_expiry_timestamp_seconds{kind=\"peer_certificate\"}",
        "countersign_expiry_timestamp_seconds{kind=\"pin\"}",
        "countersign_expiry_events_total{kind=\"pin\",urgency=\"urgent\"}",
    ];
    let lost = |wanted: &&str| !metrics.lines().any(|line| line.starts_with(wanted));
    match counted.into_iter().find(lost) {
        Some(wanted) => say(&format_args!("not counted: {wanted}")),
        None => say("all of it was counted"),
    }
    !counted.iter().any(lost)
}

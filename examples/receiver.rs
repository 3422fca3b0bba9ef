//! The whole receiver, run from files: `cargo run --example receiver -- --help`.
//!
//! In one minute, with throw-away files: `cargo run --example receiver -- --demo /tmp/demo`, and then run the curl
//! command that it prints. For each request it prints `accepted` with tenant and id, or `refused` with the code and the reason.

#[path = "support/command_line.rs"]
mod command_line;
#[path = "receiver/demo.rs"]
mod demo;
#[path = "receiver/enrol.rs"]
mod enrol;
#[path = "receiver/files.rs"]
mod files;
#[path = "support/keys.rs"]
mod keys;
#[path = "support/lines.rs"]
mod lines;
#[path = "support/log.rs"]
mod log;
#[path = "receiver/options.rs"]
mod options;
#[path = "receiver/reloaded.rs"]
mod reloaded;
#[path = "receiver/said.rs"]
mod said;
#[path = "receiver/sample.rs"]
mod sample;
#[path = "support/say.rs"]
mod say;
#[path = "support/secret.rs"]
mod secret;
#[path = "support/signals.rs"]
mod signals;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use countersign::gate::{Countersigned, Policy};
use countersign::live::Live;
use countersign::observe::{Log, Observer};
use countersign::payload::{HmacVerifier, Keyring, Scheme};
use countersign::replay::MemoryStore;
use countersign::tenant::TenantId;
use countersign::tls::{ClientAuth, Tls};
use countersign::trust::VerifyPeer as _;
use countersign::web::{Acceptor, CallerLayer, Clock, PayloadLayer, Server};
use rustls::ServerConfig;
use tokio::net::TcpListener;

use command_line::{Words, exit};
use files::in_option;
use options::{Given, Options, Task};
use reloaded::InForce;
use say::say;
use signals::asked_to_end;

/// Why the receiver does not start: one line that says what is wrong, where, and what to do.
type Mistake = String;

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Task::parse(Words::new()) {
        Ok(Task::Help) => {
            say(include_str!("receiver/help.txt").trim_end());
            return ExitCode::SUCCESS;
        }
        Ok(Task::Serve(options)) => match bind(&options.listen).await {
            Ok(tcp) => serve(options, tcp, None).await,
            Err(mistake) => Err(mistake),
        },
        Ok(Task::Enrol(options)) => match bind(&options.listen).await {
            Ok(tcp) => enrol::serve(options, tcp).await,
            Err(mistake) => Err(mistake),
        },
        Ok(Task::Demo { directory, options }) => demo(&directory, options).await,
        Err(mistake) => Err(mistake),
    };
    exit("receiver", outcome.map(|()| true))
}

/// Takes the port first: where that fails, no folder is left behind that the next attempt would stumble over.
async fn demo(directory: &Path, given: Given) -> Result<(), Mistake> {
    let tcp = bind(given.address()).await?;
    let address = tcp.local_addr().map_err(|error| format!("--listen: {error}"))?;
    let options = demo::write(directory, given)?;
    let dispatcher = demo::dispatcher(directory, address)?;
    serve(options, tcp, Some(dispatcher)).await
}

async fn bind(address: &str) -> Result<TcpListener, Mistake> {
    TcpListener::bind(address).await.map_err(|error| {
        format!(
            "--listen {address}: {error}; give an address of this machine and a free port, such as 127.0.0.1:0"
        )
    })
}

async fn serve(options: Options, tcp: TcpListener, more: Option<String>) -> Result<(), Mistake> {
    log::start();
    let options = Arc::new(options);
    let receiver = Receiver::from_files(&options)?;
    let _reload = reloaded::start(&options, &receiver.in_force).await?;
    let acceptor = Acceptor::new(receiver.config.clone()).observed_by(Arc::new(Log::new()));
    let server = Server::on(tcp, acceptor).map_err(|error| format!("--listen: {error}"))?;
    let server = server.with_policy(receiver.policy.clone());
    let sample = sample::curl(&options, &receiver, server.local_addr())?;
    let asked = asked_to_end()?;

    say(&format!("listening on https://{}/hooks", server.local_addr()));
    say(&format!("\n{sample}\n"));
    if let Some(more) = more {
        say(&format!("{more}\n"));
    }
    server.serve_until(receiver.into_router(), asked).await;
    Ok(())
}

/// Configurations by this provider, of TLS 1.3, and 1.2 where that is allowed.
fn tls(tls12: bool) -> Tls {
    let tls = Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    if tls12 { tls.allow_tls12() } else { tls }
}

/// The five questions, each with what the files say about it.
struct Receiver {
    config: Arc<ServerConfig>,
    policy: Policy,
    scheme: Scheme,
    keys: Live<Keyring>,
    in_force: InForce,
    first_tenant: TenantId,
    clock: Clock,
}

impl Receiver {
    fn from_files(options: &Options) -> Result<Self, Mistake> {
        let tls = tls(options.tls12);
        let clock = Clock::default();

        let clients = files::clients(options, &tls, clock.now())?;
        let (keys, tenants) = keys::keys(&options.keys, &options.scheme)?;
        let table = files::tenants(&options.templates, &options.names, &tenants)?;
        let pins = options.pins.as_deref().map(files::pins).transpose()?;
        let in_force = InForce {
            clients: Live::new(clients),
            pins: pins.map(Live::new),
            tenants: Live::new(table),
            keys: Live::new(keys),
            own: Live::new(files::credentials(&options.cert, &options.key, &tls)?),
        };
        let (clients, tenants_in_force) = (in_force.clients.clone(), in_force.tenants.clone());
        let policy = match &in_force.pins {
            Some(pins) => Policy::new(clients.and(pins.clone()), tenants_in_force),
            None => Policy::new(clients, tenants_in_force),
        };
        let config = tls
            .server_config(&in_force.own, policy.trust(), ClientAuth::Require)
            .map_err(in_option("--tls12"))?;
        Ok(Self {
            config: Arc::new(config),
            policy,
            scheme: options.scheme.clone(),
            keys: in_force.keys.clone(),
            in_force,
            first_tenant: tenants.into_iter().next().ok_or("--keys: no tenant")?,
            clock,
        })
    }

    fn into_router(self) -> Router {
        let log: Arc<dyn Observer> = Arc::new(Log::new());
        let verifier = HmacVerifier::new(self.scheme.clone(), self.keys);
        Router::new()
            .route("/hooks", post(handle))
            .layer(PayloadLayer::new(verifier, MemoryStore::default()).observed_by(log.clone()))
            .layer(CallerLayer::new(self.policy).observed_by(log))
            .with_state(self.scheme)
    }
}

/// Reached only by a delivery that connection and payload have signed in the name of one tenant, and only once.
async fn handle(proof: Countersigned, State(scheme): State<Scheme>, headers: HeaderMap) -> String {
    let delivery = said::delivery(&proof, &scheme, &headers);
    say(&format!("accepted tenant={} {delivery}", proof.tenant()));
    format!("accepted {delivery} of {}\n", proof.tenant())
}

//! The incoming mutual-TLS proxy of a B2B platform, run from one file: `cargo run --example incoming_proxy -- --help`.
//!
//! The service behind it speaks plain HTTP, in whatever language, and knows nothing of TLS. It sees only requests that were
//! verified, and is told whose they are.
//!
//! In a few seconds, on loopback: `cargo run --example incoming_proxy -- --demo`. It prints for each request the answer, what the
//! service was told, and the code that the operator reads.

#[path = "support/command_line.rs"]
mod command_line;
#[path = "incoming_proxy/config.rs"]
mod config;
#[path = "incoming_proxy/demo.rs"]
mod demo;
#[path = "incoming_proxy/document.rs"]
mod document;
#[path = "incoming_proxy/fields.rs"]
mod fields;
#[path = "incoming_proxy/forward.rs"]
mod forward;
#[path = "incoming_proxy/gateway.rs"]
mod gateway;
#[path = "incoming_proxy/integration.rs"]
mod integration;
#[path = "incoming_proxy/journal.rs"]
mod journal;
#[path = "incoming_proxy/kept.rs"]
mod kept;
#[path = "support/keys.rs"]
mod keys;
#[path = "support/lines.rs"]
mod lines;
#[path = "support/log.rs"]
mod log;
#[path = "incoming_proxy/operator.rs"]
mod operator;
#[path = "incoming_proxy/pace.rs"]
mod pace;
#[path = "incoming_proxy/paths.rs"]
mod paths;
#[path = "incoming_proxy/refused.rs"]
mod refused;
#[path = "incoming_proxy/reloaded.rs"]
mod reloaded;
#[path = "incoming_proxy/routes.rs"]
mod routes;
#[path = "support/say.rs"]
mod say;
#[path = "support/secret.rs"]
mod secret;
#[path = "incoming_proxy/server.rs"]
mod server;
#[path = "support/signals.rs"]
mod signals;
#[path = "incoming_proxy/silence.rs"]
mod silence;
#[path = "incoming_proxy/throw_away.rs"]
mod throw_away;
#[path = "incoming_proxy/tunnel.rs"]
mod tunnel;
#[path = "incoming_proxy/watched.rs"]
mod watched;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use countersign::live::Live;
use countersign::web::{Acceptor, Listener, Protocols};
use tokio::net::TcpListener;

use command_line::{Asked, Words, exit, needed, once, unknown};
use config::Listen;
use document::Document;
use reloaded::InForce;
use say::say;
use signals::asked_to_end;

/// Why it does not start: one line that says what is wrong, where, and what to do.
type Mistake = String;

#[tokio::main]
async fn main() -> ExitCode {
    let done = match asked(Words::new()) {
        Ok(Asked::Help) => {
            say(include_str!("incoming_proxy/help.txt").trim_end());
            return ExitCode::SUCCESS;
        }
        Ok(Asked::Demo) => demo::run().await,
        Ok(Asked::Work(file)) => run(&file).await.map(|()| true),
        Err(mistake) => Err(mistake),
    };
    exit("incoming_proxy", done)
}

fn asked(words: Words) -> Result<Asked<PathBuf>, Mistake> {
    let set = |given: &mut Option<PathBuf>, option: &str, words: &mut Words| match option {
        "config" => once(option, given, words.file()?),
        _ => Err(unknown(option)),
    };
    Asked::read(words, set, |given| needed("--config FILE", given))
}

async fn run(file: &Path) -> Result<(), Mistake> {
    log::start();
    let started = start(file).await?;
    let asked = asked_to_end()?;
    let (drain, plan) = (started.listener.drain(), started.in_force.plan.clone());
    let ended = tokio::spawn(async move {
        asked.await;
        drain.shut(plan.load().drain).await
    });
    say(&format!("listening on https://{}", started.address));
    started.serve().await;
    match ended.await {
        Ok(drained) if drained.cut > 0 => say(&format!("{} connections were cut off", drained.cut)),
        _ => {}
    }
    Ok(())
}

/// The proxy, which listens.
struct Started {
    address: SocketAddr,
    listener: Listener,
    in_force: InForce,
}

async fn start(file: &Path) -> Result<Started, Mistake> {
    let plan = config::plan(&Document::read(file)?, None)?;
    let sites = Live::of(plan.sites.clone());
    let mut acceptor = Acceptor::by_server_name(sites.clone())
        .with_protocols(Protocols::Http2OrHttp1)
        .observed_by(config::log());
    if let Some(balancers) = plan.balancers.clone() {
        acceptor = acceptor.with_proxy_protocol(balancers);
    }
    let Listen { address, named } = &plan.listen;
    let wrong = |error| {
        format!(
            "{named}: {address}: {error}; give an address of this machine and a free port, such as 0.0.0.0:8443"
        )
    };
    let listener = Listener::on(TcpListener::bind(address).await.map_err(wrong)?, acceptor).map_err(wrong)?;
    Ok(Started {
        address: listener.local_addr(),
        listener,
        in_force: reloaded::start(file, plan, sites).await?,
    })
}

impl Started {
    /// Until it is drained.
    async fn serve(self) {
        server::serve(self.listener, self.in_force.plan.clone()).await;
    }
}

//! Two receivers on one Redis, and the same deliveries at both: `cargo run --example fleet`.
//!
//! Starts a `redis-server` (or `valkey-server`) of its own on loopback, and kills it half-way. With `--redis URL` it uses
//! yours, and leaves it alone.
#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "it sets its own stage, and fails loudly where that is not possible"
)]

#[path = "support/command_line.rs"]
mod command_line;
#[path = "fleet/receiver.rs"]
mod receiver;
#[path = "../tests/support/redis_server.rs"]
mod redis_server;
#[path = "fleet/sender.rs"]
mod sender;
#[path = "fleet/world.rs"]
mod world;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use axum::http::StatusCode;
use command_line::{Words, once, unknown};
use countersign::replay::{RedisStore, Terms};
use receiver::Ledger;
use redis_server::{PERSISTENT, RedisServer};
use sender::{Sender, Told};
use tokio::sync::oneshot;
use world::World;

const SENDERS: usize = 8;
const DELIVERIES_EACH: usize = 25;

const USAGE: &str = "\
fleet - two receivers on one Redis, and the same deliveries at both.

  --redis URL  Uses this one: redis://user:password@host:port/database. Without it, one is
               started, and killed half-way.
  --help       This text.";

const NO_REDIS: &str = "\
fleet: no Redis, so there is no fleet.
  Install one:   apt-get install redis-server    (or: brew install redis, or valkey)
  Or use yours:  cargo run --example fleet -- --redis redis://127.0.0.1:6379";

#[tokio::main]
async fn main() -> ExitCode {
    let redis = match redis(Words::new()) {
        Ok(Given::Help) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Ok(Given::Redis(url)) => url,
        Err(mistake) => return stop(&format!("fleet: {mistake}")),
    };
    let (url, own) = match (redis, redis_server::installed()) {
        (Some(url), _) => (url, None),
        (None, Some(command)) => {
            let server = RedisServer::start(&command, &PERSISTENT);
            (server.url(), Some(server))
        }
        (None, None) => return stop(NO_REDIS),
    };
    let folder = std::env::temp_dir().join(format!("countersign-example-fleet-{}", std::process::id()));
    let played = play(&folder, &url, own).await;
    let _ = std::fs::remove_dir_all(&folder);
    match played {
        Ok(report) => report.print(),
        Err(error) => stop(&format!("fleet: {error}")),
    }
}

/// What stands on the command line.
enum Given {
    Help,
    /// A Redis to use, if there is one.
    Redis(Option<String>),
}

fn redis(mut words: Words) -> Result<Given, String> {
    let mut url = None;
    while let Some(option) = words.option()? {
        match option.as_str() {
            "help" => return Ok(Given::Help),
            "redis" => once("redis", &mut url, words.value()?)?,
            other => return Err(unknown(other)),
        }
    }
    Ok(Given::Redis(url))
}

fn stop(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::from(2)
}

async fn play(folder: &Path, url: &str, own: Option<RedisServer>) -> Result<Report, Box<dyn Error>> {
    // Each run is a fleet of its own, on a Redis that others may use as well.
    let prefix = format!("countersign-fleet-{}", std::process::id());
    let store = || RedisStore::open(url).map(|store| store.with_prefix(&prefix));
    println!("Redis keeps: {:?}\n", store()?.check().await?);
    let world = Arc::new(World::create(folder, SENDERS));
    let mut ports = Vec::new();
    for name in ["A", "B"] {
        let (store, ledger) = (store()?, Ledger::open(&world.ledger(), name)?);
        ports.push(start(world.clone(), store, ledger).await?);
    }
    let mut report = Report::default();
    let mut sender = Sender::new(&world, "sender-00", &ports);
    one_by_one(&mut sender, &mut report).await;
    if let Some(server) = own {
        without_redis(&mut sender, &mut report, server, &world, &ports).await;
    } else {
        many(&mut report, &world, &ports).await;
    }
    report.entered = std::fs::read_dir(world.ledger())?.count();
    Ok(report)
}

async fn start(
    world: Arc<World>,
    store: RedisStore,
    ledger: Ledger,
) -> Result<u16, oneshot::error::RecvError> {
    let (told, port) = oneshot::channel();
    tokio::spawn(async move {
        let listening = |port| {
            let _ = told.send(port);
        };
        receiver::serve(&world, store, Terms::default(), ledger, 0, listening).await
    });
    port.await
}

const A: usize = 0;
const B: usize = 1;

async fn one_by_one(sender: &mut Sender, report: &mut Report) {
    let told = sender.send(A, "first", None).await;
    report.row("a delivery", "A", told, 200);
    let told = sender.send(B, "first", None).await;
    report.row("the same again", "B", told, 403);
    let told = sender.send(A, "second", Some("yes")).await;
    report.row("one whose handler fails", "A", told, 500);
    let told = sender.send(B, "second", None).await;
    report.row("its retry", "B", told, 200);
    let told = sender.send(A, "second", None).await;
    report.row("a replay of it", "A", told, 403);
}

async fn without_redis(
    sender: &mut Sender,
    report: &mut Report,
    mut server: RedisServer,
    world: &World,
    ports: &[u16],
) {
    server.kill();
    let told = sender.send(A, "third", None).await;
    report.row("one while Redis is dead", "A", told, 503);
    let told = sender.send(B, "first", None).await;
    report.row("a replay while Redis is dead", "B", told, 503);
    server.restart();
    let told = sender.send(B, "third", None).await;
    report.row("its retry, with Redis back", "B", told, 200);
    let told = sender.send(A, "first", None).await;
    report.row("a replay from before", "A", told, 403);
    many(report, world, ports).await;
}

/// Each delivery at both receivers at once.
async fn many(report: &mut Report, world: &World, ports: &[u16]) {
    let senders = world.senders().iter().map(|name| {
        let (name, mut sender) = (name.clone(), Sender::new(world, name, ports));
        tokio::spawn(async move {
            let mut told = Vec::new();
            for number in 0..DELIVERIES_EACH {
                told.push(sender.send_to_all(&format!("{name}_{number}")).await);
            }
            told
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        report.pairs.extend(sender.await.unwrap_or_default());
    }
}

#[derive(Default)]
struct Report {
    rows: Vec<(&'static str, &'static str, Told, u16)>,
    /// What each of two that came at once was told.
    pairs: Vec<Vec<Told>>,
    entered: usize,
}

impl Report {
    fn row(&mut self, what: &'static str, at: &'static str, told: Told, expected: u16) {
        self.rows.push((what, at, told, expected));
    }

    fn print(&self) -> ExitCode {
        println!("{:<32} {:<9} {:<10}", "delivery", "receiver", "answer");
        for (what, at, told, expected) in &self.rows {
            println!(
                "{what:<32} {at:<9} {:<10} {}",
                text(*told),
                mark(is(*told, *expected))
            );
        }
        let once = self.pairs.iter().filter(|pair| handled_by_one(pair)).count();
        let all = SENDERS * DELIVERIES_EACH;
        let enough = once == all && self.pairs.len() == all;
        println!(
            "{:<32} {:<9} {once} of {all} handled by one   {}",
            "each of these at both at once",
            "A and B",
            mark(enough)
        );
        let handled = self.rows.iter().filter(|(_, _, told, _)| is(*told, 200)).count() + once;
        println!(
            "\nhandled {handled}, entered in the ledger {}   {}",
            self.entered,
            mark(handled == self.entered)
        );
        let good = self
            .rows
            .iter()
            .all(|(_, _, told, expected)| is(*told, *expected));
        ExitCode::from(u8::from(!(good && enough && handled == self.entered)))
    }
}

fn handled_by_one(pair: &[Told]) -> bool {
    let others = pair
        .iter()
        .filter(|told| is(**told, 403) || is(**told, 503))
        .count();
    pair.len() == 2 && others == 1 && pair.iter().any(|told| is(*told, 200))
}

fn is(told: Told, status: u16) -> bool {
    told == StatusCode::from_u16(status).map_or(Told::Nothing, Told::Status)
}

fn text(told: Told) -> String {
    match told {
        Told::Status(status) => format!("HTTP {}", status.as_u16()),
        Told::Nothing => "none".to_owned(),
    }
}

fn mark(good: bool) -> &'static str {
    if good { "ok" } else { "WRONG" }
}

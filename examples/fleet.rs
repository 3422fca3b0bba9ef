//! Two receivers on one Redis, and the same deliveries at both: `cargo run --example fleet`.
//!
//! Starts a `redis-server` (or `valkey-server`) of its own on loopback, and kills it half-way. With `--redis URL` it uses
//! yours, and leaves it alone. It prints how many deliveries were handled, lost and handled twice.
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
#[path = "support/say.rs"]
mod say;
#[path = "fleet/sender.rs"]
mod sender;
#[path = "support/signals.rs"]
mod signals;
#[path = "fleet/world.rs"]
mod world;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use axum::http::StatusCode;
use command_line::{Words, once, unknown};
use countersign::replay::{Persistence, RedisStore, Terms};
use receiver::Ledger;
use redis::IntoConnectionInfo as _;
use redis_server::{PERSISTENT, RedisServer};
use say::say;
use sender::{Sender, Told};
use signals::asked_to_end;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use world::{Folder, World};

const SENDERS: usize = 8;
const DELIVERIES_EACH: usize = 25;

const USAGE: &str = "\
fleet - two receivers on one Redis, and the same deliveries at both.

  --redis URL  Uses this one: redis://user:password@host:port/database. Without it, one is
               started, and killed half-way.
  --help       This text.";

const NO_REDIS: &str = "\
no Redis, so there is no fleet.
  Install one:   apt-get install redis-server    (or: brew install redis, or valkey)
  Or use yours:  cargo run --example fleet -- --redis redis://127.0.0.1:6379";

fn main() -> ExitCode {
    let played = match redis(Words::new()) {
        Ok(Given::Help) => {
            say(USAGE);
            return ExitCode::SUCCESS;
        }
        Ok(Given::Redis(url)) => run(url),
        Err(mistake) => Err(mistake.into()),
    };
    match played {
        Ok(report) => report.print(),
        Err(error) => {
            eprintln!("fleet: {error}");
            ExitCode::from(2)
        }
    }
}

/// Leaves nothing behind, however it ends.
fn run(given: Option<String>) -> Result<Report, Box<dyn Error>> {
    // Goes last, after the runtime, and so after everybody who writes into it.
    let folder = Folder::new("countersign-example-fleet");
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let asked = asked_to_end()?;
        let (url, own) = match (given, redis_server::installed()) {
            (Some(url), _) => (url, None),
            (None, Some(command)) => {
                let server = RedisServer::start(&command, &PERSISTENT);
                (server.url(), Some(server))
            }
            (None, None) => return Err(NO_REDIS.into()),
        };
        tokio::select! {
            played = play(folder.path(), &url, own) => played,
            () = asked => Err("asked to end before it was done".into()),
        }
    })
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

async fn play(folder: &Path, url: &str, own: Option<RedisServer>) -> Result<Report, Box<dyn Error>> {
    // Each run is a fleet of its own, on a Redis that others may use as well.
    let prefix = format!("countersign-fleet-{}", std::process::id());
    let wrong = |error| format!("--redis: {error}; write it as redis://user:password@host:port/database");
    let store = || {
        RedisStore::open(url)
            .map(|store| store.with_prefix(&prefix))
            .map_err(wrong)
    };
    let first = store()?;
    // Where it is, and not as whom and by which password.
    let address = url.into_connection_info()?.addr().to_string();
    let kept = first.check().await;
    let kept = kept.map_err(|unfit| format!("the Redis at {address}: {unfit}"))?;
    say(&format_args!("Redis at {address}: {}\n", in_words(kept)));
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

fn in_words(kept: Persistence) -> String {
    match kept {
        Persistence::AtMostSnapshots => {
            "keeps snapshots at most, so that deliveries can be handled again after its restart".into()
        }
        Persistence::AppendOnly => "keeps its claims when it is restarted".into(),
        other => format!("{other:?}"),
    }
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
        say(&format_args!(
            "{:<32} {:<9} {:<10}",
            "delivery", "receiver", "answer"
        ));
        for (what, at, told, expected) in &self.rows {
            say(&format_args!(
                "{what:<32} {at:<9} {:<10} {}",
                text(*told),
                mark(is(*told, *expected))
            ));
        }
        let once = self.pairs.iter().filter(|pair| handled_by_one(pair)).count();
        let all = SENDERS * DELIVERIES_EACH;
        let enough = once == all && self.pairs.len() == all;
        say(&format_args!(
            "{:<32} {:<9} {once} of {all} handled by one   {}",
            "each of these at both at once",
            "A and B",
            mark(enough)
        ));
        let handled = self.rows.iter().filter(|(_, _, told, _)| is(*told, 200)).count() + once;
        say(&format_args!(
            "\nhandled {handled}, entered in the ledger {}   {}",
            self.entered,
            mark(handled == self.entered)
        ));
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

//! A receiver under mixed traffic, good and hostile, while what it depends on changes and fails: is each request judged as
//! is known in advance, and does nothing grow?
//!
//! ```console
//! $ SOAK_SECONDS=60 cargo run --release --all-features --package countersign-tests --example soak
//! ```
//!
//! The receiver is a process of its own, so that its memory and its descriptors are nobody else's; Redis and PostgreSQL are
//! real. Ends by itself, with 0 where nothing went wrong, else with 1. `SOAK_PLANT` puts one fault into the receiver that is
//! to be found: `leak`, `descriptors`, `verdict` or `panic`.
#![allow(
    clippy::disallowed_methods,
    clippy::duplicate_mod,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "it fails loudly, and lives in the present; both servers are made of one module of their own"
)]

mod client;
mod expected;
mod faults;
mod judge;
#[path = "../support/postgres_server.rs"]
mod postgres_server;
mod receiver;
#[path = "../support/redis_server.rs"]
mod redis_server;
mod server;
mod stage;
mod stores;
mod traffic;
mod world;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use judge::Judge;
use receiver::Receiver;
use stage::Stage;
use stores::Stores;
use tokio::signal::unix::{SignalKind, signal};
use traffic::Traffic;
use world::World;

/// Half an hour, unless `SOAK_SECONDS` says otherwise.
const SECONDS: u64 = 1800;
/// How much longer than asked for it may take, whatever happens.
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {}
        ["serve", folder, redis, postgres] => {
            runtime.block_on(server::serve(folder.as_ref(), redis, postgres));
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("soak: takes no options; SOAK_SECONDS says for how long");
            return ExitCode::from(2);
        }
    }
    let seconds = std::env::var("SOAK_SECONDS").map_or(SECONDS, |text| text.parse().expect("a number"));
    let time = Duration::from_secs(seconds);
    // Everything that was started ends when it is dropped, also when it is told to end or takes too long.
    runtime.block_on(async {
        tokio::select! {
            green = soak(time) => ExitCode::from(u8::from(!green)),
            () = tokio::time::sleep(time + PATIENCE) => stopped("it does not end"),
            () = asked_to_end() => stopped("asked to end before it was done"),
        }
    })
}

async fn asked_to_end() {
    let mut terminate = signal(SignalKind::terminate()).expect("a signal");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

fn stopped(why: &str) -> ExitCode {
    eprintln!("soak: {why}");
    ExitCode::from(2)
}

/// Whether all was well.
async fn soak(time: Duration) -> bool {
    let Some(stores) = Stores::start().await else {
        return false;
    };
    let stage = Arc::new(Stage::new());
    let receiver = Arc::new(Receiver::start(&stage, &stores).await);
    let traffic = Arc::new(Traffic::new(stage.clone(), receiver.port, World::default()));

    // Both stores are connected to, and whatever is made at the first request is there.
    traffic.settle().await;
    let mut judge = Judge::new(&receiver, time).await;
    let end = Instant::now() + time;
    let workers = traffic.start(end);
    let mut faults = faults::Faults::new(stage, receiver.clone(), stores, traffic.clone(), time);
    tokio::join!(judge.watch(&receiver, end), faults.play(end));
    let panicked = traffic.stop(workers).await;
    drop(faults);
    judge.verdict(&receiver, &traffic, panicked).await
}

//! A webhook dispatcher, from a small file of endpoints: `cargo run --example dispatcher -- --help`.
//!
//! In a few seconds, with throw-away certificates and receivers on loopback: `cargo run --example dispatcher -- --demo`.
//!
//! It prints a row for each delivery: tenant, endpoint, outcome, whose fault that is, and what is to be done now.

#![expect(
    clippy::disallowed_methods,
    reason = "a program takes the present from the system's clock"
)]

#[path = "support/command_line.rs"]
mod command_line;
#[path = "dispatcher/demo.rs"]
mod demo;
#[path = "dispatcher/files.rs"]
mod files;
#[path = "support/keys.rs"]
mod keys;
#[path = "support/lines.rs"]
mod lines;
#[path = "dispatcher/options.rs"]
mod options;
#[path = "support/say.rs"]
mod say;
#[path = "support/sending.rs"]
mod sending;
#[path = "dispatcher/table.rs"]
mod table;

use std::collections::HashMap;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use countersign::dispatch::{Backlog, Delivery, Dispatcher, Endpoint, Failure, Jitter, Schedule, Settled};
use rustls::pki_types::UnixTime;
use tokio::task::JoinSet;

use command_line::{Asked, Words, exit};
use options::Options;
use say::say;
use table::Row;

/// Why it does not start: one line that says what is wrong, where, and what to do.
type Mistake = String;

/// What there is to do: to whom, and what.
struct Job {
    endpoint: Endpoint,
    delivery: Delivery,
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match options::asked(Words::new()) {
        Ok(Asked::Help) => {
            say(include_str!("dispatcher/help.txt").trim_end());
            return ExitCode::SUCCESS;
        }
        Ok(Asked::Demo) => demo::run().await,
        Ok(Asked::Work(options)) => work(Arc::from(options)).await,
        Err(mistake) => Err(mistake),
    };
    exit("dispatcher", done)
}

async fn work(options: Arc<Options>) -> Result<bool, Mistake> {
    let (dispatcher, jobs) = files::read(&options)?;
    let (tries, _reload) = match options.keep_trying {
        Some(_) => {
            let reload = files::reload(&options, &dispatcher, &jobs).await?;
            (Schedule::standard_webhooks(), Some(reload))
        }
        None => (once(), None),
    };
    let rows = deliver(&dispatcher, jobs, tries).await;
    say(table::print(&rows).trim_end());
    Ok(rows.iter().all(Row::is_delivered))
}

/// A first try, and no other.
fn once() -> Schedule {
    Schedule::new([])
}

/// Tries each, side by side, as many at once as the dispatcher allows, and again by the schedule. Each delivery has a last
/// moment, and an endpoint whose circuit is open has one waiter: see [`Backlog`]. In the order of the jobs.
async fn deliver(dispatcher: &Dispatcher, jobs: Vec<Job>, tries: Schedule) -> Vec<Row> {
    let endpoints: Vec<_> = jobs.iter().map(|job| job.endpoint.clone()).collect();
    let mut backlog = Backlog::new(tries);
    for job in jobs {
        backlog.push(job.endpoint, job.delivery, UnixTime::now());
    }
    let (mut attempts, mut rows, mut ended) = (JoinSet::new(), HashMap::new(), 0);
    loop {
        while let Some(queued) = backlog.next(UnixTime::now()) {
            let dispatcher = dispatcher.clone();
            attempts.spawn(async move {
                let outcome = dispatcher.deliver(queued.endpoint(), queued.delivery()).await;
                (queued, outcome)
            });
        }
        let due = backlog.next_at();
        tokio::select! {
            Some(Ok((queued, outcome))) = attempts.join_next() => {
                let endpoint = queued.endpoint().clone();
                let settled = backlog.settle(queued, &outcome, UnixTime::now(), Jitter::random());
                // What has been gone for long is told by the last try, and not by its having expired since.
                if !matches!(outcome.failure, Some(Failure::Expired { .. })) || !rows.contains_key(&endpoint) {
                    rows.insert(endpoint.clone(), Row::new(&endpoint, outcome));
                }
                ended += usize::from(!matches!(settled, Settled::Waits { .. }));
                progress(ended, endpoints.len());
            }
            () = pause(due), if due.is_some() => {}
            else => break,
        }
    }
    endpoints
        .iter()
        .filter_map(|endpoint| rows.remove(endpoint))
        .collect()
}

async fn pause(until: Option<UnixTime>) {
    let seconds = until.map_or(0, |at| at.as_secs().saturating_sub(UnixTime::now().as_secs()));
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// A bar on standard error, for people only.
fn progress(done: usize, total: usize) {
    const WIDTH: usize = 40;
    let mut terminal = std::io::stderr();
    if !terminal.is_terminal() {
        return;
    }
    let full = done * WIDTH / total.max(1);
    let bar = format!("{}{}", "#".repeat(full), ".".repeat(WIDTH - full));
    let end = if done == total { "\n" } else { "" };
    let _ = write!(terminal, "\r[{bar}] {done}/{total}{end}");
}

fn in_words(after: Duration) -> String {
    match after.as_secs() {
        0 => "by the schedule".to_owned(),
        seconds => format!("after {seconds} s"),
    }
}

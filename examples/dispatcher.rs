//! A webhook dispatcher, from a small file of endpoints: `cargo run --example dispatcher -- --help`.
//!
//! In a few seconds, with throw-away certificates and receivers on loopback: `cargo run --example dispatcher -- --demo`.

#![expect(
    clippy::disallowed_methods,
    reason = "a program takes the present from the system's clock"
)]

#[path = "dispatcher/demo.rs"]
mod demo;
#[path = "dispatcher/files.rs"]
mod files;
#[path = "dispatcher/options.rs"]
mod options;
#[path = "dispatcher/table.rs"]
mod table;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use countersign::dispatch::{Delivery, Dispatcher, Endpoint, Outcome};
use tokio::task::JoinSet;

use options::Task;
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
    let done = match Task::parse(std::env::args().skip(1)) {
        Ok(Task::Help) => {
            say(include_str!("dispatcher/help.txt").trim_end());
            return ExitCode::SUCCESS;
        }
        Ok(Task::Demo) => demo::run().await,
        Ok(Task::Deliver(options)) => match files::read(&options) {
            Ok((dispatcher, jobs)) => {
                let rows = deliver(&dispatcher, jobs).await;
                say(table::print(&rows).trim_end());
                Ok(rows.iter().all(Row::is_delivered))
            }
            Err(mistake) => Err(mistake),
        },
        Err(mistake) => Err(mistake),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(mistake) => {
            eprintln!("dispatcher: {mistake}");
            ExitCode::from(2)
        }
    }
}

/// One attempt at each, side by side, as many at once as the dispatcher allows. In the order of the jobs.
async fn deliver(dispatcher: &Dispatcher, jobs: Vec<Job>) -> Vec<Row> {
    let total = jobs.len();
    let mut attempts = JoinSet::new();
    for (place, job) in jobs.into_iter().enumerate() {
        let dispatcher = dispatcher.clone();
        attempts.spawn(async move {
            let outcome: Outcome = dispatcher.deliver(&job.endpoint, &job.delivery).await;
            (place, Row::new(&job, outcome))
        });
    }
    let mut rows = Vec::with_capacity(total);
    while let Some(done) = attempts.join_next().await {
        rows.extend(done);
        progress(rows.len(), total);
    }
    rows.sort_by_key(|(place, _)| *place);
    rows.into_iter().map(|(_, row)| row).collect()
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

/// A reader that has gone away (`| head`) is no reason to panic.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

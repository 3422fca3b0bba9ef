//! **Is it fresh, and has it happened once?** `PostgresStore` against real servers that are killed, paused, read-only and full.

mod effects;
mod outages;
mod servers;

use std::cell::Cell;

use countersign::replay::PostgresStore;
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::postgres_server::{PostgresServer, installed_or_skip};
use crate::promise::{self, Fleet, Rules, Stage};

/// For tests that kill nothing: an answer does not wait for the disk.
const QUICK: [&str; 3] = ["fsync=off", "synchronous_commit=off", "autovacuum=off"];

fn fleet<'a>(
    server: &PostgresServer,
    runtime: &'a Runtime,
    hands: &'a tokio_postgres::Client,
    table: String,
) -> impl Stage + use<'a> {
    let schema = PostgresStore::schema(&table);
    runtime.block_on(hands.batch_execute(&schema)).expect("a table");
    let member = || {
        let store = PostgresStore::open(&server.url()).expect("a URL");
        store.with_table(&table).expect("a name")
    };
    let members = [member(), member()];
    Fleet::new(runtime, members, move |seconds| {
        let sql = format!(
            "update {table} set ends = clock_timestamp() - interval '1 millisecond' + interval '1 second' *
             (ceil(extract(epoch from ends - clock_timestamp())) - {seconds})"
        );
        runtime.block_on(hands.batch_execute(&sql)).expect("time passes");
    })
}

#[test]
fn second_by_second() {
    let Some(programs) = installed_or_skip("postgres: second_by_second") else {
        return;
    };
    let (server, runtime) = (
        PostgresServer::start(&programs, &QUICK),
        Runtime::new().expect("a runtime"),
    );
    let hands = runtime.block_on(servers::hands(&server));
    let count = Cell::new(0);
    promise::second_by_second(|| {
        count.set(count.get() + 1);
        fleet(&server, &runtime, &hands, format!("play{}", count.get()))
    });
}

#[test]
fn any_history() {
    let Some(programs) = installed_or_skip("postgres: any_history") else {
        return;
    };
    let (server, runtime) = (
        PostgresServer::start(&programs, &QUICK),
        Runtime::new().expect("a runtime"),
    );
    let hands = runtime.block_on(servers::hands(&server));
    let cases = ProptestConfig {
        source_file: Some(file!()),
        ..ProptestConfig::with_cases(60)
    };
    let count = Cell::new(0);
    proptest!(cases, |(history in promise::history())| {
        count.set(count.get() + 1);
        let fleet = fleet(&server, &runtime, &hands, format!("history{}", count.get()));
        promise::replays(fleet, Rules::NO_LIMIT, history)?;
    });
}

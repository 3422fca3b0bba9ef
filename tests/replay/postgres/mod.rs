//! **Is it fresh, and has it happened once?** `PostgresStore` against real servers that are killed, paused, read-only and full.

mod effects;
mod outages;
mod servers;

use std::cell::Cell;

use countersign::replay::{PostgresStore, ReplayStore, StoreDown, StoreFuture};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::postgres_server::{PostgresServer, installed_or_skip};
use crate::promise::{self, Rules, Stage};

/// For tests that kill nothing: an answer does not wait for the disk.
const QUICK: [&str; 3] = ["fsync=off", "synchronous_commit=off", "autovacuum=off"];

/// A fleet of two on one table, whose members take turns. Time passes for the table when it is told so; in between, it
/// stands still.
struct Fleet<'a> {
    members: [PostgresStore; 2],
    runtime: &'a Runtime,
    hands: &'a tokio_postgres::Client,
    table: String,
    turn: Cell<usize>,
}

impl<'a> Fleet<'a> {
    fn on(
        server: &PostgresServer,
        runtime: &'a Runtime,
        hands: &'a tokio_postgres::Client,
        table: String,
    ) -> Self {
        runtime
            .block_on(hands.batch_execute(&PostgresStore::schema(&table)))
            .expect("a table");
        let member = || {
            let store = PostgresStore::open(&server.url()).expect("a URL");
            store.with_table(&table).expect("a name")
        };
        Self {
            members: [member(), member()],
            runtime,
            hands,
            turn: Cell::new(0),
            table,
        }
    }

    /// What has really passed since does not count.
    fn let_pass(&self, seconds: u64) {
        let sql = format!(
            "update {} set ends = clock_timestamp() - interval '1 millisecond' + interval '1 second' *
             (ceil(extract(epoch from ends - clock_timestamp())) - {seconds})",
            self.table
        );
        self.runtime
            .block_on(self.hands.batch_execute(&sql))
            .expect("time passes");
    }
}

impl Stage for Fleet<'_> {
    fn store(&self) -> &dyn ReplayStore {
        self.turn.set(self.turn.get() + 1);
        &self.members[self.turn.get() % 2]
    }

    fn pass(&mut self, seconds: u64) {
        self.let_pass(seconds);
    }

    fn answer<T>(&self, future: StoreFuture<'_, T>) -> Result<T, StoreDown> {
        self.let_pass(0);
        self.runtime.block_on(future)
    }
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
        Fleet::on(&server, &runtime, &hands, format!("play{}", count.get()))
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
        let fleet = Fleet::on(&server, &runtime, &hands, format!("history{}", count.get()));
        promise::replays(fleet, Rules::NO_LIMIT, history)?;
    });
}

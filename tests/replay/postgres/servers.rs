//! What the tests beside this ask of a store, and of the server behind its back.

use std::time::{Duration, Instant};

use countersign::replay::{ClaimAnswer, Claimed, PostgresStore, ReplayStore as _, StoreDown};
use tokio_postgres::{Client, NoTls};

use crate::postgres_server::PostgresServer;
use crate::promise::claim_of;

pub(crate) const SOON: Duration = Duration::from_millis(250);

/// A connection of the operator's.
pub(crate) async fn hands(server: &PostgresServer) -> Client {
    let (client, driver) = tokio_postgres::connect(&server.url(), NoTls)
        .await
        .expect("the server");
    tokio::spawn(driver);
    client
}

/// With its table.
pub(crate) async fn store(server: &PostgresServer) -> PostgresStore {
    let schema = PostgresStore::schema(PostgresStore::DEFAULT_TABLE);
    hands(server).await.batch_execute(&schema).await.expect("a table");
    PostgresStore::open(&server.url()).expect("a URL")
}

/// What a claim is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Granted,
    Handled,
    InProgress,
    Down(StoreDown),
}

pub(crate) async fn ask(store: &PostgresStore, id: &str) -> Told {
    match store.claim(&claim_of("acme", id, 1_000)).await {
        Ok(ClaimAnswer::Granted(_)) => Told::Granted,
        Ok(ClaimAnswer::Handled) => Told::Handled,
        Ok(ClaimAnswer::InProgress { .. }) => Told::InProgress,
        Ok(other) => panic!("{other:?}"),
        Err(down) => Told::Down(down),
    }
}

pub(crate) async fn granted(store: &PostgresStore, id: &str) -> Claimed {
    match store.claim(&claim_of("acme", id, 1_000)).await {
        Ok(ClaimAnswer::Granted(claimed)) => claimed,
        other => panic!("{other:?}"),
    }
}

/// Until it is told that, and no longer than ten seconds.
pub(crate) async fn ask_until(store: &PostgresStore, id: &str, expected: Told) {
    let began = Instant::now();
    loop {
        let told = ask(store, id).await;
        if told == expected {
            return;
        }
        let waited = began.elapsed();
        assert!(
            waited < Duration::from_secs(10),
            "{id}: {told:?}, and not {expected:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn silent() -> StoreDown {
    let reason = format!("no answer within {SOON:?}");
    StoreDown::Unavailable { reason }
}

pub(crate) fn is_unavailable(told: &Told) -> bool {
    matches!(told, Told::Down(StoreDown::Unavailable { .. }))
}

/// Ends the lease of this claim, or its window.
pub(crate) async fn end(hands: &Client, claimed: &Claimed) {
    let sql = "update countersign_claims set ends = now() - interval '1 second' where key = $1";
    let ended = hands.execute(sql, &[&claimed.key().as_bytes().as_slice()]).await;
    assert_eq!(ended.expect("the server"), 1);
}

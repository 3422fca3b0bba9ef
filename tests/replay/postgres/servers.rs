//! What the tests beside this ask of a store, and of the server behind its back.

use std::time::Duration;

use countersign::replay::{Claimed, PostgresStore};
use tokio_postgres::{Client, NoTls};

use crate::postgres_server::PostgresServer;
use crate::told::Mortal;

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

impl Mortal for PostgresServer {
    fn kill(&mut self) {
        Self::kill(self);
    }

    fn restart(&mut self) {
        Self::restart(self);
    }
}

/// Ends the lease of this claim, or its window.
pub(crate) async fn end(hands: &Client, claimed: &Claimed) {
    let sql = "update countersign_claims set ends = now() - interval '1 second' where key = $1";
    let ended = hands.execute(sql, &[&claimed.key().as_bytes().as_slice()]).await;
    assert_eq!(ended.expect("the server"), 1);
}

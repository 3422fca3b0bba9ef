//! The real stores, of one's own, that are killed, paused and started again.

use countersign::replay::PostgresStore;
use tokio_postgres::NoTls;

use crate::postgres_server::{self, PostgresServer};
use crate::redis_server::{self, PERSISTENT, RedisServer};

pub(crate) struct Stores {
    pub(crate) redis: RedisServer,
    pub(crate) postgres: PostgresServer,
}

impl Stores {
    /// Nothing, and loudly so, where one of them is not installed.
    pub(crate) async fn start() -> Option<Self> {
        let redis = redis_server::installed_or_skip("soak")?;
        let postgres = postgres_server::installed_or_skip("soak")?;
        let stores = Self {
            redis: RedisServer::start(&redis, &PERSISTENT),
            postgres: PostgresServer::start(&postgres, &[]),
        };
        let (client, driver) = tokio_postgres::connect(&stores.postgres.url(), NoTls)
            .await
            .expect("the server");
        let driver = tokio::spawn(driver);
        let schema = PostgresStore::schema(PostgresStore::DEFAULT_TABLE);
        client.batch_execute(&schema).await.expect("a table");
        drop(client);
        let _ = driver.await;
        Some(stores)
    }
}

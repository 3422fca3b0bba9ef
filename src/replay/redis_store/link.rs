use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, RedisResult, Value};
use tokio::sync::OnceCell;

pub(super) type Reply<'a> = Pin<Box<dyn Future<Output = RedisResult<Value>> + Send + 'a>>;

/// A way to the servers, connected when it is needed. It has no time limit of its own.
pub(super) trait Link: fmt::Debug + Send + Sync {
    fn ask<'a>(&'a self, command: &'a Cmd) -> Reply<'a>;
}

/// A connection that somebody else keeps.
pub(super) struct Ready<C>(pub(super) C);

impl<C: ConnectionLike + Clone + Send + Sync + 'static> Link for Ready<C> {
    fn ask<'a>(&'a self, command: &'a Cmd) -> Reply<'a> {
        let mut connection = self.0.clone();
        Box::pin(async move { command.query_async(&mut connection).await })
    }
}

/// The nodes of a cluster. The `redis` crate keeps the connections, and finds out which node has which key.
pub(super) struct Cluster {
    client: ClusterClient,
    connection: OnceCell<ClusterConnection>,
}

impl Cluster {
    pub(super) fn new(client: ClusterClient) -> Self {
        Self {
            client,
            connection: OnceCell::new(),
        }
    }
}

impl Link for Cluster {
    fn ask<'a>(&'a self, command: &'a Cmd) -> Reply<'a> {
        Box::pin(async move {
            let connect = || self.client.get_async_connection();
            let mut connection = self.connection.get_or_try_init(connect).await?.clone();
            command.query_async(&mut connection).await
        })
    }
}

/// One server, and one connection to it that all share.
///
/// One that was lost or left a question unanswered is not asked again: where packets vanish, it would be minutes before
/// the system noticed.
pub(super) struct OneServer {
    client: Client,
    current: Mutex<Current>,
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Current {
    connection: Option<MultiplexedConnection>,
    number: u64,
}

impl OneServer {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            current: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
        }
    }

    async fn connection(&self) -> RedisResult<(MultiplexedConnection, Doubt<'_>)> {
        if let Some(connected) = self.connected() {
            return Ok(connected);
        }
        let _turn = self.connecting.lock().await;
        if let Some(connected) = self.connected() {
            return Ok(connected);
        }
        // Whoever asks has a time limit for all of it.
        let limits = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let made = self
            .client
            .get_multiplexed_async_connection_with_config(&limits)
            .await?;
        let mut current = self.current();
        current.number += 1;
        current.connection = Some(made.clone());
        Ok((made, self.doubt(current.number)))
    }

    fn connected(&self) -> Option<(MultiplexedConnection, Doubt<'_>)> {
        let current = self.current();
        let connection = current.connection.clone()?;
        Some((connection, self.doubt(current.number)))
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn doubt(&self, number: u64) -> Doubt<'_> {
        Doubt {
            server: self,
            connection: Some(number),
        }
    }

    fn forget(&self, number: u64) {
        let mut current = self.current();
        if current.number == number {
            current.connection = None;
        }
    }
}

impl Link for OneServer {
    fn ask<'a>(&'a self, command: &'a Cmd) -> Reply<'a> {
        Box::pin(async move {
            let (mut connection, doubt) = self.connection().await?;
            let reply = command.query_async(&mut connection).await;
            match &reply {
                Err(error) if error.is_io_error() || error.is_unrecoverable_error() => drop(doubt),
                _ => doubt.dispel(),
            }
            reply
        })
    }
}

/// Forgets the connection when it is dropped, as it is with a question that nobody waits for any longer.
struct Doubt<'a> {
    server: &'a OneServer,
    connection: Option<u64>,
}

impl Doubt<'_> {
    fn dispel(mut self) {
        self.connection = None;
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.connection {
            self.server.forget(number);
        }
    }
}

impl<C> fmt::Debug for Ready<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ready")
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cluster")
    }
}

impl fmt::Debug for OneServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneServer")
    }
}

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, Error, Row, Socket};

use super::statements::Question;

type Connecting = Pin<Box<dyn Future<Output = Result<Connection, Error>> + Send>>;

/// Connections to one server, made when they are needed and used in turn: each commit waits for the server's disk, and
/// those of several connections wait together.
pub(super) struct Link {
    connect: Box<dyn Fn() -> Connecting + Send + Sync>,
    slots: Vec<Slot>,
    turn: AtomicUsize,
}

#[derive(Default)]
struct Slot {
    current: Mutex<Option<Arc<Connection>>>,
    connecting: tokio::sync::Mutex<()>,
}

/// Ends with its last user.
struct Connection {
    client: Client,
    driver: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Link {
    pub(super) fn new<T>(config: Config, tls: T, connections: usize) -> Self
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let connect = move || -> Connecting {
            let (config, tls) = (config.clone(), tls.clone());
            Box::pin(async move {
                let (client, driver) = config.connect(tls).await?;
                let driver = tokio::spawn(driver).abort_handle();
                Ok(Connection { client, driver })
            })
        };
        Self {
            connect: Box::new(connect),
            slots: std::iter::repeat_with(Slot::default)
                .take(connections.max(1))
                .collect(),
            turn: AtomicUsize::new(0),
        }
    }

    /// `None` where there is no connection to be had.
    pub(super) async fn ask(&self, question: &Question<'_>) -> Result<Vec<Row>, NoRows> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.slots.len().max(1);
        let Some(slot) = self.slots.get(turn) else {
            return Ok(Vec::new());
        };
        let connection = self.connected(slot).await.map_err(NoRows::NotConnected)?;
        let doubt = Doubt {
            slot,
            connection: Some(&connection),
        };
        let key = question.key();
        let arguments = question.arguments(&key);
        let rows = connection.client.query_typed(question.text, &arguments).await;
        match &rows {
            Err(error) if error.as_db_error().is_none() => drop(doubt),
            _ => doubt.dispel(),
        }
        rows.map_err(NoRows::Failed)
    }

    /// For what has no arguments.
    pub(super) async fn ask_plainly(&self, text: &str) -> Result<Vec<Row>, NoRows> {
        let slot = self.slots.first();
        let connection = match slot {
            Some(slot) => self.connected(slot).await.map_err(NoRows::NotConnected)?,
            None => return Ok(Vec::new()),
        };
        connection
            .client
            .query_typed(text, &[])
            .await
            .map_err(NoRows::Failed)
    }

    async fn connected(&self, slot: &Slot) -> Result<Arc<Connection>, Error> {
        if let Some(connection) = slot.open() {
            return Ok(connection);
        }
        let _turn = slot.connecting.lock().await;
        if let Some(connection) = slot.open() {
            return Ok(connection);
        }
        let made = Arc::new((self.connect)().await?);
        *slot.current() = Some(made.clone());
        Ok(made)
    }
}

/// Why a question has no answer.
pub(super) enum NoRows {
    NotConnected(Error),
    Failed(Error),
}

impl Slot {
    fn open(&self) -> Option<Arc<Connection>> {
        let current = self.current().clone()?;
        (!current.client.is_closed()).then_some(current)
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Connection>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, connection: &Arc<Connection>) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|held| Arc::ptr_eq(held, connection)) {
            *current = None;
        }
    }
}

/// Forgets the connection when it is dropped, as it is with a question that nobody waits for any longer: where packets
/// vanish, it would be minutes before the system noticed.
struct Doubt<'a> {
    slot: &'a Slot,
    connection: Option<&'a Arc<Connection>>,
}

impl Doubt<'_> {
    fn dispel(mut self) {
        self.connection = None;
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection {
            self.slot.forget(connection);
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link")
    }
}

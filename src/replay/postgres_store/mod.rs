mod fitness;
mod link;
mod statements;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, Error, NoTls, Socket, Transaction};

use self::link::{Link, NoRows};
use self::statements::{Statements, settled, told};
use super::remote::{Answer, Failure, Granted, Remote, Settling, Step, remote_store, unavailable};
use super::{Claimed, StoreDown};

pub use fitness::UnfitPostgres;

/// After so many claims, what has ended is cleared away; as many rows at a time at most.
const TIDY_EVERY: u64 = 1000;

/// The claims of a fleet, in a table of a PostgreSQL database that all its members share; and the one store whose claim can
/// be committed together with the handler's effect.
///
/// Needs PostgreSQL 12, and runs in a tokio runtime. Cheap to clone; clones share connections.
///
/// # Once, with the effect
/// [`commit_in`](Self::commit_in) commits the claim in the handler's own transaction. Both come about, or neither does: a
/// process that is killed between them has lost and doubled nothing, and a handler that took longer than its lease, while
/// another handled the delivery, is refused there and has no effect.
///
/// ```no_run
/// # use countersign::gate::Countersigned;
/// # use countersign::replay::PostgresStore;
/// # async fn handle(store: &PostgresStore, client: &mut tokio_postgres::Client, webhook: &Countersigned, amount: i64)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// let transaction = client.transaction().await?;
/// transaction.execute("insert into payments (amount) values ($1)", &[&amount]).await?;
/// // An error drops the transaction, which rolls it back.
/// store.commit_in(&transaction, webhook.payload().claimed()).await?;
/// transaction.commit().await?;
/// # Ok(()) }
/// ```
///
/// # How it keeps the promise
/// Each claim is one row, and each step one statement, in one round trip. Leases and windows are counted by the *server's*
/// clock, so the members' clocks may differ; by as much as the tolerance is for signed times.
///
/// * **No answer** within [`with_timeout`](Self::with_timeout), a lost connection, a standby, a server that is starting:
///   `Unavailable`, and nothing is let through (503). Connections are made when they are needed, and made anew when they were
///   lost or did not answer.
/// * **A claim whose answer was lost** may have been granted. It is asked for again under the same token, then given back in
///   the background, and if that fails, too, its lease runs out: the sender's retry is handled.
/// * **A commit that fails** was of a delivery that *is* handled. It goes on in the background, for
///   [`with_patience`](Self::with_patience): let that, and the lease, be longer than the outages that you want to survive.
/// * **A full disk** is [`Full`](StoreDown::Full): no claim is granted.
///
/// What has ended is deleted in passing, every thousand claims. A claim takes about 250 bytes with its indexes.
///
/// # What it cannot promise
/// What the server forgets may be handled again: an unlogged table, `fsync` or `synchronous_commit` switched off, a standby
/// that takes over before it has heard of a claim. [`check`](Self::check) refuses the first three. When the server's clock
/// jumps ahead, claims end early.
///
/// # Security
/// Whoever can write to the table can make deliveries be refused, or be handled twice. Give it a role of its own with
/// `select, insert, update, delete` on that table. [`open`](Self::open) does not encrypt; over a network use
/// [`open_with_tls`](Self::open_with_tls). No error of this type repeats what it was configured with.
#[derive(Clone)]
pub struct PostgresStore {
    link: Arc<Link>,
    statements: Arc<Statements>,
    settling: Settling,
    claims: Arc<AtomicU64>,
}

impl PostgresStore {
    /// How long a step may take by default.
    pub const DEFAULT_TIMEOUT: Duration = Settling::TIMEOUT;
    /// How long a commit that failed is tried again by default: a default lease.
    pub const DEFAULT_PATIENCE: Duration = Settling::PATIENCE;
    /// The name of the table by default.
    pub const DEFAULT_TABLE: &str = "countersign_claims";
    /// How many connections each process makes.
    const CONNECTIONS: usize = 4;

    /// A store on the server at this URL, `postgres://user:password@host:port/database`, without TLS: on this machine or in a
    /// network of its own. It is not connected to yet.
    ///
    /// # Errors
    /// [`InvalidPostgres`] where the URL is none, or asks for TLS (`sslmode=require`).
    pub fn open(url: &str) -> Result<Self, InvalidPostgres> {
        let config: Config = url.parse().map_err(|_| InvalidPostgres::NoUrl)?;
        if config.get_ssl_mode() == SslMode::Require {
            return Err(InvalidPostgres::WantsTls);
        }
        Self::connecting(config, NoTls)
    }

    /// A store on the server of this configuration, by this connector, that of the crate `tokio-postgres-rustls` for one. It is not
    /// connected to yet.
    ///
    /// # Errors
    /// [`InvalidPostgres`] where the configuration names no host, or lets TLS be left out: set `SslMode::Require`.
    pub fn open_with_tls<T>(config: Config, tls: T) -> Result<Self, InvalidPostgres>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        if config.get_ssl_mode() != SslMode::Require {
            return Err(InvalidPostgres::TlsIsOptional);
        }
        Self::connecting(config, tls)
    }

    fn connecting<T>(mut config: Config, tls: T) -> Result<Self, InvalidPostgres>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(InvalidPostgres::NoUrl);
        }
        if config.get_application_name().is_none() {
            config.application_name("countersign");
        }
        Ok(Self {
            link: Arc::new(Link::new(config, tls, Self::CONNECTIONS)),
            statements: Arc::new(Statements::over(Self::DEFAULT_TABLE)),
            settling: Settling::default(),
            claims: Arc::default(),
        })
    }

    /// Keeps claims in the table of this name, which may stand behind a schema's and a dot. Default
    /// [`DEFAULT_TABLE`](Self::DEFAULT_TABLE). Members of a fleet must agree on it.
    ///
    /// # Errors
    /// [`InvalidPostgres::Table`] where it has anything in it but lower-case letters, digits and `_`.
    pub fn with_table(mut self, name: &str) -> Result<Self, InvalidPostgres> {
        if !is_name(name) {
            let name = name.to_owned();
            return Err(InvalidPostgres::Table { name });
        }
        self.statements = Arc::new(Statements::over(name));
        Ok(self)
    }

    /// What creates the table of this name, for the migrations of your own.
    ///
    /// ```
    /// use countersign::replay::PostgresStore;
    ///
    /// let sql = PostgresStore::schema(PostgresStore::DEFAULT_TABLE);
    /// assert!(sql.starts_with("create table if not exists countersign_claims ("));
    /// ```
    pub fn schema(table: &str) -> String {
        let index = table.replace('.', "_");
        format!(
            "create table if not exists {table} (\n  \
               key bytea primary key,\n  \
               token bigint not null,\n  \
               handled boolean not null,\n  \
               ends timestamptz not null\n\
             );\n\
             create index if not exists {index}_ends on {table} (ends);\n"
        )
    }

    /// Commits a claim in the transaction of the handler's effect, if the delivery is still this claim's. Nobody else is
    /// granted it while the transaction is open. Once it is committed, the claim is, whatever becomes of this process; the
    /// layer's own commit changes nothing then.
    ///
    /// # Errors
    /// [`NotCommitted`]: roll the transaction back, which dropping it does.
    pub async fn commit_in(
        &self,
        transaction: &Transaction<'_>,
        claimed: &Claimed,
    ) -> Result<(), NotCommitted> {
        let question = self.statements.commit_in(claimed);
        let key = question.key();
        let asked = transaction
            .query_typed(question.text, &question.arguments(&key))
            .await;
        match asked {
            Ok(rows) if rows.is_empty() => Err(NotCommitted::Taken),
            Ok(_) => Ok(()),
            Err(error) => Err(NotCommitted::Down(down(&error))),
        }
    }

    /// Once, and if the connection is lost over it, once more: each step may be taken twice.
    async fn try_twice(&self, step: &Step<'_>) -> Result<Option<Answer>, Failure> {
        match self.once(step).await {
            Err(NoRows::Failed(error)) if error.is_closed() => {}
            answer => {
                return answer
                    .map_err(|error| failed(&error))
                    .and_then(|rows| read(step, &rows));
            }
        }
        match self.once(step).await {
            Ok(rows) => read(step, &rows),
            Err(error) => Err(Failure {
                granted: Granted::Perhaps,
                ..failed(&error)
            }),
        }
    }

    async fn once(&self, step: &Step<'_>) -> Result<Vec<tokio_postgres::Row>, NoRows> {
        self.link.ask(&self.statements.question(step)).await
    }

    /// In the background, by whoever makes the next thousandth claim.
    fn tidy(&self, step: &Step<'_>) {
        let claims = matches!(step, Step::Claim(..)).then(|| self.claims.fetch_add(1, Ordering::Relaxed));
        if claims.is_some_and(|number| number % TIDY_EVERY == TIDY_EVERY - 1) {
            let (link, statements) = (self.link.clone(), self.statements.clone());
            // What is left is left for the next.
            tokio::spawn(async move { link.ask_plainly(&statements.tidy).await.is_ok() });
        }
    }
}

fn read(step: &Step<'_>, rows: &[tokio_postgres::Row]) -> Result<Option<Answer>, Failure> {
    match step {
        Step::Claim(..) => told(rows),
        Step::Commit(_) | Step::Release(_) => settled(rows).map(Some),
    }
}

impl Remote for PostgresStore {
    async fn ask(&self, step: &Step<'_>) -> Result<Answer, Failure> {
        self.tidy(step);
        // Another was faster between looking and writing: by now, its row can be seen.
        for _ in 0..3 {
            if let Some(answer) = self.try_twice(step).await? {
                return Ok(answer);
            }
        }
        Err(Failure::no_answer())
    }

    fn settling(&self) -> &Settling {
        &self.settling
    }
}

remote_store!(PostgresStore);

impl fmt::Debug for PostgresStore {
    /// The configuration may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("timeout", &self.settling.timeout)
            .field("patience", &self.settling.patience)
            .finish_non_exhaustive()
    }
}

/// What the server refuses was not done; what has no answer may have been.
fn failed(error: &NoRows) -> Failure {
    let (error, granted) = match error {
        NoRows::NotConnected(error) => (error, Granted::No),
        NoRows::Failed(error) if error.as_db_error().is_some() => (error, Granted::No),
        NoRows::Failed(error) => (error, Granted::Perhaps),
    };
    Failure {
        down: down(error),
        granted,
    }
}

/// What an error of the server or of the way to it means for the sender. Of the server's words only the message: its details
/// may repeat values.
fn down(error: &Error) -> StoreDown {
    match error.as_db_error() {
        Some(said) if [SqlState::DISK_FULL, SqlState::OUT_OF_MEMORY].contains(said.code()) => StoreDown::Full,
        Some(said) => unavailable(format!("{} ({})", said.message(), said.code().code())),
        None => unavailable(error.to_string()),
    }
}

/// As it is written without quotes, with or without a schema.
fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        let mut bytes = part.bytes();
        let first = bytes
            .next()
            .is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
        first
            && part.len() <= 63
            && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    match name.split_once('.') {
        Some((schema, table)) => part(schema) && part(table),
        None => part(name),
    }
}

/// The reason why a claim was not committed with the handler's effect. Roll the transaction back: the delivery has not been handled by
/// this claim.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotCommitted {
    /// The lease had run out and another has claimed the delivery, or it was handled already. The effect is the other's.
    #[error("the delivery is another claim's by now, or was handled")]
    Taken,
    /// The server could not tell. The sender is to try again.
    #[error(transparent)]
    Down(#[from] StoreDown),
}

impl NotCommitted {
    /// A stable name of the reason, for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Taken => "replay.taken",
            Self::Down(down) => down.code(),
        }
    }
}

/// The reason why there is no [`PostgresStore`]. Nothing of the configuration is repeated: a password may stand in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPostgres {
    /// It cannot be read, or names no host.
    #[error("is no PostgreSQL URL: give postgres://user:password@host:port/database")]
    NoUrl,
    /// It asks for TLS, and this constructor has none.
    #[error("sslmode=require needs a TLS connector: use PostgresStore::open_with_tls")]
    WantsTls,
    /// The server, or who stands between, could leave TLS out.
    #[error("the configuration lets TLS be left out: set sslmode=require")]
    TlsIsOptional,
    /// No name of a table as it is written without quotes.
    #[error(
        "{name:?} is no name of a table: lower-case letters, digits and _, behind a schema and a dot if need be"
    )]
    Table {
        /// What was given.
        name: String,
    },
}

mod fitness;
mod link;
mod script;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::cluster::ClusterClientBuilder;
use redis::{Client, IntoConnectionInfo, RedisError};

use self::link::{Cluster, Link, OneServer, Ready};
use self::script::Question;
use super::remote::{Answer, Failure, Remote, Settling, Step, remote_store};

pub use fitness::{Persistence, Unfit};

/// The claims of a fleet, on a Redis or Valkey server that all its members share, or on a cluster.
///
/// Needs Redis 7.0 or Valkey 7.2, and runs in a tokio runtime. Cheap to clone; clones share connections.
///
/// # How it keeps the promise
/// Each claim is one key, and each step one script on it, in one round trip: a server runs scripts one at a time. Leases and
/// windows are counted by *its* clock, so the members' clocks may differ; by as much as the tolerance is for signed times.
///
/// * **No answer** within [`with_timeout`](Self::with_timeout), a lost connection, a replica, a server that is loading or that
///   belongs to a cluster without a majority: `Unavailable`, and nothing is let through (503). Connections are made when
///   they are needed, and made anew when they were lost or did not answer.
/// * **A claim whose answer was lost** may have been granted. It is asked for again under the same token, then given back in
///   the background, and if that fails, too, its lease runs out: the sender's retry is handled.
/// * **A commit that fails** was of a delivery that *is* handled. It goes on in the background, for
///   [`with_patience`](Self::with_patience): let that, and the lease, be longer than the outages that you want to survive. Neither
///   commits nor releases are cut off when the sender hangs up.
/// * **A full server** (`maxmemory` with `noeviction`) is [`Full`](super::StoreDown::Full): no claim is granted, while those that were
///   are still committed.
///
/// # What it cannot promise
/// What the server forgets may be handled again. So:
///
/// * `maxmemory-policy` must be `noeviction`: any other makes it forget claims within their window.
///   [`check`](Self::check) refuses such a server.
/// * With `appendonly yes` and `appendfsync always`, a server that is killed and restarted has every claim that it has
///   answered. With `everysec` it may lose the last second or two, with snapshots what came after the last, without
///   either everything.
/// * Replication is asynchronous. When a replica takes over, deliveries of which it had not heard can be handled twice.
///   `min-replicas-to-write` makes that window shorter, and nothing closes it.
/// * Windows last as long as the server's clock says. When it jumps ahead, claims end early.
///
/// Unlike [`MemoryStore`](super::MemoryStore) it does not share its room out between tenants: size the server for what all
/// of them send within a window. A claim takes about 220 bytes.
///
/// # Security
/// Whoever can write to the server can make deliveries be refused, or be handled twice. Give it a password, a network, and
/// a user of its own: `+evalsha +eval +info +get +set +del +pttl +pexpire` on `~countersign:*`. For TLS (`rediss://`), depend on
/// `redis` yourself with its feature `tokio-rustls-comp`; this crate switches none on, so that the crypto provider stays
/// yours.
///
/// # Examples
/// ```no_run
/// use std::time::Duration;
/// use countersign::replay::RedisStore;
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisStore::open("redis://hooks:secret@10.0.0.7")?
///     .with_timeout(Duration::from_millis(250))
///     .with_prefix("hooks");
/// store.check().await?;
/// # Ok(()) }
/// ```
///
/// ```
/// use countersign::replay::RedisStore;
///
/// // No server is needed yet.
/// assert!(RedisStore::open("redis://10.0.0.7").is_ok());
/// assert!(RedisStore::open("https://10.0.0.7").is_err(), "no address of a Redis server");
/// ```
#[derive(Clone)]
pub struct RedisStore {
    link: Arc<dyn Link>,
    prefix: Arc<str>,
    settling: Settling,
}

impl RedisStore {
    /// How long a step may take by default.
    pub const DEFAULT_TIMEOUT: Duration = Settling::TIMEOUT;
    /// How long a commit that failed is tried again by default: a default lease.
    pub const DEFAULT_PATIENCE: Duration = Settling::PATIENCE;

    /// A store on the server at this URL: `redis://user:password@host:port/database`. It is not connected to yet.
    ///
    /// # Errors
    /// [`InvalidRedis`] where the URL is none, or asks for TLS that is not compiled in.
    pub fn open(url: impl IntoConnectionInfo) -> Result<Self, InvalidRedis> {
        let client = Client::open(url).map_err(InvalidRedis::of)?;
        Ok(Self::on(Arc::new(OneServer::new(client))))
    }

    /// A store on the cluster of which these are some nodes. It is not connected to yet.
    ///
    /// # Errors
    /// [`InvalidRedis`] where a URL is none, or there is none.
    pub fn cluster<U: IntoConnectionInfo>(urls: impl IntoIterator<Item = U>) -> Result<Self, InvalidRedis> {
        let client = ClusterClientBuilder::new(urls).retries(2).build();
        let client = client.map_err(InvalidRedis::of)?;
        Ok(Self::on(Arc::new(Cluster::new(client))))
    }

    /// A store over a connection of yours: by TLS with roots of your own, found by Sentinel, or otherwise. It is cloned for each
    /// step, and must make itself anew when it is lost; `redis::aio::ConnectionManager` does.
    pub fn over(connection: impl ConnectionLike + Clone + Send + Sync + 'static) -> Self {
        Self::on(Arc::new(Ready(connection)))
    }

    fn on(link: Arc<dyn Link>) -> Self {
        Self {
            link,
            prefix: "countersign".into(),
            settling: Settling::default(),
        }
    }

    /// Begins keys with this, and a colon. Default `countersign`. Members of a fleet must agree on it.
    #[must_use]
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        self.prefix = prefix.into();
        self
    }
}

impl Remote for RedisStore {
    async fn ask(&self, step: &Step<'_>) -> Result<Answer, Failure> {
        Question::new(&self.prefix, step).ask(&*self.link).await
    }

    fn settling(&self) -> &Settling {
        &self.settling
    }
}

remote_store!(RedisStore);

impl fmt::Debug for RedisStore {
    /// The URL may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.prefix)
            .field("timeout", &self.settling.timeout)
            .field("patience", &self.settling.patience)
            .finish_non_exhaustive()
    }
}

/// The reason why there is no [`RedisStore`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot be connected to: {reason}; give redis://user:password@host:port/database")]
#[non_exhaustive]
pub struct InvalidRedis {
    /// What is wrong, without the password.
    pub reason: String,
}

impl InvalidRedis {
    /// Not `From`: nobody's upgrade of `redis` is to change our API.
    fn of(error: RedisError) -> Self {
        Self {
            reason: error.to_string(),
        }
    }
}

//! One receiver of a fleet: mutual TLS and HMAC in front of a handler, one store behind all of them.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use countersign::gate::Countersigned;
use countersign::payload::{HmacVerifier, Scheme};
use countersign::replay::{RedisStore, Terms};
use countersign::web::{Acceptor, CallerLayer, Connection, Listener, PayloadLayer, ReplayAnswer};

use crate::world::World;

/// Says that the handler is to fail: so does a disk that is full.
pub(crate) const FAIL: &str = "x-fail";

/// Binds that port, or any (0), and tells which, then serves for ever.
pub(crate) async fn serve(
    world: &World,
    store: RedisStore,
    terms: Terms,
    ledger: Ledger,
    port: u16,
    listening: impl FnOnce(u16),
) -> io::Result<()> {
    let policy = world.policy();
    let verifier = HmacVerifier::new(Scheme::standard_webhooks(), world.keys());
    let acceptor = Acceptor::new(world.server_config(&policy));
    let listener = Listener::bind(("127.0.0.1", port), acceptor).await?;
    listening(listener.local_addr().port());
    // By default a replay is told 200, as the delivery was; here the two are to be told apart.
    let app = Router::new()
        .route("/", post(handle))
        .layer(
            PayloadLayer::new(verifier, store)
                .with_terms(terms)
                .with_replay_answer(ReplayAnswer::Forbid),
        )
        .layer(CallerLayer::new(policy))
        .with_state(Arc::new(ledger));
    axum::serve(listener, app.into_make_service_with_connect_info::<Connection>()).await
}

async fn handle(
    proof: Countersigned,
    State(ledger): State<Arc<Ledger>>,
    headers: HeaderMap,
    delivery: String,
) -> Result<&'static str, StatusCode> {
    if headers.contains_key(FAIL) {
        return Err(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let key = proof.payload().claim_key().to_string();
    match ledger.enter(&key, &delivery) {
        Ok(Entry::New) => Ok("entered"),
        Ok(Entry::KnownAlready) => Ok("known already"),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// What handlers have done, and each time that one ran, in files that outlive the process.
///
/// A delivery is entered under its claim key, in one step that fails where it is entered already: a row with a unique
/// index.
pub(crate) struct Ledger {
    folder: PathBuf,
    receiver: String,
    runs: File,
}

pub(crate) enum Entry {
    New,
    KnownAlready,
}

impl Ledger {
    pub(crate) fn open(folder: &Path, receiver: &str) -> io::Result<Self> {
        let runs = folder.with_file_name(format!("runs-of-{receiver}"));
        Ok(Self {
            folder: folder.to_owned(),
            receiver: receiver.to_owned(),
            runs: File::options().create(true).append(true).open(runs)?,
        })
    }

    fn enter(&self, key: &str, delivery: &str) -> io::Result<Entry> {
        // Written whole before it has its name: a process that is killed here leaves an entry, or none.
        let draft = self
            .folder
            .with_file_name(format!("draft-{}-{key}", self.receiver));
        let run = |word: &str| format!("{word} {key} {} {delivery}\n", self.receiver);
        std::fs::write(&draft, run("new"))?;
        let entered = std::fs::hard_link(&draft, self.folder.join(key));
        std::fs::remove_file(&draft)?;
        let (entry, word) = match entered {
            Ok(()) => (Entry::New, "new"),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (Entry::KnownAlready, "again"),
            Err(error) => return Err(error.kind().into()),
        };
        (&self.runs).write_all(run(word).as_bytes())?;
        Ok(entry)
    }
}

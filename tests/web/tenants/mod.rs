//! Tenants that live elsewhere: a source that stalls, fails and lies.

mod kept;
mod whose;

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use countersign::clock::Monotonic;
use countersign::elsewhere::{Fetched, Keep, SourceDown};
use countersign::gate::{Caller, Policy};
use countersign::refusal::Refusal;
use countersign::tenant::{PeerIdentity, Rule, TenantCache, TenantSource};
use countersign::testing::TestCert;
use countersign::trust::VerifyPeer;
use countersign::web::{CallerLayer, Connection};
use http::{Request, Response};
use tokio::sync::Semaphore;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::door::world;
use crate::elsewhere::keep;
use crate::support::secs;

#[derive(Debug, Clone)]
enum Mood {
    /// Knows acme and globex by their names.
    Good,
    Down,
    Stalls,
    /// Says these, whoever it is asked about.
    Says(Vec<String>),
    /// Answers when it is let go.
    Held,
}

#[derive(Debug)]
struct Directory {
    mood: Mutex<Mood>,
    asked: Mutex<Vec<String>>,
    go: Semaphore,
}

#[derive(Debug, Clone)]
struct Source(Arc<Directory>);

fn rules(lines: &[String]) -> Vec<Rule> {
    lines.iter().map(|line| line.parse().expect("a rule")).collect()
}

fn good(identity: &PeerIdentity) -> Option<Vec<Rule>> {
    let owner = |shown: &String| match shown.rsplit_once('/') {
        Some(("URI:spiffe://acme.example/tenant", name @ ("acme" | "globex"))) => {
            Some(format!("{shown} -> {name}"))
        }
        _ => None,
    };
    let found: Vec<_> = identity.written().iter().filter_map(owner).collect();
    (!found.is_empty()).then(|| rules(&found))
}

impl TenantSource for Source {
    fn fetch_rules<'a>(&'a self, identity: &'a PeerIdentity) -> Fetched<'a, Vec<Rule>> {
        let name = identity.written().first().expect("a name").clone();
        self.0.asked.lock().expect("not poisoned").push(name);
        let mood = self.0.mood.lock().expect("not poisoned").clone();
        Box::pin(async move {
            match mood {
                Mood::Good => Ok(good(identity)),
                Mood::Down => Err(SourceDown::new("no route to host")),
                Mood::Stalls => std::future::pending().await,
                Mood::Says(lines) => Ok(Some(rules(&lines))),
                Mood::Held => {
                    self.0.go.acquire().await.expect("open").forget();
                    Ok(good(identity))
                }
            }
        })
    }
}

/// A route whose tenants are in a directory, with a clock of its own.
struct Route {
    directory: Arc<Directory>,
    tenants: TenantCache,
    seconds: Arc<AtomicU64>,
    policy: Policy,
    layer: CallerLayer,
}

impl Route {
    fn new(keep: Keep) -> Self {
        Self::trusting(world().trust(&world().ca), keep)
    }

    fn trusting(trust: impl VerifyPeer + 'static, keep: Keep) -> Self {
        let directory = Arc::new(Directory {
            mood: Mutex::new(Mood::Good),
            asked: Mutex::default(),
            go: Semaphore::new(0),
        });
        let seconds = Arc::new(AtomicU64::new(0));
        let hands = seconds.clone();
        let clock = Monotonic::new(move || secs(hands.load(SeqCst)));
        let tenants = TenantCache::with_clock(Source(directory.clone()), keep, clock);
        let policy = Policy::new(trust, tenants.clone());
        Self {
            layer: CallerLayer::new(policy.clone()),
            policy,
            directory,
            tenants,
            seconds,
        }
    }

    fn turn(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, SeqCst);
    }

    fn is(&self, mood: Mood) {
        *self.directory.mood.lock().expect("not poisoned") = mood;
    }

    /// How often it was asked since this was last asked.
    fn asked(&self) -> usize {
        std::mem::take(&mut *self.directory.asked.lock().expect("not poisoned")).len()
    }

    async fn ask(&self, connection: &Connection) -> Answer {
        who(&self.layer, connection, "hooks.acme.example").await
    }
}

/// The status, and whose it is or why not.
type Answer = (u16, String);

async fn who(layer: &CallerLayer, connection: &Connection, host: &str) -> Answer {
    let request = Request::builder()
        .header("host", host)
        .extension(connection.clone());
    let request = request.body(()).expect("a request");
    let Ok(response) = layer.layer(service_fn(said)).oneshot(request).await;
    answer(response)
}

/// What the handler finds of a caller.
async fn said(request: Request<()>) -> Result<Response<String>, Infallible> {
    let caller = request.extensions().get::<Caller>();
    let who = caller.map_or("nobody".to_owned(), |caller| caller.tenant().to_string());
    Ok(Response::new(who))
}

fn answer(response: Response<String>) -> Answer {
    let code = response
        .extensions()
        .get()
        .map(|refusal: &Refusal| refusal.code().to_owned());
    let status = response.status().as_u16();
    (status, code.unwrap_or(response.into_body()))
}

fn connection(certificate: &TestCert) -> Connection {
    Connection::new(([192, 0, 2, 1], 4711).into(), Some(&certificate.chain())).expect("a chain")
}

fn acme() -> Connection {
    connection(&world().acme)
}

fn is(status: u16, said: &str) -> Answer {
    (status, said.to_owned())
}

fn good_answer() -> Answer {
    is(200, "acme")
}

fn outage() -> Answer {
    is(503, "tenant.unavailable")
}

fn nobody() -> Answer {
    is(403, "tenant.no_rule")
}

//! Tenants that live elsewhere: a source that stalls, fails and lies.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use countersign::clock::Monotonic;
use countersign::elsewhere::{Fetched, Keep, SourceDown};
use countersign::gate::{Caller, Countersigned, Policy};
use countersign::identity::{Name, NameKind, SpkiHash};
use countersign::live::Live;
use countersign::payload::{HmacVerifier, Scheme};
use countersign::refusal::Refusal;
use countersign::replay::MemoryStore;
use countersign::tenant::{PeerIdentity, Rule, TenantCache, TenantSource};
use countersign::testing::TestCert;
use countersign::trust::{ExpectedPeers, PinSet, SharedCa, VerifyPeer};
use countersign::web::{CallerLayer, CertificateDemand, Connection, PayloadLayer};
use http::{Request, Response};
use http_body_util::Full;
use rustls::pki_types::UnixTime;
use tokio::sync::Semaphore;
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};

use crate::door::world;
use crate::elsewhere::beside_each_other;
use crate::sender::{Version, delivery};
use crate::support::{secs, tenant};

const UNKNOWN: &str = "spiffe://acme.example/tenant/initech";

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

fn keep() -> Keep {
    Keep::default()
        .with_time_to_live(secs(60))
        .with_time_of_absence(secs(10))
        .with_stale(secs(600))
        .with_patience(Duration::from_millis(200))
        .with_pause(secs(5))
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

#[tokio::test]
async fn an_open_connection_is_asked_again_when_the_time_of_its_answer_is_over() {
    let route = Route::new(keep());
    let open = acme();
    assert_eq!((route.ask(&open).await, route.asked()), (good_answer(), 1));
    route.turn(59);
    assert_eq!((route.ask(&open).await, route.asked()), (good_answer(), 0));
    assert_eq!(
        (route.ask(&acme()).await, route.asked()),
        (good_answer(), 0),
        "another"
    );
    route.turn(1);
    assert_eq!((route.ask(&open).await, route.asked()), (good_answer(), 1));
    // Whose rule is taken away at the source is nobody, once its time is over.
    route.is(Mood::Says(Vec::new()));
    route.turn(59);
    assert_eq!(route.ask(&open).await, good_answer());
    route.turn(1);
    assert_eq!((route.ask(&open).await, route.asked()), (nobody(), 1));
}

#[tokio::test]
async fn that_it_is_nobodys_counts_for_a_shorter_time() {
    let route = Route::new(keep());
    let open = acme();
    route.is(Mood::Says(Vec::new()));
    assert_eq!((route.ask(&open).await, route.asked()), (nobody(), 1));
    route.is(Mood::Good);
    route.turn(9);
    assert_eq!((route.ask(&open).await, route.asked()), (nobody(), 0));
    route.turn(1);
    assert_eq!((route.ask(&open).await, route.asked()), (good_answer(), 1));
}

/// Ways not to be believed, and what the operator reads of each.
fn not_believed() -> Vec<(Mood, &'static str)> {
    let says = |lines: &[&str]| Mood::Says(lines.iter().map(|line| (*line).to_owned()).collect());
    let acme = "URI:spiffe://acme.example/tenant/acme -> acme";
    let globex = "URI:spiffe://acme.example/tenant/acme -> globex";
    vec![
        (Mood::Down, "no route to host"),
        (Mood::Stalls, "no answer in time"),
        (
            says(&["URI:spiffe://acme.example/tenant/globex -> globex"]),
            "not about the identity",
        ),
        (
            says(&[acme, "DNS:hooks.globex.example -> globex"]),
            "not about the identity",
        ),
        (
            says(&["URI:spiffe://acme.example/tenant/{tenant}"]),
            "not about the identity",
        ),
        (says(&[acme, globex]), "cannot belong to \"globex\" too"),
    ]
}

#[tokio::test]
async fn without_the_source_it_is_an_outage_and_the_retry_is_let_in() {
    for (mood, why) in not_believed() {
        let (route, open) = (Route::new(keep()), acme());
        route.is(mood);
        assert_eq!((route.ask(&open).await, route.asked()), (outage(), 1), "{why}");
        let told = route.tenants.last_failure().expect("a reason").to_string();
        assert!(told.contains(why), "{told} for {why}");
        assert_eq!(
            (route.ask(&open).await, route.asked()),
            (outage(), 0),
            "a pause: {why}"
        );
        route.is(Mood::Good);
        route.turn(5);
        assert_eq!(
            (route.ask(&open).await, route.asked()),
            (good_answer(), 1),
            "{why}"
        );
        assert_eq!(route.tenants.last_failure(), None);
    }
}

#[tokio::test]
async fn while_the_source_is_down_old_answers_count_for_as_long_as_was_said() {
    for (mood, why) in not_believed() {
        let (route, open) = (Route::new(keep()), acme());
        assert_eq!((route.ask(&open).await, route.asked()), (good_answer(), 1));
        route.is(mood);
        route.turn(60);
        assert_eq!(
            (route.ask(&open).await, route.asked()),
            (good_answer(), 1),
            "{why}"
        );
        route.turn(4);
        assert_eq!(
            (route.ask(&open).await, route.asked()),
            (good_answer(), 0),
            "a pause: {why}"
        );
        route.turn(1);
        assert_eq!(
            (route.ask(&open).await, route.asked()),
            (good_answer(), 1),
            "over: {why}"
        );
        route.turn(594);
        assert_eq!(
            (route.ask(&open).await, route.asked()),
            (good_answer(), 1),
            "{why}"
        );
        route.turn(1);
        assert_eq!(route.ask(&open).await, outage(), "{why}");
        route.is(Mood::Good);
        route.turn(5);
        assert_eq!(route.ask(&open).await, good_answer(), "{why}");
    }
}

#[tokio::test]
async fn an_open_connection_notices_what_was_invalidated() {
    let spki = SpkiHash::of(&world().acme.spki_der());
    let name = |text| Name::parse(NameKind::Uri, text).expect("a name");
    let (route, open) = (Route::new(keep()), acme());
    type Invalidate<'a> = Box<dyn Fn(&TenantCache) + 'a>;
    let its_own: [Invalidate<'_>; 4] = [
        Box::new(|tenants| tenants.invalidate(&tenant("acme"))),
        Box::new(|tenants| tenants.invalidate_name(&name("spiffe://acme.example/tenant/acme"))),
        Box::new(|tenants| tenants.invalidate_key(spki)),
        Box::new(TenantCache::invalidate_all),
    ];
    let others: [Invalidate<'_>; 3] = [
        Box::new(|tenants| tenants.invalidate(&tenant("globex"))),
        Box::new(|tenants| tenants.invalidate_name(&name("spiffe://acme.example/tenant/globex"))),
        Box::new(|tenants| tenants.invalidate_key(SpkiHash::of(b"another"))),
    ];
    for (which, invalidate) in its_own.iter().enumerate() {
        route.is(Mood::Good);
        route.turn(11);
        assert_eq!(route.ask(&open).await, good_answer());
        route.asked();
        for (other, invalidate) in others.iter().enumerate() {
            invalidate(&route.tenants);
            assert_eq!(
                (route.ask(&open).await, route.asked()),
                (good_answer(), 0),
                "of another: {other}"
            );
        }
        route.is(Mood::Says(Vec::new()));
        invalidate(&route.tenants);
        assert_eq!((route.ask(&open).await, route.asked()), (nobody(), 1), "{which}");
        // Nor does that there was none stand in the way of a rule that was made since.
        route.is(Mood::Good);
        invalidate(&route.tenants);
        assert_eq!(
            (route.ask(&open).await, route.asked()),
            (good_answer(), 1),
            "{which}"
        );
    }
}

#[tokio::test]
async fn what_was_read_before_it_was_invalidated_counts_for_nothing() {
    let route = Route::new(keep().with_patience(secs(20)));
    route.is(Mood::Held);
    let on_its_way = async {
        while route.asked() == 0 {
            tokio::task::yield_now().await;
        }
        route.is(Mood::Says(Vec::new()));
        route.tenants.invalidate(&tenant("acme"));
        route.directory.go.add_permits(1);
    };
    let open = acme();
    let (answer, ()) = tokio::join!(route.ask(&open), on_its_way);
    assert_eq!(answer, nobody());
}

#[tokio::test]
async fn ten_thousand_first_requests_are_one_question() {
    let route = Route::trusting(world().pins(), keep().with_patience(secs(60)));
    route.is(Mood::Held);
    let open = acme();
    let waiting = (0..10_000).map(|_| Box::pin(route.ask(&open))).collect();
    let let_go = async {
        while route.directory.asked.lock().expect("not poisoned").is_empty() {
            tokio::task::yield_now().await;
        }
        route.directory.go.add_permits(1);
    };
    let all = async { tokio::join!(beside_each_other(waiting), let_go).0 };
    let answers = tokio::time::timeout(secs(60), all).await.expect("in time");
    assert_eq!(answers, vec![good_answer(); 10_000]);
    assert_eq!(route.asked(), 1);
}

#[tokio::test]
async fn whoever_is_refused_without_it_is_not_asked_about() {
    let world = world();
    let pins = Live::new(world.pins());
    let route = Route::trusting(world.trust(&world.ca).and(pins.clone()), keep());
    let stranger = countersign::testing::TestCa::new("Acme Root");
    let stranger = connection(&stranger.client("spiffe://acme.example/tenant/acme").issue());
    assert_eq!(route.ask(&stranger).await.0, 403);
    let plain = Connection::new(([192, 0, 2, 1], 4711).into(), None).expect("none");
    assert_eq!(route.ask(&plain).await, is(401, "identity.no_certificate"));
    let demand = CertificateDemand::for_hosts(["a.example"]).expect("a host");
    let by_host = route.layer.clone().with_demand(demand);
    assert_eq!(
        who(&by_host, &acme(), "a.example..").await,
        is(400, "host.unreadable")
    );
    assert_eq!(route.asked(), 0);

    // And trust is asked for each request, whatever is remembered of its tenant.
    let open = acme();
    assert_eq!((route.ask(&open).await, route.asked()), (good_answer(), 1));
    pins.replace(PinSet::default());
    assert_eq!(
        (route.ask(&open).await, route.asked()),
        (is(403, "trust.not_pinned"), 0)
    );
}

#[tokio::test]
async fn not_known_yet_is_not_nobody() {
    let route = Route::new(keep());
    route.is(Mood::Down);
    let open_to_all = route.layer.clone().with_demand(CertificateDemand::never());
    assert_eq!(who(&open_to_all, &acme(), "a.example").await, outage());
    route.turn(5);
    let refusal = acme()
        .identify(&route.policy, UnixTime::now())
        .expect_err("it is not here");
    assert!(refusal.is_outage() && refusal.ticket().is_some(), "{refusal}");
}

#[tokio::test]
async fn one_certificates_answer_is_never_anothers() {
    let world = world();
    let named = |name: &str| world.ca.client(name).issue();
    let (first, second) = (named("spiffe://acme.example/1"), named("spiffe://acme.example/1"));
    let pin = format!("pin {} -> acme", SpkiHash::of(&first.spki_der()));
    let route = Route::new(keep());
    route.is(Mood::Says(vec![pin]));
    assert_eq!(route.ask(&connection(&first)).await, good_answer());
    assert_eq!(route.asked(), 1);
    // The same name and another key: it is asked about, and the pin is not believed of it.
    assert_eq!(route.ask(&connection(&second)).await, outage());
    assert_eq!(route.asked(), 1);

    // What is remembered is the rule and not what came of it: the same peer below an authority that issues to others as well.
    let issuer = format!("issuer {} -> acme", SpkiHash::of(&world.ca.spki_der()));
    let route = Route::new(keep());
    route.is(Mood::Says(vec![issuer]));
    assert_eq!(route.ask(&acme()).await, good_answer());
    let trust = SharedCa::new(world.trust(&world.ca), ExpectedPeers::pins(world.pins()));
    let shared = Policy::new(trust.expect("somebody"), route.tenants.clone());
    let answer = who(&CallerLayer::new(shared), &acme(), "a.example").await;
    assert_eq!((answer, route.asked()), (is(403, "tenant.shared_authority"), 1));
}

#[tokio::test]
async fn a_rule_that_does_not_apply_is_no_rule_and_two_are_ambiguous() {
    let says = |lines: &[&str]| Mood::Says(lines.iter().map(|line| (*line).to_owned()).collect());
    let uri = "URI:spiffe://acme.example/tenant/acme";
    let pin = format!("pin {} -> acme", SpkiHash::of(&world().acme.spki_der()));
    for (mood, expected) in [
        (says(&[&format!("{uri} && CN=billing -> acme")]), nobody()),
        (
            says(&[&format!("{uri} -> acme"), &pin]),
            is(403, "tenant.ambiguous"),
        ),
        (
            says(&[&format!("{uri} -> acme"), &format!("{uri} -> acme")]),
            good_answer(),
        ),
    ] {
        let route = Route::new(keep());
        route.is(mood);
        assert_eq!((route.ask(&acme()).await, route.asked()), (expected, 1));
    }
}

#[tokio::test]
async fn a_flood_of_unknown_identities_pushes_nobody_out_and_takes_no_more_than_its_room() {
    let route = Route::trusting(world().trust(&world().ca), keep().with_room(4, 4));
    let open = acme();
    assert_eq!(route.ask(&open).await, good_answer());
    for number in 0..20 {
        let unknown = world().ca.client(&format!("{UNKNOWN}{number}")).issue();
        assert_eq!(route.ask(&connection(&unknown)).await, nobody(), "{number}");
        assert_eq!(route.tenants.len(), 1, "{number}");
    }
    route.asked();
    assert_eq!((route.ask(&acme()).await, route.asked()), (good_answer(), 0));
    // Nor do those that are known take more.
    for number in 0..20 {
        let name = format!("spiffe://acme.example/many/{number}");
        route.is(Mood::Says(vec![format!("URI:{name} -> acme")]));
        let known = world().ca.client(&name).issue();
        assert_eq!(route.ask(&connection(&known)).await, good_answer(), "{number}");
        assert!(route.tenants.len() <= 4, "{}", route.tenants.len());
    }
}

/// Both signatures, tenants from the directory.
#[tokio::test]
async fn a_delivery_that_met_an_outage_is_let_in_later() {
    let route = Route::new(keep());
    let verifier = HmacVerifier::new(Scheme::standard_webhooks(), world().keys.clone());
    let payload = PayloadLayer::new(verifier, MemoryStore::default());
    let handler = service_fn(async |request: Request<Full<Bytes>>| {
        let both = request.extensions().get::<Countersigned>();
        let whose = both.expect("both signatures").tenant().to_string();
        Ok::<_, Infallible>(Response::new(whose))
    });
    let service = route.layer.layer(payload.layer(handler));
    let order = delivery("acme", "msg_1", "{}", UnixTime::now());
    let send = async || {
        let mut request = order.clone().request(Version::Http2);
        request.extensions_mut().insert(acme());
        let Ok(response) = service.clone().oneshot(request).await;
        answer(response)
    };
    route.is(Mood::Stalls);
    assert_eq!(send().await, outage());
    route.is(Mood::Good);
    route.turn(5);
    assert_eq!((send().await, route.asked()), (good_answer(), 2));
    assert_eq!(send().await, is(200, "replay.handled"));
}

#[test]
fn without_a_runtime_nobody_waits() {
    let route = Route::new(keep());
    let request = Request::builder().extension(acme()).body(()).expect("a request");
    let mut service = route.layer.layer(service_fn(said));
    let mut context = Context::from_waker(Waker::noop());
    let mut answered = pin!(service.call(request));
    let Poll::Ready(Ok(response)) = answered.as_mut().poll(&mut context) else {
        panic!("it waits");
    };
    assert_eq!(answer(response), is(500, "server.not_wired"));
    assert_eq!(route.asked(), 0);
}

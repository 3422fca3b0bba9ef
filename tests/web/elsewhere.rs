//! Keys that live elsewhere: a source that stalls, fails and lies.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use countersign::clock::Monotonic;
use countersign::elsewhere::{Fetched, Keep, SourceDown};
use countersign::payload::{
    FindKeys as _, Head, HmacVerifier, KeyCache, KeySource, Keyring, NoKey, NotAuthentic, Scheme, Secret,
    TenantKeys, VerifyBody as _, Wanted,
};
use countersign::refusal::Refusal;
use countersign::replay::MemoryStore;
use countersign::tenant::TenantId;
use countersign::web::PayloadLayer;
use http::{Request, Response};
use http_body_util::Full;
use rustls::pki_types::UnixTime;
use tokio::sync::Semaphore;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::door::world;
use crate::sender::{Delivery, Version, delivery};
use crate::support::{secs, tenant};
use crate::wiring::caller;

const OK: &str = r#"{"status": 200}"#;

#[derive(Debug, Clone, Copy)]
enum Mood {
    Good,
    Absent,
    Down,
    Stalls,
    /// Tells another tenant's keys.
    Lies,
    /// Tells a key that the sender signs with no longer.
    Old,
    /// Answers when it is let go.
    Held,
}

#[derive(Debug)]
struct Vault {
    mood: Mutex<Mood>,
    asked: AtomicUsize,
    go: Semaphore,
}

#[derive(Debug, Clone)]
struct Source(Arc<Vault>);

impl KeySource for Source {
    fn fetch_keys<'a>(&'a self, owner: &'a TenantId) -> Fetched<'a, TenantKeys> {
        self.0.asked.fetch_add(1, SeqCst);
        let mood = *self.0.mood.lock().expect("not poisoned");
        let of = |owner: &TenantId| world().keys.find_keys(&Wanted::of(Some(owner))).ok();
        Box::pin(async move {
            match mood {
                Mood::Good => Ok(of(owner)),
                Mood::Absent => Ok(None),
                Mood::Down => Err(SourceDown::new("no route to host")),
                Mood::Stalls => std::future::pending().await,
                Mood::Lies => Ok(of(&tenant("globex"))),
                Mood::Old => Ok(old_keys().find_keys(&Wanted::of(Some(owner))).ok()),
                Mood::Held => {
                    self.0.go.acquire().await.expect("open").forget();
                    Ok(of(owner))
                }
            }
        })
    }
}

fn old_keys() -> Keyring {
    let ring = Keyring::builder(&Scheme::standard_webhooks());
    let old = Secret::new("whsec_b2xkLXNlY3JldC1vZi0zMi1ieXRlcy1mb3ItdGVzdHM=");
    ring.key(tenant("acme"), "acme-2025", old).build().expect("a key")
}

/// A route of which the keys are in a vault, with a clock of its own.
struct Route {
    vault: Arc<Vault>,
    keys: KeyCache,
    verifier: HmacVerifier,
    layer: PayloadLayer,
    seconds: Arc<AtomicU64>,
    sent: AtomicUsize,
}

/// Times that a test can count in seconds.
pub(crate) fn keep() -> Keep {
    Keep::default()
        .with_time_to_live(secs(60))
        .with_time_of_absence(secs(10))
        .with_stale(secs(600))
        .with_patience(Duration::from_millis(200))
        .with_pause(secs(5))
}

impl Route {
    fn new(keep: Keep) -> Self {
        let vault = Arc::new(Vault {
            mood: Mutex::new(Mood::Good),
            asked: AtomicUsize::new(0),
            go: Semaphore::new(0),
        });
        let seconds = Arc::new(AtomicU64::new(0));
        let hands = seconds.clone();
        let clock = Monotonic::new(move || secs(hands.load(SeqCst)));
        let keys = KeyCache::with_clock(Source(vault.clone()), keep, clock);
        let verifier = HmacVerifier::new(Scheme::standard_webhooks(), keys.clone());
        Self {
            layer: PayloadLayer::new(verifier.clone(), MemoryStore::default()),
            verifier,
            vault,
            keys,
            seconds,
            sent: AtomicUsize::new(0),
        }
    }

    fn turn(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, SeqCst);
    }

    fn is(&self, mood: Mood) {
        *self.vault.mood.lock().expect("not poisoned") = mood;
    }

    /// How often it was asked since this was last asked.
    fn asked(&self) -> usize {
        self.vault.asked.swap(0, SeqCst)
    }

    fn order(&self) -> Delivery {
        let id = format!("msg_{}", self.sent.fetch_add(1, SeqCst));
        delivery("acme", &id, OK, UnixTime::now())
    }

    async fn send(&self, delivery: Delivery) -> (u16, &'static str) {
        let mut request: Request<_> = delivery.request(Version::Http2);
        request.extensions_mut().insert(caller(&world().acme));
        let handler = service_fn(async |_: Request<Full<Bytes>>| {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        });
        let Ok(response) = self.layer.layer(handler).oneshot(request).await;
        let code = response.extensions().get().map_or("", Refusal::code);
        (response.status().as_u16(), code)
    }

    async fn next(&self) -> (u16, &'static str) {
        self.send(self.order()).await
    }
}

const GOOD: (u16, &str) = (200, "");
const OUTAGE: (u16, &str) = (503, "payload.keys_unavailable");
const NOBODY: (u16, &str) = (401, "payload.no_key");

#[tokio::test]
async fn an_answer_is_asked_for_once_and_again_when_its_time_is_over() {
    let route = Route::new(keep());
    assert_eq!((route.next().await, route.asked()), (GOOD, 1));
    route.turn(59);
    assert_eq!((route.next().await, route.asked()), (GOOD, 0));
    route.turn(1);
    assert_eq!((route.next().await, route.asked()), (GOOD, 1));
}

#[tokio::test]
async fn that_there_is_none_counts_for_a_shorter_time() {
    let route = Route::new(keep());
    route.is(Mood::Absent);
    assert_eq!((route.next().await, route.asked()), (NOBODY, 1));
    route.is(Mood::Good);
    route.turn(9);
    assert_eq!((route.next().await, route.asked()), (NOBODY, 0));
    route.turn(1);
    assert_eq!((route.next().await, route.asked()), (GOOD, 1));
    // Whose keys are taken away at the source has none here, once their time is over.
    route.is(Mood::Absent);
    route.turn(60);
    assert_eq!(route.next().await, NOBODY);
}

#[tokio::test]
async fn without_the_source_it_is_an_outage_and_the_retry_is_let_in() {
    for mood in [Mood::Down, Mood::Stalls, Mood::Lies] {
        let route = Route::new(keep());
        route.is(mood);
        let order = route.order();
        assert_eq!(
            (route.send(order.clone()).await, route.asked()),
            (OUTAGE, 1),
            "{mood:?}"
        );
        assert_eq!(
            (route.send(order.clone()).await, route.asked()),
            (OUTAGE, 0),
            "a pause: {mood:?}"
        );
        route.is(Mood::Good);
        route.turn(5);
        assert_eq!((route.send(order).await, route.asked()), (GOOD, 1), "{mood:?}");
    }
}

#[tokio::test]
async fn while_the_source_is_down_old_answers_count_for_as_long_as_was_said() {
    for mood in [Mood::Down, Mood::Stalls, Mood::Lies] {
        let route = Route::new(keep());
        assert_eq!((route.next().await, route.asked()), (GOOD, 1));
        route.is(mood);
        route.turn(60);
        assert_eq!((route.next().await, route.asked()), (GOOD, 1), "{mood:?}");
        assert_eq!(
            (route.next().await, route.asked()),
            (GOOD, 0),
            "a pause: {mood:?}"
        );
        route.turn(599);
        assert_eq!((route.next().await, route.asked()), (GOOD, 1), "{mood:?}");
        route.turn(1);
        assert_eq!(route.next().await, OUTAGE, "{mood:?}");
        route.is(Mood::Good);
        route.turn(5);
        assert_eq!(route.next().await, GOOD, "{mood:?}");
    }
    let strict = Route::new(keep().with_stale(Duration::ZERO));
    assert_eq!(strict.next().await, GOOD);
    strict.is(Mood::Down);
    strict.turn(60);
    assert_eq!(strict.next().await, OUTAGE);
}

#[tokio::test]
async fn what_is_invalidated_is_asked_for_again_also_where_an_answer_is_on_its_way() {
    let route = Route::new(keep());
    assert_eq!((route.next().await, route.asked()), (GOOD, 1));
    route.keys.invalidate(&tenant("globex"));
    assert_eq!((route.next().await, route.asked()), (GOOD, 0), "of another");
    route.keys.invalidate(&tenant("acme"));
    assert_eq!((route.next().await, route.asked()), (GOOD, 1));

    route.keys.invalidate_all();
    assert!(route.keys.is_empty());
    route.is(Mood::Held);
    let on_its_way = async {
        while route.vault.asked.load(SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        route.is(Mood::Absent);
        route.keys.invalidate(&tenant("acme"));
        route.vault.go.add_permits(1);
    };
    let (answer, ()) = tokio::join!(route.next(), on_its_way);
    assert_eq!(
        answer, NOBODY,
        "what was read before the change counts for nothing"
    );
}

#[tokio::test]
async fn however_many_wait_the_source_is_asked_once() {
    let route = Route::new(keep().with_patience(secs(20)));
    route.is(Mood::Held);
    let all = async {
        let mut waiting = Vec::new();
        for _ in 0..50 {
            waiting.push(Box::pin(route.next()));
        }
        let mut answers = Vec::new();
        let mut first = waiting.remove(0);
        // The first leads, and goes away: the next takes over.
        let left = tokio::time::timeout(Duration::from_millis(50), &mut first).await;
        let waited = left.expect_err("nobody has answered yet").to_string();
        assert_eq!(waited, "deadline has elapsed");
        drop(first);
        assert_eq!(route.asked(), 1);
        route.vault.go.add_permits(1);
        answers.extend(beside_each_other(waiting).await);
        answers
    };
    let answers = tokio::time::timeout(secs(60), all).await.expect("in time");
    assert_eq!(answers, vec![GOOD; 49]);
    assert_eq!(route.asked(), 1);
}

/// All of them, beside each other.
pub(crate) async fn beside_each_other<T>(
    mut all: Vec<std::pin::Pin<Box<impl Future<Output = T>>>>,
) -> Vec<T> {
    let mut done = Vec::new();
    std::future::poll_fn(|cx| {
        all.retain_mut(|one| match one.as_mut().poll(cx) {
            std::task::Poll::Ready(answer) => {
                done.push(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        if all.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done
}

const FORGED: (u16, &str) = (401, "payload.signature_mismatch");

#[tokio::test]
async fn a_new_key_of_the_senders_is_asked_for_and_nobody_drives_the_source() {
    let route = Route::new(keep());
    route.is(Mood::Old);
    assert_eq!((route.next().await, route.asked()), (FORGED, 1));
    route.is(Mood::Good);
    route.turn(4);
    assert_eq!((route.next().await, route.asked()), (FORGED, 0), "a pause");
    route.turn(1);
    assert_eq!((route.next().await, route.asked()), (GOOD, 1));
    route.turn(5);
    let forged = || delivery("globex", "msg_forged", OK, UnixTime::now());
    assert_eq!((route.send(forged()).await, route.asked()), (FORGED, 1));
    for number in 0..20 {
        assert_eq!(
            (route.send(forged()).await, route.asked()),
            (FORGED, 0),
            "{number}"
        );
        assert_eq!((route.next().await, route.asked()), (GOOD, 0), "{number}");
    }
    // With the source down, the old keys go on to count.
    route.turn(5);
    route.is(Mood::Down);
    assert_eq!((route.send(forged()).await, route.asked()), (FORGED, 1));
    assert_eq!((route.next().await, route.asked()), (GOOD, 0));
}

#[tokio::test]
async fn a_key_that_came_while_the_body_was_arriving_counts() {
    let route = Route::new(keep());
    let (acme, order) = (tenant("acme"), route.order().request(Version::Http2));
    let fetch = async || {
        if let Err(NoKey::Elsewhere(ticket)) = route.keys.find_keys(&Wanted::of(Some(&acme))) {
            ticket.redeem(std::future::pending()).await;
        }
    };
    route.is(Mood::Old);
    fetch().await;
    let head = Head::new(order.method(), order.uri(), order.headers(), UnixTime::now()).from_sender(&acme);
    let mut begun = route
        .verifier
        .begin(&head, 100)
        .expect("a good head")
        .expect("in pieces");
    route.is(Mood::Good);
    route.keys.invalidate(&acme);
    fetch().await;
    begun.update(OK.as_bytes()).expect("it is short");
    let answer = Box::new(begun).finish(UnixTime::now()).map(drop);
    let again = matches!(answer, Err(NotAuthentic::NoKey(NoKey::Elsewhere(_))));
    assert!(again, "verified with keys that are not the last: {answer:?}");
    assert_eq!(route.asked(), 2);
}

#[tokio::test]
async fn a_message_whose_head_is_refused_asks_nobody() {
    let route = Route::new(keep());
    let unsigned = route.order().without("webhook-signature");
    assert_eq!(route.send(unsigned).await, (401, "payload.missing_header"));
    let old = UnixTime::since_unix_epoch(Duration::from_secs(UnixTime::now().as_secs() - 3600));
    let stale = delivery("acme", "msg_old", OK, old);
    assert_eq!(route.send(stale).await, (401, "replay.stale"));
    assert_eq!(route.asked(), 0);
}

#[tokio::test]
async fn no_more_is_kept_than_there_is_room_for() {
    let route = Route::new(keep().with_room(4, 4));
    for number in 0..100 {
        let somebody = tenant(&format!("tenant-{number}"));
        route.is(Mood::Absent);
        let asked = route.keys.find_keys(&Wanted::of(Some(&somebody)));
        if let Err(NoKey::Elsewhere(ticket)) = asked {
            ticket.redeem(std::future::pending()).await;
        }
    }
    route.is(Mood::Good);
    assert_eq!(route.next().await, GOOD);
    assert_eq!(route.keys.len(), 1, "what is not there pushes nobody out");
}

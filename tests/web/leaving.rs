//! The sender goes away: what becomes of the handler, and of the delivery.

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use countersign::replay::{Claim, ClaimAnswer, Claimed, ReplayStore, Settlement, StoreFuture};
use countersign::web::{CallerLayer, OnDisconnect, PayloadLayer};
use http::{Request, Response};
use http_body_util::Full;
use rustls::pki_types::UnixTime;
use tokio::sync::Semaphore;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::door::{Desk, Door, Hands, LEASE, Log, Plan, TEMPLATE, all_behind, keys, payload_layer, world};
use crate::sender::{Answer, Sender, Version, delivery, empty, retry_after, said, send};
use crate::support::Flaky;

const OK: &str = r#"{"status": 200}"#;
const HOLD: &str = r#"{"status": 200, "hold": true}"#;
const FAIL: &str = r#"{"status": 500, "hold": true}"#;

type Route = fn(PayloadLayer, CallerLayer) -> Router<Arc<Desk>>;

fn handled() -> Answer {
    said(200, format!("acme acme-2026 URI {TEMPLATE}"))
}

impl Door {
    async fn leaving(then: OnDisconnect) -> Self {
        let finish: Route = |payload, caller| all_behind(|routes| routes.layer(payload).layer(caller));
        let cancel: Route = |payload, caller| {
            let payload = payload.on_disconnect(OnDisconnect::Cancel);
            all_behind(|routes| routes.layer(payload).layer(caller))
        };
        let route = match then {
            OnDisconnect::Cancel => cancel,
            _ => finish,
        };
        Self::planned(Plan {
            route,
            ..Plan::default()
        })
        .await
    }

    /// Begins a delivery, and goes away when its handler has begun: by closing the connection, or by resetting the
    /// stream and keeping the connection.
    async fn leave(&self, version: Version, body: &str) -> Sender {
        let sender = Sender::connect(self.address, Some(&world().acme), version).await;
        let mut sender = sender.expect("a connection");
        let order = delivery("acme", "msg_1", body, self.hands.now());
        tokio::select! {
            answer = sender.try_send(order) => panic!("{answer:?}"),
            () = self.desk.begun() => {}
        }
        sender
    }

    async fn retry(&self) -> Answer {
        send(
            self.address,
            &world().acme,
            delivery("acme", "msg_1", OK, self.hands.now()),
        )
        .await
    }

    async fn eventually_handled(&self) {
        for _ in 0..500 {
            if !self.desk.handled.lock().expect("not poisoned").is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never handled");
    }
}

#[tokio::test]
async fn a_handler_goes_on_without_its_sender_and_settles_the_delivery() {
    for version in [Version::Http1, Version::Http2] {
        let door = Door::leaving(OnDisconnect::Finish).await;
        let kept = door.leave(version, HOLD).await;
        let kept = (version == Version::Http2).then_some(kept);
        door.log.wait_for("gone: acme").await;
        assert_eq!(
            door.retry().await,
            retry_after(LEASE + 1),
            "{version:?}: it is being handled"
        );
        door.desk.go.add_permits(1);
        door.eventually_handled().await;
        assert_eq!(door.retry().await, empty(200), "{version:?}: it was handled");
        assert_eq!(door.desk.handled(), ["acme"], "{version:?}: once");
        drop(kept);
    }
}

#[tokio::test]
async fn a_handler_that_fails_without_its_sender_lets_the_retry_in() {
    let door = Door::leaving(OnDisconnect::Finish).await;
    drop(door.leave(Version::Http1, FAIL).await);
    door.log.wait_for("gone: acme").await;
    door.desk.go.add_permits(1);
    door.eventually_handled().await;
    assert_eq!(door.retry().await, handled(), "nothing to wait for");
}

#[tokio::test]
async fn a_handler_that_is_cancelled_leaves_its_delivery_to_the_lease() {
    for version in [Version::Http1, Version::Http2] {
        let door = Door::leaving(OnDisconnect::Cancel).await;
        drop(door.leave(version, HOLD).await);
        door.log.wait_for("gone: acme").await;
        door.desk.go.add_permits(1);
        assert_eq!(door.retry().await, retry_after(LEASE + 1), "{version:?}");
        door.hands.turn(LEASE);
        assert_eq!(door.retry().await, retry_after(1), "{version:?}");
        door.hands.turn(1);
        assert_eq!(door.retry().await, handled(), "{version:?}");
        assert_eq!(
            door.desk.handled(),
            ["acme"],
            "{version:?}: the first came to nothing"
        );
    }
}

// --- one request, without a socket --------------------------------------------------------------------------------------

/// A store whose answers are a long time on their way.
#[derive(Debug, Default)]
struct FarAway {
    inner: Flaky,
    asked: Turnstile,
    answer: Turnstile,
    claims_too: bool,
}

#[derive(Debug)]
struct Turnstile(Semaphore);

impl Default for Turnstile {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Turnstile {
    async fn pass(&self) {
        self.0.acquire().await.expect("open").forget();
    }
}

impl FarAway {
    async fn travel(&self) {
        self.asked.0.add_permits(1);
        self.answer.pass().await;
    }
}

impl ReplayStore for FarAway {
    fn claim<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ClaimAnswer> {
        Box::pin(async {
            if self.claims_too {
                self.travel().await;
            }
            self.inner.claim(claim).await
        })
    }

    fn commit<'a>(&'a self, claimed: &'a Claimed) -> StoreFuture<'a, Settlement> {
        Box::pin(async {
            self.travel().await;
            self.inner.commit(claimed).await
        })
    }

    fn release<'a>(&'a self, claimed: &'a Claimed) -> StoreFuture<'a, Settlement> {
        self.inner.release(claimed)
    }
}

fn request(id: &str) -> Request<Full<Bytes>> {
    let request = delivery("acme", id, OK, UnixTime::now()).request(Version::Http2);
    request.map(|_| Full::from(OK))
}

async fn fine(_: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::default()))
}

/// Whether the sender leaves while a claim, or a commit, is on its way.
async fn left_on_the_way(claims_too: bool) -> (u16, Vec<String>) {
    let (log, far) = (
        Log::default(),
        Arc::new(FarAway {
            claims_too,
            ..FarAway::default()
        }),
    );
    let layer = payload_layer(keys(&["acme"]), far.clone(), &log, &Hands::default());
    let first = tokio::spawn(layer.layer(service_fn(fine)).oneshot(request("msg_1")));
    far.asked.pass().await;
    first.abort();
    assert!(first.await.expect_err("aborted").is_cancelled());
    far.answer.0.add_permits(10);
    for _ in 0..500 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let Ok(again) = layer.layer(service_fn(fine)).oneshot(request("msg_1")).await;
        if again.status() != 503 {
            return (again.status().as_u16(), log.take());
        }
    }
    panic!("neither handled nor let in");
}

#[tokio::test]
async fn a_commit_that_is_on_its_way_arrives() {
    let (status, told) = left_on_the_way(false).await;
    assert_eq!(status, 200);
    assert_eq!(told.first().map(String::as_str), Some("accepted: acme"));
    let count = |line: &str| told.iter().filter(|told| *told == line).count();
    assert_eq!((count("accepted: acme"), count("gone: acme")), (1, 1), "{told:?}");
    assert_eq!(
        told.last().map(String::as_str),
        Some("refused: nobody replay.handled")
    );
}

#[tokio::test]
async fn a_claim_that_is_on_its_way_is_not_forgotten() {
    let (status, told) = left_on_the_way(true).await;
    assert_eq!(status, 200);
    let count = |line: &str| told.iter().filter(|told| *told == line).count();
    assert_eq!((count("accepted: acme"), count("gone: acme")), (1, 1), "{told:?}");
}

#[tokio::test]
async fn before_anything_is_claimed_there_is_nothing_to_finish() {
    let (log, store) = (Log::default(), Arc::<Flaky>::default());
    let layer = payload_layer(keys(&["acme"]), store.clone(), &log, &Hands::default());
    let (body, _writer) = tokio::io::duplex(64);
    let body = crate::slow::Never(body);
    let request = request("msg_1").map(|_| body);
    let waiting = tokio::spawn(layer.layer(service_fn(fine)).oneshot(request));
    tokio::time::sleep(Duration::from_millis(100)).await;
    waiting.abort();
    assert!(waiting.await.expect_err("aborted").is_cancelled());
    assert_eq!((store.len(), log.take()), (0, vec![]));
}

/// Catches its panic, and drops it only then.
async fn caught<T>(future: impl Future<Output = T>) {
    let mut future = Box::pin(future);
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(polled) => polled.map(|_| panic!("an answer")),
            Err(_) => Poll::Ready(()),
        },
    )
    .await;
}

#[tokio::test]
async fn a_handler_that_panics_is_not_run_on() {
    let (log, store) = (Log::default(), Arc::<Flaky>::default());
    let hands = Hands::default();
    let layer = payload_layer(keys(&["acme"]), store.clone(), &log, &hands);
    let panics = service_fn(|request: Request<Full<Bytes>>| async move {
        assert_eq!(request.uri().path(), "/nowhere", "the handler panics");
        fine(request).await
    });
    let first = tokio::spawn(layer.layer(panics).oneshot(request("msg_1")));
    assert!(first.await.expect_err("a panic").is_panic());
    assert_eq!((store.len(), log.take()), (1, vec!["accepted: acme".to_owned()]));
    caught(layer.layer(panics).oneshot(request("msg_2"))).await;
    assert_eq!(
        log.take(),
        ["accepted: acme"],
        "caught outside, as tower-http does"
    );
    let waits = layer.layer(service_fn(|_: Request<Full<Bytes>>| {
        pending::<Result<Response<Full<Bytes>>, Infallible>>()
    }));
    let mut waiting = Box::pin(waits.oneshot(request("msg_3")));
    let around = tokio::spawn(poll_fn(move |cx| {
        assert!(waiting.as_mut().poll(cx).is_ready(), "a layer around it panics");
        Poll::Ready(())
    }));
    assert!(around.await.expect_err("a panic").is_panic());
    assert_eq!(log.take(), ["accepted: acme"], "somebody else's panic ends it");
    let Ok(early) = layer.layer(service_fn(fine)).oneshot(request("msg_1")).await;
    assert_eq!(early.status(), 503, "the lease holds");
    hands.turn(LEASE + 1);
    let Ok(late) = layer.layer(service_fn(fine)).oneshot(request("msg_1")).await;
    assert_eq!(late.status(), 200);
    assert_eq!(
        log.take(),
        ["refused: nobody replay.in_progress", "accepted: acme"]
    );
}

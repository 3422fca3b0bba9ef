//! Too much at once: however senders come and go, only so many deliveries are under way.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use countersign::payload::Keyring;
use countersign::refusal::{Busy, Refusal};
use countersign::tls::ClientAuth;
use countersign::web::{CallerLayer, CertificateDemand, Connection, OnDisconnect, PayloadLayer};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Frame};
use rustls::pki_types::UnixTime;
use tokio::task::JoinSet;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::door::{Desk, Door, Hands, Log, Plan, all_behind, keys, payload_layer, world};
use crate::sender::{Answer, AnyError, Delivery, Sender, Version, delivery, retry_after, said, send};
use crate::support::{Flaky, tenant};
use crate::wiring::caller;

const OK: &str = r#"{"status": 200}"#;
const HOLD: &str = r#"{"status": 200, "hold": true}"#;

/// Places in all, and as many for one tenant. One of them is kept for a tenant that has none.
const PLACES: usize = 4;
const OF_ONE: usize = 3;
const LARGE: usize = 1024 * 1024;
/// As a refusal says it.
const AGAIN: u64 = 5;

fn narrow(payload: PayloadLayer, caller: CallerLayer) -> Router<Arc<Desk>> {
    let payload = payload.with_max_deliveries(PLACES, PLACES).with_limit(LARGE);
    let caller = caller.with_demand(CertificateDemand::never());
    all_behind(|routes| routes.layer(payload).layer(caller))
}

impl Door {
    /// Certificates are taken where they are shown.
    async fn narrow(keys: Keyring) -> Self {
        Self::planned(Plan {
            keys,
            client_auth: ClientAuth::Offer,
            route: narrow,
            ..Plan::default()
        })
        .await
    }

    fn signed(&self, owner: &str, id: &str, body: &str) -> Delivery {
        delivery(owner, id, body, self.hands.now()).to("/hook")
    }

    /// Sends, and goes away when the handler has begun. What it was told otherwise: a refusal, or a connection that was
    /// closed in the middle of a body that nobody wanted.
    async fn hang_up(
        &self,
        version: Version,
        certified: bool,
        order: Delivery,
    ) -> Option<Result<Answer, AnyError>> {
        let certificate = certified.then_some(&world().acme);
        let sender = Sender::connect(self.address, certificate, version).await;
        let mut sender = sender.expect("a connection");
        let before = self.desk.begun.available_permits();
        let begun = async {
            while self.desk.begun.available_permits() == before {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            answer = sender.try_send(order) => Some(answer),
            () = begun => None,
        }
    }

    /// Lets all handlers go on, until none is under way.
    async fn let_go(&self) {
        self.desk.go.add_permits(10_000);
        for _ in 0..1_000 {
            if self.desk.running() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} are under way still", self.desk.running());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn senders_that_hang_up_run_no_more_handlers_than_there_are_places() {
    let padded = format!("{HOLD}{}", " ".repeat(LARGE - HOLD.len()));
    #[rustfmt::skip]
    let cases = [
        ("with a certificate", Version::Http1, true, HOLD, 60),
        ("with a certificate", Version::Http2, true, HOLD, 60),
        ("without", Version::Http1, false, HOLD, 60),
        ("with large bodies", Version::Http1, true, &padded, 20),
        ("with large bodies, without", Version::Http2, false, &padded, 20),
    ];
    for (name, version, certified, body, senders) in cases {
        // Without a certificate, a key that is only one's says whose a delivery is.
        let keys = if certified {
            world().keys.clone()
        } else {
            keys(&["acme"])
        };
        let door = Door::narrow(keys).await;
        let mut refused = 0;
        for number in 0..senders {
            let order = door.signed("acme", &format!("msg_{number}"), body);
            match door.hang_up(version, certified, order).await {
                Some(Ok(answer)) => {
                    assert_eq!(answer, retry_after(AGAIN), "{name}, {version:?}");
                    refused += 1;
                }
                Some(Err(error)) => {
                    assert!(body.len() > HOLD.len(), "{name}, {version:?}: {error}");
                    refused += 1;
                }
                None => {}
            }
            let running = door.desk.running();
            assert!(running <= PLACES, "{name}, {version:?}: {running} at once");
        }
        assert_eq!(
            (door.desk.running(), refused),
            (OF_ONE, senders - OF_ONE),
            "{name}, {version:?}"
        );
        let told = door.log.take();
        let code = if certified {
            "acme server.busy"
        } else {
            "nobody server.busy"
        };
        let busy = told.iter().filter(|line| **line == format!("refused: {code}"));
        assert_eq!(busy.count(), refused, "{name}, {version:?}: {told:?}");

        if certified {
            // Whoever has nothing under way gets the last place, and is not kept from it.
            let other = send(door.address, &world().globex, door.signed("globex", "msg_1", OK)).await;
            assert_eq!(other, said(200, "globex globex-2026"), "{name}, {version:?}");
            assert_eq!(door.desk.handled(), ["globex"], "{name}, {version:?}");
        }
        door.let_go().await;
        let retry = send(door.address, &world().acme, door.signed("acme", "msg_19", OK)).await;
        assert_eq!(
            retry,
            said(200, "acme acme-2026"),
            "{name}, {version:?}: nothing was lost"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_begun_and_reset_run_no_more_handlers_than_there_are_places() {
    let door = Door::narrow(world().keys.clone()).await;
    let connect = || Sender::connect(door.address, Some(&world().acme), Version::Http2);
    let mut sender = connect().await.expect("a connection");
    let (mut number, mut refused) = (0, 0);
    // On a busy machine, many are reset before anything came of them.
    while refused < 100 && number < 2_000 {
        number += 1;
        let order = door.signed("acme", &format!("msg_{number}"), HOLD);
        match tokio::time::timeout(Duration::from_millis(12), sender.try_send(order)).await {
            Ok(Ok(answer)) => {
                assert_eq!(answer, retry_after(AGAIN));
                refused += 1;
            }
            // The server may have had enough of it.
            Ok(Err(_)) => sender = connect().await.expect("a connection"),
            Err(_) => {}
        }
        let running = door.desk.running();
        assert!(running <= PLACES, "{running} at once");
    }
    assert_eq!((door.desk.running(), refused), (OF_ONE, 100), "after {number}");
    door.let_go().await;
    let later = send(door.address, &world().acme, door.signed("acme", "msg_later", OK)).await;
    assert_eq!(later, said(200, "acme acme-2026"));
}

// --- one request, without a socket --------------------------------------------------------------------------------------

/// A body of a megabyte that never ends, and what was read of all such bodies.
struct Endless {
    left: usize,
    read: Arc<AtomicUsize>,
}

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        const PIECE: usize = 64 * 1024;
        if self.left < PIECE {
            return Poll::Pending;
        }
        self.left -= PIECE;
        self.read.fetch_add(PIECE, SeqCst);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b' '; PIECE])))))
    }
}

async fn fine(_: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::default()))
}

fn quiet(keys: Keyring, in_all: usize, per_tenant: usize) -> PayloadLayer {
    let layer = payload_layer(keys, Arc::<Flaky>::default(), &Log::default(), &Hands::default());
    layer.with_limit(LARGE).with_max_deliveries(in_all, per_tenant)
}

fn from(mut request: Request<Endless>, address: [u8; 4]) -> Request<Endless> {
    let connection = Connection::new((address, 443).into(), None).expect("no chain");
    request.extensions_mut().insert(connection);
    request
}

/// Of strangers, who may say anything, so many bodies are read at once, of all of them and of one source.
#[tokio::test]
async fn bodies_of_nobody_in_particular_are_bounded_before_they_are_read() {
    let read = Arc::new(AtomicUsize::new(0));
    let layer = quiet(keys(&["acme"]), 8, 3);
    let stranger = |address| {
        let request = delivery("acme", "msg_1", OK, UnixTime::now()).request(Version::Http1);
        let (left, read) = (LARGE, read.clone());
        let request = from(request.map(|_| Endless { left, read }), address);
        layer.layer(service_fn(fine)).oneshot(request)
    };
    let mut reading = JoinSet::new();
    let mut refused = Vec::new();
    for number in 0..100_u8 {
        // Every second one comes from one address, the others from as many.
        let address = if number % 2 == 0 {
            [192, 0, 2, 1]
        } else {
            [198, 51, 100, number]
        };
        let mut one = Box::pin(stranger(address));
        match poll_once(&mut one) {
            Poll::Ready(Ok(response)) => {
                assert_eq!(response.status(), 503);
                refused.push(response.extensions().get::<Refusal>().cloned().expect("why"));
            }
            Poll::Pending => drop(reading.spawn(one)),
        }
    }
    assert_eq!((reading.len(), read.load(SeqCst)), (8, 8 * LARGE));
    let count = |busy: &Busy| refused.iter().filter(|why| **why == busy.clone().into()).count();
    let (source, all) = (Busy::Source { limit: 3 }, Busy::Reading { limit: 8 });
    assert_eq!((count(&source), count(&all), refused.len()), (47, 45, 92));

    reading.abort_all();
    while reading.join_next().await.is_some() {}
    assert!(
        poll_once(&mut Box::pin(stranger([192, 0, 2, 1]))).is_pending(),
        "they are free again"
    );
}

/// Asks it once.
fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    let cx = &mut Context::from_waker(std::task::Waker::noop());
    Pin::new(future).poll(cx)
}

/// A tenant's number, however its senders came.
#[tokio::test]
async fn each_tenant_has_its_share_and_clones_of_a_layer_have_one_limit() {
    let (layer, busy) = (quiet(world().keys.clone(), 8, 2), |owner: &str| Busy::Tenant {
        tenant: tenant(owner),
        limit: 2,
    });
    let never = service_fn(|_: Request<Full<Bytes>>| async {
        std::future::pending::<()>().await;
        fine(Request::default()).await
    });
    let other_route = layer.clone().on_disconnect(OnDisconnect::Cancel);
    let ask = |layer: &PayloadLayer, owner: &str, id: &str| {
        let request = delivery(owner, id, OK, UnixTime::now()).request(Version::Http1);
        let mut request = request.map(|_| Full::from(OK));
        let certificate = if owner == "acme" {
            &world().acme
        } else {
            &world().globex
        };
        request.extensions_mut().insert(caller(certificate));
        Box::pin(layer.layer(never).oneshot(request))
    };
    let mut first = ask(&layer, "acme", "msg_1");
    let mut second = ask(&other_route, "acme", "msg_2");
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut second).is_pending());
    let Poll::Ready(Ok(third)) = poll_once(&mut ask(&layer, "acme", "msg_3")) else {
        panic!("it was let in");
    };
    assert_eq!(third.extensions().get(), Some(&Refusal::from(busy("acme"))));
    assert!(
        poll_once(&mut ask(&layer, "globex", "msg_1")).is_pending(),
        "another tenant"
    );

    // One goes on without its sender, the other is cancelled.
    drop((first, second));
    assert!(
        poll_once(&mut ask(&other_route, "acme", "msg_4")).is_pending(),
        "one place is free"
    );
    let mut fourth = ask(&layer, "acme", "msg_5");
    assert!(
        poll_once(&mut fourth).is_pending(),
        "the last of them was cancelled, too"
    );
    let Poll::Ready(Ok(last)) = poll_once(&mut ask(&layer, "acme", "msg_6")) else {
        panic!("it was let in");
    };
    assert_eq!(
        last.extensions().get(),
        Some(&Refusal::from(busy("acme"))),
        "the first goes on"
    );
}

/// The text that a receiver of one tenant has in its log.
#[test]
fn a_refusal_says_what_is_full() {
    let tenant = tenant("acme");
    let said = Refusal::from(Busy::Tenant { tenant, limit: 128 }).to_string();
    assert_eq!(said, "128 deliveries of acme are under way, and no more may be");
}

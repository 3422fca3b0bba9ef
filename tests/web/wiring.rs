//! Servers that are put together otherwise: wrongly, in part, or without axum.

mod bare;
mod proofs;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use bytes::Bytes;
use countersign::gate::{Caller, Countersigned, Policy};
use countersign::identity::PeerChain;
use countersign::live::Live;
use countersign::observe::{Event, Observer};
use countersign::payload::{
    Authentic, Fresh, HmacVerifier, Message, NoKey, NotAuthentic, Scheme, VerifyPayload,
};
use countersign::refusal::Refusal;
use countersign::replay::{MemoryStore, Replayed};
use countersign::testing::TestCert;
use countersign::web::{CallerLayer, Connection, PayloadLayer};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use rustls::pki_types::UnixTime;
use tower::{Layer, Service, ServiceBuilder, ServiceExt as _, service_fn};

use crate::door::{Desk, Door, Hands, Log, Plan, all_behind, keys, payload_layer, world};
use crate::sender::{Version, delivery, empty, send};
use crate::support::Flaky;

const OK: &str = r#"{"status": 200}"#;

// --- unobserved ---------------------------------------------------------------------------------------------------------

/// What was written, for the test to read.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("a lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The peer sees a blank 500; whoever has built the server sees what is missing, and nothing else unasked.
#[tokio::test]
async fn a_missing_layer_is_told_of_where_nobody_observes() {
    async fn handler(_: Fresh) {}
    let (lines, routes) = (Lines::default(), || Router::new().route("/", post(handler)));
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .without_time()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let layer = PayloadLayer::new(
        HmacVerifier::new(Scheme::github(), keys(&["acme"])),
        MemoryStore::default(),
    );

    for (name, app, status, told) in [
        (
            "no layer",
            routes(),
            500,
            "ERROR countersign: refused code=\"server.not_wired\" reason=\"Fresh is missing: put `PayloadLayer` around this route\"\n",
        ),
        ("refused by a layer", routes().layer(layer), 401, ""),
    ] {
        let request = Request::post("/").body(Body::empty()).expect("a request");
        let response = app.oneshot(request).await.expect("an answer");
        let written = std::mem::take(&mut *lines.0.lock().expect("a lock"));
        assert_eq!(response.status(), status, "{name}");
        assert_eq!(String::from_utf8_lossy(&written), told, "{name}");
    }
}

// --- wrongly ------------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_layer_that_is_missing_or_misplaced_is_a_closed_door() {
    type Route = fn(PayloadLayer, CallerLayer) -> Router<Arc<Desk>>;
    let none: Route = |_, _| all_behind(|routes| routes);
    let only_caller: Route = |_, caller| all_behind(|routes| routes.layer(caller));
    let only_payload: Route = |payload, _| all_behind(|routes| routes.layer(payload));
    let inside_out: Route = |payload, caller| all_behind(|routes| routes.layer(caller).layer(payload));
    let well: Route = |payload, caller| all_behind(|routes| routes.layer(payload).layer(caller));
    let (as_acme, not_wired) = (
        "refused: acme server.not_wired",
        "refused: nobody server.not_wired",
    );
    let accepted = "accepted: acme";
    #[rustfmt::skip]
    let cases: [(_, Route, _, u16, &[&str]); 11] = [
        ("no layer at all", none, "/orders", 500, &[]),
        ("no layer at all", none, "/hook", 500, &[]),
        ("no layer at all", none, "/who", 500, &[]),
        ("no PayloadLayer", only_caller, "/orders", 500, &[as_acme]),
        ("no PayloadLayer", only_caller, "/hook", 500, &[as_acme]),
        ("no CallerLayer", only_payload, "/orders", 500, &[accepted, as_acme]),
        ("no CallerLayer", only_payload, "/who", 500, &[accepted, as_acme]),
        ("PayloadLayer around CallerLayer", inside_out, "/orders", 500, &[accepted, not_wired]),
        ("PayloadLayer around CallerLayer", inside_out, "/hook", 500, &[accepted, not_wired]),
        ("PayloadLayer around CallerLayer", inside_out, "/who", 500, &[accepted, not_wired]),
        ("CallerLayer around PayloadLayer", well, "/orders", 200, &[accepted]),
    ];
    for (name, route, path, status, told) in cases {
        let door = Door::planned(Plan {
            route,
            keys: keys(&["acme"]),
            ..Plan::default()
        })
        .await;
        let order = delivery("acme", "msg_1", OK, door.hands.now()).to(path);
        let answer = send(door.address, &world().acme, order).await;
        assert_eq!(answer.status, status, "{name}: {path}");
        assert!(
            status == 200 || answer == empty(500),
            "{name}: {path}: {answer:?}"
        );
        assert_eq!(door.log.take()[1..], *told, "{name}: {path}");
        let handled = usize::from(status == 200);
        assert_eq!(
            (door.desk.handled().len(), door.store.len()),
            (handled, handled),
            "{name}: {path}"
        );
    }
}

// --- one request, without a socket --------------------------------------------------------------------------------------

/// What the innermost service finds in the request's extensions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Found {
    caller: Option<String>,
    fresh: Option<String>,
    both: Option<String>,
    body: Bytes,
}

type Plain = Response<Full<Bytes>>;

async fn find(request: Request<Full<Bytes>>) -> Result<Plain, Infallible> {
    let found = |request: &Request<_>| {
        let proofs = request.extensions();
        Found {
            caller: proofs.get::<Caller>().map(|proof| proof.tenant().to_string()),
            fresh: proofs.get::<Fresh>().map(|proof| proof.sender().to_string()),
            both: proofs
                .get::<Countersigned>()
                .map(|proof| proof.tenant().to_string()),
            body: Bytes::new(),
        }
    };
    let mut found = found(&request);
    found.body = request.into_body().collect().await?.to_bytes();
    let mut response = Response::new(Full::default());
    response.extensions_mut().insert(found);
    Ok(response)
}

fn policy() -> Policy {
    Policy::new(world().trust(&world().ca), world().tenants(&["acme", "globex"]))
}

fn connection(certificate: Option<&TestCert>) -> Connection {
    let peer = SocketAddr::from(([127, 0, 0, 1], 443));
    let chain = certificate.map(TestCert::chain);
    Connection::new(peer, chain.as_deref()).expect("a chain")
}

pub(crate) fn caller(certificate: &TestCert) -> Caller {
    let chain = PeerChain::parse(certificate.chain()).expect("a chain");
    Caller::identify(&policy(), chain, UnixTime::now()).expect("a caller")
}

fn request(owner: &str, id: &str) -> Request<Full<Bytes>> {
    let request = delivery(owner, id, OK, UnixTime::now()).request(Version::Http2);
    request.map(|_| Full::from(OK))
}

async fn ask<S, B>(service: S, request: Request<B>) -> Plain
where
    S: Service<Request<B>, Response = Plain, Error = Infallible>,
{
    let Ok(response) = service.oneshot(request).await;
    response
}

fn on<B>(connection: &Connection, mut request: Request<B>) -> Request<B> {
    request.extensions_mut().insert(connection.clone());
    request
}

/// What the innermost service found, or the status and the refusal in the response's extensions.
fn outcome(response: &Plain) -> Result<Found, (u16, Refusal)> {
    if let Some(found) = response.extensions().get::<Found>() {
        return Ok(found.clone());
    }
    let refusal = response.extensions().get::<Refusal>().cloned();
    assert_eq!(
        response.body().clone().into_inner(),
        None,
        "the peer is told nothing"
    );
    Err((
        response.status().as_u16(),
        refusal.expect("the operator is told why"),
    ))
}

#[tokio::test]
async fn a_refusal_travels_in_the_responses_extensions() {
    let (world, log, store) = (world(), Log::default(), Arc::<Flaky>::default());
    let service = ServiceBuilder::new()
        .layer(CallerLayer::new(policy()).observed_by(Arc::new(log.clone())))
        .layer(payload_layer(
            world.keys.clone(),
            store.clone(),
            &log,
            &Hands::default(),
        ))
        .service_fn(find);
    let (acme, nobody) = (connection(Some(&world.acme)), connection(None));
    let twice = request("acme", "msg_1");
    let found = Found {
        caller: Some("acme".into()),
        fresh: Some("acme".into()),
        both: Some("acme".into()),
        body: OK.into(),
    };
    #[rustfmt::skip]
    let cases = [
        ("good", on(&acme, twice.clone()), Ok(found), "accepted: acme"),
        ("again", on(&acme, twice), Err((200, Replayed::Handled.into())), "refused: acme replay.handled"),
        ("no certificate", on(&nobody, request("acme", "msg_2")), Err((401, Refusal::NoCertificate)), "refused: nobody identity.no_certificate"),
        ("another's signature", on(&acme, request("globex", "msg_2")), Err((401, NotAuthentic::SignatureMismatch.into())), "refused: acme payload.signature_mismatch"),
    ];
    for (name, request, expected, line) in cases {
        assert_eq!(outcome(&ask(service.clone(), request).await), expected, "{name}");
        assert_eq!(log.take(), [line], "{name}");
    }
    store.set_up(false);
    let response = ask(service.clone(), on(&acme, request("acme", "msg_3"))).await;
    assert_eq!(outcome(&response), Err((503, crate::support::cut_off().into())));
    assert_eq!(response.headers()["retry-after"], "5");
    log.take();

    let without = ask(service, request("acme", "msg_3")).await;
    let not_wired = outcome(&without).map_err(|(status, refusal)| (status, refusal.code()));
    assert_eq!(not_wired, Err((500, "server.not_wired")));
    assert_eq!(log.take(), ["refused: nobody server.not_wired"]);
}

/// Counts the callers that it is told of.
#[derive(Debug, Default)]
struct Callers(AtomicUsize);

impl Observer for Callers {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Identified { .. } = event {
            self.0.fetch_add(1, Relaxed);
        }
    }
}

/// A server with a policy asks whose a connection is before its first request does.
#[tokio::test]
async fn a_caller_is_told_of_once_whoever_has_asked_before() {
    let (world, now) = (world(), UnixTime::now());
    for asked_before in [false, true] {
        let trust = Arc::new(Live::new(world.trust(&world.ca)));
        let policy = Policy::new(trust.clone(), world.tenants(&["acme"]));
        let (told, acme) = (Arc::<Callers>::default(), connection(Some(&world.acme)));
        let service = CallerLayer::new(policy.clone())
            .observed_by(told.clone())
            .layer(service_fn(find));
        for (name, expected) in [("at first", 1), ("after a change", 2)] {
            if asked_before {
                acme.identify(&policy, now).expect("a caller");
            }
            for _ in 0..3 {
                let found = ask(service.clone(), on(&acme, request("acme", "msg_1"))).await;
                assert_eq!(found.status(), 200);
            }
            assert_eq!(
                told.0.load(Relaxed),
                expected,
                "{name}; asked before: {asked_before}"
            );
            trust.replace(world.trust(&world.ca));
        }
    }
}

/// Denies everything, in words given.
#[derive(Debug, Clone)]
struct Denies(NotAuthentic);

impl VerifyPayload for Denies {
    fn verify_payload<'m>(&self, _: &Message<'m>) -> Result<Authentic<'m>, NotAuthentic> {
        Err(self.0.clone())
    }
}

#[tokio::test]
async fn keys_that_are_not_loaded_are_an_outage() {
    let cases = [
        (NotAuthentic::from(NoKey::Unavailable), 503, Some("5")),
        (NotAuthentic::from(NoKey::SenderNeeded), 401, None),
        (NotAuthentic::Denied { reason: "no" }, 401, None),
    ];
    for (forged, status, retry_after) in cases {
        let layer = PayloadLayer::new(Denies(forged.clone()), MemoryStore::default());
        let response = ask(layer.layer(service_fn(find)), request("acme", "msg_1")).await;
        let after = response
            .headers()
            .get("retry-after")
            .map(|seconds| seconds.to_str().expect("ASCII"));
        assert_eq!(after, retry_after, "{forged:?}");
        assert_eq!(outcome(&response), Err((status, forged.into())));
    }
}

/// A body whose transfer fails half-way.
#[derive(Debug, Default)]
struct CutShort(bool);

impl hyper::body::Body for CutShort {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, std::io::Error>>> {
        let frame = match std::mem::replace(&mut self.0, true) {
            false => Ok(hyper::body::Frame::data(OK.into())),
            true => Err(std::io::ErrorKind::UnexpectedEof.into()),
        };
        std::task::Poll::Ready(Some(frame))
    }
}

#[tokio::test]
async fn half_a_body_is_none() {
    let (log, store) = (Log::default(), Arc::<Flaky>::default());
    let layer = payload_layer(keys(&["acme"]), store.clone(), &log, &Hands::default());
    let request = request("acme", "msg_1").map(|_| CutShort::default());
    let response = ask(layer.layer(service_fn(find)), request).await;
    assert_eq!(outcome(&response), Err((400, Refusal::BodyIncomplete)));
    assert_eq!(
        (store.len(), log.take()),
        (0, vec!["refused: nobody payload.body_incomplete".to_owned()])
    );
}

#[tokio::test]
async fn a_service_that_errs_has_handled_nothing() {
    let store = Arc::<Flaky>::default();
    let layer = payload_layer(keys(&["acme"]), store.clone(), &Log::default(), &Hands::default());
    let errs = service_fn(|_: Request<Full<Bytes>>| async { Err::<Plain, _>("out of order") });
    for _ in 0..2 {
        let answer = layer.layer(errs).oneshot(request("acme", "msg_1")).await;
        assert_eq!(answer.err(), Some("out of order"), "it gets there each time");
    }
    assert_eq!(store.len(), 0);
}

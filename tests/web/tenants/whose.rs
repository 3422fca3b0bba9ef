//! Who is asked about, and whose the answer says that it is.

use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use countersign::gate::{Countersigned, Policy};
use countersign::identity::SpkiHash;
use countersign::live::Live;
use countersign::payload::{HmacVerifier, Scheme};
use countersign::replay::MemoryStore;
use countersign::trust::{ExpectedPeers, PinSet, SharedCa, VerifyPeer as _};
use countersign::web::{CallerLayer, CertificateDemand, Connection, PayloadLayer};
use http::{Request, Response};
use http_body_util::Full;
use rustls::pki_types::UnixTime;
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};

use super::{Mood, Route, acme, answer, connection, good_answer, is, keep, nobody, outage, said, who};
use crate::door::world;
use crate::sender::{Version, delivery};

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

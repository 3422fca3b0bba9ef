//! Hops and clients that live elsewhere: what is not known just now is neither a hop nor a client.

use std::convert::Infallible;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::UnixTime;
use countersign::elsewhere::{Fetched, Keep, SourceDown};
use countersign::forwarded::{Format, Forwarder, Hops, NotForwarded};
use countersign::gate::{Caller, Policy};
use countersign::live::Live;
use countersign::payload::http_signature::{
    HttpSignatureKeyring, HttpSignaturePolicy, HttpSignatureVerifier,
};
use countersign::payload::jose::{Algorithm, VerifyingKey};
use countersign::payload::{
    Authentic, FindKeys as _, Head, KeyCache, KeyId, KeySource, Message, NoKey, NotAuthentic, TenantKeys,
    VerifyPayload, Wanted,
};
use countersign::refusal::Refusal;
use countersign::tenant::{PeerIdentity, Rule, TenantCache, TenantId, TenantSource, TenantTable};
use countersign::testing::{NOT_AFTER, NOT_BEFORE, NOW, TestCa, TestCert};
use countersign::trust::PrivateCa;
use countersign::web::{CallerLayer, CertificateDemand, Clock, Connection};
use http::{HeaderMap, HeaderName, Method, Request, Response, Uri};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::decisions::{KEY, byte_sequence, origin, signed, with_cert};
use crate::world::{World, name};

/// Tenants by the last segment of their name, and the edge's key; or nobody knows.
#[derive(Debug, Clone, Default)]
struct Directory {
    down: Arc<Mutex<bool>>,
    asked: Arc<AtomicUsize>,
}

impl Directory {
    fn ask(&self) -> Result<(), SourceDown> {
        self.asked.fetch_add(1, SeqCst);
        match *self.down.lock().expect("no panic") {
            true => Err(SourceDown::new("gone")),
            false => Ok(()),
        }
    }

    fn is_down(&self, down: bool) {
        *self.down.lock().expect("no panic") = down;
    }

    fn asked(&self) -> usize {
        self.asked.swap(0, SeqCst)
    }

    /// What trusts this authority, and asks here whose its customers are.
    fn policy(&self, world: &World, ca: &TestCa) -> Policy {
        let pem = ca.pem();
        let trust = PrivateCa::from_pem(pem.as_bytes(), world.tls.algorithms(), NOW).expect("an anchor");
        Policy::new(trust, TenantCache::new(self.clone(), at_once()))
    }
}

/// Without pauses, so that a test need not wait.
fn at_once() -> Keep {
    Keep::default().with_pause(Duration::ZERO)
}

impl TenantSource for Directory {
    fn fetch_rules<'a>(&'a self, identity: &'a PeerIdentity) -> Fetched<'a, Vec<Rule>> {
        let told = self.ask();
        let shown = identity.written().into_iter().next().unwrap_or_default();
        let tenant = shown.rsplit('/').next().unwrap_or_default().to_owned();
        let rule = format!("{shown} -> {tenant}").parse().expect("a rule");
        Box::pin(async move { told.map(|()| Some(vec![rule])) })
    }
}

impl KeySource<Arc<[VerifyingKey]>> for Directory {
    fn fetch_keys<'a>(&'a self, owner: &'a TenantId) -> Fetched<'a, TenantKeys<Arc<[VerifyingKey]>>> {
        let told = self.ask();
        let key = VerifyingKey::hmac(KeyId::new("edge"), Algorithm::Hs256, KEY).expect("a key");
        Box::pin(async move { told.map(|()| Some(TenantKeys::new(owner.clone(), [key]))) })
    }
}

async fn ask(layer: &CallerLayer, connection: &Connection, headers: HeaderMap) -> (u16, String) {
    let handler = service_fn(async |request: Request<()>| {
        let who = request
            .extensions()
            .get::<Caller>()
            .map(|caller| caller.tenant().to_string());
        assert_eq!(request.headers().get("client-cert"), None, "it is removed");
        Ok::<_, Infallible>(Response::new(who.unwrap_or("nobody".to_owned())))
    });
    let mut request = Request::new(());
    (*request.method_mut(), *request.uri_mut()) = (Method::GET, Uri::from_static("/paid"));
    *request.headers_mut() = headers;
    request.extensions_mut().insert(connection.clone());
    let Ok(response) = layer.layer(handler).oneshot(request).await;
    let code = response
        .extensions()
        .get()
        .map(|refusal: &Refusal| refusal.code().to_owned());
    (response.status().as_u16(), code.unwrap_or(response.into_body()))
}

fn of(certificate: &TestCert) -> Connection {
    Connection::new(([192, 0, 2, 1], 1).into(), Some(&certificate.chain())).expect("a chain")
}

fn is(status: u16, said: &str) -> (u16, String) {
    (status, said.to_owned())
}

fn layer(policy: Policy, hops: Hops) -> CallerLayer {
    let forwarder = Forwarder::new(hops, Format::rfc_9440()).expect("fields");
    let layer = CallerLayer::new(policy).behind(forwarder);
    layer
        .with_demand(CertificateDemand::never())
        .with_clock(Clock::new(|| NOW))
}

#[tokio::test]
async fn whether_it_is_a_hop_is_waited_for_and_an_outage_is_not_no() {
    let (world, directory) = (World::new(), Directory::default());
    // The hops' authority may be one that clients have, too: then a hop that is not known would pass for a client.
    let clients = world.policy_of(&world.proxies, "spiffe://proxies.example/{tenant}", &["edge"]);
    let hops = Hops::nobody().with_callers(directory.policy(&world, &world.proxies), [name("edge")]);
    let layer = layer(clients, hops);
    let edge = of(&world.edge);
    directory.is_down(true);
    for headers in [HeaderMap::new(), with_cert(&world.acme)] {
        assert_eq!(ask(&layer, &edge, headers).await, is(503, "tenant.unavailable"));
        assert_eq!(directory.asked(), 2, "once more, without a pause");
    }
    directory.is_down(false);
    assert_eq!(ask(&layer, &edge, HeaderMap::new()).await, is(200, "nobody"));
    assert_eq!(
        ask(&layer, &edge, with_cert(&world.acme)).await,
        is(403, "trust.unknown_issuer")
    );
    assert_eq!(directory.asked(), 1);
    // Whom the hops' policy does not trust is no hop, and nobody is asked about him.
    directory.is_down(true);
    assert_eq!(
        ask(&layer, &of(&world.acme), HeaderMap::new()).await,
        is(403, "trust.unknown_issuer")
    );
    assert_eq!(directory.asked(), 0);
}

#[tokio::test]
async fn a_hops_policy_that_was_withdrawn_makes_no_client_of_it() {
    let world = World::new();
    let pem = world.proxies.pem();
    let trust = PrivateCa::from_pem(pem.as_bytes(), world.tls.algorithms(), NOW).expect("an anchor");
    let trust = Live::new(trust);
    // Their names are here, so that the trust alone can be lacking.
    let names = TenantTable::builder()
        .uri("spiffe://proxies.example/{tenant}")
        .known(["edge"]);
    let hops = Policy::new(trust.clone(), names.build().expect("a table"));
    let clients = world.policy_of(&world.proxies, "spiffe://proxies.example/{tenant}", &["edge"]);
    let layer = layer(clients, Hops::nobody().with_callers(hops, [name("edge")]));
    let edge = of(&world.edge);
    assert_eq!(ask(&layer, &edge, HeaderMap::new()).await, is(200, "nobody"));
    trust.withdraw();
    assert_eq!(
        ask(&layer, &edge, HeaderMap::new()).await,
        is(503, "trust.unavailable")
    );
}

/// Time makes a hop of a peer and takes it away again, on a connection that stays open.
#[tokio::test]
async fn an_open_connection_is_a_hops_in_the_time_of_its_certificate_alone() {
    let world = World::new();
    let seconds = Arc::new(AtomicU64::new(0));
    let clock = seconds.clone();
    let hops = Hops::nobody().with_callers(world.hops_policy(), [name("edge")]);
    let layer = layer(world.policy(), hops).with_clock(Clock::new(move || {
        UnixTime::since_unix_epoch(Duration::from_secs(clock.load(SeqCst)))
    }));
    let edge = of(&world.edge);
    let (first, last) = (NOT_BEFORE.as_secs(), NOT_AFTER.as_secs());
    for (second, expected) in [
        (first - 1, 403),
        (first, 200),
        (last, 200),
        (last + 1, 403),
        (last, 200),
    ] {
        seconds.store(second, SeqCst);
        let (status, said) = ask(&layer, &edge, HeaderMap::new()).await;
        assert_eq!(status, expected, "{second}: {said}");
    }
}

/// Knows the keys of nobody just now, or that the signature is not by them.
#[derive(Debug)]
struct Lacking(&'static str);

impl VerifyPayload for Lacking {
    fn verify_payload<'m>(&self, message: &Message<'m>) -> Result<Authentic<'m>, NotAuthentic> {
        match message.sender {
            Some(name) if name.as_str() == self.0 => Err(NoKey::Unavailable.into()),
            _ => Err(NotAuthentic::SignatureMismatch),
        }
    }
}

/// Of two hops, the keys of one are lacking: that the other has not signed does not tell that nobody has.
#[test]
fn an_outage_of_one_hops_keys_is_not_the_others_no() {
    let field = HeaderName::from_static("client-cert");
    let headers = signed(&[field], with_cert(&World::new().acme), "edge", KEY);
    let (method, uri) = (Method::GET, Uri::from_static("/paid"));
    for lacking in ["edge", "other"] {
        let hops = Hops::nobody().with_signatures(Lacking(lacking), [name("edge"), name("other")]);
        let forwarder = Forwarder::new(hops, Format::rfc_9440()).expect("fields");
        let hop = forwarder.signed_by(&Head::new(&method, &uri, &headers, NOW));
        let outage = NotForwarded::HopNotAuthentic(NoKey::Unavailable.into());
        assert_eq!(hop.map(|hop| hop.is_some()), Err(outage), "{lacking}");
    }
}

#[tokio::test]
async fn a_client_that_is_forwarded_is_waited_for() {
    let (world, directory) = (World::new(), Directory::default());
    let hops = Hops::nobody().with_callers(world.hops_policy(), [name("edge")]);
    let layer = layer(directory.policy(&world, &world.clients), hops);
    let edge = of(&world.edge);
    let strict = layer
        .clone()
        .with_demand(CertificateDemand::always().end_to_end());
    let refused = ask(&strict, &edge, with_cert(&world.acme)).await;
    assert_eq!(
        (refused, directory.asked()),
        (is(403, "forwarded.not_end_to_end"), 0)
    );
    let mut other = HeaderMap::new();
    other.insert("client-cert", byte_sequence(&world.logger));
    for layer in [&layer, &strict] {
        let refused = ask(layer, &edge, other.clone()).await;
        assert_eq!(refused, is(403, "trust.unknown_issuer"));
    }
    assert_eq!(directory.asked(), 0, "it is not trusted");
    // What is demanded of nobody is not asked of one whose tenant is not known yet.
    let layer = layer.with_demand(CertificateDemand::never().end_to_end());
    assert_eq!(ask(&layer, &edge, with_cert(&world.acme)).await, is(200, "acme"));
    assert_eq!(directory.asked(), 1);
}

#[tokio::test]
async fn a_hops_keys_are_waited_for() {
    let (world, directory) = (World::new(), Directory::default());
    let keys = KeyCache::new(directory.clone(), at_once());
    let verifier = HttpSignatureVerifier::new(HttpSignaturePolicy::new(origin()), keys.clone());
    let layer = layer(
        world.policy(),
        Hops::nobody().with_signatures(verifier, [name("edge")]),
    );
    let plain = Connection::without_tls(([192, 0, 2, 1], 1).into());
    let field = HeaderName::from_static("client-cert");
    let covered = || signed(std::slice::from_ref(&field), with_cert(&world.acme), "edge", KEY);
    directory.is_down(true);
    assert_eq!(
        ask(&layer, &plain, covered()).await,
        is(503, "payload.keys_unavailable")
    );
    assert_eq!(ask(&layer, &plain, HeaderMap::new()).await, is(200, "nobody"));
    directory.is_down(false);
    assert_eq!(ask(&layer, &plain, covered()).await, is(200, "acme"));
    // Fields that the signature does not cover are not covered for want of a key either.
    keys.invalidate_all();
    let bare = signed(&[], with_cert(&world.acme), "edge", KEY);
    assert_eq!(ask(&layer, &plain, bare).await, is(200, "nobody"));
    assert_eq!(
        ask(&layer, &plain, with_cert(&world.acme)).await,
        is(200, "nobody")
    );
}

/// Verifies so many times; then its keys are lacking, or only once.
#[derive(Debug)]
struct Losing {
    verifier: HttpSignatureVerifier,
    asked: AtomicUsize,
    lost: Range<usize>,
    why: NoKey,
}

impl VerifyPayload for Losing {
    fn verify_payload<'m>(&self, message: &Message<'m>) -> Result<Authentic<'m>, NotAuthentic> {
        let time = self.asked.fetch_add(1, SeqCst);
        match self.lost.contains(&time) {
            true => Err(self.why.clone().into()),
            false => self.verifier.verify_payload(message),
        }
    }
}

/// Coverage is tried out by changes that must be refused: what is refused for want of a key shows nothing.
#[test]
fn a_key_that_goes_missing_while_coverage_is_tried_out_covers_nothing() {
    let world = World::new();
    let field = HeaderName::from_static("client-cert");
    let covered = signed(std::slice::from_ref(&field), with_cert(&world.acme), "edge", KEY);
    let bare = signed(&[], with_cert(&world.acme), "edge", KEY);
    let key = VerifyingKey::hmac(KeyId::new("edge"), Algorithm::Hs256, KEY).expect("a key");
    let keys = HttpSignatureKeyring::builder().keys(name("edge"), [key]);
    let keys = keys.build().expect("keys");
    let ask = |headers: &HeaderMap, lost, why: &NoKey| {
        let losing = Losing {
            verifier: HttpSignatureVerifier::new(HttpSignaturePolicy::new(origin()), keys.clone()),
            asked: AtomicUsize::new(0),
            lost,
            why: why.clone(),
        };
        let hops = Hops::nobody().with_signatures(losing, [name("edge")]);
        let forwarder = Forwarder::new(hops, Format::rfc_9440()).expect("fields");
        let (method, uri) = (Method::GET, Uri::from_static("/paid"));
        let hop = forwarder.signed_by(&Head::new(&method, &uri, headers, NOW));
        hop.map(|hop| hop.is_some())
    };
    let cache = KeyCache::<Arc<[VerifyingKey]>>::new(Directory::default(), at_once());
    let elsewhere = cache.find_keys(&Wanted::of(Some(&name("edge")))).err();
    let elsewhere = elsewhere.expect("they are not here");
    let not_covered = Err(NotForwarded::NotCovered { field });
    // The signature, three changes, and the signature once more.
    for why in [NoKey::Unavailable, elsewhere] {
        let outage = Err(NotForwarded::HopNotAuthentic(why.clone().into()));
        assert_eq!(ask(&covered, 5..6, &why), Ok(true), "{why}");
        assert_eq!(ask(&bare, 2..6, &why), not_covered, "{why}");
        for first in 0..5 {
            assert_eq!(ask(&covered, first..6, &why), outage, "{why} from {first}");
        }
        for first in 0..2 {
            assert_eq!(
                ask(&bare, first..6, &why),
                outage,
                "{why} from {first}, uncovered"
            );
        }
    }
}

//! Deliveries that take their time: fresh when their head came, and too old when the body, or a key, has come.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign::clock::Monotonic;
use countersign::elsewhere::{Fetched, Keep};
use countersign::payload::jose::{
    Algorithm, BodyHash, BoundJwtScheme, HashForm, HmacSigningKey, InvalidJwt, Jwk, JwsVerifier, JwtAt,
    JwtKeyring, JwtRules, JwtScheme, JwtSigner, JwtVerifier,
};
use countersign::payload::{
    FindKeys, HmacSigner, HmacVerifier, KeyCache, KeyId, KeySource, NotAuthentic, Outgoing, Scheme,
    SignPayload, TenantKeys, VerifyPayload, Wanted,
};
use countersign::refusal::Refusal;
use countersign::replay::{Claim, ClaimKey, MemoryStore, NotFresh, ReplayStore as _, Replayed, Terms};
use countersign::tenant::TenantId;
use countersign::web::PayloadLayer;
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Frame};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::door::{Hands, world};
use crate::support::{at, secs, tenant};
use crate::wiring::caller;

const BODY: &[u8] = b"{}";
/// Shorter than what a body or a key may take.
const LEASE: u64 = 10;
const TOLERANCE: u64 = 300;
const LIFETIME: u64 = 3600;
const LEEWAY: u64 = 60;

/// A store, and a clock for it and for the layer.
#[derive(Debug, Clone)]
struct Time {
    hands: Hands,
    store: Arc<MemoryStore>,
}

impl Time {
    fn begun() -> Self {
        let hands = Hands::default();
        let seconds = hands.clone();
        let clock = Monotonic::new(move || secs(seconds.now().as_secs()));
        let store = Arc::new(MemoryStore::default().with_clock(clock));
        Self { hands, store }
    }

    fn now(&self) -> u64 {
        self.hands.now().as_secs()
    }

    /// It passes, and others deliver, so that the store knows and forgets what it may.
    fn passes(&self, seconds: u64) {
        self.hands.turn(seconds);
        let now = self.hands.now();
        let key = ClaimKey::of(&tenant("acme"), "other", [&now.as_secs().to_be_bytes()[..]]);
        let claim = Claim::new(key, tenant("acme"), now, Terms::default(), None);
        let _ = crate::support::now(self.store.claim(&claim));
    }
}

/// A body that is there when so many seconds have passed.
struct Slow {
    time: Time,
    takes: u64,
    body: Option<Bytes>,
}

impl Body for Slow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let body = self.body.take();
        if body.is_some() {
            self.time.passes(self.takes);
        }
        Poll::Ready(body.map(|body| Ok(Frame::data(body))))
    }
}

/// Keys that are there when so many seconds have passed.
#[derive(Debug, Clone)]
struct Far<F> {
    time: Time,
    takes: u64,
    keys: F,
}

impl<K: Send + 'static, F: FindKeys<K>> KeySource<K> for Far<F> {
    fn fetch_keys<'a>(&'a self, owner: &'a TenantId) -> Fetched<'a, TenantKeys<K>> {
        self.time.passes(self.takes);
        let found = self.keys.find_keys(&Wanted::of(Some(owner))).ok();
        Box::pin(async { Ok(found) })
    }
}

/// A scheme whose signatures pass for a while after they were made.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Verified while the body arrives.
    Webhook,
    /// Verified when it is there.
    Token,
}

fn tokens() -> BoundJwtScheme {
    let rules = JwtRules::issuer("https://acme.example").audience("hooks");
    let scheme = JwtScheme::new("acme", JwtAt::bearer(), rules);
    scheme.bound_to_body(BodyHash::in_claim("body", HashForm::Base64Url))
}

fn token_keys() -> JwtKeyring {
    let jwk = r#"{"kty":"oct","kid":"k1","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}"#;
    let key: JwsVerifier = Jwk::parse(jwk.as_bytes())
        .expect("a key")
        .verifier(Algorithm::Hs256, &[]);
    let ring = JwtKeyring::builder().keys(tenant("acme"), key);
    ring.build().expect("a ring")
}

impl Kind {
    fn signed(self, now: u64) -> HeaderMap {
        let acme = tenant("acme");
        let outgoing = Outgoing::new(&acme, "msg_1", BODY, at(now));
        let signer: Box<dyn SignPayload> = match self {
            Self::Webhook => Box::new(HmacSigner::new(Scheme::standard_webhooks(), world().keys.clone())),
            Self::Token => {
                let key = HmacSigningKey::new(Algorithm::Hs256, b"0123456789abcdef0123456789abcdef");
                let signer = JwtSigner::new(tokens()).with_lifetime(secs(LIFETIME));
                Box::new(signer.with_key(acme.clone(), KeyId::new("k1"), Arc::new(key.expect("a key"))))
            }
        };
        signer.sign_payload(&outgoing).expect("signed")
    }

    /// The refusal of what was signed then, now that it is too old.
    fn too_late(self, signed: u64, now: u64) -> Refusal {
        let (exp, signed) = (signed + LIFETIME, at(signed));
        let why: NotAuthentic = match self {
            Self::Webhook => NotFresh::Stale { signed, now: at(now) }.into(),
            Self::Token => InvalidJwt::Expired { exp, now }.into(),
        };
        why.into()
    }

    /// By keys that take so long.
    fn verifier(self, time: &Time, takes: u64) -> Arc<dyn VerifyPayload> {
        let (keep, time) = (Keep::default(), time.clone());
        match self {
            Self::Webhook => {
                let keys = world().keys.clone();
                let keys = KeyCache::new(Far { time, takes, keys }, keep);
                Arc::new(HmacVerifier::new(Scheme::standard_webhooks(), keys))
            }
            Self::Token => {
                let keys = token_keys();
                let keys = KeyCache::new(Far { time, takes, keys }, keep);
                Arc::new(JwtVerifier::new(tokens(), keys))
            }
        }
    }
}

/// A receiver, and how often it has handled something.
struct Place {
    time: Time,
    handled: Arc<AtomicUsize>,
}

impl Place {
    fn open() -> Self {
        Self {
            time: Time::begun(),
            handled: Arc::default(),
        }
    }

    /// The refusal, where it was not handled.
    async fn take(
        &self,
        kind: Kind,
        headers: &HeaderMap,
        keys_take: u64,
        body_takes: u64,
    ) -> Option<Refusal> {
        let terms = Terms::default().with_lease(secs(LEASE)).with_window(secs(0));
        let layer = PayloadLayer::new(kind.verifier(&self.time, keys_take), self.time.store.clone())
            .with_terms(terms)
            .with_clock(self.time.hands.clock());
        let handled = self.handled.clone();
        let handler = service_fn(move |_: Request<Full<Bytes>>| {
            handled.fetch_add(1, SeqCst);
            async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) }
        });
        let mut request = Request::new(Slow {
            time: self.time.clone(),
            takes: body_takes,
            body: Some(Bytes::from_static(BODY)),
        });
        request.headers_mut().extend(headers.clone());
        request.extensions_mut().insert(caller(&world().acme));
        let Ok(response) = layer.layer(handler).oneshot(request).await;
        response.extensions().get().cloned()
    }
}

/// All times are counted from the first delivery on.
#[tokio::test]
async fn what_was_handled_is_not_handled_again_however_long_it_takes_to_arrive() {
    use Kind::{Token, Webhook};
    let again = Err(());
    // By a clock that is ahead, so that it passes for as long as any.
    let ahead = TOLERANCE;
    let (last, known) = (2 * TOLERANCE, 2 * TOLERANCE + LEASE);
    let (end, ended) = (LIFETIME + LEEWAY - 1, LIFETIME + LEEWAY + LEASE);
    #[rustfmt::skip]
    let cases = [
        ("at once", Webhook, last, 0, 0, again),
        ("in time", Webhook, last - 9, 0, 9, again),
        ("its keys in time", Webhook, last - 9, 9, 0, again),
        ("too slow", Webhook, last, 0, 1, Ok(last + 1)),
        ("forgotten meanwhile", Webhook, last, 0, LEASE + 1, Ok(known + 1)),
        ("forgotten for its keys", Webhook, last, LEASE + 1, 0, Ok(known + 1)),
        ("forgotten for both", Webhook, last, 5, LEASE - 4, Ok(known + 1)),
        ("at once", Token, end, 0, 0, again),
        ("in time", Token, end - 9, 0, 9, again),
        ("its keys in time", Token, end - 9, 9, 0, again),
        ("too slow", Token, end, 0, 1, Ok(end + 1)),
        ("forgotten meanwhile", Token, end, 0, LEASE + 2, Ok(ended + 1)),
        ("forgotten for its keys", Token, end, LEASE + 2, 0, Ok(ended + 1)),
        ("forgotten for both", Token, end - 5, LEASE + 2, 5, Ok(ended + 1)),
    ];
    for (name, kind, arrives, keys_take, body_takes, refused_at) in cases {
        let place = Place::open();
        let begun = place.time.now();
        let signed = match kind {
            Webhook => begun + ahead,
            Token => begun,
        };
        let headers = kind.signed(signed);
        assert_eq!(place.take(kind, &headers, 0, 0).await, None, "{name}, {kind:?}");
        place.time.passes(arrives);
        let refused = place.take(kind, &headers, keys_take, body_takes).await;
        let expected = match refused_at {
            Ok(now) => kind.too_late(signed, begun + now),
            Err(()) => Replayed::Handled.into(),
        };
        assert_eq!(refused, Some(expected), "{name}, {kind:?}");
        assert_eq!(place.handled.load(SeqCst), 1, "{name}, {kind:?}");
    }
}

/// What takes its time, and is new, has as much of it as its signature passes for.
#[tokio::test]
async fn a_slow_delivery_is_handled_while_it_is_fresh() {
    for (kind, last) in [(Kind::Webhook, TOLERANCE), (Kind::Token, LIFETIME + LEEWAY - 1)] {
        for (keys_take, body_takes) in [(0, last), (last, 0), (100, last - 100)] {
            let place = Place::open();
            let begun = place.time.now();
            let taken = place.take(kind, &kind.signed(begun), keys_take, body_takes).await;
            assert_eq!(taken, None, "{kind:?} {keys_take} {body_takes}");

            let place = Place::open();
            let begun = place.time.now();
            let refused = place
                .take(kind, &kind.signed(begun), keys_take, body_takes + 1)
                .await;
            assert_eq!(refused, Some(kind.too_late(begun, begun + last + 1)), "{kind:?}");
            assert_eq!(place.handled.load(SeqCst), 0, "{kind:?}");
        }
    }
}

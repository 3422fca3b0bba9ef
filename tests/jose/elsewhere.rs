//! Keys that live elsewhere: nothing is asked for a message that is refused without them, and a new key is found.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use countersign::clock::Monotonic;
use countersign::elsewhere::{Fetched, Keep};
use countersign::payload::http_signature::{
    ChooseSignature, HttpSignaturePolicy, HttpSignatureVerifier, HttpSigner,
};
use countersign::payload::jose::{
    DetachedVerifier, HmacSigningKey, JwsVerifier, JwtAt, JwtVerifier, UnboundJwts, VerifyingKey,
};
use countersign::payload::{
    KeyCache, KeyId, KeySource, NoKey, NotAuthentic, Origin, Outgoing, SignPayload as _, TenantKeys,
    VerifyPayload,
};
use http::{HeaderMap, HeaderName};

use crate::claims::{BODY, HS, NOW, Request, at, but, claims, rules, scheme, tenant, token};
use crate::jose_keys::{SECRET, mint};

const OTHER: &[u8] = b"another secret, of more than thirty-two bytes";

/// Tells what it was last told to, and counts.
#[derive(Debug)]
struct Vault<K> {
    keys: Mutex<K>,
    asked: AtomicUsize,
}

#[derive(Debug, Clone)]
struct Source<K>(Arc<Vault<K>>);

impl<K: Clone + fmt::Debug + Send + Sync> KeySource<K> for Source<K> {
    fn fetch_keys<'a>(&'a self, owner: &'a countersign::tenant::TenantId) -> Fetched<'a, TenantKeys<K>> {
        self.0.asked.fetch_add(1, SeqCst);
        let keys = self.0.keys.lock().unwrap().clone();
        Box::pin(async move { Ok(Some(TenantKeys::new(owner.clone(), keys))) })
    }
}

/// A verifier of acme's messages whose keys are in a vault.
struct Stage<K> {
    vault: Arc<Vault<K>>,
    verifier: Box<dyn VerifyPayload>,
    seconds: Arc<AtomicU64>,
}

impl<K: Clone + fmt::Debug + Send + Sync + 'static> Stage<K> {
    fn new<V: VerifyPayload + 'static>(keys: K, verifier: impl FnOnce(KeyCache<K>) -> V) -> Self {
        let (asked, keys) = (AtomicUsize::new(0), Mutex::new(keys));
        let vault = Arc::new(Vault { keys, asked });
        let seconds = Arc::new(AtomicU64::new(0));
        let hands = seconds.clone();
        let clock = Monotonic::new(move || std::time::Duration::from_secs(hands.load(SeqCst)));
        let verifier = Box::new(verifier(KeyCache::with_clock(
            Source(vault.clone()),
            Keep::default(),
            clock,
        )));
        Self {
            vault,
            verifier,
            seconds,
        }
    }

    /// As the layer does: what is lacking is fetched, and asked again. The answer, and how often the vault was asked.
    fn ask(&self, request: &Request, body: &[u8]) -> (Result<(), NotAuthentic>, usize) {
        let (acme, runtime) = (
            tenant("acme"),
            tokio::runtime::Builder::new_current_thread().build().unwrap(),
        );
        for _ in 0..3 {
            let message = request.message(body).from_sender(&acme);
            match self.verifier.verify_payload(&message).map(drop) {
                Err(NotAuthentic::NoKey(NoKey::Elsewhere(ticket))) => {
                    runtime.block_on(ticket.redeem(std::future::pending()));
                }
                answer => return (answer, self.vault.asked.swap(0, SeqCst)),
            }
        }
        panic!("it is never there");
    }

    /// Each of these is refused, and none of them is worth a question: not before there are keys, nor for another.
    fn asks_nobody_about(&self, refused: &[(&str, Request, &[u8])], good: &Request) {
        for (name, request, body) in refused {
            let (answer, asked) = self.ask(request, body);
            assert!(answer.is_err() && asked == 0, "{name}: {answer:?}, asked {asked}");
        }
        assert_eq!(self.ask(good, BODY), (Ok(()), 1));
        self.seconds.fetch_add(5, SeqCst);
        for (name, request, body) in refused {
            let (answer, asked) = self.ask(request, body);
            assert!(
                answer.is_err() && asked == 0,
                "{name}, with keys: {answer:?}, asked {asked}"
            );
        }
        assert_eq!(self.ask(good, BODY), (Ok(()), 0));
    }

    /// The keys in the vault are changed: what is signed with the new one is let in at once, and who is wrong all the time
    /// costs one question in a pause.
    fn finds(&self, new: K, good: &Request) {
        let (answer, asked) = self.ask(good, BODY);
        assert!(
            answer.is_err() && asked == 1,
            "the old key: {answer:?}, asked {asked}"
        );
        *self.vault.keys.lock().unwrap() = new;
        self.seconds.fetch_add(4, SeqCst);
        let (answer, asked) = self.ask(good, BODY);
        assert!(
            answer.is_err() && asked == 0,
            "a pause: {answer:?}, asked {asked}"
        );
        self.seconds.fetch_add(1, SeqCst);
        assert_eq!(self.ask(good, BODY), (Ok(()), 1));
    }

    fn is_driven_by(&self, forged: &Request) {
        self.seconds.fetch_add(5, SeqCst);
        let asked: Vec<_> = (0..10).map(|_| self.ask(forged, BODY)).collect();
        assert!(asked.iter().all(|(answer, _)| answer.is_err()), "{asked:?}");
        let asked: Vec<_> = asked.iter().map(|(_, asked)| *asked).collect();
        assert_eq!(asked, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
}

fn jws(secret: &[u8]) -> JwsVerifier {
    JwsVerifier::of_key(VerifyingKey::hmac(KeyId::new("k"), HS, secret).unwrap())
}

fn forged(request: &Request, name: &HeaderName) -> Request {
    let mut headers = request.headers.clone();
    let mut text = headers[name].to_str().unwrap().to_owned();
    // Another last character of the signature, of the same bits that do not count.
    let last = text.rfind(|other: char| other.is_ascii_alphanumeric()).unwrap() - 1;
    let other = if &text[last..=last] == "A" { "B" } else { "A" };
    text.replace_range(last..=last, other);
    headers.insert(name, text.parse().unwrap());
    Request::with(headers)
}

#[test]
fn tokens() {
    let header = |header: &str| Request::bearing(&mint(HS, header, claims("")));
    let bearing = |claims: &str| Request::bearing(&token(claims));
    let good = bearing(&claims(""));
    let old = (NOW - 3600).to_string();
    #[rustfmt::skip]
    let refused: [(&str, Request, &[u8]); 11] = [
        ("no token", Request::with(HeaderMap::new()), BODY),
        ("no token's shape", Request::bearing("a.b"), BODY),
        ("no signature's shape", Request::bearing("eyJhbGciOiJIUzI1NiJ9.e30.%"), BODY),
        ("no algorithm", header(r#"{"alg":"none"}"#), BODY),
        ("another type", header(r#"{"alg":"HS256","typ":"other"}"#), BODY),
        ("crit", header(r#"{"alg":"HS256","crit":["x"],"x":1}"#), BODY),
        ("no claims", Request::bearing(&token("[]")), BODY),
        ("expired", bearing(&but("exp", Some(&old))), BODY),
        ("another issuer", bearing(&but("iss", Some("\"other\""))), BODY),
        ("another's", bearing(&claims(r#","tenant":"globex""#)), BODY),
        ("another body", bearing(&claims("")), b"{}"),
    ];
    let verifier = |keys| JwtVerifier::new(scheme(rules()), keys);
    Stage::new(jws(SECRET), verifier).asks_nobody_about(&refused, &good);
    let stage = Stage::new(jws(OTHER), verifier);
    stage.finds(jws(SECRET), &good);
    stage.is_driven_by(&forged(&good, &http::header::AUTHORIZATION));
    let name = countersign::payload::jose::JwtScheme::new("test", JwtAt::bearer(), rules());
    let unbound = UnboundJwts::new(name, KeyCache::new(Source(stage.vault.clone()), Keep::default()));
    let expired = bearing(&but("exp", Some(&old)));
    let acme = tenant("acme");
    let answer = unbound
        .recognize(&expired.message(BODY).from_sender(&acme))
        .map(drop);
    assert!(matches!(answer, Err(NotAuthentic::Jwt(_))), "{answer:?}");
}

#[test]
fn detached_signatures() {
    let name = HeaderName::from_static("x-jws-signature");
    let in_field =
        |text: String| Request::with(HeaderMap::from_iter([(name.clone(), text.parse().unwrap())]));
    let detached = |header: &str| {
        let whole = mint(HS, header, std::str::from_utf8(BODY).unwrap());
        let parts: Vec<_> = whole.split('.').collect();
        in_field(format!("{}..{}", parts[0], parts[2]))
    };
    let good = detached(r#"{"alg":"HS256"}"#);
    #[rustfmt::skip]
    let refused: [(&str, Request, &[u8]); 4] = [
        ("none", Request::with(HeaderMap::new()), BODY),
        ("no algorithm", detached(r#"{"alg":"none"}"#), BODY),
        ("with its payload", in_field(mint(HS, r#"{"alg":"HS256"}"#, "{}")), BODY),
        ("no signature's shape", in_field("eyJhbGciOiJIUzI1NiJ9..%".to_owned()), BODY),
    ];
    let verifier = |keys| DetachedVerifier::new("test", JwtAt::header(name.clone()), keys);
    Stage::new(jws(SECRET), verifier).asks_nobody_about(&refused, &good);
    let stage = Stage::new(jws(OTHER), verifier);
    stage.finds(jws(SECRET), &good);
    stage.is_driven_by(&forged(&good, &name));
}

#[test]
fn http_signatures() {
    let origin = || Origin::parse("https://hooks.example").unwrap();
    let signed = |key: &str, body: &[u8], time: u64| {
        let secret = Arc::new(HmacSigningKey::new(HS, SECRET).unwrap());
        let signer = HttpSigner::new(origin()).with_key(tenant("acme"), KeyId::new(key), secret);
        let (acme, request) = (tenant("acme"), Request::with(HeaderMap::new()));
        let outgoing = Outgoing::new(&acme, "1", body, at(time)).with_request(&request.method, &request.uri);
        Request::with(signer.sign_payload(&outgoing).unwrap())
    };
    let good = signed("k", BODY, NOW);
    let without = |name: &str| {
        let mut headers = good.headers.clone();
        headers.remove(name);
        Request::with(headers)
    };
    #[rustfmt::skip]
    let refused: [(&str, Request, &[u8]); 6] = [
        ("no signature", without("signature"), BODY),
        ("no digest", without("content-digest"), BODY),
        ("old", signed("k", BODY, NOW - 3600), BODY),
        ("old, and of a key that is not known", signed("other", BODY, NOW - 3600), BODY),
        ("another body", signed("k", b"{}", NOW), BODY),
        ("another body, and a key that is not known", signed("other", b"{}", NOW), BODY),
    ];
    let keys = |secret: &[u8]| -> Arc<[VerifyingKey]> {
        [VerifyingKey::hmac(KeyId::new("k"), HS, secret).unwrap()].into()
    };
    let verifier = |keys| HttpSignatureVerifier::new(HttpSignaturePolicy::new(origin()), keys);
    Stage::new(keys(SECRET), verifier).asks_nobody_about(&refused, &good);
    let stage = Stage::new(keys(OTHER), verifier);
    stage.finds(keys(SECRET), &good);
    stage.is_driven_by(&forged(&good, &HeaderName::from_static("signature")));
    stage.is_driven_by(&signed("other", BODY, NOW));
}

/// Nobody is asked for keys on behalf of a signature that the policy does not mean, nor of one that cannot be read.
#[test]
fn http_signatures_that_are_chosen() {
    let origin = || Origin::parse("https://hooks.example").unwrap();
    let signed = |tag: Option<&str>, time: u64| {
        let secret = Arc::new(HmacSigningKey::new(HS, SECRET).unwrap());
        let signer = HttpSigner::new(origin()).with_key(tenant("acme"), KeyId::new("k"), secret);
        let signer = tag.into_iter().fold(signer, HttpSigner::with_tag);
        let (acme, request) = (tenant("acme"), Request::with(HeaderMap::new()));
        let outgoing = Outgoing::new(&acme, "1", BODY, at(time)).with_request(&request.method, &request.uri);
        Request::with(signer.sign_payload(&outgoing).unwrap())
    };
    let changed = |request: &Request, from: &str, to: &str| {
        let mut headers = request.headers.clone();
        for name in ["signature-input", "signature"] {
            let text = headers[name].to_str().unwrap().replace(from, to);
            headers.insert(HeaderName::from_static(name), text.parse().unwrap());
        }
        Request::with(headers)
    };
    let stage = |choose| {
        let keys: Arc<[VerifyingKey]> = [VerifyingKey::hmac(KeyId::new("k"), HS, SECRET).unwrap()].into();
        let policy = HttpSignaturePolicy::new(origin()).choosing(choose);
        Stage::new(keys, |keys| HttpSignatureVerifier::new(policy, keys))
    };
    let (good, plain) = (signed(Some("app"), NOW), signed(None, NOW));
    let broken = |request| changed(request, &format!(";created={NOW}"), ";created=\"x\"");
    #[rustfmt::skip]
    let by_tag: [(&str, Request, &[u8]); 4] = [
        ("no tag", signed(None, NOW), BODY),
        ("another tag", signed(Some("other"), NOW), BODY),
        ("the tag, and old", signed(Some("app"), NOW - 3600), BODY),
        ("the tag, and a parameter that is none", broken(&good), BODY),
    ];
    stage(ChooseSignature::ByTag("app".into())).asks_nobody_about(&by_tag, &good);
    #[rustfmt::skip]
    let by_label: [(&str, Request, &[u8]); 3] = [
        ("another label", changed(&plain, "sig=", "other="), BODY),
        ("the label, and old", signed(None, NOW - 3600), BODY),
        ("the label, and a parameter that is none", broken(&plain), BODY),
    ];
    stage(ChooseSignature::ByLabel("sig".into())).asks_nobody_about(&by_label, &plain);
}

//! Key sets that are fetched: the cache without I/O, and the plug against a real HTTPS server that misbehaves.

use crate::jose_keys as jose;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use countersign::address::{AddressGuard, PrivateAddress};
use countersign::clock::Monotonic;
use countersign::codes::{Few, Seen};
use countersign::live::Live;
use countersign::payload::http_signature::{
    HttpSignatureKeyring, HttpSignaturePolicy, HttpSignatureVerifier, HttpSigner, InvalidHttpSignature,
};
use countersign::payload::jose::{
    Algorithm, Algorithms, BodyHash, CacheRules, HashForm, InvalidCacheRules, InvalidFetch, InvalidJson,
    InvalidJwkSet, InvalidJwt, JwksCache, JwtAt, JwtKeyring, JwtRules, JwtScheme, JwtVerifier, NextFetch,
    RemoteJwks, SigningKey,
};
use countersign::payload::{
    KeyId, Message, NoKey, NotAuthentic, Origin, Outgoing, SignPayload as _, Unknown, VerifyPayload,
};
use countersign::reload::{FetchFailed, FetchJwks, InvalidUrl, RefreshFailed, keep_fresh};
use countersign::tenant::TenantId;
use countersign::testing::TestCa;
use http::{HeaderMap, Method, Uri};
use jose::{algorithms, b64, jwk, jwks, mint};
use rustls::pki_types::UnixTime;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const ES: Algorithm = Algorithm::Es256;

/// What the cache counts by: not the time of day, but seconds since something.
fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn wait(seconds: u64) -> NextFetch {
    NextFetch::WaitFor(at(seconds))
}

/// A clock that stands until it is moved.
#[derive(Clone, Default)]
struct Hand(Arc<AtomicU64>);

impl Hand {
    fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::SeqCst);
    }

    fn clock(&self) -> Monotonic {
        let hand = self.0.clone();
        Monotonic::new(move || at(hand.load(Ordering::SeqCst)))
    }
}

fn remote(hand: &Hand) -> RemoteJwks {
    let rules = CacheRules::default();
    RemoteJwks::timed_by(rules, Algorithms::PUBLIC_KEY, algorithms(), hand.clock()).unwrap()
}

fn set(kid: &str) -> String {
    jwks(&[jwk(ES, &format!(r#","alg":"ES256","kid":"{kid}""#))])
}

fn kids(cache: &JwksCache, now: u64) -> Vec<String> {
    let keys = cache.keys(at(now)).into_iter().flat_map(|set| set.keys());
    keys.filter_map(|key| key.kid().map(str::to_owned)).collect()
}

#[test]
fn the_cache_says_when_to_fetch() {
    let mut cache = JwksCache::new(CacheRules::default()).unwrap();
    assert_eq!(cache.keys(at(1_000)).map(drop), None);
    assert_eq!(cache.poll(at(1_000)), NextFetch::Fetch);
    // Single flight, until patience has run out.
    assert_eq!(cache.poll(at(1_001)), wait(14));
    assert_eq!(cache.unknown_key(at(1_001)), Unknown::Refreshing);
    cache.fetched(set("a").as_bytes(), at(1_002)).unwrap();
    assert_eq!(kids(&cache, 1_002), ["a"]);

    // Fresh: nothing to do for ten minutes. Then stale, and still used while it is asked for again.
    assert_eq!(cache.poll(at(1_500)), wait(102));
    assert_eq!(kids(&cache, 1_602), ["a"]);
    assert_eq!(cache.poll(at(1_602)), NextFetch::Fetch);
    cache.failed();
    assert_eq!(kids(&cache, 1_603), ["a"], "the last good set stays");
    assert_eq!(
        cache.poll(at(1_603)),
        wait(29),
        "a failure is followed by the cool-down"
    );

    // An answer that is no key set, or an empty one, changes nothing.
    assert_eq!(cache.poll(at(1_632)), NextFetch::Fetch);
    let html = InvalidFetch::Set(InvalidJwkSet::Json(InvalidJson::Syntax));
    assert_eq!(cache.fetched(b"<html>", at(1_633)).err(), Some(html));
    assert_eq!(
        cache.fetched(br#"{"keys":[]}"#, at(1_633)).err(),
        Some(InvalidFetch::NoUsableKey)
    );
    let secret = jwks(&[jwk(Algorithm::Hs256, r#","kid":"s""#)]);
    assert_eq!(
        cache.fetched(secret.as_bytes(), at(1_633)).err(),
        Some(InvalidFetch::NoUsableKey)
    );
    assert_eq!(kids(&cache, 1_633), ["a"]);

    // Maximum age: no keys rather than old ones.
    assert_eq!(kids(&cache, 1_002 + 86_399), ["a"]);
    assert_eq!(kids(&cache, 1_002 + 86_400), [""; 0]);
}

#[test]
fn unknown_keys_cannot_make_us_flood() {
    let mut cache = JwksCache::new(CacheRules::default()).unwrap();
    assert_eq!(cache.poll(at(1_000)), NextFetch::Fetch);
    cache.fetched(set("a").as_bytes(), at(1_000)).unwrap();
    assert_eq!(cache.unknown_key(at(1_029)), Unknown::Refused);
    assert_eq!(cache.poll(at(1_029)), wait(571));
    assert_eq!(cache.unknown_key(at(1_030)), Unknown::Refreshing);
    assert_eq!(cache.poll(at(1_030)), NextFetch::Fetch);
    cache.fetched(set("b").as_bytes(), at(1_031)).unwrap();
    assert_eq!(kids(&cache, 1_031), ["b"]);
    // A thousand tokens with made-up names: one fetch each cool-down.
    let fetches = (1_031..2_031).filter(|now| {
        cache.unknown_key(at(*now));
        let fetch = cache.poll(at(*now)) == NextFetch::Fetch;
        if fetch {
            cache.failed();
        }
        fetch
    });
    assert_eq!(fetches.count(), 33);
}

#[test]
fn rules_that_make_no_sense() {
    let rules = CacheRules::default;
    let second = Duration::from_secs(1);
    assert_eq!(
        JwksCache::new(rules().with_max_age(second)).err(),
        Some(InvalidCacheRules::MaxAge)
    );
    assert_eq!(
        JwksCache::new(rules().with_cool_down(Duration::ZERO)).err(),
        Some(InvalidCacheRules::CoolDown)
    );
}

/// When it is asked for again after a key that is not in the set: at once, where the cool-down has passed, and again
/// after each cool-down until an answer has come.
#[test]
fn the_next_fetch_after_an_unknown_key() {
    let mut cache = JwksCache::new(CacheRules::default()).unwrap();
    assert_eq!(cache.poll(at(1_000)), NextFetch::Fetch);
    cache.fetched(set("a").as_bytes(), at(1_001)).unwrap();
    assert_eq!(cache.unknown_key(at(1_029)), Unknown::Refused);
    assert_eq!(cache.poll(at(1_029)), wait(572), "nothing has become of it");

    assert_eq!(cache.unknown_key(at(1_040)), Unknown::Refreshing);
    assert_eq!(cache.poll(at(1_040)), NextFetch::Fetch);
    cache.failed();
    // It is not known whether the key is in the set: still an outage.
    assert_eq!(cache.unknown_key(at(1_041)), Unknown::Refreshing);
    assert_eq!(cache.poll(at(1_041)), wait(29));
    assert_eq!(cache.poll(at(1_070)), NextFetch::Fetch);
    cache.fetched(set("a").as_bytes(), at(1_071)).unwrap();
    assert_eq!(cache.unknown_key(at(1_072)), Unknown::Refused);
    assert_eq!(cache.poll(at(1_072)), wait(599));
}

/// Whoever fetches may die: before it begins, in the midst of it, or without a word.
#[test]
fn a_dead_fetcher_leaves_no_unknown_key_pending_for_ever() {
    let held = |wanted: bool| {
        let mut cache = JwksCache::new(CacheRules::default()).unwrap();
        assert_eq!(cache.poll(at(1_000)), NextFetch::Fetch);
        cache.fetched(set("a").as_bytes(), at(1_000)).unwrap();
        if wanted {
            assert_eq!(cache.unknown_key(at(1_100)), Unknown::Refreshing);
            assert_eq!(cache.poll(at(1_100)), NextFetch::Fetch);
        }
        cache
    };
    let answers = |cache: &mut JwksCache, times: &[u64]| -> Vec<Unknown> {
        times.iter().map(|now| cache.unknown_key(at(*now))).collect()
    };
    use Unknown::{Refreshing, Refused};

    let mut cache = held(false);
    assert_eq!(
        answers(&mut cache, &[1_100, 1_114, 1_115, 9_999]),
        [Refreshing, Refreshing, Refused, Refused],
        "nobody asks"
    );
    let mut cache = held(true);
    assert_eq!(
        answers(&mut cache, &[1_101, 1_114, 1_115, 1_144, 1_145, 9_999]),
        [Refreshing, Refreshing, Refreshing, Refreshing, Refused, Refused],
        "nobody answers"
    );
    // Whoever comes next is told to fetch, and what is in the set counts all the while.
    assert_eq!(cache.poll(at(9_999)), NextFetch::Fetch);
    assert_eq!(cache.unknown_key(at(10_000)), Refreshing);
    assert_eq!(kids(&cache, 9_999), ["a"]);
}

/// A receiver that trusts what is published here.
fn receiver(keys: RemoteJwks) -> impl Fn(&str, &str, UnixTime) -> Result<(), NotAuthentic> {
    let keyring = JwtKeyring::builder()
        .remote(TenantId::parse("acme").unwrap(), keys)
        .build()
        .unwrap();
    let rules = JwtRules::issuer("issuer").audience("hooks");
    let scheme = JwtScheme::new("test", JwtAt::bearer(), rules);
    // In a `Live`, which is to pass on what the ring says of keys that are not known.
    let verifier = JwtVerifier::new(
        scheme.bound_to_body(BodyHash::in_claim("h", HashForm::Base64Url)),
        Live::new(keyring),
    );
    move |key: &str, header: &str, now: UnixTime| {
        let claims = format!(
            r#"{{"iss":"issuer","aud":"hooks","exp":9999999999,"h":"{}"}}"#,
            b64(Sha256::digest(b""))
        );
        let token = jose::sign(&*jose::named_key(ES, key), &b64(header), &b64(claims));
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        let (method, uri) = (Method::POST, Uri::from_static("/"));
        verifier
            .verify_payload(&Message::new(&method, &uri, &headers, b"", now))
            .map(drop)
    }
}

const TODAY: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000));
const UNAVAILABLE: Result<(), NotAuthentic> = Err(NotAuthentic::NoKey(NoKey::Unavailable));

fn other(more: &str) -> String {
    format!("{{{}{more}}}", jose::public("other_p256"))
}

/// An unknown key is an outage while the set is asked for again, and a refusal after.
#[test]
fn a_token_of_a_new_key() {
    let hand = Hand::default();
    let remote = remote(&hand);
    let receive = receiver(remote.clone());
    let verify = |kid: &str, now: u64| {
        hand.set(now);
        receive("p256", &format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#), TODAY)
    };
    assert_eq!(verify("a", 1_000), UNAVAILABLE);
    assert_eq!(remote.poll(), NextFetch::Fetch);
    remote.fetched(set("a").as_bytes()).unwrap();
    assert_eq!(verify("a", 1_001), Ok(()));
    let unknown = InvalidJwt::UnknownKey {
        kid: Some(Seen::of("b")),
        known: Few::of(["a"]),
    };
    assert_eq!(verify("b", 1_001), Err(NotAuthentic::Jwt(unknown)));
    assert_eq!(verify("b", 1_030), UNAVAILABLE);
    assert_eq!(remote.poll(), NextFetch::Fetch);
    remote.fetched(set("b").as_bytes()).unwrap();
    assert_eq!(verify("b", 1_031), Ok(()));
    assert_eq!(verify("b", 1_030 + 86_400), UNAVAILABLE, "too old");
}

/// The owner of a set changes its key and keeps the name, or gives none: the signature does not match, or nothing in the
/// set is for the algorithm. The set is asked for again, once in each cool-down.
#[test]
fn a_new_key_under_an_old_name() {
    let named = r#"{"alg":"ES256","kid":"a"}"#;
    let bare = r#"{"alg":"ES256"}"#;
    let rsa = |more: &str| jwk(Algorithm::Rs256, more);
    let of = |error| Err(NotAuthentic::Jwt(error));
    let other_algorithm = InvalidJwt::OtherAlgorithm { algorithm: ES };
    let cases = [
        (
            "a name used again",
            named,
            jwks(&[other(r#","kid":"a""#)]),
            InvalidJwt::Signature,
        ),
        ("no names", bare, jwks(&[other("")]), InvalidJwt::Signature),
        (
            "a name used again for another type",
            named,
            jwks(&[rsa(r#","kid":"a""#)]),
            other_algorithm,
        ),
        (
            "no names, another type",
            bare,
            jwks(&[rsa("")]),
            InvalidJwt::NoKey { algorithm: ES },
        ),
        (
            "two without names",
            bare,
            jwks(&[other(""), other("")]),
            InvalidJwt::AmbiguousKey,
        ),
        (
            "broken until now",
            named,
            jwks(&[other(""), r#"{"kty":"EC","kid":"a"}"#.into()]),
            InvalidJwt::UnusableKey,
        ),
    ];
    for (name, header, before, refused) in cases {
        let hand = Hand::default();
        let remote = remote(&hand);
        let receive = receiver(remote.clone());
        let verify = |now: u64| {
            hand.set(now);
            receive("p256", header, TODAY)
        };
        hand.set(1_000);
        assert_eq!(remote.poll(), NextFetch::Fetch, "{name}");
        remote.fetched(before.as_bytes()).unwrap();
        assert_eq!(verify(1_029), of(refused), "{name}: a moment ago");
        assert_eq!(verify(1_030), UNAVAILABLE, "{name}");
        assert_eq!(remote.poll(), NextFetch::Fetch, "{name}");
        remote
            .fetched(jwks(&[jwk(ES, r#","kid":"a""#)]).as_bytes())
            .unwrap();
        assert_eq!(verify(1_031), Ok(()), "{name}");
    }
}

/// A stranger's signatures make no more fetches than made-up names do.
#[test]
fn forgeries_cannot_make_us_flood() {
    let hand = Hand::default();
    let remote = remote(&hand);
    let receive = receiver(remote.clone());
    hand.set(1_000);
    assert_eq!(remote.poll(), NextFetch::Fetch);
    remote.fetched(set("a").as_bytes()).unwrap();
    let (mut fetches, mut refused) = (0, 0);
    for now in 1_001..2_001 {
        hand.set(now);
        let verdict = receive("other_p256", r#"{"alg":"ES256","kid":"a"}"#, TODAY);
        refused += u32::from(verdict == Err(NotAuthentic::Jwt(InvalidJwt::Signature)));
        if remote.poll() == NextFetch::Fetch {
            fetches += 1;
            remote.fetched(set("a").as_bytes()).unwrap();
        }
    }
    assert_eq!((fetches, refused), (33, 1_000 - 33));
}

/// The time of day is set back by a year: keys count for a day all the same, and forward: they are not thrown away.
#[test]
fn keys_age_whatever_the_time_of_day() {
    let hand = Hand::default();
    let remote = remote(&hand);
    let receive = receiver(remote.clone());
    let year = Duration::from_secs(365 * 86_400);
    let verify = |now: u64, day: UnixTime| {
        hand.set(now);
        receive("p256", r#"{"alg":"ES256","kid":"a"}"#, day)
    };
    let back = UnixTime::since_unix_epoch(Duration::from_secs(TODAY.as_secs()) - year);
    let ahead = UnixTime::since_unix_epoch(Duration::from_secs(TODAY.as_secs()) + year);
    hand.set(1_000);
    assert_eq!(remote.poll(), NextFetch::Fetch);
    remote.fetched(set("a").as_bytes()).unwrap();
    for day in [TODAY, back, ahead] {
        assert_eq!(verify(1_000 + 86_399, day), Ok(()));
        assert_eq!(verify(1_000 + 86_400, day), UNAVAILABLE);
    }
}

/// A set without names in which both keys stand while one is replaced, one name twice, and payloads beyond a token's.
#[test]
fn a_remote_set_reads_as_it_is_told() {
    let hand = Hand::default();
    let remote = remote(&hand);
    assert_eq!(remote.poll(), NextFetch::Fetch);
    let both = |more: &str| jwks(&[other(more), jwk(ES, more)]);
    let (bare, named) = (r#"{"alg":"ES256"}"#, r#"{"alg":"ES256","kid":"a"}"#);
    let ambiguous = Err(InvalidJwt::AmbiguousKey);
    for (header, set) in [(bare, both("")), (named, both(r#","kid":"a""#))] {
        remote.fetched(set.as_bytes()).unwrap();
        let token = mint(ES, header, "{}");
        let verdict = |keys: &RemoteJwks| keys.keys().unwrap().verify_compact(&token).map(drop);
        assert_eq!(verdict(&remote), ambiguous, "{header} {set:.40}");
        assert_eq!(
            verdict(&remote.clone().allow_trying_keys()),
            Ok(()),
            "{header} {set:.40}"
        );
    }
    let large = mint(ES, bare, vec![b'x'; 1 << 15]);
    remote.fetched(set("a").as_bytes()).unwrap();
    let verdict = |keys: RemoteJwks| keys.keys().unwrap().verify_compact(&large).map(drop);
    assert_eq!(
        verdict(remote.clone()),
        Err(InvalidJwt::TooLarge { limit: 16 * 1024 })
    );
    assert_eq!(verdict(remote.with_limit(1 << 16)), Ok(()));
}

/// An HTTP message signature is verified with what its sender publishes, by the same rules.
#[test]
fn http_signatures_of_published_keys() {
    let hand = Hand::default();
    let remote = remote(&hand);
    let acme = TenantId::parse("acme").unwrap();
    let origin = || Origin::parse("https://hooks.example").unwrap();
    let keys = HttpSignatureKeyring::builder()
        .remote(acme.clone(), remote.clone())
        .build()
        .unwrap();
    let verifier = HttpSignatureVerifier::new(HttpSignaturePolicy::new(origin()), keys);
    let verify = |key: &str, id: &str, now: u64| {
        hand.set(now);
        let (method, uri) = (Method::POST, Uri::from_static("/in"));
        let key: Arc<dyn SigningKey> = jose::named_key(ES, key).into();
        let signer = HttpSigner::new(origin()).with_key(acme.clone(), KeyId::new(id), key);
        let outgoing = Outgoing::new(&acme, "1", b"{}", TODAY).with_request(&method, &uri);
        let headers = signer.sign_payload(&outgoing).unwrap();
        verifier
            .verify_payload(&Message::new(&method, &uri, &headers, b"{}", TODAY))
            .map(drop)
    };
    let refused = |why| Err(NotAuthentic::HttpSignature(why));
    assert_eq!(verify("p256", "a", 1_000), UNAVAILABLE, "not there yet");
    assert_eq!(remote.poll(), NextFetch::Fetch);
    remote.fetched(set("a").as_bytes()).unwrap();
    assert_eq!(verify("p256", "a", 1_001), Ok(()));
    assert_eq!(
        verify("other_p256", "a", 1_001),
        refused(InvalidHttpSignature::Signature)
    );
    assert_eq!(
        verify("p256", "b", 1_001),
        refused(InvalidHttpSignature::NotFound {
            by: "keyid",
            seen: Few::of(["b"]),
            wanted: Few::of(["a"]),
        })
    );
    // Another key under the old name: asked for again, as for a new name.
    assert_eq!(verify("other_p256", "a", 1_030), UNAVAILABLE);
    assert_eq!(remote.poll(), NextFetch::Fetch);
    remote
        .fetched(jwks(&[other(r#","kid":"a""#)]).as_bytes())
        .unwrap();
    assert_eq!(verify("other_p256", "a", 1_031), Ok(()));
    assert_eq!(verify("p256", "b", 1_060), UNAVAILABLE);
    assert_eq!(verify("other_p256", "a", 1_030 + 86_400), UNAVAILABLE, "too old");
}

/// How the server behaves.
#[derive(Clone)]
enum Server {
    Answers(String),
    Status(&'static str),
    Redirects,
    Huge,
    Endless,
    LiesAboutLength,
    Silent,
    Slow,
    HangsUp,
    NotHttp,
    NoTls,
}

struct Running {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
    requests: Arc<AtomicUsize>,
}

async fn serve(server: Server) -> Running {
    let ca = TestCa::new("Root");
    let leaf = ca.server("localhost").issue();
    let config = ServerConfig::builder_with_provider(Arc::new(jose::provider().clone()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(leaf.chain(), leaf.key())
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(ca.certificate().clone()).unwrap();
    let tls = ClientConfig::builder_with_provider(Arc::new(jose::provider().clone()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, server, counted) = (acceptor.clone(), server.clone(), counted.clone());
            tokio::spawn(async move {
                if matches!(server, Server::NoTls) {
                    let mut stream = stream;
                    let _ = stream
                        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                        .await;
                    return;
                }
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let _ = stream.read(&mut [0; 4096]).await;
                counted.fetch_add(1, Ordering::SeqCst);
                behave(server, &mut stream).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    Running {
        address,
        tls: Arc::new(tls),
        requests,
    }
}

async fn behave(server: Server, stream: &mut (impl tokio::io::AsyncWrite + Unpin)) {
    let ok = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let text = match server {
        Server::Answers(body) => format!("{ok}content-length: {}\r\n\r\n{body}", body.len()),
        Server::Status(status) => format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n"),
        Server::Redirects => {
            "HTTP/1.1 302 Found\r\nlocation: https://169.254.169.254/\r\ncontent-length: 0\r\n\r\n".into()
        }
        Server::Huge => format!("{ok}content-length: 300000\r\n\r\n{}", " ".repeat(300_000)),
        Server::Endless => {
            let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
            let _ = stream
                .write_all(format!("{ok}transfer-encoding: chunked\r\n\r\n").as_bytes())
                .await;
            while stream.write_all(chunk.as_bytes()).await.is_ok() {}
            return;
        }
        Server::LiesAboutLength => format!("{ok}content-length: 100\r\n\r\n{{}}"),
        Server::Silent => return tokio::time::sleep(Duration::from_secs(60)).await,
        Server::Slow => {
            let _ = stream
                .write_all(format!("{ok}content-length: 1000\r\n\r\n").as_bytes())
                .await;
            while stream.write_all(b" ").await.is_ok() && stream.flush().await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            return;
        }
        Server::HangsUp | Server::NoTls => return,
        Server::NotHttp => "SSH-2.0-OpenSSH\r\n\r\n".into(),
    };
    let _ = stream.write_all(text.as_bytes()).await;
}

impl Running {
    fn fetch(&self, host: &str, guard: AddressGuard) -> FetchJwks {
        let url = format!("https://{host}:{}/jwks.json", self.address.port());
        FetchJwks::new(&url, self.tls.clone(), guard)
            .unwrap()
            .with_timeout(Duration::from_millis(700))
    }

    fn local(&self) -> FetchJwks {
        self.fetch("localhost", AddressGuard::new().allow(self.address))
    }
}

#[tokio::test]
async fn a_server_that_misbehaves() {
    let status = |status| Err(FetchFailed::Status { status });
    let limit = 256 * 1024;
    let cases = [
        ("answers", Server::Answers("{}".into()), Ok("{}".into())),
        ("not found", Server::Status("404 Not Found"), status(404)),
        ("error", Server::Status("500 Internal Server Error"), status(500)),
        ("nothing", Server::Status("204 No Content"), status(204)),
        ("redirect", Server::Redirects, status(302)),
        ("huge", Server::Huge, Err(FetchFailed::TooLarge { limit })),
        ("endless", Server::Endless, Err(FetchFailed::TooLarge { limit })),
        ("silent", Server::Silent, Err(FetchFailed::TimedOut)),
        ("slow", Server::Slow, Err(FetchFailed::TimedOut)),
    ];
    for (name, server, expected) in cases {
        let running = serve(server).await;
        let fetched = running
            .local()
            .fetch()
            .await
            .map(|body| String::from_utf8(body.to_vec()).unwrap());
        assert_eq!(fetched, expected, "{name}");
    }
    for (name, server) in [
        ("lies about its length", Server::LiesAboutLength),
        ("hangs up", Server::HangsUp),
        ("speaks something else", Server::NotHttp),
        ("speaks no TLS", Server::NoTls),
    ] {
        let failed = serve(server).await.local().fetch().await;
        assert!(
            matches!(failed, Err(FetchFailed::Connection { .. })),
            "{name}: {failed:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_not_to_be_trusted() {
    let (running, other) = (
        serve(Server::Answers("{}".into())).await,
        serve(Server::Silent).await,
    );
    let url = format!("https://localhost:{}/", running.address.port());
    let guard = || AddressGuard::new().allow(running.address);
    let stranger = FetchJwks::new(&url, other.tls, guard()).unwrap().fetch().await;
    assert!(
        matches!(stranger, Err(FetchFailed::Connection { .. })),
        "{stranger:?}"
    );
    // The certificate is for localhost.
    let by_number = running.fetch("127.0.0.1", guard()).fetch().await;
    assert!(
        matches!(by_number, Err(FetchFailed::Connection { .. })),
        "{by_number:?}"
    );
    assert_eq!(running.requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn private_addresses_are_not_connected_to() {
    let running = serve(Server::Answers("{}".into())).await;
    for host in ["127.0.0.1", "localhost"] {
        let failed = running.fetch(host, AddressGuard::new()).fetch().await;
        let Err(FetchFailed::PrivateAddress(PrivateAddress { address, .. })) = failed else {
            panic!("{host}: {failed:?}");
        };
        assert!(address.ip().is_loopback(), "{host}");
    }
    assert_eq!(running.requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn urls() {
    let running = serve(Server::Silent).await;
    let cases = [
        ("http://issuer.example/jwks.json", InvalidUrl::NotHttps),
        ("file:///etc/passwd", InvalidUrl::Malformed),
        ("/jwks.json", InvalidUrl::NotHttps),
        ("https://user:password@issuer.example/", InvalidUrl::Credentials),
        ("https://", InvalidUrl::Malformed),
        ("", InvalidUrl::Malformed),
    ];
    for (url, expected) in cases {
        assert_eq!(
            FetchJwks::new(url, running.tls.clone(), AddressGuard::new()).err(),
            Some(expected),
            "{url}"
        );
    }
}

#[tokio::test]
async fn keys_arrive_by_themselves() {
    let running = serve(Server::Answers(set("a"))).await;
    let remote = RemoteJwks::new(CacheRules::default(), Algorithms::PUBLIC_KEY, algorithms()).unwrap();
    let fetch = running.local();
    let task = tokio::spawn(keep_fresh(
        remote.clone(),
        move || {
            let fetch = fetch.clone();
            async move { fetch.fetch().await }
        },
        |failed: RefreshFailed<FetchFailed>| panic!("{failed}"),
    ));
    for _ in 0..100 {
        if remote.keys().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let keys = remote.keys().unwrap();
    assert_eq!(
        keys.verify_compact(&mint(ES, r#"{"alg":"ES256","kid":"a"}"#, "{}"))
            .map(drop),
        Ok(())
    );
    assert_eq!(
        running.requests.load(Ordering::SeqCst),
        1,
        "one fetch, and not again while it is fresh"
    );
    task.abort();
}

/// A fetch that never ends, one that panics and a task that is gone count as failed: the next is made, and no key waits
/// for them.
#[tokio::test]
async fn a_fetch_that_dies() {
    let moment = Duration::from_millis(50);
    let mut rules = CacheRules::default();
    rules.patience = moment;
    let hand = Hand::default();
    let impatient = RemoteJwks::timed_by(rules, ES, algorithms(), hand.clock()).unwrap();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let endless = tokio::spawn(keep_fresh(
        impatient,
        std::future::pending::<Result<Bytes, FetchFailed>>,
        move |failed| tell.send(failed).unwrap(),
    ));
    let first = tokio::time::timeout(Duration::from_secs(20), told.recv()).await;
    assert_eq!(first, Ok(Some(RefreshFailed::TimedOut { patience: moment })));
    endless.abort();

    let remote = remote(&hand);
    let panics = tokio::spawn(keep_fresh(
        remote.clone(),
        || async { panic!("a fetch of somebody's") },
        |_: RefreshFailed<FetchFailed>| {},
    ));
    assert!(panics.await.unwrap_err().is_panic());
    // Given back at once, and not after the patience for it.
    assert_eq!(remote.poll(), wait(30));

    // The cool-down, and what more may be drawn.
    hand.set(37);
    let task = tokio::spawn(keep_fresh(
        remote.clone(),
        std::future::pending::<Result<Bytes, FetchFailed>>,
        |_| {},
    ));
    tokio::time::sleep(moment).await;
    assert_eq!(remote.poll(), wait(15), "under way");
    task.abort();
    let _ = task.await;
    assert_eq!(remote.poll(), wait(30));
}

/// When each of many, which begin together, fetches for the second time, by this answer. In milliseconds after the first.
async fn second_fetches(
    answer: impl Fn() -> Result<Bytes, FetchFailed> + Send + Sync + 'static,
) -> Vec<u128> {
    let (answer, rules) = (Arc::new(answer), CacheRules::default());
    let rules = rules
        .with_fresh(Duration::from_secs(2))
        .with_cool_down(Duration::from_secs(1));
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let tasks: Vec<_> = (0..24)
        .map(|_| {
            let (answer, tell) = (answer.clone(), tell.clone());
            let (remote, began) = (
                RemoteJwks::new(rules, Algorithms::PUBLIC_KEY, algorithms()).unwrap(),
                tokio::time::Instant::now(),
            );
            let fetches = AtomicU64::new(0);
            let fetch = move || {
                if fetches.fetch_add(1, Ordering::SeqCst) == 1 {
                    tell.send(began.elapsed().as_millis()).unwrap();
                }
                std::future::ready(answer())
            };
            tokio::spawn(keep_fresh(remote, fetch, |_| {}))
        })
        .collect();
    let mut times = Vec::new();
    while times.len() < tasks.len() {
        times.push(
            tokio::time::timeout(Duration::from_secs(20), told.recv())
                .await
                .unwrap()
                .unwrap(),
        );
    }
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    times.sort_unstable();
    times
}

/// A fleet that was started together does not ask together, neither for what has become old nor after a failure.
#[tokio::test]
async fn fetches_are_spread_over_a_fifth() {
    let good = second_fetches(|| Ok(set("a").into())).await;
    let failing = second_fetches(|| Err(FetchFailed::TimedOut)).await;
    for (times, earliest, spread) in [(good, 1600, 120), (failing, 1000, 60)] {
        let (first, last) = (times[0], times[times.len() - 1]);
        assert!(first >= earliest, "{times:?}");
        assert!(last - first >= spread, "{times:?}");
    }
}

//! Key sets that are fetched: the cache without I/O, and the plug against a real HTTPS server that misbehaves.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::type_complexity,
    reason = "tests fail loudly; a table is what it is"
)]

use crate::jose_keys as jose;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign::address::{AddressGuard, PrivateAddress};
use countersign::payload::jose::{
    Algorithm, Algorithms, BodyHash, CacheRules, HashForm, InvalidCacheRules, InvalidFetch, InvalidJson,
    InvalidJwkSet, InvalidJwt, JwksCache, JwtAt, JwtKeyring, JwtRules, JwtScheme, JwtVerifier, NextFetch,
    RemoteJwks, Unknown,
};
use countersign::payload::{Message, NoKey, NotAuthentic, VerifyPayload};
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

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
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
    assert_eq!(cache.poll(at(1_001)), NextFetch::WaitUntil(at(1_015)));
    assert_eq!(cache.unknown_key(at(1_001)), Unknown::Refreshing);
    cache.fetched(set("a").as_bytes(), at(1_002)).unwrap();
    assert_eq!(kids(&cache, 1_002), ["a"]);

    // Fresh: nothing to do for ten minutes. Then stale, and still used while it is asked for again.
    assert_eq!(cache.poll(at(1_500)), NextFetch::WaitUntil(at(1_602)));
    assert_eq!(kids(&cache, 1_602), ["a"]);
    assert_eq!(cache.poll(at(1_602)), NextFetch::Fetch);
    cache.failed();
    assert_eq!(kids(&cache, 1_603), ["a"], "the last good set stays");
    assert_eq!(
        cache.poll(at(1_603)),
        NextFetch::WaitUntil(at(1_632)),
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
    assert_eq!(cache.poll(at(1_029)), NextFetch::WaitUntil(at(1_600)));
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

/// An unknown key is an outage while the set is asked for again, and a refusal after; a bad signature never asks.
#[test]
fn a_token_of_a_new_key() {
    let remote = RemoteJwks::new(CacheRules::default(), Algorithms::PUBLIC_KEY, algorithms()).unwrap();
    let keyring = JwtKeyring::new().with_remote(TenantId::parse("acme").unwrap(), remote.clone());
    let rules = JwtRules::new("issuer", "hooks");
    let scheme = JwtScheme::new("test", JwtAt::bearer(), rules);
    let verifier = JwtVerifier::new(
        scheme.bound_to_body(BodyHash::in_claim("h", HashForm::Base64Url)),
        keyring,
    );
    let verify = |kid: &str, now: u64| {
        let header = format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#);
        let claims = format!(
            r#"{{"iss":"issuer","aud":"hooks","exp":9999999999,"h":"{}"}}"#,
            b64(Sha256::digest(b""))
        );
        let mut headers = HeaderMap::new();
        headers.insert(
            "authorization",
            format!("Bearer {}", mint(ES, &header, claims)).parse().unwrap(),
        );
        let (method, uri) = (Method::POST, Uri::from_static("/"));
        verifier
            .verify_payload(&Message::new(&method, &uri, &headers, b"", at(now)))
            .map(drop)
    };
    let unavailable = Err(NotAuthentic::NoKey(NoKey::Unavailable));
    assert_eq!(verify("a", 1_000), unavailable);
    assert_eq!(remote.poll(at(1_000)), NextFetch::Fetch);
    remote.fetched(set("a").as_bytes(), at(1_000)).unwrap();
    assert_eq!(verify("a", 1_001), Ok(()));
    assert_eq!(verify("b", 1_001), Err(NotAuthentic::Jwt(InvalidJwt::UnknownKey)));
    assert_eq!(verify("b", 1_030), unavailable);
    assert_eq!(remote.poll(at(1_030)), NextFetch::Fetch);
    remote.fetched(set("b").as_bytes(), at(1_030)).unwrap();
    assert_eq!(verify("b", 1_031), Ok(()));
    assert_eq!(verify("b", 1_030 + 86_400), unavailable, "too old");
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
    #[expect(clippy::disallowed_methods, reason = "a test of the plug, which has a clock")]
    let now = UnixTime::now;
    for _ in 0..100 {
        if remote.keys(now()).is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let keys = remote.keys(now()).unwrap();
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

/// As `openssl rsa -pubout` and `-RSAPublicKey_out` write it.
#[test]
fn an_rsa_public_key_is_read_in_both_of_its_pem_forms() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use countersign::payload::jose::{PublicKey, WeakKey};
    let spki = jose::pem("rsa.pub");
    let base64: String = String::from_utf8(spki.clone())
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let der = STANDARD.decode(base64).unwrap();
    // Behind SEQUENCE, AlgorithmIdentifier and the head of the BIT STRING.
    let pkcs1 = |end: usize| {
        let body = STANDARD.encode(&der[24..end]);
        format!("-----BEGIN RSA PUBLIC KEY-----\n{body}\n-----END RSA PUBLIC KEY-----\n")
    };
    let read = |pem: &[u8]| PublicKey::from_pem(pem);
    assert_eq!(read(pkcs1(der.len()).as_bytes()), read(&spki));
    assert!(read(&spki).is_ok());
    assert_eq!(read(pkcs1(der.len() - 1).as_bytes()), Err(WeakKey::Encoding));
}

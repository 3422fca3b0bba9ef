//! The plug against a real HTTPS server that misbehaves.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use countersign::address::{AddressGuard, PrivateAddress};
use countersign::payload::jose::{Algorithms, CacheRules, RemoteJwks};
use countersign::reload::{FetchFailed, FetchJwks, InvalidUrl, RefreshFailed, keep_fresh};
use countersign::testing::TestCa;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{ES, Hand, remote, set, wait};
use crate::jose_keys as jose;
use jose::{algorithms, mint};

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

//! In which span it stands what is told of a connection and its requests.

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use countersign::gate::Caller;
use countersign::observe::Log;
use countersign::payload::{HmacVerifier, Scheme};
use countersign::replay::MemoryStore;
use countersign::tls::ClientAuth;
use countersign::web::{Acceptor, CallerLayer, Connection, Listener, PayloadLayer, SpanLayer};
use http::{Request, Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tracing::level_filters::LevelFilter;

use crate::door::{Hands, keys, world};
use crate::greetings::policy;
use crate::sender::{Greeting, Version, delivery};
use crate::support::secs;

/// The lines of a subscriber, each with the spans it stands in.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// Of this thread, until the guard is dropped.
    fn kept() -> (Self, tracing::subscriber::DefaultGuard) {
        let lines = Self::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .without_time()
            .with_ansi(false)
            .with_max_level(LevelFilter::DEBUG)
            .with_writer(move || writer.clone());
        (lines, tracing::subscriber::set_default(subscriber.finish()))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("UTF-8")
    }

    /// The one line with this message.
    fn line(&self, message: &str) -> String {
        let text = self.text();
        let found: Vec<_> = text.lines().filter(|line| line.contains(message)).collect();
        assert_eq!(found.len(), 1, "{message}: {text}");
        found[0].trim().to_owned()
    }
}

async fn served(lines: &Lines, first: &str) -> String {
    let world = world();
    let acceptor = Acceptor::new(world.server_config(policy().trust(), ClientAuth::Offer))
        .observed_by(Arc::new(Log::new()));
    let listener = Listener::bind("127.0.0.1:0", acceptor).await.expect("a port");
    let address = listener.local_addr();
    let app = Router::new()
        .route("/", get(async |_: Caller| tracing::info!("in the handler")))
        .layer(CallerLayer::new(policy()).observed_by(Arc::new(Log::new())))
        .layer(SpanLayer::new())
        .into_make_service_with_connect_info::<Connection>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let certificate = (first == "in the handler").then_some(&world.acme);
    let mut tls = Greeting::new(certificate, Version::Http1)
        .tls(address)
        .await
        .expect("a handshake");
    let request = b"GET / HTTP/1.1\r\nhost: hooks.acme.example\r\nconnection: close\r\n\r\n";
    tls.write_all(request).await.expect("open");
    tls.read_to_end(&mut Vec::new()).await.expect("an answer");
    lines.line(first)
}

#[tokio::test]
async fn what_is_told_of_a_request_stands_in_its_span_with_what_was_proved() {
    let (lines, _guard) = Lines::kept();
    let line = served(&lines, "in the handler").await;
    let (spans, _) = line.split_once("}: ").expect("a span");
    for field in [
        "connection{client.address=127.0.0.1 client.port=",
        r#" server.address="hooks.acme.example" tls.established=true tls.protocol.name="tls" tls.protocol.version="1.3""#,
        r#" tls.cipher="TLS_AES_"#,
        r#" tls.curve="X25519MLKEM768""#,
        " tls.resumed=false",
        r#" tls.client.subject=""#,
        r#" tls.client.issuer="CN=Acme Root""#,
        r#" tls.client.not_before="20"#,
        r#" tls.client.not_after="20"#,
        r#"}:request{http.request.method="GET""#,
    ] {
        assert!(spans.contains(field), "{field}: {spans}");
    }
    let hash = countersign::identity::CertHash::of(world().acme.leaf());
    let upper: String = hash.as_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
    assert!(
        spans.contains(&format!(r#"tls.client.hash.sha256="{upper}""#)),
        "{spans}"
    );
    let told = lines.line("identified");
    let (of_layer, _) = told.split_once("}: ").expect("a span");
    assert_eq!(
        of_layer.trim_start_matches("DEBUG "),
        spans.trim_start_matches("INFO ")
    );
    assert!(
        !lines.line("handshake completed").contains("connection{"),
        "not yet"
    );
}

#[tokio::test]
async fn without_a_certificate_nothing_is_said_of_one() {
    let (lines, _guard) = Lines::kept();
    let line = served(&lines, "refused").await;
    assert!(
        line.contains("}:request{") && line.contains(r#"tls.cipher="TLS_AES_"#),
        "{line}"
    );
    assert!(!line.contains("tls.client."), "{line}");
}

#[tokio::test]
async fn what_is_told_after_the_sender_has_gone_stands_in_the_span_too() {
    let (lines, _guard) = Lines::kept();
    let (begun, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (began, goes) = (begun.clone(), go.clone());
    let handler = service_fn(move |_: Request<_>| {
        let (began, goes) = (began.clone(), goes.clone());
        async move {
            began.add_permits(1);
            goes.acquire().await.expect("open").forget();
            Ok::<_, std::convert::Infallible>(Response::new(axum::body::Body::empty()))
        }
    });
    let payload = PayloadLayer::new(
        HmacVerifier::new(Scheme::standard_webhooks(), keys(&["acme"])),
        MemoryStore::default(),
    );
    let hands = Hands::default();
    let payload = payload
        .with_clock(hands.clock())
        .observed_by(Arc::new(Log::new()));
    let service = SpanLayer::new().layer(payload.layer(handler));
    let mut request = delivery("acme", "msg_1", "{}", hands.now()).request(Version::Http1);
    let connection = Connection::new(([192, 0, 2, 1], 4711).into(), None).expect("no certificate");
    request.extensions_mut().insert(connection);
    let answer = tokio::spawn(service.oneshot(request));
    let began = tokio::time::timeout(secs(20), begun.acquire()).await;
    assert!(began.is_ok(), "the handler never began: {}", lines.text());
    answer.abort();
    assert!(answer.await.is_err(), "the sender has gone");
    go.add_permits(1);
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    let spans =
        "connection{client.address=192.0.2.1 client.port=4711}:request{http.request.method=\"POST\"}: ";
    for message in ["accepted", "sender gone", "settled"] {
        let line = lines.line(&format!("countersign: {message}"));
        assert!(line.contains(spans), "{line}");
    }
}

//! actix-web: its server makes the connections, the layers stand in one of its handlers.

use std::any::Any;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::rt::net::TcpStream;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bytes::Bytes;
use countersign::gate::{Countersigned, Policy};
use countersign::tls::ClientAuth;
use countersign::web::{CallerLayer, Connection, PayloadLayer};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use rustls::pki_types::UnixTime;
use tower::util::BoxCloneSyncService;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::door::{Hands, LIMIT, Log, payload_layer, world};
use crate::sender::{Greeting, Pieces, Sender, Version, delivery, empty, retry_after, said};
use crate::support::{Flaky, secs};

const OK: &str = r#"{"status": 200}"#;

// --- the recipe ---------------------------------------------------------------------------------------------------------

/// The handler, behind the layers.
type Service = BoxCloneSyncService<Request<Full<Bytes>>, Response<Full<Bytes>>, Infallible>;

/// Puts what the handshake has shown where the handler finds it.
fn remember(io: &dyn Any, data: &mut actix_web::dev::Extensions) {
    let Some(stream) = io.downcast_ref::<TlsStream<TcpStream>>() else {
        return;
    };
    let (tcp, tls) = stream.get_ref();
    let Ok(peer) = tcp.peer_addr() else { return };
    if let Ok(connection) = Connection::new(peer, tls.peer_certificates()) {
        data.insert(connection);
    }
}

/// Takes a request of actix through the layers, and their answer back.
async fn through(service: web::Data<Service>, request: HttpRequest, body: web::Payload) -> HttpResponse {
    // actix bounds neither: the layers get the body whole.
    let body = match actix_web::rt::time::timeout(secs(1), body.to_bytes_limited(LIMIT)).await {
        Err(_) => return HttpResponse::RequestTimeout().finish(),
        Ok(Err(_)) => return HttpResponse::PayloadTooLarge().finish(),
        Ok(Ok(Err(_))) => return HttpResponse::BadRequest().finish(),
        Ok(Ok(Ok(body))) => body,
    };
    let Ok(request) = translated(&request, body) else {
        return HttpResponse::BadRequest().finish();
    };
    let Ok(response) = service.as_ref().clone().oneshot(request).await;
    answer(response).await
}

/// actix speaks of requests in the types of `http` 0.2.
fn translated(request: &HttpRequest, body: Bytes) -> Result<Request<Full<Bytes>>, http::Error> {
    let mut translated = Request::builder()
        .method(request.method().as_str())
        .uri(request.uri().to_string());
    for (name, value) in request.headers() {
        translated = translated.header(name.as_str(), value.as_bytes());
    }
    if let Some(connection) = request.conn_data::<Connection>() {
        translated = translated.extension(connection.clone());
    }
    translated.body(Full::new(body))
}

async fn answer(response: Response<Full<Bytes>>) -> HttpResponse {
    let (parts, body) = response.into_parts();
    let Ok(status) = actix_web::http::StatusCode::from_u16(parts.status.as_u16()) else {
        return HttpResponse::InternalServerError().finish();
    };
    let mut answer = HttpResponse::build(status);
    for (name, value) in &parts.headers {
        answer.append_header((name.as_str(), value.as_bytes()));
    }
    let Ok(body) = body.collect().await;
    answer.body(body.to_bytes())
}

fn serve(
    port: TcpListener,
    config: rustls::ServerConfig,
    service: Service,
) -> std::io::Result<actix_web::dev::Server> {
    let service = web::Data::new(service);
    let app = move || {
        App::new()
            .app_data(service.clone())
            .default_service(web::to(through))
    };
    let server = HttpServer::new(app).workers(1).disable_signals();
    Ok(server
        .on_connect(remember)
        .listen_rustls_0_23(port, config)?
        .run())
}

// --- what comes of it ---------------------------------------------------------------------------------------------------

async fn handle(request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let both = request.extensions().get::<Countersigned>();
    let said = both.map(|both| format!("{} {}", both.tenant(), both.payload().key()));
    let body = request.into_body().collect().await?.to_bytes();
    let mut response = Response::new(Full::from(said.unwrap_or_default()));
    if body.starts_with(br#"{"status": 500"#) {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    Ok(response)
}

/// Serves until the test process ends.
fn open(callers: CallerLayer, payload: PayloadLayer, trust: Policy) -> SocketAddr {
    let port = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = port.local_addr().expect("an address");
    let config = world().server_config(trust.trust(), ClientAuth::Offer);
    let service = BoxCloneSyncService::new(callers.layer(payload.layer(service_fn(handle))));
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async { serve(port, config, service).expect("a server").await })
    });
    address
}

#[tokio::test]
async fn actix_serves_behind_the_same_layers() {
    let (world, log, store) = (world(), Log::default(), Arc::<Flaky>::default());
    let policy = Policy::new(world.trust(&world.ca), world.tenants(&["acme", "globex"]));
    let callers = CallerLayer::new(policy.clone()).observed_by(Arc::new(log.clone()));
    let payload = payload_layer(world.keys.clone(), store.clone(), &log, &Hands::default());
    let address = open(callers, payload, policy);
    let attempt = |owner, id: &str| delivery(owner, id, OK, UnixTime::now());
    let fails = |id: &str| delivery("acme", id, r#"{"status": 500}"#, UnixTime::now());
    let long = "x".repeat(LIMIT + 1);
    for version in [Version::Http1, Version::Http2] {
        let connect = async |certificate| {
            // actix goes by what was agreed in the handshake.
            let offered = match version {
                Version::Http1 => ["http/1.1"],
                Version::Http2 => ["h2"],
            };
            let greeting = Greeting::new(certificate, version).offering(&offered);
            Sender::greet(address, greeting).await.expect("a connection")
        };
        let id = format!("msg_{version:?}");
        let failing = format!("fails_{version:?}");
        let mut acme: Sender = connect(Some(&world.acme)).await;
        let broken = said(500, "acme acme-2026");
        #[rustfmt::skip]
        let cases = [
            ("good", attempt("acme", &id), said(200, "acme acme-2026"), "accepted: acme"),
            ("again", attempt("acme", &id), empty(200), "refused: acme replay.handled"),
            ("another's", attempt("globex", &id), empty(401), "refused: acme payload.signature_mismatch"),
            ("one that fails", fails(&failing), broken.clone(), "accepted: acme"),
            ("its retry", fails(&failing), broken, "accepted: acme"),
        ];
        for (name, delivery, expected, line) in cases {
            assert_eq!(acme.send(delivery).await, expected, "{name}, {version:?}");
            assert_eq!(log.take(), [line], "{name}, {version:?}");
        }
        store.set_up(false);
        assert_eq!(acme.send(attempt("acme", "msg_down")).await, retry_after(5));
        store.set_up(true);
        log.take();
        let mut nobody = connect(None).await;
        assert_eq!(nobody.send(attempt("acme", "msg_2")).await, empty(401));
        assert_eq!(log.take(), ["refused: nobody identity.no_certificate"]);
        let too_large = attempt("acme", "msg_3").with_body(Pieces::whole(&long));
        assert_eq!(connect(Some(&world.acme)).await.send(too_large).await.status, 413);
    }
}

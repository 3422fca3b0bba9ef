//! Without axum, and around services that are not ready.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use countersign::gate::{Countersigned, Policy};
use countersign::identity::SpkiHash;
use countersign::payload::{HmacVerifier, Scheme};
use countersign::replay::MemoryStore;
use countersign::tenant::TenantTable;
use countersign::tls::ClientAuth;
use countersign::trust::PinSet;
use countersign::web::{
    Acceptor, CallerLayer, Connection, ForwardLayer, PayloadLayer, RequireTenant, SpanLayer,
};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::UnixTime;
use tokio::net::TcpListener;
use tower::{Layer, Service, service_fn};

use super::{OK, Plain, policy};
use crate::door::{Hands, Log, keys, payload_layer, world};
use crate::sender::{Answer, Delivery, Sender, Version, delivery, empty, said};
use crate::support::{Flaky, tenant};

// --- without axum -------------------------------------------------------------------------------------------------------

/// A loop as anybody might have it who has hyper and no axum.
async fn serve_by_hand(acceptor: Acceptor, callers: CallerLayer, payload: PayloadLayer) -> SocketAddr {
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = port.local_addr().expect("an address");
    let service = callers.layer(payload.layer(service_fn(greet)));
    tokio::spawn(async move {
        while let Ok((tcp, peer)) = port.accept().await {
            let (acceptor, service) = (acceptor.clone(), service.clone());
            tokio::spawn(async move {
                let Ok(secured) = acceptor.accept(tcp, peer).await else {
                    return;
                };
                let service = TowerToHyperService::new(secured.connection().layer(service));
                let server = auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(secured), service).await;
            });
        }
    });
    address
}

async fn greet(request: Request<Full<Bytes>>) -> Result<Plain, Infallible> {
    let both = request.extensions().get::<Countersigned>();
    let (status, text) = match both {
        Some(both) => (
            StatusCode::OK,
            format!("{} {}", both.tenant(), both.payload().key()),
        ),
        None => (StatusCode::INTERNAL_SERVER_ERROR, String::new()),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    Ok(response)
}

#[tokio::test]
async fn hyper_needs_no_axum() {
    let (world, log, store) = (world(), Log::default(), Arc::<Flaky>::default());
    let acceptor = Acceptor::new(world.server_config(policy().trust(), ClientAuth::Require))
        .observed_by(Arc::new(log.clone()));
    let callers = CallerLayer::new(policy()).observed_by(Arc::new(log.clone()));
    let payload = payload_layer(world.keys.clone(), store, &log, &Hands::default());
    let address = serve_by_hand(acceptor, callers, payload).await;
    let now = UnixTime::now();
    let attempt = |owner: &str, id: &str| delivery(owner, id, OK, now);
    for version in [Version::Http1, Version::Http2] {
        let id = format!("msg_{version:?}");
        let sender = Sender::connect(address, Some(&world.acme), version).await;
        let mut sender = sender.expect("a connection");
        let cases: [(_, Delivery, Answer); 3] = [
            ("good", attempt("acme", &id), said(200, "acme acme-2026")),
            ("again", attempt("acme", &id), empty(200)),
            ("another's", attempt("globex", &id), empty(401)),
        ];
        for (name, attempt, expected) in cases {
            assert_eq!(sender.send(attempt).await, expected, "{name}, {version:?}");
        }
    }
    let stranger = Sender::connect(address, Some(&world.initech), Version::Http1).await;
    let answer = stranger.expect("trusted").send(attempt("acme", "msg_9")).await;
    assert_eq!(answer, empty(403));
    assert_eq!(
        log.take().last().map(String::as_str),
        Some("refused: nobody tenant.unknown")
    );
}

// --- readiness ----------------------------------------------------------------------------------------------------------

/// Takes no request just now.
#[derive(Clone)]
struct Busy;

impl<B> Service<Request<B>> for Busy {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Pending
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        unreachable!("it is not ready")
    }
}

fn is_ready(mut service: impl Service<Request<Full<Bytes>>>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    service.poll_ready(&mut context).is_ready()
}

/// Load is shed and balanced by it.
#[test]
fn a_layer_is_as_ready_as_what_it_is_around() {
    let pins = PinSet::new([SpkiHash::of(&world().acme.spki_der())]);
    let table = TenantTable::builder()
        .uri("spiffe://acme.example/{tenant}")
        .known(["acme"]);
    let policy = Policy::new(pins, table.build().expect("a table"));
    let verifier = HmacVerifier::new(Scheme::github(), keys(&["acme"]));
    let payload = PayloadLayer::new(verifier, MemoryStore::default());
    let connection = Connection::new(([192, 0, 2, 1], 4711).into(), None).expect("a connection");
    assert!(!is_ready(CallerLayer::new(policy).layer(Busy)));
    assert!(!is_ready(payload.layer(Busy)));
    assert!(!is_ready(connection.layer(Busy)));
    assert!(!is_ready(SpanLayer::new().layer(Busy)));
    assert!(!is_ready(ForwardLayer::new([]).layer(Busy)));
    assert!(!is_ready(RequireTenant::one_of([tenant("acme")]).layer(Busy)));
}

//! gRPC behind the same layers: tonic's server, and tonic's client with a signature around it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use bytes::Bytes;
use countersign::gate::{Countersigned, Policy};
use countersign::payload::{HmacSigner, Outgoing, Scheme, SignPayload as _};
use countersign::testing::TestCert;
use countersign::tls::ClientAuth;
use countersign::web::{Acceptor, CallerLayer, Protocols, Server};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::SendRequest;
use rustls::pki_types::UnixTime;
use tonic::codegen::tokio_stream;
use tonic::{Code, Request, Response, Status, async_trait};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tower::{BoxError, Layer as _, service_fn};

use crate::door::{Hands, Log, keys, payload_layer, world};
use crate::sender::{Greeting, Sender, Version};
use crate::support::{Flaky, tenant};

/// A service that fails when it is asked about "broken".
#[derive(Debug, Clone, Default)]
struct Office {
    called: Arc<AtomicUsize>,
}

#[async_trait]
impl Health for Office {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        self.called.fetch_add(1, SeqCst);
        let Some(proof) = request.extensions().get::<Countersigned>() else {
            return Err(Status::internal("a layer is missing"));
        };
        if request.get_ref().service == "broken" {
            return Err(Status::internal("out of order"));
        }
        let mut response = Response::new(HealthCheckResponse {
            status: ServingStatus::Serving.into(),
        });
        let whose = proof
            .tenant()
            .as_str()
            .parse()
            .map_err(|_| Status::internal("no metadata"))?;
        response.metadata_mut().insert("whose", whose);
        Ok(response)
    }

    type WatchStream = tokio_stream::Pending<Result<HealthCheckResponse, Status>>;

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("nobody watches"))
    }
}

struct Port {
    address: SocketAddr,
    office: Office,
    store: Arc<Flaky>,
    log: Log,
}

impl Port {
    async fn open() -> Self {
        let (world, office, store, log) = (
            world(),
            Office::default(),
            Arc::<Flaky>::default(),
            Log::default(),
        );
        let policy = Policy::new(world.trust(&world.ca), world.tenants(&["acme", "globex"]));
        let acceptor = Acceptor::new(world.server_config(policy.trust(), ClientAuth::Offer))
            .with_protocols(Protocols::Http2);
        let server = Server::bind("127.0.0.1:0", acceptor).await.expect("a port");
        let address = server.local_addr();
        let callers = CallerLayer::new(policy).observed_by(Arc::new(log.clone()));
        let payload = payload_layer(keys(&["acme", "globex"]), store.clone(), &log, &Hands::default());
        let service = callers.layer(payload.layer(HealthServer::new(office.clone())));
        tokio::spawn(server.serve(service));
        Self {
            address,
            office,
            store,
            log,
        }
    }

    async fn connect(&self, certificate: Option<&TestCert>) -> SendRequest<Full<Bytes>> {
        let greeting = Greeting::new(certificate, Version::Http2).offering(&["h2"]);
        match Sender::greet(self.address, greeting).await.expect("a connection") {
            Sender::Http2(requests) => requests,
            Sender::Http1(_) => panic!("HTTP/2 was asked for"),
        }
    }

    /// One call by tonic's own client, signed by that tenant under that id.
    async fn check(
        &self,
        certificate: Option<&TestCert>,
        owner: &'static str,
        id: &'static str,
        service: &str,
    ) -> Result<String, Code> {
        let requests = self.connect(certificate).await;
        let channel = service_fn(move |request| signed(requests.clone(), owner, id, request));
        let origin = "https://hooks.acme.example".parse().expect("an origin");
        let mut client = HealthClient::with_origin(channel, origin);
        let service = service.to_owned();
        let answer = client.check(HealthCheckRequest { service }).await;
        let answer = answer.map_err(|status| status.code())?;
        let whose = answer.metadata().get("whose").expect("a tenant");
        Ok(whose.to_str().expect("ASCII").to_owned())
    }
}

/// The message as it goes out, in its frame, is what is signed.
async fn signed(
    mut requests: SendRequest<Full<Bytes>>,
    owner: &str,
    id: &str,
    request: http::Request<tonic::body::Body>,
) -> Result<http::Response<hyper::body::Incoming>, BoxError> {
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let signer = HmacSigner::new(Scheme::standard_webhooks(), world().keys.clone());
    let owner = tenant(owner);
    let outgoing = Outgoing::new(&owner, id, &body, UnixTime::now());
    parts.headers.extend(signer.sign_payload(&outgoing)?);
    Ok(requests
        .send_request(http::Request::from_parts(parts, Full::new(body)))
        .await?)
}

#[tokio::test]
async fn a_call_is_let_in_by_both_signatures_and_refused_in_the_words_of_grpc() {
    let (world, port) = (world(), Port::open().await);
    let (acme, globex, initech) = (Some(&world.acme), Some(&world.globex), Some(&world.initech));
    let whose = |name: &str| Ok(name.to_owned());
    #[rustfmt::skip]
    let cases = [
        ("acme's", acme, "acme", "msg_1", whose("acme"), "accepted: acme"),
        ("globex's", globex, "globex", "msg_1", whose("globex"), "accepted: globex"),
        ("again", acme, "acme", "msg_1", Err(Code::AlreadyExists), "refused: acme replay.handled"),
        ("another's signature", acme, "globex", "msg_2", Err(Code::Unauthenticated), "refused: acme payload.signature_mismatch"),
        ("no certificate", None, "acme", "msg_2", Err(Code::Unauthenticated), "refused: nobody identity.no_certificate"),
        ("a tenant nobody knows", initech, "acme", "msg_2", Err(Code::PermissionDenied), "refused: nobody tenant.unknown"),
    ];
    for (name, certificate, owner, id, expected, line) in cases {
        assert_eq!(port.check(certificate, owner, id, "").await, expected, "{name}");
        assert_eq!(port.log.take(), [line], "{name}");
    }
    port.store.set_up(false);
    let down = port.check(acme, "acme", "msg_3", "").await;
    assert_eq!(down, Err(Code::Unavailable), "to be tried again");
    assert_eq!(port.office.called.load(SeqCst), 2);
}

#[tokio::test]
async fn what_grpc_calls_a_failure_was_not_handled() {
    let port = Port::open().await;
    for called in 1..=2 {
        let answer = port.check(Some(&world().acme), "acme", "msg_1", "broken").await;
        assert_eq!(answer, Err(Code::Internal));
        assert_eq!((port.office.called.load(SeqCst), port.store.len()), (called, 0));
    }
    let answer = port.check(Some(&world().acme), "acme", "msg_1", "").await;
    assert_eq!(answer, Ok("acme".to_owned()), "the retry succeeds");
}

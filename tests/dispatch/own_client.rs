//! The same identity and signatures with clients that others wrote: reqwest, and hyper-util below the tower layer.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use countersign::dispatch::{
    DeliveryId, Dispatcher, Failure, InvalidEndpoint, NotSent, OwnClient, SignService,
};
use countersign::egress::Egress;
use countersign::payload::CannotSign;
use countersign::tls::ClientAuth;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tower::{Layer as _, Service, ServiceExt as _};

use crate::receiver::{Receiver, with_http2};
use crate::world::*;

async fn receiver() -> Receiver {
    Receiver::good(with_http2(world().server_config(ClientAuth::Require))).await
}

fn own_client(dispatcher: &Dispatcher) -> OwnClient {
    dispatcher.own_client(&tenant("acme")).expect("an identity")
}

#[tokio::test]
async fn reqwest_shows_the_certificate_and_sends_the_signature() {
    let receiver = receiver().await;
    let own = own_client(&of_both_tenants(receiver.port()));
    let mut config = own.client_config();
    assert_eq!(config.alpn_protocols, Vec::<Vec<u8>>::new());
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .redirect(reqwest::redirect::Policy::none())
        .resolve(HOST, SocketAddr::from(([127, 0, 0, 1], receiver.port())))
        .build()
        .expect("a client");
    let request = Request::post(receiver.url(HOST)).body(Bytes::from(BODY));
    let signed = own.sign(request.expect("a request"), "msg_1").expect("signed");
    let answer = client.execute(signed.try_into().expect("a request")).await;
    assert_eq!(answer.expect("an answer").status(), 200);
    let seen = receiver.seen();
    assert_eq!(seen[0].certificate.as_ref(), Some(world().acme.leaf()));
    assert_eq!(
        (seen[0].headers["webhook-id"].as_bytes(), &seen[0].body[..]),
        (&b"msg_1"[..], BODY.as_bytes())
    );
    assert!(seen[0].headers.contains_key("webhook-signature"));
}

type HyperClient = Client<HttpsConnector<Egress>, Full<Bytes>>;

fn hyper_client(own: &OwnClient, egress: Egress) -> SignService<HyperClient> {
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(own.client_config())
        .https_only()
        .enable_http1()
        .wrap_connector(egress);
    own.layer()
        .layer(Client::builder(TokioExecutor::new()).build(connector))
}

fn request(url: &str, id: Option<&str>) -> Request<Full<Bytes>> {
    let mut request = Request::post(url).body(Full::from(BODY)).expect("a request");
    if let Some(id) = id {
        request.extensions_mut().insert(DeliveryId::new(id));
    }
    request
}

fn refusal<E: std::fmt::Debug>(refused: NotSent<E>) -> NotSent<()> {
    match refused {
        NotSent::Refused(failure) => NotSent::Refused(failure),
        NotSent::NoId => NotSent::NoId,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_layer_signs_and_lets_nothing_else_out() {
    let receiver = Receiver::good(world().server_config(ClientAuth::Require)).await;
    let dispatcher = of_both_tenants(receiver.port());
    let own = own_client(&dispatcher);
    let egress = Egress::new()
        .with_guard(loopback())
        .with_resolver(Book::default());
    let client = hyper_client(&own, egress);
    let send = async |url: &str, id| {
        let answer = client.clone().oneshot(request(url, id)).await;
        answer.map(|answer| answer.status().as_u16()).map_err(refusal)
    };
    let url = receiver.url(HOST);
    assert_eq!(send(&url, Some("msg_1")).await, Ok(200));
    assert_eq!(send(&url, None).await, Err(NotSent::NoId));
    let refused = |failure| Err(NotSent::Refused(failure));
    assert_eq!(
        send(&url, Some("")).await,
        refused(Failure::CannotSign(CannotSign::Id))
    );
    let plain = url.replace("https", "http");
    let not_https = Failure::Endpoint(InvalidEndpoint::NotHttps);
    assert_eq!(send(&plain, Some("msg_2")).await, refused(not_https));
    let other = Failure::PortNotAllowed { port: 443 };
    assert_eq!(
        send("https://hooks.acme.example/", Some("msg_2")).await,
        refused(other)
    );
    let inside = format!("https://10.0.0.1:{}/", receiver.port());
    let Err(NotSent::Refused(failure)) = send(&inside, Some("msg_2")).await else {
        panic!("sent")
    };
    assert_eq!(failure.code(), "dispatch.private_address");
    assert_eq!(receiver.seen().len(), 1);

    // The identity is replaced: nothing goes out under the old one, whatever is in the client's pool.
    assert!(own.is_current());
    let next = world().clients.client(&uri("acme")).issue();
    dispatcher
        .set_identity(tenant("acme"), world().sender(&next, "acme"))
        .expect("TLS");
    assert!(!own.is_current());
    assert_eq!(send(&url, Some("msg_3")).await, refused(Failure::Replaced));
    assert_eq!(receiver.seen().len(), 1);
    assert!(own.generation() < own_client(&dispatcher).generation());
    assert!(dispatcher.own_client(&tenant("nobody")).is_none());
}

#[tokio::test]
async fn another_tenants_endpoint_is_refused() {
    let receiver = receiver().await;
    let owners = countersign::dispatch::EndpointOwners::per_host();
    let dispatcher = builder(&[receiver.port()]).with_owners(owners.clone()).build();
    dispatcher
        .set_identity(tenant("acme"), world().sender(&world().acme, "acme"))
        .expect("TLS");
    let url = receiver.url(HOST);
    owners.claim(&endpoint("globex", &url)).expect("free");
    let request = Request::post(url).body(Bytes::from(BODY)).expect("a request");
    let refused = own_client(&dispatcher).sign(request, "msg_1").map(|_| ());
    let owner = tenant("globex");
    assert_eq!(refused, Err(Failure::NotTheirEndpoint { owner }));
}

/// The connector guards by itself: a name that leads inside is not connected to.
#[tokio::test]
async fn the_connector_refuses_private_addresses() {
    let receiver = receiver().await;
    let own = own_client(&of_both_tenants(receiver.port()));
    let client = hyper_client(&own, Egress::new().with_resolver(Book::default()));
    let refused = client.oneshot(request(&receiver.url(HOST), Some("msg_1"))).await;
    let Err(NotSent::Inner(error)) = refused.map(|answer| answer.into_body().boxed()) else {
        panic!("connected");
    };
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    assert_eq!(
        cause.to_string(),
        format!("127.0.0.1:{} is not a public address", receiver.port())
    );
}

#[derive(Clone)]
struct Busy;

impl Service<Request<Full<Bytes>>> for Busy {
    type Response = ();
    type Error = Infallible;
    type Future = Ready<Result<(), Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Pending
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        ready(Ok(()))
    }
}

/// A client whose connections are all in use says so by not being ready.
#[tokio::test]
async fn the_layer_is_as_ready_as_its_client() {
    let own = own_client(&of_both_tenants(443));
    let mut client = own.layer().layer(Busy);
    let mut context = Context::from_waker(Waker::noop());
    let ready = Service::<Request<Full<Bytes>>>::poll_ready(&mut client, &mut context);
    assert!(ready.is_pending());
}

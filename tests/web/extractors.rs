//! What handlers take as arguments, and what they get where it is missing or was changed on the way.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use countersign::gate::{Caller, Policy};
use countersign::refusal::Refusal;
use countersign::tenant::TenantId;
use countersign::testing::TestCert;
use countersign::web::{CallerLayer, CertificateDemand, Connection, PayloadLayer, RequireTenant, Signed};
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt as _;
use rustls::pki_types::UnixTime;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::door::{Hands, Log, keys, payload_layer, world};
use crate::sender::{Pieces, Version, delivery};
use crate::support::{Flaky, tenant};

/// The two layers, and what they tell.
struct Layers {
    log: Log,
    store: Arc<Flaky>,
}

impl Layers {
    fn new() -> Self {
        Self {
            log: Log::default(),
            store: Arc::default(),
        }
    }

    fn caller(&self) -> CallerLayer {
        let policy = Policy::new(world().trust(&world().ca), world().tenants(&["acme", "globex"]));
        CallerLayer::new(policy).observed_by(Arc::new(self.log.clone()))
    }

    fn payload(&self) -> PayloadLayer {
        payload_layer(keys(&["acme"]), self.store.clone(), &self.log, &Hands::default())
    }
}

fn order(path: &'static str, body: &str) -> Request {
    let request = delivery("acme", "msg_1", body, UnixTime::now())
        .to(path)
        .request(Version::Http2);
    request.map(|_| Body::from(body.to_owned()))
}

fn over(certificate: Option<&TestCert>, mut request: Request) -> Request {
    let chain = certificate.map(TestCert::chain);
    let connection = Connection::new(([127, 0, 0, 1], 4711).into(), chain.as_deref()).expect("a chain");
    request.extensions_mut().insert(connection);
    request
}

fn as_type(content_type: Option<&'static str>, mut request: Request) -> Request {
    request.headers_mut().remove(CONTENT_TYPE);
    if let Some(content_type) = content_type {
        request
            .headers_mut()
            .insert(CONTENT_TYPE, content_type.parse().expect("a value"));
    }
    request
}

/// The status, the body, and the code of the refusal.
async fn ask(app: &Router, request: Request) -> (u16, String, Option<&'static str>) {
    let response = app.clone().oneshot(request).await.expect("infallible");
    let code = response.extensions().get::<Refusal>().map(Refusal::code);
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned(), code)
}

fn ok(said: &str) -> (u16, String, Option<&'static str>) {
    (200, said.to_owned(), None)
}

fn refused(status: u16, code: &'static str) -> (u16, String, Option<&'static str>) {
    (status, String::new(), Some(code))
}

async fn whose(tenant: TenantId) -> String {
    tenant.to_string()
}

async fn perhaps(caller: Option<Caller>) -> String {
    caller.map_or_else(|| "nobody".to_owned(), |caller| caller.tenant().to_string())
}

#[tokio::test]
async fn whose_a_request_is_by_whatever_was_proved() {
    let (layers, world) = (Layers::new(), world());
    let routes = || Router::new().route("/", post(whose));
    let by_caller = routes().layer(layers.caller());
    let by_payload = routes().layer(layers.payload());
    let by_both = |layers: &Layers| routes().layer(layers.payload()).layer(layers.caller());
    let not_wired = || refused(500, "server.not_wired");
    let globex = || over(Some(&world.globex), order("/", "{}"));
    assert_eq!(ask(&by_caller, globex()).await, ok("globex"));
    assert_eq!(ask(&by_payload, order("/", "{}")).await, ok("acme"));
    let by_both = by_both(&Layers::new());
    let both = over(Some(&world.acme), order("/", "{}"));
    assert_eq!(ask(&by_both, both).await, ok("acme"));
    assert_eq!(ask(&routes(), order("/", "{}")).await, not_wired());
    let forgotten = routes().layer(layers.caller().with_demand(CertificateDemand::never()));
    assert_eq!(ask(&forgotten, over(None, order("/", "{}"))).await, not_wired());
}

#[tokio::test]
async fn a_caller_may_be_missing_where_that_was_asked_for_but_not_the_layer() {
    let (layers, world) = (Layers::new(), world());
    let routes = || Router::new().route("/", post(perhaps));
    let undemanding = routes().layer(layers.caller().with_demand(CertificateDemand::never()));
    let acme = || over(Some(&world.acme), order("/", "{}"));
    let nobody = || over(None, order("/", "{}"));
    let not_wired = || refused(500, "server.not_wired");
    assert_eq!(ask(&undemanding, acme()).await, ok("acme"));
    assert_eq!(ask(&undemanding, nobody()).await, ok("nobody"));
    assert_eq!(ask(&routes(), acme()).await, not_wired());
    let payload_only = routes().layer(layers.payload());
    assert_eq!(ask(&payload_only, order("/", "{}")).await, not_wired());
    let layers = Layers::new();
    let both = routes()
        .layer(layers.payload())
        .layer(layers.caller().with_demand(CertificateDemand::never()));
    assert_eq!(ask(&both, nobody()).await, ok("nobody"));
}

// --- the body -----------------------------------------------------------------------------------------------------------

async fn json(Signed(Json(value)): Signed<Json<Value>>) -> String {
    value["word"].as_str().unwrap_or("none").to_owned()
}

async fn raw(Signed(body): Signed<Bytes>) -> String {
    body.len().to_string()
}

async fn upper(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let changed = Body::from(body.to_ascii_uppercase());
    next.run(Request::from_parts(parts, changed)).await
}

async fn more(request: Request, next: Next) -> Response {
    let (parts, _) = request.into_parts();
    let endless = Body::from(vec![b'x'; 1 << 20]);
    next.run(Request::from_parts(parts, endless)).await
}

async fn in_pieces(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let pieces = Pieces::of(body.chunks(3).map(Bytes::copy_from_slice));
    next.run(Request::from_parts(parts, Body::new(pieces))).await
}

const WORD: &str = r#"{"word": "yes"}"#;

#[tokio::test]
async fn what_is_read_is_what_was_verified() {
    let mut ids = 0..;
    let routes = || Router::new().route("/", post(json)).route("/raw", post(raw));
    let json_type = Some("application/json");
    let (as_acme, not_wired) = ("refused: acme server.not_wired", refused(500, "server.not_wired"));
    let unsupported = "Expected request with `Content-Type: application/json`";
    type Wrap = fn(Router) -> Router;
    let plain: Wrap = |routes| routes;
    let changing: Wrap = |routes| routes.layer(from_fn(upper));
    let growing: Wrap = |routes| routes.layer(from_fn(more));
    let cutting: Wrap = |routes| routes.layer(from_fn(in_pieces));
    let status = |status: u16, said: &str| (status, said.to_owned(), None);
    #[rustfmt::skip]
    let cases = [
        ("JSON", plain, "/", json_type, WORD, ok("yes"), None),
        ("JSON of a kind", plain, "/", Some("application/cloudevents+json"), WORD, ok("yes"), None),
        ("JSON with a parameter", plain, "/", Some("application/json; charset=utf-8"), WORD, ok("yes"), None),
        ("text", plain, "/", Some("text/plain"), WORD, status(415, unsupported), None),
        ("nothing said", plain, "/", None, WORD, status(415, unsupported), None),
        ("bytes, whatever is said", plain, "/raw", Some("text/plain"), WORD, ok("15"), None),
        ("a body that was changed", changing, "/", json_type, WORD, not_wired.clone(), Some(as_acme)),
        ("a body that was changed, as bytes", changing, "/raw", json_type, WORD, not_wired.clone(), Some(as_acme)),
        ("a body that has grown", growing, "/raw", json_type, WORD, not_wired, Some(as_acme)),
        ("a body in other pieces", cutting, "/", json_type, WORD, ok("yes"), None),
    ];
    for (name, wrap, path, content_type, body, expected, line) in cases {
        let layers = Layers::new();
        let app = wrap(routes()).layer(layers.payload());
        let id = format!("msg_{}", ids.next().unwrap_or(0));
        let request = delivery("acme", &id, body, UnixTime::now())
            .to(path)
            .request(Version::Http2);
        let request = as_type(content_type, request.map(|_| Body::from(body)));
        assert_eq!(ask(&app, request).await, expected, "{name}");
        let told: Vec<&str> = [Some("accepted: acme"), line].into_iter().flatten().collect();
        assert_eq!(layers.log.take(), told, "{name}");
        let handled = expected.0 == 200;
        assert_eq!(layers.store.len(), usize::from(handled), "{name}");
    }
}

#[tokio::test]
async fn a_long_body_is_bounded_by_the_layer_and_not_by_axum() {
    let layers = Layers::new();
    let app = Router::new()
        .route("/", post(json))
        .layer(layers.payload().with_limit(4 << 20));
    let long = format!(r#"{{"word": "yes", "filler": "{}"}}"#, "x".repeat(3 << 20));
    assert_eq!(ask(&app, order("/", &long)).await, ok("yes"));
}

// --- routes for some tenants --------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_route_may_be_for_some_tenants_only() {
    let world = world();
    let listed = || RequireTenant::one_of([tenant("acme")]);
    let in_path = || RequireTenant::in_path("/t/{tenant}");
    let routes = |rule: RequireTenant| {
        let routes = Router::new()
            .route("/", post(whose))
            .route("/t/{whose}", post(whose));
        routes.route("/t/{whose}/more", post(whose)).layer(rule)
    };
    let (acme, globex) = (Some(&world.acme), Some(&world.globex));
    let not_admitted = || refused(403, "tenant.not_admitted");
    #[rustfmt::skip]
    let cases = [
        ("listed", listed(), "/", acme, ok("acme"), None),
        ("not listed", listed(), "/", globex, not_admitted(), Some("refused: globex tenant.not_admitted")),
        ("its own path", in_path(), "/t/acme", acme, ok("acme"), None),
        ("below its own path", in_path(), "/t/globex/more", globex, ok("globex"), None),
        ("another's path", in_path(), "/t/globex", acme, not_admitted(), Some("refused: acme tenant.not_admitted")),
        ("its own path, written otherwise", in_path(), "/t/%61cme", acme, not_admitted(), Some("refused: acme tenant.not_admitted")),
        ("back to another's path", in_path(), "/t/acme/../globex", acme, not_admitted(), Some("refused: acme tenant.not_admitted")),
        ("back, encoded", in_path(), "/t/acme/x/%2E%2e/.%2e%2Fglobex", acme, not_admitted(), Some("refused: acme tenant.not_admitted")),
        ("back, as Windows has it", in_path(), "/t/acme/x/..%5cglobex", acme, not_admitted(), Some("refused: acme tenant.not_admitted")),
        ("back, with a parameter", in_path(), "/t/acme/..;a=b/globex", acme, not_admitted(), Some("refused: acme tenant.not_admitted")),
        ("let through by its dots, to no route", in_path(), "/t/acme/...", acme, (404, String::new(), None), None),
        ("a path without a tenant", in_path(), "/", acme, not_admitted(), Some("refused: acme tenant.not_admitted")),
    ];
    for (name, rule, path, certificate, expected, line) in cases {
        let layers = Layers::new();
        let app = routes(rule).layer(layers.caller());
        let request = over(certificate, order(path, "{}"));
        assert_eq!(ask(&app, request).await, expected, "{name}");
        assert_eq!(layers.log.take(), line.into_iter().collect::<Vec<_>>(), "{name}");
    }
}

#[tokio::test]
async fn a_route_for_some_tenants_stands_behind_a_layer_that_says_whose_a_request_is() {
    let globex_only = || RequireTenant::one_of([tenant("globex")]);
    let routes = || Router::new().route("/", post(whose));
    let bare = routes().layer(globex_only());
    assert_eq!(
        ask(&bare, order("/", "{}")).await,
        refused(500, "server.not_wired")
    );

    let layers = Layers::new();
    let by_payload = routes().layer(globex_only()).layer(layers.payload());
    let not_admitted = refused(403, "tenant.not_admitted");
    assert_eq!(ask(&by_payload, order("/", "{}")).await, not_admitted);
    let told = ["accepted: acme", "refused: acme tenant.not_admitted"];
    assert_eq!(
        (layers.log.take(), layers.store.len()),
        (told.map(String::from).to_vec(), 0),
        "released"
    );

    let layers = Layers::new();
    let between = routes()
        .layer(layers.payload())
        .layer(globex_only())
        .layer(layers.caller());
    let request = over(Some(&world().acme), order("/", "{}"));
    assert_eq!(ask(&between, request).await, not_admitted);
    let told = ["refused: acme tenant.not_admitted"];
    assert_eq!(layers.log.take(), told, "before the body was read");
}

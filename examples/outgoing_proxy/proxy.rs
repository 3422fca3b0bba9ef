//! From a plain request of a service to a delivery under the merchant's certificate, and back.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use countersign::dispatch::{BodyEnd, Delivery, Dispatcher, Endpoint, Outcome};
use countersign::tenant::TenantId;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::Mistake;

/// The largest body of a request.
const MAX_BODY: usize = 1024 * 1024;

/// Who can be called, and through what.
#[derive(Clone)]
pub(crate) struct Proxy(Arc<Inner>);

struct Inner {
    dispatcher: Dispatcher,
    /// The beginning of each merchant's URLs, without a slash at the end.
    merchants: HashMap<String, String>,
}

/// Listens on loopback, and nowhere else.
pub(crate) async fn listen(address: &str) -> Result<TcpListener, Mistake> {
    let parsed: Result<SocketAddr, _> = address.parse();
    let parsed =
        parsed.map_err(|error| format!("--listen {address:?}: {error}; write it as 127.0.0.1:8080"))?;
    if !parsed.ip().is_loopback() {
        return Err(format!(
            "--listen {address}: not a loopback address, and whoever can speak to the proxy speaks in your name"
        ));
    }
    TcpListener::bind(parsed)
        .await
        .map_err(|error| format!("--listen {address}: {error}; give a free port, or 0"))
}

impl Proxy {
    pub(crate) fn new(dispatcher: Dispatcher, merchants: HashMap<String, String>) -> Self {
        Self(Arc::new(Inner {
            dispatcher,
            merchants,
        }))
    }

    pub(crate) async fn serve(self, listener: TcpListener) {
        while let Ok((io, _)) = listener.accept().await {
            let proxy = self.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let proxy = proxy.clone();
                    async move { Ok::<_, Infallible>(proxy.handle(request).await) }
                });
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(io), service)
                    .await;
            });
        }
    }

    async fn handle(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        if !is_from_a_service(&head.headers) {
            return refuse(StatusCode::FORBIDDEN, "proxy.not_a_service", "-");
        }
        // The target's path alone says where it goes. Nothing else that the service says has a part in it.
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let Some((endpoint, tenant)) = self.endpoint(path) else {
            return refuse(StatusCode::NOT_FOUND, "proxy.no_such_merchant", "-");
        };
        let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
            return refuse(StatusCode::PAYLOAD_TOO_LARGE, "proxy.body_too_large", "-");
        };
        let mut call = Delivery::new(tenant, "call", body.to_bytes()).with_method(head.method);
        for (name, value) in &head.headers {
            // What belongs to the service's own connection is left out.
            call = call
                .clone()
                .with_header(name.clone(), value.clone())
                .unwrap_or(call);
        }
        relay(self.0.dispatcher.deliver(&endpoint, &call).await)
    }

    /// `/acme/v1/orders?x=1` is `https://api.acme.example/v1/orders?x=1`, acme's.
    fn endpoint(&self, path: &str) -> Option<(Endpoint, TenantId)> {
        let (merchant, rest) = path.strip_prefix('/')?.split_once('/')?;
        let origin = self.0.merchants.get(merchant)?;
        let tenant = TenantId::parse(merchant).ok()?;
        let endpoint = Endpoint::parse(tenant.clone(), &format!("{origin}/{rest}")).ok()?;
        Some((endpoint, tenant))
    }
}

/// Browsers on this machine reach loopback, too, for whatever page they show: they say where the page is from, and, where
/// a name of the page's own leads here (DNS rebinding), they name it.
fn is_from_a_service(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts
        .next()
        .and_then(|host| host.to_str().ok()?.parse::<Authority>().ok())
        .filter(|host| hosts.next().is_none() && !host.as_str().contains('@'));
    let here = host.is_some_and(|host| {
        let host = host.host().trim_matches(['[', ']']);
        host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    });
    here && !headers.contains_key(header::ORIGIN) && !headers.contains_key("sec-fetch-site")
}

fn relay(outcome: Outcome) -> Response<Full<Bytes>> {
    let (code, fault) = (outcome.code(), outcome.fault());
    match outcome.answer {
        Some(answer) if answer.end == BodyEnd::Whole => {
            let mut response = Response::new(Full::new(answer.body));
            *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
            let types = answer.headers.get(header::CONTENT_TYPE).cloned();
            response
                .headers_mut()
                .extend(types.map(|value| (header::CONTENT_TYPE, value)));
            response
        }
        Some(_) => refuse(StatusCode::BAD_GATEWAY, "proxy.answer_too_large", "theirs"),
        None => refuse(
            StatusCode::BAD_GATEWAY,
            code,
            fault.map_or("-", |fault| fault.code()),
        ),
    }
}

fn refuse(status: StatusCode, code: &str, fault: &str) -> Response<Full<Bytes>> {
    let body = format!(r#"{{"code":"{code}","fault":"{fault}"}}"#);
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    let code = HeaderValue::from_str(code).unwrap_or(HeaderValue::from_static("?"));
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-outgoing-code"), code);
    response
}

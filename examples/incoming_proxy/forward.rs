//! From a request that was let in to the service behind, and back.

use axum::body::Body;
use countersign::forwarded::Emit;
use countersign::gate::Caller;
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Whose the request is, for the service behind.
const TENANT: HeaderName = HeaderName::from_static("x-countersign-tenant");
/// Which delivery it is, where the payload was verified.
const DELIVERY: HeaderName = HeaderName::from_static("x-countersign-delivery");

/// Fields that are about one connection (RFC 9110, section 7.6.1), and so end here.
const OF_THE_CONNECTION: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Why a request goes no further.
type Refused = (StatusCode, &'static str);

/// What was verified about a request.
pub(crate) struct Verified {
    pub(crate) caller: Option<Caller>,
    pub(crate) delivery: Option<String>,
}

/// The service behind, which speaks plain HTTP/1.1.
#[derive(Clone)]
pub(crate) struct Backend {
    client: Client<HttpConnector, Body>,
    authority: Authority,
}

impl Backend {
    pub(crate) fn new(authority: Authority) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, authority }
    }

    pub(crate) async fn forward(&self, request: Request<Body>, verified: &Verified) -> Response<Body> {
        if request.method() == Method::CONNECT || request.headers().contains_key(header::UPGRADE) {
            return refuse(StatusCode::NOT_IMPLEMENTED, "proxy.upgrade_refused");
        }
        let (mut head, body) = request.into_parts();
        let host = head.uri.authority().and_then(|host| host.as_str().parse().ok());
        end_here(&mut head.headers);
        if let Err((status, code)) = name(&mut head.headers, verified) {
            return refuse(status, code);
        }
        // In HTTP/2 the host stands in the target, and what stands there counts.
        if let Some(host) = host {
            head.headers.insert(header::HOST, host);
        }
        let path = head.uri.path_and_query().cloned();
        let uri = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.authority.clone())
            .path_and_query(path.unwrap_or(PathAndQuery::from_static("/")));
        let Ok(uri) = uri.build() else {
            return refuse(StatusCode::BAD_REQUEST, "proxy.target");
        };
        (head.uri, head.version) = (uri, Version::HTTP_11);
        match self.client.request(Request::from_parts(head, body)).await {
            Ok(answer) => {
                let mut answer = answer.map(Body::new);
                end_here(answer.headers_mut());
                answer
            }
            // No success, so the claim is released: the sender's retry is let through.
            Err(_) => refuse(StatusCode::BAD_GATEWAY, "proxy.backend"),
        }
    }
}

/// Says who it is, after whatever the request itself says about that is gone.
fn name(headers: &mut HeaderMap, verified: &Verified) -> Result<(), Refused> {
    let emit = Emit::rfc_9440();
    emit.strip(headers);
    let own = |name: &HeaderName| {
        let plain = name.as_str().replace(['_', '.'], "-");
        plain == TENANT.as_str() || plain == DELIVERY.as_str()
    };
    let theirs: Vec<_> = headers.keys().filter(|name| own(name)).cloned().collect();
    for name in theirs {
        headers.remove(name);
    }
    if let Some(caller) = &verified.caller {
        emit.set(caller, headers).map_err(|_| {
            (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "proxy.certificate_size",
            )
        })?;
        headers.insert(TENANT, value(caller.tenant().as_str())?);
    }
    if let Some(delivery) = &verified.delivery {
        headers.insert(DELIVERY, value(delivery)?);
    }
    Ok(())
}

fn value(text: &str) -> Result<HeaderValue, Refused> {
    HeaderValue::from_str(text).map_err(|_| (StatusCode::BAD_REQUEST, "proxy.name"))
}

/// Takes out the fields of the connection, and those that `Connection` lists: before anything is set, so that nobody can
/// list what the proxy says.
fn end_here(headers: &mut HeaderMap) {
    let listed: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    for name in OF_THE_CONNECTION
        .iter()
        .copied()
        .chain(listed.iter().map(String::as_str))
    {
        headers.remove(name);
    }
}

fn refuse(status: StatusCode, code: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{{\"code\":\"{code}\"}}")));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

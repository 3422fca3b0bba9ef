//! From a request that was let in to the service behind, and back.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::uri::{Authority, PathAndQuery, Scheme, Uri};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use countersign::forwarded::Emit;
use countersign::web::ForwardLayer;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::fields;
use crate::journal;
use crate::pace::Pace;
use crate::refused::Refused;
use crate::silence::Bounded;
use crate::tunnel::{self, Wish};

/// How long to wait for services, and how long a WebSocket may live.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) connect: Duration,
    pub(crate) answer: Duration,
    pub(crate) silence: Duration,
    pub(crate) websocket: Duration,
}

/// What becomes of a WebSocket's handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WebSockets {
    Refuse,
    Pass,
}

/// The service behind a route, which speaks plain HTTP/1.1.
#[derive(Debug, Clone)]
pub(crate) struct Backend {
    client: Client<HttpConnector, Body>,
    authority: Authority,
    patience: Patience,
    websockets: WebSockets,
    emit: ForwardLayer,
}

impl Backend {
    pub(crate) fn new(authority: Authority, patience: Patience, websockets: WebSockets) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(patience.connect));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Self {
            client,
            authority,
            patience,
            websockets,
            emit: ForwardLayer::new([Emit::rfc_9440_with_chain()]),
        }
    }

    /// Asks the service, in the name of whom the layers around have found.
    pub(crate) async fn forward(self, route: &str, request: Request<Body>) -> Response<Body> {
        let (mut head, body) = request.into_parts();
        let seen = journal::Seen::of(route, &head);
        let wish = Wish::of(&head);
        let answer = match self.may_pass(&head.method, &wish) {
            Err(refused) => Err(refused),
            Ok(()) => {
                fields::introduce(&mut head);
                self.ask(Request::from_parts(head, body), wish).await
            }
        };
        match answer {
            Ok(answer) => {
                seen.forwarded(answer.status());
                answer
            }
            Err(refused) => {
                seen.refused(&refused);
                refused.answer()
            }
        }
    }

    fn may_pass(&self, method: &Method, wish: &Wish) -> Result<(), Refused> {
        match (method, wish) {
            (&Method::CONNECT | &Method::TRACE, _) => Err(Refused::Method),
            (_, Wish::Nothing) => Ok(()),
            (_, Wish::WebSocket(_)) if self.websockets == WebSockets::Pass => Ok(()),
            _ => Err(Refused::Upgrade),
        }
    }

    async fn ask(&self, request: Request<Body>, wish: Wish) -> Result<Response<Body>, Refused> {
        let (head, body) = request.into_parts();
        let (pace, body) = Pace::of(body);
        let mut request = Request::from_parts(head, body);
        *request.uri_mut() = self.uri(request.uri());
        *request.version_mut() = Version::HTTP_11;
        let headers = request.headers_mut();
        // A connection serves one sender once: where a service sends more than its answer (the body to HEAD, say, as many do), that
        // would be read as the answer to whoever asks next, and a request that is sent while an idle one closes would be lost.
        headers.insert("connection", HeaderValue::from_static("close"));
        if let Wish::WebSocket(_) = wish {
            headers.insert("connection", HeaderValue::from_static("upgrade"));
            headers.insert("upgrade", HeaderValue::from_static("websocket"));
        }
        // Says whose certificate it was, or removes what the client says about that; and a certificate that is too large is
        // answered with 431.
        let client = self.client.clone();
        let service = self.emit.layer(service_fn(move |request| {
            let asked = client.request(request);
            async { Ok::<_, Infallible>(asked.await.map_or_else(failed, |answer| answer.map(Body::new))) }
        }));
        let answer = tokio::select! {
            Ok(answer) = service.oneshot(request) => answer,
            lost = pace.lost(self.patience) => return Err(lost),
        };
        if let Some(Failed(reason)) = answer.extensions().get() {
            return Err(Refused::Backend(reason.clone()));
        }
        self.hand_back(answer, wish)
    }

    fn hand_back(&self, mut answer: Response<Body>, wish: Wish) -> Result<Response<Body>, Refused> {
        match (answer.status(), wish) {
            (StatusCode::SWITCHING_PROTOCOLS, Wish::WebSocket(client)) => {
                tunnel::join(client, &mut answer, self.patience.websocket);
                fields::end_here(answer.headers_mut());
                let headers = answer.headers_mut();
                headers.insert("connection", HeaderValue::from_static("upgrade"));
                headers.insert("upgrade", HeaderValue::from_static("websocket"));
                Ok(answer.map(|_| Body::empty()))
            }
            (StatusCode::SWITCHING_PROTOCOLS, _) => Err(Refused::BackendAnswer),
            _ => {
                fields::end_here(answer.headers_mut());
                let silence = self.patience.silence;
                Ok(answer.map(|body| Body::new(Bounded::new(body, silence))))
            }
        }
    }

    /// The path and the query as they were asked for, and no other part.
    fn uri(&self, asked: &Uri) -> Uri {
        let mut parts = axum::http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.authority.clone());
        let whole = asked.path_and_query().cloned();
        parts.path_and_query = Some(whole.unwrap_or(PathAndQuery::from_static("/")));
        Uri::from_parts(parts).unwrap_or_default()
    }
}

/// Why there is no answer, for whom the layer in between must not see an error.
#[derive(Debug, Clone)]
struct Failed(String);

fn failed(error: hyper_util::client::legacy::Error) -> Response<Body> {
    let mut reason = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(deeper) = cause {
        reason = format!("{reason}: {deeper}");
        cause = deeper.source();
    }
    let mut answer = Response::default();
    answer.extensions_mut().insert(Failed(reason));
    answer
}

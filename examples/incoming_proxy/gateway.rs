//! Which route a request is on, and what stands before it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::http::uri::Authority;
use axum::http::{Request, Response, header};
use countersign::web::{CallerLayer, PayloadLayer, Site, Sites};
use tower::util::BoxCloneSyncService;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::forward::Backend;
use crate::journal;
use crate::paths::{self, Pattern, Unclear};
use crate::refused::Refused;
use crate::tunnel::Pending;

/// All that a request passes on a route: the demands, and the service behind.
pub(crate) type Door = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

pub(crate) struct Route {
    pub(crate) path: Pattern,
    pub(crate) door: Door,
}

/// Some systems that call, under one policy.
pub(crate) struct Integration {
    pub(crate) site: Site,
    pub(crate) routes: Vec<Route>,
    /// For what is on no route: whoever is to show a certificate learns nothing about routes without one.
    pub(crate) elsewhere: [Door; 2],
}

pub(crate) struct Gateway {
    pub(crate) sites: Arc<Sites>,
    pub(crate) integrations: Vec<Integration>,
    /// For hosts of nobody.
    pub(crate) nowhere: Door,
}

impl Gateway {
    pub(crate) async fn answer(&self, mut request: Request<Body>) -> Response<Body> {
        let pending = Pending::of(&mut request);
        let door = self.door(&request).clone();
        let Ok(answer) = door.oneshot(request).await;
        if let Some(pending) = pending {
            pending.unless_granted(answer.status());
        }
        answer
    }

    /// The host is read leniently here. Every door asks strictly whether it is one, and whose, before anything else.
    fn door(&self, request: &Request<Body>) -> &Door {
        let site = self.sites.find(host(request).as_deref());
        let of = |site: &Site| {
            let mut all = self.integrations.iter();
            all.find(|integration| Arc::ptr_eq(integration.site.config(), site.config()))
        };
        site.and_then(of).map_or(&self.nowhere, |integration| {
            integration.door(request.uri().path())
        })
    }
}

impl Integration {
    fn door(&self, path: &str) -> &Door {
        let patterns: Vec<_> = self.routes.iter().map(|route| &route.path).collect();
        let [no_route, unclear] = &self.elsewhere;
        match paths::find(&patterns, path) {
            Ok(Some(place)) => self.routes.get(place).map_or(no_route, |route| &route.door),
            Ok(None) => no_route,
            Err(Unclear) => unclear,
        }
    }
}

fn host(request: &Request<Body>) -> Option<String> {
    let target = request.uri().authority().cloned();
    let field = || Authority::try_from(request.headers().get(header::HOST)?.as_bytes()).ok();
    target.or_else(field).map(|host| host.host().to_owned())
}

/// A service behind the demands on whoever calls it.
pub(crate) fn to_service(
    callers: &CallerLayer,
    payload: Option<PayloadLayer>,
    route: &str,
    backend: Backend,
) -> Door {
    let route: Arc<str> = route.into();
    let forward = service_fn(move |request| {
        let (backend, route) = (backend.clone(), route.clone());
        async move { Ok::<_, Infallible>(backend.forward(&route, request).await) }
    });
    match payload {
        None => BoxCloneSyncService::new(callers.layer(forward)),
        Some(payload) => {
            let whole = forward.map_request(|request: Request<_>| request.map(Body::new));
            BoxCloneSyncService::new(callers.layer(payload.layer(whole)))
        }
    }
}

/// A refusal behind the same demands.
pub(crate) fn to_refusal(callers: &CallerLayer, refused: Refused) -> Door {
    let refuse = service_fn(move |request: Request<Body>| {
        let (head, _) = request.into_parts();
        journal::Seen::of(head.uri.path(), &head).refused(&refused);
        let answer = refused.answer();
        async { Ok::<_, Infallible>(answer) }
    });
    BoxCloneSyncService::new(callers.layer(refuse))
}

//! What the operator reads of each request that a route has: one line.

use axum::http::{StatusCode, request};
use countersign::payload::Fresh;
use countersign::tenant::TenantId;
use countersign::web::Connection;

use crate::fields;
use crate::refused::Refused;

/// What is known of a request before it goes on.
pub(crate) struct Seen {
    route: String,
    peer: Option<String>,
    tenant: Option<String>,
    delivery: Option<String>,
}

impl Seen {
    pub(crate) fn of(route: &str, head: &request::Parts) -> Self {
        let peer = head.extensions.get::<Connection>().and_then(Connection::peer);
        Self {
            route: route.to_owned(),
            peer: peer.map(|peer| peer.to_string()),
            tenant: fields::tenant(head).map(TenantId::to_string),
            delivery: head
                .extensions
                .get::<Fresh>()
                .map(|fresh| fresh.claim_key().to_string()),
        }
    }

    pub(crate) fn forwarded(&self, status: StatusCode) {
        tracing::info!(
            target: "incoming_proxy",
            route = self.route, peer = self.peer, tenant = self.tenant, delivery = self.delivery, status = status.as_u16(),
            "forwarded"
        );
    }

    pub(crate) fn refused(&self, refused: &Refused) {
        let (code, reason) = (refused.code(), refused.reason());
        tracing::warn!(
            target: "incoming_proxy",
            route = self.route, peer = self.peer, tenant = self.tenant, delivery = self.delivery, code, reason,
            "refused"
        );
    }
}

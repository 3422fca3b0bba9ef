use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};

use super::builder::Rules;
use super::tenants::Active;
use super::{Endpoint, Failure, SignLayer};
use crate::payload::Outgoing;
use crate::tenant::TenantId;
use crate::tls::rustls::ClientConfig;

/// A tenant's identity for an HTTP client of your own: its TLS configuration, and its signatures. Cheap to clone.
///
/// It is bound to one generation. Once the tenant's sender is replaced, it signs nothing more, so that no connection in
/// your client's pool is used under an identity that is gone: take a new one, and build a new client with it.
///
/// # Security
/// What the [`Dispatcher`](super::Dispatcher) does and a client of your own must do by itself: one client for each
/// tenant, since its pool and its session cache know of no tenants; no redirects, which would take what is signed for
/// one host to another; no cookies; addresses checked when it connects, for which [`Egress`](crate::egress::Egress) is a
/// connector for hyper. Here a host that *is* an address is checked, a name is not. Nor does anything tell whether the
/// server asked for the certificate.
#[derive(Clone)]
pub struct OwnClient {
    tenant: TenantId,
    active: Arc<Active>,
    rules: Rules,
}

impl OwnClient {
    pub(super) fn new(tenant: TenantId, active: Arc<Active>, rules: Rules) -> Self {
        Self {
            tenant,
            active,
            rules,
        }
    }

    /// Shows the tenant's certificate, verifies servers by the tenant's trust, resumes no session. No protocol is
    /// offered by ALPN: the client adds those that it speaks.
    pub fn client_config(&self) -> ClientConfig {
        let mut config = ClientConfig::clone(&self.active.outbound.config());
        config.alpn_protocols.clear();
        config
    }

    /// A tower layer that signs each request, around your client.
    pub fn layer(&self) -> SignLayer {
        SignLayer::new(self.clone())
    }

    /// The number of the identity, another one after each replacement.
    pub fn generation(&self) -> u64 {
        self.active.generation
    }

    /// Whether it is the tenant's still.
    pub fn is_current(&self) -> bool {
        !self.active.pool.is_retired()
    }

    /// The request with the header fields that the tenant's signers add. `id` is the delivery's identity, the same for
    /// every attempt.
    ///
    /// # Errors
    /// [`Failure`], as from the dispatcher: the target is no endpoint of this tenant's, the identity was replaced, or
    /// there is no signature. Nothing is to be sent then.
    pub fn sign(&self, request: Request<Bytes>, id: &str) -> Result<Request<Bytes>, Failure> {
        let (mut head, body) = request.into_parts();
        head.headers
            .extend(self.signature(&head.method, &head.uri, &head.headers, &body, id)?);
        Ok(Request::from_parts(head, body))
    }

    pub(super) fn signature(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
        id: &str,
    ) -> Result<HeaderMap, Failure> {
        let endpoint = Endpoint::parse(self.tenant.clone(), &uri.to_string())?;
        self.rules.admit(&endpoint, &self.tenant)?;
        self.rules.check_literal(&endpoint)?;
        if !self.is_current() {
            return Err(Failure::Replaced);
        }
        let now = self.rules.clock.now();
        self.active.check_certificate(now)?;
        let outgoing = Outgoing::new(&self.tenant, id, body, now)
            .with_request(method, endpoint.uri())
            .with_headers(headers);
        Ok(self.active.sender.sign(&outgoing)?)
    }
}

impl fmt::Debug for OwnClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnClient")
            .field("tenant", &self.tenant)
            .field("generation", &self.generation())
            .finish_non_exhaustive()
    }
}

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use rustls_pki_types::UnixTime;

use super::Failure;
use crate::tenant::TenantId;

/// A webhook to deliver, in the name of a tenant. Cheap to clone; the same for every attempt.
///
/// `Debug` shows whose it is, its id, and how much of it there is: what is in header fields and body is for its receiver.
///
/// ```
/// use countersign::dispatch::Delivery;
/// use countersign::tenant::TenantId;
/// use http::{HeaderValue, header};
///
/// let delivery = Delivery::new(TenantId::parse("acme")?, "delivery-1", r#"{"paid":true}"#);
/// let delivery = delivery.with_header(header::ACCEPT_LANGUAGE, HeaderValue::from_static("en"))?;
/// assert_eq!(delivery.id(), "delivery-1");
/// assert_eq!(delivery.body(), r#"{"paid":true}"#);
/// // What says where a request goes, or how long it is, is not the delivery's to say.
/// assert!(delivery.with_header(header::HOST, HeaderValue::from_static("else.example")).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Delivery {
    pub(super) tenant: TenantId,
    pub(super) id: String,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    expires: Option<UnixTime>,
}

/// What belongs to one connection, or is decided by us; and what would make the receiver read another message than was
/// signed.
const FORBIDDEN: &[HeaderName] = &[
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::COOKIE,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

impl Delivery {
    /// A `POST` of this tenant's, with a body in JSON. The id is the same for every attempt, so that the receiver can
    /// tell a retry from another delivery.
    pub fn new(tenant: TenantId, id: impl Into<String>, body: impl Into<Bytes>) -> Self {
        let json = HeaderValue::from_static("application/json");
        let agent = HeaderValue::from_static(concat!("countersign/", env!("CARGO_PKG_VERSION")));
        Self {
            tenant,
            id: id.into(),
            method: Method::POST,
            headers: HeaderMap::from_iter([(header::CONTENT_TYPE, json), (header::USER_AGENT, agent)]),
            body: body.into(),
            expires: None,
        }
    }

    /// Sends this header field in place of those of its name.
    ///
    /// # Errors
    /// [`ForbiddenField`] for what belongs to one connection: `Host`, `Content-Length`, `Transfer-Encoding` and their
    /// kin; and for cookies.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Result<Self, ForbiddenField> {
        let hop = name == "keep-alive" || name == "proxy-connection" || name == "http2-settings";
        if hop || FORBIDDEN.contains(&name) {
            return Err(ForbiddenField { name });
        }
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Says that the body is of this type.
    #[must_use]
    pub fn with_content_type(mut self, value: HeaderValue) -> Self {
        self.headers.insert(header::CONTENT_TYPE, value);
        self
    }

    /// Sends it with this method.
    #[must_use]
    pub fn with_method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Begins no attempt at it after this time: then it is dead, as `dispatch.expired`.
    ///
    /// Without it, what was meant for today is delivered whenever the endpoint comes back, and until then all of it waits.
    #[must_use]
    pub fn with_expiry(mut self, at: UnixTime) -> Self {
        self.expires = Some(at);
        self
    }

    /// The tenant in whose name it is sent.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Its identity.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The last moment at which an attempt at it may begin; `None` where it has none.
    pub fn expires(&self) -> Option<UnixTime> {
        self.expires
    }

    pub(super) fn check_expiry(&self, now: UnixTime) -> Result<(), Failure> {
        match self.expires {
            Some(at) if now > at => Err(Failure::Expired { at }),
            _ => Ok(()),
        }
    }

    /// Its body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("tenant", &self.tenant)
            .field("id", &self.id)
            .field("method", &self.method)
            .field("fields", &self.headers.len())
            .field("bytes", &self.body.len())
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// A header field that a delivery must not bring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the header field {name} is not the delivery's to set")]
#[non_exhaustive]
pub struct ForbiddenField {
    /// Its name.
    pub name: HeaderName,
}

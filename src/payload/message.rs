use std::fmt;

use http::{HeaderMap, Method, Uri};
use rustls_pki_types::UnixTime;

use super::ClientCertificate;
use crate::tenant::TenantId;

/// A message without its body. `Debug` shows neither its target nor the values of its fields: secrets stand there.
///
/// ```
/// use countersign::payload::Head;
/// use countersign::UnixTime;
/// use http::{HeaderMap, Method, Uri};
///
/// let (method, uri, headers) = (Method::POST, Uri::from_static("/hooks"), HeaderMap::new());
/// let head = Head::new(&method, &uri, &headers, UnixTime::now());
/// assert_eq!(head.with_body(b"{}").body, b"{}");
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Head<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The request's target, as received.
    pub uri: &'a Uri,
    /// Its header fields.
    pub headers: &'a HeaderMap,
    /// The tenant that the connection has proved. If present, only its keys count.
    pub sender: Option<&'a TenantId>,
    /// The client certificate of the connection, for schemes that sign it.
    pub certificate: Option<ClientCertificate<'a>>,
    /// The present, in seconds since 1970.
    pub now: UnixTime,
}

impl<'a> Head<'a> {
    /// The head of a message of a sender whom nothing has proved yet.
    pub fn new(method: &'a Method, uri: &'a Uri, headers: &'a HeaderMap, now: UnixTime) -> Self {
        Self {
            method,
            uri,
            headers,
            sender: None,
            certificate: None,
            now,
        }
    }

    /// The same on a connection that has proved to be this tenant's.
    #[must_use]
    pub fn from_sender(mut self, sender: &'a TenantId) -> Self {
        self.sender = Some(sender);
        self
    }

    /// The same on a connection with this client certificate.
    #[must_use]
    pub fn with_certificate(mut self, certificate: ClientCertificate<'a>) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// The whole message.
    pub fn with_body(&self, body: &'a [u8]) -> Message<'a> {
        Message {
            method: self.method,
            uri: self.uri,
            headers: self.headers,
            body,
            sender: self.sender,
            certificate: self.certificate,
            now: self.now,
        }
    }
}

/// A message as it was received. Its body is bytes and stays so: what was verified is handed on as it is.
/// `Debug` shows of it what it shows of a [`Head`].
///
/// ```
/// use countersign::payload::Message;
/// use countersign::UnixTime;
/// use http::{HeaderMap, Method, Uri};
///
/// let (method, uri, headers) = (Method::POST, Uri::from_static("/hooks"), HeaderMap::new());
/// let message = Message::new(&method, &uri, &headers, b"{}", UnixTime::now());
/// assert_eq!((message.body, message.sender), (&b"{}"[..], None));
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Message<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The request's target, as received.
    pub uri: &'a Uri,
    /// Its header fields.
    pub headers: &'a HeaderMap,
    /// Its body, whole.
    pub body: &'a [u8],
    /// The tenant that the connection has proved. If present, only its keys count.
    pub sender: Option<&'a TenantId>,
    /// The client certificate of the connection, if it has one: what a token's `cnf` is compared with.
    pub certificate: Option<ClientCertificate<'a>>,
    /// The present, in seconds since 1970.
    pub now: UnixTime,
}

impl<'a> Message<'a> {
    /// A message of a sender whom nothing has proved yet.
    pub fn new(
        method: &'a Method,
        uri: &'a Uri,
        headers: &'a HeaderMap,
        body: &'a [u8],
        now: UnixTime,
    ) -> Self {
        Head::new(method, uri, headers, now).with_body(body)
    }

    /// The same message on a connection that has proved to be this tenant's.
    #[must_use]
    pub fn from_sender(mut self, sender: &'a TenantId) -> Self {
        self.sender = Some(sender);
        self
    }

    /// The same message on a connection with this client certificate.
    #[must_use]
    pub fn with_certificate(mut self, certificate: ClientCertificate<'a>) -> Self {
        self.certificate = Some(certificate);
        self
    }
}

impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("method", self.method)
            .field("fields", &Vec::from_iter(self.headers.keys()))
            .field("sender", &self.sender)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("method", self.method)
            .field("fields", &Vec::from_iter(self.headers.keys()))
            .field("bytes", &self.body.len())
            .field("sender", &self.sender)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::header::AUTHORIZATION;

    use super::*;
    use crate::payload::Outgoing;

    /// Whatever is in it may be a secret of somebody's.
    #[test]
    fn what_is_shown_of_a_message_is_its_outline() {
        let uri = Uri::from_static("https://hooks.example/sEcReT/in?token=sEcReT");
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, http::HeaderValue::from_static("Bearer sEcReT"));
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1));
        let sender = TenantId::parse("acme").expect("a tenant");
        let head = Head::new(&Method::POST, &uri, &headers, now).from_sender(&sender);
        let outline = r#"method: POST, fields: ["authorization"], "#;
        let rest = format!("sender: Some({sender:?}), now: {now:?}, .. }}");
        assert_eq!(format!("{head:?}"), format!("Head {{ {outline}{rest}"));
        let message = head.with_body(b"sEcReT");
        assert_eq!(
            format!("{message:?}"),
            format!("Message {{ {outline}bytes: 6, {rest}")
        );

        let outgoing = Outgoing::new(&sender, "1", b"sEcReT", now)
            .with_request(&Method::POST, &uri)
            .with_headers(&headers);
        let expected = format!(
            "Outgoing {{ tenant: {sender:?}, id: \"1\", bytes: 6, now: {now:?}, method: Some(POST), \
             host: Some(\"hooks.example\"), .. }}"
        );
        assert_eq!(format!("{outgoing:?}"), expected);
    }
}

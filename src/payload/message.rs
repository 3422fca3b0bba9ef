use http::{HeaderMap, Method, Uri};
use rustls_pki_types::UnixTime;

use super::ClientCertificate;
use crate::tenant::TenantId;

/// A message without its body.
#[derive(Debug, Clone, Copy)]
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
#[derive(Debug, Clone, Copy)]
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

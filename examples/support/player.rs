//! Deliveries over real sockets, good and bad, and what their sender sees.
#![allow(dead_code, reason = "each example uses a part of it")]

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use countersign::tls::{HandshakeVerifier, PeerAlert, Tls};
use countersign::trust::VerifyPeer;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

pub(crate) type AnyError = Box<dyn Error + Send + Sync>;

/// A certificate chain and its key.
pub(crate) type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// A client that trusts such servers and shows this pair, or none: also one that no sender in its senses would show, such as an
/// expired one, which `Tls::client_config` would not take.
pub(crate) fn client(
    tls: &Tls,
    trust: impl VerifyPeer + 'static,
    shown: Option<Pair>,
) -> Result<ClientConfig, AnyError> {
    let verifier = HandshakeVerifier::new(tls.provider(), trust);
    let config = ClientConfig::builder_with_provider(Arc::new(tls.provider().clone()))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    Ok(match shown {
        Some((chain, key)) => config.with_client_auth_cert(chain, key)?,
        None => config.with_no_client_auth(),
    })
}

#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Delivery {
    /// Another body under the same signature.
    pub(crate) fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn without(mut self, field: &str) -> Self {
        self.headers.remove(field);
        self
    }

    /// One field with another value, or one more.
    pub(crate) fn with(mut self, field: &'static str, value: HeaderValue) -> Self {
        self.headers.insert(field, value);
        self
    }

    /// One field twice.
    pub(crate) fn twice(mut self, field: &str) -> Self {
        let known = self.headers.iter().find(|(name, _)| name.as_str() == field);
        if let Some((name, value)) = known.map(|(name, value)| (name.clone(), value.clone())) {
            self.headers.append(name, value);
        }
        self
    }
}

/// The place that deliveries go to.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    /// Whom the server is to be in the handshake, where there is one.
    pub(crate) name: ServerName<'static>,
    /// The `Host` field.
    pub(crate) host: String,
    pub(crate) path: String,
}

/// One connection to a receiver.
pub(crate) struct Client {
    requests: SendRequest<Full<Bytes>>,
    connection: JoinHandle<hyper::Result<()>>,
    place: Place,
}

impl Client {
    /// Over TLS, or in the clear.
    pub(crate) async fn connect(place: &Place, tls: Option<ClientConfig>) -> Result<Self, AnyError> {
        let tcp = TcpStream::connect(place.address).await?;
        let (requests, connection) = match tls {
            Some(config) => {
                let connector = TlsConnector::from(Arc::new(config));
                let stream = connector.connect(place.name.clone(), tcp).await?;
                let (requests, connection) = http1::handshake(TokioIo::new(stream)).await?;
                (requests, tokio::spawn(connection))
            }
            None => {
                let (requests, connection) = http1::handshake(TokioIo::new(tcp)).await?;
                (requests, tokio::spawn(connection))
            }
        };
        Ok(Self {
            requests,
            connection,
            place: place.clone(),
        })
    }

    /// Waits until another request can be sent.
    pub(crate) async fn ready(&mut self) -> Result<(), AnyError> {
        Ok(self.requests.ready().await?)
    }

    pub(crate) async fn send(&mut self, delivery: Delivery) -> Result<Response<Incoming>, AnyError> {
        let mut request = Request::post(&self.place.path)
            .header("host", &self.place.host)
            .header("content-type", "application/json")
            .body(Full::new(delivery.body))?;
        request.headers_mut().extend(delivery.headers);
        match self.requests.send_request(request).await {
            Ok(response) => Ok(response),
            // The connection knows better why there was no request to be made.
            Err(error) if error.is_canceled() => {
                Err((&mut self.connection).await?.err().unwrap_or(error).into())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What the client saw. Under TLS 1.3 the alert arrives after the client believes itself connected.
pub(crate) fn answer(outcome: &Result<Response<Incoming>, AnyError>) -> String {
    match outcome {
        Ok(response) => format!("HTTP {}", response.status().as_u16()),
        Err(error) => match PeerAlert::find(error.as_ref()) {
            Some(alert) => format!("alert {alert}"),
            None => format!("error {error}"),
        },
    }
}

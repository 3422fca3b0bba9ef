//! A sender to send with, by hyper's own client.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign::payload::{HmacSigner, Outgoing, Scheme, SignPayload};
use countersign::testing::TestCert;
use countersign::tls::HandshakeVerifier;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::{ServerName, UnixTime};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::door::world;
use crate::support::tenant;

pub(crate) type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// A request's headers and body, which know nothing of each other.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) path: &'static str,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Pieces,
}

/// Signed by that tenant's key.
pub(crate) fn delivery(owner: &str, id: &str, body: &str, now: UnixTime) -> Delivery {
    let signer = HmacSigner::new(Scheme::standard_webhooks(), world().keys.clone());
    let owner = tenant(owner);
    let outgoing = Outgoing::new(&owner, id, body.as_bytes(), now);
    Delivery {
        path: "/orders",
        headers: signer.sign_payload(&outgoing).expect("a key"),
        body: Pieces::whole(body),
    }
}

impl Delivery {
    pub(crate) fn to(mut self, path: &'static str) -> Self {
        self.path = path;
        self
    }

    pub(crate) fn without(mut self, header: &str) -> Self {
        self.headers.remove(header).expect("it is there");
        self
    }

    pub(crate) fn with_body(mut self, body: Pieces) -> Self {
        self.body = body;
        self
    }

    pub(crate) fn request(self, version: Version) -> Request<Pieces> {
        let request = match version {
            Version::Http1 => Request::post(self.path).header("host", "hooks.acme.example"),
            Version::Http2 => Request::post(format!("https://hooks.acme.example{}", self.path)),
        };
        let request = request.header("content-type", "application/json").body(self.body);
        let mut request = request.expect("good parts");
        request.headers_mut().extend(self.headers);
        request
    }
}

/// A body in pieces; its length is told in advance, or not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pieces {
    pieces: VecDeque<Bytes>,
    told: Option<u64>,
}

impl Pieces {
    pub(crate) fn whole(body: &str) -> Self {
        let told = Some(body.len() as u64);
        let pieces = [Bytes::copy_from_slice(body.as_bytes())].into();
        Self { pieces, told }
    }

    pub(crate) fn of(pieces: impl IntoIterator<Item = Bytes>) -> Self {
        let pieces = pieces.into_iter().collect();
        Self { pieces, told: None }
    }

    /// Chunked under HTTP/1.1, without a content-length under both.
    pub(crate) fn of_untold_length(body: &str) -> Self {
        Self::of(body.as_bytes().chunks(100).map(Bytes::copy_from_slice))
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.pieces.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        self.told.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// What a sender is told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: String,
    /// Not compared: what a server says of itself and the date.
    pub(crate) headers: HeaderMap,
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        (self.status, self.retry_after, &self.body) == (other.status, other.retry_after, &other.body)
    }
}

/// A status and nothing else.
pub(crate) fn empty(status: u16) -> Answer {
    Answer {
        status,
        ..Answer::default()
    }
}

/// 503: come back after so many seconds.
pub(crate) fn retry_after(seconds: u64) -> Answer {
    Answer {
        retry_after: Some(seconds),
        ..empty(503)
    }
}

pub(crate) fn said(status: u16, body: impl Into<String>) -> Answer {
    Answer {
        body: body.into(),
        ..empty(status)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

/// How a connection is begun.
pub(crate) struct Greeting<'a> {
    certificate: Option<&'a TestCert>,
    version: Version,
    name: Option<&'a str>,
    from: IpAddr,
    alpn: Vec<Vec<u8>>,
}

impl<'a> Greeting<'a> {
    pub(crate) fn new(certificate: Option<&'a TestCert>, version: Version) -> Self {
        Self {
            certificate,
            version,
            name: Some("hooks.acme.example"),
            from: IpAddr::V4(Ipv4Addr::LOCALHOST),
            alpn: Vec::new(),
        }
    }

    /// Asks for this server name, or for none.
    pub(crate) fn under(self, name: Option<&'a str>) -> Self {
        Self { name, ..self }
    }

    /// Comes from this address.
    pub(crate) fn from(self, from: IpAddr) -> Self {
        Self { from, ..self }
    }

    /// Offers these protocols.
    pub(crate) fn offering(self, protocols: &[&str]) -> Self {
        let alpn = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self { alpn, ..self }
    }

    pub(crate) async fn tls(&self, address: SocketAddr) -> Result<TlsStream<TcpStream>, AnyError> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((self.from, 0).into())?;
        let tcp = socket.connect(address).await?;
        tcp.set_nodelay(true)?;
        let mut config = client_config(self.certificate)?;
        config.enable_sni = self.name.is_some();
        config.alpn_protocols.clone_from(&self.alpn);
        let name = self.name.unwrap_or("hooks.acme.example").to_owned();
        let connector = TlsConnector::from(Arc::new(config));
        Ok(connector.connect(ServerName::try_from(name)?, tcp).await?)
    }
}

/// One connection that stays open.
pub(crate) enum Sender<B = Pieces> {
    Http1(http1::SendRequest<B>),
    Http2(http2::SendRequest<B>),
}

impl<B> Sender<B>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<AnyError>,
{
    pub(crate) async fn greet(address: SocketAddr, greeting: Greeting<'_>) -> Result<Self, AnyError> {
        let tls = TokioIo::new(greeting.tls(address).await?);
        match greeting.version {
            Version::Http1 => {
                let (requests, connection) = http1::handshake(tls).await?;
                tokio::spawn(connection);
                Ok(Self::Http1(requests))
            }
            Version::Http2 => {
                let (requests, connection) = http2::handshake(TokioExecutor::new(), tls).await?;
                tokio::spawn(connection);
                Ok(Self::Http2(requests))
            }
        }
    }

    pub(crate) async fn ask(&mut self, request: Request<B>) -> Result<Answer, AnyError> {
        let response = match self {
            Self::Http1(requests) => {
                requests.ready().await?;
                requests.send_request(request).await?
            }
            Self::Http2(requests) => requests.send_request(request).await?,
        };
        answer(response).await
    }
}

impl Sender {
    pub(crate) async fn connect(
        address: SocketAddr,
        certificate: Option<&TestCert>,
        version: Version,
    ) -> Result<Self, AnyError> {
        Self::greet(address, Greeting::new(certificate, version)).await
    }

    /// With a good certificate, by HTTP/1.1.
    pub(crate) async fn of(address: SocketAddr, certificate: &TestCert) -> Self {
        let sender = Self::connect(address, Some(certificate), Version::Http1).await;
        sender.expect("a connection")
    }

    pub(crate) async fn send(&mut self, delivery: Delivery) -> Answer {
        self.try_send(delivery).await.expect("an answer")
    }

    pub(crate) async fn try_send(&mut self, delivery: Delivery) -> Result<Answer, AnyError> {
        let version = match self {
            Self::Http1(_) => Version::Http1,
            Self::Http2(_) => Version::Http2,
        };
        self.ask(delivery.request(version)).await
    }
}

async fn answer(response: Response<Incoming>) -> Result<Answer, AnyError> {
    let retry_after = response.headers().get(RETRY_AFTER).cloned();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.into_body().collect().await?.to_bytes();
    Ok(Answer {
        status,
        retry_after: retry_after
            .map(|seconds| seconds.to_str().expect("ASCII").parse())
            .transpose()?,
        body: String::from_utf8(body.into())?,
        headers,
    })
}

/// A delivery on a connection of its own.
pub(crate) async fn send(address: SocketAddr, certificate: &TestCert, delivery: Delivery) -> Answer {
    Sender::of(address, certificate).await.send(delivery).await
}

/// Also with a certificate that `Tls` would not make a configuration of: an expired one, for example.
pub(crate) fn client_config(certificate: Option<&TestCert>) -> Result<ClientConfig, AnyError> {
    let world = world();
    let verifier = HandshakeVerifier::new(world.tls.provider(), world.trust(&world.ca));
    let config = ClientConfig::builder_with_provider(Arc::new(world.tls.provider().clone()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match certificate {
        Some(certificate) => config.with_client_auth_cert(certificate.chain(), certificate.key())?,
        None => config.with_no_client_auth(),
    };
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

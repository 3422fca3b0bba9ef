//! A sender: its certificate, its secret, and a connection to each receiver that it makes again when it is lost.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, Request, StatusCode};
use countersign::payload::{HmacSigner, Outgoing, Scheme, SignPayload as _};
use countersign::tenant::TenantId;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::receiver::FAIL;
use crate::world::{SERVER, World};

const PATIENCE: Duration = Duration::from_secs(4);

pub(crate) struct Sender {
    name: TenantId,
    signer: HmacSigner,
    tls: TlsConnector,
    lines: Vec<Line>,
}

struct Line {
    port: u16,
    requests: Option<SendRequest<Full<Bytes>>>,
}

/// What a sender is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Status(StatusCode),
    /// The connection was lost, or there is none, or it took too long: nobody knows.
    Nothing,
}

impl Sender {
    pub(crate) fn new(world: &World, name: &str, ports: &[u16]) -> Self {
        let line = |port: &u16| Line {
            port: *port,
            requests: None,
        };
        Self {
            name: TenantId::parse(name).expect("a name"),
            signer: HmacSigner::new(Scheme::standard_webhooks(), world.keys()),
            tls: TlsConnector::from(Arc::new(world.client_config(name))),
            lines: ports.iter().map(line).collect(),
        }
    }

    /// Signs it now, and sends it to that receiver.
    pub(crate) async fn send(&mut self, receiver: usize, delivery: &str, fail: Option<&'static str>) -> Told {
        let request = self.request(delivery, fail);
        let (Some(line), tls) = (self.lines.get_mut(receiver), &self.tls) else {
            return Told::Nothing;
        };
        match tokio::time::timeout(PATIENCE, line.send(tls, request)).await {
            Ok(Ok(status)) => Told::Status(status),
            _ => {
                line.requests = None;
                Told::Nothing
            }
        }
    }

    /// The same to all receivers at once.
    pub(crate) async fn send_to_all(&mut self, delivery: &str) -> Vec<Told> {
        let mut attempts = Vec::new();
        for number in 0..self.lines.len() {
            let request = self.request(delivery, None);
            let (Some(line), tls) = (self.lines.get_mut(number), self.tls.clone()) else {
                continue;
            };
            let mut line = std::mem::replace(
                line,
                Line {
                    port: line.port,
                    requests: None,
                },
            );
            attempts.push(tokio::spawn(async move {
                let told = tokio::time::timeout(PATIENCE, line.send(&tls, request)).await;
                (line, told.ok().and_then(Result::ok))
            }));
        }
        let mut told = Vec::new();
        for (number, attempt) in attempts.into_iter().enumerate() {
            let Ok((line, Some(status))) = attempt.await else {
                told.push(Told::Nothing);
                continue;
            };
            if let Some(place) = self.lines.get_mut(number) {
                *place = line;
            }
            told.push(Told::Status(status));
        }
        told
    }

    fn request(&self, delivery: &str, fail: Option<&'static str>) -> Request<Full<Bytes>> {
        let outgoing = Outgoing::new(&self.name, delivery, delivery.as_bytes(), UnixTime::now());
        let signed = self.signer.sign_payload(&outgoing).expect("a key");
        let body = Full::new(Bytes::copy_from_slice(delivery.as_bytes()));
        let request = Request::post("/").header("host", SERVER);
        let request = fail.map_or(Request::post("/").header("host", SERVER), |why| {
            request.header(FAIL, why)
        });
        let mut request = request.body(body).expect("good parts");
        request.headers_mut().extend(signed);
        if let Some(why) = fail {
            request.headers_mut().insert(FAIL, HeaderValue::from_static(why));
        }
        request
    }
}

impl Line {
    async fn send(
        &mut self,
        tls: &TlsConnector,
        request: Request<Full<Bytes>>,
    ) -> Result<StatusCode, Box<dyn Error + Send + Sync>> {
        let mut requests = match self.requests.take() {
            Some(requests) if !requests.is_closed() => requests,
            _ => self.connect(tls).await?,
        };
        requests.ready().await?;
        let response = requests.send_request(request).await?;
        let status = response.status();
        response.into_body().collect().await?;
        self.requests = Some(requests);
        Ok(status)
    }

    async fn connect(
        &self,
        tls: &TlsConnector,
    ) -> Result<SendRequest<Full<Bytes>>, Box<dyn Error + Send + Sync>> {
        let tcp = TcpStream::connect(("127.0.0.1", self.port)).await?;
        tcp.set_nodelay(true)?;
        let stream = tls.connect(ServerName::try_from(SERVER)?, tcp).await?;
        let (requests, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(requests)
    }
}

//! Ways to send.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderName, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::time::timeout;

use super::{Delivery, Traffic};
use crate::client::{Line, PATIENCE, tls};
use crate::expected::Verdict;
use crate::server::{CODE, WHY};
use crate::stage::HOST;

/// Before the receiver thinks an open connection idle.
const NOT_IDLE: Duration = Duration::from_secs(10);

/// The connections that one sender keeps open, by client.
#[derive(Default)]
pub(crate) struct Connections(HashMap<&'static str, (Line, Instant)>);

impl Connections {
    /// One that is open, unless there is none that the receiver would take a request on.
    fn usable(&mut self, client: &'static str) -> Option<&mut Line> {
        self.0
            .retain(|_, (line, used)| !line.is_over && used.elapsed() < NOT_IDLE);
        let (line, used) = self.0.get_mut(client)?;
        *used = Instant::now();
        Some(line)
    }
}

impl Traffic {
    /// On a connection of its own.
    pub(crate) async fn fresh(&self, client: &str, request: &[u8]) -> Verdict {
        match Line::open(self.port, self.stage.client(client), HOST).await {
            Ok(mut line) => line.ask(request).await,
            Err(verdict) => verdict,
        }
    }

    /// A handshake, and what comes of it before anything is asked.
    pub(crate) async fn handshake(&self, client: &str, name: &str) -> Verdict {
        match Line::open(self.port, self.stage.client(client), name).await {
            Ok(mut line) => line.answer().await,
            Err(verdict) => verdict,
        }
    }

    pub(crate) async fn line(&self, client: &str) -> Result<Line, Verdict> {
        Line::open(self.port, self.stage.client(client), HOST).await
    }

    /// On a connection that was open before. `None`, where there is none: then one is opened for the next time, if it may be.
    pub(crate) async fn later(
        &self,
        connections: &mut Connections,
        client: &'static str,
        may_open: bool,
        request: &[u8],
    ) -> Option<Verdict> {
        if let Some(line) = connections.usable(client) {
            let verdict = line.ask(request).await;
            if matches!(verdict, Verdict::Closed | Verdict::Silent) {
                connections.0.remove(client);
            }
            return Some(verdict);
        }
        if may_open && let Ok(line) = self.line(client).await {
            connections.0.insert(client, (line, Instant::now()));
        }
        None
    }

    /// All at once, on one connection by HTTP/2.
    pub(crate) async fn at_once(&self, client: &str, deliveries: &[Delivery]) -> Vec<Verdict> {
        let mut config = (*self.stage.client(client)).clone();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let connected = match tls(self.port, Arc::new(config), HOST).await {
            Ok(tls) => timeout(PATIENCE, handshake(TokioExecutor::new(), TokioIo::new(tls))).await,
            Err(verdict) => return vec![verdict; deliveries.len()],
        };
        let Ok(Ok((requests, connection))) = connected else {
            return vec![Verdict::Closed; deliveries.len()];
        };
        let driver = tokio::spawn(connection);
        let asked: Vec<_> = deliveries
            .iter()
            .map(|delivery| tokio::spawn(ask(requests.clone(), delivery.clone())))
            .collect();
        drop(requests);
        let mut verdicts = Vec::new();
        for verdict in asked {
            verdicts.push(verdict.await.expect("no panic"));
        }
        driver.abort();
        verdicts
    }
}

async fn ask(mut requests: SendRequest<Full<Bytes>>, delivery: Delivery) -> Verdict {
    let mut request = Request::post(format!("https://{HOST}{}", delivery.store.path()))
        .body(Full::new(Bytes::from(delivery.body)))
        .expect("a request");
    *request.headers_mut() = delivery.headers;
    match timeout(PATIENCE, requests.send_request(request)).await {
        Err(_) => Verdict::Silent,
        Ok(Err(_)) => Verdict::Closed,
        Ok(Ok(response)) => Verdict::answered(
            response.status().as_u16(),
            told(&response, &CODE),
            told(&response, &WHY),
        ),
    }
}

fn told<'r>(response: &'r Response<Incoming>, name: &HeaderName) -> &'r str {
    let told = response.headers().get(name);
    told.and_then(|told| told.to_str().ok()).unwrap_or_default()
}

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;

use super::NotConnected;
use super::connect::direct;

/// A proxy of one's own that tunnels with HTTP `CONNECT` (RFC 9110 §9.3.6).
///
/// It is told an *address*, the one that was checked, never the name: so it cannot be led elsewhere. TLS goes through it
/// from end to end, with the name in SNI. What fails at the proxy is a fault of our own infrastructure, not of whoever
/// was to be reached; but for what it says about them: 502, 503 and 504, and silence while it answers others.
///
/// It is configuration: its own address is not checked, and the environment (`HTTPS_PROXY`) is never asked.
///
/// ```
/// use countersign::egress::{Egress, Proxy};
/// use http::HeaderValue;
///
/// let proxy = Proxy::at(([10, 0, 0, 1], 3128).into()).with_authorization(
///     HeaderValue::from_static("Basic c2VjcmV0")
/// );
/// assert_eq!(format!("{proxy:?}"), "Proxy(10.0.0.1:3128)", "the password is not shown");
/// let egress = Egress::new().through(proxy);
/// # drop(egress);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Proxy {
    address: SocketAddr,
    authorization: Option<HeaderValue>,
    /// How often it has answered; clones count together.
    answers: Arc<AtomicU64>,
}

impl Proxy {
    /// The proxy that listens there, in plain HTTP.
    pub fn at(address: SocketAddr) -> Self {
        Self {
            address,
            authorization: None,
            answers: Arc::default(),
        }
    }

    /// Sends this as `Proxy-Authorization`.
    #[must_use]
    pub fn with_authorization(mut self, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.authorization = Some(value);
        self
    }

    /// A tunnel to that address.
    pub(super) async fn connect(&self, target: SocketAddr) -> Result<TokioIo<Upgraded>, NotConnected> {
        let failed = |reason: &dyn ToString| NotConnected::by_proxy(self, reason.to_string());
        let tcp = direct(self.address).await.map_err(|error| failed(&error))?;
        let handshake = http1::handshake::<_, Empty<Bytes>>(TokioIo::new(tcp)).await;
        let (mut sender, connection) = handshake.map_err(|error| failed(&error))?;
        // Ends with the tunnel.
        tokio::spawn(connection.with_upgrades());
        let request = self.request(target).map_err(|error| failed(&error))?;
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(|error| failed(&error))?;
        self.answers.fetch_add(1, Ordering::Relaxed);
        if !answer.status().is_success() {
            return Err(self.refusal(target, answer.status()));
        }
        let upgraded = hyper::upgrade::on(answer).await;
        Ok(TokioIo::new(upgraded.map_err(|error| failed(&error))?))
    }

    /// A gateway's statuses (RFC 9110 §15.6) speak about whom it should have reached, all others about the request.
    fn refusal(&self, target: SocketAddr, status: StatusCode) -> NotConnected {
        use StatusCode as S;
        match status {
            S::BAD_GATEWAY | S::SERVICE_UNAVAILABLE | S::GATEWAY_TIMEOUT => NotConnected::Unreachable {
                address: target,
                reason: format!("our proxy answered {}", status.as_u16()),
            },
            _ => NotConnected::by_proxy(self, format!("it answered {}", status.as_u16())),
        }
    }

    /// How often it has answered so far.
    pub(super) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    fn request(&self, target: SocketAddr) -> http::Result<Request<Empty<Bytes>>> {
        let mut request = Request::connect(target.to_string()).header(header::HOST, target.to_string());
        if let Some(authorization) = &self.authorization {
            request = request.header(header::PROXY_AUTHORIZATION, authorization);
        }
        request.body(Empty::new())
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proxy").field(&self.address).finish()
    }
}

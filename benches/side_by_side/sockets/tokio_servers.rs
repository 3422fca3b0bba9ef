//! Servers on one thread of tokio each: hyper with somebody's verifier and nothing else, and our whole front door.

use std::convert::Infallible;
use std::fs;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use countersign::gate::Policy;
use countersign::payload::{HmacVerifier, Keyring, Scheme};
use countersign::replay::MemoryStore;
use countersign::web::{Acceptor, CallerLayer, PayloadLayer, Protocols};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tower::{Layer as _, service_fn as tower_service};

use super::Server;

/// A server on a thread of its own.
pub(super) struct OnThread {
    address: SocketAddr,
    /// Where the system tells its CPU time, in nanoseconds.
    told: PathBuf,
}

impl OnThread {
    /// hyper, and whatever verifier there is in the configuration.
    pub(super) fn hyper(config: Arc<ServerConfig>) -> Self {
        Self::start(move |listener| serve(listener, config))
    }

    /// The policy in the handshake, the caller of each request, its signature and its replay; bounded on every side.
    pub(super) fn front_door(config: Arc<ServerConfig>, policy: Policy, keys: Keyring) -> Self {
        Self::start(move |listener| async move {
            let acceptor = Acceptor::new(ServerConfig::clone(&config)).with_protocols(Protocols::Http1);
            let payload = PayloadLayer::new(
                HmacVerifier::new(Scheme::standard_webhooks(), keys),
                MemoryStore::default(),
            );
            let callers = CallerLayer::new(policy.clone());
            let service = callers.layer(payload.layer(tower_service(answer::<Full<Bytes>>)));
            let server = countersign::web::Server::on(listener, acceptor).expect("a listener");
            server.with_policy(policy).serve(service).await;
        })
    }

    fn start<F: Future>(serve: impl FnOnce(TcpListener) -> F + Send + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("a socket");
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let itself = fs::read_link("/proc/thread-self").expect("Linux");
            tell.send(PathBuf::from("/proc").join(itself).join("schedstat"))
                .expect("somebody asks");
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                serve(TcpListener::from_std(listener).expect("a listener")).await;
            });
        });
        Self {
            address,
            told: told.recv().expect("it has begun"),
        }
    }
}

impl Server for OnThread {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn used(&self) -> Duration {
        // What is left to do of the last connection.
        thread::sleep(Duration::from_millis(20));
        let told = fs::read_to_string(&self.told).expect("Linux");
        let nanos = told.split(' ').next().and_then(|nanos| nanos.parse().ok());
        Duration::from_nanos(nanos.expect("a number"))
    }
}

async fn serve(listener: TcpListener, config: Arc<ServerConfig>) {
    let acceptor = TlsAcceptor::from(config);
    loop {
        let (tcp, _) = listener.accept().await.expect("a connection");
        tcp.set_nodelay(true).expect("a socket");
        let tls = acceptor.accept(tcp).await.expect("trusted");
        // How the client ends it says nothing about us.
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(tls), service_fn(answer::<Incoming>))
            .await;
    }
}

async fn answer<B>(request: Request<B>) -> Result<Response<Empty<Bytes>>, Infallible>
where
    B: hyper::body::Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    request.into_body().collect().await.expect("a body");
    Ok(Response::builder()
        .status(204)
        .body(Empty::new())
        .expect("an answer"))
}

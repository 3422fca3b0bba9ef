//! Consumers' servers on real sockets: well-behaved ones by hyper, and ones that do whatever bytes can do.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A server that runs until it is dropped.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

/// A request that arrived, and on which connection.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) connection: usize,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) version: http::Version,
    pub(crate) certificate: Option<CertificateDer<'static>>,
}

impl Receiver {
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/hooks", self.port())
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }

    /// Whatever it is that is done with each TCP connection.
    pub(crate) async fn tcp<F, A>(handle: F) -> Self
    where
        F: Fn(usize, TcpStream) -> A + Send + Sync + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        Self::listen(Arc::default(), move |number, io, _| handle(number, io)).await
    }

    /// Whatever it is that is done with each TLS connection whose handshake succeeds.
    pub(crate) async fn tls<F, A>(config: ServerConfig, handle: F) -> Self
    where
        F: Fn(usize, TlsStream<TcpStream>) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::tcp(move |number, io| {
            let (acceptor, handle) = (acceptor.clone(), handle.clone());
            async move {
                if let Ok(tls) = acceptor.accept(io).await {
                    handle(number, tls).await;
                }
            }
        })
        .await
    }

    /// Answers each connection's request with these bytes, and closes.
    pub(crate) async fn saying(config: ServerConfig, answer: impl AsRef<[u8]>) -> Self {
        let answer: Arc<[u8]> = answer.as_ref().into();
        Self::tls(config, move |_, mut tls| {
            let answer = answer.clone();
            async move {
                read_request(&mut tls).await;
                let _ = tls.write_all(&answer).await;
                let _ = tls.shutdown().await;
            }
        })
        .await
    }

    /// HTTP by hyper: 1.1, or 2 where the configuration offers it.
    pub(crate) async fn http<F, A>(config: ServerConfig, answer: F) -> Self
    where
        F: Fn(Seen) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let seen = Arc::new(Mutex::new(Vec::new()));
        Self::listen(seen, move |number, io, seen| {
            let (acceptor, answer) = (acceptor.clone(), answer.clone());
            async move {
                let Ok(tls) = acceptor.accept(io).await else {
                    return;
                };
                let certificate = tls.get_ref().1.peer_certificates().map(|chain| chain[0].clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    let (answer, seen, certificate) = (answer.clone(), seen.clone(), certificate.clone());
                    async move {
                        let request = read(number, request, certificate).await;
                        seen.lock().expect("no panic").push(request.clone());
                        Ok::<_, Infallible>(answer(request).await)
                    }
                });
                let server = auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(tls), service).await;
            }
        })
        .await
    }

    /// Takes everything.
    pub(crate) async fn good(config: ServerConfig) -> Self {
        Self::http(config, |_| async { Response::new(Full::from("taken")) }).await
    }

    async fn listen<F, A>(seen: Arc<Mutex<Vec<Seen>>>, handle: F) -> Self
    where
        F: Fn(usize, TcpStream, Arc<Mutex<Vec<Seen>>>) -> A + Send + Sync + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        // What is not read is to stay where it is: the system would take 32 MiB for us elsewhere.
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(256 << 10).expect("a size");
        socket
            .bind("127.0.0.1:0".parse().expect("an address"))
            .expect("a free port");
        let tcp = socket.listen(1024).expect("a port");
        let address = tcp.local_addr().expect("bound");
        let all = seen.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            for number in 0.. {
                let Ok((io, _)) = tcp.accept().await else { return };
                let _ = io.set_nodelay(true);
                connections.spawn(handle(number, io, all.clone()));
            }
        });
        Self { address, seen, task }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(
    connection: usize,
    request: Request<Incoming>,
    certificate: Option<CertificateDer<'static>>,
) -> Seen {
    let (head, body) = request.into_parts();
    Seen {
        connection,
        path: head.uri.path().to_owned(),
        headers: head.headers,
        body: body
            .collect()
            .await
            .map(|body| body.to_bytes())
            .unwrap_or_default(),
        version: head.version,
        certificate,
    }
}

/// The head and the body of a small request, by its length.
pub(crate) async fn read_request(tls: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = tls.read(&mut buffer).await.unwrap_or(0);
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request);
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let head = head.to_ascii_lowercase();
            let length = head
                .split("content-length: ")
                .nth(1)
                .and_then(|rest| rest.lines().next());
            body.len() >= length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
        });
        if read == 0 || whole {
            return text.into_owned();
        }
    }
}

pub(crate) fn with_http2(mut config: ServerConfig) -> ServerConfig {
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

use std::cell::Cell;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;

/// A server on this machine, for what nothing but a socket reaches.
pub struct Loopback {
    runtime: Runtime,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Loopback {
    /// Without TLS.
    ///
    /// # Panics
    /// Where the machine has no port, or no thread.
    pub fn plain() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(async {
            // What a program in Rust ignores from its beginning, a fuzzer does not: it would end with whoever writes to a peer that is gone.
            let _ = signal(SignalKind::pipe());
            TcpListener::bind("127.0.0.1:0").await
        });
        Self {
            runtime,
            listener: listener.expect("a port"),
            tls: None,
        }
    }

    /// With it.
    ///
    /// # Panics
    /// As [`plain`](Self::plain).
    pub fn tls(config: ServerConfig) -> Self {
        Self {
            tls: Some(TlsAcceptor::from(Arc::new(config))),
            ..Self::plain()
        }
    }

    /// Where it listens.
    ///
    /// # Panics
    /// Never.
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("an address")
    }

    /// What comes of the work, while each connection is answered with these bytes once a request is there, and ended; and how
    /// many requests there were.
    pub fn answering<T>(&self, answer: &[u8], work: impl Future<Output = T>) -> (T, usize) {
        let requests = Cell::new(0);
        let done = self.runtime.block_on(async {
            tokio::select! {
                done = work => done,
                () = self.serve(answer, &requests) => unreachable!("it serves for ever"),
            }
        });
        (done, requests.get())
    }

    async fn serve(&self, answer: &[u8], requests: &Cell<usize>) {
        // Until the work is done, nothing is dropped: what was not read would be lost with it.
        let mut held: Vec<Box<dyn Socket>> = Vec::new();
        loop {
            let Ok((tcp, _)) = self.listener.accept().await else {
                continue;
            };
            let Some(mut io) = self.secured(tcp).await else {
                continue;
            };
            if is_asked(&mut *io).await {
                requests.set(requests.get() + 1);
                let _ = io.write_all(answer).await;
            }
            let _ = io.shutdown().await;
            held.push(io);
        }
    }

    async fn secured(&self, tcp: TcpStream) -> Option<Box<dyn Socket>> {
        // So many connections are made that the system would run out of ports that it keeps for stragglers.
        tcp.set_zero_linger().ok()?;
        match &self.tls {
            Some(tls) => Some(Box::new(tls.accept(tcp).await.ok()?)),
            None => Some(Box::new(tcp)),
        }
    }
}

trait Socket: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Socket for S {}

/// Whether the head of a request arrives.
async fn is_asked(io: &mut (dyn Socket + '_)) -> bool {
    let mut head = Vec::new();
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        match io.read_buf(&mut head).await {
            Ok(0) | Err(_) => return false,
            Ok(_) => {}
        }
    }
    true
}

//! Connections over loopback, one request each, beside nginx with `ssl_verify_client on` and rustls's own verifier: the CPU seconds
//! of the server for 1,000 connections. Every handshake is a full one, of TLS 1.3.
//!
//! Ours and rustls are the same server, on one thread of tokio, with another verifier. nginx is one process; it is left out where it
//! is not installed. Its time is told by the system in hundredths of a second.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use countersign::testing::{KeyAlgorithm, TestCa};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ServerConfig};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::handshake::{HOST, Policies, Stage};
use crate::measure::{median, now};
use crate::pki::Pki;
use crate::report::Report;

const CONNECTIONS: usize = 1_000;
const ROUNDS: usize = 5;

pub(crate) fn run(report: &mut Report) {
    let p256 = KeyAlgorithm::EcdsaP256;
    let pki = Pki::new("", p256, p256, 1);
    let stage = Stage::new(&TestCa::new("Hosts Root"), &pki);
    let clients = stage.client_configs();
    let mut servers: Vec<(&str, Box<dyn Server>)> = vec![
        (
            "ours",
            Box::new(Tokio::start(stage.ours(Policies::new(&pki, None).known()))),
        ),
        ("rustls", Box::new(Tokio::start(stage.rustls(pki.webpki(&[]))))),
    ];
    match Nginx::start(&stage, &pki) {
        Some(nginx) => servers.push(("nginx", Box::new(nginx))),
        None => println!("  nginx is not installed"),
    }
    let (connections, rounds) = (report.size(CONNECTIONS, 32), report.size(ROUNDS, 1));
    let mut taken = vec![Vec::new(); servers.len()];
    // Each client was here once.
    for (_, server) in &servers {
        connect_all(&clients, server.address(), clients.len());
    }
    for _ in 0..rounds {
        for ((_, server), taken) in servers.iter().zip(&mut taken) {
            let before = server.used();
            connect_all(&clients, server.address(), connections);
            taken.push((server.used() - before).as_secs_f64() * 1_000.0 / connections as f64);
        }
    }
    let names = servers.iter().map(|(name, _)| *name);
    let found: Vec<_> = names.zip(taken.into_iter().map(median)).collect();
    for (name, seconds) in &found {
        report.amount(name, "s", *seconds);
    }
    let ours = found[0].1;
    for (name, seconds) in &found[1..] {
        report.compare("per_1000", "s", ours, (name, *seconds), 1.0);
    }
}

trait Server {
    fn address(&self) -> SocketAddr;
    /// CPU time so far.
    fn used(&self) -> Duration;
}

fn connect_all(clients: &[Arc<ClientConfig>], address: SocketAddr, connections: usize) {
    for client in clients.iter().cycle().take(connections) {
        request(client, address);
    }
}

/// One connection, one request, and its end.
fn request(client: &Arc<ClientConfig>, address: SocketAddr) {
    let name = ServerName::try_from(HOST).expect("a name");
    let client = ClientConnection::new(Arc::clone(client), name).expect("a client");
    let tcp = TcpStream::connect(address).expect("a connection");
    tcp.set_nodelay(true).expect("a socket");
    let mut tls = rustls::StreamOwned::new(client, tcp);
    let asked = format!("GET / HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n");
    tls.write_all(asked.as_bytes()).expect("written");
    let mut answer = Vec::new();
    match tls.read_to_end(&mut answer) {
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => panic!("{error}"),
        _ => {}
    }
    assert!(
        answer.starts_with(b"HTTP/1.1 204"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

/// A server on a thread of its own, whose CPU time it tells after each connection.
struct Tokio {
    address: SocketAddr,
    used: Arc<AtomicU64>,
}

impl Tokio {
    fn start(config: Arc<ServerConfig>) -> Self {
        let used = Arc::new(AtomicU64::new(0));
        let (listener, told) = (
            std::net::TcpListener::bind("127.0.0.1:0").expect("a port"),
            Arc::clone(&used),
        );
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("a socket");
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime
                .expect("a runtime")
                .block_on(serve(listener, config, told));
        });
        Self { address, used }
    }
}

impl Server for Tokio {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn used(&self) -> Duration {
        // What is left to do of the last connection.
        thread::sleep(Duration::from_millis(20));
        Duration::from_nanos(self.used.load(Ordering::SeqCst))
    }
}

async fn serve(listener: std::net::TcpListener, config: Arc<ServerConfig>, used: Arc<AtomicU64>) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    let acceptor = TlsAcceptor::from(config);
    loop {
        let (tcp, _) = listener.accept().await.expect("a connection");
        tcp.set_nodelay(true).expect("a socket");
        let tls = acceptor.accept(tcp).await.expect("trusted");
        let answer =
            service_fn(|_| async { http::Response::builder().status(204).body(Empty::<Bytes>::new()) });
        // How the client ends it says nothing about us.
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(tls), answer)
            .await;
        let nanos = u64::try_from(now().as_nanos()).expect("not that long");
        used.store(nanos, Ordering::SeqCst);
    }
}

/// One process, which ends with this.
struct Nginx {
    process: Child,
    address: SocketAddr,
    folder: PathBuf,
}

impl Nginx {
    fn start(stage: &Stage, pki: &Pki) -> Option<Self> {
        let program = ["/usr/sbin/nginx", "/usr/local/sbin/nginx"].map(Path::new);
        let program = program.into_iter().find(|program| program.exists())?;
        let folder = std::env::temp_dir().join(format!("countersign-bench-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .expect("a port")
            .local_addr()
            .expect("an address");
        for (name, text) in [
            ("own.pem", stage.own.chain_pem()),
            ("own.key", stage.own.key_pem()),
            ("roots.pem", pki.root_pem()),
            ("nginx.conf", configuration(port)),
        ] {
            fs::write(folder.join(name), text).expect("a file");
        }
        let process = Command::new(program)
            .args(["-e", "error.log", "-c", "nginx.conf", "-p"])
            .arg(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx");
        let nginx = Self {
            process,
            address: port,
            folder,
        };
        let open = || {
            (0..100).any(|_| {
                thread::sleep(Duration::from_millis(50));
                TcpStream::connect(port).is_ok()
            })
        };
        assert!(open(), "nginx does not start");
        Some(nginx)
    }
}

fn configuration(address: SocketAddr) -> String {
    format!(
        "daemon off; master_process off; pid nginx.pid;
events {{}}
http {{
  access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {{
    listen {address} ssl;
    ssl_certificate own.pem; ssl_certificate_key own.key;
    ssl_client_certificate roots.pem; ssl_verify_client on; ssl_verify_depth 3;
    ssl_protocols TLSv1.3; ssl_ecdh_curve X25519; ssl_session_cache off; ssl_session_tickets off;
    location / {{ return 204; }}
  }}
}}
"
    )
}

impl Server for Nginx {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn used(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).expect("Linux");
        // Behind the name in brackets: utime and stime are the 14th and 15th field of proc(5).
        let (_, fields) = stat.rsplit_once(')').expect("a name");
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.map(|field| field.parse::<u64>().expect("a number")).sum();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

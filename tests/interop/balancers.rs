//! Real load balancers in front of a listener, as the cookbook configures them: they pass TLS through, and tell the
//! sender's address by the PROXY protocol.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use countersign::observe::{Event, Observer};
use countersign::proxy_protocol::ProxyProtocol;
use countersign::tls::{ClientAuth, Credentials, Tls};
use countersign::trust::PrivateCa;
use countersign::web::{Acceptor, Clock, Connection, Listener};

use crate::cookbook::{block, put};
use crate::process::{Running, find, or_skip, run};
use crate::world::{World, argument};

/// Where the sender connects from; the balancers do so from 127.0.0.1.
const SENDER: &str = "127.0.0.9";
const BALANCER: &str = "127.0.0.1";
/// Of Debian's `libnginx-mod-stream`.
const STREAM: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

#[test]
fn haproxy_version_2() {
    judged(Kind::HaproxyV2);
}

#[test]
fn haproxy_version_1() {
    judged(Kind::HaproxyV1);
}

#[test]
fn nginx() {
    judged(Kind::Nginx);
}

fn judged(kind: Kind) {
    if or_skip(&format!("{kind:?} as a load balancer"), kind.find()).is_none() {
        return;
    }
    let world = World::new(&format!("balancers-{kind:?}"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let receiver = runtime.block_on(Receiver::start(&world));
    let start = |port| kind.command(&world, &kind.config(port, receiver.address));
    let (port, _balancer) = Running::on_free_port(start);
    if kind != Kind::Nginx {
        // Whoever waited for its port came from here, too; after him, it looks itself whether we are alive.
        receiver.wait_for(BALANCER, "handshake.io");
        receiver.wait_for(BALANCER, "handshake.io");
    }

    let through = receiver.ask(&world, port, "p256", &[]);
    assert_eq!(through.seen, through.local, "{kind:?}: {}", through.text);
    receiver.wait_for(SENDER, "connected");
    for (identity, code) in [("other-ca", "trust.unknown_issuer"), ("expired", "trust.expired")] {
        receiver.ask(&world, port, identity, &[]);
        receiver.wait_for(SENDER, code);
    }
    // Its own header, behind that of the balancer.
    let forged = receiver.ask(&world, port, "p256", &["--haproxy-protocol"]);
    assert_eq!(forged.seen, None, "{kind:?}: {}", forged.text);
    receiver.wait_for(SENDER, "proxy_header.unexpected");

    // Past the balancer.
    let own = receiver.address.port();
    let direct = receiver.ask(&world, own, "p256", &[]);
    assert_eq!(direct.seen, direct.local, "{kind:?}: {}", direct.text);
    let forged = receiver.ask(&world, own, "p256", &["--haproxy-protocol"]);
    assert_eq!(forged.seen, None, "{kind:?}: {}", forged.text);
    receiver.wait_for(SENDER, "proxy_header.unexpected");
    let without = receiver.ask(&world, own, "p256", &["--interface", BALANCER]);
    assert_eq!(without.seen, None, "{kind:?}: {}", without.text);
    receiver.wait_for(BALANCER, "proxy_header.missing");
}

// --- the receiver -------------------------------------------------------------------------------------------------------

/// Answers with the peer's address, as it sees it.
struct Receiver {
    address: SocketAddr,
    told: Told,
}

/// Events, with the address that they are about.
#[derive(Clone, Debug, Default)]
struct Told(Arc<Mutex<Vec<(String, &'static str)>>>);

impl Observer for Told {
    fn observe(&self, event: &Event<'_>) {
        let (peer, what) = match event {
            Event::HandshakeCompleted { peer, .. } => (peer, "connected"),
            Event::HandshakeFailed { peer, reason, .. } => (peer, reason.code()),
            _ => return,
        };
        let line = (peer.ip().to_string(), what);
        self.0.lock().expect("not poisoned").push(line);
    }
}

/// What a sender was told.
struct Answer {
    text: String,
    /// The address that was seen.
    seen: Option<SocketAddr>,
    /// The address that it had.
    local: Option<SocketAddr>,
}

impl Receiver {
    async fn start(world: &World) -> Self {
        let told = Told::default();
        let tls = Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let now = Clock::default().now();
        let trust = PrivateCa::from_pem_file(world.path("client-ca.pem"), tls.algorithms(), now);
        let own = Credentials::from_pem_files(
            tls.provider(),
            world.path("receiver.pem"),
            world.path("receiver.key"),
        );
        let config = tls.server_config(
            &own.expect("a pair"),
            trust.expect("anchors"),
            ClientAuth::Require,
        );
        let balancers = [BALANCER.parse().expect("an address")];
        let acceptor = Acceptor::new(config.expect("a configuration"))
            .with_proxy_protocol(ProxyProtocol::from_balancers(balancers))
            .observed_by(Arc::new(told.clone()));
        let listener = Listener::bind("127.0.0.1:0", acceptor).await.expect("a port");
        let address = listener.local_addr();
        let seen = async |ConnectInfo(connection): ConnectInfo<Connection>| {
            format!("seen={}\n", connection.peer().expect("an address"))
        };
        let app = Router::new().route("/", get(seen));
        let app = app.into_make_service_with_connect_info::<Connection>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, told }
    }

    /// By curl, with the certificate of that name.
    fn ask(&self, world: &World, port: u16, identity: &str, options: &[&str]) -> Answer {
        let file = |name: &str| world.path(name);
        let outcome = run(Command::new("curl")
            .args(["-sS", "--max-time", "20", "--interface", SENDER])
            .args(["-w", "local=%{local_ip}:%{local_port}\n"])
            .args(["--cacert", argument(&file("server-ca.pem"))])
            .args(["--cert", argument(&file(&format!("{identity}.pem")))])
            .args(["--key", argument(&file(&format!("{identity}.key")))])
            .args(options)
            .arg(format!("https://localhost:{port}/"))
            .args(["--resolve", &format!("localhost:{port}:127.0.0.1")]));
        let value = |name: &str| {
            let mut lines = outcome.stdout.lines();
            lines.find_map(|line| line.strip_prefix(name)?.parse().ok())
        };
        Answer {
            seen: value("seen="),
            local: value("local="),
            text: outcome.text(),
        }
    }

    /// Waits until this was told of a connection from there, and forgets what was told before.
    fn wait_for(&self, from: &str, what: &'static str) {
        let wanted = (from.to_owned(), what);
        for _ in 0..2_000 {
            let mut told = self.told.0.lock().expect("not poisoned");
            if let Some(at) = told.iter().position(|line| *line == wanted) {
                told.drain(..=at);
                return;
            }
            drop(told);
            thread::sleep(Duration::from_millis(10));
        }
        panic!("never told: {wanted:?}, but {:?}", self.told.0);
    }
}

// --- load balancers -----------------------------------------------------------------------------------------------------

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    HaproxyV2,
    HaproxyV1,
    Nginx,
}

impl Kind {
    fn find(self) -> Result<(), String> {
        let (found, package) = match self {
            Self::HaproxyV1 | Self::HaproxyV2 => (find("haproxy").is_some(), "haproxy"),
            Self::Nginx => (
                find("nginx").is_some() && Path::new(STREAM).is_file(),
                "nginx-light libnginx-mod-stream",
            ),
        };
        let curl = find("curl").is_some();
        (found && curl)
            .then_some(())
            .ok_or_else(|| format!("not installed: apt-get install curl {package}"))
    }

    /// As the cookbook has it, between these ports.
    fn config(self, port: u16, receiver: SocketAddr) -> String {
        let receiver = receiver.to_string();
        let haproxy = || {
            let config = block("# haproxy.cfg: TLS is passed through");
            let config = put(config, "bind :443", &format!("bind {BALANCER}:{port}"));
            put(&config, "10.7.0.21:8443", &receiver)
        };
        match self {
            Self::HaproxyV2 => haproxy(),
            Self::HaproxyV1 => put(&haproxy(), "send-proxy-v2", "send-proxy"),
            Self::Nginx => {
                let config = block("# nginx.conf: TLS is passed through");
                let config = put(config, "listen 443", &format!("listen {BALANCER}:{port}"));
                let config = put(&config, "10.7.0.21:8443", &receiver);
                format!(
                    "load_module {STREAM};\ndaemon off;\nmaster_process off;\npid nginx.pid;\nevents {{}}\n{config}\n"
                )
            }
        }
    }

    fn command(self, world: &World, config: &str) -> Command {
        let program = match self {
            Self::HaproxyV1 | Self::HaproxyV2 => "haproxy",
            Self::Nginx => "nginx",
        };
        let file = world.write(program, &format!("{config}\n"));
        let mut command = Command::new(find(program).expect("it was found"));
        match self {
            Self::HaproxyV1 | Self::HaproxyV2 => command.args(["-db", "-f", argument(&file)]),
            Self::Nginx => command.args(["-e", "stderr", "-c", argument(&file), "-p"]),
        };
        if self == Self::Nginx {
            command.arg(world.path(""));
        }
        command
    }
}

//! What stands behind the proxies, and what clients show: each request is answered with its tenant, and each refusal told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use countersign::forwarded::{Format, Forwarder, Hops};
use countersign::gate::{Caller, Policy};
use countersign::observe::{Event, Observer};
use countersign::tenant::{TenantId, TenantTable};
use countersign::testing::{TestCa, TestCert};
use countersign::tls::{ClientAuth, Credentials, Tls};
use countersign::trust::PrivateCa;
use countersign::web::{Acceptor, CallerLayer, Clock, Connection, Listener};

use super::Verdict::{self, In, Kept, Refused};
use super::kind::Field;
use crate::process::run;
use crate::world::{TEMPLATE, World};

/// What the cookbook has in `/etc/hooks`, and what clients show.
pub(crate) struct Hooks {
    pub(crate) files: World,
    clients: TestCa,
    proxies: TestCa,
    pub(crate) globex: TestCert,
}

impl Hooks {
    pub(crate) fn new(test: &str) -> Self {
        let (files, servers) = (World::empty(test), TestCa::new("Servers"));
        let (clients, proxies) = (TestCa::new("Clients"), TestCa::new("Proxies"));
        files.write("receiver-ca.pem", &servers.pem());
        files.write("client-ca.pem", &clients.pem());
        let tenant = |ca: &TestCa, name: &str| ca.client(&TEMPLATE.replace("{tenant}", name));
        let edge = proxies.client("spiffe://edge.example/proxy/edge").issue();
        let pairs = [
            ("receiver", servers.server("localhost").issue()),
            ("server", servers.server("localhost").issue()),
            ("edge", edge),
            ("acme", tenant(&clients, "acme").issue()),
            ("below", tenant(&clients.intermediate("Below"), "acme").issue()),
            ("expired", tenant(&clients, "acme").expired().issue()),
            ("foreign", tenant(&TestCa::new("Others"), "acme").issue()),
        ];
        for (name, pair) in &pairs {
            files.write_pair(name, pair);
            files.write(
                &format!("{name}-with-key.pem"),
                &format!("{}{}", pair.chain_pem(), pair.key_pem()),
            );
        }
        let globex = tenant(&clients, "globex").issue();
        Self {
            files,
            clients,
            proxies,
            globex,
        }
    }

    fn policy(&self, tls: &Tls, ca: &TestCa, template: &str, known: &[&str]) -> Policy {
        let now = Clock::default().now();
        let trust = PrivateCa::from_pem(ca.pem().as_bytes(), tls.algorithms(), now).expect("an anchor");
        let table = TenantTable::builder().uri(template).known(known.iter().copied());
        Policy::new(trust, table.build().expect("a table"))
    }
}

/// Answers with the tenant, and tells why not.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    told: Told,
    files: PathBuf,
}

#[derive(Clone, Debug, Default)]
struct Told(Arc<Mutex<Vec<&'static str>>>);

impl Observer for Told {
    fn observe(&self, event: &Event<'_>) {
        let code = match event {
            Event::HandshakeFailed { reason, .. } => reason.code(),
            Event::Refused { refusal, .. } => refusal.code(),
            _ => return,
        };
        self.0.lock().expect("not poisoned").push(code);
    }
}

impl Told {
    /// Everything since it was last asked, and so much at least.
    fn take(&self, least: usize) -> Vec<&'static str> {
        for _ in 0..2_000 {
            let mut told = self.0.lock().expect("not poisoned");
            if told.len() >= least {
                return std::mem::take(&mut *told);
            }
            drop(told);
            thread::sleep(Duration::from_millis(10));
        }
        panic!("nothing is told");
    }
}

async fn who(caller: Caller) -> String {
    format!("in={}\n", caller.tenant())
}

impl Receiver {
    /// Behind a proxy that writes this, or behind nobody.
    pub(crate) async fn start(world: &Hooks, format: Option<Format>) -> Self {
        let told = Told::default();
        let tls = Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let clients = world.policy(&tls, &world.clients, TEMPLATE, &["acme", "globex"]);
        let proxies = world.policy(
            &tls,
            &world.proxies,
            "spiffe://edge.example/proxy/{tenant}",
            &["edge"],
        );
        let layer = CallerLayer::new(clients.clone());
        let (shakes_hands, layer) = match format {
            None => (clients, layer),
            Some(format) => {
                let edge = TenantId::parse("edge").expect("a name");
                let hops = Hops::nobody().with_callers(proxies.clone(), [edge]);
                let forwarder = Forwarder::new(hops, format).expect("a forwarder");
                (proxies, layer.behind(forwarder))
            }
        };
        let own = Credentials::from_pem_files(
            tls.provider(),
            world.files.path("receiver.pem"),
            world.files.path("receiver.key"),
        );
        let config = tls.server_config(&own.expect("a pair"), shakes_hands.trust(), ClientAuth::Require);
        let acceptor = Acceptor::new(config.expect("a configuration")).observed_by(Arc::new(told.clone()));
        let listener = Listener::bind("127.0.0.1:0", acceptor).await.expect("a port");
        let address = listener.local_addr();
        let app = Router::new()
            .route("/", get(who))
            .layer(layer.observed_by(Arc::new(told.clone())));
        let app = app.into_make_service_with_connect_info::<Connection>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            address,
            told,
            files: world.files.path(""),
        }
    }

    /// What becomes of a request with the certificate of that name and these fields, to that port.
    pub(crate) fn ask(&self, port: u16, identity: Option<&str>, fields: &[Field]) -> Verdict {
        self.told.take(0);
        let mut curl = Command::new("curl");
        curl.current_dir(&self.files)
            .args(["-sS", "--max-time", "20", "--http1.1"])
            .args(["--cacert", "receiver-ca.pem"]);
        if let Some(name) = identity {
            curl.args(["--cert", &format!("{name}.pem"), "--key", &format!("{name}.key")]);
        }
        for (name, value) in fields {
            curl.args(["-H", &format!("{name}: {value}")]);
        }
        let outcome = run(curl
            .arg(format!("https://localhost:{port}/"))
            .args(["--resolve", &format!("localhost:{port}:127.0.0.1")]));
        // Whoever shakes hands with us may have gone before it is told.
        let is_told = port == self.address.port() && outcome.stdout.is_empty();
        let told = self.told.take(usize::from(is_told));
        match (outcome.stdout.strip_prefix("in="), &told[..]) {
            (Some("acme\n"), []) => In("acme"),
            (Some("globex\n"), []) => In("globex"),
            (None, [code]) => Refused(code),
            (None, []) => Kept,
            _ => panic!("{told:?}: {}", outcome.text()),
        }
    }
}

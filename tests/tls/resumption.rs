//! Sessions bound to the policy, tried with `openssl s_client -sess_out` and `-sess_in`: resumed while nothing changes,
//! and never after.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use countersign::gate::{Caller, Policy};
use countersign::identity::SpkiHash;
use countersign::live::Live;
use countersign::tenant::TenantTable;
use countersign::testing::{TestCa, TestCert};
use countersign::tls::{Binding, BoundTickets, ClientAuth, Credentials, Tls, allow_resumption};
use countersign::trust::{PinSet, PrivateCa, VerifyPeer as _};
use countersign::web::{Acceptor, CallerLayer, Connection, Listener};
use rustls::pki_types::UnixTime;

/// How the server keeps its sessions.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sessions {
    Stored,
    Tickets,
}

struct Server {
    address: SocketAddr,
    pins: Live<PinSet>,
    folder: PathBuf,
    client: TestCert,
    other: TestCert,
}

impl Server {
    async fn start(name: &str, sessions: Sessions) -> Self {
        let ca = TestCa::new("Resumption Root");
        let client = ca.client("spiffe://acme.example/acme").issue();
        let other = ca.client("spiffe://acme.example/acme").issue();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = Tls::new(provider).allow_tls12();
        let pins = Live::new(pin(&client));
        let own =
            PrivateCa::from_pem(ca.pem().as_bytes(), tls.algorithms(), UnixTime::now()).expect("an anchor");
        let tenants = TenantTable::builder()
            .uri("spiffe://acme.example/{tenant}")
            .known(["acme"]);
        let policy = Policy::new(own.and(pins.clone()), tenants.build().expect("a table"));
        let server = ca.server("localhost").issue();
        let credentials = Credentials::new(tls.provider(), server.chain(), server.key()).expect("a pair");
        let mut config = tls
            .server_config(&credentials, policy.trust(), ClientAuth::Require)
            .expect("a configuration");
        allow_resumption(&mut config, &policy);
        if sessions == Sessions::Tickets {
            let ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().expect("a ticketer");
            config.ticketer = Arc::new(BoundTickets::new(ticketer, Binding::new(&policy)));
        }
        let listener = Listener::bind("127.0.0.1:0", Acceptor::new(config))
            .await
            .expect("a port");
        let address = listener.local_addr();
        let app = Router::new()
            .route(
                "/",
                get(|caller: Caller| async move { format!("caller {}", caller.tenant()) }),
            )
            .layer(CallerLayer::new(policy))
            .into_make_service_with_connect_info::<Connection>();
        tokio::spawn(async move { axum::serve(listener, app).await });

        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("resumption-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("client.pem"), client.chain_pem() + &client.key_pem()).expect("written");
        Self {
            address,
            pins,
            folder,
            client,
            other,
        }
    }

    /// What openssl prints of one connection with one request.
    async fn openssl(&self, version: &str, session: &str) -> String {
        let folder = self.folder.clone();
        let options = [
            "s_client",
            "-connect",
            &self.address.to_string(),
            "-servername",
            "localhost",
            version,
            "-cert",
            "client.pem",
            "-key",
            "client.pem",
            session,
            "session.pem",
        ]
        .map(ToOwned::to_owned);
        let run = tokio::task::spawn_blocking(move || talk(&folder, &options));
        tokio::time::timeout(Duration::from_secs(20), run)
            .await
            .expect("in time")
            .expect("openssl ran")
    }
}

/// Sends a request, leaves the time for an answer (and for the tickets that come with it), and hangs up.
fn talk(folder: &Path, options: &[String]) -> String {
    let mut openssl = Command::new("openssl")
        .args(options)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl starts");
    let mut stdin = openssl.stdin.take().expect("a pipe");
    // A refused connection breaks the pipe.
    let _ = stdin.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    std::thread::sleep(Duration::from_millis(700));
    drop(stdin);
    let output = openssl.wait_with_output().expect("openssl ends");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn pin(certificate: &TestCert) -> PinSet {
    PinSet::new([SpkiHash::of(&certificate.spki_der())])
}

fn openssl_is_here() -> bool {
    let here = Command::new("openssl").arg("version").output().is_ok();
    if !here {
        eprintln!("SKIPPED: openssl is not installed");
        assert!(std::env::var_os("CI").is_none(), "in CI nothing may be skipped");
    }
    here
}

async fn never_outlives_a_change(name: &str, version: &str, sessions: Sessions) {
    if !openssl_is_here() {
        return;
    }
    let server = Server::start(name, sessions).await;
    let expect = |printed: &str, parts: &[&str], step: &str| {
        for part in parts {
            assert!(
                printed.contains(part),
                "{version} {sessions:?}, {step}: no {part:?} in\n{printed}"
            );
        }
    };
    let first = server.openssl(version, "-sess_out").await;
    expect(&first, &["New, TLSv1", "caller acme"], "a first connection");
    let second = server.openssl(version, "-sess_in").await;
    expect(&second, &["Reused, TLSv1", "caller acme"], "nothing has changed");

    // Something changes that lets this client in as before: the session is not found, the handshake is a full one.
    server.pins.replace(PinSet::new(
        [&server.client, &server.other].map(|known| SpkiHash::of(&known.spki_der())),
    ));
    let after = server.openssl(version, "-sess_in").await;
    expect(&after, &["New, TLSv1", "caller acme"], "another pin was added");

    let again = server.openssl(version, "-sess_out").await;
    expect(
        &again,
        &["New, TLSv1", "caller acme"],
        "a session under the new policy",
    );
    server.pins.replace(pin(&server.other));
    let refused = server.openssl(version, "-sess_in").await;
    assert!(
        !refused.contains("caller") && !refused.contains("Reused"),
        "the pin was withdrawn\n{refused}"
    );
    expect(&refused, &["access denied"], "the pin was withdrawn");
    std::fs::remove_dir_all(&server.folder).unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_stored_sessions_in_tls13() {
    never_outlives_a_change("stored13", "-tls1_3", Sessions::Stored).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_stored_sessions_in_tls12() {
    never_outlives_a_change("stored12", "-tls1_2", Sessions::Stored).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_tickets_in_tls13() {
    never_outlives_a_change("tickets13", "-tls1_3", Sessions::Tickets).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_tickets_in_tls12() {
    never_outlives_a_change("tickets12", "-tls1_2", Sessions::Tickets).await;
}

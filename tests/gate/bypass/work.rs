//! P: work before anything is proved, silence, and what is left behind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::identity::Malformed;
use countersign::observe::{Event, HandshakeFailure, Observer};
use countersign::testing::{NOW, TestCa, utc};
use countersign::tls::rustls::pki_types::ServerName;
use countersign::tls::rustls::server::danger::ClientCertVerifier as _;
use countersign::tls::rustls::{CertificateError, ServerConnection};
use countersign::tls::{HandshakeVerifier, rustls};
use countersign::trust::Untrusted;
use countersign::web::{Acceptor, Listener};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::policy;
use crate::stage::*;

/// RUSTSEC-2023-0053, CVE-2018-16875: paths without end.
#[test]
fn p1_work_is_bounded_before_anything_is_proved() {
    let root = TestCa::new("Root");
    // Each could be the issuer of each, and all of the root's customers.
    let twins: Vec<_> = (0..7).map(|_| root.evil_twin()).collect();
    let cert = twins[0]
        .client(ACME)
        .issue()
        .with_chain(twins.iter().map(|twin| twin.certificate().clone()).collect());
    assert_eq!(verify(&private(&[&root]), &cert), Err(Untrusted::PathBudget));
    // Sixty of them, as it was done: not one signature.
    let many: Vec<_> = (0..60).map(|n| twins[n % 7].certificate().clone()).collect();
    let crowd = cert.with_chain(many);
    assert_eq!(
        verify(&private(&[&root]), &crowd),
        Err(Untrusted::Malformed(Malformed::TooManyCertificates { limit: 8 }))
    );
}

/// RUSTSEC-2024-0399: the ClientHello in pieces.
#[test]
fn p3_a_hello_in_pieces_is_a_hello() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    for version in VERSIONS {
        let name = ServerName::try_from(SERVER).expect("a name");
        let mut client = rustls::ClientConnection::new(client(&cert, version), name).expect("a client");
        let mut server = ServerConnection::new(server(private(&[&root]))).expect("a server");
        for _ in 0..8 {
            let mut flight = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut flight).expect("written");
            }
            for byte in flight {
                server.read_tls(&mut &[byte][..]).expect("read");
                server.process_new_packets().expect("no alert");
            }
            let mut flight = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut flight).expect("written");
            }
            for byte in flight {
                client.read_tls(&mut &[byte][..]).expect("read");
                client.process_new_packets().expect("no alert");
            }
        }
        assert!(!server.is_handshaking() && !client.is_handshaking());
        assert_eq!(server.peer_certificates(), Some(&cert.chain()[..]));
    }
}

/// Remembers the codes of what went wrong, and how often a handshake was completed.
#[derive(Debug, Default)]
struct Codes {
    failed: Mutex<HashMap<&'static str, usize>>,
    completed: std::sync::atomic::AtomicUsize,
}

impl Observer for Codes {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::HandshakeFailed { reason, .. } => {
                let mut failed = self.failed.lock().expect("sound");
                *failed.entry(HandshakeFailure::code(reason)).or_default() += 1;
            }
            Event::HandshakeCompleted { .. } => {
                self.completed.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
            _ => {}
        }
    }
}

/// RUSTSEC-2024-0341: who says nothing, holds up everybody.
#[tokio::test]
async fn p4_a_silent_peer_delays_nobody() {
    let root = TestCa::new("Root");
    let codes = Arc::new(Codes::default());
    let acceptor = Acceptor::new(server(private(&[&root])))
        .with_handshake_timeout(Duration::from_secs(3))
        .observed_by(codes.clone());
    let mut listener = Listener::bind("127.0.0.1:0", acceptor).await.expect("a port");
    let to = listener.local_addr();
    let mut silent = Vec::new();
    for n in 0..50 {
        let mut tcp = tokio::net::TcpStream::connect(to).await.expect("connected");
        if n % 2 == 0 {
            // The beginning of a record that never comes.
            tcp.write_all(&[22, 3, 1, 2, 0]).await.expect("written");
        }
        silent.push(tcp);
    }
    let cert = root.client(ACME).issue();
    let connector = tokio_rustls::TlsConnector::from(client(&cert, VERSIONS[0]));
    let connect = async {
        let tcp = tokio::net::TcpStream::connect(to).await.expect("connected");
        let name = ServerName::try_from(SERVER).expect("a name");
        connector.connect(name, tcp).await.expect("a handshake")
    };
    let ((secured, _), _client) = tokio::join!(listener.accept(), connect);
    // Nobody had to be cut off for it.
    assert_eq!(*codes.failed.lock().expect("sound"), HashMap::new());
    assert!(
        secured
            .connection()
            .identify(&policy(private(&[&root])), NOW)
            .is_ok()
    );
    assert_eq!(codes.completed.load(std::sync::atomic::Ordering::SeqCst), 1);
    // The silent ones are cut off, each with its reason.
    for tcp in &mut silent {
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(5), tcp.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "still open");
    }
    let failed = codes.failed.lock().expect("sound").clone();
    assert_eq!(failed, HashMap::from([("handshake.timed_out", 50)]));
}

/// The cap holds: more than so many handshakes are not under way at once, and a place is free again after its time.
#[tokio::test]
async fn p4_handshakes_under_way_are_capped() {
    let root = TestCa::new("Root");
    let codes = Arc::new(Codes::default());
    let acceptor = Acceptor::new(server(private(&[&root])))
        .with_handshake_timeout(Duration::from_millis(300))
        .with_max_handshakes(2)
        .observed_by(codes.clone());
    let mut listener = Listener::bind("127.0.0.1:0", acceptor).await.expect("a port");
    let to = listener.local_addr();
    let mut silent = Vec::new();
    for _ in 0..2 {
        silent.push(tokio::net::TcpStream::connect(to).await.expect("connected"));
    }
    let cert = root.client(ACME).issue();
    let connector = tokio_rustls::TlsConnector::from(client(&cert, VERSIONS[0]));
    let connect = async {
        let tcp = tokio::net::TcpStream::connect(to).await.expect("connected");
        let name = ServerName::try_from(SERVER).expect("a name");
        connector.connect(name, tcp).await.expect("a handshake")
    };
    let (_, _client) = tokio::join!(listener.accept(), connect);
    // One of the silent ones had to go first.
    assert!(
        codes
            .failed
            .lock()
            .expect("sound")
            .contains_key("handshake.timed_out")
    );
}

/// HAProxy 998c8280d: each bad chain leaves something behind.
#[test]
fn p7_bad_chains_leave_nothing_behind() {
    let root = TestCa::new("Root");
    let policy = policy(private(&[&root]));
    let verifier = HandshakeVerifier::new(&provider(), policy.trust());
    let shapes = [
        TestCa::new("Other").intermediate("I").client(ACME).issue(),
        root.client(ACME).expired().issue(),
        root.client(ACME).without_eku().issue(),
        root.intermediate("J").client(ACME).issue(),
    ];
    let expired = CertificateError::ExpiredContext {
        time: NOW,
        not_after: utc(2021, 1, 1),
    };
    let expected = [
        CertificateError::UnknownIssuer,
        expired,
        CertificateError::BadSignature,
        CertificateError::BadSignature,
    ];
    let flood = |range: std::ops::Range<u32>| {
        for n in range {
            let shape = &shapes[n as usize % shapes.len()];
            let chain = shape.chain();
            // Each is one of its own: other bytes in the signature, which then is wrong as well.
            let mut leaf = chain[0].to_vec();
            let end = leaf.len();
            leaf[end - 8..end - 4].copy_from_slice(&n.to_be_bytes());
            let answer = verifier.verify_client_cert(&leaf.into(), &chain[1..], NOW);
            let expected = expected[n as usize % shapes.len()].clone();
            assert_eq!(
                answer.map(|_| ()),
                Err(rustls::Error::InvalidCertificate(expected))
            );
        }
    };
    flood(0..1_000);
    let more = allocation_counter::measure(|| flood(1_000..101_000));
    assert!(more.bytes_current <= 4_096, "{} bytes", more.bytes_current);
}

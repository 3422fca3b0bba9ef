//! A server that refuses our certificate and is gone before we have finished: what it said is heard all the same.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use countersign::dispatch::{Fate, Fault, TenantIdentity};
use countersign::tls::{ClientAuth, Credentials, Tls};
use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::{Signer, SigningKey};
use rustls::{ServerConfig, ServerConnection, SignatureAlgorithm, SignatureScheme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::receiver::Receiver;
use crate::world::*;

const HANDSHAKE_FAILURE: u8 = 40;
const UNKNOWN_CA: u8 = 48;

fn fatal(alert: u8) -> [u8; 7] {
    let alert_of_tls12 = [21, 3, 3, 0, 2];
    let [kind, major, minor, high, low] = alert_of_tls12;
    [kind, major, minor, high, low, 2, alert]
}

/// Asks for a certificate, says this, and is gone.
async fn refusing(alert: u8) -> Receiver {
    let config = Arc::new(world().server_config(ClientAuth::Require));
    Receiver::tcp(move |_, io| {
        let config = config.clone();
        async move {
            io.set_zero_linger().expect("a socket");
            let gone = tokio::task::spawn_blocking(move || refuse_and_go(io, config, alert));
            gone.await.expect("no panic");
        }
    })
    .await
}

/// The fault, the code, and the words.
async fn told_by(receiver: &Receiver) -> (Option<Fault>, &'static str, String) {
    let dispatcher = builder(&[receiver.port()]).build();
    dispatcher
        .set_identity(tenant("acme"), slow_sender())
        .expect("TLS");
    let to = endpoint("acme", &receiver.url(HOST));
    let outcome = dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
    let again = Fate::Retry {
        after: Duration::ZERO,
    };
    assert_eq!(outcome.fate, again, "{outcome:?}");
    let (fault, code) = (outcome.fault(), outcome.code());
    (fault, code, outcome.failure.expect("a failure").to_string())
}

/// While we sign, the server sends its alert and resets the connection: then the first to notice is our next write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_within_the_handshake_is_heard_after_a_write_has_failed() {
    let (fault, code, words) = told_by(&refusing(UNKNOWN_CA).await).await;
    assert_eq!((fault, code), (Some(Fault::Ours), "dispatch.identity_refused"));
    assert_eq!(words, "the server refused our certificate: unknown_ca");
}

/// The same word for "no common cipher suite" and, under TLS 1.2, for a certificate that will not do: it is ours to mend
/// only where one was asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_failure_is_about_our_certificate_where_one_was_asked_for() {
    let (fault, code, words) = told_by(&refusing(HANDSHAKE_FAILURE).await).await;
    assert_eq!((fault, code), (Some(Fault::Ours), "dispatch.identity_refused"));
    assert_eq!(words, "the server refused our certificate: handshake_failure");
    let at_once = Receiver::tcp(|_, mut io| async move {
        let _ = io.read(&mut [0; 4096]).await;
        let _ = io.write_all(&fatal(HANDSHAKE_FAILURE)).await;
        let _ = tokio::io::copy(&mut io, &mut tokio::io::sink()).await;
    });
    let (fault, code, words) = told_by(&at_once.await).await;
    assert_eq!((fault, code), (Some(Fault::Theirs), "dispatch.handshake"));
    assert!(
        words.ends_with("the server sent the alert handshake_failure"),
        "{words}"
    );
}

/// Asks for a certificate, by TLS 1.2, and refuses it unseen.
fn refuse_and_go(io: TcpStream, config: Arc<ServerConfig>, alert: u8) {
    let mut tcp = io.into_std().expect("a socket");
    tcp.set_nonblocking(false).expect("a socket");
    let mut server = ServerConnection::new(config).expect("a server");
    while !server.wants_write() {
        server.read_tls(&mut tcp).expect("a ClientHello");
        server.process_new_packets().expect("TLS");
    }
    while server.wants_write() {
        server.write_tls(&mut tcp).expect("a flight");
    }
    std::thread::sleep(Duration::from_millis(100));
    tcp.write_all(&fatal(alert)).expect("an alert");
}

fn slow_sender() -> TenantIdentity {
    let provider = CryptoProvider {
        key_provider: &Slow,
        ..rustls::crypto::aws_lc_rs::default_provider()
    };
    let provider = Arc::new(provider);
    let acme = &world().acme;
    let credentials = Credentials::new(&provider, acme.chain(), acme.key()).expect("a pair");
    let mut only12 = (*provider).clone();
    // The suites of TLS 1.2 alone, since `Tls` never speaks it alone.
    only12.cipher_suites.retain(|suite| suite.tls13().is_none());
    let tls = Tls::new(Arc::new(only12)).allow_tls12();
    TenantIdentity::new(&tls, credentials, world().trust(&world().servers), signer("acme")).expect("a sender")
}

/// Takes its time to sign.
#[derive(Debug)]
struct Slow;

impl KeyProvider for Slow {
    fn load_private_key(&self, key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        Ok(Arc::new(SlowKey(provider.key_provider.load_private_key(key)?)))
    }
}

#[derive(Debug)]
struct SlowKey(Arc<dyn SigningKey>);

impl SigningKey for SlowKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        Some(Box::new(SlowSigner(self.0.choose_scheme(offered)?)))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }

    fn public_key(&self) -> Option<rustls::pki_types::SubjectPublicKeyInfoDer<'_>> {
        self.0.public_key()
    }
}

#[derive(Debug)]
struct SlowSigner(Box<dyn Signer>);

impl Signer for SlowSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        std::thread::sleep(Duration::from_millis(400));
        self.0.sign(message)
    }

    fn scheme(&self) -> SignatureScheme {
        self.0.scheme()
    }
}

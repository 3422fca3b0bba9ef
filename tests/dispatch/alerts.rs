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
use tokio::net::TcpStream;

use crate::receiver::Receiver;
use crate::world::*;

/// While we sign, the server sends its alert and resets the connection: then the first to notice is our next write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_within_the_handshake_is_heard_after_a_write_has_failed() {
    let config = Arc::new(world().server_config(ClientAuth::Require));
    let receiver = Receiver::tcp(move |_, io| {
        let config = config.clone();
        async move {
            io.set_zero_linger().expect("a socket");
            let gone = tokio::task::spawn_blocking(move || refuse_and_go(io, config));
            gone.await.expect("no panic");
        }
    })
    .await;
    let dispatcher = builder(&[receiver.port()]).build();
    dispatcher
        .set_identity(tenant("acme"), slow_sender())
        .expect("TLS");
    let to = endpoint("acme", &receiver.url(HOST));
    let outcome = dispatcher.deliver(&to, &delivery("acme", "msg_1")).await;
    let again = Fate::Retry {
        after: Duration::ZERO,
    };
    let verdict = (outcome.fate, outcome.code(), outcome.fault());
    let expected = (again, "dispatch.identity_refused", Some(Fault::Ours));
    assert_eq!(verdict, expected, "{outcome:?}");
    let words = outcome.failure.expect("a failure").to_string();
    assert_eq!(words, "the server refused our certificate: unknown_ca");
}

/// Asks for a certificate, by TLS 1.2, and refuses it unseen.
fn refuse_and_go(io: TcpStream, config: Arc<ServerConfig>) {
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
    let fatal_unknown_ca = [2, 48];
    let alert_of_tls12 = [21, 3, 3, 0, 2];
    tcp.write_all(&[&alert_of_tls12[..], &fatal_unknown_ca].concat())
        .expect("an alert");
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

//! Handshakes in memory, and what each side says of them.

use std::ops::DerefMut;
use std::sync::Arc;

use rustls::{
    ClientConfig, ClientConnection, ConnectionCommon, Error, HandshakeKind, ServerConfig, ServerConnection,
    SideData,
};
use rustls_pki_types::ServerName;

/// More than a TLS handshake with a retry needs.
const MAX_ROUNDS: usize = 16;

/// Connects a client to a server, in memory, until neither has anything more to say.
///
/// That is a little longer than until both are connected. Under TLS 1.3 a client believes itself connected
/// before the server has judged its certificate; here it goes on to read, and its outcome is the alert. It
/// also takes the session tickets that the server sends, so that a second call with the same configurations
/// can resume.
///
/// Times are those of the configurations' `time_provider`, which is the system's clock unless set.
///
/// # Panics
///
/// If `server_name` is neither a DNS name nor an IP address.
///
/// # Examples
///
/// See the [module](super).
pub fn handshake(server: Arc<ServerConfig>, client: Arc<ClientConfig>, server_name: &str) -> Handshake {
    let name = ServerName::try_from(server_name.to_owned()).expect("a server name");
    let (server, client) = match (ServerConnection::new(server), ClientConnection::new(client, name)) {
        (Ok(server), Ok(client)) => (server, client),
        (server, client) => {
            return Handshake {
                server: unfinished(server),
                client: unfinished(client),
            };
        }
    };
    connect(Side::new(server), Side::new(client))
}

/// The end of a [`handshake`], for each side.
#[derive(Debug)]
#[non_exhaustive]
pub struct Handshake {
    /// The server's connection, or why it gave up.
    pub server: Result<ServerConnection, Error>,
    /// The client's connection, or why it gave up: what it found itself, or the alert that the server sent.
    pub client: Result<ClientConnection, Error>,
}

impl Handshake {
    /// Whether both sides are connected, and it was by resuming an earlier session.
    ///
    /// The server then did not ask its client verifier again.
    pub fn resumed(&self) -> bool {
        let (Ok(server), Ok(client)) = (&self.server, &self.client) else {
            return false;
        };
        [server.handshake_kind(), client.handshake_kind()] == [Some(HandshakeKind::Resumed); 2]
    }
}

fn unfinished<C>(connection: Result<C, Error>) -> Result<C, Error> {
    connection.and(Err(Error::HandshakeNotComplete))
}

fn connect(mut server: Side<ServerConnection>, mut client: Side<ClientConnection>) -> Handshake {
    for _ in 0..MAX_ROUNDS {
        let asked = client.flight();
        server.receive(&asked);
        let answered = server.flight();
        client.receive(&answered);
        if asked.is_empty() && answered.is_empty() {
            break;
        }
    }
    Handshake {
        server: server.outcome(),
        client: client.outcome(),
    }
}

/// One end, and why it gave up.
struct Side<C> {
    connection: C,
    failure: Option<Error>,
}

impl<C, D> Side<C>
where
    C: DerefMut<Target = ConnectionCommon<D>>,
    D: SideData,
{
    fn new(connection: C) -> Self {
        Self {
            connection,
            failure: None,
        }
    }

    /// All that it has to send, which after a failure is the alert.
    fn flight(&mut self) -> Vec<u8> {
        let mut flight = Vec::new();
        while self.connection.wants_write() {
            self.connection
                .write_tls(&mut flight)
                .expect("a Vec takes all that is written");
        }
        flight
    }

    fn receive(&mut self, mut flight: &[u8]) {
        while self.failure.is_none() && !flight.is_empty() {
            self.failure = self.read(&mut flight).err();
        }
    }

    fn read(&mut self, flight: &mut &[u8]) -> Result<(), Error> {
        let read = self
            .connection
            .read_tls(flight)
            .map_err(|error| Error::General(error.to_string()))?;
        self.connection.process_new_packets()?;
        match read {
            0 => Err(Error::General("data after close_notify".to_owned())),
            _ => Ok(()),
        }
    }

    fn outcome(self) -> Result<C, Error> {
        match self.failure {
            Some(failure) => Err(failure),
            None if self.connection.is_handshaking() => Err(Error::HandshakeNotComplete),
            None => Ok(self.connection),
        }
    }
}

#[cfg(test)]
mod tests {
    use rustls::client::Resumption;
    use rustls::crypto::CryptoProvider;
    use rustls::server::WebPkiClientVerifier;
    use rustls::version::{TLS12, TLS13};
    use rustls::{AlertDescription, CertificateError, RootCertStore, SupportedProtocolVersion};
    use rustls_pki_types::UnixTime;

    use super::super::{KeyAlgorithm, NOW, TestCa, TestCert, utc};
    use super::*;

    const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

    #[derive(Debug)]
    struct Stopped;

    impl rustls::time_provider::TimeProvider for Stopped {
        fn current_time(&self) -> Option<UnixTime> {
            Some(NOW)
        }
    }

    fn provider() -> Arc<CryptoProvider> {
        Arc::new(rustls::crypto::aws_lc_rs::default_provider())
    }

    fn roots(ca: &TestCa) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(ca.certificate().clone()).expect("an anchor");
        Arc::new(roots)
    }

    fn server(ca: &TestCa, version: &'static SupportedProtocolVersion) -> Arc<ServerConfig> {
        let cert = ca.server("hooks.example.com").issue();
        let verifier = WebPkiClientVerifier::builder_with_provider(roots(ca), provider())
            .build()
            .expect("a verifier");
        let config = ServerConfig::builder_with_details(provider(), Arc::new(Stopped))
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_client_cert_verifier(verifier)
            .with_single_cert(cert.chain(), cert.key());
        Arc::new(config.expect("a configuration"))
    }

    fn client(ca: &TestCa, cert: &TestCert) -> Arc<ClientConfig> {
        let config = ClientConfig::builder_with_details(provider(), Arc::new(Stopped))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots(ca))
            .with_client_auth_cert(cert.chain(), cert.key());
        Arc::new(config.expect("a configuration"))
    }

    #[test]
    fn both_sides_connect_and_then_resume() {
        let ca = TestCa::new("Root");
        let cert = ca
            .intermediate("Issuing")
            .client("spiffe://acme.example/a")
            .issue();
        for version in VERSIONS {
            let (server, client) = (server(&ca, version), client(&ca, &cert));

            let first = handshake(server.clone(), client.clone(), "hooks.example.com");
            assert!(!first.resumed());
            let seen = first.server.expect("the server connected");
            assert_eq!(seen.peer_certificates(), Some(&cert.chain()[..]));
            assert_eq!(seen.protocol_version(), Some(version.version));
            assert_eq!(first.client.map(|_| ()), Ok(()));

            assert!(handshake(server, client, "hooks.example.com").resumed());
        }
    }

    #[test]
    fn resumption_that_is_off_does_not_happen() {
        let ca = TestCa::new("Root");
        let cert = ca.client("acme.example").issue();
        let mut client = ClientConfig::clone(&client(&ca, &cert));
        client.resumption = Resumption::disabled();
        let (server, client) = (server(&ca, &TLS13), Arc::new(client));
        for _ in 0..2 {
            let again = handshake(server.clone(), client.clone(), "hooks.example.com");
            assert!(!again.resumed());
            assert_eq!(again.server.map(|_| ()), Ok(()));
        }
    }

    #[test]
    fn each_algorithm_shakes_hands() {
        for algorithm in [
            KeyAlgorithm::EcdsaP384,
            KeyAlgorithm::EcdsaP521,
            KeyAlgorithm::Ed25519,
            KeyAlgorithm::Rsa2048,
        ] {
            let ca = TestCa::new("Root");
            let cert = ca.client("acme.example").key_algorithm(algorithm).issue();
            for version in VERSIONS {
                let outcome = handshake(server(&ca, version), client(&ca, &cert), "hooks.example.com");
                assert_eq!(outcome.server.err(), None, "{algorithm:?}");
            }
        }
    }

    #[test]
    fn a_refused_client_learns_it_from_the_alert() {
        let ca = TestCa::new("Root");
        let acme = || ca.client("acme.example");
        let expired = CertificateError::ExpiredContext {
            time: NOW,
            not_after: utc(2021, 1, 1),
        };
        let early = CertificateError::NotValidYetContext {
            time: NOW,
            not_before: utc(2090, 1, 1),
        };

        for (case, cert, error, alert) in [
            (
                "expired",
                acme().expired().issue(),
                expired,
                AlertDescription::CertificateExpired,
            ),
            (
                "not yet",
                acme().not_yet_valid().issue(),
                early,
                AlertDescription::CertificateExpired,
            ),
            (
                "self-signed",
                TestCert::self_signed("acme.example").issue(),
                CertificateError::UnknownIssuer,
                AlertDescription::UnknownCA,
            ),
            (
                "twin of the CA",
                ca.evil_twin().client("acme.example").issue(),
                CertificateError::BadSignature,
                AlertDescription::DecryptError,
            ),
        ] {
            for version in VERSIONS {
                let outcome = handshake(server(&ca, version), client(&ca, &cert), "hooks.example.com");
                assert_eq!(
                    outcome.server.err(),
                    Some(Error::InvalidCertificate(error.clone())),
                    "{case}"
                );
                assert_eq!(outcome.client.err(), Some(Error::AlertReceived(alert)), "{case}");
            }
        }
    }

    #[test]
    fn a_refused_server_learns_it_too() {
        let ca = TestCa::new("Root");
        let cert = ca.client("acme.example").issue();
        let client = client(&TestCa::new("Other"), &cert);
        for version in VERSIONS {
            let outcome = handshake(server(&ca, version), client.clone(), "hooks.example.com");
            let error = Error::InvalidCertificate(CertificateError::UnknownIssuer);
            assert_eq!(outcome.client.err(), Some(error));
            assert_eq!(
                outcome.server.err(),
                Some(Error::AlertReceived(AlertDescription::UnknownCA))
            );
        }
    }
}

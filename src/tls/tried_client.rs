use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::version::{TLS12, TLS13};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, Error, PeerMisbehaved, ServerConfig, ServerConnection,
    SignatureAlgorithm, SignatureScheme, SupportedProtocolVersion,
};

use super::tried_server::{MAX_ROUNDS, pass};
use crate::explain::ClientTls;

/// A certificate that nobody has issued, for a name that nobody has (RFC 6761 §6.4); its key was thrown away.
const NOBODYS: &[u8] = include_bytes!("nobody.pem");
/// As many authorities as only the web has.
const MANY: usize = 30;

/// The behaviour of a client's configuration, tried out in memory by a server that nobody should trust, called by this name: for
/// [`audit`](fn@crate::explain::audit).
///
/// The server proves nothing: it shows a certificate of nobody's, and signs with a key that it has not. Whom the client trusts, and whether it resumes
/// sessions, is told by the types of its verifier and its store.
pub fn try_client(config: &ClientConfig, name: &ServerName<'_>) -> ClientTls {
    let mut seen = ClientTls::of(name.to_str().into_owned());
    seen.shows_certificate = config.client_auth_cert_resolver.has_certs();
    seen.resumes = !format!("{:?}", config.resumption).contains("NoClientSessionStorage");
    seen.early_data = config.enable_early_data;
    seen.key_log = config.key_log.will_log("CLIENT_TRAFFIC_SECRET_0");
    seen.public_authorities = trusts_the_web(&format!("{config:?}"));
    let config = Arc::new(config.clone());
    for (version, told) in [(&TLS12, "TLS 1.2"), (&TLS13, "TLS 1.3")] {
        let Some(tried) = Tried::of(&config, version, name) else {
            continue;
        };
        seen.versions.push(told);
        seen.names_server |= tried.hello.names_server;
        seen.protocols = tried.hello.protocols;
        seen.verifies_server &= tried.refused;
    }
    seen
}

/// Whether so much is written of a verifier: ours of the web, the system's, or rustls's own with as many authorities.
fn trusts_the_web(verifier: &str) -> bool {
    let many = verifier.split('(').filter_map(|rest| rest.split_once(" roots)"));
    let mut numbers = many.filter_map(|(number, _)| number.parse::<usize>().ok());
    verifier.contains("WebRoots")
        || verifier.contains("platform_verifier")
        || numbers.any(|number| number >= MANY)
}

/// One handshake that came as far as our certificate.
struct Tried {
    hello: Hello,
    /// Whether the certificate was refused.
    refused: bool,
}

impl Tried {
    fn of(
        client: &Arc<ClientConfig>,
        version: &'static SupportedProtocolVersion,
        name: &ServerName<'_>,
    ) -> Option<Self> {
        let impostor = Arc::new(Impostor::default());
        let provider = client.crypto_provider().clone();
        let mut server = ServerConfig::builder_with_details(provider, client.time_provider.clone())
            .with_protocol_versions(&[version])
            .ok()?
            .with_no_client_auth()
            .with_cert_resolver(impostor.clone());
        server.session_storage = Arc::new(NoServerSessionStorage {});
        let client = ClientConnection::new(client.clone(), name.to_owned()).ok()?;
        let why = shake(client, ServerConnection::new(server.into()).ok()?);
        let heard = impostor.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.clone().map(|hello| Self {
            hello,
            refused: why.is_some_and(|why| is_of_certificate(&why)),
        })
    }
}

/// Whether it is the certificate that was refused, and not only what it was to have signed.
fn is_of_certificate(why: &Error) -> bool {
    !matches!(
        why,
        Error::InvalidCertificate(CertificateError::BadSignature)
            | Error::PeerMisbehaved(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)
            | Error::PeerMisbehaved(PeerMisbehaved::SignedKxWithWrongAlgorithm)
    )
}

/// Why the client ended it; `None`, where it did not.
fn shake(mut client: ClientConnection, mut server: ServerConnection) -> Option<Error> {
    for _ in 0..MAX_ROUNDS {
        // What the server cannot take, the client is told of by an alert.
        let asked = pass(&mut client, &mut server).unwrap_or(1);
        match pass(&mut server, &mut client) {
            Err(why) => return Some(why),
            Ok(answered) if asked + answered == 0 => break,
            Ok(_) => {}
        }
    }
    None
}

/// What the client has said first.
#[derive(Debug, Clone)]
struct Hello {
    names_server: bool,
    protocols: Vec<Vec<u8>>,
}

/// A server that is nobody.
#[derive(Debug, Default)]
struct Impostor {
    heard: Mutex<Option<Hello>>,
}

impl ResolvesServerCert for Impostor {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let heard = Hello {
            names_server: hello.server_name().is_some(),
            protocols: hello
                .alpn()
                .map(|names| names.map(<[u8]>::to_vec).collect())
                .unwrap_or_default(),
        };
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard);
        let certificate = CertificateDer::from_pem_slice(NOBODYS).ok()?;
        Some(Arc::new(CertifiedKey::new(vec![certificate], Arc::new(NoKey))))
    }
}

/// Signs with nothing.
#[derive(Debug)]
struct NoKey;

impl SigningKey for NoKey {
    fn choose_scheme(&self, _: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        Some(Box::new(Self))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for NoKey {
    /// Two numbers, as an ECDSA signature has them.
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(vec![0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01])
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP256_SHA256
    }
}

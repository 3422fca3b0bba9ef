use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, ConnectionCommon, DigitallySignedStruct, Error, ServerConfig,
    ServerConnection, SideData, SignatureScheme, SupportedProtocolVersion,
};

use crate::explain::{CertificateRequest, ResumptionSeen, ServerTls};

/// More than a handshake with a retry needs.
pub(super) const MAX_ROUNDS: usize = 16;

/// The behaviour of a server's configuration, tried out in memory by a client without a certificate that asks for this name: for
/// [`audit`](fn@crate::explain::audit).
///
/// It counts as a handshake where handshakes are counted ([`Credentials::usage`](super::Credentials::usage)). Whether resumption is bound is told by the
/// types of the store and the ticketer.
pub fn try_server(config: &ServerConfig, name: &ServerName<'_>) -> ServerTls {
    let mut seen = ServerTls::of(name.to_str().into_owned());
    seen.resumption = resumption(config);
    seen.early_data = config.max_early_data_size > 0;
    seen.half_rtt_data = config.send_half_rtt_data;
    seen.key_log = config.key_log.will_log("CLIENT_TRAFFIC_SECRET_0");
    let config = Arc::new(config.clone());
    for (version, told) in [(&TLS12, "TLS 1.2"), (&TLS13, "TLS 1.3")] {
        let Some(tried) = Tried::of(&config, version, name) else {
            continue;
        };
        seen.versions.push(told);
        seen.request = seen.request.min(tried.request);
        seen.authorities = tried.authorities;
    }
    seen
}

fn resumption(config: &ServerConfig) -> ResumptionSeen {
    let stored = config.session_storage.can_cache();
    let ticketed = config.ticketer.enabled();
    let is = |debug: String, name: &str| debug.starts_with(name);
    let bound_store = is(format!("{:?}", config.session_storage), "BoundSessions");
    let bound_tickets = is(format!("{:?}", config.ticketer), "BoundTickets");
    match (stored, ticketed) {
        (false, false) => ResumptionSeen::Off,
        _ if (!stored || bound_store) && (!ticketed || bound_tickets) => ResumptionSeen::Bound,
        _ => ResumptionSeen::Unbound,
    }
}

/// One handshake that came as far as the server's certificate.
struct Tried {
    request: CertificateRequest,
    authorities: Vec<Vec<u8>>,
}

impl Tried {
    fn of(
        server: &Arc<ServerConfig>,
        version: &'static SupportedProtocolVersion,
        name: &ServerName<'_>,
    ) -> Option<Self> {
        let bystander = Arc::new(Bystander {
            provider: server.crypto_provider().clone(),
            watched: Mutex::default(),
        });
        let client = ClientConfig::builder_with_details(
            server.crypto_provider().clone(),
            server.time_provider.clone(),
        )
        .with_protocol_versions(&[version])
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(bystander.clone())
        .with_client_cert_resolver(bystander.clone());
        let mut client = ClientConnection::new(client.into(), name.to_owned()).ok()?;
        let mut server = ServerConnection::new(server.clone()).ok()?;
        let let_in = shake(&mut client, &mut server);
        let watched = bystander.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let request = match (&watched.asked, let_in) {
            (None, _) => CertificateRequest::None,
            (Some(_), true) => CertificateRequest::Optional,
            (Some(_), false) => CertificateRequest::Required,
        };
        watched.shown.then(|| Self {
            request,
            authorities: watched.asked.clone().unwrap_or_default(),
        })
    }
}

/// Whether both are connected in the end.
fn shake(client: &mut ClientConnection, server: &mut ServerConnection) -> bool {
    for _ in 0..MAX_ROUNDS {
        let (Ok(asked), Ok(answered)) = (pass(client, server), pass(server, client)) else {
            return false;
        };
        if asked + answered == 0 {
            break;
        }
    }
    !client.is_handshaking() && !server.is_handshaking()
}

/// How many bytes one end had to say to the other, which has taken in what it could.
///
/// # Errors
/// Why the other ended it.
pub(super) fn pass<A, B: SideData>(
    from: &mut ConnectionCommon<A>,
    to: &mut ConnectionCommon<B>,
) -> Result<usize, Error> {
    let mut flight = Vec::new();
    while from.wants_write() && from.write_tls(&mut flight).is_ok() {}
    let mut rest = flight.as_slice();
    while !rest.is_empty() && to.read_tls(&mut rest).is_ok_and(|read| read > 0) {
        to.process_new_packets()?;
    }
    Ok(flight.len())
}

/// A client that trusts whatever it is shown, shows nothing, and watches. Never for a connection.
#[derive(Debug)]
struct Bystander {
    provider: Arc<CryptoProvider>,
    watched: Mutex<Watched>,
}

#[derive(Debug, Default)]
struct Watched {
    shown: bool,
    /// The authorities that were named, where a certificate was asked for.
    asked: Option<Vec<Vec<u8>>>,
}

impl Bystander {
    fn watch(&self, note: impl FnOnce(&mut Watched)) {
        note(&mut self.watched.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl ResolvesClientCert for Bystander {
    fn resolve(&self, authorities: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let named = authorities.iter().map(|name| name.to_vec()).collect();
        self.watch(|watched| watched.asked = Some(named));
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl ServerCertVerifier for Bystander {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.watch(|watched| watched.shown = true);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error};

use super::pending::Pending;
use super::reason;
use super::signatures::{VerifySignature, asks_of_signatures};
use crate::identity::{ChainLimits, PeerChain};
use crate::trust::{Recall, Role, VerifiedPeer, VerifyPeer};

/// A certificate verifier for rustls, by which a [`VerifyPeer`] decides in a TLS handshake, in either role.
///
/// rustls asks about a certificate *before* the peer has proved to hold its key, so nothing is counted or remembered
/// until the signature of the handshake is verified: a certificate is public, and anybody can show it.
///
/// Certificate authorities are not named to clients (RFC 8446 §4.2.4): they offer what they have, nothing about one's
/// own authorities leaks, and the policy can be replaced.
///
/// ```
/// use std::sync::Arc;
/// use countersign::testing::{NOW, TestCa, handshake};
/// use countersign::tls::{HandshakeVerifier, disable_resumption, rustls};
/// use countersign::trust::PrivateCa;
///
/// # let (ca, provider) = (TestCa::new("Acme Root"), Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
/// # let (server, client) = (ca.server("hooks.example").issue(), ca.client("spiffe://acme.example/tenant/acme").issue());
/// # let algorithms = provider.signature_verification_algorithms.all;
/// let trust = PrivateCa::from_pem(ca.pem().as_bytes(), algorithms, NOW)?;
/// let verifier = Arc::new(HandshakeVerifier::new(&provider, trust));
///
/// // It verifies clients here, and servers there.
/// let mut config = rustls::ServerConfig::builder_with_provider(provider.clone())
///     .with_safe_default_protocol_versions()?
///     .with_client_cert_verifier(verifier.clone())
///     .with_single_cert(server.chain(), server.key())?;
/// disable_resumption(&mut config);
/// let calling = rustls::ClientConfig::builder_with_provider(provider)
///     .with_safe_default_protocol_versions()?
///     .dangerous()
///     .with_custom_certificate_verifier(verifier)
///     .with_client_auth_cert(client.chain(), client.key())?;
/// let shaken = handshake(config.into(), calling.into(), "hooks.example");
/// assert_eq!(shaken.server?.peer_certificates(), Some(&client.chain()[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct HandshakeVerifier {
    trust: Arc<dyn VerifyPeer>,
    algorithms: WebPkiSupportedAlgorithms,
    client_auth: ClientAuth,
    pending: Pending<Shown>,
}

/// The client authentication that a server asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientAuth {
    /// A handshake without a client certificate fails.
    Require,
    /// A client may come without a certificate; one that it shows must be good. Demand it by route then: a
    /// [`Caller`](crate::gate::Caller) exists only where one was shown.
    Offer,
}

impl HandshakeVerifier {
    /// Handshakes between certificate and signature.
    const PENDING: usize = 1024;

    /// A verifier for a server that requires client certificates, or for a client.
    pub fn new(provider: &CryptoProvider, trust: impl VerifyPeer + 'static) -> Self {
        Self {
            trust: Arc::new(trust),
            algorithms: provider.signature_verification_algorithms,
            client_auth: ClientAuth::Require,
            pending: Pending::of(Self::PENDING),
        }
    }

    /// Asks its clients for that.
    #[must_use]
    pub fn with_client_auth(mut self, client_auth: ClientAuth) -> Self {
        self.client_auth = client_auth;
        self
    }

    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        role: Role<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        // Before anything is decided: a change that happens meanwhile makes what is kept useless, not wrong.
        let recall = self.trust.memory();
        let presented = || std::iter::once(end_entity).chain(intermediates);
        let limits = self.trust.limits();
        // Before anything is done that takes longer with more certificates.
        let known = match (&recall, limits.check(presented())) {
            (Some(recall), Ok(())) => recall.peer(role, presented(), now),
            _ => None,
        };
        let verified = match known {
            Some(peer) => Ok(peer),
            None => self.verify_unknown(limits, end_entity, intermediates, role, now),
        };
        let peer = verified?;
        let server = match role {
            Role::Client => None,
            Role::Server { name } => Some(name.to_owned()),
        };
        self.pending.push(Shown {
            peer,
            server,
            recall,
            now,
        });
        Ok(())
    }

    fn verify_unknown(
        &self,
        limits: ChainLimits,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        role: Role<'_>,
        now: UnixTime,
    ) -> Result<VerifiedPeer, Error> {
        let is_client = matches!(role, Role::Client);
        let (chain, leaf) = match PeerChain::parse_borrowed(limits, end_entity, intermediates) {
            Ok(read) => read,
            Err(malformed) if is_client => return Err(reason::refuse_unread(malformed.into(), end_entity)),
            Err(malformed) => return Err(reason::alert(malformed.into())),
        };
        let mut refused = None;
        VerifiedPeer::verify_read(&self.trust, chain, Some(&leaf), role, now, |chain| {
            refused = Some(chain);
        })
        .map_err(|untrusted| match refused {
            Some(chain) if is_client => reason::refuse_client(untrusted, chain),
            _ => reason::alert(untrusted),
        })
    }

    /// Whether the peer has signed the handshake with its key: only then is it counted and remembered.
    fn prove(
        &self,
        verify: VerifySignature,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let valid = verify(message, leaf, signed, &self.algorithms)?;
        self.confirm(leaf);
        Ok(valid)
    }

    fn confirm(&self, leaf: &CertificateDer<'_>) {
        let Some(shown) = self.pending.take(|shown| shown.peer.leaf().der() == leaf) else {
            return;
        };
        self.trust.confirm(&shown.peer, shown.now);
        if let Some(recall) = shown.recall {
            let role = match &shown.server {
                None => Role::Client,
                Some(name) => Role::Server { name },
            };
            recall.keep(role, shown.peer, shown.now);
        }
    }
}

/// A peer that is verified, and has not proved yet that it holds its key.
struct Shown {
    peer: VerifiedPeer,
    /// What it was to be reached as, where it is a server.
    server: Option<ServerName<'static>>,
    /// Where to keep it: also where it is remembered already, since it proves its key anew.
    recall: Option<Recall>,
    now: UnixTime,
}

impl fmt::Debug for HandshakeVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandshakeVerifier")
            .field("trust", &self.trust)
            .field("client_auth", &self.client_auth)
            .finish_non_exhaustive()
    }
}

impl ClientCertVerifier for HandshakeVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.client_auth == ClientAuth::Require
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.verify(end_entity, intermediates, Role::Client, now)?;
        Ok(ClientCertVerified::assertion())
    }

    asks_of_signatures!(prove);
}

impl ServerCertVerifier for HandshakeVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verify(end_entity, intermediates, Role::Server { name: server_name }, now)?;
        Ok(ServerCertVerified::assertion())
    }

    asks_of_signatures!(prove);
}

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::alert::to_rustls;
use super::reason;
use crate::identity::PeerChain;
use crate::trust::{Role, Untrusted, VerifiedPeer, VerifyPeer};

/// Lets a [`VerifyPeer`] decide in a TLS handshake, in either role.
///
/// rustls calls it *before* the peer has proved to hold the key, so nothing is counted or remembered here: a
/// certificate is public, and anybody can show it.
///
/// Certificate authorities are not named to clients (RFC 8446 §4.2.4): they offer what they have, nothing about one's
/// own authorities leaks, and the policy can be replaced.
pub struct HandshakeVerifier {
    trust: Arc<dyn VerifyPeer>,
    algorithms: WebPkiSupportedAlgorithms,
    client_auth: ClientAuth,
}

/// What a server asks of its clients.
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
    /// For a server that requires client certificates, or for a client.
    pub fn new(provider: &CryptoProvider, trust: impl VerifyPeer + 'static) -> Self {
        Self {
            trust: Arc::new(trust),
            algorithms: provider.signature_verification_algorithms,
            client_auth: ClientAuth::Require,
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
        let presented = std::iter::once(end_entity).chain(intermediates).cloned();
        let verified = PeerChain::parse(presented)
            .map_err(Untrusted::from)
            .and_then(|chain| VerifiedPeer::verify(&self.trust, chain, role, now));
        match verified {
            Ok(_) => Ok(()),
            Err(untrusted) => {
                let error = to_rustls(&untrusted);
                reason::record(untrusted);
                Err(error)
            }
        }
    }
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

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
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

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

//! What goes by in a handshake: what the server asks for, and what it shows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

/// A request for a certificate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asking {
    /// The authorities that it names, in DER: perhaps none, and then any may do.
    pub(crate) authorities: Vec<Vec<u8>>,
    /// Whether our key can sign as it wants; without a key of ours, `true`.
    pub(crate) can_sign: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Watched {
    pub(crate) asking: Option<Asking>,
    pub(crate) chain: Vec<CertificateDer<'static>>,
}

/// Watches, and shows our certificate where there is one.
#[derive(Debug)]
pub(crate) struct Watch {
    provider: Arc<CryptoProvider>,
    key: Option<Arc<CertifiedKey>>,
    watched: Mutex<Watched>,
}

impl Watch {
    pub(crate) fn new(provider: &CryptoProvider, key: Option<Arc<CertifiedKey>>) -> Arc<Self> {
        Arc::new(Self {
            provider: Arc::new(provider.clone()),
            key,
            watched: Mutex::default(),
        })
    }

    pub(crate) fn take(&self) -> Watched {
        std::mem::take(&mut *self.watched())
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesClientCert for Watch {
    fn resolve(&self, authorities: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let fits = |key: &Arc<CertifiedKey>| key.key.choose_scheme(schemes).is_some();
        self.watched().asking = Some(Asking {
            authorities: authorities.iter().map(|name| name.to_vec()).collect(),
            can_sign: self.key.as_ref().is_none_or(fits),
        });
        self.key.clone()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Takes whatever the server shows, so that the handshake goes on: it is judged afterwards, and nothing secret is sent.
impl ServerCertVerifier for Watch {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(leaf).chain(others);
        self.watched().chain = chain.map(|der| der.clone().into_owned()).collect();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            cert,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

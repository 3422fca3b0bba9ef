use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::time_provider::{DefaultTimeProvider, TimeProvider};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ServerConfig, SupportedProtocolVersion};

use super::own::Shown;
use super::{
    ClientAuth, Credentials, Enrolment, HandshakeVerifier, InvalidCredentials, OwnCertificate,
    disable_resumption,
};
use crate::live::Live;
use crate::trust::VerifyPeer;

/// A maker of rustls configurations: the caller's crypto provider, TLS 1.3 only, no resumption, no early data.
///
/// ```
/// # use std::sync::Arc;
/// # use countersign::testing::TestCa;
/// use countersign::tls::{ClientAuth, Credentials, Tls};
/// use countersign::trust::PrivateCa;
///
/// # let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
/// # let ca = TestCa::new("Acme Root");
/// # let server = ca.server("hooks.example.com").issue();
/// # let (ca_pem, chain_pem, key_pem) = (ca.pem(), server.chain_pem(), server.key_pem());
/// let tls = Tls::new(provider);
/// let trust = PrivateCa::from_pem(
///     ca_pem.as_bytes(),
///     tls.algorithms(),
///     rustls::pki_types::UnixTime::now(),
/// )?;
/// let credentials = Credentials::from_pem(tls.provider(), chain_pem.as_bytes(), key_pem.as_bytes())?;
/// let config = tls.server_config(&credentials, trust, ClientAuth::Require)?;
/// assert_eq!(config.max_early_data_size, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tls {
    provider: Arc<CryptoProvider>,
    versions: &'static [&'static SupportedProtocolVersion],
    time: Arc<dyn TimeProvider>,
}

static TLS13_ONLY: &[&SupportedProtocolVersion] = &[&TLS13];
static TLS13_AND_12: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

impl Tls {
    /// Configurations on this crypto provider.
    pub fn new(provider: Arc<CryptoProvider>) -> Self {
        Self {
            provider,
            versions: TLS13_ONLY,
            time: Arc::new(DefaultTimeProvider),
        }
    }

    /// Takes the present from there, also in the configurations.
    #[must_use]
    pub fn with_time_provider(mut self, time: Arc<dyn TimeProvider>) -> Self {
        self.time = time;
        self
    }

    /// Also lets TLS 1.2 in, for peers that cannot do better (PagerDuty's webhooks, for one).
    ///
    /// A client's certificate travels in the clear then, and the alert that refuses it too.
    #[must_use]
    pub fn allow_tls12(mut self) -> Self {
        self.versions = TLS13_AND_12;
        self
    }

    /// The crypto provider.
    pub fn provider(&self) -> &CryptoProvider {
        &self.provider
    }

    /// The signature algorithms that the provider verifies, for [`PrivateCa`](crate::trust::PrivateCa).
    pub fn algorithms(&self) -> &'static [&'static dyn rustls::pki_types::SignatureVerificationAlgorithm] {
        self.provider.signature_verification_algorithms.all
    }

    /// A server that shows `credentials` and asks its clients for certificates that `trust` trusts.
    ///
    /// It shows them whatever name a client asks for, or none. Credentials in a [`Live`] can be replaced while this is in use:
    /// the next handshake shows the new ones.
    ///
    /// # Errors
    /// [`InvalidTls`] where the credentials are not valid now, or the provider cannot do the versions asked for.
    pub fn server_config(
        &self,
        credentials: &impl OwnCertificate,
        trust: impl VerifyPeer + 'static,
        client_auth: ClientAuth,
    ) -> Result<ServerConfig, InvalidTls> {
        let verifier = HandshakeVerifier::new(&self.provider, trust).with_client_auth(client_auth);
        self.server_config_with(credentials, Arc::new(verifier))
    }

    /// A server that shows `credentials` and asks nobody for a certificate, for
    /// [`Site::for_anybody`](crate::web::Site::for_anybody): whoever sends must prove himself by the payload.
    ///
    /// Credentials in a [`Live`] can be replaced while this is in use, as in [`server_config`](Self::server_config).
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use countersign::live::Live;
    /// # use countersign::testing::TestCa;
    /// use countersign::tls::{Credentials, Tls};
    ///
    /// # let tls = Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    /// # let server = TestCa::new("Public").server("hooks.example.com").issue();
    /// # let (chain_pem, key_pem) = (server.chain_pem(), server.key_pem());
    /// let own = Live::new(Credentials::from_pem(tls.provider(), chain_pem.as_bytes(), key_pem.as_bytes())?);
    /// let config = tls.server_config_for_anybody(&own)?;
    /// assert_eq!(config.send_tls13_tickets, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As for [`server_config`](Self::server_config).
    pub fn server_config_for_anybody(
        &self,
        credentials: &impl OwnCertificate,
    ) -> Result<ServerConfig, InvalidTls> {
        self.server_config_with(credentials, WebPkiClientVerifier::no_client_auth())
    }

    /// A server that shows `credentials` and admits nobody: see [`Enrolment`].
    ///
    /// # Errors
    /// As for [`server_config`](Self::server_config).
    pub fn enrolment_config(
        &self,
        credentials: &impl OwnCertificate,
        enrolment: Enrolment,
    ) -> Result<ServerConfig, InvalidTls> {
        self.server_config_with(credentials, Arc::new(enrolment))
    }

    fn server_config_with(
        &self,
        credentials: &impl OwnCertificate,
        clients: Arc<dyn ClientCertVerifier>,
    ) -> Result<ServerConfig, InvalidTls> {
        let shown = self.checked(credentials)?;
        let mut config = ServerConfig::builder_with_details(self.provider.clone(), self.time.clone())
            .with_protocol_versions(self.versions)
            .map_err(unsupported)?
            .with_client_cert_verifier(clients)
            .with_cert_resolver(self.resolver(shown));
        disable_resumption(&mut config);
        Ok(config)
    }

    /// A client that shows `credentials` and talks to servers that `trust` trusts.
    ///
    /// # Errors
    /// [`InvalidTls`] where the credentials are not valid now, or the provider cannot do the versions asked for.
    pub fn client_config(
        &self,
        credentials: &impl OwnCertificate,
        trust: impl VerifyPeer + 'static,
    ) -> Result<ClientConfig, InvalidTls> {
        let shown = self.checked(credentials)?;
        self.unchecked_client_config(shown, trust)
    }

    /// [`client_config`](Self::client_config) for whoever asks of the credentials at each connection.
    pub(super) fn unchecked_client_config(
        &self,
        shown: Live<Credentials>,
        trust: impl VerifyPeer + 'static,
    ) -> Result<ClientConfig, InvalidTls> {
        let mut config = ClientConfig::builder_with_details(self.provider.clone(), self.time.clone())
            .with_protocol_versions(self.versions)
            .map_err(unsupported)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(HandshakeVerifier::new(&self.provider, trust)))
            .with_client_cert_resolver(self.resolver(shown));
        // rustls keeps sessions by server name: one of an earlier trust, or of another tenant, must not be taken up.
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    /// What is shown, if it is valid now.
    fn checked(&self, credentials: &impl OwnCertificate) -> Result<Live<Credentials>, InvalidTls> {
        let now = self.time.current_time().ok_or(InvalidTls::NoTime)?;
        let shown = credentials.shown();
        shown.load().check(now)?;
        Ok(shown)
    }

    fn resolver(&self, own: Live<Credentials>) -> Arc<Shown> {
        let time = self.time.clone();
        Arc::new(Shown { own, time })
    }
}

/// A TLS configuration that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTls {
    /// The crypto provider cannot do the versions asked for.
    #[error(
        "TLS configuration: {reason}; check that the crypto provider supports the TLS versions asked for"
    )]
    Unsupported {
        /// What rustls says.
        reason: String,
    },
    /// Peers would refuse our certificate.
    #[error("our own certificate: {0}")]
    Credentials(#[from] InvalidCredentials),
    /// The time provider does not know the time.
    #[error("the time provider does not tell the time, and without it no certificate can be judged")]
    NoTime,
}

fn unsupported(error: rustls::Error) -> InvalidTls {
    InvalidTls::Unsupported {
        reason: error.to_string(),
    }
}

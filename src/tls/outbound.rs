use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use rustls::client::ResolvesClientCert;
use rustls::pki_types::UnixTime;
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, SignatureScheme};

use super::{Credentials, InvalidTls, OwnCertificate as _, Tls};
use crate::clock::Clock;
use crate::trust::VerifyPeer;

/// What a sender's connections are made by: one identity and one trust, without resumption, which may be watched.
#[derive(Clone)]
pub(crate) struct Outbound {
    config: Arc<ClientConfig>,
    credentials: Credentials,
    clock: Clock,
}

impl Outbound {
    pub(crate) fn new(
        tls: &Tls,
        credentials: &Credentials,
        trust: impl VerifyPeer + 'static,
        clock: &Clock,
    ) -> Result<Self, InvalidTls> {
        // Whether the credentials are valid is asked anew for each delivery.
        let mut config = tls.unchecked_client_config(credentials.shown(), trust)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.time_provider = Arc::new(TimeOf(clock.clone()));
        Ok(Self {
            config: Arc::new(config),
            credentials: credentials.clone(),
            clock: clock.clone(),
        })
    }

    /// For whoever brings a client of their own.
    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        self.config.clone()
    }

    /// The same for one connection, and what will be known of it: rustls does not tell otherwise whether the server
    /// asked for a certificate, and goes on without one where the key fits nothing that the server offers.
    pub(crate) fn watched(&self) -> (Arc<ClientConfig>, Arc<Introduction>) {
        let introduction = Arc::new(Introduction {
            credentials: self.credentials.clone(),
            clock: self.clock.clone(),
            said: AtomicU8::new(NOT_ASKED),
        });
        let mut config = ClientConfig::clone(&self.config);
        config.client_auth_cert_resolver = introduction.clone();
        (Arc::new(config), introduction)
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

/// Whether one connection has shown our certificate.
pub(crate) struct Introduction {
    credentials: Credentials,
    clock: Clock,
    said: AtomicU8,
}

const NOT_ASKED: u8 = 0;
const SHOWN: u8 = 1;
const UNFIT: u8 = 2;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Introduced {
    /// The server did not ask.
    NotAsked,
    /// The certificate was sent.
    Shown,
    /// The server asked, and takes no signature that our key can make.
    Unfit,
}

impl Introduction {
    pub(crate) fn outcome(&self) -> Introduced {
        match self.said.load(Ordering::Acquire) {
            SHOWN => Introduced::Shown,
            UNFIT => Introduced::Unfit,
            _ => Introduced::NotAsked,
        }
    }
}

impl ResolvesClientCert for Introduction {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let certified = self.credentials.certified();
        let fits = certified.key.choose_scheme(schemes).is_some();
        if fits {
            self.credentials.count(self.clock.now());
        }
        self.said
            .store(if fits { SHOWN } else { UNFIT }, Ordering::Release);
        fits.then_some(certified)
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl fmt::Debug for Introduction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.outcome().fmt(f)
    }
}

/// One clock for certificates and for everything else.
#[derive(Debug)]
struct TimeOf(Clock);

impl TimeProvider for TimeOf {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0.now())
    }
}

use std::fmt;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;

use super::Credentials;
use crate::live::Live;

/// One's own certificate, as configurations take it: [`Credentials`], or `Live<Credentials>`, which are replaced while
/// configurations that were made of them are in use.
///
/// ```
/// use countersign::live::Live;
/// use countersign::testing::{NOW, TestCa, handshake};
/// use countersign::tls::{ClientAuth, Credentials, Tls, rustls};
/// # use countersign::trust::PrivateCa;
///
/// # let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
/// # let (ca, tls) = (TestCa::new("Acme Root"), Tls::new(provider));
/// # let trust = || PrivateCa::from_pem(ca.pem().as_bytes(), tls.algorithms(), NOW);
/// # let issue = |cert: countersign::testing::TestCert| Credentials::from_pem(tls.provider(), cert.chain_pem().as_bytes(), cert.key_pem().as_bytes());
/// # let sender = issue(ca.client("spiffe://pay.example/tenant/acme").issue())?;
/// let (old, new) = (issue(ca.server("hooks.example").issue())?, issue(ca.server("hooks.example").issue())?);
/// let own = Live::new(old.clone());
/// let server = std::sync::Arc::new(tls.server_config(&own, trust()?, ClientAuth::Require)?);
/// let client = std::sync::Arc::new(tls.client_config(&sender, trust()?)?);
/// handshake(server.clone(), client.clone(), "hooks.example");
/// own.replace(new.clone());
/// handshake(server, client, "hooks.example");
/// // Each was shown in one handshake.
/// assert_eq!((old.usage().uses, new.usage().uses), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait OwnCertificate {
    /// What is to be shown, now and later.
    fn shown(&self) -> Live<Credentials>;
}

impl OwnCertificate for Credentials {
    fn shown(&self) -> Live<Credentials> {
        Live::new(self.clone())
    }
}

impl OwnCertificate for Live<Credentials> {
    fn shown(&self) -> Live<Credentials> {
        self.clone()
    }
}

/// Shows the certificate of this moment in each handshake, whatever name the other side asks for.
pub(super) struct Shown {
    pub(super) own: Live<Credentials>,
    pub(super) time: Arc<dyn TimeProvider>,
}

impl Shown {
    fn show(&self) -> Option<Arc<CertifiedKey>> {
        if self.own.is_withdrawn() {
            return None;
        }
        // Chain and key are one value: no handshake has one of each.
        let own = self.own.load();
        if let Some(now) = self.time.current_time() {
            own.count(now);
        }
        Some(own.certified())
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.show()
    }
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.show()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shown").field(&self.own).finish()
    }
}

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error};

use super::pending::Pending;
use super::reason;
use super::signatures::{VerifySignature, asks_of_signatures};
use crate::identity::{ChainLimits, PeerChain, SpkiHash};
use crate::trust::{Applicant, Untrusted};

/// A client certificate verifier that admits nobody, and reports who has tried: to find out under which certificate a sender calls
/// that publishes none.
///
/// Every handshake fails, after the client has proved to hold its key: without a certificate as `certificate_required`, with one as
/// `access_denied` ([`Untrusted::Enrolment`]). Each distinct key is reported once, and [`MOST`](Self::MOST) of them at most. It is no
/// [`VerifyPeer`](crate::trust::VerifyPeer), so no policy can be made of it, and no [`VerifiedPeer`](crate::trust::VerifiedPeer) comes out.
///
/// So run it for as long as it takes to have the sender call, and where a firewall keeps others out, if there is one: whoever makes keys
/// can use up the reports.
///
/// Some senders register a URL only after a handshake that succeeds; what they show in the one that fails is reported all the same.
///
/// ```
/// # use std::sync::{Arc, Mutex};
/// # use countersign::testing::TestCa;
/// use countersign::tls::{Credentials, Enrolment, Tls};
///
/// # let ca = TestCa::new("Acme Root");
/// # let server = ca.server("hooks.example.com").issue();
/// # let (chain_pem, key_pem) = (server.chain_pem(), server.key_pem());
/// let tls = Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
/// let credentials = Credentials::from_pem(tls.provider(), chain_pem.as_bytes(), key_pem.as_bytes())?;
/// let enrolment = Enrolment::new(tls.provider(), |applicant| println!("{applicant}"));
/// let config = tls.enrolment_config(&credentials, enrolment)?;
/// assert_eq!(config.send_tls13_tickets, 0, "who is admitted nowhere resumes nothing");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Enrolment {
    algorithms: WebPkiSupportedAlgorithms,
    report: Box<dyn Fn(&Applicant) + Send + Sync>,
    reported: Mutex<HashSet<SpkiHash>>,
    pending: Pending<(PeerChain, UnixTime)>,
}

impl Enrolment {
    /// How many keys are reported: whoever makes keys of his own cannot fill a log with them.
    pub const MOST: usize = 32;

    /// Handshakes between certificate and signature: a MiB of chains in all.
    const PENDING: usize = 64;

    /// Tells `report` of each, in the handshake: it must not wait.
    pub fn new(provider: &CryptoProvider, report: impl Fn(&Applicant) + Send + Sync + 'static) -> Self {
        Self {
            algorithms: provider.signature_verification_algorithms,
            report: Box::new(report),
            reported: Mutex::default(),
            pending: Pending::of(Self::PENDING),
        }
    }

    /// Never good: with a right signature it is a refusal, too, and a report.
    fn refuse(
        &self,
        verify: VerifySignature,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify(message, leaf, signed, &self.algorithms)?;
        if let Some((chain, now)) = self.pending.take(|(chain, _)| chain.leaf().der() == leaf) {
            self.tell(chain, now);
        }
        Err(reason::alert(Untrusted::Enrolment))
    }

    fn tell(&self, chain: PeerChain, now: UnixTime) {
        let is_new = {
            let mut reported = self.lock();
            reported.len() < Self::MOST && reported.insert(chain.leaf().spki())
        };
        if is_new {
            (self.report)(&Applicant::of(chain, self.algorithms.all, now));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<SpkiHash>> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enrolment")
            .field("reported", &self.lock().len())
            .finish_non_exhaustive()
    }
}

impl ClientCertVerifier for Enrolment {
    fn client_auth_mandatory(&self) -> bool {
        true
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    /// Says yes, so that the client has to prove its key; what comes next is a refusal in any case.
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match PeerChain::parse_borrowed(ChainLimits::default(), end_entity, intermediates) {
            Ok((chain, _)) => {
                self.pending.push((chain, now));
                Ok(ClientCertVerified::assertion())
            }
            Err(malformed) => Err(reason::alert(malformed.into())),
        }
    }

    asks_of_signatures!(refuse);
}

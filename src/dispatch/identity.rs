use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName};

use crate::clock::Clock;
use crate::identity::{Malformed, Validity};
use crate::payload::{CannotSign, Outgoing, SignPayload};
use crate::tls::{Credentials, InvalidTls, Outbound, Tls};
use crate::trust::{Remembered, VerifyPeer};

/// A tenant's identity as a sender, and whom it may send to: its certificate and key, what its consumers' servers
/// are verified by, and what signs its payloads. Replaced as a whole, never in parts.
///
/// # Security
/// `trust` is asked about the consumer's *server*, with its name. For consumers with certificates of the public web,
/// that is [`WebRoots`](crate::trust::WebRoots), for others a [`PrivateCa`](crate::trust::PrivateCa); join pins of the
/// consumer's key with [`and`](VerifyPeer::and), or let a [`PinSet`](crate::trust::PinSet) decide alone, with the next
/// key in it as a backup. A key that is not pinned is never sent to, and there is no way round it.
///
/// ```
/// use countersign::dispatch::TenantIdentity;
/// use countersign::testing::{NOW, TestCa};
/// use countersign::tls::{Credentials, Tls, rustls};
/// use countersign::trust::WebRoots;
/// # use countersign::payload::{HmacSigner, Keyring, Scheme, Secret};
/// # use countersign::tenant::TenantId;
///
/// # let own = TestCa::new("Acme Root").client("spiffe://acme.example/tenant/acme").issue();
/// # let (chain_pem, key_pem) = (own.chain_pem(), own.key_pem());
/// # let secret = Secret::new("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
/// # let scheme = Scheme::standard_webhooks();
/// # let keys = Keyring::builder(&scheme).key(TenantId::parse("acme")?, "2026", secret).build()?;
/// let tls = Tls::new(rustls::crypto::aws_lc_rs::default_provider().into());
/// let credentials = Credentials::from_pem(tls.provider(), chain_pem.as_bytes(), key_pem.as_bytes())?;
/// let signer = HmacSigner::new(scheme, keys);
/// let identity = TenantIdentity::new(&tls, credentials, WebRoots::new(tls.algorithms()), signer)?;
/// assert!(identity.validity().contains(NOW));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TenantIdentity {
    credentials: Credentials,
    validity: Validity,
    trust: Arc<dyn VerifyPeer>,
    signers: Vec<Arc<dyn SignPayload>>,
    tls: Tls,
}

impl TenantIdentity {
    /// Shows this certificate, talks to servers that `trust` trusts, signs with this signer.
    ///
    /// # Errors
    /// [`InvalidIdentity`].
    pub fn new(
        tls: &Tls,
        credentials: Credentials,
        trust: impl VerifyPeer + 'static,
        signer: impl SignPayload + 'static,
    ) -> Result<Self, InvalidIdentity> {
        Ok(Self::unsigned(tls, credentials, trust)?.also_signed_by(signer))
    }

    /// Sends payloads as they are, signed by nobody: for what already bears a signature.
    ///
    /// # Security
    /// Then only the connection says who we are, and whoever ends the receiver's TLS can change what is handed on.
    ///
    /// # Errors
    /// [`InvalidIdentity`].
    pub fn unsigned(
        tls: &Tls,
        credentials: Credentials,
        trust: impl VerifyPeer + 'static,
    ) -> Result<Self, InvalidIdentity> {
        let trust: Arc<dyn VerifyPeer> = Arc::new(Remembered::with_capacity(trust, REMEMBERED));
        // What cannot be made is to be found out now, not at the first delivery.
        Outbound::new(tls, &credentials, trust.clone(), &Clock::default())?;
        Ok(Self {
            validity: credentials.validity()?,
            credentials,
            trust,
            signers: Vec::new(),
            tls: tls.clone(),
        })
    }

    /// Signs with this one, too: another scheme, or a key in another place. Several keys of one scheme go into one
    /// signer.
    #[must_use]
    pub fn also_signed_by(mut self, signer: impl SignPayload + 'static) -> Self {
        self.signers.push(Arc::new(signer));
        self
    }

    /// When its certificate is valid.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    pub(super) fn trust(&self) -> &Arc<dyn VerifyPeer> {
        &self.trust
    }

    pub(super) fn outbound(&self, clock: &Clock) -> Result<Outbound, InvalidTls> {
        Outbound::new(&self.tls, &self.credentials, self.trust.clone(), clock)
    }

    /// The header fields that the signers add.
    pub(super) fn sign(&self, outgoing: &Outgoing<'_>) -> Result<HeaderMap, NotSigned> {
        let mut all = HeaderMap::new();
        for signer in &self.signers {
            let added = signer.sign_payload(outgoing)?;
            if let Some(twice) = added.keys().find(|name| is_taken(name, &added, &all, outgoing)) {
                return Err(NotSigned::Field(twice.clone()));
            }
            if all.is_empty() {
                all = added;
            } else {
                all.extend(added);
            }
        }
        Ok(all)
    }
}

/// How many servers' chains a tenant's sender remembers.
const REMEMBERED: usize = 256;

/// A field that is there already, from another signer or from the delivery itself, with another value: one of the two
/// would be overwritten, or the receiver would find both.
fn is_taken(name: &HeaderName, added: &HeaderMap, before: &HeaderMap, outgoing: &Outgoing<'_>) -> bool {
    let differs = |headers: &HeaderMap| headers.contains_key(name) && headers.get(name) != added.get(name);
    differs(before) || outgoing.headers.is_some_and(differs)
}

/// Why nothing was signed.
#[derive(Debug)]
pub(super) enum NotSigned {
    /// What a signer says.
    Signer(CannotSign),
    /// Two want to fill this field.
    Field(HeaderName),
}

impl From<CannotSign> for NotSigned {
    fn from(cannot: CannotSign) -> Self {
        Self::Signer(cannot)
    }
}

impl fmt::Debug for TenantIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantIdentity")
            .field("credentials", &self.credentials)
            .field("trust", &self.trust)
            .field("signers", &self.signers)
            .finish_non_exhaustive()
    }
}

/// An identity that cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidIdentity {
    /// There is no TLS configuration for it.
    #[error(transparent)]
    Tls(#[from] InvalidTls),
    /// Its own certificate cannot be read.
    #[error("the sender's own certificate: {0}")]
    Certificate(#[from] Malformed),
}

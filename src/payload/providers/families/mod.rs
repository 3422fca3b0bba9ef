//! Providers whose scheme no row of data can say.

mod adyen;
mod ebay;
mod hubspot;
mod paypal;
mod sns;
mod twilio;

use std::fmt;
use std::sync::Arc;

use rustls_pki_types::{CertificateDer, UnixTime};

use crate::identity::{Certificate, PeerChain};
use crate::payload::NotAuthentic;
use crate::payload::public_key::Algorithms;

pub use adyen::{AdyenBatch, AdyenItem, AdyenVerifier};
pub use ebay::{EbaySigner, EbayVerifier, FindPublicKey};
pub use hubspot::HubSpotLegacy;
pub use paypal::{PayPalEvent, PayPalSigner, PayPalVerifier};
pub use sns::{SnsMessage, SnsSigner, SnsVerifier};
pub use twilio::TwilioVerifier;

/// Finds the certificate behind a URL that a provider names in its messages.
///
/// Called on the request path and without I/O: it looks into what was fetched before. Where it answers
/// [`NotFetched`], the message is refused as an outage, so that the provider sends it again; fetch the certificate
/// meanwhile, over HTTPS and from that very URL, and check that its chain leads to a public authority and its names to
/// the provider.
pub trait FindCertificate: Send + Sync {
    /// The certificate at this URL, whose scheme, host and path the caller has checked.
    ///
    /// # Errors
    /// [`NotFetched`].
    fn find_certificate(&self, url: &str) -> Result<CertificateDer<'static>, NotFetched>;
}

/// The certificate is not there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotFetched;

impl NotFetched {
    /// Not there yet.
    #[expect(clippy::new_without_default, reason = "it says nothing by itself")]
    pub fn new() -> Self {
        Self
    }
}

impl<F> FindCertificate for F
where
    F: Fn(&str) -> Result<CertificateDer<'static>, NotFetched> + Send + Sync,
{
    fn find_certificate(&self, url: &str) -> Result<CertificateDer<'static>, NotFetched> {
        self(url)
    }
}

/// Certificates that the caller fetches.
#[derive(Clone)]
struct Certificates(Arc<dyn FindCertificate>);

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificates")
    }
}

impl Certificates {
    /// Whether the key of the certificate at this URL, valid now, made this signature.
    fn verify(
        &self,
        url: &str,
        algorithms: &Algorithms,
        now: UnixTime,
        text: &[u8],
        signature: &[u8],
    ) -> Result<(), NotAuthentic> {
        let der = self
            .0
            .find_certificate(url)
            .map_err(|_| crate::payload::NoKey::Unavailable)?;
        let denied = NotAuthentic::Denied {
            reason: "the certificate of the signature cannot be read",
        };
        let chain = PeerChain::parse([der]).map_err(|_| denied)?;
        let leaf: &Certificate = chain.leaf();
        if !leaf.validity().contains(now) {
            return Err(NotAuthentic::Denied {
                reason: "the certificate of the signature is not valid now",
            });
        }
        let bits = crate::payload::public_key::rsa_bits(leaf.der()).ok_or(NotAuthentic::SignatureMismatch)?;
        if algorithms.verify(&bits, text, signature) {
            Ok(())
        } else {
            Err(NotAuthentic::SignatureMismatch)
        }
    }
}

/// The parts of an `https` URL that name a host and a path and nothing else: no user, port, query, fragment.
fn plain_https(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("https://").filter(|_| url.len() <= 512)?;
    let (host, path) = rest.split_at(rest.find('/')?);
    let host_ok = host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    let path_ok = path
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte));
    (host_ok && path_ok && !path.contains("..")).then_some((host, path))
}

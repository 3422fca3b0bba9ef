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
use crate::payload::public_key::Algorithms;
use crate::payload::{NoKey, NotAuthentic};

pub use adyen::{AdyenBatch, AdyenItem, AdyenVerifier};
pub use ebay::{EbaySigner, EbayVerifier};
pub use hubspot::HubSpotLegacy;
pub use paypal::{PayPalEvent, PayPalSigner, PayPalVerifier};
pub use sns::{SnsMessage, SnsSigner, SnsVerifier};
pub use twilio::TwilioVerifier;

/// A store of what a provider publishes, under the name by which its messages ask for it: certificates by their URL
/// ([`SnsVerifier`], [`PayPalVerifier`]), public keys in PEM by their id ([`EbayVerifier`]).
///
/// Called on the request path and without I/O: it looks into what was fetched before. Where it answers
/// [`NoKey::Unavailable`], the message is refused as an outage, so that the provider sends it again; fetch what was asked
/// for meanwhile, over HTTPS, a certificate from that very URL, and check that its chain leads to a public authority and its
/// names to the provider. Those of SNS are `sns.amazonaws.com`, `sns-signing.REGION.amazonaws.com` in regions that have to be enabled, and others in the
/// partitions of China and of governments (aws-sdk-java-v2, `SnsHostProvider`).
///
/// A function is such a store:
///
/// ```
/// use countersign::payload::NoKey;
/// use countersign::payload::providers::FindPublished;
///
/// let fetched = std::collections::HashMap::from([("k-1", "-----BEGIN PUBLIC KEY-----..")]);
/// let find = move |id: &str| fetched.get(id).map(|pem| pem.to_string()).ok_or(NoKey::Unavailable);
/// let store: &dyn FindPublished<String> = &find;
/// assert_eq!(store.find_published("k-2"), Err(NoKey::Unavailable));
/// ```
pub trait FindPublished<T>: Send + Sync {
    /// What is published under this name, which the caller has checked: the scheme, host and path of a URL, or the
    /// letters, digits and hyphens of an id.
    ///
    /// # Errors
    /// [`NoKey`].
    fn find_published(&self, name: &str) -> Result<T, NoKey>;
}

impl<T, F> FindPublished<T> for F
where
    F: Fn(&str) -> Result<T, NoKey> + Send + Sync,
{
    fn find_published(&self, name: &str) -> Result<T, NoKey> {
        self(name)
    }
}

/// Certificates that the caller fetches.
#[derive(Clone)]
struct Certificates(Arc<dyn FindPublished<CertificateDer<'static>>>);

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
        let der = self.0.find_published(url)?;
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

//! The keys of all tenants, for tokens and for HTTP message signatures.

use std::collections::HashMap;
#[cfg(feature = "http-signatures")]
use std::sync::Arc;

#[cfg(feature = "jwt")]
use super::RemoteJwks;
#[cfg(feature = "jwt")]
use crate::payload::Unknown;
use crate::payload::hmac::{InvalidKey, KeyProblem};
use crate::payload::{FindKeys, NoKey, TenantKeys, Wanted};
use crate::tenant::TenantId;

/// The keys of all tenants, given once or published at a URL: a [`Keyring`](crate::payload::Keyring) for signatures of JOSE
/// and of RFC 9421. A message counts only under the keys of its sender.
///
/// Its two kinds are [`JwtKeyring`](super::JwtKeyring) and, under `http-signatures`, `HttpSignatureKeyring`.
///
/// ```
/// use countersign::payload::hmac::KeyProblem;
/// use countersign::payload::jose::{Algorithm, Jwk, JwtKeyring};
/// use countersign::tenant::TenantId;
///
/// let jwk = Jwk::parse(
///     br#"{"kty":"oct","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}"#
/// )?;
/// let (acme, keys) = (TenantId::parse("acme")?, jwk.verifier(Algorithm::Hs256, &[]));
/// let ring = JwtKeyring::builder().keys(acme.clone(), keys.clone()).build()?;
/// assert_eq!(ring.tenants(), 1);
/// let twice = JwtKeyring::builder().keys(acme.clone(), keys.clone()).keys(acme, keys).build();
/// assert_eq!(twice.err().map(|invalid| invalid.problem), Some(KeyProblem::SameTenant));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct JoseKeyring<K> {
    tenants: HashMap<TenantId, Source<K>>,
}

#[derive(Debug, Clone)]
enum Source<K> {
    Fixed(K),
    #[cfg(feature = "jwt")]
    Remote(RemoteJwks),
}

impl<K> JoseKeyring<K> {
    /// An empty ring.
    pub fn builder() -> JoseKeyringBuilder<K> {
        JoseKeyringBuilder { sources: Vec::new() }
    }

    /// How many tenants have keys.
    pub fn tenants(&self) -> usize {
        self.tenants.len()
    }

    fn sole(&self) -> Option<(&TenantId, &Source<K>)> {
        let mut tenants = self.tenants.iter();
        tenants.next().filter(|_| self.tenants.len() == 1)
    }

    /// The sender's, or those of the only owner.
    fn source(&self, sender: Option<&TenantId>) -> Result<(&TenantId, &Source<K>), NoKey> {
        match sender {
            Some(sender) => self.tenants.get_key_value(sender).ok_or_else(|| NoKey::Unknown {
                sender: sender.clone(),
            }),
            // With several owners and no proof, none is tried: the key that matches would choose the tenant.
            None => self.sole().ok_or(NoKey::SenderNeeded),
        }
    }
}

/// What a verifier is given of a published set.
pub(in crate::payload) trait Published: Clone + std::fmt::Debug + Send + Sync {
    /// Its keys, where it is there.
    #[cfg(feature = "jwt")]
    fn of(remote: &RemoteJwks) -> Option<Self>;
}

#[cfg(feature = "jwt")]
impl Published for super::JwsVerifier {
    fn of(remote: &RemoteJwks) -> Option<Self> {
        remote.keys()
    }
}

#[cfg(feature = "http-signatures")]
impl Published for Arc<[super::VerifyingKey]> {
    #[cfg(feature = "jwt")]
    fn of(remote: &RemoteJwks) -> Option<Self> {
        remote.verifying_keys()
    }
}

impl<K: Published> FindKeys<K> for JoseKeyring<K> {
    fn find_keys(&self, wanted: &Wanted<'_>) -> Result<TenantKeys<K>, NoKey> {
        let (owner, source) = self.source(wanted.sender)?;
        let keys = match source {
            Source::Fixed(keys) => keys.clone(),
            #[cfg(feature = "jwt")]
            Source::Remote(remote) => K::of(remote).ok_or(NoKey::Unavailable)?,
        };
        Ok(TenantKeys::new(owner.clone(), keys))
    }

    #[cfg(feature = "jwt")]
    fn unknown_key(&self, found: &TenantKeys<K>) -> Unknown {
        match self.tenants.get(found.owner()) {
            Some(Source::Remote(remote)) => remote.unknown_key(),
            _ => Unknown::Refused,
        }
    }
}

/// A builder of a [`JoseKeyring`]. Mistakes are reported by [`build`](Self::build).
#[derive(Debug)]
#[must_use]
pub struct JoseKeyringBuilder<K> {
    sources: Vec<(TenantId, Source<K>)>,
}

impl<K> JoseKeyringBuilder<K> {
    /// The keys of a tenant, all of them: for tokens a `JwsVerifier`, of a set that was parsed or of keys in PEM; for HTTP message
    /// signatures an array of `VerifyingKey`s.
    pub fn keys(mut self, tenant: TenantId, keys: impl Into<K>) -> Self {
        self.sources.push((tenant, Source::Fixed(keys.into())));
        self
    }

    /// The keys that a tenant publishes. Several tenants may share one set: what tells them apart must stand in the token
    /// then ([`JwtRules::with_tenant_in`](super::JwtRules::with_tenant_in)).
    ///
    /// For HTTP message signatures, list one algorithm for each type of key, such as `[EdDsa, Es256, Ps512]`: there no
    /// message chooses.
    ///
    /// ```
    /// use countersign::payload::jose::{Algorithm, CacheRules, JwtKeyring, RemoteJwks};
    /// use countersign::tenant::TenantId;
    ///
    /// let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
    /// let allowed = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Ps512];
    /// let published = RemoteJwks::new(CacheRules::default(), allowed, algorithms)?;
    /// // What `reload::keep_fresh` keeps fresh.
    /// let ring = JwtKeyring::builder().remote(TenantId::parse("acme")?, published.clone()).build()?;
    /// assert_eq!(ring.tenants(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "jwt")]
    pub fn remote(mut self, tenant: TenantId, keys: RemoteJwks) -> Self {
        self.sources.push((tenant, Source::Remote(keys)));
        self
    }

    /// The ring.
    ///
    /// # Errors
    /// [`InvalidKey`] where a tenant is named twice, or none is.
    pub fn build(self) -> Result<JoseKeyring<K>, InvalidKey> {
        let invalid = |place, problem| Err(InvalidKey { place, problem });
        let mut tenants = HashMap::with_capacity(self.sources.len());
        for (place, (tenant, source)) in (1..).zip(self.sources) {
            if tenants.insert(tenant, source).is_some() {
                return invalid(Some(place), KeyProblem::SameTenant);
            }
        }
        if tenants.is_empty() {
            return invalid(None, KeyProblem::NoKeys);
        }
        Ok(JoseKeyring { tenants })
    }
}

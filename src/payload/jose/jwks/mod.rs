//! Key sets (RFC 7517): read strictly, used only for what each key says of itself.

mod cache;
mod jwk;
mod remote;

use std::fmt;
use std::sync::Arc;

use super::algorithms::{Algorithm, Algorithms, ProviderAlgorithms};
use super::json::{Json, Object};
use super::{Candidate, Choice, InvalidJson, JwsVerifier, Keys, UseAs};
use crate::payload::KeyId;

#[cfg(feature = "jwks-fetch")]
pub(crate) use cache::Spread;
pub use cache::{CacheRules, InvalidCacheRules, InvalidFetch, JwksCache, NextFetch};
pub use jwk::{InvalidJwk, Jwk};
pub use remote::RemoteJwks;

use jwk::Published;

/// The longest key set that is read, in bytes.
pub(crate) const MAX_SET: usize = 256 * 1024;
/// The most values in it.
const MAX_VALUES: u32 = 8 * 1024;
/// The most keys in it.
const MAX_KEYS: usize = 128;

/// A JSON Web Key Set (JWKS, RFC 7517 §5): the keys of one owner.
///
/// A key that cannot be used, or in which a member stands twice, does not spoil the others: it is set aside and
/// [reported](Self::unusable). Members that are not known are passed over. A set in which `keys` stands twice is none.
///
/// ```
/// use countersign::payload::jose::{Algorithm, JwkSet};
///
/// let json = r#"{"keys":[{"kty":"oct","alg":"HS256","kid":"k1","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}]}"#;
/// let keys = JwkSet::parse(json.as_bytes())?;
/// assert_eq!((keys.keys().count(), keys.unusable().count()), (1, 0));
///
/// // HMAC needs no crypto provider; of rustls it is `provider.signature_verification_algorithms.all`.
/// let verifier = keys.verifier(Algorithm::Hs256, &[]);
/// let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9\
///     .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ\
///     .dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// assert_eq!(verifier.verify_compact(token)?.key().as_str(), "k1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct JwkSet {
    entries: Arc<[Entry]>,
}

/// A member of `keys`: what its name is and whether it can be used.
#[derive(Clone)]
struct Entry {
    kid: Option<Arc<str>>,
    key: Result<Jwk, InvalidJwk>,
}

impl JwkSet {
    /// Reads a set of one's own, which may hold shared secrets: then nothing but such.
    ///
    /// # Errors
    /// [`InvalidJwkSet`] where it is not a set at all.
    pub fn parse(json: &[u8]) -> Result<Self, InvalidJwkSet> {
        Self::read(json, Published::No)
    }

    /// Reads a set that its owner publishes. A shared secret or a private key in it is one that everybody knows, and
    /// is set aside.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse).
    pub fn parse_published(json: &[u8]) -> Result<Self, InvalidJwkSet> {
        Self::read(json, Published::Yes)
    }

    fn read(json: &[u8], published: Published) -> Result<Self, InvalidJwkSet> {
        if json.len() > MAX_SET {
            return Err(InvalidJwkSet::TooLarge { limit: MAX_SET });
        }
        let set = Object::parse_lists(json, MAX_VALUES).map_err(InvalidJwkSet::Json)?;
        let Some(Json::Array(keys)) = set.get("keys") else {
            return Err(InvalidJwkSet::NoKeys);
        };
        if keys.len() > MAX_KEYS {
            return Err(InvalidJwkSet::TooManyKeys { limit: MAX_KEYS });
        }
        let entries: Arc<[_]> = keys.iter().map(|key| Entry::read(key, published)).collect();
        let set = Self { entries };
        let secrets = set.keys().filter(|key| key.is_secret()).count();
        if (1..set.keys().count()).contains(&secrets) {
            return Err(InvalidJwkSet::Mixed);
        }
        Ok(set)
    }

    /// The keys that can be used.
    pub fn keys(&self) -> impl Iterator<Item = &Jwk> {
        self.entries.iter().filter_map(|entry| entry.key.as_ref().ok())
    }

    /// The others: the place of each in the set, and why. For the operator; never used. What the listed algorithms and the
    /// crypto provider leave out besides, [`JwsVerifier::unusable`] says.
    pub fn unusable(&self) -> impl Iterator<Item = (usize, &InvalidJwk)> {
        let with_place = self.entries.iter().enumerate();
        with_place.filter_map(|(place, entry)| Some((place, entry.key.as_ref().err()?)))
    }

    /// Verifies with these keys by the listed algorithms. Public-key signatures are verified by `provider`'s.
    ///
    /// A token's `kid` chooses the key; without one, its algorithm must leave exactly one. Keys of one name are told
    /// apart by what they are for (RFC 7517 §4.5); where two remain they are ambiguous, even if one of them cannot be
    /// used.
    pub fn verifier(&self, allowed: impl Into<Algorithms>, algorithms: ProviderAlgorithms) -> JwsVerifier {
        let listed = allowed.into();
        let candidates = self.entries.iter().enumerate().map(|(place, entry)| Candidate {
            kid: entry.kid.clone(),
            place,
            use_as: match &entry.key {
                Ok(key) => key.use_as(place, listed, algorithms),
                Err(why) => UseAs::Nothing(why.clone()),
            },
        });
        JwsVerifier::of(Keys::new(listed, candidates.collect()), Choice::ByName)
    }
}

impl From<Jwk> for JwkSet {
    fn from(key: Jwk) -> Self {
        let kid = key.kid().map(Arc::from);
        Self {
            entries: [Entry { kid, key: Ok(key) }].into(),
        }
    }
}

impl Entry {
    fn read(json: &Json<'_>, published: Published) -> Self {
        let members = match json {
            Json::Object(members) => members,
            // Which of two names is its name is not known either.
            Json::Spoiled => return Self::none(InvalidJson::DuplicateMember),
            _ => return Self::none(InvalidJson::NotAnObject),
        };
        let kid = match members.get("kid") {
            Some(Json::Text(kid)) => Some(Arc::from(&**kid)),
            _ => None,
        };
        Self {
            kid,
            key: Jwk::read(members, published),
        }
    }

    fn none(why: InvalidJson) -> Self {
        Self {
            kid: None,
            key: Err(InvalidJwk::Json(why)),
        }
    }
}

impl Jwk {
    /// Verifies with this one key, whatever `kid` a token names: the caller has chosen it.
    pub fn verifier(&self, allowed: impl Into<Algorithms>, algorithms: ProviderAlgorithms) -> JwsVerifier {
        let listed = allowed.into();
        let candidate = Candidate {
            kid: None,
            place: 0,
            use_as: self.use_as(0, listed, algorithms),
        };
        JwsVerifier::of(Keys::new(listed, vec![candidate]), Choice::Chosen)
    }

    /// The algorithms it counts for: its own, or what its type and the list leave.
    fn use_as(&self, place: usize, listed: Algorithms, algorithms: ProviderAlgorithms) -> UseAs {
        let permitted = |algorithm: &Algorithm| match self.algorithm() {
            Some(own) => own == *algorithm,
            None => self.fits(*algorithm),
        };
        let permitted: Vec<_> = listed.iter().filter(permitted).collect();
        let Some(decided) = listed.decide(&permitted) else {
            return UseAs::Undecided(Algorithms::of(permitted));
        };
        if decided.is_empty() {
            return UseAs::NotListed;
        }
        let id = KeyId::new(self.kid().map_or_else(|| format!("#{place}"), str::to_owned));
        let (mut keys, mut why) = (Vec::with_capacity(1), None);
        for algorithm in decided {
            match self.verifying(&id, *algorithm, algorithms) {
                Ok(key) => keys.push(key),
                Err(weak) => why = Some(InvalidJwk::Weak(weak)),
            }
        }
        match why {
            Some(why) if keys.is_empty() => UseAs::Nothing(why),
            _ => UseAs::Verifying(keys),
        }
    }
}

impl fmt::Debug for JwkSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwkSet")
            .field("keys", &self.keys().count())
            .field("unusable", &self.unusable().count())
            .finish()
    }
}

/// The reason why a text is not a key set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidJwkSet {
    /// Larger than any such set.
    #[error("the key set is larger than {limit} bytes")]
    TooLarge {
        /// The limit in force.
        limit: usize,
    },
    /// Not acceptable JSON.
    #[error("the key set is not acceptable JSON: {0}")]
    Json(InvalidJson),
    /// There is no list `keys` (RFC 7517 §5.1).
    #[error("the key set has no list of keys")]
    NoKeys,
    /// Shared secrets and public keys in one set: whoever is to read it for the public ones could sign with the others.
    #[error("the key set holds shared secrets beside public keys: put them into two sets")]
    Mixed,
    /// More keys than any such set.
    #[error("the key set holds more than {limit} keys")]
    TooManyKeys {
        /// The limit in force.
        limit: usize,
    },
}

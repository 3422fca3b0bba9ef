mod detached;
pub(in crate::payload::jose) mod header;
mod keys;
mod reading;
pub(in crate::payload::jose) mod segments;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use rustls_pki_types::UnixTime;

use super::{Algorithm, Algorithms, InvalidJwk, InvalidJwt, VerifyingKey};
use crate::payload::KeyId;
use crate::usage::{NotRetired, Retirement, Usage};
use header::{Header, PayloadForm};
use reading::{Verified, check_attached, check_detached, read};
use segments::{EMPTY_PLACE, Segments};

pub use detached::DetachedVerifier;
pub(in crate::payload::jose) use keys::{Candidate, Choice, Keys, UseAs};
pub(in crate::payload::jose) use reading::PayloadRoom;
pub(in crate::payload::jose) use reading::{Reading, look_over};

/// A verifier of JSON Web Signatures (RFC 7515) with the keys of one owner. What a payload *says* is not looked at:
/// [`JwtVerifier`](crate::payload::jose::JwtVerifier) does that.
///
/// Made by [`Jwk::verifier`](crate::payload::jose::Jwk::verifier), [`JwkSet::verifier`](crate::payload::jose::JwkSet::verifier),
/// or [`of_key`](Self::of_key). Cheap to clone.
///
/// # Examples
/// One signature and one key, those of RFC 8037 Appendix A:
///
/// ```
/// use countersign::payload::jose::{Algorithm, InvalidJwt, Jwk};
///
/// let provider = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
/// let key = br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
/// let jws = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
///
/// let verifier = Jwk::parse(key)?.verifier(Algorithm::EdDsa, provider);
/// assert_eq!(verifier.verify_compact(jws)?.payload(), b"Example of Ed25519 signing");
///
/// // The same without its payload, which is then handed in beside it.
/// let (header, signature) = (
///     jws.split('.').next().unwrap_or(""),
///     jws.rsplit('.').next().unwrap_or(""),
/// );
/// let detached = format!("{header}..{signature}");
/// assert_eq!(
///     verifier.verify_detached(&detached, b"Example of Ed25519 signing")?.algorithm(),
///     Algorithm::EdDsa,
/// );
/// assert_eq!(verifier.verify_detached(&detached, b"Another").err(), Some(InvalidJwt::Signature));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Security
/// The algorithm is the key's. A token is refused where its header or its form leaves room for two readings: members
/// that stand twice, base64url that is not canonical, `crit` that is not understood to the letter. Keys and URLs in
/// the header are never used.
#[derive(Clone)]
pub struct JwsVerifier {
    keys: Arc<Keys>,
    reading: Reading,
}

/// A verified signature with what it signs. Only [`JwsVerifier`] makes one.
#[derive(Clone, PartialEq, Eq)]
pub struct Jws<'t> {
    payload: Cow<'t, [u8]>,
    key: KeyId,
    algorithm: Algorithm,
}

impl JwsVerifier {
    /// Verifies with this key, whatever `kid` a token names.
    pub fn of_key(key: VerifyingKey) -> Self {
        Self::of_keys([key])
    }

    /// Verifies with any of these keys, whatever `kid` a token names: the caller has chosen them. For secrets and PEM keys
    /// while one is replaced by another. Of one algorithm there may be eight; with more, its tokens are refused as
    /// [`AmbiguousKey`](InvalidJwt::AmbiguousKey).
    ///
    /// ```
    /// use countersign::payload::KeyId;
    /// use countersign::payload::jose::{Algorithm, JwsVerifier, VerifyingKey};
    ///
    /// // A provider that hands out short secrets, and the one that it will sign with from next week on.
    /// let key = |id, secret: &[u8]| VerifyingKey::short_hmac(KeyId::new(id), Algorithm::Hs256, secret);
    /// let verifier = JwsVerifier::of_keys(
    ///     [key("old", b"0123456789abcdef")?, key("new", b"fedcba9876543210")?]
    /// );
    /// assert_eq!(verifier.unusable().count(), 0);
    /// # Ok::<(), countersign::payload::jose::WeakKey>(())
    /// ```
    pub fn of_keys(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        let candidates: Vec<_> = keys.into_iter().map(Candidate::chosen).collect();
        let listed = candidates
            .iter()
            .flat_map(Candidate::verifying)
            .map(VerifyingKey::algorithm);
        Self::of(Keys::new(Algorithms::of(listed), candidates), Choice::Chosen)
    }

    pub(in crate::payload::jose) fn of(keys: Keys, choice: Choice) -> Self {
        Self {
            keys: Arc::new(keys),
            reading: Reading::by(choice),
        }
    }

    /// The same keys, read otherwise.
    pub(in crate::payload::jose) fn reading(mut self, reading: Reading) -> Self {
        self.reading = reading;
        self
    }

    /// Looks at signatures of up to so many bytes, payload and all; 16 KiB otherwise. For payloads that are more than
    /// a token's claims. A detached payload has no limit here, and a header remains within 16 KiB.
    #[must_use]
    pub fn with_limit(mut self, bytes: usize) -> Self {
        self.reading.longest = bytes;
        self
    }

    /// Tries a token with each key that it may be signed with, eight at most, where exactly one would be needed otherwise:
    /// those that bear the name that it names, or, where it names none, those of its algorithm. For key sets without `kid`, or with one `kid` twice, while a key is replaced by another.
    #[must_use]
    pub fn allow_trying_keys(mut self) -> Self {
        self.reading = self.reading.trying();
        self
    }

    /// The keys that are not used here, by their place in the set, and why: what the set itself says
    /// ([`JwkSet::unusable`](crate::payload::jose::JwkSet::unusable)), and what the listed algorithms and the crypto
    /// provider leave out. For the operator.
    pub fn unusable(&self) -> impl Iterator<Item = (usize, &InvalidJwk)> {
        self.keys.unusable.iter().map(|(place, why)| (*place, why))
    }

    /// Whether it has no key that can be used.
    pub fn is_empty(&self) -> bool {
        self.verifying_keys().next().is_none()
    }

    /// Each key, and how much it was used: see [`VerifyingKey::usage`].
    pub fn usage(&self) -> impl Iterator<Item = (&KeyId, Usage)> {
        self.verifying_keys().map(|key| (key.id(), key.usage()))
    }

    /// The same without the keys of this name: the last step of their rotation. What was counted of the others goes on.
    ///
    /// ```
    /// use std::time::Duration;
    /// use countersign::UnixTime;
    /// use countersign::payload::KeyId;
    /// use countersign::payload::jose::{Algorithm, JwsVerifier, VerifyingKey};
    /// use countersign::usage::{NotRetired, Retirement};
    ///
    /// let key = |id| VerifyingKey::short_hmac(KeyId::new(id), Algorithm::Hs256, b"0123456789abcdef");
    /// let both = JwsVerifier::of_keys([key("2025")?, key("2026")?]);
    /// let (terms, now) = (Retirement::unused_for(Duration::from_secs(3600)), UnixTime::now());
    /// assert_eq!(both.retire(&KeyId::new("2025"), terms, now).err(), Some(NotRetired::NoSuccessor));
    /// let left = both.retire(&KeyId::new("2025"), Retirement::forced(), now)?;
    /// assert_eq!(left.usage().count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`NotRetired`] where the terms do not let it go.
    pub fn retire(&self, old: &KeyId, terms: Retirement, now: UnixTime) -> Result<Self, NotRetired> {
        let (retired, left): (Vec<_>, Vec<_>) = self.usage().partition(|(id, _)| *id == old);
        let of_old = retired.iter().map(|(_, usage)| *usage);
        let of_old = of_old.max_by_key(|usage| usage.last_used);
        let of_old = of_old.ok_or(NotRetired::Unknown)?;
        terms.check(of_old, left.into_iter().map(|(_, usage)| usage), now)?;
        Ok(Self {
            keys: Arc::new(self.keys.without(old)),
            reading: self.reading,
        })
    }

    /// Takes over what was counted of the same keys, from the verifier that this one replaces.
    #[must_use]
    pub fn with_history_of(self, previous: &Self) -> Self {
        for key in self.verifying_keys() {
            let same = |old: &&VerifyingKey| old.id() == key.id() && old.algorithm() == key.algorithm();
            if let Some(before) = previous.verifying_keys().find(same) {
                key.continue_from(before);
            }
        }
        self
    }

    /// Each key with each algorithm that it verifies.
    pub(in crate::payload::jose) fn verifying_keys(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.keys.candidates.iter().flat_map(Candidate::verifying)
    }

    /// Verifies a signature in compact form with its payload in it (RFC 7515 §7.1). 16 KiB in all, or what
    /// [`with_limit`](Self::with_limit) says.
    ///
    /// # Errors
    /// [`InvalidJwt`], with the first reason found.
    pub fn verify_compact<'t>(&self, token: &'t str) -> Result<Jws<'t>, InvalidJwt> {
        self.verify(token, |_| Ok(()))?.jws()
    }

    /// Verifies a signature in compact form whose payload was left out (RFC 7515 Appendix F), encoded or not (`b64`,
    /// RFC 7797).
    ///
    /// # Errors
    /// [`InvalidJwt`], with the first reason found.
    pub fn verify_detached<'t>(&self, token: &str, payload: &'t [u8]) -> Result<Jws<'t>, InvalidJwt> {
        let key = self.find_detached(token, payload)?;
        Ok(Jws {
            payload: Cow::Borrowed(payload),
            key: key.id().clone(),
            algorithm: key.algorithm(),
        })
    }

    /// The key that has signed it.
    fn find_detached(&self, token: &str, payload: &[u8]) -> Result<&VerifyingKey, InvalidJwt> {
        read(token, self.reading.longest, check_detached, |segments, header| {
            let signed = match header.payload {
                PayloadForm::Base64Url => [
                    segments.signed.as_bytes(),
                    URL_SAFE_NO_PAD.encode(payload).as_bytes(),
                ]
                .concat(),
                PayloadForm::Unencoded => [segments.signed.as_bytes(), payload].concat(),
            };
            self.verify_signature(header, segments, &signed)
        })
    }

    /// Verifies a token with its payload in it, after `inspect` has agreed to its header.
    pub(in crate::payload::jose) fn verify<'t>(
        &self,
        token: &'t str,
        inspect: impl FnOnce(&Header<'_>) -> Result<(), InvalidJwt>,
    ) -> Result<Verified<'_, 't>, InvalidJwt> {
        read(
            token,
            self.reading.longest,
            |_| Ok(()),
            |segments, header| {
                check_attached(header)?;
                inspect(header)?;
                let key = self.verify_signature(header, segments, segments.signed.as_bytes())?;
                let payload = segments.payload;
                Ok(Verified { payload, key })
            },
        )
    }

    fn verify_signature(
        &self,
        header: &Header<'_>,
        segments: &Segments<'_>,
        signed: &[u8],
    ) -> Result<&VerifyingKey, InvalidJwt> {
        let keys = &*self.keys;
        if !keys.listed.contains(header.algorithm) {
            return Err(InvalidJwt::AlgorithmNotAllowed {
                algorithm: header.algorithm,
            });
        }
        let mut place = EMPTY_PLACE;
        let signature = segments.decode_signature(&mut place)?;
        let mut tried = keys.find(header, self.reading.choice)?.into_iter().flatten();
        tried
            .find(|key| key.matches(signed, signature))
            .ok_or(InvalidJwt::Signature)
    }
}

impl<'t> Jws<'t> {
    /// What was signed, decoded.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// What was signed, decoded and taken out.
    pub fn into_payload(self) -> Cow<'t, [u8]> {
        self.payload
    }

    /// The key that verified it: its `kid`, or `#` and its place in the set.
    pub fn key(&self) -> &KeyId {
        &self.key
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl fmt::Debug for Jws<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jws")
            .field("payload", &self.payload.len())
            .field("key", &self.key)
            .field("algorithm", &self.algorithm)
            .finish()
    }
}

impl fmt::Debug for JwsVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwsVerifier")
            .field("algorithms", &self.keys.listed)
            .field("keys", &self.keys.candidates.len())
            .finish_non_exhaustive()
    }
}

mod detached;
pub(in crate::payload::jose) mod header;
pub(in crate::payload::jose) mod segments;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Algorithm, Algorithms, InvalidJwt, JwtPart, VerifyingKey};
use crate::payload::KeyId;
use header::{Header, PayloadForm};
use segments::{EMPTY_PLACE, MAX_TOKEN, Segments, decode};

pub use detached::DetachedVerifier;

/// Verifies JSON Web Signatures (RFC 7515) with the keys of one owner. What a payload *says* is not looked at:
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
/// let (header, signature) = (jws.split('.').next().unwrap_or(""), jws.rsplit('.').next().unwrap_or(""));
/// let detached = format!("{header}..{signature}");
/// assert_eq!(verifier.verify_detached(&detached, b"Example of Ed25519 signing")?.algorithm(), Algorithm::EdDsa);
/// assert_eq!(verifier.verify_detached(&detached, b"Another").err(), Some(InvalidJwt::Signature));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Security
/// The algorithm is the key's. A token is refused where its header or its form leaves room for two readings: members
/// that stand twice, base64url that is not canonical, `crit` that is not understood to the letter. Keys and URLs in
/// the header are never used.
#[derive(Clone)]
pub struct JwsVerifier(Arc<Keys>);

#[derive(Clone)]
struct Keys {
    listed: Algorithms,
    candidates: Vec<Candidate>,
    choice: Choice,
    /// In bytes.
    longest: usize,
}

/// How a key is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The caller has chosen the only key.
    Sole,
    /// `kid`, or, where one of the two has none, what is left by the algorithm. Exactly one.
    ByName,
    /// The same, but a token without `kid` is tried with each key of its algorithm.
    TryEach,
}

/// A key of the set, whether or not it can be used.
#[derive(Clone)]
pub(crate) struct Candidate {
    pub(crate) kid: Option<Arc<str>>,
    pub(crate) use_as: UseAs,
}

#[derive(Clone)]
pub(crate) enum UseAs {
    /// One for each algorithm that it may verify; mostly one.
    Verifying(Vec<VerifyingKey>),
    /// Nobody has decided which of these algorithms it is for.
    Undecided(Algorithms),
    /// For algorithms that are not listed.
    NotListed,
    /// Not understood, for something else, or weak.
    Nothing,
}

/// The most keys that a token without `kid` is tried with.
const MAX_TRIALS: usize = 8;

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
        let listed = key.algorithm().into();
        let candidate = Candidate {
            kid: None,
            use_as: UseAs::Verifying(vec![key]),
        };
        Self::of(listed, vec![candidate], Choice::Sole)
    }

    pub(crate) fn of(listed: Algorithms, candidates: Vec<Candidate>, choice: Choice) -> Self {
        Self(Arc::new(Keys {
            listed,
            candidates,
            choice,
            longest: MAX_TOKEN,
        }))
    }

    /// Looks at signatures of up to so many bytes, payload and all; 16 KiB otherwise. For payloads that are more than
    /// a token's claims. A detached payload has no limit here, and a header remains within 16 KiB.
    #[must_use]
    pub fn with_limit(self, bytes: usize) -> Self {
        let keys = Keys {
            longest: bytes,
            ..self.0.as_ref().clone()
        };
        Self(Arc::new(keys))
    }

    /// Tries a token that names no key with each key of its algorithm, eight at most, where exactly one would be
    /// needed otherwise. For key sets without `kid`, while a key is replaced by another.
    #[must_use]
    pub fn allow_trying_keys(self) -> Self {
        let keys = Keys {
            choice: Choice::TryEach,
            ..self.0.as_ref().clone()
        };
        Self(Arc::new(keys))
    }

    /// Verifies a signature in compact form with its payload in it (RFC 7515 §7.1). 16 KiB in all, or what
    /// [`with_limit`](Self::with_limit) says.
    ///
    /// # Errors
    /// [`InvalidJwt`], with the first reason found.
    pub fn verify_compact<'t>(&self, token: &'t str) -> Result<Jws<'t>, InvalidJwt> {
        let verified = self.verify(token, |_| Ok(()))?;
        Ok(verified.jws())
    }

    /// Verifies a signature in compact form whose payload was left out (RFC 7515 Appendix F), encoded or not (`b64`,
    /// RFC 7797).
    ///
    /// # Errors
    /// [`InvalidJwt`], with the first reason found.
    pub fn verify_detached<'t>(&self, token: &str, payload: &'t [u8]) -> Result<Jws<'t>, InvalidJwt> {
        let segments = Segments::parse(token, self.0.longest)?;
        if !segments.payload.is_empty() {
            return Err(InvalidJwt::NotDetached);
        }
        let json = decode(JwtPart::Header, segments.header)?;
        let header = Header::parse(&json)?;
        let signed = match header.payload {
            PayloadForm::Base64Url => [
                segments.signed.as_bytes(),
                URL_SAFE_NO_PAD.encode(payload).as_bytes(),
            ]
            .concat(),
            PayloadForm::Unencoded => [segments.signed.as_bytes(), payload].concat(),
        };
        let key = self.verify_signature(&header, &segments, &signed)?;
        Ok(Jws {
            payload: Cow::Borrowed(payload),
            key: key.id().clone(),
            algorithm: key.algorithm(),
        })
    }

    /// Verifies a token with its payload in it, after `inspect` has agreed to its header.
    pub(in crate::payload::jose) fn verify(
        &self,
        token: &str,
        inspect: impl FnOnce(&Header<'_>) -> Result<(), InvalidJwt>,
    ) -> Result<Verified<'_>, InvalidJwt> {
        let segments = Segments::parse(token, self.0.longest)?;
        let json = decode(JwtPart::Header, segments.header)?;
        let header = Header::parse(&json)?;
        if header.payload == PayloadForm::Unencoded {
            return Err(InvalidJwt::AttachedUnencoded);
        }
        inspect(&header)?;
        let key = self.verify_signature(&header, &segments, segments.signed.as_bytes())?;
        Ok(Verified {
            payload: decode(JwtPart::Payload, segments.payload)?,
            key,
        })
    }

    fn verify_signature(
        &self,
        header: &Header<'_>,
        segments: &Segments<'_>,
        signed: &[u8],
    ) -> Result<&VerifyingKey, InvalidJwt> {
        let keys = &*self.0;
        if !keys.listed.contains(header.algorithm) {
            return Err(InvalidJwt::AlgorithmNotAllowed {
                algorithm: header.algorithm,
            });
        }
        let mut place = EMPTY_PLACE;
        let signature = segments.decode_signature(&mut place)?;
        let mut tried = keys.find(header)?.into_iter().flatten();
        tried
            .find(|key| key.matches(signed, signature))
            .ok_or(InvalidJwt::Signature)
    }
}

/// What is known of a token once its signature is verified.
pub(in crate::payload::jose) struct Verified<'k> {
    pub(in crate::payload::jose) payload: Vec<u8>,
    pub(in crate::payload::jose) key: &'k VerifyingKey,
}

impl Verified<'_> {
    fn jws<'t>(self) -> Jws<'t> {
        Jws {
            payload: Cow::Owned(self.payload),
            key: self.key.id().clone(),
            algorithm: self.key.algorithm(),
        }
    }
}

/// The keys to try: one, but for [`Choice::TryEach`].
type Tried<'k> = [Option<&'k VerifyingKey>; MAX_TRIALS];

fn only(key: &VerifyingKey) -> Tried<'_> {
    let mut tried = Tried::default();
    if let Some(first) = tried.first_mut() {
        *first = Some(key);
    }
    tried
}

impl Keys {
    fn find(&self, header: &Header<'_>) -> Result<Tried<'_>, InvalidJwt> {
        let chosen = match (self.choice, &header.kid) {
            (Choice::Sole, _) => self.candidates.first(),
            (_, Some(kid)) => self.named(kid, header.algorithm)?,
            (_, None) => None,
        };
        match chosen {
            Some(chosen) => chosen.for_algorithm(header.algorithm).map(only),
            None => self.by_algorithm(header),
        }
    }

    /// The key of this name: one at most. Keys for different algorithms may share it, as alternatives (RFC 7517 §4.5).
    fn named(&self, kid: &str, algorithm: Algorithm) -> Result<Option<&Candidate>, InvalidJwt> {
        let mut named = self
            .candidates
            .iter()
            .filter(|key| key.kid.as_deref() == Some(kid));
        let mut possible = named.clone().filter(|key| !key.is_for_others_than(algorithm));
        match (possible.next(), possible.next()) {
            (_, Some(_)) => Err(InvalidJwt::AmbiguousKey),
            (Some(only), None) => Ok(Some(only)),
            // Whichever it is says why not.
            (None, None) => Ok(named.next()),
        }
    }

    /// Token or key has no name: what is left by the algorithm. A token that names a key is not for one that is named
    /// otherwise.
    fn by_algorithm(&self, header: &Header<'_>) -> Result<Tried<'_>, InvalidJwt> {
        let mut tried = Tried::default();
        let mut fitting = self
            .candidates
            .iter()
            .filter(|key| header.kid.is_none() || key.kid.is_none())
            .filter_map(|key| key.for_algorithm(header.algorithm).ok());
        for (place, key) in tried.iter_mut().zip(&mut fitting) {
            *place = Some(key);
        }
        match (tried.iter().flatten().count(), fitting.next()) {
            (0, _) => Err(self.nothing_fits(header)),
            (1, None) => Ok(tried),
            (_, None) if self.choice == Choice::TryEach && header.kid.is_none() => Ok(tried),
            _ => Err(InvalidJwt::AmbiguousKey),
        }
    }

    fn nothing_fits(&self, header: &Header<'_>) -> InvalidJwt {
        let undecided =
            |key: &Candidate| matches!(key.use_as, UseAs::Undecided(of) if of.contains(header.algorithm));
        match &header.kid {
            Some(_) => InvalidJwt::UnknownKey,
            None if self.candidates.iter().any(undecided) => InvalidJwt::UndecidedAlgorithm,
            None => InvalidJwt::NoKey {
                algorithm: header.algorithm,
            },
        }
    }
}

impl Candidate {
    /// Whether it is known what it is for, and that it is not for this one.
    fn is_for_others_than(&self, algorithm: Algorithm) -> bool {
        match &self.use_as {
            UseAs::Nothing => false,
            UseAs::NotListed => true,
            UseAs::Undecided(of) => !of.contains(algorithm),
            UseAs::Verifying(keys) => keys.iter().all(|key| key.algorithm() != algorithm),
        }
    }

    fn for_algorithm(&self, algorithm: Algorithm) -> Result<&VerifyingKey, InvalidJwt> {
        match &self.use_as {
            UseAs::Nothing | UseAs::NotListed => Err(InvalidJwt::UnusableKey),
            UseAs::Undecided(of) if of.contains(algorithm) => Err(InvalidJwt::UndecidedAlgorithm),
            UseAs::Undecided(_) => Err(InvalidJwt::OtherAlgorithm { algorithm }),
            UseAs::Verifying(keys) => keys
                .iter()
                .find(|key| key.algorithm() == algorithm)
                .ok_or(InvalidJwt::OtherAlgorithm { algorithm }),
        }
    }
}

impl<'t> Jws<'t> {
    /// What was signed, decoded.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The same, taken out.
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
            .field("algorithms", &self.0.listed)
            .field("keys", &self.0.candidates.len())
            .finish_non_exhaustive()
    }
}

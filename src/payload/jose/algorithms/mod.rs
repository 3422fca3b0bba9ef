//! One table: what JOSE and HTTP message signatures call an algorithm, which key it needs, and which of the
//! provider's algorithms verifies it.
//!
//! Nothing here computes a public-key signature: [`VerifyingKey`] hands the key, the message and the signature to a
//! [`SignatureVerificationAlgorithm`] of the caller's crypto provider.
//!
//! [`SignatureVerificationAlgorithm`]: rustls_pki_types::SignatureVerificationAlgorithm

#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
mod ecdsa;
mod modulus;
mod prepared;
mod pss;
mod public_key;
mod signing_key;
mod verifying_key;

use std::fmt;

use rustls_pki_types::{AlgorithmIdentifier, SignatureVerificationAlgorithm, alg_id};

#[cfg(feature = "aws-lc-rs")]
pub use aws_lc::aws_lc_rs_algorithms;
pub use public_key::{PublicKey, WeakKey};
pub use signing_key::{HmacSigningKey, SigningKey};
pub use verifying_key::VerifyingKey;

#[cfg(feature = "tls")]
pub(crate) use ecdsa::to_fixed;
#[cfg(feature = "jwt")]
pub(in crate::payload) use public_key::Curve;

/// The signature algorithms of a crypto provider: of rustls, `provider.signature_verification_algorithms.all`.
pub type ProviderAlgorithms = &'static [&'static dyn SignatureVerificationAlgorithm];

/// A signature algorithm, by its name in JOSE (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512. Not every provider has it: ring does not.
    Es512,
    /// EdDSA on Ed25519. Ed448 is not known here.
    EdDsa,
}

/// What a key must be for an algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::payload) enum KeyType {
    /// A shared secret, at least as long as the hash.
    Secret {
        bytes: usize,
    },
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

/// One row of the table.
struct Row {
    algorithm: Algorithm,
    jose: &'static str,
    /// RFC 9421 §3.3, where it has a name for it.
    http: Option<&'static str>,
    key: KeyType,
    /// Key and signature, as the provider names them; nothing for HMAC.
    provider: Option<(AlgorithmIdentifier, AlgorithmIdentifier)>,
}

const fn row(
    algorithm: Algorithm,
    jose: &'static str,
    http: Option<&'static str>,
    key: KeyType,
    provider: Option<(AlgorithmIdentifier, AlgorithmIdentifier)>,
) -> Row {
    Row {
        algorithm,
        jose,
        http,
        key,
        provider,
    }
}

/// In the order of the enum, which [`Algorithm::row`] relies on and a test checks.
#[rustfmt::skip]
static TABLE: [Row; 13] = {
    use Algorithm::*;
    use KeyType::{Ed25519, P256, P384, P521, Rsa, Secret};
    use alg_id::*;
    [
        row(Hs256, "HS256", Some("hmac-sha256"), Secret { bytes: 32 }, None),
        row(Hs384, "HS384", None, Secret { bytes: 48 }, None),
        row(Hs512, "HS512", None, Secret { bytes: 64 }, None),
        row(Rs256, "RS256", Some("rsa-v1_5-sha256"), Rsa, Some((RSA_ENCRYPTION, RSA_PKCS1_SHA256))),
        row(Rs384, "RS384", None, Rsa, Some((RSA_ENCRYPTION, RSA_PKCS1_SHA384))),
        row(Rs512, "RS512", None, Rsa, Some((RSA_ENCRYPTION, RSA_PKCS1_SHA512))),
        row(Ps256, "PS256", None, Rsa, Some((RSA_ENCRYPTION, RSA_PSS_SHA256))),
        row(Ps384, "PS384", None, Rsa, Some((RSA_ENCRYPTION, RSA_PSS_SHA384))),
        row(Ps512, "PS512", Some("rsa-pss-sha512"), Rsa, Some((RSA_ENCRYPTION, RSA_PSS_SHA512))),
        row(Es256, "ES256", Some("ecdsa-p256-sha256"), P256, Some((ECDSA_P256, ECDSA_SHA256))),
        row(Es384, "ES384", Some("ecdsa-p384-sha384"), P384, Some((ECDSA_P384, ECDSA_SHA384))),
        row(Es512, "ES512", None, P521, Some((ECDSA_P521, ECDSA_SHA512))),
        row(EdDsa, "EdDSA", Some("ed25519"), Ed25519, Some((ED25519, ED25519))),
    ]
};

impl Algorithm {
    /// The algorithm of this JOSE name, compared byte for byte. `none` is not one.
    ///
    /// `Ed25519` (RFC 9864 §2.2) is read as [`EdDsa`](Self::EdDsa), which here has no other curve.
    pub fn from_jose(name: &str) -> Option<Self> {
        if name == "Ed25519" {
            return Some(Self::EdDsa);
        }
        TABLE.iter().find(|row| row.jose == name).map(|row| row.algorithm)
    }

    /// Its JOSE name.
    pub fn jose_name(self) -> &'static str {
        self.row().map_or("", |row| row.jose)
    }

    /// The algorithm of this name in the registry of HTTP message signatures (RFC 9421 §3.3).
    pub fn from_http(name: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|row| row.http == Some(name))
            .map(|row| row.algorithm)
    }

    /// Its name in that registry, where it has one.
    pub fn http_name(self) -> Option<&'static str> {
        self.row().and_then(|row| row.http)
    }

    pub(in crate::payload) fn key_type(self) -> Option<KeyType> {
        self.row().map(|row| row.key)
    }

    /// What verifies it under a public key, if the provider has it.
    pub(in crate::payload) fn provided_by(
        self,
        algorithms: ProviderAlgorithms,
    ) -> Option<&'static dyn SignatureVerificationAlgorithm> {
        let (key, signature) = self.row()?.provider?;
        let found = algorithms.iter().find(|candidate| {
            candidate.public_key_alg_id() == key && candidate.signature_alg_id() == signature
        });
        found.copied()
    }

    fn row(self) -> Option<&'static Row> {
        TABLE.get(self as usize)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.jose_name())
    }
}

/// The algorithms that count: an allow-list, chosen by the receiver and never by a message.
///
/// The algorithm belongs to the key. Where a JWK names its own (`alg`), that one counts, if it is on the list. Where
/// it names none, what counts is what its type can do *and* the list allows; that must be exactly one, or the key is
/// not used: with `[Rs256]` an RSA key is a key for RS256, with `[Rs256, Ps256]` nobody has decided.
/// [`allow_choice`](Self::allow_choice) loosens that.
///
/// ```
/// use countersign::payload::jose::{Algorithm, Algorithms};
///
/// let listed = Algorithms::of([Algorithm::Es256, Algorithm::EdDsa]);
/// assert!(listed.contains(Algorithm::Es256) && !listed.contains(Algorithm::Hs256));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Algorithms {
    listed: u16,
    unsaid: Unsaid,
}

/// What a key is for that names no algorithm, where its type and the list leave several.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unsaid {
    Nothing,
    Rs256,
    WhatTheMessageSays,
}

impl Algorithms {
    /// Every public-key algorithm: what a published key set is used with. No HMAC among them.
    ///
    /// An RSA key that names no algorithm is one for RS256: what issuers sign with that leave it out, as Microsoft
    /// Entra does, and what OpenID Connect Core §15.1 has everybody implement. For an issuer that leaves it out and signs
    /// otherwise, list what it signs with.
    pub const PUBLIC_KEY: Self = Self {
        listed: 0b1_1111_1111_1000,
        unsaid: Unsaid::Rs256,
    };

    /// These.
    pub fn of(algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        let listed = algorithms.into_iter().fold(0, |listed, next| listed | bit(next));
        Self {
            listed,
            unsaid: Unsaid::Nothing,
        }
    }

    /// All that are known, HMAC among them. A key still counts only for what its type can do.
    pub fn all() -> Self {
        Self::of(TABLE.iter().map(|row| row.algorithm))
    }

    /// Lets the message choose among the listed algorithms of a key's type where the key itself names none: RS256 or
    /// PS256 under one RSA key, HS256 or HS512 under one secret.
    ///
    /// # Security
    /// Looser than RFC 8725 §3.1 would have it; for key sets of others that leave `alg` out and sign in several ways.
    #[must_use]
    pub fn allow_choice(mut self) -> Self {
        self.unsaid = Unsaid::WhatTheMessageSays;
        self
    }

    /// Whether it is on the list.
    pub fn contains(self, algorithm: Algorithm) -> bool {
        self.listed & bit(algorithm) != 0
    }

    /// What a key is for that could be for these; nothing where nobody has decided.
    #[cfg(feature = "jwt")]
    pub(in crate::payload) fn decide(self, possible: &[Algorithm]) -> Option<&[Algorithm]> {
        const RS256: &[Algorithm] = &[Algorithm::Rs256];
        match self.unsaid {
            _ if possible.len() <= 1 => Some(possible),
            Unsaid::WhatTheMessageSays => Some(possible),
            Unsaid::Rs256 if possible.contains(&Algorithm::Rs256) => Some(RS256),
            Unsaid::Rs256 | Unsaid::Nothing => None,
        }
    }

    pub(in crate::payload) fn iter(self) -> impl Iterator<Item = Algorithm> {
        TABLE
            .iter()
            .map(|row| row.algorithm)
            .filter(move |algorithm| self.contains(*algorithm))
    }
}

impl From<Algorithm> for Algorithms {
    fn from(only: Algorithm) -> Self {
        Self::of([only])
    }
}

impl<const N: usize> From<[Algorithm; N]> for Algorithms {
    fn from(these: [Algorithm; N]) -> Self {
        Self::of(these)
    }
}

impl fmt::Debug for Algorithms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

fn bit(algorithm: Algorithm) -> u16 {
    1 << algorithm as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_enum() {
        for (position, row) in TABLE.iter().enumerate() {
            assert_eq!(row.algorithm as usize, position, "{}", row.jose);
            assert_eq!(Algorithm::from_jose(row.jose), Some(row.algorithm));
            if let Some(http) = row.http {
                assert_eq!(Algorithm::from_http(http), Some(row.algorithm));
            }
        }
    }

    #[test]
    fn no_other_spelling_is_a_name() {
        let names = [
            "", "none", "None", "NONE", "nOnE", "hs256", "HS256 ", " HS256", "HS1", "ES256K", "ES521",
            "RSA1_5",
        ];
        for name in names {
            assert_eq!(Algorithm::from_jose(name), None, "{name:?}");
        }
    }

    #[test]
    fn the_list_of_public_key_algorithms_has_no_hmac() {
        let hmac = |algorithm: &Algorithm| matches!(algorithm.key_type(), Some(KeyType::Secret { .. }));
        assert!(!Algorithms::PUBLIC_KEY.iter().any(|algorithm| hmac(&algorithm)));
        let rest: Vec<_> = Algorithms::all()
            .iter()
            .filter(|algorithm| !hmac(algorithm))
            .collect();
        assert_eq!(rest, Algorithms::PUBLIC_KEY.iter().collect::<Vec<_>>());
    }
}

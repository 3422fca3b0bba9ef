use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::MAX_SET;
use crate::payload::KeyId;
use crate::payload::jose::algorithms::{Algorithm, Curve, KeyType, ProviderAlgorithms, PublicKey, WeakKey};
use crate::payload::jose::json::{Json, Object};
use crate::payload::jose::{InvalidJson, VerifyingKey};

/// The longest name of a key, in bytes.
const MAX_KID: usize = 256;
/// The longest secret, in bytes.
const MAX_SECRET: usize = 4096;
/// The most values in one key.
const MAX_VALUES: u32 = 256;

/// A JSON Web Key (JWK, RFC 7517 §4) for verifying: RSA, P-256, P-384, P-521, Ed25519, or a shared secret. Parsed and
/// checked once; a secret is wiped when dropped and never shown.
///
/// ```
/// use countersign::payload::jose::{InvalidJwk, Jwk};
///
/// let key = Jwk::parse(
///     br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#
/// )?;
/// assert_eq!(key.kid(), None);
///
/// let key = br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","use":"enc"}"#;
/// assert_eq!(Jwk::parse(key).err(), Some(InvalidJwk::OtherUse));
/// # Ok::<(), InvalidJwk>(())
/// ```
#[derive(Clone)]
pub struct Jwk {
    kid: Option<Arc<str>>,
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Public(PublicKey),
    Secret(Zeroizing<Vec<u8>>),
}

/// Whether everybody can read the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Published {
    Yes,
    No,
}

impl Jwk {
    /// Reads one key. Members that are not known are passed over; private parts are not read.
    ///
    /// # Errors
    /// [`InvalidJwk`]: not a key, for something else (`use`, `key_ops`, `alg`), or weak.
    pub fn parse(json: &[u8]) -> Result<Self, InvalidJwk> {
        if json.len() > MAX_SET {
            return Err(InvalidJwk::Json(InvalidJson::TooMany));
        }
        let members = Object::parse(json, MAX_VALUES).map_err(InvalidJwk::Json)?;
        Self::read(&members, Published::No)
    }

    pub(super) fn read(members: &Object<'_>, published: Published) -> Result<Self, InvalidJwk> {
        let kid = kid(members)?;
        check_use(members)?;
        check_operations(members)?;
        let algorithm = algorithm(members)?;
        if published == Published::Yes && is_private(members) {
            return Err(InvalidJwk::PublishedSecret);
        }
        let key = Self {
            kid,
            algorithm,
            material: Material::read(members)?,
        };
        match algorithm {
            Some(algorithm) if !key.fits(algorithm) => {
                Err(InvalidJwk::Weak(WeakKey::OtherType { algorithm }))
            }
            _ => Ok(key),
        }
    }

    /// Its name.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithm that it says it is for.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    pub(super) fn is_secret(&self) -> bool {
        matches!(self.material, Material::Secret(_))
    }

    pub(super) fn fits(&self, algorithm: Algorithm) -> bool {
        match &self.material {
            Material::Public(key) => key.fits(algorithm),
            Material::Secret(_) => matches!(algorithm.key_type(), Some(KeyType::Secret { .. })),
        }
    }

    pub(super) fn verifying(
        &self,
        id: &KeyId,
        algorithm: Algorithm,
        algorithms: ProviderAlgorithms,
    ) -> Result<VerifyingKey, WeakKey> {
        match &self.material {
            Material::Public(key) => VerifyingKey::public(id.clone(), algorithm, key, algorithms),
            Material::Secret(secret) => VerifyingKey::hmac(id.clone(), algorithm, secret),
        }
    }
}

impl Material {
    fn read(members: &Object<'_>) -> Result<Self, InvalidJwk> {
        match text(members, "kty")? {
            "RSA" => {
                let (n, e) = (decoded(members, "n")?, decoded(members, "e")?);
                PublicKey::rsa(&n, &e).map(Self::Public).map_err(InvalidJwk::Weak)
            }
            "EC" => {
                let curve = curve(members)?;
                let (x, y) = (decoded(members, "x")?, decoded(members, "y")?);
                PublicKey::ec(curve, &x, &y)
                    .map(Self::Public)
                    .map_err(InvalidJwk::Weak)
            }
            "OKP" if text(members, "crv")? == "Ed25519" => {
                let x = decoded(members, "x")?;
                PublicKey::ed25519(&x).map(Self::Public).map_err(InvalidJwk::Weak)
            }
            "OKP" => Err(InvalidJwk::UnknownCurve),
            "oct" => secret(members).map(Self::Secret),
            _ => Err(InvalidJwk::UnknownType),
        }
    }
}

/// Whether any part of a private key or a secret is there (RFC 7518 §6.2.2, §6.3.2, §6.4.1): of an RSA key, each of
/// them gives away all.
fn is_private(members: &Object<'_>) -> bool {
    let of_rsa = ["p", "q", "dp", "dq", "qi", "oth"];
    let rsa = matches!(members.get("kty"), Some(Json::Text(kty)) if kty == "RSA");
    members.contains("d")
        || members.contains("k")
        || (rsa && of_rsa.iter().any(|name| members.contains(name)))
}

/// RFC 7518 §6.4.
fn secret(members: &Object<'_>) -> Result<Zeroizing<Vec<u8>>, InvalidJwk> {
    let secret = Zeroizing::new(decoded(members, "k")?);
    if secret.is_empty() || secret.len() > MAX_SECRET {
        return Err(InvalidJwk::SecretLength { bytes: secret.len() });
    }
    Ok(secret)
}

fn curve(members: &Object<'_>) -> Result<Curve, InvalidJwk> {
    match text(members, "crv")? {
        "P-256" => Ok(Curve::P256),
        "P-384" => Ok(Curve::P384),
        "P-521" => Ok(Curve::P521),
        _ => Err(InvalidJwk::UnknownCurve),
    }
}

fn kid(members: &Object<'_>) -> Result<Option<Arc<str>>, InvalidJwk> {
    match members.get("kid") {
        None => Ok(None),
        Some(Json::Text(kid)) if kid.len() <= MAX_KID && !kid.chars().any(char::is_control) => {
            Ok(Some(Arc::from(&**kid)))
        }
        Some(_) => Err(InvalidJwk::MemberType { name: "kid" }),
    }
}

fn algorithm(members: &Object<'_>) -> Result<Option<Algorithm>, InvalidJwk> {
    match members.get("alg") {
        None => Ok(None),
        Some(Json::Text(name)) => Algorithm::from_jose(name)
            .map(Some)
            .ok_or(InvalidJwk::UnknownAlgorithm),
        Some(_) => Err(InvalidJwk::MemberType { name: "alg" }),
    }
}

/// RFC 7517 §4.2.
fn check_use(members: &Object<'_>) -> Result<(), InvalidJwk> {
    match members.get("use") {
        None => Ok(()),
        Some(Json::Text(usage)) if usage == "sig" => Ok(()),
        Some(Json::Text(_)) => Err(InvalidJwk::OtherUse),
        Some(_) => Err(InvalidJwk::MemberType { name: "use" }),
    }
}

/// RFC 7517 §4.3: `verify` must be among them, none twice, and nothing that is not about signatures.
fn check_operations(members: &Object<'_>) -> Result<(), InvalidJwk> {
    let wrong = InvalidJwk::MemberType { name: "key_ops" };
    let operations = match members.get("key_ops") {
        None => return Ok(()),
        Some(Json::Array(operations)) => operations,
        Some(_) => return Err(wrong),
    };
    let mut seen: Vec<&str> = Vec::with_capacity(2);
    for operation in operations {
        let Json::Text(operation) = operation else {
            return Err(wrong);
        };
        if seen.contains(&&**operation) {
            return Err(wrong);
        }
        if !matches!(&**operation, "sign" | "verify") {
            return Err(InvalidJwk::OtherUse);
        }
        seen.push(operation);
    }
    if seen.contains(&"verify") {
        Ok(())
    } else {
        Err(InvalidJwk::OtherUse)
    }
}

fn text<'m>(members: &'m Object<'_>, name: &'static str) -> Result<&'m str, InvalidJwk> {
    match members.get(name) {
        Some(Json::Text(text)) => Ok(text),
        Some(_) => Err(InvalidJwk::MemberType { name }),
        None => Err(InvalidJwk::Missing { name }),
    }
}

fn decoded(members: &Object<'_>, name: &'static str) -> Result<Vec<u8>, InvalidJwk> {
    URL_SAFE_NO_PAD
        .decode(text(members, name)?)
        .map_err(|_| InvalidJwk::Base64 { name })
}

impl PartialEq for Jwk {
    fn eq(&self, other: &Self) -> bool {
        match (&self.material, &other.material) {
            (Material::Public(key), Material::Public(others)) => {
                (&self.kid, self.algorithm, key) == (&other.kid, other.algorithm, others)
            }
            // Secrets are not compared: whoever could, could search for them.
            _ => false,
        }
    }
}

impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwk")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// The reason why a key is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidJwk {
    /// Not acceptable JSON.
    #[error("the key is not acceptable JSON: {0}")]
    Json(InvalidJson),
    /// A member is absent.
    #[error("{name} is missing")]
    Missing {
        /// The member.
        name: &'static str,
    },
    /// A member is not of its type.
    #[error("{name} is not of its type")]
    MemberType {
        /// The member.
        name: &'static str,
    },
    /// A member is not base64url in its canonical form.
    #[error("{name} is not canonical base64url")]
    Base64 {
        /// The member.
        name: &'static str,
    },
    /// `kty` is none that is known here.
    #[error("the type of key is not known")]
    UnknownType,
    /// `crv` is none that is known here.
    #[error("the curve is not known")]
    UnknownCurve,
    /// `alg` is none for signatures that is known here.
    #[error("the key is for an algorithm that is not known here")]
    UnknownAlgorithm,
    /// `use` or `key_ops` say that it is not for verifying signatures, or not only.
    #[error("the key is not for verifying signatures")]
    OtherUse,
    /// A secret or private key that is published: everybody can sign with it.
    #[error("a secret or private key in a published key set")]
    PublishedSecret,
    /// The secret is empty or longer than 4 KiB.
    #[error("the secret has {bytes} bytes")]
    SecretLength {
        /// How long it is.
        bytes: usize,
    },
    /// The key is for no algorithm that the receiver lists.
    #[error("the key is for no algorithm that is listed")]
    NotListed,
    /// The key names no algorithm, and the list leaves several: see [`Algorithms`](crate::payload::jose::Algorithms).
    #[error("the key names no algorithm, and the list leaves several: list one for its type")]
    Undecided,
    /// The key is weak, not one for its own `alg`, or for an algorithm that the crypto provider has not.
    #[error(transparent)]
    Weak(WeakKey),
}

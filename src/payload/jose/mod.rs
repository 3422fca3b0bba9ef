//! JSON Object Signing and Encryption: signatures (JWS, RFC 7515), keys and key sets (JWK, RFC 7517), algorithms (JWA,
//! RFC 7518) and tokens (JWT, RFC 7519). Nothing is encrypted or decrypted here.
//!
//! The algorithms and keys also serve [HTTP message signatures](super::http_signature).

pub(in crate::payload) mod algorithms;
#[cfg(feature = "jwt")]
mod invalid;
#[cfg(feature = "jwt")]
pub(in crate::payload) mod json;
#[cfg(feature = "jwt")]
mod jwks;
#[cfg(feature = "jwt")]
mod jws;
#[cfg(feature = "jwt")]
mod jwt;
mod keyring;

#[cfg(feature = "aws-lc-rs")]
pub use algorithms::aws_lc_rs_algorithms;
#[cfg(feature = "tls")]
pub(crate) use algorithms::to_fixed as ecdsa_to_fixed;
pub use algorithms::{
    Algorithm, Algorithms, HmacSigningKey, ProviderAlgorithms, PublicKey, SigningKey, VerifyingKey, WeakKey,
};
#[cfg(feature = "jwt")]
pub use invalid::{InvalidJwt, JwtPart};
#[cfg(feature = "jwt")]
pub use json::InvalidJson;
#[cfg(feature = "jwt")]
pub use jwks::{
    CacheRules, InvalidCacheRules, InvalidFetch, InvalidJwk, InvalidJwkSet, Jwk, JwkSet, JwksCache,
    NextFetch, RemoteJwks,
};
#[cfg(feature = "jwks-fetch")]
pub(crate) use jwks::{MAX_SET as MAX_JWK_SET, Spread};
#[cfg(feature = "jwt")]
use jws::{Candidate, Choice, Keys, Reading, UseAs};
#[cfg(feature = "jwt")]
pub use jws::{DetachedVerifier, Jws, JwsVerifier};
#[cfg(feature = "jwt")]
pub use jwt::{
    BodyHash, BoundJwtScheme, HashForm, JwtAt, JwtIssuer, JwtKeyring, JwtRules, JwtScheme, JwtSigner,
    JwtVerifier, RequestHash, UnboundJwts,
};
pub use keyring::{JoseKeyring, JoseKeyringBuilder};

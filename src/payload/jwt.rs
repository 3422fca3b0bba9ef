//! JSON Web Signatures and tokens. See [`JwsVerifier`] and [`JwtVerifier`].

mod binding;
mod detached;
mod header;
mod invalid;
pub(crate) mod json;
mod jws;
mod keyring;
mod presets;
mod rules;
mod segments;
mod signer;
mod verifier;

pub use binding::{BodyHash, HashForm, RequestHash};
pub use detached::DetachedVerifier;
pub use invalid::{InvalidJwt, JwtPart};
pub use json::InvalidJson;
pub use jws::{Jws, JwsVerifier};
pub use keyring::{FindJwks, JwtKeyring, TenantJwks};
pub use rules::JwtRules;
pub use signer::JwtSigner;
pub use verifier::{BoundJwtScheme, JwtAt, JwtScheme, JwtVerifier, UnboundJwts};

pub(super) use jws::{Candidate, Choice, UseAs};

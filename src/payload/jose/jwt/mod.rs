//! JSON Web Tokens (RFC 7519), bound to the message that they came with.

mod binding;
mod presets;
mod rules;
mod signer;
mod times;
mod verifier;

pub use binding::{BodyHash, HashForm, RequestHash};
pub use rules::JwtRules;
pub use signer::JwtSigner;
pub use verifier::{BoundJwtScheme, JwtAt, JwtScheme, JwtVerifier, UnboundJwts};

/// The keys of each tenant that tokens are signed with.
pub type JwtKeyring = super::JoseKeyring<super::JwsVerifier>;

pub(in crate::payload::jose) use verifier::refuse;

//! JSON Web Tokens (RFC 7519), bound to the message that they came with.

mod at;
mod binding;
mod claims;
mod presets;
mod rules;
mod scheme;
mod signer;
mod times;
mod verifier;

pub use at::JwtAt;
pub use binding::{BodyHash, HashForm, RequestHash};
pub use rules::{JwtIssuer, JwtRules};
pub use scheme::{BoundJwtScheme, JwtScheme};
pub use signer::JwtSigner;
pub use verifier::{JwtVerifier, UnboundJwts};

/// The keys of each tenant that tokens are signed with.
pub type JwtKeyring = super::JoseKeyring<super::JwsVerifier>;

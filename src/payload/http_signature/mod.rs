//! HTTP message signatures (RFC 9421) with content digests (RFC 9530). See [`HttpSignatureVerifier`].

mod base;
mod digest;
mod fields;
mod invalid;
mod keys;
mod policy;
#[cfg(test)]
mod rfc_9421;
mod signer;
mod verifier;

pub use invalid::InvalidHttpSignature;
pub use keys::{FindVerifyingKeys, HttpSignatureKeyring, TenantVerifyingKeys};
pub use policy::{ChooseSignature, HttpSignaturePolicy};
pub use signer::HttpSigner;
pub use verifier::HttpSignatureVerifier;

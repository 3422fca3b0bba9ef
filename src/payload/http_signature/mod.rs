//! HTTP message signatures (RFC 9421) with content digests (RFC 9530). See [`HttpSignatureVerifier`].

mod base;
mod digest;
mod fields;
mod invalid;
mod policy;
#[cfg(test)]
mod rfc_9421;
mod signer;
mod verifier;

use std::sync::Arc;

use crate::payload::TenantKeys;
use crate::payload::jose::{JoseKeyring, VerifyingKey};

pub use invalid::InvalidHttpSignature;
pub use policy::{ChooseSignature, HttpSignaturePolicy};
pub use signer::HttpSigner;
pub use verifier::HttpSignatureVerifier;

/// The keys of each tenant, by the `keyid` that it names them by.
pub type HttpSignatureKeyring = JoseKeyring<Arc<[VerifyingKey]>>;

/// What a key store answers with here.
type VerifyingKeys = TenantKeys<Arc<[VerifyingKey]>>;

//! Shared-secret signatures: what is signed, with which keys, and where the signature sits.
//!
//! A [`Scheme`] says how a provider signs, a [`Keyring`] holds the keys of each tenant, [`HmacVerifier`] decides and
//! [`HmacSigner`] is its other half. The engine, which reads a message as its scheme says, also serves
//! [`public_key`](super::public_key) and [`token`](super::token).

pub(super) mod body;
pub(super) mod encoding;
pub(super) mod engine;
pub(super) mod fields;
pub(super) mod keys;
mod running;
pub(super) mod scheme;
pub(super) mod signatures;
mod signer;
pub(super) mod time;
pub(super) mod verifier;

pub use encoding::Encoding;
#[cfg(any(feature = "jwt", feature = "http-signatures"))]
pub(in crate::payload) use keys::is_mac;
pub use keys::{
    Digest, InvalidKey, Key, KeyForm, KeyProblem, KeyReport, KeySpec, KeyState, Keyring, KeyringBuilder,
};
pub(crate) use keys::{Weak, looks_random};
pub use running::Running;
pub(crate) use scheme::Layout;
pub use scheme::{
    BodyForm, Identity, InvalidOrigin, InvalidScheme, Origin, Part, PartialScheme, Scheme, SchemeBuilder,
    SignatureAt, TimeAt,
};
pub use signer::HmacSigner;
pub use time::TimeFormat;
pub use verifier::{HmacVerifier, PartialVerifier};

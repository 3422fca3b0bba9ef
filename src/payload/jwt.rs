//! JSON Web Signatures and tokens. See [`JwsVerifier`].

mod header;
mod invalid;
pub(crate) mod json;
mod jws;
mod segments;

pub use invalid::{InvalidToken, TokenPart};
pub use json::InvalidJson;
pub use jws::{Jws, JwsVerifier};

pub(super) use jws::{Candidate, Choice, UseAs};

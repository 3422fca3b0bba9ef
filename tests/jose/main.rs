//! **Did they say this?** JSON Web Signatures, tokens and key sets.

#[path = "../support/jose/mod.rs"]
mod jose_keys;

mod claims;
mod differential;
mod hostile;
mod interop;
mod key_sets;
mod one_key;

//! `Content-Digest` (RFC 9530): computed anew from the bytes that arrived.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use sfv::{BareItem, ListEntry};
use sha2::{Digest as _, Sha256, Sha512};
use subtle::ConstantTimeEq as _;

use super::InvalidHttpSignature;
use super::fields::{CONTENT_DIGEST, dictionary};
use crate::payload::NotAuthentic;

/// Every digest by an algorithm that counts is that of the body, and there is one. Others (`md5`, `sha`, `crc32c` and
/// their like) are passed over: they prove nothing.
pub(super) fn check(headers: &HeaderMap, body: &[u8]) -> Result<(), NotAuthentic> {
    let mut seen = false;
    for (name, value) in dictionary(headers, &CONTENT_DIGEST)? {
        let right = match name.as_str() {
            "sha-256" => is(&value, &Sha256::digest(body)),
            "sha-512" => is(&value, &Sha512::digest(body)),
            _ => continue,
        };
        if !right {
            return Err(InvalidHttpSignature::Digest.into());
        }
        seen = true;
    }
    if seen {
        Ok(())
    } else {
        Err(InvalidHttpSignature::NoDigest.into())
    }
}

fn is(value: &ListEntry, digest: &[u8]) -> bool {
    match value {
        ListEntry::Item(item) => match &item.bare_item {
            BareItem::ByteSequence(claimed) => claimed.as_slice().ct_eq(digest).into(),
            _ => false,
        },
        ListEntry::InnerList(_) => false,
    }
}

/// The field's value for this body.
pub(super) fn of(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}

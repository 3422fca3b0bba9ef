use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use crate::payload::encoding::MacBytes;

/// The hash below an HMAC (RFC 2104).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Digest {
    /// SHA-1. An HMAC of it is not broken, but nobody should begin with it now.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Digest {
    /// How long a MAC is, in bytes.
    pub(in crate::payload) fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// An HMAC that runs: the key is in it, the message is coming.
#[derive(Clone)]
pub(in crate::payload) enum Mac {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

impl Mac {
    pub(in crate::payload) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(mac) => mac.update(bytes),
            Self::Sha256(mac) => mac.update(bytes),
            Self::Sha512(mac) => mac.update(bytes),
        }
    }

    pub(in crate::payload) fn finish(self) -> MacBytes {
        match self {
            Self::Sha1(mac) => MacBytes::of(&mac.finalize().into_bytes()),
            Self::Sha256(mac) => MacBytes::of(&mac.finalize().into_bytes()),
            Self::Sha512(mac) => MacBytes::of(&mac.finalize().into_bytes()),
        }
    }
}

/// An HMAC that has taken its key in and no message yet. The large ones are boxed: there may be a million of these.
#[derive(Clone)]
pub(super) enum Keyed {
    Sha1(Box<Hmac<Sha1>>),
    Sha256(Box<Hmac<Sha256>>),
    Sha512(Box<Hmac<Sha512>>),
}

impl Keyed {
    pub(super) fn new(digest: Digest, secret: &[u8]) -> Option<Self> {
        Some(match digest {
            Digest::Sha1 => Self::Sha1(Box::new(Hmac::new_from_slice(secret).ok()?)),
            Digest::Sha256 => Self::Sha256(Box::new(Hmac::new_from_slice(secret).ok()?)),
            Digest::Sha512 => Self::Sha512(Box::new(Hmac::new_from_slice(secret).ok()?)),
        })
    }

    pub(super) fn begin(&self) -> Mac {
        match self {
            Self::Sha1(keyed) => Mac::Sha1((**keyed).clone()),
            Self::Sha256(keyed) => Mac::Sha256((**keyed).clone()),
            Self::Sha512(keyed) => Mac::Sha512((**keyed).clone()),
        }
    }

    /// The MAC of what is fed. Without moving a running MAC about: the largest is some hundred bytes.
    pub(super) fn mac<E>(
        &self,
        feed: impl FnOnce(&mut dyn FnMut(&[u8])) -> Result<(), E>,
    ) -> Result<MacBytes, E> {
        match self {
            Self::Sha1(keyed) => run(&**keyed, feed),
            Self::Sha256(keyed) => run(&**keyed, feed),
            Self::Sha512(keyed) => run(&**keyed, feed),
        }
    }

    pub(super) fn digest(&self) -> Digest {
        match self {
            Self::Sha1(_) => Digest::Sha1,
            Self::Sha256(_) => Digest::Sha256,
            Self::Sha512(_) => Digest::Sha512,
        }
    }
}

fn run<M: hmac::Mac + Clone, E>(
    keyed: &M,
    feed: impl FnOnce(&mut dyn FnMut(&[u8])) -> Result<(), E>,
) -> Result<MacBytes, E> {
    let mut mac = keyed.clone();
    feed(&mut |piece| mac.update(piece))?;
    Ok(MacBytes::of(&mac.finalize().into_bytes()))
}

use hmac::block_api::HmacCore;
use hmac::digest::Output;
use hmac::digest::block_api::{Buffer, FixedOutputCore as _, UpdateCore as _};
use hmac::{EagerHash, KeyInit as _};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
#[cfg(any(feature = "jwt", feature = "http-signatures"))]
use subtle::ConstantTimeEq as _;

use crate::payload::hmac::encoding::MacBytes;

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

/// What feeds a message, piece by piece, to whatever takes it.
pub(in crate::payload) trait Feed<E> {
    fn feed(&self, sink: &mut impl FnMut(&[u8])) -> Result<(), E>;
}

/// An HMAC that runs: the key is in it, the message is coming.
#[derive(Clone)]
pub(in crate::payload) enum Mac {
    Sha1(Fed<Sha1>),
    Sha256(Fed<Sha256>),
    Sha512(Fed<Sha512>),
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
            Self::Sha1(mut mac) => MacBytes::of(&mac.finish()),
            Self::Sha256(mut mac) => MacBytes::of(&mac.finish()),
            Self::Sha512(mut mac) => MacBytes::of(&mac.finish()),
        }
    }
}

/// An HMAC that has taken its key in and no message yet. Boxed, and without a buffer: there may be a million of these.
#[derive(Clone)]
pub(super) enum Keyed {
    Sha1(Box<HmacCore<Sha1>>),
    Sha256(Box<HmacCore<Sha256>>),
    Sha512(Box<HmacCore<Sha512>>),
}

impl Keyed {
    pub(super) fn new(digest: Digest, secret: &[u8]) -> Option<Self> {
        Some(match digest {
            Digest::Sha1 => Self::Sha1(Box::new(HmacCore::new_from_slice(secret).ok()?)),
            Digest::Sha256 => Self::Sha256(Box::new(HmacCore::new_from_slice(secret).ok()?)),
            Digest::Sha512 => Self::Sha512(Box::new(HmacCore::new_from_slice(secret).ok()?)),
        })
    }

    pub(super) fn begin(&self) -> Mac {
        match self {
            Self::Sha1(keyed) => Mac::Sha1(Fed::begin(keyed)),
            Self::Sha256(keyed) => Mac::Sha256(Fed::begin(keyed)),
            Self::Sha512(keyed) => Mac::Sha512(Fed::begin(keyed)),
        }
    }

    /// Shows the MAC of what is fed, where it stands: moving it takes longer than comparing it.
    #[inline]
    pub(super) fn mac<T, E>(&self, fed: &impl Feed<E>, then: impl FnOnce(&[u8]) -> T) -> Result<T, E> {
        match self {
            Self::Sha1(keyed) => run(keyed, fed, then),
            Self::Sha256(keyed) => run(keyed, fed, then),
            Self::Sha512(keyed) => run(keyed, fed, then),
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

/// What `hmac::Hmac` is made of, its buffer apart: that wrapper moves the whole state to finish, a tenth of what a small
/// message costs, and would have an unused buffer kept beside every key. Both are wiped when they are dropped.
#[derive(Clone)]
pub(in crate::payload) struct Fed<D: EagerHash> {
    core: HmacCore<D>,
    buffer: Buffer<HmacCore<D>>,
}

impl<D: EagerHash> Fed<D> {
    #[inline]
    fn begin(keyed: &HmacCore<D>) -> Self {
        Self {
            core: keyed.clone(),
            buffer: Buffer::<HmacCore<D>>::default(),
        }
    }

    #[inline]
    fn update(&mut self, bytes: &[u8]) {
        let Self { core, buffer } = self;
        buffer.digest_blocks(bytes, |blocks| core.update_blocks(blocks));
    }

    #[inline]
    fn finish(&mut self) -> Output<HmacCore<D>> {
        let mut mac = Output::<HmacCore<D>>::default();
        self.core.finalize_fixed_core(&mut self.buffer, &mut mac);
        mac
    }
}

/// Whether this is the MAC of the message: compared whole, in a time that depends on its length alone.
#[cfg(any(feature = "jwt", feature = "http-signatures"))]
pub(in crate::payload) fn is_mac<D: EagerHash>(keyed: &HmacCore<D>, message: &[u8], mac: &[u8]) -> bool {
    let mut fed = Fed::begin(keyed);
    fed.update(message);
    fed.finish().as_slice().ct_eq(mac).into()
}

fn run<D: EagerHash, T, E>(
    keyed: &HmacCore<D>,
    fed: &impl Feed<E>,
    then: impl FnOnce(&[u8]) -> T,
) -> Result<T, E> {
    let mut mac = Fed::begin(keyed);
    fed.feed(&mut |piece: &[u8]| mac.update(piece))?;
    Ok(then(&mac.finish()))
}

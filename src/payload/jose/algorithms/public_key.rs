use std::fmt;

use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::{PublicKey as Parsed, RSAPublicKey};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::modulus::{check_rsa, on_curve};
use super::{Algorithm, Algorithms, KeyType, pss};
use crate::pem::{self, InvalidPem, PublicKeyPem};

/// A public key that was looked at: RSA of 2048 bits and more, a point on its curve, an Ed25519 key of large order.
///
/// Read once, into the form in which a crypto provider takes it.
///
/// ```
/// use countersign::payload::jose::{Algorithm, PublicKey};
///
/// let key = PublicKey::from_pem(&std::fs::read("tests/support/jose/p256.pub.pem")?)?;
/// assert!(key.fits(Algorithm::Es256) && !key.fits(Algorithm::Es384));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: KeyType,
    /// What it is for, where it says so and its type leaves more.
    only: Option<Algorithms>,
    /// The content of `subjectPublicKey`.
    bits: Box<[u8]>,
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo in DER (what `openssl pkey -pubout -outform DER` writes). An RSA key that is for PSS
    /// only (`id-RSASSA-PSS`, RFC 4055 §1.2) verifies nothing else, and by its own hash if it names one.
    ///
    /// # Errors
    /// [`WeakKey`]: not one, of a type that no algorithm here takes, or weak.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, WeakKey> {
        let Ok(([], spki)) = SubjectPublicKeyInfo::from_der(der) else {
            return Err(WeakKey::Encoding);
        };
        match spki.parsed() {
            Ok(Parsed::RSA(key)) => Self::rsa(unsigned(key.modulus)?, unsigned(key.exponent)?),
            Ok(Parsed::EC(point)) => Self::point(&spki, point.data()),
            Ok(Parsed::Unknown(bits)) if is_ed25519(&spki) => Self::ed25519(bits),
            Ok(Parsed::Unknown(bits)) if pss::is_pss(&spki.algorithm) => Ok(Self {
                only: Some(pss::restriction(&spki.algorithm)?),
                ..Self::from_rsa_der(bits)?
            }),
            _ => Err(WeakKey::Encoding),
        }
    }

    /// Reads the only public key of a PEM text, `PUBLIC KEY` or `RSA PUBLIC KEY`.
    ///
    /// # Errors
    /// As for [`from_spki_der`](Self::from_spki_der), and where there is none.
    pub fn from_pem(pem: &[u8]) -> Result<Self, WeakKey> {
        match pem::public_key(pem).map_err(|reason| WeakKey::Pem { reason })? {
            PublicKeyPem::Spki(der) => Self::from_spki_der(&der),
            PublicKeyPem::Rsa(der) => Self::from_rsa_der(&der),
        }
    }

    /// Reads an RSAPublicKey (RFC 8017 A.1.1) in DER.
    fn from_rsa_der(der: &[u8]) -> Result<Self, WeakKey> {
        let Ok(([], key)) = RSAPublicKey::from_der(der) else {
            return Err(WeakKey::Encoding);
        };
        Self::rsa(unsigned(key.modulus)?, unsigned(key.exponent)?)
    }

    /// Modulus and exponent, big-endian, without leading zero bytes.
    pub(crate) fn rsa(n: &[u8], e: &[u8]) -> Result<Self, WeakKey> {
        check_rsa(n, e)?;
        Ok(Self {
            kind: KeyType::Rsa,
            only: None,
            bits: rsa_public_key(n, e).into(),
        })
    }

    /// A point by its coordinates, each exactly as long as the curve's prime.
    pub(crate) fn ec(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, WeakKey> {
        let field = curve.field();
        for coordinate in [x, y] {
            if coordinate.len() != field.p.len() {
                return Err(WeakKey::CoordinateLength {
                    bytes: coordinate.len(),
                    wanted: field.p.len(),
                });
            }
        }
        if !on_curve(field.p, field.b, x, y) {
            return Err(WeakKey::NotOnCurve);
        }
        Ok(Self {
            kind: field.kind,
            only: None,
            bits: [&[0x04], x, y].concat().into(),
        })
    }

    /// The 32 bytes of RFC 8032 §5.1.5.
    pub(crate) fn ed25519(x: &[u8]) -> Result<Self, WeakKey> {
        let bytes: &[u8; 32] = x.try_into().map_err(|_| WeakKey::CoordinateLength {
            bytes: x.len(),
            wanted: 32,
        })?;
        check_edwards(bytes)?;
        Ok(Self {
            kind: KeyType::Ed25519,
            only: None,
            bits: x.into(),
        })
    }

    fn point(spki: &SubjectPublicKeyInfo<'_>, point: &[u8]) -> Result<Self, WeakKey> {
        let oid = spki
            .algorithm
            .parameters
            .as_ref()
            .and_then(|any| any.as_oid().ok());
        let curve = match oid.map(|oid| oid.to_id_string()).as_deref() {
            Some("1.2.840.10045.3.1.7") => Curve::P256,
            Some("1.3.132.0.34") => Curve::P384,
            Some("1.3.132.0.35") => Curve::P521,
            _ => return Err(WeakKey::Encoding),
        };
        // Uncompressed only (SEC 1 §2.3.3).
        let Some((0x04, coordinates)) = point.split_first() else {
            return Err(WeakKey::Encoding);
        };
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        Self::ec(curve, x, y)
    }

    /// Whether this algorithm is one for keys of this type, and not ruled out by the key itself.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        let ruled_out = self.only.is_some_and(|only| !only.contains(algorithm));
        algorithm.key_type() == Some(self.kind) && !ruled_out
    }

    pub(super) fn kind(&self) -> KeyType {
        self.kind
    }

    pub(super) fn bits(&self) -> &[u8] {
        &self.bits
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?})", self.kind)
    }
}

fn is_ed25519(spki: &SubjectPublicKeyInfo<'_>) -> bool {
    // RFC 8410 §3: the parameters must be absent.
    spki.algorithm.algorithm.to_id_string() == "1.3.101.112" && spki.algorithm.parameters.is_none()
}

/// An INTEGER's content as a magnitude: one zero byte may keep it positive.
fn unsigned(integer: &[u8]) -> Result<&[u8], WeakKey> {
    match integer {
        [0, rest @ ..] if rest.first().is_some_and(|first| first & 0x80 != 0) => Ok(rest),
        [first, ..] if first & 0x80 != 0 => Err(WeakKey::Encoding),
        _ => Ok(integer),
    }
}

/// `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }` (RFC 8017 A.1.1).
fn rsa_public_key(n: &[u8], e: &[u8]) -> Vec<u8> {
    let content = [der(0x02, &signed(n)), der(0x02, &signed(e))].concat();
    der(0x30, &content)
}

fn signed(magnitude: &[u8]) -> Vec<u8> {
    let sign = magnitude.first().is_some_and(|first| first & 0x80 != 0);
    let zero: &[u8] = if sign { &[0] } else { &[] };
    [zero, magnitude].concat()
}

/// One element; its content is below 64 KiB, since a modulus is.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
    let header = match (high, low) {
        (0, 0..0x80) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [header, content.to_vec()].concat()
}

/// Not of small order and below p: whoever takes such a key takes one signature for every message.
fn check_edwards(key: &[u8; 32]) -> Result<(), WeakKey> {
    let mut y = *key;
    if let Some(last) = y.last_mut() {
        // The highest bit is the sign of x.
        *last &= 0x7f;
    }
    let small = SMALL_ORDER.contains(&y);
    // p = 2^255 - 19: below it unless all but the lowest byte are ones.
    let canonical = y.first() < Some(&0xed)
        || y.get(1..31)
            .is_none_or(|middle| middle.iter().any(|byte| *byte != 0xff))
        || y.last() != Some(&0x7f);
    if small || !canonical {
        return Err(WeakKey::SmallOrder);
    }
    Ok(())
}

/// The y of every point whose order divides 8, little-endian: 0, 1, p - 1, and the two of order 8.
#[rustfmt::skip]
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    { let mut one = [0; 32]; one[0] = 1; one },
    { let mut minus_one = [0xff; 32]; minus_one[0] = 0xec; minus_one[31] = 0x7f; minus_one },
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
        0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
        0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

/// A curve of NIST, as JOSE names them (RFC 7518 §6.2.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

struct Field {
    kind: KeyType,
    p: &'static [u8],
    b: &'static [u8],
}

impl Curve {
    fn field(self) -> Field {
        let (kind, p, b): (_, &[u8], &[u8]) = match self {
            Self::P256 => (KeyType::P256, &P256_P, &P256_B),
            Self::P384 => (KeyType::P384, &P384_P, &P384_B),
            Self::P521 => (KeyType::P521, &P521_P, &P521_B),
        };
        Field { kind, p, b }
    }
}

// p and b of SEC 2 §2.4.2, §2.5.1, §2.6.1.
#[rustfmt::skip]
const P256_P: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
];
#[rustfmt::skip]
const P256_B: [u8; 32] = [
    0x5a, 0xc6, 0x35, 0xd8, 0xaa, 0x3a, 0x93, 0xe7, 0xb3, 0xeb, 0xbd, 0x55, 0x76, 0x98, 0x86, 0xbc,
    0x65, 0x1d, 0x06, 0xb0, 0xcc, 0x53, 0xb0, 0xf6, 0x3b, 0xce, 0x3c, 0x3e, 0x27, 0xd2, 0x60, 0x4b,
];
#[rustfmt::skip]
const P384_P: [u8; 48] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff,
];
#[rustfmt::skip]
const P384_B: [u8; 48] = [
    0xb3, 0x31, 0x2f, 0xa7, 0xe2, 0x3e, 0xe7, 0xe4, 0x98, 0x8e, 0x05, 0x6b, 0xe3, 0xf8, 0x2d, 0x19,
    0x18, 0x1d, 0x9c, 0x6e, 0xfe, 0x81, 0x41, 0x12, 0x03, 0x14, 0x08, 0x8f, 0x50, 0x13, 0x87, 0x5a,
    0xc6, 0x56, 0x39, 0x8d, 0x8a, 0x2e, 0xd1, 0x9d, 0x2a, 0x85, 0xc8, 0xed, 0xd3, 0xec, 0x2a, 0xef,
];
const P521_P: [u8; 66] = {
    let mut p = [0xff; 66];
    p[0] = 0x01;
    p
};
#[rustfmt::skip]
const P521_B: [u8; 66] = [
    0x00, 0x51, 0x95, 0x3e, 0xb9, 0x61, 0x8e, 0x1c, 0x9a, 0x1f, 0x92, 0x9a, 0x21, 0xa0, 0xb6, 0x85,
    0x40, 0xee, 0xa2, 0xda, 0x72, 0x5b, 0x99, 0xb3, 0x15, 0xf3, 0xb8, 0xb4, 0x89, 0x91, 0x8e, 0xf1,
    0x09, 0xe1, 0x56, 0x19, 0x39, 0x51, 0xec, 0x7e, 0x93, 0x7b, 0x16, 0x52, 0xc0, 0xbd, 0x3b, 0xb1,
    0xbf, 0x07, 0x35, 0x73, 0xdf, 0x88, 0x3d, 0x2c, 0x34, 0xf1, 0xef, 0x45, 0x1f, 0xd4, 0x6b, 0x50,
    0x3f, 0x00,
];

/// The reason why a key is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeakKey {
    /// Not a SubjectPublicKeyInfo of a type that an algorithm here takes, or not in DER.
    #[error("not an RSA, P-256, P-384, P-521 or Ed25519 public key in its standard encoding")]
    Encoding,
    /// Not PEM, or a section of it cannot be read.
    #[error("the key cannot be taken as PEM: {reason}")]
    Pem {
        /// What is wrong with it.
        reason: InvalidPem,
    },
    /// A number begins with a zero byte (RFC 7518 §6.3.1.1).
    #[error("modulus or exponent begins with a zero byte")]
    LeadingZero,
    /// The RSA modulus is short (RFC 7518 §3.3).
    #[error("the RSA modulus has {bits} bits; at least 2048 are needed")]
    ModulusTooShort {
        /// How long it is.
        bits: u64,
    },
    /// The RSA modulus is longer than providers verify with.
    #[error("the RSA modulus has {bits} bits; at most 8192 are taken")]
    ModulusTooLong {
        /// How long it is.
        bits: u64,
    },
    /// The RSA modulus has a small factor.
    #[error("the RSA modulus has a small factor")]
    ModulusFactor,
    /// The RSA modulus bears the mark of a faulty generator (CVE-2017-15361).
    #[error("the RSA modulus was made by a faulty generator (ROCA, CVE-2017-15361)")]
    Roca,
    /// The key is for RSASSA-PSS with parameters that no algorithm here has: another hash than SHA-256, SHA-384 or
    /// SHA-512, another one within, or a longer salt than the hash (RFC 7518 §3.5).
    #[error("the RSASSA-PSS key is for parameters that are not those of PS256, PS384 or PS512")]
    PssParameters,
    /// The RSA exponent is even, at most 2^16, or longer than 33 bits.
    #[error("the RSA exponent is even, small or too long")]
    Exponent,
    /// A coordinate is not exactly as long as the field (RFC 7518 §6.2.1.2).
    #[error("a coordinate has {bytes} bytes, {wanted} are needed")]
    CoordinateLength {
        /// How long it is.
        bytes: usize,
        /// How long it must be.
        wanted: usize,
    },
    /// The point is not one of the curve.
    #[error("the point does not lie on the curve")]
    NotOnCurve,
    /// The Ed25519 key is of small order, or not in its one canonical form.
    #[error("the Ed25519 key is of small order or not canonical")]
    SmallOrder,
    /// The secret is shorter than the hash of its algorithm (RFC 7518 §3.2).
    #[error("the secret has {bytes} bytes; {algorithm} needs at least {wanted}")]
    SecretTooShort {
        /// The algorithm.
        algorithm: Algorithm,
        /// How long it is.
        bytes: usize,
        /// How long it must be.
        wanted: usize,
    },
    /// The key is not one for this algorithm.
    #[error("not a key for {algorithm}")]
    OtherType {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// The crypto provider cannot verify this algorithm.
    #[error("the crypto provider has no {algorithm}")]
    NotProvided {
        /// The algorithm.
        algorithm: Algorithm,
    },
}

#[cfg(test)]
mod tests {
    use std::ops::RangeInclusive;

    use super::*;

    /// A zero byte before the modulus is there for its sign, or not at all: else one key has two forms.
    #[test]
    fn a_modulus_has_one_form() {
        let exponent = [1, 0, 1];
        let modulus = |first: u8| [&[first][..], &[0xa5; 256]].concat();
        let read = |zeros: &[u8], n: &[u8]| {
            let n = der(0x02, &[zeros, n].concat());
            PublicKey::from_rsa_der(&der(0x30, &[n, der(0x02, &exponent)].concat()))
        };
        let good = |firsts: RangeInclusive<u8>| {
            let mut all = firsts.map(modulus);
            all.find(|n| PublicKey::rsa(n, &exponent).is_ok()).unwrap()
        };
        let (low, high) = (good(0x01..=0x7f), good(0x80..=0xff));
        assert_eq!(read(&[], &low), PublicKey::rsa(&low, &exponent));
        assert_eq!(read(&[0], &high), PublicKey::rsa(&high, &exponent));
        let refused = Err(WeakKey::Encoding);
        assert_eq!(read(&[], &high), refused, "a negative number");
        assert_eq!(read(&[0], &low), refused);
        assert_eq!(read(&[0, 0], &high), refused);
    }
}

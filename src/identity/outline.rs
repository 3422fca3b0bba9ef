//! The fields of a certificate in DER, each where it stands.

use rustls_pki_types::{AlgorithmIdentifier, alg_id};
use x509_parser::certificate::Validity as Dates;
use x509_parser::error::X509Error;
use x509_parser::nom::Err;
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

use super::der::{BIT_STRING, Element, Elements, INTEGER, OBJECT_IDENTIFIER, SEQUENCE};
use super::validity::from_asn1;
use super::{KeyKind, Malformed, Validity};
use crate::codes::Seen;

/// The shortest RSA modulus that counts, in bits (NIST SP 800-131A).
const MIN_RSA_BITS: usize = 2048;

const BOOLEAN: u8 = 0x01;
const OCTET_STRING: u8 = 0x04;
/// `[0]`: the version.
const VERSION: u8 = 0xa0;
/// `[1]` and `[2]`: identifiers that nobody uses.
const UNIQUE_IDS: [u8; 2] = [0x81, 0x82];
/// `[3]`: the extensions.
const EXTENSIONS: u8 = 0xa3;

/// The fields of a certificate (RFC 5280 §4.1), each where it stands. Most of a certificate's bytes matter to nobody, so
/// what is in a field is read when it is asked for.
pub(super) struct Outline<'a> {
    /// 1, 2 or 3 (RFC 5280 §4.1.2.1), or what else stands there.
    pub(super) version: u8,
    /// The contents of the INTEGER.
    pub(super) serial: &'a [u8],
    /// DER with its outer SEQUENCE. Never read: it is only ever compared with the subject of an issuer, which is.
    pub(super) issuer: &'a [u8],
    pub(super) subject: X509Name<'a>,
    /// DER with its outer SEQUENCE.
    pub(super) spki: &'a [u8],
    validity: &'a [u8],
    pub(super) extensions: Vec<Extension<'a>>,
}

/// The SubjectPublicKeyInfo of one certificate, DER with its outer SEQUENCE. What stands around it is walked past.
pub(super) fn key_of(der: &[u8]) -> Option<&[u8]> {
    let mut fields = signed_part(der)?;
    fields.take_if(VERSION)?;
    fields.take(INTEGER)?;
    // Algorithm, issuer, validity, subject.
    for _ in 0..4 {
        fields.take(SEQUENCE)?;
    }
    fields.take(SEQUENCE).map(|spki| spki.whole)
}

/// An extension (RFC 5280 §4.1.2.9), not read.
pub(super) struct Extension<'a> {
    /// The contents of the OBJECT IDENTIFIER.
    pub(super) oid: &'a [u8],
    pub(super) critical: bool,
    pub(super) value: &'a [u8],
}

impl<'a> Outline<'a> {
    /// Of one certificate, with nothing behind it.
    pub(super) fn read(der: &'a [u8]) -> Result<Self, Malformed> {
        let fields = signed_part(der).ok_or(Malformed::Certificate)?;
        Self::of_fields(fields).ok_or(Malformed::Certificate)
    }

    fn of_fields(mut fields: Elements<'a>) -> Option<Self> {
        let version = version(fields.take_if(VERSION)?);
        let serial = fields.take(INTEGER)?.contents;
        fields.take(SEQUENCE)?;
        let issuer = fields.take(SEQUENCE)?.whole;
        let validity = fields.take(SEQUENCE)?.whole;
        let subject = fields.take(SEQUENCE)?.whole;
        let spki = fields.take(SEQUENCE)?.whole;
        for tag in UNIQUE_IDS {
            fields.take_if(tag)?;
        }
        let extensions = match fields.take_if(EXTENSIONS)? {
            Some(wrapped) => extensions(wrapped.contents)?,
            None => Vec::new(),
        };
        fields.is_empty().then_some(Self {
            version,
            serial,
            issuer,
            subject: whole(X509Name::from_der(subject)).ok()?,
            spki,
            validity,
            extensions,
        })
    }

    /// The only extension of this kind, if there is one.
    pub(super) fn extension(&self, oid: &[u8]) -> Result<Option<&Extension<'a>>, Malformed> {
        let mut found = self.extensions.iter().filter(|extension| extension.oid == oid);
        match (found.next(), found.next()) {
            (found, None) => Ok(found),
            (_, Some(_)) => Err(Malformed::Extension),
        }
    }

    /// The first critical extension that webpki does not know, for people to read.
    pub(super) fn unknown_critical(&self) -> Seen {
        let known =
            |extension: &&Extension<'_>| matches!(extension.oid, [0x55, 0x1d, 15 | 17 | 19 | 30 | 31 | 37]);
        let mut strange = self
            .extensions
            .iter()
            .filter(|extension| extension.critical && !known(extension));
        strange
            .next()
            .map_or(Seen::of("?"), |extension| dotted(extension.oid))
    }

    pub(super) fn validity(&self) -> Result<Validity, Malformed> {
        let dates = whole(Dates::from_der(self.validity)).map_err(|_| Malformed::Certificate)?;
        let validity = Validity::new(from_asn1(dates.not_before)?, from_asn1(dates.not_after)?);
        if validity.not_before > validity.not_after {
            let seen =
                [dates.not_before, dates.not_after].map(|date| date.to_string().replace(" +00:00", ""));
            let [before, after] = seen;
            let seen = format!("notBefore {before}, notAfter {after}");
            return Err(Malformed::Validity {
                problem: "it ends before it begins",
                seen: Seen::of(&seen),
            });
        }
        Ok(validity)
    }

    pub(super) fn key_kind(&self) -> KeyKind {
        let Some((algorithm, key)) = key(self.spki) else {
            return KeyKind::Unsupported;
        };
        let is = |known: &AlgorithmIdentifier| known.as_ref() == algorithm;
        if is(&alg_id::RSA_ENCRYPTION) {
            let strong = rsa_bits(key).is_some_and(|bits| bits >= MIN_RSA_BITS);
            return if strong { KeyKind::Strong } else { KeyKind::Weak };
        }
        // A point has two more forms (SEC 1 §2.3.3); in one only, one key has one name.
        let on_curve = CURVES.iter().any(is) && key.first() == Some(&UNCOMPRESSED);
        if on_curve || STRONG.iter().any(is) {
            KeyKind::Strong
        } else {
            KeyKind::Unsupported
        }
    }
}

/// How a point that is written out begins.
const UNCOMPRESSED: u8 = 4;

/// Keys that are points.
const CURVES: [AlgorithmIdentifier; 3] = [alg_id::ECDSA_P256, alg_id::ECDSA_P384, alg_id::ECDSA_P521];

/// Keys that are strong whatever their value.
const STRONG: [AlgorithmIdentifier; 4] = [
    alg_id::ED25519,
    alg_id::ML_DSA_44,
    alg_id::ML_DSA_65,
    alg_id::ML_DSA_87,
];

/// The contents of an OBJECT IDENTIFIER as people write it. Nobody's has more bytes.
pub(super) fn dotted(oid: &[u8]) -> Seen {
    match oid.len() {
        0..=64 => Seen::of(&Oid::new(oid.into()).to_id_string()),
        _ => Seen::of("an OID of more than 64 bytes"),
    }
}

/// Counted from 0, and 0 where there is none.
fn version(wrapped: Option<Element<'_>>) -> u8 {
    let stated = wrapped.and_then(|wrapped| Elements::inside(INTEGER, wrapped.contents));
    match stated.map(Elements::bytes) {
        Some([number]) => number.saturating_add(1),
        _ => 1,
    }
}

/// What the issuer signs; what comes after it is webpki's to verify.
fn signed_part(der: &[u8]) -> Option<Elements<'_>> {
    let mut parts = Elements::inside(SEQUENCE, der)?;
    let signed = parts.take(SEQUENCE)?.contents;
    parts.take(SEQUENCE)?;
    parts.take(BIT_STRING)?;
    parts.is_empty().then(|| Elements::of(signed))
}

fn extensions(wrapped: &[u8]) -> Option<Vec<Extension<'_>>> {
    let mut all = Elements::inside(SEQUENCE, wrapped)?;
    let mut extensions = Vec::with_capacity(8);
    while !all.is_empty() {
        extensions.push(extension(all.take(SEQUENCE)?.contents)?);
    }
    Some(extensions)
}

fn extension(fields: &[u8]) -> Option<Extension<'_>> {
    let mut fields = Elements::of(fields);
    let oid = fields.take(OBJECT_IDENTIFIER)?.contents;
    let critical = match fields.take_if(BOOLEAN)?.map(|critical| critical.contents) {
        None | Some([0]) => false,
        Some([0xff]) => true,
        Some(_) => return None,
    };
    let value = fields.take(OCTET_STRING)?.contents;
    fields.is_empty().then_some(Extension { oid, critical, value })
}

/// The contents of a key's AlgorithmIdentifier, and the key.
fn key(spki: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut fields = Elements::inside(SEQUENCE, spki)?;
    let algorithm = fields.take(SEQUENCE)?.contents;
    let (0, key) = fields.take(BIT_STRING)?.contents.split_first()? else {
        return None;
    };
    Some((algorithm, key))
}

/// How many bits the modulus of an RSA key has (RFC 8017 A.1.1), where it is a positive INTEGER in DER.
fn rsa_bits(key: &[u8]) -> Option<usize> {
    let modulus = Elements::inside(SEQUENCE, key)?.take(INTEGER)?.contents;
    match modulus {
        [0, 0x80..=0xff, ..] => Some((modulus.len() - 1) * 8),
        [first @ 1..0x80, ..] => Some(modulus.len() * 8 - first.leading_zeros() as usize),
        _ => None,
    }
}

/// What a parser made of some bytes, if it took all of them.
pub(super) fn whole<T>(parsed: Result<(&[u8], T), Err<X509Error>>) -> Result<T, Malformed> {
    match parsed {
        Ok(([], value)) => Ok(value),
        _ => Err(Malformed::Extension),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
        let len = u16::try_from(contents.len()).expect("a short element");
        let head = match len {
            0..0x80 => vec![tag, len.to_be_bytes()[1]],
            0x80..0x100 => vec![tag, 0x81, len.to_be_bytes()[1]],
            _ => [&[tag, 0x82][..], &len.to_be_bytes()].concat(),
        };
        [&head, contents].concat()
    }

    fn rsa(modulus: &[u8]) -> Vec<u8> {
        tlv(
            SEQUENCE,
            &[tlv(INTEGER, modulus), tlv(INTEGER, &[1, 0, 1])].concat(),
        )
    }

    #[test]
    fn an_rsa_key_is_as_long_as_its_modulus() {
        let with = |head: &[u8], len: usize| [head, &vec![0xff; len - head.len()]].concat();
        for (name, modulus, expected) in [
            ("2048 bits", with(&[0, 0x80], 257), Some(2048)),
            ("2047 bits", with(&[0x7f], 256), Some(2047)),
            ("2041 bits", with(&[1], 256), Some(2041)),
            ("1024 bits", with(&[0, 0x80], 129), Some(1024)),
            ("1024 bits, padded to look like 2048", with(&[0; 129], 257), None),
            ("negative", with(&[0x80], 256), None),
            ("zero", vec![0], None),
            ("none", vec![], None),
        ] {
            assert_eq!(rsa_bits(&rsa(&modulus)), expected, "{name}");
        }
        assert_eq!(rsa_bits(&tlv(SEQUENCE, &[])), None);
    }
}

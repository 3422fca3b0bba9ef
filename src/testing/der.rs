//! Fields that no CA should write, in DER.
//!
//! rcgen writes what a CA should. The rest (two common names, a NUL in a name, a CRL without a number) is put
//! in place of what rcgen wrote, by [`resigned`].

use rcgen::SigningKey;

const BIT_STRING: u8 = 0x03;
/// Tag of an INTEGER.
pub(super) const INTEGER: u8 = 0x02;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// A certificate or CRL with some fields of its signed part edited, and signed anew.
///
/// Both have the same outline (RFC 5280 §4.1 and §5.1): the part that is signed, the algorithm, the
/// signature.
pub(super) fn resigned(
    signed: &[u8],
    key: &impl SigningKey,
    edit: impl FnOnce(&mut Vec<Vec<u8>>),
) -> Vec<u8> {
    let mut parts = children(signed).into_iter();
    let mut fields = children(&parts.next().expect("a part that is signed"));
    let algorithm = parts.next().expect("a signature algorithm");
    edit(&mut fields);
    let fields = sequence(&fields);
    let signature = key.sign(&fields).expect("a signature");
    sequence(&[
        fields,
        algorithm,
        tlv(BIT_STRING, &[&[0], &signature[..]].concat()),
    ])
}

/// Replaces fields of the signed part, by their position.
pub(super) fn replaced(fields: &mut [Vec<u8>], replacements: &[(usize, Vec<u8>)]) {
    for (position, value) in replacements {
        if let Some(field) = fields.get_mut(*position) {
            field.clone_from(value);
        }
    }
}

/// Positions in TBSCertificate (RFC 5280 §4.1).
pub(super) const SERIAL_NUMBER: usize = 1;
/// As above.
pub(super) const SUBJECT: usize = 5;
/// As above.
pub(super) const PUBLIC_KEY: usize = 6;

/// A distinguished name: one attribute in each relative distinguished name, in this order.
pub(super) fn name(attributes: &[Attribute]) -> Vec<u8> {
    let names: Vec<_> = attributes
        .iter()
        .map(|attribute| tlv(SET, &attribute.der()))
        .collect();
    sequence(&names)
}

/// One attribute of a distinguished name, whatever its string may hold.
#[derive(Clone, Debug)]
pub(super) struct Attribute {
    pub(super) kind: &'static [u64],
    pub(super) string_tag: u8,
    pub(super) value: Vec<u8>,
}

impl Attribute {
    pub(super) const COMMON_NAME: &'static [u64] = &[2, 5, 4, 3];
    pub(super) const ORGANIZATION: &'static [u64] = &[2, 5, 4, 10];
    pub(super) const ORGANIZATIONAL_UNIT: &'static [u64] = &[2, 5, 4, 11];
    pub(super) const ORGANIZATION_IDENTIFIER: &'static [u64] = &[2, 5, 4, 97];
    pub(super) const USER_ID: &'static [u64] = &[0, 9, 2342, 19_200_300, 100, 1, 1];
    pub(super) const UTF8_STRING: u8 = 0x0c;

    fn der(&self) -> Vec<u8> {
        sequence(&[oid(self.kind), tlv(self.string_tag, &self.value)])
    }
}

/// A SEQUENCE of these values.
pub(super) fn sequence(values: &[Vec<u8>]) -> Vec<u8> {
    tlv(SEQUENCE, &values.concat())
}

/// BOOLEAN TRUE.
pub(super) const TRUE: &[u8] = &[0x01, 0x01, 0xff];

/// An OCTET STRING.
pub(super) fn octet_string(contents: &[u8]) -> Vec<u8> {
    tlv(0x04, contents)
}

/// An OBJECT IDENTIFIER.
pub(super) fn oid(arcs: &[u64]) -> Vec<u8> {
    let [first, second, rest @ ..] = arcs else {
        unreachable!("an object identifier has two arcs or more")
    };
    let mut contents = base_128(first * 40 + second);
    contents.extend(rest.iter().flat_map(|arc| base_128(*arc)));
    tlv(OBJECT_IDENTIFIER, &contents)
}

/// Tag, length and contents.
pub(super) fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    [&[tag], &length(contents.len())[..], contents].concat()
}

/// The values inside one constructed value.
pub(super) fn children(der: &[u8]) -> Vec<Vec<u8>> {
    let (_, mut contents, _) = split(der).expect("a DER value");
    let mut values = Vec::new();
    while let Some((value, _, rest)) = split(contents) {
        values.push(value.to_vec());
        contents = rest;
    }
    values
}

/// The first value, its contents, and what follows it.
fn split(der: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (&[_tag, first], rest) = der.split_first_chunk()?;
    let octets = if first < 0x80 { 0 } else { first & 0x7f };
    let (octets, rest) = rest.split_at_checked(octets.into())?;
    let long = octets
        .iter()
        .fold(0, |length, octet| length << 8 | usize::from(*octet));
    let length = if first < 0x80 { first.into() } else { long };
    let (contents, rest) = rest.split_at_checked(length)?;
    let (value, _) = der.split_at_checked(der.len() - rest.len())?;
    Some((value, contents, rest))
}

fn length(length: usize) -> Vec<u8> {
    let octets: Vec<u8> = length
        .to_be_bytes()
        .into_iter()
        .skip_while(|octet| *octet == 0)
        .collect();
    match length {
        0..0x80 => vec![length as u8],
        _ => [&[0x80 | octets.len() as u8], &octets[..]].concat(),
    }
}

fn base_128(arc: u64) -> Vec<u8> {
    let more = (1..10).rev().filter(|place| arc >> (7 * place) != 0);
    let more = more.map(|place| (arc >> (7 * place)) as u8 | 0x80);
    more.chain([arc as u8 & 0x7f]).collect()
}

/// DER between its PEM lines.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let text: Vec<u8> = der.chunks(3).flat_map(base_64).collect();
    let lines = text
        .chunks(64)
        .map(|line| format!("{}\n", String::from_utf8_lossy(line)));
    format!(
        "-----BEGIN {label}-----\n{}-----END {label}-----\n",
        lines.collect::<String>()
    )
}

fn base_64(bytes: &[u8]) -> [u8; 4] {
    let bits = (0..3).fold(0, |bits, place| {
        bits << 8 | usize::from(*bytes.get(place).unwrap_or(&0))
    });
    [0, 1, 2, 3].map(|place| match place <= bytes.len() {
        true => letter(bits >> (18 - 6 * place) & 0x3f),
        false => b'=',
    })
}

fn letter(six_bits: usize) -> u8 {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    *LETTERS.get(six_bits).expect("six bits")
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;

    use super::*;

    #[test]
    fn lengths_are_as_short_as_they_can_be() {
        for (length, expected) in [
            (0, &[0x00][..]),
            (0x7f, &[0x7f]),
            (0x80, &[0x81, 0x80]),
            (0xff, &[0x81, 0xff]),
            (0x100, &[0x82, 0x01, 0x00]),
        ] {
            assert_eq!(super::length(length), expected, "{length}");
        }
    }

    #[test]
    fn a_sequence_splits_into_what_it_was_made_of() {
        for length in [0, 1, 0x7f, 0x80, 0xffff, 0x10000] {
            let values = [tlv(0x04, &vec![7; length]), tlv(0x05, &[])];
            assert_eq!(children(&sequence(&values)), values, "{length}");
        }
    }

    #[test]
    fn arcs_of_any_size() {
        let expected = [6, 10, 0x2b, 0x81, 0x80, 0, 1, 0x83, 0xff, 0xff, 0xff, 0x7f];
        assert_eq!(oid(&[1, 3, 0x4000, 1, 0x3fff_ffff]), expected);
        assert_eq!(oid(&[2, 5, 4, 3]), [6, 3, 0x55, 4, 3]);
    }

    #[test]
    fn pem_reads_back() {
        for length in [1, 2, 3, 47, 48, 49, 500] {
            let der: Vec<u8> = (0..length).map(|n| (n * 37 % 256) as u8).collect();
            let read = CertificateDer::from_pem_slice(pem("CERTIFICATE", &der).as_bytes());
            assert_eq!(read.expect("PEM"), CertificateDer::from(der));
        }
    }
}

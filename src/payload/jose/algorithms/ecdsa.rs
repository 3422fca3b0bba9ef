//! ECDSA signatures from and to the form of JOSE and RFC 9421: `r` and `s` side by side, each as long as the group's
//! order (RFC 7518 §3.4). The only place that converts.

use super::KeyType;

/// The longest signature in DER here: two integers of 66 bytes (P-521), each with at most one byte of sign.
const MAX_DER: usize = 3 + 2 * (2 + 67);

/// A signature in DER, on the stack.
pub(super) struct Der {
    bytes: [u8; MAX_DER],
    len: usize,
}

impl Der {
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.len.checked_add(bytes.len())?;
        self.bytes.get_mut(self.len..end)?.copy_from_slice(bytes);
        self.len = end;
        Some(())
    }

    /// An INTEGER: no leading zero byte but the one that keeps it positive (X.690 §8.3).
    fn push_integer(&mut self, magnitude: &[u8]) -> Option<()> {
        let digits = without_zeros(magnitude);
        let sign: &[u8] = if digits.first()? & 0x80 == 0 { &[] } else { &[0] };
        self.push(&[0x02, u8::try_from(sign.len() + digits.len()).ok()?])?;
        self.push(sign)?;
        self.push(digits)
    }
}

/// The signature in DER; nothing unless it has exactly the right length, and `r` and `s` lie in 1..n.
pub(super) fn to_der(curve: KeyType, signature: &[u8]) -> Option<Der> {
    let order = order(curve)?;
    if signature.len() != 2 * order.len() {
        return None;
    }
    let (r, s) = signature.split_at(order.len());
    if !in_range(r, order) || !in_range(s, order) {
        return None;
    }
    // SEQUENCE: its length first, which takes a second byte from 128 on.
    let content = integer_len(r) + integer_len(s);
    let mut der = Der {
        bytes: [0; MAX_DER],
        len: 0,
    };
    der.push(&[0x30])?;
    if content >= 0x80 {
        der.push(&[0x81])?;
    }
    der.push(&[u8::try_from(content).ok()?])?;
    der.push_integer(r)?;
    der.push_integer(s)?;
    Some(der)
}

/// `r` and `s` side by side, out of the DER that a signer of the provider wrote.
#[cfg(any(test, feature = "tls"))]
pub(crate) fn to_fixed(len: usize, der: &[u8]) -> Option<Vec<u8>> {
    let body = match der {
        [0x30, 0x81, n, body @ ..] | [0x30, n, body @ ..] if usize::from(*n) == body.len() => body,
        _ => return None,
    };
    let (r, rest) = take_integer(body)?;
    let (s, []) = take_integer(rest)? else {
        return None;
    };
    let mut fixed = Vec::with_capacity(2 * len);
    for number in [r, s] {
        fixed.resize(fixed.len() + len.checked_sub(number.len())?, 0);
        fixed.extend_from_slice(number);
    }
    Some(fixed)
}

#[cfg(any(test, feature = "tls"))]
fn take_integer(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let [0x02, len, rest @ ..] = der else { return None };
    let (digits, rest) = rest.split_at_checked(usize::from(*len))?;
    Some((without_zeros(digits), rest))
}

fn integer_len(magnitude: &[u8]) -> usize {
    let digits = without_zeros(magnitude);
    let sign = digits.first().is_some_and(|first| first & 0x80 != 0);
    2 + usize::from(sign) + digits.len()
}

fn in_range(number: &[u8], order: &[u8]) -> bool {
    // Same length, big-endian: the order of the bytes is the order of the numbers.
    number < order && !without_zeros(number).is_empty()
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The order n of the group (SEC 2 §2.4.2, §2.5.1, §2.6.1).
fn order(curve: KeyType) -> Option<&'static [u8]> {
    match curve {
        KeyType::P256 => Some(&N_P256),
        KeyType::P384 => Some(&N_P384),
        KeyType::P521 => Some(&N_P521),
        _ => None,
    }
}

#[rustfmt::skip]
const N_P256: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
#[rustfmt::skip]
const N_P384: [u8; 48] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
    0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
];
#[rustfmt::skip]
const N_P521: [u8; 66] = [
    0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xfa, 0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b, 0x7f, 0xcc, 0x01, 0x48, 0xf7, 0x09,
    0xa5, 0xd0, 0x3b, 0xb5, 0xc9, 0xb8, 0x89, 0x9c, 0x47, 0xae, 0xbb, 0x6f, 0xb7, 0x1e, 0x91, 0x38,
    0x64, 0x09,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(r: &[u8], s: &[u8]) -> Vec<u8> {
        [r, s].concat()
    }

    #[test]
    fn only_numbers_in_range_and_of_the_right_length() {
        let (one, n) = ([[0; 31].as_slice(), &[1]].concat(), N_P256.to_vec());
        let below = {
            let mut below = n.clone();
            below[31] -= 1;
            below
        };
        let above = {
            let mut above = n.clone();
            above[31] += 1;
            above
        };
        let zero = vec![0; 32];
        let cases: [(&str, Vec<u8>, bool); 12] = [
            ("smallest", pair(&one, &one), true),
            ("largest", pair(&below, &below), true),
            ("psychic", pair(&zero, &zero), false),
            ("r = 0", pair(&zero, &one), false),
            ("s = 0", pair(&one, &zero), false),
            ("r = n", pair(&n, &one), false),
            ("s = n", pair(&one, &n), false),
            ("r = n + 1", pair(&above, &one), false),
            ("all ones", vec![0xff; 64], false),
            ("short", vec![1; 63], false),
            ("long", vec![1; 65], false),
            ("empty", vec![], false),
        ];
        for (name, signature, good) in cases {
            assert_eq!(to_der(KeyType::P256, &signature).is_some(), good, "{name}");
        }
    }

    #[test]
    fn der_is_minimal_and_comes_back() {
        let curves = [
            (KeyType::P256, 32, 8),
            (KeyType::P384, 48, 8),
            (KeyType::P521, 66, 9),
        ];
        for (curve, len, smallest) in curves {
            let one = [vec![0; len - 1], vec![1]].concat();
            let large = {
                let mut large = order(curve).unwrap().to_vec();
                large[len - 1] -= 1;
                large
            };
            for signature in [pair(&one, &one), pair(&large, &one), pair(&large, &large)] {
                let der = to_der(curve, &signature).unwrap();
                assert!(der.as_slice().len() + 1 >= smallest, "{curve:?}");
                assert_eq!(
                    to_fixed(len, der.as_slice()).as_deref(),
                    Some(&*signature),
                    "{curve:?}"
                );
            }
        }
        assert_eq!(
            to_der(
                KeyType::P256,
                &[vec![0; 31], vec![1], vec![0; 31], vec![0x80]].concat()
            )
            .unwrap()
            .as_slice(),
            [0x30, 7, 2, 1, 1, 2, 2, 0, 0x80]
        );
        assert_eq!(to_fixed(32, &[0x30, 0]), None);
        assert_eq!(to_fixed(32, &[]), None);
    }
}

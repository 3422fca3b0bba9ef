use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq as _;

/// An encoding of signatures. Only the canonical form is read, so that one value has one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// Lower-case hexadecimal.
    Hex,
    /// Hexadecimal, all in upper case or all in lower case: for providers whose documents show one and whose
    /// libraries take either.
    HexEitherCase,
    /// Base64 with padding (RFC 4648 §4).
    Base64,
    /// Base64url without padding (RFC 4648 §5).
    Base64Url,
    /// Base64url with padding.
    Base64UrlPadded,
}

/// The longest MAC there is here, in bytes (SHA-512).
pub(in crate::payload) const MAX_MAC: usize = 64;

/// A MAC or a decoded signature, on the stack.
#[derive(Clone, Copy)]
pub(in crate::payload) struct MacBytes {
    bytes: [u8; MAX_MAC + 2], // base64 is written in whole groups of three
    len: usize,
}

impl MacBytes {
    pub(in crate::payload) const EMPTY: Self = Self {
        bytes: [0; MAX_MAC + 2],
        len: 0,
    };

    pub(in crate::payload) fn of(mac: &[u8]) -> Self {
        let mut whole = Self {
            len: mac.len().min(MAX_MAC),
            ..Self::EMPTY
        };
        if let Some((to, from)) = whole.bytes.get_mut(..whole.len).zip(mac.get(..whole.len)) {
            to.copy_from_slice(from);
        }
        whole
    }

    /// Whether they are the same, in a time that depends on their lengths alone: every difference of any byte is
    /// gathered, and what was gathered is compared once.
    #[inline]
    pub(in crate::payload) fn is_same(&self, mac: &[u8]) -> bool {
        let pairs = self.as_slice().iter().zip(mac);
        let difference = pairs.fold(0, |difference, (ours, theirs)| difference | (ours ^ theirs));
        self.len == mac.len() && bool::from(difference.ct_eq(&0))
    }

    #[inline]
    pub(in crate::payload) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Encoding {
    /// Exactly `len` bytes in canonical form, or nothing.
    pub(in crate::payload) fn decode(self, text: &[u8], len: usize) -> Option<MacBytes> {
        let mut decoded = MacBytes::EMPTY;
        self.decode_into(text, len, &mut decoded).then_some(decoded)
    }

    /// Whether the text is exactly `len` bytes in canonical form, which are then there.
    #[inline]
    pub(in crate::payload) fn decode_into(self, text: &[u8], len: usize, decoded: &mut MacBytes) -> bool {
        if text.len() != self.encoded_len(len) || len > MAX_MAC {
            return false;
        }
        let out = &mut decoded.bytes;
        let written = match self {
            Self::Hex => decode_hex(text, out, &LOWER),
            Self::HexEitherCase => decode_hex(text, out, &LOWER).or_else(|| decode_hex(text, out, &UPPER)),
            Self::Base64 => STANDARD.decode_slice(text, out).ok(),
            Self::Base64Url => URL_SAFE_NO_PAD.decode_slice(text, out).ok(),
            Self::Base64UrlPadded => URL_SAFE.decode_slice(text, out).ok(),
        };
        decoded.len = len;
        written == Some(len)
    }

    /// Any number of bytes up to `limit` in canonical form: for signatures whose length varies.
    pub(in crate::payload) fn decode_any(self, text: &[u8], limit: usize) -> Option<Vec<u8>> {
        let decoded = match self {
            _ if text.is_empty() || text.len() > limit.saturating_mul(2) => None,
            Self::Hex | Self::HexEitherCase => decode_hex_vec(text),
            Self::Base64 => STANDARD.decode(text).ok(),
            Self::Base64Url => URL_SAFE_NO_PAD.decode(text).ok(),
            Self::Base64UrlPadded => URL_SAFE.decode(text).ok(),
        };
        decoded.filter(|bytes| bytes.len() <= limit)
    }

    /// The canonical form.
    pub(in crate::payload) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex | Self::HexEitherCase => hex(bytes),
            Self::Base64 => STANDARD.encode(bytes),
            Self::Base64Url => URL_SAFE_NO_PAD.encode(bytes),
            Self::Base64UrlPadded => URL_SAFE.encode(bytes),
        }
    }

    fn encoded_len(self, len: usize) -> usize {
        match self {
            Self::Hex | Self::HexEitherCase => len.saturating_mul(2),
            Self::Base64 | Self::Base64UrlPadded => len.div_ceil(3).saturating_mul(4),
            Self::Base64Url => len.saturating_mul(4).div_ceil(3),
        }
    }
}

/// Lower-case hexadecimal.
pub(in crate::payload) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// Lower-case hexadecimal of any length.
pub(in crate::payload) fn decode_hex_vec(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = vec![0; text.len() / 2];
    let written = decode_hex(text, &mut bytes, &LOWER)?;
    (written == bytes.len() && text.len().is_multiple_of(2)).then_some(bytes)
}

/// What is not a digit of the table.
const NO_DIGIT: u8 = 0x80;
const LOWER: [u8; 256] = digits(b'a');
const UPPER: [u8; 256] = digits(b'A');

/// The value of each digit, with letters from `first` on.
#[expect(clippy::indexing_slicing, reason = "evaluated when it is compiled")]
const fn digits(first: u8) -> [u8; 256] {
    let mut table = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        let letter = if value < 10 {
            b'0' + value
        } else {
            first + value - 10
        };
        table[letter as usize] = value;
        value += 1;
    }
    table
}

#[inline]
fn decode_hex(text: &[u8], out: &mut [u8], table: &[u8; 256]) -> Option<usize> {
    let digit = |letter: u8| table.get(usize::from(letter)).copied().unwrap_or(NO_DIGIT);
    let (pairs, _) = text.as_chunks::<2>();
    let mut wrong = 0;
    for ([high, low], byte) in pairs.iter().zip(out.iter_mut()) {
        let (high, low) = (digit(*high), digit(*low));
        wrong |= high | low;
        *byte = high << 4 | low;
    }
    (wrong & NO_DIGIT == 0).then_some(pairs.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMS: [Encoding; 5] = [
        Encoding::Hex,
        Encoding::HexEitherCase,
        Encoding::Base64,
        Encoding::Base64Url,
        Encoding::Base64UrlPadded,
    ];

    #[test]
    fn one_value_has_one_form() {
        let cases: [(Encoding, &str, Option<&[u8]>); 23] = [
            (Encoding::Hex, "00ff", Some(&[0, 255])),
            (Encoding::Hex, "00FF", None),
            (Encoding::Hex, "0ff", None),
            (Encoding::Hex, "00ff00", None),
            (Encoding::Hex, "0xff", None),
            (Encoding::HexEitherCase, "00ff", Some(&[0, 255])),
            (Encoding::HexEitherCase, "00FF", Some(&[0, 255])),
            (Encoding::HexEitherCase, "aAFF", None),
            (Encoding::Base64, "AP8=", Some(&[0, 255])),
            (Encoding::Base64, "AP8", None),
            (Encoding::Base64, "AP9=", None),
            (Encoding::Base64, "AP_=", None),
            (Encoding::Base64, " AP8", None),
            (Encoding::Base64, "", None),
            (Encoding::Base64, "AP8A", None),
            (Encoding::Base64, "AA==", None),
            (Encoding::Base64Url, "AP8", Some(&[0, 255])),
            (Encoding::Base64Url, "AP9", None),
            (Encoding::Base64Url, "AP8=", None),
            (Encoding::Base64UrlPadded, "AP8=", Some(&[0, 255])),
            (Encoding::Base64UrlPadded, "AP8", None),
            (Encoding::Base64UrlPadded, "AP9=", None),
            (Encoding::Base64UrlPadded, "AP8A", None),
        ];
        for (encoding, text, expected) in cases {
            let decoded = encoding.decode(text.as_bytes(), 2);
            assert_eq!(
                decoded.as_ref().map(MacBytes::as_slice),
                expected,
                "{encoding:?} {text:?}"
            );
        }
    }

    #[test]
    fn macs_are_the_same_whole_or_not_at_all() {
        let mac = MacBytes::of(&[7; 32]);
        let other = |position: usize| {
            let mut other = [7; 32];
            other[position] = 6;
            other
        };
        assert!(mac.is_same(&[7; 32]));
        assert!((0..32).all(|position| !mac.is_same(&other(position))));
        for length in (0..32).chain([33, 64]) {
            assert!(!mac.is_same(&vec![7; length]), "{length}");
        }
        assert!(!MacBytes::EMPTY.is_same(&[7; 32]));
    }

    #[test]
    fn what_is_written_is_read() {
        for encoding in FORMS {
            for len in [1, 20, 32, 64] {
                let text = encoding.encode(&vec![0xfb; len]);
                let decoded = encoding.decode(text.as_bytes(), len);
                let expected = vec![0xfb; len];
                assert_eq!(decoded.as_ref().map(MacBytes::as_slice), Some(&*expected));
                assert_eq!(
                    encoding.decode_any(text.as_bytes(), 64),
                    Some(expected),
                    "{encoding:?} {len}"
                );
                assert_eq!(
                    encoding.decode_any(text.as_bytes(), len - 1),
                    None,
                    "{encoding:?} {len}"
                );
            }
        }
    }
}

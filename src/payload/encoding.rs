use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Encoding;

/// The longest MAC there is here, in bytes (SHA-512).
pub(super) const MAX_MAC: usize = 64;

/// A decoded signature, on the stack.
pub(super) struct Decoded {
    bytes: [u8; MAX_MAC + 2],
    len: usize,
}

impl Decoded {
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Encoding {
    /// Exactly `len` bytes in canonical form, or nothing. One value has one form.
    pub(super) fn decode(self, text: &[u8], len: usize) -> Option<Decoded> {
        let mut decoded = Decoded {
            bytes: [0; MAX_MAC + 2],
            len,
        };
        if text.len() != self.encoded_len(len) {
            return None;
        }
        let written = match self {
            Self::Hex => decode_hex(text, &mut decoded.bytes)?,
            Self::Base64 => STANDARD.decode_slice(text, &mut decoded.bytes).ok()?,
        };
        (written == len).then_some(decoded)
    }

    pub(super) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            Self::Base64 => STANDARD.encode(bytes),
        }
    }

    fn encoded_len(self, len: usize) -> usize {
        match self {
            Self::Hex => len * 2,
            Self::Base64 => len.div_ceil(3) * 4,
        }
    }
}

fn decode_hex(text: &[u8], out: &mut [u8]) -> Option<usize> {
    for (pair, byte) in text.chunks(2).zip(out.iter_mut()) {
        let [high, low] = pair else { return None };
        *byte = hex_digit(*high)? << 4 | hex_digit(*low)?;
    }
    Some(text.len() / 2)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_has_one_form() {
        let cases: [(Encoding, &str, Option<&[u8]>); 11] = [
            (Encoding::Hex, "00ff", Some(&[0, 255])),
            (Encoding::Hex, "00FF", None),
            (Encoding::Hex, "0ff", None),
            (Encoding::Hex, "00ff00", None),
            (Encoding::Hex, "0xff", None),
            (Encoding::Base64, "AP8=", Some(&[0, 255])),
            (Encoding::Base64, "AP8", None),
            (Encoding::Base64, "AP9=", None),
            (Encoding::Base64, "AP_=", None),
            (Encoding::Base64, " AP8", None),
            (Encoding::Base64, "", None),
        ];
        for (encoding, text, expected) in cases {
            let decoded = encoding.decode(text.as_bytes(), 2);
            assert_eq!(
                decoded.as_ref().map(Decoded::as_slice),
                expected,
                "{encoding:?} {text:?}"
            );
        }
        for encoding in [Encoding::Hex, Encoding::Base64] {
            let text = encoding.encode(&[7; 32]);
            assert_eq!(
                encoding.decode(text.as_bytes(), 32).map(|decoded| decoded.len),
                Some(32)
            );
        }
    }
}

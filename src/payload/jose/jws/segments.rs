//! A token in its compact form (RFC 7515 §7.1), cut at its two dots.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::payload::jose::{InvalidJwt, JwtPart};

/// The longest token that is looked at, in bytes, where nobody asks for more; and the longest header in any case.
pub(in crate::payload::jose) const MAX_TOKEN: usize = 16 * 1024;
/// The longest signature, decoded: RSA with 8192 bits.
const MAX_SIGNATURE: usize = 1024;

/// The three parts, still encoded.
#[derive(Debug, Clone, Copy)]
pub(in crate::payload::jose) struct Segments<'t> {
    pub(in crate::payload::jose) header: &'t str,
    pub(in crate::payload::jose) payload: &'t str,
    pub(in crate::payload::jose) signature: &'t str,
    /// Header, dot and payload: what is signed, unless the payload is detached.
    pub(in crate::payload::jose) signed: &'t str,
}

impl<'t> Segments<'t> {
    /// Exactly three parts. The size is looked at first, and no more is read than a third dot.
    pub(in crate::payload::jose) fn parse(token: &'t str, limit: usize) -> Result<Self, InvalidJwt> {
        if token.len() > limit {
            return Err(InvalidJwt::TooLarge { limit });
        }
        let mut dots = memchr::memchr_iter(b'.', token.as_bytes());
        let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else {
            return Err(InvalidJwt::Segments);
        };
        if first > MAX_TOKEN {
            return Err(InvalidJwt::TooLarge { limit: MAX_TOKEN });
        }
        let parts = (
            token.get(..first),
            token.get(first + 1..second),
            token.get(second + 1..),
            token.get(..second),
        );
        let (Some(header), Some(payload), Some(signature), Some(signed)) = parts else {
            return Err(InvalidJwt::Segments);
        };
        Ok(Self {
            header,
            payload,
            signature,
            signed,
        })
    }

    /// The signature's bytes, in a place of the caller's: none is moved after it was written.
    pub(in crate::payload::jose) fn decode_signature<'s>(
        &self,
        place: &'s mut SignaturePlace,
    ) -> Result<&'s [u8], InvalidJwt> {
        let wrong = || InvalidJwt::Base64 {
            part: JwtPart::Signature,
        };
        if self.signature.len() > MAX_SIGNATURE * 4 / 3 {
            return Err(wrong());
        }
        let written = URL_SAFE_NO_PAD.decode_slice(self.signature, place);
        written.ok().and_then(|len| place.get(..len)).ok_or_else(wrong)
    }
}

/// Room for the longest signature.
pub(in crate::payload::jose) type SignaturePlace = [u8; MAX_SIGNATURE];
pub(in crate::payload::jose) const EMPTY_PLACE: SignaturePlace = [0; MAX_SIGNATURE];

/// Room for a part that is decoded. What is no longer than most are takes no allocation.
pub(in crate::payload::jose) struct Room<const N: usize> {
    place: [u8; N],
    long: Vec<u8>,
}

impl<const N: usize> Room<N> {
    pub(in crate::payload::jose) const EMPTY: Self = Self {
        place: [0; N],
        long: Vec::new(),
    };

    /// As [`decode`].
    pub(in crate::payload::jose) fn decode(
        &mut self,
        part: JwtPart,
        text: &str,
    ) -> Result<&[u8], InvalidJwt> {
        // What the engine asks for before it looks at the text.
        if text.len() / 4 * 3 + 3 > N {
            self.long = decode(part, text)?;
            return Ok(&self.long);
        }
        let written = URL_SAFE_NO_PAD.decode_slice(text, &mut self.place);
        let decoded = written.ok().and_then(|len| self.place.get(..len));
        // Made only where it is needed: what makes no refusal has none to drop.
        let Some(decoded) = decoded else {
            return Err(InvalidJwt::Base64 { part });
        };
        Ok(decoded)
    }
}

/// base64url as RFC 7515 §2 wants it, and in its one canonical form: no padding, no white space, no spare bits.
pub(crate) fn decode(part: JwtPart, text: &str) -> Result<Vec<u8>, InvalidJwt> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| InvalidJwt::Base64 { part })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_decoded_alike_wherever_there_is_room() {
        let letters = "QUJD".repeat(8);
        for len in 0..=letters.len() {
            for end in ["", "B", "A", "=", ".", "-_", "\u{e9}"] {
                let text = [&letters[..len], end].concat();
                let expected = decode(JwtPart::Header, &text);
                let (mut short, mut long) = (Room::<12>::EMPTY, Room::<64>::EMPTY);
                let (short, long) = (
                    short.decode(JwtPart::Header, &text),
                    long.decode(JwtPart::Header, &text),
                );
                assert_eq!(short, expected.as_deref().map_err(Clone::clone), "{text}");
                assert_eq!(long, expected.as_deref().map_err(Clone::clone), "{text}");
            }
        }
    }
}

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::Malformed;
use super::outline::key_of;
use crate::pem::{self, InvalidPem, KeyHolder};

macro_rules! sha256_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The digest itself.
            pub fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// Reads `sha256/<base64>`, or 64 hexadecimal digits with or without colons between the bytes.
            ///
            /// # Errors
            /// [`InvalidHash`] for anything else, including base64 that is not canonical.
            pub fn parse(text: &str) -> Result<Self, InvalidHash> {
                parse_sha256(text).map(Self)
            }
        }

        impl From<[u8; 32]> for $name {
            fn from(digest: [u8; 32]) -> Self {
                Self(digest)
            }
        }

        impl FromStr for $name {
            type Err = InvalidHash;

            fn from_str(text: &str) -> Result<Self, InvalidHash> {
                Self::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "sha256/{}", STANDARD.encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

sha256_name! {
    /// SHA-256 of a SubjectPublicKeyInfo in DER: the name of a public key, as pins use it (RFC 7469 §2.4).
    ///
    /// Stays the same when a certificate is renewed under the same key.
    ///
    /// ```
    /// use countersign::identity::SpkiHash;
    ///
    /// let pin = SpkiHash::parse("sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")?;
    /// assert_eq!(pin.to_string(), "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    /// # Ok::<(), countersign::identity::InvalidHash>(())
    /// ```
    SpkiHash
}

sha256_name! {
    /// SHA-256 of a whole certificate in DER: the `x5t#S256` of RFC 8705, in its binary form.
    ///
    /// # Security
    /// It covers the signature, which the authority has made and anybody can change into another good one (ECDSA: *s* into
    /// *n - s*). So one certificate has several hashes: who has this hash is that certificate, who has another may be it
    /// too. Give trust by it; take trust away by key, or by issuer and serial number.
    CertHash
}

impl SpkiHash {
    /// The hash of the key in a PEM text: of the only public key (`BEGIN PUBLIC KEY`), or, without one, of the first
    /// certificate, of which only the key is looked at.
    ///
    /// # Errors
    /// [`InvalidPem`], also where there is none.
    pub fn from_pem(pem: &[u8]) -> Result<Self, InvalidPem> {
        pem::key_holder(pem, |holder| match holder {
            KeyHolder::Spki(spki) => Some(Self::of(&spki)),
            KeyHolder::Certificate(der) => {
                let certificate = webpki::EndEntityCert::try_from(&der).ok()?;
                Some(Self::of(&certificate.subject_public_key_info()))
            }
        })
    }

    /// The hash of the key in a certificate, DER, of which nothing else is looked at: what to pin, without
    /// [reading the rest](super::PeerChain::parse).
    ///
    /// # Errors
    /// [`Malformed::Certificate`] where it is not one certificate with nothing behind it.
    ///
    /// ```
    /// use countersign::identity::{PeerChain, SpkiHash};
    /// # use countersign::testing::TestCa;
    ///
    /// # let chain = TestCa::new("Acme Root").client("spiffe://acme.example/tenant/acme").issue().chain();
    /// let pinned = SpkiHash::of_certificate(&chain[0])?;
    /// assert_eq!(pinned, PeerChain::parse(chain)?.leaf().spki());
    /// # Ok::<(), countersign::identity::Malformed>(())
    /// ```
    pub fn of_certificate(certificate_der: &[u8]) -> Result<Self, Malformed> {
        key_of(certificate_der)
            .map(Self::of)
            .ok_or(Malformed::Certificate)
    }

    /// The hash of a SubjectPublicKeyInfo, DER with its outer SEQUENCE (what `openssl pkey -pubout -outform DER` writes).
    pub fn of(spki_der: &[u8]) -> Self {
        Self(Sha256::digest(spki_der).into())
    }
}

impl CertHash {
    /// The hash of a certificate, DER.
    pub fn of(certificate_der: &[u8]) -> Self {
        Self(Sha256::digest(certificate_der).into())
    }

    /// As OpenTelemetry has hashes.
    #[cfg(feature = "tracing")]
    pub(crate) fn upper_hex(&self) -> String {
        use std::fmt::Write as _;
        self.0.iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02X}");
            hex
        })
    }
}

/// Text that is not a SHA-256 digest in a form understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error(
    "not a SHA-256 digest but {characters} other characters; write it as sha256/<44 characters of base64> or as 64 hexadecimal digits"
)]
pub struct InvalidHash {
    /// How long the text is. It is not told: where files were mistaken for each other, it is a key.
    pub characters: usize,
}

fn parse_sha256(text: &str) -> Result<[u8; 32], InvalidHash> {
    let digest = match text.strip_prefix("sha256/") {
        Some(base64) => STANDARD.decode(base64).ok(),
        None => parse_hex(text),
    };
    digest
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| InvalidHash {
            characters: text.chars().count(),
        })
}

fn parse_hex(text: &str) -> Option<Vec<u8>> {
    match text.len() {
        64 => text.as_bytes().chunks(2).map(hex_byte).collect(),
        95 => text.split(':').map(|byte| hex_byte(byte.as_bytes())).collect(),
        _ => None,
    }
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    let high = char::from(*high).to_digit(16)?;
    let low = char::from(*low).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY_HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const EMPTY_BASE64: &str = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    fn with_colons(hex: &str) -> String {
        hex.as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8_lossy(pair))
            .collect::<Vec<_>>()
            .join(":")
    }

    #[test]
    fn a_certificate_that_is_cut_or_goes_on_has_no_key() {
        let whole = crate::testing::TestCa::new("Acme Root").certificate().to_vec();
        assert!(SpkiHash::of_certificate(&whole).is_ok());
        let longer = [&whole[..], &[0]].concat();
        let key_alone = key_of(&whole).expect("a key").to_vec();
        for wrong in [&whole[..whole.len() - 1], &whole[1..], &longer, &key_alone, &[]] {
            assert_eq!(SpkiHash::of_certificate(wrong), Err(Malformed::Certificate));
        }
    }

    #[test]
    fn forms_that_mean_the_same() {
        let expected = SpkiHash::of(b"");
        for text in [
            EMPTY_BASE64,
            EMPTY_HEX,
            &EMPTY_HEX.to_uppercase(),
            &with_colons(EMPTY_HEX),
        ] {
            assert_eq!(SpkiHash::parse(text), Ok(expected), "{text}");
        }
        assert_eq!(expected.to_string(), EMPTY_BASE64);
    }

    #[test]
    fn anything_else_is_refused() {
        let non_canonical = EMPTY_BASE64.replace("uFU=", "uFV=");
        let short = &EMPTY_HEX[..62];
        let cases = [
            "",
            "sha256/",
            "sha1/2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
            &non_canonical,
            short,
            "sha256/é",
            &"é".repeat(32),
        ];
        for text in cases {
            assert_eq!(
                SpkiHash::parse(text),
                Err(InvalidHash {
                    characters: text.chars().count()
                }),
                "{text}"
            );
        }
        let colons = with_colons(EMPTY_HEX).replace("e3:b0", "e3b0:");
        assert_eq!(
            CertHash::parse(&colons),
            Err(InvalidHash {
                characters: colons.chars().count()
            })
        );
    }
}

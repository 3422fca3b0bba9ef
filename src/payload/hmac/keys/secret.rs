use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Digest as _;
use zeroize::Zeroizing;

use super::KeyProblem;
use crate::payload::SchemeText;
use crate::payload::hmac::encoding::decode_hex_vec;
use crate::payload::percent::is_unreserved;

/// The form in which a provider shows its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyForm {
    /// The text itself is the key.
    Utf8,
    /// Base64 after a prefix of which all, or all up to its last comma, may be left out: `v1,whsec_<base64>`.
    Base64 {
        /// The prefix.
        prefix: SchemeText,
    },
    /// Hexadecimal, in upper or lower case.
    Hex,
    /// The SHA-1 hash of the text is the key.
    Sha1OfText,
    /// The text itself, of characters that have one form in a URL: RFC 3986 §2.3.
    Unreserved,
}

impl fmt::Display for KeyForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utf8 | Self::Sha1OfText => f.write_str("text"),
            Self::Base64 { prefix } => write!(f, "{prefix}<base64>"),
            Self::Hex => f.write_str("hexadecimal"),
            Self::Unreserved => f.write_str("made of letters, digits, `-`, `.`, `_` and `~` alone"),
        }
    }
}

/// Whether a secret that is short or looks like a placeholder is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weak {
    Refuse,
    Allow,
}

impl KeyForm {
    /// The key's bytes. Never empty, whatever is allowed.
    pub(crate) fn read(&self, secret: &str, weak: Weak) -> Result<Zeroizing<Vec<u8>>, KeyProblem> {
        if secret.is_empty() {
            return Err(KeyProblem::Empty);
        }
        if secret.trim() != secret {
            return Err(KeyProblem::Space);
        }
        let bytes = self.decode(secret)?;
        if bytes.is_empty() {
            return Err(KeyProblem::Empty);
        }
        if weak == Weak::Refuse {
            self.check_strength(secret, &bytes)?;
        }
        Ok(bytes)
    }

    fn decode(&self, secret: &str) -> Result<Zeroizing<Vec<u8>>, KeyProblem> {
        let decoded = match self {
            Self::Utf8 => Some(secret.as_bytes().to_vec()),
            Self::Base64 { prefix } => STANDARD.decode(without(prefix, secret)).ok(),
            Self::Hex => decode_hex_vec(Zeroizing::new(secret.to_ascii_lowercase()).as_bytes()),
            Self::Sha1OfText => Some(sha1::Sha1::digest(secret).to_vec()),
            Self::Unreserved => is_unreserved(secret).then(|| secret.as_bytes().to_vec()),
        };
        decoded
            .map(Zeroizing::new)
            .ok_or(KeyProblem::Form { form: self.clone() })
    }

    fn check_strength(&self, secret: &str, bytes: &[u8]) -> Result<(), KeyProblem> {
        // Before the length: a template that is too short is to be called what it is.
        if is_placeholder(secret) || is_uniform(bytes) {
            return Err(KeyProblem::Placeholder);
        }
        // A hash has a length of its own, whatever it is made of.
        let entropy = if *self == Self::Sha1OfText {
            secret.as_bytes()
        } else {
            bytes
        };
        if entropy.len() < super::Key::MIN_SECRET {
            return Err(KeyProblem::TooShort { bytes: entropy.len() });
        }
        Ok(())
    }
}

/// The secret without this prefix, or without what follows the last comma in it.
fn without<'s>(prefix: &str, secret: &'s str) -> &'s str {
    let short = prefix.rsplit(',').next().unwrap_or_default();
    let rest = secret.strip_prefix(prefix).or_else(|| secret.strip_prefix(short));
    rest.unwrap_or(secret)
}

/// One byte over and over: zeros, `xxxxxxxxxxxxxxxx`.
fn is_uniform(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| Some(byte) == bytes.first())
}

/// Whether what stands in the place of a name is the secret: it is the same text, or looks more like one.
pub(super) fn is_swapped(name: &str, secret: &str) -> bool {
    (!name.is_empty() && name == secret) || (looks_random(name) && !looks_random(secret))
}

/// A run of 16 characters of base64 or hexadecimal, in which lower case, upper case and digits change about as often as
/// chance has them do: nearly half of the time. In words and dates they do not.
pub(crate) fn looks_random(text: &str) -> bool {
    const SHORTEST: usize = 16;
    let of_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let mut runs = text.as_bytes().split(|byte| !of_base64(byte));
    runs.any(|run| {
        let changes = run.windows(2).filter(|pair| changes_class(pair)).count();
        run.len() >= SHORTEST && changes * 4 >= run.len()
    })
}

/// Another class than the character before; but for the capital that begins a word.
fn changes_class(pair: &[u8]) -> bool {
    let class = |byte: &u8| (byte.is_ascii_lowercase(), byte.is_ascii_uppercase());
    match pair {
        [first, second] => {
            class(first) != class(second) && !(first.is_ascii_uppercase() && second.is_ascii_lowercase())
        }
        _ => false,
    }
}

/// What stands in examples and templates where the secret belongs.
fn is_placeholder(secret: &str) -> bool {
    let text = secret.to_ascii_lowercase();
    let unfilled = [("<", ">"), ("${", "}"), ("{{", "}}"), ("%", "%"), ("[", "]")];
    let words = [
        "changeme",
        "change-me",
        "change_me",
        "placeholder",
        "your-secret",
        "your_secret",
        "yoursecret",
        "your_webhook",
        "your-webhook",
        "webhook_secret_here",
        "insert_secret",
        "replace_me",
        "replace-me",
        "xxxxxxxx",
        "********",
    ];
    unfilled
        .iter()
        .any(|(open, close)| text.starts_with(open) && text.ends_with(close))
        || words.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_secret_is_refused() {
        use KeyForm::{Base64, Hex, Sha1OfText, Utf8};
        let whsec = Base64 {
            prefix: "whsec_".into(),
        };
        let versioned = Base64 {
            prefix: "v1,whsec_".into(),
        };
        let good = "C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        let cases = [
            (Utf8, "It's a Secret to Everybody", Ok(26)),
            (Utf8, "", Err(KeyProblem::Empty)),
            (Utf8, " ", Err(KeyProblem::Space)),
            (Utf8, "It's a Secret to Everybody\n", Err(KeyProblem::Space)),
            (Utf8, "short", Err(KeyProblem::TooShort { bytes: 5 })),
            (Utf8, "<your signing secret>", Err(KeyProblem::Placeholder)),
            (Utf8, "${WEBHOOK_SIGNING_SECRET}", Err(KeyProblem::Placeholder)),
            (Utf8, "whsec_your_secret_goes_here", Err(KeyProblem::Placeholder)),
            (Utf8, "aaaaaaaaaaaaaaaaaaaaaaaa", Err(KeyProblem::Placeholder)),
            (Utf8, "<2FVsBQIhrscChlQIMV+b5s", Ok(23)),
            (Utf8, "C2FVsBQIhrscChlQIMV+b5}", Ok(23)),
            (whsec.clone(), "whsec_", Err(KeyProblem::Empty)),
            (whsec.clone(), good, Ok(24)),
            (versioned.clone(), good, Ok(24)),
            (
                versioned.clone(),
                "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                Ok(24),
            ),
            (
                versioned.clone(),
                "v1,whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                Ok(24),
            ),
            (
                versioned.clone(),
                "v2,whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                Err(KeyProblem::Form {
                    form: versioned.clone(),
                }),
            ),
            (whsec.clone(), "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", Ok(24)),
            (
                whsec.clone(),
                "whsec_C2FVsBQIhrscChlQIMV-b5sSYspob7oD",
                Err(KeyProblem::Form { form: whsec.clone() }),
            ),
            (
                whsec.clone(),
                "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                Err(KeyProblem::Placeholder),
            ),
            (Hex, "44782DEF547AAA06C910C43932B1EB0C", Ok(16)),
            (
                Hex,
                "44782DEF547AAA06C910C43932B1EB0",
                Err(KeyProblem::Form { form: Hex }),
            ),
            (Hex, "hello", Err(KeyProblem::Form { form: Hex })),
            (Sha1OfText, "short", Err(KeyProblem::TooShort { bytes: 5 })),
            (Sha1OfText, "a private key of Braintree", Ok(20)),
        ];
        for (form, secret, expected) in cases {
            let read = form.read(secret, Weak::Refuse).map(|bytes| bytes.len());
            assert_eq!(read, expected, "{form:?} {secret:?}");
        }
    }

    #[test]
    fn a_secret_in_the_place_of_a_name_is_seen() {
        let secrets = [
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "44782DEF547AAA06C910C43932B1EB0C",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "kRz3vUQeXc9YtJp0aWm2bHsNf7gLqD1o8TxE4iVyC6A",
        ];
        let names = [
            "1",
            "2026-01",
            "acme-production-2026-01",
            "k8s-prod-eu1-v2-2026q4",
            "AcmeProductionKey2026",
            "GLOBEX_PRODUCTION_2026",
            "6f1c2e1a-8b1e-4f6c-9d3a-0123456789ab",
            "https://keys.example/acme/2026",
        ];
        for secret in secrets {
            for name in names {
                assert!(is_swapped(secret, name), "{secret} as a name beside {name}");
                assert!(!is_swapped(name, secret), "{name} beside {secret}");
            }
        }
        assert!(is_swapped("sixteen bytes of it", "sixteen bytes of it"));
    }

    #[test]
    fn weak_is_for_published_examples_and_empty_is_for_nobody() {
        let cases = [
            ("12345", Ok(5)),
            ("xxxxxxxx", Ok(8)),
            ("", Err(KeyProblem::Empty)),
            ("12345 ", Err(KeyProblem::Space)),
        ];
        for (secret, expected) in cases {
            let read = KeyForm::Utf8.read(secret, Weak::Allow).map(|bytes| bytes.len());
            assert_eq!(read, expected, "{secret:?}");
        }
    }
}

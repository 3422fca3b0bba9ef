use std::ffi::OsString;
use std::fmt;

use zeroize::Zeroizing;

/// A shared secret, or another key, as the provider shows it: a text that is neither printed nor logged.
///
/// A type of its own, so that it cannot change places with a name beside it. There is no conversion from a text that
/// happens by itself; `Debug` hides it, `Display` is missing, and it is overwritten when it is dropped.
///
/// ```
/// # use countersign::payload::Secret;
/// assert_eq!(format!("{:?}", Secret::new("whsec_MDEyMzQ1Njc4OWFi")), "Secret(..)");
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A secret of this text. The text itself stays the caller's to overwrite.
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The secret in an environment variable.
    ///
    /// # Errors
    /// [`NoSecret`], which names the variable, if its name is written as such are: what stands in its place by mistake may be
    /// the secret itself.
    pub fn from_env(variable: &str) -> Result<Self, NoSecret> {
        Self::of_variable(variable, std::env::var_os(variable))
    }

    fn of_variable(variable: &str, value: Option<OsString>) -> Result<Self, NoSecret> {
        let variable = || shown(variable).to_owned();
        let value = value.ok_or_else(|| NoSecret::NotSet { variable: variable() })?;
        if value.is_empty() {
            return Err(NoSecret::Empty { variable: variable() });
        }
        match value.into_string() {
            Ok(text) => Ok(Self(Zeroizing::new(text))),
            Err(_) => Err(NoSecret::NotText { variable: variable() }),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name in capitals, whose words are not long and have digits at their end only, as `ACME_SECRET_2026`. Neither base64
/// nor hexadecimal is written so, but by a rare chance.
fn shown(variable: &str) -> &str {
    const LONGEST: usize = 16;
    let is_word = |word: &str| {
        let letters = word.trim_end_matches(|last: char| last.is_ascii_digit());
        word.len() <= LONGEST && letters.bytes().all(|byte| byte.is_ascii_uppercase())
    };
    if variable.split('_').all(is_word) {
        variable
    } else {
        "(whose name is not shown, since it may be the secret)"
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// An environment variable that holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoSecret {
    /// There is no such variable.
    #[error("the environment variable {variable} is not set")]
    NotSet {
        /// Its name, or that it is not shown.
        variable: String,
    },
    /// Nothing in it.
    #[error("the environment variable {variable} is empty")]
    Empty {
        /// Its name, or that it is not shown.
        variable: String,
    },
    /// Not UTF-8.
    #[error("the environment variable {variable} is not UTF-8")]
    NotText {
        /// Its name, or that it is not shown.
        variable: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        assert_eq!(
            format!("{:?}", Some(Secret::new("sixteen bytes of it"))),
            "Some(Secret(..))"
        );
    }

    #[test]
    fn a_variable_without_a_secret_is_named() {
        let variable = || "ACME_SECRET".to_owned();
        let cases = [
            ("set", Some(" a b"), Ok(" a b")),
            ("not set", None, Err(NoSecret::NotSet { variable: variable() })),
            ("empty", Some(""), Err(NoSecret::Empty { variable: variable() })),
        ];
        for (case, value, expected) in cases {
            let found = Secret::of_variable("ACME_SECRET", value.map(OsString::from));
            let found = found.as_ref().map(Secret::as_str);
            assert_eq!(found, expected.as_ref().map(|text| *text), "{case}");
        }
    }

    #[test]
    fn a_secret_in_the_place_of_the_variable_is_not_shown() {
        let (seen, hidden) = (true, false);
        for (variable, expected) in [
            ("ACME_SECRET", seen),
            ("ACME_SECRET_2026", seen),
            ("SECRET1", seen),
            ("_ACME__SECRET", seen),
            ("acme_secret", hidden),
            ("whsec_C2FVsBQIhrscChlQIMV", hidden),
            ("E4782DEF547AAA06C910C43932B1EB0C", hidden),
            ("JBSWY3DPEHPK3PXP", hidden),
            ("JBSWYDPEHPKPXPQRSTU", hidden),
            ("correct horse battery staple", hidden),
            ("It's a Secret", hidden),
        ] {
            let invalid = Secret::of_variable(variable, None).unwrap_err();
            let shown = format!("{invalid} {invalid:?}");
            assert_eq!(shown.contains(variable), expected, "{shown}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_no_text_is_named_and_not_shown() {
        use std::os::unix::ffi::OsStringExt as _;
        let value = OsString::from_vec(b"secret\xff".to_vec());
        let invalid = Secret::of_variable("ACME_SECRET", Some(value)).unwrap_err();
        assert_eq!(
            invalid.to_string(),
            "the environment variable ACME_SECRET is not UTF-8"
        );
    }
}

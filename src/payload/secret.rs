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
    /// This text is a secret. The text itself stays the caller's to overwrite.
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The secret in an environment variable.
    ///
    /// # Errors
    /// [`NoSecret`], which names the variable.
    pub fn from_env(variable: &str) -> Result<Self, NoSecret> {
        Self::of_variable(variable, std::env::var_os(variable))
    }

    fn of_variable(variable: &str, value: Option<OsString>) -> Result<Self, NoSecret> {
        let variable = || variable.to_owned();
        let value = value.ok_or_else(|| NoSecret::NotSet { variable: variable() })?;
        if value.is_empty() {
            return Err(NoSecret::Empty { variable: variable() });
        }
        match value.into_string() {
            Ok(text) => Ok(Self(Zeroizing::new(text))),
            Err(_) => Err(NoSecret::NotText { variable: variable() }),
        }
    }

    pub(in crate::payload) fn as_str(&self) -> &str {
        &self.0
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
        /// Its name.
        variable: String,
    },
    /// Nothing in it.
    #[error("the environment variable {variable} is empty")]
    Empty {
        /// Its name.
        variable: String,
    },
    /// Not UTF-8.
    #[error("the environment variable {variable} is not UTF-8")]
    NotText {
        /// Its name.
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

use std::fmt;

use http::{HeaderMap, HeaderName, header};

use crate::payload::{NotAuthentic, SchemeText};

/// The place of a token in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtAt {
    name: HeaderName,
    /// The authentication scheme before it (RFC 9110 §11.4), compared without case.
    scheme: Option<SchemeText>,
}

impl JwtAt {
    /// `Authorization: Bearer <token>` (RFC 6750 §2.1).
    pub fn bearer() -> Self {
        Self::authorization("Bearer")
    }

    /// `Authorization: <scheme> <token>`.
    pub fn authorization(scheme: impl Into<SchemeText>) -> Self {
        Self {
            name: header::AUTHORIZATION,
            scheme: Some(scheme.into()),
        }
    }

    /// A header field that is nothing but the token.
    pub const fn header(name: HeaderName) -> Self {
        Self { name, scheme: None }
    }

    pub(in crate::payload::jose) fn find<'m>(&self, headers: &'m HeaderMap) -> Result<&'m str, NotAuthentic> {
        let name = || self.name.clone();
        let mut values = headers.get_all(&self.name).iter();
        let value = match (values.next(), values.next()) {
            (None, _) => return Err(NotAuthentic::MissingHeader { name: name() }),
            (Some(value), None) => value,
            (Some(_), Some(_)) => return Err(NotAuthentic::RepeatedHeader { name: name() }),
        };
        let malformed = || NotAuthentic::MalformedHeader { name: name() };
        let value = value.to_str().map_err(|_| malformed())?;
        let Some(scheme) = &self.scheme else {
            return Ok(value);
        };
        match value.split_once(' ') {
            Some((given, token)) if given.eq_ignore_ascii_case(scheme) => Ok(token),
            _ => Err(malformed()),
        }
    }

    /// How the token is sent.
    pub(in crate::payload::jose) fn write(&self, token: &str) -> (HeaderName, String) {
        let value = match &self.scheme {
            Some(scheme) => format!("{scheme} {token}"),
            None => token.to_owned(),
        };
        (self.name.clone(), value)
    }
}

impl fmt::Display for JwtAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scheme {
            Some(scheme) => write!(f, "{}: {scheme} <token>", self.name),
            None => write!(f, "{}: <token>", self.name),
        }
    }
}

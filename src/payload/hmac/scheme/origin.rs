use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::Uri;

/// Scheme, host and port of a URL as its sender sees them: what stands before the path.
///
/// For schemes that sign the URL. It is configuration: behind a proxy no header field can be believed to tell it.
///
/// ```
/// use countersign::payload::Origin;
///
/// assert!(Origin::parse("https://hooks.example").is_ok());
/// assert!(Origin::parse("https://hooks.example/path").is_err(), "an origin has no path");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    text: Arc<str>,
    scheme: Arc<str>,
    host: Arc<str>,
    port: Option<u16>,
}

impl Origin {
    /// Reads `https://hooks.example.com` or `https://hooks.example.com:8443`.
    ///
    /// # Errors
    /// [`InvalidOrigin`] for anything that has a path, a query, a user name, or neither `http` nor `https`.
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let uri: Uri = text.parse().map_err(|_| InvalidOrigin)?;
        let scheme = uri
            .scheme_str()
            .filter(|scheme| ["https", "http"].contains(scheme));
        let authority = uri
            .authority()
            .filter(|authority| !authority.as_str().contains('@'));
        let (Some(scheme), Some(authority)) = (scheme, authority) else {
            return Err(InvalidOrigin);
        };
        let origin = format!("{scheme}://{authority}");
        if text != origin || authority.host().is_empty() {
            return Err(InvalidOrigin);
        }
        Ok(Self {
            text: origin.into(),
            scheme: scheme.into(),
            host: authority.host().into(),
            port: authority.port_u16(),
        })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Without a port, and with one: the default port of the scheme where none is written.
    pub(in crate::payload) fn port_variants(&self) -> [String; 2] {
        let default = if &*self.scheme == "https" { 443 } else { 80 };
        let without = format!("{}://{}", self.scheme, self.host);
        let with = format!("{without}:{}", self.port.unwrap_or(default));
        [without, with]
    }
}

/// As RFC 9421 §2.2.3 wants it.
#[cfg(feature = "http-signatures")]
impl Origin {
    pub(in crate::payload) fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Host and port: in lower case, and the usual port left out.
    pub(in crate::payload) fn authority(&self) -> String {
        let usual = if &*self.scheme == "https" { 443 } else { 80 };
        let host = self.host.to_ascii_lowercase();
        match self.port {
            Some(port) if port != usual => format!("{host}:{port}"),
            _ => host,
        }
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        Self::parse(text)
    }
}

/// As it was written.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({})", self.text)
    }
}

/// Text that is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an origin is `https://host` or `https://host:port`, without path, query or user name")]
#[non_exhaustive]
pub struct InvalidOrigin;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_scheme_host_and_port() {
        let cases = [
            ("https://example.com", Ok("https://example.com")),
            ("http://example.com:1234", Ok("http://example.com:1234")),
            ("https://[::1]:8443", Ok("https://[::1]:8443")),
            ("https://example.com/", Err(InvalidOrigin)),
            ("https://example.com/hooks", Err(InvalidOrigin)),
            ("https://example.com?a", Err(InvalidOrigin)),
            ("https://me@example.com", Err(InvalidOrigin)),
            ("ftp://example.com", Err(InvalidOrigin)),
            ("example.com", Err(InvalidOrigin)),
            ("https://", Err(InvalidOrigin)),
            ("", Err(InvalidOrigin)),
        ];
        for (text, expected) in cases {
            let origin = Origin::parse(text);
            assert_eq!(
                origin.as_ref().map(Origin::as_str),
                expected.as_ref().map(|text| *text),
                "{text:?}"
            );
        }
        let variants = Origin::parse("https://example.com").map(|origin| origin.port_variants());
        assert_eq!(
            variants,
            Ok([
                "https://example.com".to_owned(),
                "https://example.com:443".to_owned()
            ])
        );
    }

    #[test]
    #[cfg(feature = "http-signatures")]
    fn its_authority_has_one_spelling() {
        let cases = [
            ("https://hooks.example", "hooks.example"),
            ("https://Hooks.Example:443", "hooks.example"),
            ("http://hooks.example:80", "hooks.example"),
            ("https://hooks.example:8443", "hooks.example:8443"),
            ("https://[::1]:8443", "[::1]:8443"),
        ];
        for (text, expected) in cases {
            let origin = Origin::parse(text);
            assert_eq!(
                origin.map(|origin| origin.authority()),
                Ok(expected.to_owned()),
                "{text}"
            );
        }
    }
}

use std::fmt;
use std::net::IpAddr;

/// One name of a leaf certificate, with its type. Names of different types never compare equal.
///
/// Every name in here is well-formed: no control bytes, no NUL, ASCII where the type demands it, no wildcard.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Name {
    /// dNSName of the subject alternative name, in lower case.
    Dns(Box<str>),
    /// uniformResourceIdentifier of the subject alternative name, as it stands.
    Uri(Box<str>),
    /// rfc822Name of the subject alternative name, as it stands.
    Email(Box<str>),
    /// iPAddress of the subject alternative name.
    Ip(IpAddr),
    /// Common name of the subject. Only where a rule asks for it: it is outside name constraints.
    CommonName(Box<str>),
    /// An organizational unit of the subject.
    OrganizationalUnit(Box<str>),
}

impl Name {
    /// Its type.
    pub fn kind(&self) -> NameKind {
        match self {
            Self::Dns(_) => NameKind::Dns,
            Self::Uri(_) => NameKind::Uri,
            Self::Email(_) => NameKind::Email,
            Self::Ip(_) => NameKind::Ip,
            Self::CommonName(_) => NameKind::CommonName,
            Self::OrganizationalUnit(_) => NameKind::OrganizationalUnit,
        }
    }

    /// A name of that kind, checked as the names in a certificate are.
    ///
    /// # Errors
    /// [`InvalidName`]: empty, a control byte, non-ASCII in an ASCII type, a wildcard, an address that is none.
    pub fn parse(kind: NameKind, text: &str) -> Result<Self, InvalidName> {
        Self::read(kind, text.as_bytes())?.ok_or(InvalidName { kind })
    }

    /// As [`parse`](Self::parse); nothing where it is a wildcard: `*.example.com` and the like stand for many hosts, so
    /// they are nobody's identity.
    pub(super) fn read(kind: NameKind, text: &[u8]) -> Result<Option<Self>, InvalidName> {
        let text = check_text(kind, text)?;
        if text.contains('*') {
            return Ok(None);
        }
        Ok(Some(match kind {
            NameKind::Dns => Self::Dns(text.to_ascii_lowercase().into()),
            NameKind::Uri => Self::Uri(text.into()),
            NameKind::Email => Self::Email(text.into()),
            NameKind::Ip => Self::Ip(text.parse().map_err(|_| InvalidName { kind })?),
            NameKind::CommonName => Self::CommonName(text.into()),
            NameKind::OrganizationalUnit => Self::OrganizationalUnit(text.into()),
        }))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "DNS:{name}"),
            Self::Uri(name) => write!(f, "URI:{name}"),
            Self::Email(name) => write!(f, "email:{name}"),
            Self::Ip(address) => write!(f, "IP:{address}"),
            Self::CommonName(name) => write!(f, "CN={name}"),
            Self::OrganizationalUnit(name) => write!(f, "OU={name}"),
        }
    }
}

/// The type of a [`Name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NameKind {
    /// [`Name::Dns`]
    Dns,
    /// [`Name::Uri`]
    Uri,
    /// [`Name::Email`]
    Email,
    /// [`Name::Ip`]
    Ip,
    /// [`Name::CommonName`]
    CommonName,
    /// [`Name::OrganizationalUnit`]
    OrganizationalUnit,
}

impl fmt::Display for NameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "DNS name",
            Self::Uri => "URI",
            Self::Email => "e-mail address",
            Self::Ip => "IP address",
            Self::CommonName => "common name",
            Self::OrganizationalUnit => "organizational unit",
        })
    }
}

/// Text that no name of this kind may hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind} that can be an identity")]
#[non_exhaustive]
pub struct InvalidName {
    /// The kind of name that was asked for.
    pub kind: NameKind,
}

/// Refuses what no identity may hold, whatever its kind: a NUL or line break turns an exact match into a lie in any
/// reader that stops there.
fn check_text(kind: NameKind, text: &[u8]) -> Result<&str, InvalidName> {
    let invalid = InvalidName { kind };
    let text = std::str::from_utf8(text).map_err(|_| invalid.clone())?;
    let ascii_only = !matches!(kind, NameKind::CommonName | NameKind::OrganizationalUnit);
    let bad = if text.is_ascii() {
        text.is_empty() || text.bytes().any(|byte| byte.is_ascii_control())
    } else {
        ascii_only || text.chars().any(is_forbidden)
    };
    if bad { Err(invalid) } else { Ok(text) }
}

/// Control characters, and the marks that make text read in another order than it is stored in.
fn is_forbidden(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_typed() {
        assert_ne!(
            Name::parse(NameKind::Dns, "acme.example"),
            Name::parse(NameKind::CommonName, "acme.example")
        );
        assert_eq!(
            Name::parse(NameKind::Dns, "Acme.Example"),
            Ok(Name::Dns("acme.example".into()))
        );
        assert_eq!(
            Name::parse(NameKind::Ip, "::1").map(|name| name.to_string()),
            Ok("IP:::1".into())
        );
    }

    #[test]
    fn what_no_identity_may_hold() {
        let cases = [
            (NameKind::Dns, ""),
            (NameKind::Dns, "*.example.com"),
            (NameKind::Dns, "bücher.example"),
            (NameKind::Uri, "spiffe://td/a\0b"),
            (NameKind::Uri, "spiffe://td/*"),
            (NameKind::Email, "a@b\r\n"),
            (NameKind::Ip, "1.2.3"),
            (NameKind::CommonName, "admin\0.evil"),
            (NameKind::CommonName, "admin\u{202e}"),
            (NameKind::OrganizationalUnit, "\u{7f}"),
        ];
        for (kind, text) in cases {
            assert_eq!(
                Name::parse(kind, text),
                Err(InvalidName { kind }),
                "{kind} {text:?}"
            );
        }
        assert_eq!(
            Name::parse(NameKind::CommonName, "Bücher"),
            Ok(Name::CommonName("Bücher".into()))
        );
    }
}

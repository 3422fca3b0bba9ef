use crate::codes::Seen;
use std::fmt;
use std::net::IpAddr;

use rustls_pki_types::DnsName;

/// A name of a leaf certificate, with its type. Names of different types never compare equal.
///
/// Every name in here is well-formed: no control characters, no NUL, ASCII where the type demands it, a DNS name where it
/// says so, no wildcard.
///
/// ```
/// use countersign::identity::{Name, NameKind};
///
/// let name = Name::parse(NameKind::Dns, "Hooks.Acme.Example")?;
/// assert_eq!(name, Name::parse(NameKind::Dns, "hooks.acme.example")?);
/// assert!(Name::parse(NameKind::Dns, "*.acme.example").is_err(), "a pattern is nobody's name");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    /// The user id of the subject (UID, 0.9.2342.19200300.100.1.1; RFC 4519 §2.39), in ASCII.
    UserId(Box<str>),
    /// The organization identifier of the subject (2.5.4.97; ETSI EN 319 412-1 §5.1.4), in ASCII.
    OrganizationIdentifier(Box<str>),
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
            Self::UserId(_) => NameKind::UserId,
            Self::OrganizationIdentifier(_) => NameKind::OrganizationIdentifier,
        }
    }

    /// A name of that kind, checked as the names in a certificate are.
    ///
    /// # Errors
    /// [`InvalidName`]: empty, a control character, non-ASCII in an ASCII type, a wildcard, a DNS name or an address that is
    /// none.
    pub fn parse(kind: NameKind, text: &str) -> Result<Self, InvalidName> {
        Self::read(kind, text.as_bytes())?.ok_or_else(|| InvalidName::of(kind, text.as_bytes()))
    }

    /// As [`parse`](Self::parse); nothing where it can be nobody's identity: a wildcard, which stands for many hosts, or
    /// what is not a name of its kind. It is an error only where it is made to be misread.
    pub(super) fn read(kind: NameKind, bytes: &[u8]) -> Result<Option<Self>, InvalidName> {
        let Ok(text) = std::str::from_utf8(bytes) else {
            let misread = bytes.iter().any(u8::is_ascii_control);
            return if misread {
                Err(InvalidName::of(kind, bytes))
            } else {
                Ok(None)
            };
        };
        if text.chars().any(is_forbidden) {
            return Err(InvalidName::of(kind, bytes));
        }
        Ok(Self::well_formed(kind, text))
    }

    fn well_formed(kind: NameKind, text: &str) -> Option<Self> {
        let ascii_only = !matches!(kind, NameKind::CommonName | NameKind::OrganizationalUnit);
        if text.is_empty() || text.contains('*') || (ascii_only && !text.is_ascii()) {
            return None;
        }
        Some(match kind {
            NameKind::Dns if is_dns_name(text) => Self::Dns(text.to_ascii_lowercase().into()),
            NameKind::Dns => return None,
            NameKind::Uri => Self::Uri(text.into()),
            NameKind::Email => Self::Email(text.into()),
            NameKind::Ip => Self::Ip(text.parse().ok()?),
            NameKind::CommonName => Self::CommonName(text.into()),
            NameKind::OrganizationalUnit => Self::OrganizationalUnit(text.into()),
            NameKind::UserId => Self::UserId(text.into()),
            NameKind::OrganizationIdentifier => Self::OrganizationIdentifier(text.into()),
        })
    }
}

/// As webpki sees it, which compares such names with those that we wanted to reach.
pub(super) fn is_dns_name(text: &str) -> bool {
    DnsName::try_from(text).is_ok()
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = self.kind().prefix();
        match self {
            Self::Dns(name) | Self::Uri(name) | Self::Email(name) => write!(f, "{prefix}{name}"),
            Self::CommonName(name) | Self::OrganizationalUnit(name) => write!(f, "{prefix}{name}"),
            Self::UserId(id) | Self::OrganizationIdentifier(id) => write!(f, "{prefix}{id}"),
            Self::Ip(address) => write!(f, "{prefix}{address}"),
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
    /// [`Name::UserId`]
    UserId,
    /// [`Name::OrganizationIdentifier`]
    OrganizationIdentifier,
}

impl NameKind {
    /// Those of the subject. They escape the constraints of authorities, so they count only where there are none.
    pub(crate) const OF_THE_SUBJECT: [Self; 4] = [
        Self::CommonName,
        Self::OrganizationalUnit,
        Self::UserId,
        Self::OrganizationIdentifier,
    ];
}

impl NameKind {
    const ALL: [Self; 8] = [
        Self::Dns,
        Self::Uri,
        Self::Email,
        Self::Ip,
        Self::CommonName,
        Self::OrganizationalUnit,
        Self::UserId,
        Self::OrganizationIdentifier,
    ];

    /// What stands before a name of this kind where it is written out.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Dns => "DNS:",
            Self::Uri => "URI:",
            Self::Email => "email:",
            Self::Ip => "IP:",
            Self::CommonName => "CN=",
            Self::OrganizationalUnit => "OU=",
            Self::UserId => "UID=",
            Self::OrganizationIdentifier => "organizationIdentifier=",
        }
    }

    /// The kind of a name that is written out, and its text.
    pub(crate) fn of_written(text: &str) -> Option<(Self, &str)> {
        Self::ALL
            .into_iter()
            .find_map(|kind| Some((kind, text.strip_prefix(kind.prefix())?)))
    }
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
            Self::UserId => "user id",
            Self::OrganizationIdentifier => "organization identifier",
        })
    }
}

/// Text that no name of this kind may hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{seen} is not a {kind} that can be an identity")]
#[non_exhaustive]
pub struct InvalidName {
    /// The kind of name that was asked for.
    pub kind: NameKind,
    /// What was given.
    pub seen: Seen,
}

impl InvalidName {
    fn of(kind: NameKind, seen: &[u8]) -> Self {
        Self {
            kind,
            seen: Seen::of_bytes(seen),
        }
    }
}

/// Control characters, which turn an exact match into a lie in any reader that stops there, and the marks that hide text
/// or make it read in another order than it is stored in.
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
            (NameKind::Dns, "10.0.0.1"),
            (NameKind::Dns, "{x}.example.com"),
            (NameKind::Dns, "a-.example.com"),
            (NameKind::Dns, "my client"),
            (NameKind::Email, "jörg@acme.example"),
            (NameKind::CommonName, ""),
            (NameKind::Uri, "spiffe://td/a\0b"),
            (NameKind::Uri, "spiffe://td/*"),
            (NameKind::Email, "a@b\r\n"),
            (NameKind::Ip, "1.2.3"),
            (NameKind::CommonName, "admin\0.evil"),
            (NameKind::CommonName, "admin\u{202e}"),
            (NameKind::OrganizationalUnit, "\u{7f}"),
            (NameKind::UserId, "j\u{f6}rg"),
            (NameKind::UserId, "a*"),
            (NameKind::OrganizationIdentifier, ""),
            (NameKind::OrganizationIdentifier, "OFBBR-1\0"),
        ];
        for (kind, text) in cases {
            assert_eq!(
                Name::parse(kind, text),
                Err(InvalidName::of(kind, text.as_bytes())),
                "{kind} {text:?}"
            );
        }
        assert_eq!(
            Name::parse(NameKind::CommonName, "Bücher"),
            Ok(Name::CommonName("Bücher".into()))
        );
    }
}

use std::fmt;
use std::str::FromStr;

/// A SPIFFE ID: `spiffe://<trust domain>/<path>`, as the SPIFFE standard writes it, with a path.
///
/// No normalisation: what is not already in the standard's form is refused (upper case, percent-encoding, empty or
/// dot segments, a trailing slash, a port, user information, a query or a fragment). A trust domain alone, without a
/// path, names no workload and is refused too.
///
/// Source: SPIFFE-ID standard §2.1–2.4.
///
/// ```
/// use countersign::identity::SpiffeId;
///
/// let id = SpiffeId::parse("spiffe://acme.example/tenant/globex")?;
/// assert_eq!((id.trust_domain(), id.path()), ("acme.example", "/tenant/globex"));
/// # Ok::<(), countersign::identity::InvalidSpiffeId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpiffeId {
    text: Box<str>,
    path_at: usize,
}

const SCHEME: &str = "spiffe://";
/// The longest one, in bytes.
pub(crate) const MAX_ID: usize = 2048;
const MAX_TRUST_DOMAIN: usize = 255;

impl SpiffeId {
    /// Reads a SPIFFE ID.
    ///
    /// # Errors
    /// [`InvalidSpiffeId`], which says what the standard forbids in it.
    pub fn parse(text: &str) -> Result<Self, InvalidSpiffeId> {
        if text.len() > MAX_ID {
            return Err(InvalidSpiffeId::TooLong);
        }
        let rest = text.strip_prefix(SCHEME).ok_or(InvalidSpiffeId::Scheme)?;
        let end = rest.find('/').unwrap_or(rest.len());
        let (trust_domain, path) = rest.split_at(end);
        check_trust_domain(trust_domain)?;
        check_path(path)?;
        Ok(Self {
            text: text.into(),
            path_at: SCHEME.len() + end,
        })
    }

    /// The trust domain, for example `acme.example`.
    pub fn trust_domain(&self) -> &str {
        self.text.get(SCHEME.len()..self.path_at).unwrap_or_default()
    }

    /// The path with its leading slash, for example `/tenant/globex`.
    pub fn path(&self) -> &str {
        self.text.get(self.path_at..).unwrap_or_default()
    }

    /// The whole identifier.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for SpiffeId {
    type Err = InvalidSpiffeId;

    fn from_str(text: &str) -> Result<Self, InvalidSpiffeId> {
        Self::parse(text)
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The mistake in a text that was to be a SPIFFE ID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSpiffeId {
    /// Longer than 2048 bytes.
    #[error("longer than {MAX_ID} bytes")]
    TooLong,
    /// Does not begin with `spiffe://` in lower case.
    #[error("does not begin with spiffe://")]
    Scheme,
    /// Empty, longer than 255 bytes, or with a byte other than `a-z 0-9 . - _`.
    #[error("the trust domain is empty, too long, or holds other bytes than a-z 0-9 . - _")]
    TrustDomain,
    /// No path: a trust domain alone names no workload.
    #[error("no path after the trust domain")]
    NoPath,
    /// An empty segment, also at the end.
    #[error("an empty path segment")]
    EmptySegment,
    /// A `.` or `..` segment.
    #[error("a dot segment in the path")]
    DotSegment,
    /// A byte other than `A-Z a-z 0-9 . - _` in a segment; this excludes percent-encoding, query and fragment.
    #[error("a path segment holds other bytes than A-Z a-z 0-9 . - _")]
    PathByte,
}

/// Whether a SPIFFE ID with another trust domain in its place is still one.
pub(crate) fn is_trust_domain(text: &str) -> bool {
    check_trust_domain(text).is_ok()
}

/// Whether a SPIFFE ID with another segment of its path in its place is still one.
pub(crate) fn is_path_segment(text: &str) -> bool {
    check_segment(text).is_ok()
}

fn check_trust_domain(text: &str) -> Result<(), InvalidSpiffeId> {
    let valid = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
    let good = !text.is_empty() && text.len() <= MAX_TRUST_DOMAIN && text.bytes().all(valid);
    if good {
        Ok(())
    } else {
        Err(InvalidSpiffeId::TrustDomain)
    }
}

fn check_path(path: &str) -> Result<(), InvalidSpiffeId> {
    let segments = path.strip_prefix('/').ok_or(InvalidSpiffeId::NoPath)?;
    if segments.is_empty() {
        return Err(InvalidSpiffeId::EmptySegment);
    }
    segments.split('/').try_for_each(check_segment)
}

fn check_segment(segment: &str) -> Result<(), InvalidSpiffeId> {
    let valid = |byte: u8| matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
    match segment {
        "" => Err(InvalidSpiffeId::EmptySegment),
        "." | ".." => Err(InvalidSpiffeId::DotSegment),
        _ if segment.bytes().all(valid) => Ok(()),
        _ => Err(InvalidSpiffeId::PathByte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use InvalidSpiffeId::*;

    #[test]
    fn good_ids() {
        let longest_domain = format!("spiffe://{}/a", "a".repeat(255));
        let longest = format!("spiffe://td/{}", "a".repeat(2036));
        assert_eq!(longest.len(), 2048);
        for text in [
            &*longest_domain,
            &longest,
            "spiffe://td/a",
            "spiffe://a.b-c_d.1/A/b.c/..d/_-",
            "spiffe://1.2.3.4/x",
        ] {
            assert_eq!(
                SpiffeId::parse(text).map(|id| id.to_string()),
                Ok(text.to_owned())
            );
        }
    }

    /// N6: identifiers that other implementations have let through.
    #[test]
    fn n6_bad_ids() {
        let long_domain = format!("spiffe://{}/a", "a".repeat(256));
        let long = format!("spiffe://td/{}", "a".repeat(2037));
        let cases = [
            ("", Scheme),
            ("spiffe", Scheme),
            ("spiffe:", Scheme),
            ("spiffe:/td/a", Scheme),
            ("SPIFFE://td/a", Scheme),
            ("Spiffe://td/a", Scheme),
            (" spiffe://td/a", Scheme),
            ("https://td/a", Scheme),
            ("//td/a", Scheme),
            ("td/a", Scheme),
            ("spiffe://", TrustDomain),
            ("spiffe:///a", TrustDomain),
            ("spiffe://TD/a", TrustDomain),
            ("spiffe://td:443/a", TrustDomain),
            ("spiffe://user@td/a", TrustDomain),
            ("spiffe://user:pw@td/a", TrustDomain),
            ("spiffe://t%64/a", TrustDomain),
            ("spiffe://t d/a", TrustDomain),
            ("spiffe://tdé/a", TrustDomain),
            ("spiffe://td?a/b", TrustDomain),
            ("spiffe://td#a/b", TrustDomain),
            ("spiffe://td\0/a", TrustDomain),
            ("spiffe://td\\a", TrustDomain),
            ("spiffe://[::1]/a", TrustDomain),
            ("spiffe://*/a", TrustDomain),
            (&long_domain, TrustDomain),
            ("spiffe://td", NoPath),
            ("spiffe://td/", EmptySegment),
            ("spiffe://td//", EmptySegment),
            ("spiffe://td//a", EmptySegment),
            ("spiffe://td/a/", EmptySegment),
            ("spiffe://td/a//b", EmptySegment),
            ("spiffe://td/.", DotSegment),
            ("spiffe://td/..", DotSegment),
            ("spiffe://td/a/./b", DotSegment),
            ("spiffe://td/a/../b", DotSegment),
            ("spiffe://td/a/..", DotSegment),
            ("spiffe://td/a?b", PathByte),
            ("spiffe://td/a#b", PathByte),
            ("spiffe://td/a%2fb", PathByte),
            ("spiffe://td/%61", PathByte),
            ("spiffe://td/a b", PathByte),
            ("spiffe://td/a\0b", PathByte),
            ("spiffe://td/a\n", PathByte),
            ("spiffe://td/é", PathByte),
            ("spiffe://td/a:b", PathByte),
            ("spiffe://td/a@b", PathByte),
            ("spiffe://td/a\\b", PathByte),
            ("spiffe://td/a;b", PathByte),
            ("spiffe://td/*", PathByte),
            ("spiffe://td/a+b", PathByte),
            ("spiffe://td/~a", PathByte),
            (&long, TooLong),
        ];
        assert!(cases.len() >= 40);
        for (text, expected) in cases {
            assert_eq!(SpiffeId::parse(text), Err(expected), "{text:?}");
        }
    }
}

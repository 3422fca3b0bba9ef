use std::fmt;

use http::Uri;

/// A URL for logs: where it leads, and that there is more. Tokens stand in queries, and in the paths of those who take
/// whoever knows a URL for its owner.
///
/// The mark of what was left out is none that a URL can have, so that nobody delivers to what was left.
pub(crate) struct Shown<'a>(pub(crate) &'a Uri);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, authority) = (self.0.scheme_str(), self.0.authority());
        let authority = authority.map_or("", |authority| authority.as_str());
        write!(f, "{}://{authority}/", scheme.unwrap_or_default())?;
        match self.0.path_and_query() {
            Some(path) if path != "/" => f.write_str("\u{2026}"),
            _ => Ok(()),
        }
    }
}

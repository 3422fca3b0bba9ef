//! Which route a path is on: read twice.
//!
//! The service behind reads the path again, and not as we do: it decodes `%65`, takes `//` for `/`, walks back over `..`,
//! cuts `;v=1`, or does not mind capitals. If `/open/../erp` were on the route of `/open/*` here and reached `/erp` there, the
//! demands of `/erp` would be gone. So a path counts only where the strictest reader and the most lenient one find the same
//! route.

use std::borrow::Cow;

/// Where a route applies: one path, or with `/*` at its end all below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    path: String,
    below: bool,
}

/// Two readers find two routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unclear;

impl Pattern {
    /// As it is configured: in the form that no reader changes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (path, below) = match text.strip_suffix("/*") {
            Some(path) => (path, true),
            None => (text, false),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()+,=:@".contains(&byte);
        let rooted = match path {
            "" => below,
            "/" => !below,
            path => path.bytes().all(plain) && loose(path)? == path.to_ascii_lowercase(),
        };
        rooted.then(|| Self {
            path: path.to_owned(),
            below,
        })
    }

    /// Whether two patterns are one to the lenient reader.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.below == other.below && self.path.eq_ignore_ascii_case(&other.path)
    }

    /// How much of the path it names, where it applies. One path goes before all below another.
    fn fits(&self, path: &str, same: fn(&str, &str) -> bool) -> Option<(bool, usize)> {
        let own = self.path.len();
        let fits = match (self.below, path.get(..own), path.get(own..)) {
            (false, ..) => same(path, &self.path),
            (true, Some(begin), Some(rest)) => {
                same(begin, &self.path) && (rest.is_empty() || rest.starts_with('/'))
            }
            _ => false,
        };
        fits.then_some((!self.below, own))
    }
}

/// The place of the route that both readers find, if there is one.
pub(crate) fn find(patterns: &[&Pattern], path: &str) -> Result<Option<usize>, Unclear> {
    let best = |path: &str, same: fn(&str, &str) -> bool| {
        let fitting = patterns.iter().enumerate();
        let fitting = fitting.filter_map(|(place, pattern)| Some((pattern.fits(path, same)?, place)));
        fitting.max().map(|(_, place)| place)
    };
    let strict = best(path, |one, other| one == other);
    let lenient = best(&loose(path).ok_or(Unclear)?, |one, other| {
        one.eq_ignore_ascii_case(other)
    });
    if strict == lenient {
        Ok(strict)
    } else {
        Err(Unclear)
    }
}

/// As the most lenient reader takes it. `None` for what leaves the root, or is encoded again and again.
fn loose(path: &str) -> Option<String> {
    const ROUNDS: usize = 4;
    let mut plain = Cow::Borrowed(path.as_bytes());
    let mut rounds = 0;
    while let Some(decoded) = decoded(&plain) {
        rounds += 1;
        if rounds == ROUNDS {
            return None;
        }
        plain = Cow::Owned(decoded);
    }
    let plain = String::from_utf8_lossy(&plain).replace('\\', "/").to_lowercase();
    if plain.contains(char::is_control) {
        return None;
    }
    let mut segments = Vec::new();
    for segment in plain.split('/') {
        match segment.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => drop(segments.pop()?),
            segment => segments.push(segment),
        }
    }
    Some(format!("/{}", segments.join("/")))
}

/// One round of percent-decoding, where there is something to decode.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, others)) = rest.split_first() {
        let hex = |byte: &u8| char::from(*byte).to_digit(16);
        let pair = match (first, others) {
            (b'%', [high, low, ..]) => hex(high).zip(hex(low)),
            _ => None,
        };
        match pair.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(byte) => {
                decoded.push(byte);
                rest = others.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push(*first);
                rest = others;
            }
        }
    }
    (decoded.len() < text.len()).then_some(decoded)
}

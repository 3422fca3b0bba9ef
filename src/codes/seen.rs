use std::fmt;

/// A text from outside as a message shows it: its first 64 characters, between quotes, with everything escaped that could
/// hide, or look like another line of a log.
///
/// ```
/// use countersign::codes::Seen;
///
/// assert_eq!(Seen::of("2026-11").to_string(), "\"2026-11\"");
/// assert_eq!(Seen::of("a\nb").to_string(), r#""a\nb""#);
/// assert_eq!(Seen::of(&"x".repeat(65)).to_string(), format!("\"{}\"..", "x".repeat(64)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Seen {
    start: Box<str>,
    is_cut: bool,
}

impl Seen {
    /// The most characters that are shown.
    pub const MAX: usize = 64;

    /// As much of it as is shown.
    pub fn of(text: &str) -> Self {
        let end = text.char_indices().nth(Self::MAX).map(|(end, _)| end);
        Self {
            start: text.get(..end.unwrap_or(text.len())).unwrap_or_default().into(),
            is_cut: end.is_some(),
        }
    }

    /// The same of bytes, which are text mostly.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        // A character has at most four bytes, and one may be cut off.
        let start = bytes.get(..Self::MAX * 4 + 4).unwrap_or(bytes);
        Self::of(&String::from_utf8_lossy(start))
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = if self.is_cut { ".." } else { "" };
        write!(f, "{:?}{cut}", self.start)
    }
}

/// A few of many texts as a message shows them: the first four, and how many more there are.
///
/// ```
/// use countersign::codes::Few;
///
/// assert_eq!(Few::of(["a", "b"]).to_string(), r#""a", "b""#);
/// assert_eq!(Few::of(["1", "2", "3", "4", "5", "6"]).to_string(), r#""1", "2", "3", "4" and 2 more"#);
/// assert_eq!(Few::of([]).to_string(), "none");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Few {
    shown: Vec<Seen>,
    more: usize,
}

impl Few {
    /// The most that are shown.
    pub const MAX: usize = 4;

    /// As many of them as are shown.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut texts = texts.into_iter();
        let shown = texts.by_ref().take(Self::MAX).map(Seen::of).collect();
        Self {
            shown,
            more: texts.count(),
        }
    }
}

impl fmt::Display for Few {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.shown.iter();
        match shown.next() {
            Some(first) => write!(f, "{first}")?,
            None => f.write_str("none")?,
        }
        for other in shown {
            write!(f, ", {other}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

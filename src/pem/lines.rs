use memchr::memchr2;

/// A line without its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// Counted from 1.
    pub(super) number: usize,
    /// Where it stands in the text.
    pub(super) start: usize,
    pub(super) text: &'a [u8],
}

/// Lines that end in LF, CRLF or CR.
pub(super) struct Lines<'a> {
    rest: Option<&'a [u8]>,
    number: usize,
    start: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        Self {
            rest: Some(text),
            number: 0,
            start: 0,
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let rest = self.rest?;
        let (text, after) = match memchr2(b'\n', b'\r', rest).and_then(|end| rest.split_at_checked(end)) {
            Some((text, [b'\r', b'\n', after @ ..] | [_, after @ ..])) => (text, Some(after)),
            _ => (rest, None),
        };
        self.rest = after;
        self.number += 1;
        let start = self.start;
        self.start += rest.len() - after.map_or(0, <[u8]>::len);
        Some(Line {
            number: self.number,
            start,
            text,
        })
    }
}

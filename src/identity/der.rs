//! DER (X.690) element by element: what tag, what is inside. Nothing is copied, and nothing is understood.

/// The tag of an INTEGER.
pub(crate) const INTEGER: u8 = 0x02;
/// The tag of a BIT STRING.
pub(crate) const BIT_STRING: u8 = 0x03;
/// The tag of an OBJECT IDENTIFIER.
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
/// The tag of a SEQUENCE.
pub(crate) const SEQUENCE: u8 = 0x30;

/// Elements that stand one behind the other, read from the front.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Elements<'a> {
    rest: &'a [u8],
}

/// One element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) contents: &'a [u8],
    /// With tag and length.
    pub(crate) whole: &'a [u8],
}

impl<'a> Elements<'a> {
    /// Those that fill these bytes.
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Those inside the one element with this tag that these bytes are.
    pub(crate) fn inside(tag: u8, bytes: &'a [u8]) -> Option<Self> {
        let mut outer = Self::of(bytes);
        let inner = outer.take(tag)?;
        outer.is_empty().then(|| Self::of(inner.contents))
    }

    /// All that is left, as it stands.
    pub(crate) fn bytes(self) -> &'a [u8] {
        self.rest
    }

    /// Whether none is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next one, whatever it is. Nothing where there is none, or where it is not in DER: a length that could be
    /// written shorter, one that is not given, a tag of more than one byte.
    pub(crate) fn next(&mut self) -> Option<Element<'a>> {
        let [tag, first, after @ ..] = self.rest else {
            return None;
        };
        let (len, after) = match *first {
            len @ 0..0x80 => (usize::from(len), after),
            long => long_length(long, after)?,
        };
        let (contents, rest) = after.split_at_checked(len)?;
        let whole = self.rest.get(..self.rest.len() - rest.len())?;
        self.rest = rest;
        (tag & 0x1f != 0x1f).then_some(Element {
            tag: *tag,
            contents,
            whole,
        })
    }

    /// The next one, which must have this tag.
    pub(crate) fn take(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next().filter(|element| element.tag == tag)
    }

    /// The next one if it has this tag; otherwise it stays.
    pub(crate) fn take_if(&mut self, tag: u8) -> Option<Option<Element<'a>>> {
        match self.rest.first() {
            Some(first) if *first == tag => self.take(tag).map(Some),
            _ => Some(None),
        }
    }
}

/// A length in up to four bytes, none of which could be spared (X.690 §10.1).
fn long_length(first: u8, bytes: &[u8]) -> Option<(usize, &[u8])> {
    let count = usize::from(first & 0x7f);
    let (digits, rest) = bytes.split_at_checked(count)?;
    let len = digits.iter().try_fold(0_u32, |len, digit| {
        Some(len.checked_mul(256)? | u32::from(*digit))
    })?;
    let shortest = len >= 0x80 && digits.first() != Some(&0);
    shortest.then_some((usize::try_from(len).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(bytes: &[u8]) -> Option<Vec<u8>> {
        Some(Elements::inside(4, bytes)?.rest.to_vec())
    }

    #[test]
    fn lengths_are_written_in_one_way_only() {
        let long = |head: &[u8], len: usize| [head, &vec![7; len]].concat();
        for (name, bytes, expected) in [
            ("empty", vec![4, 0], Some(0)),
            ("short", long(&[4, 0x7f], 0x7f), Some(0x7f)),
            ("one byte", long(&[4, 0x81, 0x80], 0x80), Some(0x80)),
            ("two bytes", long(&[4, 0x82, 1, 0], 0x100), Some(0x100)),
            ("three bytes", long(&[4, 0x83, 1, 0, 0], 0x1_0000), Some(0x1_0000)),
            ("one byte, too many", long(&[4, 0x81, 0x7f], 0x7f), None),
            ("two bytes, too many", long(&[4, 0x82, 0, 0x80], 0x80), None),
            ("indefinite", vec![4, 0x80, 0, 0], None),
            ("more than four bytes", long(&[4, 0x85, 1, 0, 0, 0, 0], 8), None),
            ("cut", vec![4, 3, 7, 7], None),
            ("cut in the length", vec![4, 0x82, 1], None),
            ("no length", vec![4], None),
            ("nothing", vec![], None),
            ("more behind it", vec![4, 0, 0], None),
            ("another tag", vec![5, 0], None),
        ] {
            assert_eq!(
                contents(&bytes).map(|contents| contents.len()),
                expected,
                "{name}"
            );
        }
        assert_eq!(Elements::of(&[0x1f, 0]).next().map(|element| element.tag), None);
    }

    #[test]
    fn what_is_optional_stays_where_it_is_another() {
        let mut elements = Elements::of(&[2, 1, 9, 5, 0]);
        assert_eq!(elements.take_if(5).map(|found| found.is_none()), Some(true));
        assert_eq!(
            elements.take(2).map(|element| element.whole),
            Some(&[2, 1, 9][..])
        );
        let found = elements.take_if(5).flatten();
        assert_eq!(found.map(|element| element.contents), Some(&[][..]));
        assert!(elements.is_empty());
        assert_eq!(elements.take_if(5).map(|found| found.is_none()), Some(true));
        let mut torn = Elements::of(&[5, 1]);
        assert_eq!(torn.take_if(5).map(|found| found.is_none()), None);
    }
}

//! The JSON that nearly every token is made of: text without escapes, whole numbers, literals, lists and objects of these, on
//! one line. Whatever else a text holds, nothing is said of it here: serde_json reads it.
//!
//! So nothing is refused here, and nothing is read that serde_json would read otherwise; a test compares the two.

use std::borrow::Cow;

use super::{Json, Object};

/// Values inside values. Below the depth at which texts are refused.
const MAX_DEPTH: u8 = 4;

/// The members of a plain object of at most so many values, one after another, until one is not wanted.
pub(in crate::payload::jose) fn members<'a>(
    text: &'a str,
    most: u32,
    each: impl FnMut(&'a str, Json<'a>) -> Option<()>,
) -> Option<()> {
    if !is_on_one_line(text) {
        return None;
    }
    let mut reader = Reader {
        text,
        at: 0,
        left: most.checked_sub(1)?,
        depth: 0,
    };
    reader.expect(b'{')?;
    reader.object(each)?;
    reader.peek().is_none().then_some(())
}

/// A plain object, each name once.
pub(super) fn object(text: &str, most: u32) -> Option<Object<'_>> {
    let mut object = Object::with_room(0);
    members(text, most, |name, value| object.add(name, value))?;
    Some(object)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Values that may still come.
    left: u32,
    depth: u8,
}

impl<'a> Reader<'a> {
    /// The next byte that is not white space (RFC 8259 §2), of which there is only one kind here.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.text.as_bytes().get(self.at)? {
                b' ' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// What follows `{`.
    fn object(&mut self, mut each: impl FnMut(&'a str, Json<'a>) -> Option<()>) -> Option<()> {
        if self.peek()? == b'}' {
            return self.next().map(drop);
        }
        loop {
            self.expect(b'"')?;
            let name = self.text()?;
            self.expect(b':')?;
            each(name, self.value()?)?;
            match self.next()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    fn value(&mut self) -> Option<Json<'a>> {
        self.left = self.left.checked_sub(1)?;
        match self.next()? {
            b'"' => Some(Json::Text(Cow::Borrowed(self.text()?))),
            digit @ b'0'..=b'9' => self.number(digit).map(Json::Whole),
            b'[' => self.within(Self::array),
            b'{' => self.within(Self::inner_object),
            b't' => self.literal("rue", Json::Bool(true)),
            b'f' => self.literal("alse", Json::Bool(false)),
            b'n' => self.literal("ull", Json::Null),
            _ => None,
        }
    }

    fn within(&mut self, read: fn(&mut Self) -> Option<Json<'a>>) -> Option<Json<'a>> {
        self.depth = Some(self.depth + 1).filter(|depth| *depth <= MAX_DEPTH)?;
        let value = read(self)?;
        self.depth -= 1;
        Some(value)
    }

    fn array(&mut self) -> Option<Json<'a>> {
        let mut items = Vec::new();
        if self.peek()? == b']' {
            return self.next().map(|_| Json::Array(items));
        }
        loop {
            items.push(self.value()?);
            match self.next()? {
                b',' => {}
                b']' => return Some(Json::Array(items)),
                _ => return None,
            }
        }
    }

    fn inner_object(&mut self) -> Option<Json<'a>> {
        let mut object = Object::with_room(1);
        self.object(|name, value| object.add(name, value))?;
        Some(Json::Object(object))
    }

    /// What follows an opening quote, and the closing one with it.
    #[inline]
    fn text(&mut self) -> Option<&'a str> {
        let len = quote(self.text.as_bytes().get(self.at..)?)?;
        let text = self.text.get(self.at..self.at + len)?;
        self.at += len + 1;
        Some(text)
    }

    /// What follows the first digit. Nineteen digits are below 2^64; leading zeros, fractions and exponents are left to serde_json.
    #[inline]
    fn number(&mut self, first: u8) -> Option<u64> {
        const MOST: usize = 19;
        let digits = self.text.as_bytes().get(self.at..)?.iter();
        let mut number = u64::from(first - b'0');
        let mut len = 1;
        for digit in digits.take_while(|byte| byte.is_ascii_digit()).take(MOST) {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            len += 1;
        }
        self.at += len - 1;
        let ends = !matches!(self.text.as_bytes().get(self.at), Some(b'.' | b'e' | b'E'));
        let canonical = len == 1 || (first != b'0' && len <= MOST);
        (ends && canonical).then_some(number)
    }

    fn literal(&mut self, rest: &str, value: Json<'a>) -> Option<Json<'a>> {
        self.text
            .as_bytes()
            .get(self.at..)?
            .starts_with(rest.as_bytes())
            .then(|| {
                self.at += rest.len();
                value
            })
    }
}

/// Whether it has no control character and no escape. Looks at every byte, whatever it finds: so the compiler looks at many at
/// once.
#[inline]
fn is_on_one_line(text: &str) -> bool {
    text.bytes()
        .fold(true, |plain, byte| plain & (byte >= b' ') & (byte != b'\\'))
}

/// Where the first quote stands. Texts in tokens are short: a call that looks at many bytes at once would take longer.
#[inline]
fn quote(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 0xff;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut before = 0;
    for word in words {
        let zero_where_found = u64::from_le_bytes(*word) ^ (ONES * u64::from(b'"'));
        // The highest bit of each byte that is zero. Borrowing may set others above it, and the lowest is looked at.
        let found = zero_where_found.wrapping_sub(ONES) & !zero_where_found & (ONES << 7);
        if found != 0 {
            return Some(before + found.trailing_zeros() as usize / 8);
        }
        before += 8;
    }
    Some(before + rest.iter().position(|byte| *byte == b'"')?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIMS: [&str; 6] = [
        r#"{"iss":"https://issuer.example","aud":["a","b"],"sub":"acct_1","exp":1700000060,"jti":"01"}"#,
        r#" { "a" : true , "b" : [ false , null ] , "c" : { "d" : 0 , "e" : [ ] } , "f" : { } } "#,
        r#"{"n":1234567890123456789,"m":12345678901234567890,"u":"é😀 and more, much more","":0}"#,
        r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":0,"k":1,"l":2,"m":3,"n":4,"o":5,"p":6}"#,
        r#"{"a":[[[[1]]]],"x":"12345678","y":"1234567","z":"123456789012345"}"#,
        r#"{"cnf":{"x5t#S256":"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"},"alg":"HS256"}"#,
    ];

    /// Whether it is plain; then it is what serde_json reads.
    fn is_plain(text: &str, most: u32) -> bool {
        let Some(object) = object(text, most) else {
            return false;
        };
        let read = Json::read(text, most, None);
        assert_eq!(read, Ok(Json::Object(object)), "{text:?} of {most}");
        true
    }

    #[test]
    fn what_tokens_are_made_of_is_plain() {
        let plain = CLAIMS.map(|text| is_plain(text, 64));
        assert_eq!(plain, [true, true, false, true, true, true]);
        // The same, but for a number of twenty digits.
        assert!(is_plain(&CLAIMS[2].replace("12345678901234567890", "0"), 64));
    }

    #[test]
    fn whatever_is_plain_is_what_serde_json_reads() {
        let others = "\"\\{}[],:0123456789.eE+-tfn \t\n\u{0}\u{1f}\u{7f}\u{e9}a";
        let mut read = 0;
        for text in CLAIMS {
            for (at, replaced) in text.char_indices() {
                let (before, after) = text.split_at(at);
                let rest = &after[replaced.len_utf8()..];
                let others = others
                    .chars()
                    .map(String::from)
                    .flat_map(|other| [[before, &other, rest].concat(), [before, &other, after].concat()]);
                let shorter = [before.to_owned(), [before, rest].concat()];
                let changed = others.chain(shorter);
                read += changed.filter(|text| is_plain(text, 64)).count();
            }
        }
        assert!(read > 5_000, "{read}");
    }

    /// Their marks are the same, too.
    #[test]
    fn names_of_one_length_and_one_last_letter_are_two() {
        let alone = object(r#"{"yss":1}"#, 64).expect("plain");
        assert!(alone.contains("yss") && !alone.contains("iss"));
        let both = object(r#"{"yss":1,"iss":2}"#, 64).expect("no name stands twice");
        assert_eq!(both.get("iss"), Some(&Json::Whole(2)));
    }

    #[test]
    fn short_texts_of_every_kind() {
        let parts = [
            "{", "}", "[", "]", "\"", "\"a\"", "\"b\"", ":", ",", "0", "01", "-1", "1.5", "1e2", "true",
            "nul", " ", "\\u0061",
        ];
        let (mut read, mut texts) = (0, vec![String::new()]);
        for _ in 0..4 {
            let longer = texts
                .iter()
                .flat_map(|text| parts.map(|part| text.clone() + part));
            texts = longer.collect();
            for text in &texts {
                read += usize::from(is_plain(&format!("{{\"a\":{text}}}"), 64));
                read += usize::from(is_plain(&format!("{{{text}}}"), 64));
            }
        }
        assert!(read > 100, "{read}");
    }

    #[test]
    fn values_are_counted_alike() {
        for text in CLAIMS {
            let fits = (0..64).position(|most| Json::read(text, most, None).is_ok());
            let plain = (0..64).position(|most| is_plain(text, most));
            assert!(plain.is_none() || plain == fits, "{text}");
        }
    }
}

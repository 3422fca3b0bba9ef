//! JSON, read strictly: no member twice anywhere (RFC 7515 §4, RFC 7519 §4), bounded in depth and count. serde_json
//! reads the grammar; this says what of it is taken.

mod exact;
pub(super) mod plain;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// Values inside values.
const MAX_DEPTH: u8 = 16;
/// The depth of an item of a list that is a member of the outermost object.
const ITEM: u8 = 2;
/// The most members among which one is looked for by looking at each. No token has more; who has written the text may have.
const FEW: usize = 16;

/// A JSON value. Text without escapes is borrowed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    /// A whole number from 0 on.
    Whole(u64),
    /// Any other number: below 0, with a fraction or an exponent, or beyond 64 bits.
    Number(f64),
    Text(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Object<'a>),
    /// What held a member that stands twice, where [`Object::parse_lists`] was asked to spare the rest.
    Spoiled,
}

/// Members in their order, each name once.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Object<'a> {
    members: Vec<(Cow<'a, str>, Json<'a>)>,
    /// The marks of all names: a name whose mark is not here is none of theirs.
    marks: u64,
}

/// The mistake in a JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidJson {
    /// Not JSON in UTF-8 (RFC 8259).
    #[error("not well-formed JSON")]
    Syntax,
    /// A member stands twice in one object.
    #[error("a member stands twice")]
    DuplicateMember,
    /// Nested deeper than 16.
    #[error("nested too deeply")]
    TooDeep,
    /// More values than any such text has.
    #[error("too many values")]
    TooMany,
    /// Not an object.
    #[error("not an object")]
    NotAnObject,
}

impl<'a> Json<'a> {
    /// Reads one text of at most so many values.
    fn read(text: &'a str, most: u32, spared: Option<u8>) -> Result<Self, InvalidJson> {
        let limits = Limits {
            left: Cell::new(most),
            broken: Cell::new(InvalidJson::Syntax),
            spared,
            twice: Cell::new(false),
        };
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = Value {
            limits: &limits,
            depth: 0,
        };
        let read = value.deserialize(&mut reader).and_then(|json| {
            reader.end()?;
            Ok(json)
        });
        // serde_json's own words are left out: they quote the text.
        read.map_err(|_| limits.broken.get())
    }
}

impl<'a> Json<'a> {
    fn into_object(self) -> Result<Object<'a>, InvalidJson> {
        match self {
            Json::Object(object) => Ok(object),
            _ => Err(InvalidJson::NotAnObject),
        }
    }
}

/// Read as text at once: serde_json would check each string on its own.
fn utf8(text: &[u8]) -> Result<&str, InvalidJson> {
    std::str::from_utf8(text).map_err(|_| InvalidJson::Syntax)
}

impl<'a> Object<'a> {
    pub(crate) fn parse(text: &'a [u8], most: u32) -> Result<Self, InvalidJson> {
        let text = utf8(text)?;
        match plain::object(text, most) {
            Some(object) => Ok(object),
            None => Json::read(text, most, None)?.into_object(),
        }
    }

    /// The same of an object whose members are lists: a member that stands twice in an item makes that item
    /// [`Json::Spoiled`], and leaves the others.
    pub(crate) fn parse_lists(text: &'a [u8], most: u32) -> Result<Self, InvalidJson> {
        Json::read(utf8(text)?, most, Some(ITEM))?.into_object()
    }

    /// Room for what most tokens have, so that they cost one allocation.
    fn with_room(depth: u8) -> Self {
        Self {
            members: Vec::with_capacity(if depth == 0 { 12 } else { 2 }),
            marks: 0,
        }
    }

    /// Adds a member of a small object; nothing where its name stands there already, or there are too many to look at each.
    #[inline]
    fn add(&mut self, name: &'a str, value: Json<'a>) -> Option<()> {
        if self.members.len() == FEW || self.contains(name) {
            return None;
        }
        self.push(Cow::Borrowed(name), value);
        Some(())
    }

    fn push(&mut self, name: Cow<'a, str>, value: Json<'a>) {
        self.marks |= mark(&name);
        self.members.push((name, value));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Json<'a>> {
        if self.marks & mark(name) == 0 {
            return None;
        }
        self.members
            .iter()
            .find(|(member, _)| is_same(member, name))
            .map(|(_, value)| value)
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Json<'a>)> {
        self.members.iter().map(|(name, value)| (&**name, value))
    }
}

/// Names of claims are short and many of them as long as another: their last letters tell them apart without a call.
#[inline]
fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.as_bytes().last() == other.as_bytes().last() && one == other
}

/// One bit, mostly another one for each of the names that claims have.
#[inline]
fn mark(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let ends = bytes.first().zip(bytes.last());
    let sum = ends.map_or(0, |(first, last)| usize::from(*first) * 4 + usize::from(*last));
    1 << ((sum + bytes.len() * 6) % 64)
}

struct Limits {
    left: Cell<u32>,
    /// Why reading was given up, where it was not for the grammar.
    broken: Cell<InvalidJson>,
    /// From this depth on, a member that stands twice spoils the value at this depth, and not the text.
    spared: Option<u8>,
    /// One has stood twice in the value that is being read at that depth.
    twice: Cell<bool>,
}

#[derive(Clone, Copy)]
struct Value<'l> {
    limits: &'l Limits,
    depth: u8,
}

impl Value<'_> {
    fn give_up<E: serde::de::Error>(self, why: InvalidJson) -> E {
        self.limits.broken.set(why);
        E::custom("limit")
    }

    /// The same for what stands inside.
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(self.give_up(InvalidJson::TooDeep));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }

    /// A member stands twice.
    fn twice<E: serde::de::Error>(self) -> Result<(), E> {
        if self.limits.spared.is_none_or(|depth| self.depth < depth) {
            return Err(self.give_up(InvalidJson::DuplicateMember));
        }
        self.limits.twice.set(true);
        Ok(())
    }

    fn count<E: serde::de::Error>(self) -> Result<(), E> {
        match self.limits.left.get().checked_sub(1) {
            Some(left) => self.limits.left.set(left),
            None => return Err(self.give_up(InvalidJson::TooMany)),
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Json<'de>, D::Error> {
        self.count()?;
        let value = reader.deserialize_any(self)?;
        let spoiled = self.limits.spared == Some(self.depth) && self.limits.twice.take();
        Ok(if spoiled { Json::Spoiled } else { value })
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Whole(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(u64::try_from(value).map_or(Json::Number(value as f64), Json::Whole))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let inner = self.inner()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json<'de>, A::Error> {
        let mut next = members.next_key()?;
        if let Some(AsText(name)) = &next
            && exact::begins_with(name)
        {
            let AsText(digits) = members.next_value()?;
            return exact::read(&digits).ok_or_else(|| A::Error::custom("number out of range"));
        }
        let inner = self.inner()?;
        let mut object = Object::with_room(self.depth);
        let mut many = HashSet::new();
        while let Some(AsText(name)) = next {
            if object.members.len() == FEW {
                many.extend(object.members.iter().map(|(other, _)| other.clone()));
            }
            let twice = match object.members.len() {
                ..FEW => object.contains(&name),
                _ => !many.insert(name.clone()),
            };
            if twice {
                self.twice()?;
            }
            object.push(name, members.next_value_seed(inner)?);
            next = members.next_key()?;
        }
        Ok(Json::Object(object))
    }
}

/// Text, borrowed where it can be: `Cow` on its own would always be owned.
struct AsText<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for AsText<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct AnyText;

        impl<'de> Visitor<'de> for AnyText {
            type Value = AsText<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<AsText<'de>, E> {
                Ok(AsText(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<AsText<'de>, E> {
                Ok(AsText(Cow::Owned(text.to_owned())))
            }
        }

        reader.deserialize_str(AnyText)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8], most: u32) -> Result<Json<'_>, InvalidJson> {
        Json::read(utf8(text)?, most, None)
    }

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    #[test]
    fn strict() {
        let (fits, deep) = (nested(16), nested(17));
        let deep_hole = "[".repeat(100_000);
        let many = format!("[{}1]", "1,".repeat(63));
        let cases: [(&str, Result<(), InvalidJson>); 26] = [
            ("{}", Ok(())),
            (" { \"a\" : 1 } \n", Ok(())),
            (r#"{"a":{"a":1},"b":{"a":1}}"#, Ok(())),
            (r#"[18446744073709551615,-1,1e300,0.5,true,null]"#, Ok(())),
            (&fits, Ok(())),
            (r#"{"a":1,"a":1}"#, Err(InvalidJson::DuplicateMember)),
            (r#"{"a":1,"\u0061":2}"#, Err(InvalidJson::DuplicateMember)),
            (
                r#"{"x":{"y":[{"a":1,"a":2}]}}"#,
                Err(InvalidJson::DuplicateMember),
            ),
            (&deep, Err(InvalidJson::TooDeep)),
            (&deep_hole, Err(InvalidJson::TooDeep)),
            (&many, Err(InvalidJson::TooMany)),
            ("", Err(InvalidJson::Syntax)),
            ("{", Err(InvalidJson::Syntax)),
            ("{}{}", Err(InvalidJson::Syntax)),
            ("{} x", Err(InvalidJson::Syntax)),
            ("{'a':1}", Err(InvalidJson::Syntax)),
            ("{\"a\":1,}", Err(InvalidJson::Syntax)),
            ("{\"a\":01}", Err(InvalidJson::Syntax)),
            ("{\"a\":NaN}", Err(InvalidJson::Syntax)),
            ("{\"a\":1e999}", Err(InvalidJson::Syntax)),
            ("\u{feff}{}", Err(InvalidJson::Syntax)),
            ("{\"a\":\"\n\"}", Err(InvalidJson::Syntax)),
            (r#"{"a":"\ud800"}"#, Err(InvalidJson::Syntax)),
            ("{\"a\":\"\\x41\"}", Err(InvalidJson::Syntax)),
            ("/* */{}", Err(InvalidJson::Syntax)),
            ("{a:1}", Err(InvalidJson::Syntax)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text.as_bytes(), 64).map(drop), expected, "{text:.40}");
        }
        // Beyond a few members, names are looked up and not compared one by one.
        for members in 1..FEW * 3 {
            let names: Vec<_> = (0..members).map(|name| format!("\"m{name}\":0.5")).collect();
            let (unique, first) = (names.join(","), &names[0]);
            let parsed = parse(format!("{{{unique}}}").as_bytes(), 64).map(drop);
            assert_eq!(parsed, Ok(()), "{members}");
            for again in [first, &names[members - 1]] {
                let parsed = parse(format!("{{{unique},{again}}}").as_bytes(), 64).map(drop);
                assert_eq!(parsed, Err(InvalidJson::DuplicateMember), "{members}");
            }
        }
        assert_eq!(parse(b"{\"a\":\"\xff\"}", 64), Err(InvalidJson::Syntax));
        assert_eq!(Object::parse(b"[]", 64), Err(InvalidJson::NotAnObject));
    }
}

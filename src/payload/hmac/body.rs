//! Bodies that have to be read before they can be verified: JSON and forms. Strictly, and only up to a size.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::payload::NotAuthentic;

/// The largest body that is parsed before it is verified, in bytes.
pub(in crate::payload) const MAX_PARSED: usize = 1024 * 1024;
/// The most values in a JSON text. Of the smallest, 1 MiB would take 80 MB; no sender's are so small.
const MAX_VALUES: u32 = 64 * 1024;
/// The most fields of a form.
const MAX_FIELDS: usize = 1000;

/// The fields of a form, decoded and in their order.
pub(in crate::payload) type Form = Vec<(Vec<u8>, Vec<u8>)>;

/// A body's fields, where a scheme needs them.
#[derive(Debug, Clone)]
pub(in crate::payload) enum Fields {
    None,
    Json(Value),
    Form(Form),
}

/// Refused before any work: larger than what is parsed.
pub(in crate::payload) fn within_limit(body: &[u8]) -> Result<&[u8], NotAuthentic> {
    if body.len() > MAX_PARSED {
        return Err(NotAuthentic::BodyTooLarge { limit: MAX_PARSED });
    }
    Ok(body)
}

/// JSON without a repeated name in any object: readers would differ on which of them counts. Of 65,536 values at most.
pub(in crate::payload) fn parse_json(body: &[u8]) -> Result<Value, NotAuthentic> {
    let left = Cell::new(MAX_VALUES);
    let mut reader = serde_json::Deserializer::from_slice(within_limit(body)?);
    let read = Strict { left: &left }.deserialize(&mut reader).and_then(|value| {
        reader.end()?;
        Ok(value)
    });
    read.map_err(|_| NotAuthentic::MalformedBody)
}

/// The value at a path of names, `event.id`.
pub(in crate::payload) fn at_path<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.')
        .try_fold(value, |value, name| value.as_object()?.get(name))
}

/// What a value looks like in a signed text: a string without its quotes, an integer or a boolean as it is written.
/// Nothing else has one form only.
pub(in crate::payload) fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) if number.is_u64() || number.is_i64() => Some(Cow::Owned(number.to_string())),
        Value::Bool(truth) => Some(Cow::Borrowed(if *truth { "true" } else { "false" })),
        _ => None,
    }
}

/// A form as `application/x-www-form-urlencoded`, its fields decoded and in their order.
pub(in crate::payload) fn parse_form(body: &[u8]) -> Result<Form, NotAuthentic> {
    let mut fields = Vec::new();
    for pair in within_limit(body)?.split(|byte| *byte == b'&') {
        if pair.is_empty() && body.is_empty() {
            break;
        }
        let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at(equals);
        let decoded = (
            percent_decode(name),
            percent_decode(value.get(1..).unwrap_or_default()),
        );
        match decoded {
            (Some(name), Some(value)) if fields.len() < MAX_FIELDS => fields.push((name, value)),
            _ => return Err(NotAuthentic::MalformedBody),
        }
    }
    Ok(fields)
}

/// The only field of this name.
pub(in crate::payload) fn form_field<'f>(fields: &'f [(Vec<u8>, Vec<u8>)], name: &str) -> Option<&'f [u8]> {
    let mut found = fields
        .iter()
        .filter(|(candidate, _)| candidate == name.as_bytes());
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Some(value),
        _ => None,
    }
}

fn percent_decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?,
            other => other,
        });
    }
    Some(decoded)
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// What stands for a body in which every character beyond ASCII is written `\uXXXX`, in pieces.
pub(in crate::payload) fn escaped(text: &str, sink: &mut dyn FnMut(&[u8])) {
    let mut rest = text;
    while let Some(position) = rest.bytes().position(|byte| !byte.is_ascii()) {
        let (plain, after) = rest.split_at(position);
        sink(plain.as_bytes());
        let mut characters = after.chars();
        let mut units = [0; 2];
        for unit in characters.next().unwrap_or_default().encode_utf16(&mut units) {
            sink(&escape(*unit));
        }
        rest = characters.as_str();
    }
    sink(rest.as_bytes());
}

fn escape(unit: u16) -> [u8; 6] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |shift: u16| {
        DIGITS
            .get(usize::from(unit >> shift & 15))
            .copied()
            .unwrap_or(b'0')
    };
    [b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]
}

/// Reads a JSON value in which no object has a name twice, and of which there are so many values left.
#[derive(Clone, Copy)]
struct Strict<'l> {
    left: &'l Cell<u32>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.left.get().checked_sub(1);
        self.left
            .set(left.ok_or_else(|| D::Error::custom("too many values"))?);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without repeated names")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(truth.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self)?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name is repeated"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_means_one_thing() {
        let cases = [
            (r#"{"a":{"b":1}}"#, Ok(json!({"a": {"b": 1}}))),
            (r#"[true,null,"x",-1,0.5]"#, Ok(json!([true, null, "x", -1, 0.5]))),
            (r#"{"a":1,"a":2}"#, Err(NotAuthentic::MalformedBody)),
            (r#"{"x":[{"a":1,"\u0061":2}]}"#, Err(NotAuthentic::MalformedBody)),
            (r#"{"a":1} x"#, Err(NotAuthentic::MalformedBody)),
            (r#"{"a":1"#, Err(NotAuthentic::MalformedBody)),
            ("", Err(NotAuthentic::MalformedBody)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_json(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(
            parse_json("[".repeat(100_000).as_bytes()),
            Err(NotAuthentic::MalformedBody)
        );
        let list = |values: u32| format!("[{}0]", "{},".repeat(values as usize - 2));
        assert!(parse_json(list(MAX_VALUES).as_bytes()).is_ok());
        assert_eq!(
            parse_json(list(MAX_VALUES + 1).as_bytes()),
            Err(NotAuthentic::MalformedBody)
        );
        let huge = vec![b' '; MAX_PARSED + 1];
        assert_eq!(
            parse_json(&huge),
            Err(NotAuthentic::BodyTooLarge { limit: MAX_PARSED })
        );
    }

    /// 1.0, 1.00 and 1e0 are one number, and whoever signs its text has signed one of them.
    #[test]
    fn a_number_with_a_fraction_has_no_one_text() {
        let cases = [
            ("-7", Some("-7")),
            ("18446744073709551615", Some("18446744073709551615")),
            ("true", Some("true")),
            (r#""1.5""#, Some("1.5")),
            ("1.5", None),
            ("1e3", None),
            ("null", None),
            ("[1]", None),
        ];
        for (text, expected) in cases {
            let value = parse_json(text.as_bytes()).unwrap();
            assert_eq!(scalar(&value).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn forms_are_decoded_or_refused() {
        let field = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        let cases = [
            ("", Ok(vec![])),
            ("a=1&b=%2B+2", Ok(vec![field("a", "1"), field("b", "+ 2")])),
            ("a=1&a=2", Ok(vec![field("a", "1"), field("a", "2")])),
            ("a", Ok(vec![field("a", "")])),
            ("a=b=c", Ok(vec![field("a", "b=c")])),
            ("a=%2", Err(NotAuthentic::MalformedBody)),
            ("a=%zz", Err(NotAuthentic::MalformedBody)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_form(text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(
            parse_form("&".repeat(MAX_FIELDS).as_bytes()),
            Err(NotAuthentic::MalformedBody)
        );
    }

    #[test]
    fn characters_beyond_ascii_are_escaped_in_lower_case() {
        let cases = [
            ("", ""),
            ("plain \\u00E4", "plain \\u00E4"),
            ("äöå", "\\u00e4\\u00f6\\u00e5"),
            ("a\u{1f600}b", "a\\ud83d\\ude00b"),
        ];
        for (text, expected) in cases {
            let mut written = Vec::new();
            escaped(text, &mut |piece| written.extend_from_slice(piece));
            assert_eq!(String::from_utf8_lossy(&written), expected);
        }
    }
}

//! JSON as other libraries would have written it, without reading numbers or texts: of a body only the layout changes.

use serde::de::IgnoredAny;

/// How often a text may grow: escapes make six bytes of two, indentation makes more.
const GROWTH: usize = 4;

/// How strings are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strings {
    pub(super) name: &'static str,
    /// Whether a character is written `\uXXXX`, beyond those that JSON demands.
    escapes: fn(char) -> bool,
    is_upper: bool,
    escapes_slash: bool,
}

/// How white space is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) name: &'static str,
    comma: &'static str,
    colon: &'static str,
    /// What a level is indented by, where each value has a line of its own.
    indent: Option<&'static str>,
}

const fn strings(name: &'static str, escapes: fn(char) -> bool) -> Strings {
    Strings {
        name,
        escapes,
        is_upper: false,
        escapes_slash: false,
    }
}

const fn indented(name: &'static str, indent: &'static str) -> Layout {
    Layout {
        name,
        comma: ",",
        colon: ": ",
        indent: Some(indent),
    }
}

fn none(_: char) -> bool {
    false
}

fn beyond_ascii(character: char) -> bool {
    !character.is_ascii()
}

fn of_html(character: char) -> bool {
    matches!(character, '<' | '>' | '&' | '\u{2028}' | '\u{2029}')
}

fn of_dot_net(character: char) -> bool {
    beyond_ascii(character) || matches!(character, '<' | '>' | '&' | '\'' | '+' | '`')
}

pub(super) const STRINGS: [Strings; 7] = [
    strings("without escapes that can be left out", none),
    strings(
        "with \\u escapes in lower case, as Python writes it",
        beyond_ascii,
    ),
    Strings {
        is_upper: true,
        ..strings("with \\u escapes in upper case", beyond_ascii)
    },
    Strings {
        escapes_slash: true,
        ..strings("with \\u escapes and \\/, as PHP writes it", beyond_ascii)
    },
    Strings {
        escapes_slash: true,
        ..strings("with \\/", none)
    },
    strings("with <, > and & escaped, as Go writes it", of_html),
    Strings {
        is_upper: true,
        ..strings("with the escapes of .NET", of_dot_net)
    },
];

pub(super) const LAYOUTS: [Layout; 5] = [
    Layout {
        name: "without white space",
        comma: ",",
        colon: ":",
        indent: None,
    },
    Layout {
        name: "with a space after commas and colons, as Python writes it",
        comma: ", ",
        colon: ": ",
        indent: None,
    },
    indented("indented by two spaces", "  "),
    indented("indented by four spaces", "    "),
    indented("indented by tabs", "\t"),
];

/// A JSON text, cut into its tokens.
pub(super) struct Json<'t> {
    tokens: Vec<&'t str>,
    text: &'t str,
}

impl<'t> Json<'t> {
    /// The tokens of what is JSON; nothing of what is none.
    pub(super) fn read(body: &'t [u8]) -> Option<Self> {
        let text = str::from_utf8(body).ok()?;
        serde_json::from_str::<IgnoredAny>(text).ok()?;
        let mut tokens = Vec::new();
        let mut rest = text.trim_start_matches(is_space);
        while !rest.is_empty() {
            let (token, after) = rest.split_at_checked(token_length(rest))?;
            tokens.push(token);
            rest = after.trim_start_matches(is_space);
        }
        Some(Self { tokens, text })
    }

    /// The text with its strings written so, and everything else as it is.
    pub(super) fn with_strings(&self, strings: &Strings) -> Option<String> {
        let mut written = String::with_capacity(self.text.len());
        let mut rest = self.text;
        for token in &self.tokens {
            let at = rest.find(token)?;
            let (space, after) = rest.split_at_checked(at)?;
            written.push_str(space);
            strings.write(token, &mut written)?;
            self.check_growth(&written)?;
            rest = after.get(token.len()..)?;
        }
        written.push_str(rest);
        Some(written)
    }

    /// The text laid out so.
    pub(super) fn laid_out(&self, layout: &Layout) -> Option<String> {
        let mut written = String::with_capacity(self.text.len());
        let (mut depth, mut before) = (0_usize, "");
        for token in &self.tokens {
            let opens = matches!(before, "[" | "{");
            let closes = matches!(*token, "]" | "}");
            depth = depth.saturating_sub(usize::from(closes));
            // What is empty stays on its line.
            if (opens != closes) || before == "," {
                layout.break_line(depth, &mut written);
            }
            match *token {
                "," => written.push_str(layout.comma),
                ":" => written.push_str(layout.colon),
                other => written.push_str(other),
            }
            depth += usize::from(matches!(*token, "[" | "{"));
            before = token;
            self.check_growth(&written)?;
        }
        Some(written)
    }

    /// The text without white space, with the names of each object in order.
    pub(super) fn sorted(&self) -> Option<String> {
        let mut tokens = self.tokens.iter().copied();
        let first = tokens.next()?;
        let sorted = sorted(first, &mut tokens)?;
        tokens.next().is_none().then_some(sorted)
    }

    fn check_growth(&self, written: &str) -> Option<()> {
        (written.len() <= self.text.len().saturating_mul(GROWTH).saturating_add(64)).then_some(())
    }
}

/// One value and all that is in it. As deep as `serde_json` has read it: 128 levels at most.
fn sorted<'t>(first: &'t str, rest: &mut impl Iterator<Item = &'t str>) -> Option<String> {
    match first {
        "[" => {
            let mut items = Vec::new();
            loop {
                match rest.next()? {
                    "]" => return Some(format!("[{}]", items.join(","))),
                    "," => {}
                    token => items.push(sorted(token, rest)?),
                }
            }
        }
        "{" => {
            let mut members = Vec::new();
            loop {
                match rest.next()? {
                    "}" => break,
                    "," => {}
                    name => {
                        rest.next().filter(|token| *token == ":")?;
                        let value = rest.next()?;
                        members.push((name, sorted(value, rest)?));
                    }
                }
            }
            members.sort_by_key(|(name, _)| *name);
            let members = members.iter().map(|(name, value)| format!("{name}:{value}"));
            Some(format!("{{{}}}", members.collect::<Vec<_>>().join(",")))
        }
        scalar => Some(scalar.to_owned()),
    }
}

impl Layout {
    fn break_line(&self, depth: usize, written: &mut String) {
        if let Some(indent) = self.indent {
            written.push('\n');
            (0..depth).for_each(|_| written.push_str(indent));
        }
    }
}

impl Strings {
    /// A token; only strings change. Nothing, where one is no Unicode: half of a pair of surrogates.
    fn write(&self, token: &str, written: &mut String) -> Option<()> {
        if !token.starts_with('"') {
            written.push_str(token);
            return Some(());
        }
        let text: String = serde_json::from_str(token).ok()?;
        written.push('"');
        for character in text.chars() {
            self.write_char(character, written);
        }
        written.push('"');
        Some(())
    }

    fn write_char(&self, character: char, written: &mut String) {
        match character {
            '"' | '\\' => written.extend(['\\', character]),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            '\u{8}' => written.push_str("\\b"),
            '\u{c}' => written.push_str("\\f"),
            '/' if self.escapes_slash => written.push_str("\\/"),
            other if other < ' ' || (self.escapes)(other) => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    written.push_str(&self.escape(*unit));
                }
            }
            other => written.push(other),
        }
    }

    fn escape(&self, unit: u16) -> String {
        if self.is_upper {
            format!("\\u{unit:04X}")
        } else {
            format!("\\u{unit:04x}")
        }
    }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

/// How long the token is that the text begins with: of JSON, so it has an end.
fn token_length(text: &str) -> usize {
    let first = text.as_bytes().first().copied().unwrap_or_default();
    match first {
        b'"' => string_length(text),
        b'[' | b']' | b'{' | b'}' | b',' | b':' => 1,
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b':' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
            text.bytes().position(|byte| ends(&byte)).unwrap_or(text.len())
        }
    }
}

fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let closes = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        closes
    });
    end.map_or(text.len(), |at| at + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{ \"b\" : [1, 2.50,{}, [ ]],\n\"a\":\"\\u00e9/<\\ud83d\\ude00\\\"\" }";

    fn json() -> Json<'static> {
        Json::read(TEXT.as_bytes()).expect("JSON")
    }

    #[test]
    fn a_text_is_laid_out_as_others_write_it() {
        let expected = [
            r#"{"b":[1,2.50,{},[]],"a":"\u00e9/<\ud83d\ude00\""}"#,
            r#"{"b": [1, 2.50, {}, []], "a": "\u00e9/<\ud83d\ude00\""}"#,
            "{\n  \"b\": [\n    1,\n    2.50,\n    {},\n    []\n  ],\n  \"a\": \"\\u00e9/<\\ud83d\\ude00\\\"\"\n}",
        ];
        for (layout, expected) in LAYOUTS.iter().zip(expected) {
            assert_eq!(json().laid_out(layout).as_deref(), Some(expected));
        }
        let sorted = r#"{"a":"\u00e9/<\ud83d\ude00\"","b":[1,2.50,{},[]]}"#;
        assert_eq!(json().sorted().as_deref(), Some(sorted));
    }

    #[test]
    fn only_strings_change_where_they_are_written_anew() {
        let expected = [
            "\"é/<😀\\\"\"",
            r#""\u00e9/<\ud83d\ude00\"""#,
            r#""\u00E9/<\uD83D\uDE00\"""#,
            r#""\u00e9\/<\ud83d\ude00\"""#,
            "\"é\\/<😀\\\"\"",
            "\"é/\\u003c😀\\\"\"",
            r#""\u00E9/\u003C\uD83D\uDE00\"""#,
        ];
        for (strings, expected) in STRINGS.iter().zip(expected) {
            let written = json().with_strings(strings).expect("a text");
            let start = "{ \"b\" : [1, 2.50,{}, [ ]],\n\"a\":";
            assert_eq!(written, format!("{start}{expected} }}"), "{}", strings.name);
        }
    }

    #[test]
    fn what_is_no_json_or_grows_too_much_is_left_alone() {
        assert!(Json::read(b"{\"a\":1").is_none());
        assert!(Json::read(b"\xff").is_none());
        let deep = format!(
            "{}{}{}",
            "[".repeat(100),
            "1,".repeat(5000) + "1",
            "]".repeat(100)
        );
        let json = Json::read(deep.as_bytes()).expect("JSON");
        assert_eq!(json.laid_out(&LAYOUTS[3]), None);
        assert_eq!(json.laid_out(&LAYOUTS[0]).as_deref(), Some(&*deep));
        assert_eq!(json.sorted().as_deref(), Some(&*deep));
    }
}

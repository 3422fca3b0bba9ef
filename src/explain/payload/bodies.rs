//! Bodies that may have been signed in the place of the one that arrived.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::json::{Json, LAYOUTS, STRINGS};
use super::mistake::Mistake;
use crate::payload::percent::decode;

/// The largest body that is rewritten, in bytes.
pub(super) const MAX_REWRITTEN: usize = 1024 * 1024;

/// Takes a body that may have been signed; says whether it was.
pub(super) type TryBody<'t> = dyn FnMut(Mistake, &str, &[u8]) -> bool + 't;

type Rewrite = fn(&[u8]) -> Option<Vec<u8>>;

const PLAIN: &[(Mistake, &str, Rewrite)] = &[
    (
        Mistake::NewlineAdded,
        "without its last line's end it is signed",
        without_newline,
    ),
    (
        Mistake::NewlineAdded,
        "without the last of its line ends it is signed",
        |body| Some(body.strip_suffix(b"\n")?.to_vec()),
    ),
    (
        Mistake::NewlineLost,
        "with a line feed at its end it is signed",
        |body| Some([body, b"\n"].concat()),
    ),
    (
        Mistake::NewlineLost,
        "with CR LF at its end it is signed",
        |body| Some([body, b"\r\n"].concat()),
    ),
    (
        Mistake::SpaceAround,
        "without white space around it it is signed",
        |body| Some(body.trim_ascii().to_vec()),
    ),
    (Mistake::LineEndings, "with LF for CRLF it is signed", |body| {
        replaced(body, b"\r\n", b"\n")
    }),
    (Mistake::LineEndings, "with CRLF for LF it is signed", with_crlf),
    (
        Mistake::ByteOrderMark,
        "without its byte order mark it is signed",
        |body| Some(body.strip_prefix(MARK)?.to_vec()),
    ),
    (
        Mistake::ByteOrderMark,
        "with a byte order mark it is signed",
        |body| Some([MARK, body].concat()),
    ),
    (Mistake::Charset, "as Latin-1 it is signed", as_latin_1),
    (Mistake::Charset, "as Windows-1252 it is signed", as_windows_1252),
    (
        Mistake::Charset,
        "read as Latin-1 and written as UTF-8 it is signed",
        from_latin_1,
    ),
    (
        Mistake::JsonInString,
        "the text that it is a JSON string of is signed",
        |body| Some(serde_json::from_slice::<String>(body).ok()?.into_bytes()),
    ),
    (Mistake::Base64Body, "what it is base64 of is signed", |body| {
        STANDARD.decode(body.trim_ascii()).ok()
    }),
    (Mistake::NothingSigned, "an empty body is signed", |_| {
        Some(Vec::new())
    }),
];

const MARK: &[u8] = b"\xef\xbb\xbf";

/// Each body that may have been signed, the likeliest first, until one was.
pub(super) fn each(body: &[u8], then: &mut TryBody<'_>) -> bool {
    if body.len() > MAX_REWRITTEN {
        return false;
    }
    for (mistake, detail, rewrite) in PLAIN {
        if let Some(signed) = rewrite(body).filter(|signed| signed != body)
            && then(*mistake, detail, &signed)
        {
            return true;
        }
    }
    each_json(body, then) || each_form(body, then)
}

/// JSON in every way in which it is usually written, those first that differ in one thing only.
fn each_json(body: &[u8], then: &mut TryBody<'_>) -> bool {
    let Some(json) = Json::read(body) else {
        return false;
    };
    let mut seen = |mistake, detail: &str, text: String| {
        let line = format!("{text}\n");
        let differs = |text: &str| text.as_bytes() != body;
        (differs(&text) && then(mistake, detail, text.as_bytes()))
            || (differs(&line)
                && then(
                    mistake,
                    &format!("{detail}, with a line feed at its end,"),
                    line.as_bytes(),
                ))
    };
    each_layout(&json, Mistake::JsonWhiteSpace, "", &mut seen)
        || each_strings(&json, &mut seen)
        || each_order(&json, Mistake::JsonKeyOrder, "", &mut seen)
        || each_rewritten(&json, &mut seen)
}

type TryText<'t> = dyn FnMut(Mistake, &str, String) -> bool + 't;

fn each_layout(json: &Json<'_>, mistake: Mistake, also: &str, then: &mut TryText<'_>) -> bool {
    LAYOUTS.iter().any(|layout| {
        let text = json.laid_out(layout);
        text.is_some_and(|text| then(mistake, &format!("{}{also} it is signed", layout.name), text))
    })
}

fn each_strings(json: &Json<'_>, then: &mut TryText<'_>) -> bool {
    STRINGS.iter().any(|strings| {
        let text = json.with_strings(strings);
        text.is_some_and(|text| {
            then(
                Mistake::JsonEscapes,
                &format!("{} it is signed", strings.name),
                text,
            )
        })
    })
}

fn each_order(json: &Json<'_>, mistake: Mistake, also: &str, then: &mut TryText<'_>) -> bool {
    let Some(sorted) = json.sorted() else {
        return false;
    };
    let also = format!(", the names in alphabetical order{also},");
    Json::read(sorted.as_bytes()).is_some_and(|sorted| each_layout(&sorted, mistake, &also, then))
}

/// In several things at once.
fn each_rewritten(json: &Json<'_>, then: &mut TryText<'_>) -> bool {
    STRINGS.iter().any(|strings| {
        let Some(text) = json.with_strings(strings) else {
            return false;
        };
        let Some(json) = Json::read(text.as_bytes()) else {
            return false;
        };
        let also = format!(", {},", strings.name);
        each_layout(&json, Mistake::JsonRewritten, &also, then)
            || each_order(&json, Mistake::JsonRewritten, &also, then)
    })
}

/// What a form leaves as it is: as WHATWG, RFC 3986 and JavaScript's encodeURIComponent have it.
const LEFT: [&[u8]; 3] = [b"*-._", b"-._~", b"-._~!*'()"];

fn each_form(body: &[u8], then: &mut TryBody<'_>) -> bool {
    let is_form = body.is_ascii() && body.contains(&b'=') && !body.contains(&b'{') && !body.contains(&b'\n');
    if !is_form {
        return false;
    }
    let pairs: Vec<Vec<u8>> = body.split(|byte| *byte == b'&').map(decode).collect();
    let ways = LEFT.iter().flat_map(|left| {
        [("+", true), ("%20", true), ("+", false), ("%20", false)].map(|(space, upper)| (*left, space, upper))
    });
    for (left, space, upper) in ways {
        let text: Vec<_> = body
            .split(|byte| *byte == b'&')
            .map(|pair| encoded(pair, left, space, upper))
            .collect();
        let detail = format!("with {space} for a space and its escapes as others write them it is signed");
        let text = text.join(&b'&');
        if text != body && then(Mistake::FormRewritten, &detail, &text) {
            return true;
        }
    }
    let plain = pairs.join(&b'&');
    plain != body
        && then(
            Mistake::FormRewritten,
            "with its escapes undone it is signed",
            &plain,
        )
}

/// A name and its value, each written so.
fn encoded(pair: &[u8], left: &[u8], space: &str, upper: bool) -> Vec<u8> {
    let parts = pair.splitn(2, |byte| *byte == b'=').map(|part| {
        let mut text = String::new();
        for byte in decode(part) {
            match byte {
                b' ' => text.push_str(space),
                byte if byte.is_ascii_alphanumeric() || left.contains(&byte) => text.push(char::from(byte)),
                byte if upper => text.push_str(&format!("%{byte:02X}")),
                byte => text.push_str(&format!("%{byte:02x}")),
            }
        }
        text.into_bytes()
    });
    parts.collect::<Vec<_>>().join(&b'=')
}

fn without_newline(body: &[u8]) -> Option<Vec<u8>> {
    let end = body.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
    let cut = end.and_then(|end| body.get(..=end))?;
    (cut.len() < body.len()).then(|| cut.to_vec())
}

fn replaced(body: &[u8], old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let mut written = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = memchr::memmem::find(rest, old) {
        written.extend_from_slice(rest.get(..at)?);
        written.extend_from_slice(new);
        rest = rest.get(at + old.len()..)?;
    }
    written.extend_from_slice(rest);
    Some(written)
}

fn with_crlf(body: &[u8]) -> Option<Vec<u8>> {
    replaced(&replaced(body, b"\r\n", b"\n")?, b"\n", b"\r\n")
}

fn as_latin_1(body: &[u8]) -> Option<Vec<u8>> {
    let text = str::from_utf8(body).ok()?;
    text.chars()
        .map(|character| u8::try_from(u32::from(character)).ok())
        .collect()
}

fn from_latin_1(body: &[u8]) -> Option<Vec<u8>> {
    Some(
        body.iter()
            .copied()
            .map(char::from)
            .collect::<String>()
            .into_bytes(),
    )
}

/// The characters of Windows-1252 from 0x80 to 0x9F; those that it has none for are left out.
const WINDOWS: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";

fn as_windows_1252(body: &[u8]) -> Option<Vec<u8>> {
    let text = str::from_utf8(body).ok()?;
    let byte = |character: char| match WINDOWS.chars().position(|known| known == character) {
        Some(place) => u8::try_from(place + 0x80).ok(),
        None => u8::try_from(u32::from(character)).ok(),
    };
    text.chars().map(byte).collect()
}

//! Percent-encoding of a query's names and values.

/// The bytes that `+` and `%xx` stand for; what is not of that form stands for itself.
pub(crate) fn decode(text: &[u8]) -> Vec<u8> {
    let mut bytes = text.iter().copied();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut rest = bytes.clone();
                match rest.next().and_then(digit).zip(rest.next().and_then(digit)) {
                    Some((high, low)) => {
                        bytes = rest;
                        high << 4 | low
                    }
                    None => b'%',
                }
            }
            other => other,
        });
    }
    decoded
}

/// The text with the escapes of these characters decoded, and every other byte as it is.
pub(super) fn decode_only(text: &[u8], escapes: &[u8]) -> Vec<u8> {
    let mut rest = text;
    let mut decoded = Vec::with_capacity(text.len());
    while let Some((first, after)) = rest.split_first() {
        let escaped = escape(rest).filter(|(byte, _)| escapes.contains(byte));
        let (byte, after) = escaped.unwrap_or((*first, after));
        decoded.push(byte);
        rest = after;
    }
    decoded
}

/// What the `%xx` at the beginning stands for, and what follows it.
fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [b'%', high, low, rest @ ..] => Some((digit(*high)? << 4 | digit(*low)?, rest)),
        _ => None,
    }
}

/// RFC 3986 §2.3: unreserved characters as they are.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(*byte))
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

/// As a form is encoded (WHATWG URL, the application/x-www-form-urlencoded percent-encode set), with `%20` for a space
/// (RFC 9421 §2.2.8).
#[cfg(feature = "http-signatures")]
pub(super) fn encode_form(bytes: &[u8]) -> String {
    encode(bytes).replace("%2A", "*").replace('~', "%7E")
}

/// Whether the text has one form in a URL: RFC 3986 §2.3.
pub(super) fn is_unreserved(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().all(unreserved)
}

/// The parameters of a query, still encoded.
pub(super) fn parameters(query: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
    let parts = query
        .unwrap_or_default()
        .split('&')
        .filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or((part, "")))
}

/// What a hexadecimal digit stands for.
pub(super) fn digit(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

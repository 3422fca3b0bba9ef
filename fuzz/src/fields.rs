use http::{HeaderMap, HeaderName, HeaderValue};

/// Header fields from lines `name: value`. What is no line, or no field, is left out: the HTTP parser would have refused it.
pub fn headers(lines: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n').take(100) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

/// What stands before the first empty line, and what stands behind it.
pub fn head_and_body(message: &[u8]) -> (&[u8], &[u8]) {
    let end = message.windows(2).position(|two| two == b"\n\n");
    match end {
        Some(end) => (&message[..end], &message[end + 2..]),
        None => (message, &[]),
    }
}

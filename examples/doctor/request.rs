//! A message as somebody has kept it: header fields in a text, what `curl -v` printed, a whole request, or a HAR file.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use rustls::pki_types::UnixTime;
use serde_json::Value;

use crate::Mistake;
use crate::asked::time_of;
use crate::lines::unreadable;

pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// When it arrived, where that is said.
    pub(crate) at: Option<UnixTime>,
}

impl Request {
    pub(crate) fn new() -> Self {
        Self {
            method: Method::POST,
            uri: Uri::from_static("/"),
            headers: HeaderMap::new(),
            body: Vec::new(),
            at: None,
        }
    }
}

pub(crate) fn bytes(option: &str, file: &Path) -> Result<Vec<u8>, Mistake> {
    std::fs::read(file).map_err(unreadable(option, file))
}

/// Header fields line by line, with or without the request's line before them and the body behind an empty one; or the lines
/// that `curl -v` begins with `> `.
pub(crate) fn of_text(option: &str, file: &Path) -> Result<Request, Mistake> {
    let text = bytes(option, file)?;
    let mut request = Request::new();
    let of_curl: Vec<u8> = sent_by_curl(&text);
    let text = if of_curl.is_empty() { text } else { of_curl };
    let mut rest = text.as_slice();
    for number in 1.. {
        let (line, after) = first_line(rest);
        rest = after;
        if line.is_empty() {
            break;
        }
        let told = || {
            format!(
                "{option} {}, line {number}: neither `name: value` nor a request's line",
                file.display()
            )
        };
        match number == 1 && is_request_line(line) {
            true => set_target(&mut request, line).ok_or_else(told)?,
            false => add_field(&mut request.headers, line).ok_or_else(told)?,
        }
    }
    request.body = rest.to_vec();
    Ok(request)
}

/// What curl has sent, of all that it printed.
fn sent_by_curl(text: &[u8]) -> Vec<u8> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let sent = lines.filter_map(|line| line.strip_prefix(b"> "));
    let head: Vec<&[u8]> = sent.take_while(|line| !line.trim_ascii().is_empty()).collect();
    head.concat()
}

fn first_line(text: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = text.splitn(2, |byte| *byte == b'\n');
    let (line, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    (line.strip_suffix(b"\r").unwrap_or(line), rest)
}

fn is_request_line(line: &[u8]) -> bool {
    line.split(|byte| *byte == b' ')
        .nth(2)
        .is_some_and(|version| version.starts_with(b"HTTP/"))
}

fn set_target(request: &mut Request, line: &[u8]) -> Option<()> {
    let mut words = line.split(|byte| *byte == b' ');
    request.method = Method::from_bytes(words.next()?).ok()?;
    request.uri = Uri::try_from(words.next()?).ok()?;
    Some(())
}

fn add_field(headers: &mut HeaderMap, line: &[u8]) -> Option<()> {
    let mut parts = line.splitn(2, |byte| *byte == b':');
    let name = HeaderName::from_bytes(parts.next()?).ok()?;
    let value = HeaderValue::from_bytes(parts.next()?.trim_ascii()).ok()?;
    headers.append(name, value);
    Some(())
}

/// A request of a HAR file: the one of this number, from 1; without a number, the only one that has a body.
pub(crate) fn of_har(option: &str, file: &Path, entry: Option<&str>) -> Result<Request, Mistake> {
    let told = |what: &dyn std::fmt::Display| format!("{option} {}: {what}", file.display());
    let har: Value = serde_json::from_slice(&bytes(option, file)?).map_err(|invalid| told(&invalid))?;
    let entries = har.pointer("/log/entries").and_then(Value::as_array);
    let entries = entries.ok_or_else(|| told(&"holds no log.entries; export it as HAR"))?;
    let chosen = match entry {
        Some(number) => {
            let number: usize = number
                .parse()
                .map_err(|_| format!("--entry {number:?} is no number"))?;
            number.checked_sub(1).and_then(|place| entries.get(place))
        }
        None => {
            let mut posted = entries
                .iter()
                .filter(|entry| entry.pointer("/request/postData").is_some());
            posted.next().filter(|_| posted.next().is_none())
        }
    };
    let chosen = chosen.ok_or_else(|| {
        told(&format_args!(
            "choose one of its {} requests with --entry NUMBER",
            entries.len()
        ))
    })?;
    of_entry(chosen).ok_or_else(|| told(&"a request in it is not as HAR 1.2 has them"))
}

fn of_entry(entry: &Value) -> Option<Request> {
    let kept = entry.get("request")?;
    let mut request = Request::new();
    request.method = kept.get("method")?.as_str()?.parse().ok()?;
    let url: Uri = kept.get("url")?.as_str()?.parse().ok()?;
    request.uri = url.path_and_query()?.as_str().parse().ok()?;
    for field in kept.get("headers")?.as_array()? {
        let (name, value) = (field.get("name")?.as_str()?, field.get("value")?.as_str()?);
        // What HTTP/2 writes in the place of a request's line.
        if !name.starts_with(':') {
            add_field(&mut request.headers, format!("{name}: {value}").as_bytes())?;
        }
    }
    let text = kept
        .pointer("/postData/text")
        .and_then(Value::as_str)
        .unwrap_or_default();
    request.body = match kept.pointer("/postData/encoding").and_then(Value::as_str) {
        Some("base64") => STANDARD.decode(text).ok()?,
        _ => text.as_bytes().to_vec(),
    };
    request.at = entry
        .get("startedDateTime")
        .and_then(Value::as_str)
        .and_then(time_of);
    Some(request)
}

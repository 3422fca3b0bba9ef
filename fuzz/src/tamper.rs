use arbitrary::{Result, Unstructured};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

/// When messages are signed, unless the input says otherwise.
pub const NOW: u64 = 1_790_000_000;

/// A message as it arrives.
#[derive(Debug, Clone)]
pub struct Sent {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub now: u64,
}

/// Some bytes of the input, at most so many.
///
/// # Errors
/// Those of `arbitrary`.
pub fn bytes<'a>(choices: &mut Unstructured<'a>, most: usize) -> Result<&'a [u8]> {
    let count = usize::from(choices.arbitrary::<u8>()?)
        .min(most)
        .min(choices.len());
    choices.bytes(count)
}

/// Where a body is cut into pieces: lengths, one after the other.
///
/// # Errors
/// Those of `arbitrary`.
pub fn cuts(choices: &mut Unstructured<'_>) -> Result<Vec<usize>> {
    let count = choices.int_in_range(0..=8)?;
    (0..count)
        .map(|_| choices.arbitrary::<u8>().map(usize::from))
        .collect()
}

/// At most four changes, of the kinds that somebody on the way can make. An input that has ended makes none.
///
/// # Errors
/// Those of `arbitrary`.
pub fn tamper(sent: &mut Sent, choices: &mut Unstructured<'_>) -> Result<()> {
    for _ in 0..choices.int_in_range(0..=4)? {
        match choices.int_in_range(0..=11)? {
            0 => flip(&mut sent.body, choices)?,
            1 => splice(&mut sent.body, choices)?,
            2 => sent.body.extend_from_slice(bytes(choices, 64)?),
            3 => {
                sent.now = sent
                    .now
                    .saturating_add_signed(i64::from(choices.arbitrary::<i16>()?))
            }
            4 => sent.uri = uri(choices)?.unwrap_or_else(|| sent.uri.clone()),
            5 => sent.method = choices.choose(&[Method::POST, Method::GET, Method::PUT])?.clone(),
            6 => remove(&mut sent.headers, choices)?,
            7 => repeat(&mut sent.headers, choices)?,
            8 => change(&mut sent.headers, choices, |value, choices| {
                *value = bytes(choices, 255)?.to_vec();
                Ok(())
            })?,
            9 => change(&mut sent.headers, choices, splice)?,
            10 => change(&mut sent.headers, choices, |value, choices| {
                value.extend_from_slice(bytes(choices, 64)?);
                Ok(())
            })?,
            _ => change(&mut sent.headers, choices, |value, choices| flip(value, choices))?,
        }
    }
    Ok(())
}

fn uri(choices: &mut Unstructured<'_>) -> Result<Option<Uri>> {
    let text = bytes(choices, 64)?;
    Ok(Uri::try_from([b"/", text].concat()).ok())
}

fn flip(bytes: &mut [u8], choices: &mut Unstructured<'_>) -> Result<()> {
    if !bytes.is_empty() {
        let place = choices.choose_index(bytes.len())?;
        bytes[place] ^= 1 << choices.int_in_range(0..=7)?;
    }
    Ok(())
}

/// Takes a part out, and puts another in.
fn splice(text: &mut Vec<u8>, choices: &mut Unstructured<'_>) -> Result<()> {
    let begin = choices.int_in_range(0..=text.len())?;
    let end = choices.int_in_range(begin..=text.len().min(begin + 64))?;
    text.splice(begin..end, bytes(choices, 64)?.iter().copied());
    Ok(())
}

fn name(headers: &HeaderMap, choices: &mut Unstructured<'_>) -> Result<Option<HeaderName>> {
    let names: Vec<_> = headers.keys().cloned().collect();
    match names.is_empty() {
        true => Ok(None),
        false => choices.choose(&names).cloned().map(Some),
    }
}

fn remove(headers: &mut HeaderMap, choices: &mut Unstructured<'_>) -> Result<()> {
    if let Some(name) = name(headers, choices)? {
        headers.remove(name);
    }
    Ok(())
}

/// The same once more, or another beside it.
fn repeat(headers: &mut HeaderMap, choices: &mut Unstructured<'_>) -> Result<()> {
    let Some(name) = name(headers, choices)? else {
        return Ok(());
    };
    let value = match choices.arbitrary()? {
        true => headers.get(&name).cloned(),
        false => HeaderValue::from_bytes(bytes(choices, 255)?).ok(),
    };
    if let Some(value) = value {
        headers.append(name, value);
    }
    Ok(())
}

fn change<'a>(
    headers: &mut HeaderMap,
    choices: &mut Unstructured<'a>,
    how: impl FnOnce(&mut Vec<u8>, &mut Unstructured<'a>) -> Result<()>,
) -> Result<()> {
    let Some(name) = name(headers, choices)? else {
        return Ok(());
    };
    let mut value = headers
        .get(&name)
        .map_or_else(Vec::new, |value| value.as_bytes().to_vec());
    how(&mut value, choices)?;
    if let Ok(value) = HeaderValue::from_bytes(value.trim_ascii()) {
        headers.insert(name, value);
    }
    Ok(())
}

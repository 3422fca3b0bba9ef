use std::borrow::Cow;
use std::collections::HashSet;

use crate::payload::SchemeText;
use crate::payload::jose::json::{Json, Object, plain};
use crate::payload::jose::{Algorithm, InvalidJwt, JwtPart};

/// The most values in a header.
const MAX_VALUES: u32 = 128;
/// The longest name of a key, in bytes.
const MAX_KID: usize = 256;

/// A protected header, checked. What it says of keys and where to find them (`jwk`, `jku`, `x5c`, `x5u`) is not even
/// read: RFC 7515 §4.1.2 to §4.1.6 are for receivers that trust the sender to name the key.
#[derive(Debug, PartialEq)]
pub(in crate::payload::jose) struct Header<'h> {
    pub(in crate::payload::jose) algorithm: Algorithm,
    pub(in crate::payload::jose) kid: Option<Cow<'h, str>>,
    pub(in crate::payload::jose) typ: Option<Cow<'h, str>>,
    pub(in crate::payload::jose) cty: Option<Cow<'h, str>>,
    pub(in crate::payload::jose) payload: PayloadForm,
}

/// Whether the payload is encoded before it is signed (RFC 7797 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::payload::jose) enum PayloadForm {
    Base64Url,
    Unencoded,
}

impl<'h> Header<'h> {
    pub(in crate::payload::jose) fn parse(json: &'h [u8]) -> Result<Self, InvalidJwt> {
        of_texts(json).map_or_else(|| Self::parse_any(json), Ok)
    }

    fn parse_any(json: &'h [u8]) -> Result<Self, InvalidJwt> {
        let members = Object::parse(json, MAX_VALUES).map_err(|problem| InvalidJwt::Json {
            part: JwtPart::Header,
            problem,
        })?;
        check_critical(&members)?;
        Ok(Self {
            algorithm: algorithm(&members)?,
            kid: kid(&members)?,
            typ: text(&members, "typ")?,
            cty: text(&members, "cty")?,
            payload: payload_form(&members)?,
        })
    }
}

fn algorithm(members: &Object<'_>) -> Result<Algorithm, InvalidJwt> {
    let name = text(members, "alg")?.ok_or_else(|| InvalidJwt::missing("alg"))?;
    Algorithm::from_jose(&name).ok_or(InvalidJwt::UnknownAlgorithm)
}

fn kid<'h>(members: &Object<'h>) -> Result<Option<Cow<'h, str>>, InvalidJwt> {
    let kid = text(members, "kid")?;
    match &kid {
        Some(kid) if !is_kid(kid) => Err(InvalidJwt::of_another_type("kid")),
        _ => Ok(kid),
    }
}

fn is_kid(kid: &str) -> bool {
    kid.len() <= MAX_KID && !kid.chars().any(char::is_control)
}

/// The header of most tokens: few members, all of them text, and nothing to object to. Of any other one nothing is said here.
fn of_texts(json: &[u8]) -> Option<Header<'_>> {
    let (mut algorithm, mut kid, mut typ, mut cty) = (None, None, None, None);
    let (mut names, mut len) = ([""; 6], 0);
    plain::members(std::str::from_utf8(json).ok()?, MAX_VALUES, |name, value| {
        let Json::Text(value) = value else { return None };
        let is_new = !names.contains(&name) && !name.is_empty();
        *names.get_mut(len).filter(|_| is_new)? = name;
        len += 1;
        match name {
            "alg" => algorithm = Some(Algorithm::from_jose(&value)?),
            "kid" if is_kid(&value) => kid = Some(value),
            "typ" => typ = Some(value),
            "cty" => cty = Some(value),
            "kid" | "crit" | "b64" => return None,
            _ => {}
        }
        Some(())
    })?;
    Some(Header {
        algorithm: algorithm?,
        kid,
        typ,
        cty,
        payload: PayloadForm::Base64Url,
    })
}

/// A member that is text, or absent.
pub(in crate::payload::jose) fn text<'h>(
    members: &Object<'h>,
    name: impl AsRef<str> + Into<SchemeText>,
) -> Result<Option<Cow<'h, str>>, InvalidJwt> {
    match members.get(name.as_ref()) {
        None => Ok(None),
        Some(Json::Text(text)) => Ok(Some(text.clone())),
        Some(_) => Err(InvalidJwt::of_another_type(name)),
    }
}

/// What RFC 7515, RFC 7516 and RFC 7518 define themselves, and `crit` must not name (RFC 7515 §4.1.11).
const REGISTERED: [&str; 20] = [
    "alg", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "x5t#S256", "typ", "cty", "crit", "enc", "zip", "epk",
    "apu", "apv", "iv", "tag", "p2s", "p2c",
];

/// RFC 7515 §4.1.11: a list of names, none twice, all in the header, all understood. Only `b64` is.
fn check_critical(members: &Object<'_>) -> Result<(), InvalidJwt> {
    let names = match members.get("crit") {
        None => return Ok(()),
        Some(Json::Array(names)) if !names.is_empty() => names,
        Some(_) => return Err(InvalidJwt::Critical),
    };
    // What may still be named: what has been is taken out.
    let mut left: HashSet<&str> = members.iter().map(|(name, _)| name).collect();
    for name in names {
        match name {
            Json::Text(name) if left.remove(&**name) && !REGISTERED.contains(&&**name) => {}
            _ => return Err(InvalidJwt::Critical),
        }
    }
    match &names[..] {
        [Json::Text(only)] if only == "b64" => Ok(()),
        _ => Err(InvalidJwt::UnknownCritical),
    }
}

/// RFC 7797 §3 and §6. `check_critical` has seen to it that `crit`, where it stands, names `b64` and nothing else.
fn payload_form(members: &Object<'_>) -> Result<PayloadForm, InvalidJwt> {
    match members.get("b64") {
        None => Ok(PayloadForm::Base64Url),
        Some(Json::Bool(_)) if !members.contains("crit") => Err(InvalidJwt::B64NotCritical),
        Some(Json::Bool(true)) => Ok(PayloadForm::Base64Url),
        Some(Json::Bool(false)) => Ok(PayloadForm::Unencoded),
        Some(_) => Err(InvalidJwt::of_another_type("b64")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every header of up to three members of these, in each order, and one that is long.
    fn headers() -> Vec<String> {
        let members = [
            r#""alg":"HS256""#,
            r#""alg":"none""#,
            r#""alg":256"#,
            r#""\u0061lg":"HS256""#,
            r#""kid":"1""#,
            r#""kid":"a\u0000b""#,
            r#""typ":"JWT""#,
            r#""cty":null"#,
            r#""cty":"JWT""#,
            r#""crit":["b64"]"#,
            r#""crit":"b64""#,
            r#""b64":false"#,
            r#""b64":"false""#,
            r#""x5t":"a""#,
            r#""jwk":{"a":1,"a":2}"#,
        ];
        let mut all = vec![String::new()];
        for _ in 0..3 {
            let longer = all
                .iter()
                .flat_map(|before| members.iter().map(move |next| (before, next)));
            let longer = longer.map(|(before, next)| match &**before {
                "" => (*next).to_owned(),
                before => format!("{before},{next}"),
            });
            let longer: Vec<_> = longer.collect();
            all.extend(longer);
        }
        let many = (0..9).map(|number| format!(r#","m{number}":"""#));
        all.push(many.fold(members[0].to_owned(), |before, next| before + &next));
        all.push(format!(r#"{},"kid":"{}""#, members[0], "k".repeat(257)));
        all
    }

    #[test]
    fn a_plain_header_is_read_as_any_other() {
        let mut read = 0;
        for members in headers() {
            let object = format!("{{{members}}}");
            for json in [
                object.clone(),
                format!("{object} "),
                format!("{object}x"),
                format!("[{members}]"),
            ] {
                if let Some(header) = of_texts(json.as_bytes()) {
                    assert_eq!(Header::parse_any(json.as_bytes()), Ok(header), "{json}");
                    read += 1;
                }
            }
        }
        assert!(read > 100, "{read}");
        assert!(of_texts(b"{\"alg\":\"HS256\",\"kid\":\"\xff\"}").is_none());
    }
}

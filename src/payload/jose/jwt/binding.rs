//! Bindings of a token besides its sender: to the body, the request, the certificate of the connection.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{Method, Uri};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::codes::Few;
use crate::identity::CertHash;
use crate::payload::jose::InvalidJwt;
use crate::payload::jose::json::{Json, Object};
use crate::payload::jose::jws::header::text;
use crate::payload::percent::{decode, digit, encode, parameters};
use crate::payload::{ClientCertificate, SchemeText};

/// The claim of a token that carries the SHA-256 of the body, and its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyHash {
    /// The objects around it, from the outside in.
    within: Arc<[SchemeText]>,
    name: SchemeText,
    form: HashForm,
    /// A member beside it that names the hash, and what it must say.
    named: Option<(SchemeText, SchemeText)>,
    of_empty: OfEmpty,
}

/// What a sender claims of a request that has no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OfEmpty {
    /// The hash of nothing.
    Hash,
    /// Nothing.
    Absent,
}

/// An encoding of a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HashForm {
    /// 64 hexadecimal digits.
    Hex,
    /// 43 digits of base64url without padding.
    Base64Url,
    /// 44 digits of base64 with padding.
    Base64,
}

impl BodyHash {
    /// A hash of the body in this claim.
    pub fn in_claim(claim: impl Into<SchemeText>, form: HashForm) -> Self {
        Self::within::<SchemeText>([], claim, form)
    }

    /// A hash of the body in a member of objects in a claim: `within(["webhook", "data"], "hash", ..)` is `webhook.data.hash`.
    pub fn within<N: Into<SchemeText>>(
        objects: impl IntoIterator<Item = N>,
        member: impl Into<SchemeText>,
        form: HashForm,
    ) -> Self {
        Self {
            within: objects.into_iter().map(Into::into).collect(),
            name: member.into(),
            form,
            named: None,
            of_empty: OfEmpty::Hash,
        }
    }

    /// Where the request has no body, the claim may be absent, and is not sent. A body without it is refused.
    #[must_use]
    pub fn absent_without_body(mut self) -> Self {
        self.of_empty = OfEmpty::Absent;
        self
    }

    /// A member beside it must be there and name the hash so, whatever the case.
    #[must_use]
    pub fn named(mut self, member: impl Into<SchemeText>, hash: impl Into<SchemeText>) -> Self {
        self.named = Some((member.into(), hash.into()));
        self
    }

    pub(in crate::payload::jose) fn check(&self, claims: &Object<'_>, body: &[u8]) -> Result<(), InvalidJwt> {
        let outermost = self.within.first().unwrap_or(&self.name);
        if self.leaves_out(body) && claims.get(outermost).is_none() {
            return Ok(());
        }
        let mut object = claims;
        for name in &*self.within {
            object = match object.get(name) {
                Some(Json::Object(inner)) => inner,
                Some(_) => return Err(InvalidJwt::of_another_type(name)),
                None => return Err(InvalidJwt::missing(name)),
            };
        }
        self.check_name(object)?;
        let claimed = hash(object, &self.name, self.form)?;
        if same(&claimed, &Sha256::digest(body).into()) {
            Ok(())
        } else {
            Err(InvalidJwt::OtherBody)
        }
    }

    fn check_name(&self, object: &Object<'_>) -> Result<(), InvalidJwt> {
        let Some((name, wanted)) = &self.named else {
            return Ok(());
        };
        match text(object, name)? {
            None => Err(InvalidJwt::missing(name)),
            Some(given) if given.eq_ignore_ascii_case(wanted) => Ok(()),
            Some(given) => Err(InvalidJwt::Claim {
                name: name.clone(),
                seen: Few::of([&*given]),
                wanted: Few::of([&**wanted]),
            }),
        }
    }

    fn leaves_out(&self, body: &[u8]) -> bool {
        self.of_empty == OfEmpty::Absent && body.is_empty()
    }

    /// The claim and its value that bind a token to this body; nothing where there is none to bind to.
    pub(in crate::payload::jose) fn claim(&self, body: &[u8]) -> Option<(&str, Value)> {
        (!self.leaves_out(body)).then(|| self.claim_of(body))
    }

    fn claim_of(&self, body: &[u8]) -> (&str, Value) {
        let digest = Sha256::digest(body);
        let hash = match self.form {
            HashForm::Hex => hex(&digest),
            HashForm::Base64Url => URL_SAFE_NO_PAD.encode(digest),
            HashForm::Base64 => STANDARD.encode(digest),
        };
        let Some((outermost, inner)) = self.within.split_first() else {
            return (&self.name, hash.into());
        };
        let mut object = Map::from_iter([(self.name.to_string(), Value::from(hash))]);
        if let Some((member, name)) = &self.named {
            object.insert(member.to_string(), (**name).into());
        }
        let nested = inner.iter().rev().fold(object, |object, name| {
            Map::from_iter([(name.to_string(), Value::Object(object))])
        });
        (outermost, Value::Object(nested))
    }
}

/// A claim that holds the SHA-256 of the request without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHash(Request);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Request {
    Atlassian { base_path: String },
    Url { claim: SchemeText, origin: String },
}

/// The claim of Atlassian Connect.
static QSH: SchemeText = SchemeText::fixed("qsh");

impl RequestHash {
    /// `qsh` of Atlassian Connect: method, path below this base path, and the query in canonical form. The body is not
    /// in it.
    pub fn atlassian(base_path: impl Into<String>) -> Self {
        Self(Request::Atlassian {
            base_path: base_path.into(),
        })
    }

    /// The address as the sender has it: this origin (`https://hooks.example`), then path and query as received.
    pub fn url(claim: impl Into<SchemeText>, origin: impl Into<String>) -> Self {
        Self(Request::Url {
            claim: claim.into(),
            origin: origin.into(),
        })
    }

    pub(in crate::payload::jose) fn check(
        &self,
        claims: &Object<'_>,
        method: &Method,
        uri: &Uri,
    ) -> Result<(), InvalidJwt> {
        let (claim, text) = self.text(method, uri);
        // `context-qsh`, which stands for any request, is not a hash and so is refused.
        let claimed = hash(claims, claim, HashForm::Hex)?;
        if same(&claimed, &Sha256::digest(text).into()) {
            Ok(())
        } else {
            Err(InvalidJwt::OtherRequest)
        }
    }

    /// The claim and its value that bind a token to this request.
    pub(in crate::payload::jose) fn claim(&self, method: &Method, uri: &Uri) -> (&SchemeText, String) {
        let (claim, text) = self.text(method, uri);
        (claim, hex(&Sha256::digest(text)))
    }

    fn text(&self, method: &Method, uri: &Uri) -> (&SchemeText, String) {
        match &self.0 {
            Request::Atlassian { base_path } => (&QSH, canonical_request(method, uri, base_path)),
            Request::Url { claim, origin } => {
                let target = uri.path_and_query().map_or("/", |target| target.as_str());
                (claim, format!("{origin}{target}"))
            }
        }
    }
}

/// `METHOD&path&query`: parameters by name, values of one name joined by commas, each percent-encoded anew, the token
/// itself (`jwt`) left out.
fn canonical_request(method: &Method, uri: &Uri, base_path: &str) -> String {
    let path = uri.path();
    let path = path.strip_prefix(base_path.trim_end_matches('/')).unwrap_or(path);
    let path = match path.trim_end_matches('/') {
        "" => "/".to_owned(),
        path => path.replace('&', "%26"),
    };
    // Sorted as they are, not as they are encoded: `/` before `0`, although `%2F` comes after it.
    let mut sorted: Vec<(Vec<u8>, Vec<u8>)> = parameters(uri.query())
        .map(|(name, value)| (decode(name.as_bytes()), decode(value.as_bytes())))
        .filter(|(name, _)| name != b"jwt")
        .collect();
    sorted.sort();
    let mut query = String::new();
    let mut last = None;
    for (name, value) in &sorted {
        match last {
            Some(previous) if previous == name => query.push(','),
            Some(_) => query.extend(["&", &encode(name), "="]),
            None => query.extend([&*encode(name), "="]),
        }
        query.push_str(&encode(value));
        last = Some(name);
    }
    format!("{method}&{path}&{query}")
}

/// RFC 8705 §3: the certificate that the token is bound to, if it is, and that it is this one.
pub(in crate::payload::jose) fn check_confirmation(
    claims: &Object<'_>,
    certificate: Option<ClientCertificate<'_>>,
) -> Result<Option<CertHash>, InvalidJwt> {
    let confirmation = match claims.get("cnf") {
        None => return Ok(None),
        Some(Json::Object(confirmation)) => confirmation,
        Some(_) => return Err(InvalidJwt::of_another_type("cnf")),
    };
    // RFC 7800 §3.1: one that is not understood is not confirmed.
    let mut members = confirmation.iter();
    let (Some(("x5t#S256", Json::Text(thumbprint))), None) = (members.next(), members.next()) else {
        return Err(InvalidJwt::UnknownConfirmation);
    };
    let bound = HashForm::Base64Url
        .decode(thumbprint)
        .ok_or(InvalidJwt::of_another_type("cnf"))?;
    let presented = certificate.ok_or(InvalidJwt::NoCertificate)?.hash();
    if same(&bound, presented.as_bytes()) {
        Ok(Some(presented))
    } else {
        Err(InvalidJwt::OtherCertificate)
    }
}

impl HashForm {
    fn decode(self, text: &str) -> Option<[u8; 32]> {
        let mut hash = [0; 32];
        match self {
            Self::Base64Url | Self::Base64 => {
                // Room for a byte or two more: base64 wants it.
                let mut wide = [0; 34];
                let written = match self {
                    Self::Base64 => STANDARD.decode_slice(text, &mut wide),
                    _ => URL_SAFE_NO_PAD.decode_slice(text, &mut wide),
                };
                if written != Ok(32) {
                    return None;
                }
                hash.copy_from_slice(wide.get(..32)?);
            }
            Self::Hex if text.len() == 64 => {
                for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
                    let [high, low] = pair else { return None };
                    *byte = digit(*high)? << 4 | digit(*low)?;
                }
            }
            _ => return None,
        }
        Some(hash)
    }
}

fn hash(claims: &Object<'_>, name: &SchemeText, form: HashForm) -> Result<[u8; 32], InvalidJwt> {
    match claims.get(name) {
        None => Err(InvalidJwt::missing(name)),
        Some(Json::Text(text)) => form.decode(text).ok_or(InvalidJwt::of_another_type(name)),
        Some(_) => Err(InvalidJwt::of_another_type(name)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn same(left: &[u8; 32], right: &[u8; 32]) -> bool {
    left.ct_eq(right).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_requests() {
        let cases = [
            ("/test?param=value", "", "GET&/test&param=value"),
            ("/base/test?param=value", "/base", "GET&/test&param=value"),
            ("/base", "/base/", "GET&/&"),
            ("/", "", "GET&/&"),
            ("/a/", "", "GET&/a&"),
            ("/a&b?jwt=x", "", "GET&/a%26b&"),
            ("/a?b=2&a=1&b=1", "", "GET&/a&a=1&b=1,2"),
            ("/a?b=x+y%20z&%61=%2a", "", "GET&/a&a=%2A&b=x%20y%20z"),
            ("/a?b&c=%zz", "", "GET&/a&b=&c=%25zz"),
            ("/a?b=-&b=%2F&b=!", "", "GET&/a&b=%21,-,%2F"),
            ("/a?a-=1&a!=2", "", "GET&/a&a%21=2&a-=1"),
        ];
        for (uri, base, expected) in cases {
            let uri: Uri = uri.parse().unwrap();
            assert_eq!(canonical_request(&Method::GET, &uri, base), expected, "{uri}");
        }
        // Published by Atlassian.
        let digest = hex(&Sha256::digest("GET&/test&param=value"));
        assert_eq!(
            digest,
            "be16910858a41fd19ea5c1b4e9decca9a784d1024cb00b2158defe2f29dc86dd"
        );
    }
}

//! Structured fields as the tests of the HTTP working group have them, read and written anew by what verifies RFC 9421's `sf`:
//! a signature over the canonical form counts exactly where the field is read as it should be.
//!
//! `tests/vectors/structured-fields/` is a part of <https://github.com/httpwg/structured-field-tests>: what was written by
//! hand, and each sixteenth of what was generated. `COUNTERSIGN_STRUCTURED_FIELDS` names a file with all of them instead.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::payload::http_signature::{
    HttpSignatureKeyring, HttpSignaturePolicy, HttpSignatureVerifier, InvalidHttpSignature,
};
use countersign::payload::jose::{Algorithm, VerifyingKey};
use countersign::payload::{KeyId, Message, NotAuthentic, Origin, VerifyPayload as _};
use countersign::tenant::TenantId;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use rustls::pki_types::UnixTime;
use serde::Deserialize;

use crate::jose_keys::{SECRET, signing_key};

const NOW: u64 = 1_790_000_000;
const DIGEST: &str = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";

#[derive(Deserialize)]
struct Case {
    name: String,
    raw: Vec<String>,
    header_type: String,
    #[serde(default)]
    must_fail: bool,
    #[serde(default)]
    can_fail: bool,
    canonical: Option<Vec<String>>,
}

impl Case {
    /// A field of this type whose value means nothing else to a verifier.
    fn field(&self) -> &'static str {
        match self.header_type.as_str() {
            "dictionary" => "priority",
            "list" => "client-cert-chain",
            _ => "idempotency-key",
        }
    }

    /// RFC 9651's dates and display strings, which RFC 8941, and so RFC 9421, does not have.
    fn is_newer(&self) -> bool {
        ["date: ", "display-string: "]
            .iter()
            .any(|file| self.name.starts_with(file))
    }

    /// More than is read of one field, which two of all cases have.
    fn is_long(&self) -> bool {
        self.raw.iter().map(String::len).sum::<usize>() > 8 * 1024
    }

    fn canonical(&self) -> String {
        self.canonical.as_ref().unwrap_or(&self.raw).join(", ")
    }

    /// What the verifier says to a signature over the canonical form. `None`: HTTP does not carry such a field.
    fn ask(&self) -> Option<Result<(), NotAuthentic>> {
        let field = HeaderName::from_static(self.field());
        let mut headers = HeaderMap::new();
        for line in &self.raw {
            headers.append(&field, HeaderValue::from_bytes(line.as_bytes()).ok()?);
        }
        let input =
            format!(r#"("@method" "@target-uri" "content-digest" "{field}";sf);created={NOW};keyid="k""#);
        let base = format!(
            "\"@method\": POST\n\"@target-uri\": https://hooks.example/\n\"content-digest\": {DIGEST}\n\"{field}\";sf: {}\n\"@signature-params\": {input}",
            self.canonical()
        );
        let signature = signing_key(Algorithm::Hs256).sign(base.as_bytes()).unwrap();
        headers.insert("content-digest", DIGEST.parse().unwrap());
        headers.insert("signature-input", format!("s={input}").parse().unwrap());
        headers.insert(
            "signature",
            format!("s=:{}:", STANDARD.encode(signature)).parse().unwrap(),
        );
        let (method, uri, now) = (
            Method::POST,
            Uri::from_static("/"),
            UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW)),
        );
        let message = Message::new(&method, &uri, &headers, br#"{"hello": "world"}"#, now);
        Some(verifier().verify_payload(&message).map(drop))
    }
}

fn verifier() -> HttpSignatureVerifier {
    let key = VerifyingKey::hmac(KeyId::new("k"), Algorithm::Hs256, SECRET).unwrap();
    let acme = TenantId::parse("acme").unwrap();
    let keys = HttpSignatureKeyring::builder().keys(acme, [key]).build().unwrap();
    HttpSignatureVerifier::new(
        HttpSignaturePolicy::new(Origin::parse("https://hooks.example").unwrap()),
        keys,
    )
}

fn cases() -> Vec<Case> {
    let named = std::env::var_os("COUNTERSIGN_STRUCTURED_FIELDS");
    let json = match named {
        Some(file) => fs::read(file).expect("a file"),
        None => include_bytes!("../vectors/structured-fields/cases.json").to_vec(),
    };
    serde_json::from_slice(&json).expect("cases as we know them")
}

#[test]
fn structured_fields_are_read_and_written_as_the_working_group_has_them() {
    let (mut good, mut refused, mut either, mut newer, mut unsent, mut empty, mut long) =
        (0, 0, 0, 0, 0, 0, 0);
    let mut wrong = Vec::new();
    let cases = cases();
    for case in &cases {
        let unreadable = Err(NotAuthentic::HttpSignature(InvalidHttpSignature::NotPresent {
            name: case.field().to_owned(),
        }));
        let Some(answer) = case.ask() else {
            if !case.must_fail {
                wrong.push(format!("{}: it cannot be sent", case.name));
            }
            unsent += 1;
            continue;
        };
        if case.is_long() {
            long += 1;
            if answer.is_ok() {
                wrong.push(format!("{}: it is longer than what is read", case.name));
            }
            continue;
        }
        // Without a value there is no field to sign.
        let is_empty = !case.must_fail && case.canonical().is_empty();
        let (count, is_good) = match () {
            () if is_empty => (&mut empty, false),
            () if case.is_newer() && !case.must_fail => (&mut newer, false),
            () if case.must_fail => (&mut refused, false),
            () if case.can_fail && answer != Ok(()) => (&mut either, false),
            () => (&mut good, true),
        };
        if answer != (if is_good { Ok(()) } else { unreadable }) {
            wrong.push(format!("{}: {answer:?}", case.name));
        }
        *count += 1;
    }
    println!(
        "structured fields: {} cases, {good} read and written as they should be, {refused} refused as they should be, {either} refused as one may, \
         {newer} of RFC 9651 refused, {empty} empty, {long} longer than what is read, {unsent} that HTTP does not carry, {} wrong",
        cases.len(),
        wrong.len(),
    );
    assert!(good > 100 && refused > 60, "{good} {refused}");
    assert_eq!(wrong, Vec::<String>::new());
}

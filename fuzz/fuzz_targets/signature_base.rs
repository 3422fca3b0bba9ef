//! DID THEY SAY THIS? HTTP message signatures (RFC 9421) that are rightly made over what their input covers, whatever that is, as another writer of signature
//! bases has it. What counts covers method, target and digest, once each, and names key and time.
#![no_main]

use std::sync::{Arc, LazyLock};

use arbitrary::{Result, Unstructured};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::payload::http_signature::{
    HttpSignatureKeyring, HttpSignaturePolicy, HttpSignatureVerifier,
};
use countersign::payload::jose::{Algorithm, SigningKey};
use countersign::payload::{Message, Origin, VerifyPayload as _};
use countersign_fuzz::{NOW, acme, at, bytes, jose_key, within};
use http::{HeaderMap, HeaderValue, Method, Uri};
use libfuzzer_sys::fuzz_target;

const BODY: &[u8] = br#"{"hello": "world"}"#;
const DIGEST: &str = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";

/// Components of the one request, and what they are of it.
const COMPONENTS: &[(&str, &str)] = &[
    (r#""@method""#, "POST"),
    (r#""@target-uri""#, "https://hooks.example/acme?x=1&y=2"),
    (r#""content-digest""#, DIGEST),
    (r#""@authority""#, "hooks.example"),
    (r#""@scheme""#, "https"),
    (r#""@path""#, "/acme"),
    (r#""@query""#, "?x=1&y=2"),
    (r#""@request-target""#, "/acme?x=1&y=2"),
    (r#""content-type""#, "application/json"),
    (r#""x-twice""#, "a, b"),
    (r#""@query-param";name="x""#, "1"),
    (r#""content-digest";sf"#, DIGEST),
    (r#""x-dict";key="a""#, "1"),
    (r#""x-dict";key="b""#, "?1;x=2"),
    (r#""x-dict";key="c""#, "(1 2)"),
    (r#""x-twice";bs"#, ":YQ==:, :Yg==:"),
];

struct World {
    key: Arc<dyn SigningKey>,
    verifier: HttpSignatureVerifier,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let (key, verifying) = jose_key(Algorithm::Hs256, "k");
    let keys = HttpSignatureKeyring::builder().keys(acme(), [verifying]).build();
    let policy = HttpSignaturePolicy::new(Origin::parse("https://hooks.example").expect("an origin"));
    World {
        key,
        verifier: HttpSignatureVerifier::new(policy, keys.expect("a ring")),
    }
});

// Choices: components, parameters, changes in the text of the input.
fuzz_target!(|data: &[u8]| {
    // An input that ends early has chosen nothing more.
    let _ = play(&mut Unstructured::new(data));
});

fn play(choices: &mut Unstructured<'_>) -> Result<()> {
    let mut covered = Vec::new();
    for _ in 0..choices.int_in_range(0..=8)? {
        covered.push(*choices.choose(COMPONENTS)?);
    }
    let names: Vec<_> = covered.iter().map(|(name, _)| *name).collect();
    let mut input = format!("({}){}", names.join(" "), parameters(choices)?).into_bytes();
    for _ in 0..choices.int_in_range(0..=2)? {
        let begin = choices.int_in_range(0..=input.len())?;
        let end = choices.int_in_range(begin..=input.len().min(begin + 16))?;
        input.splice(begin..end, bytes(choices, 32)?.iter().copied());
    }
    let Ok(input) = String::from_utf8(input) else {
        return Ok(());
    };
    let lines: String = covered
        .iter()
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect();
    let base = format!("{lines}\"@signature-params\": {input}");
    let signature = STANDARD.encode(WORLD.key.sign(base.as_bytes()).expect("signed"));
    let Some(headers) = fields(&input, &signature) else {
        return Ok(());
    };
    let (method, uri) = (Method::POST, Uri::from_static("/acme?x=1&y=2"));
    let message = Message::new(&method, &uri, &headers, BODY, at(NOW));
    if within(input.len(), || WORLD.verifier.verify_payload(&message)).is_ok() {
        judge(&names, &input);
    }
    Ok(())
}

fn parameters(choices: &mut Unstructured<'_>) -> Result<String> {
    let mut text = String::new();
    for _ in 0..choices.int_in_range(0..=5)? {
        let offset = i64::from(choices.arbitrary::<i8>()?);
        text += &match choices.int_in_range(0..=6)? {
            0 => format!(";created={}", NOW.saturating_add_signed(offset)),
            1 => r#";keyid="k""#.to_owned(),
            2 => format!(r#";nonce="{offset}""#),
            3 => r#";alg="hmac-sha256""#.to_owned(),
            4 => format!(";expires={}", NOW.saturating_add_signed(offset)),
            5 => r#";tag="t""#.to_owned(),
            _ => r#";alg="ed25519""#.to_owned(),
        };
    }
    Ok(text)
}

fn fields(input: &str, signature: &str) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert("content-digest", HeaderValue::from_static(DIGEST));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.append("x-twice", HeaderValue::from_static("a"));
    headers.append("x-twice", HeaderValue::from_static("b"));
    headers.append("x-dict", HeaderValue::from_static("a=1,b;x=2"));
    headers.append("x-dict", HeaderValue::from_static("c=( 1  2 )"));
    headers.insert("signature-input", format!("s={input}").parse().ok()?);
    headers.insert("signature", format!("s=:{signature}:").parse().ok()?);
    Some(headers)
}

fn judge(names: &[&str], input: &str) {
    let has = |wanted: &str| names.contains(&wanted);
    let of_target = has(r#""@target-uri""#)
        || (has(r#""@authority""#)
            && (has(r#""@request-target""#) || (has(r#""@path""#) && has(r#""@query""#))));
    let digest = has(r#""content-digest""#) || has(r#""content-digest";sf"#);
    assert!(has(r#""@method""#) && of_target && digest, "{input}");
    let mut once = names.to_vec();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), names.len(), "{input}");
    assert!(input.contains("created=") && input.contains("keyid="), "{input}");
    assert!(!input.contains("ed25519"), "{input}");
}

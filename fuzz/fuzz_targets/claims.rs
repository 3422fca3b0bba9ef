//! DID THEY SAY THIS? Tokens that are rightly signed, whatever their header and their claims are. What counts has, as another reader of JSON sees it, the
//! issuer, the audience, the time, the body, and the certificate that were asked for.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::identity::CertHash;
use countersign::payload::jose::{
    Algorithm, BodyHash, HashForm, JwsVerifier, JwtAt, JwtKeyring, JwtRules, JwtScheme, JwtVerifier,
    SigningKey,
};
use countersign::payload::{ClientCertificate, Message, VerifyPayload as _};
use countersign_fuzz::{NOW, acme, at, bytes, jose_key, within};
use http::{HeaderMap, HeaderValue, Method, Uri};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const HEADER: &str = r#"{"alg":"HS256","kid":"k","typ":"JWT"}"#;
const CLAIMS: &str = r#"{"iss":"issuer","aud":["hooks","x"],"exp":1790000300,"iat":1790000000,"nbf":1789999999,"jti":"1","org":"acme","cnf":{"x5t#S256":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"},"body":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}"#;
const BODY: &[u8] = b"{}";

struct World {
    key: std::sync::Arc<dyn SigningKey>,
    verifier: JwtVerifier,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let (key, verifying) = jose_key(Algorithm::Hs256, "k");
    let keys = JwtKeyring::builder().keys(acme(), JwsVerifier::of_key(verifying));
    let rules = JwtRules::issuer("issuer")
        .audience("hooks")
        .with_tenant_in("org", "{tenant}");
    let rules = rules
        .require_certificate()
        .require_id()
        .with_max_age(Duration::from_secs(600));
    let scheme = JwtScheme::new("test", JwtAt::bearer(), rules)
        .bound_to_body(BodyHash::in_claim("body", HashForm::Hex));
    World {
        key,
        verifier: JwtVerifier::new(scheme, keys.build().expect("a ring")),
    }
});

// Choices: changes in the header, changes in the claims, the time.
fuzz_target!(|data: &[u8]| {
    // An input that ends early has chosen nothing more.
    let _ = play(&mut Unstructured::new(data));
});

fn play(choices: &mut Unstructured<'_>) -> Result<()> {
    let (header, claims) = (changed(HEADER, choices)?, changed(CLAIMS, choices)?);
    let now = NOW.saturating_add_signed(choices.arbitrary::<i16>()?.into());
    let token = mint(&*WORLD.key, &header, &claims);
    let Ok(value) = HeaderValue::try_from(format!("Bearer {token}")) else {
        return Ok(());
    };
    let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, value)]);
    let (method, uri) = (Method::POST, Uri::from_static("/in"));
    let certificate = ClientCertificate::of_hash(CertHash::from([7; 32]));
    let message = Message::new(&method, &uri, &headers, BODY, at(now)).with_certificate(certificate);
    if within(token.len(), || WORLD.verifier.verify_payload(&message)).is_ok() {
        compare(&header, &claims, now);
    }
    Ok(())
}

fn changed(text: &str, choices: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut text = text.as_bytes().to_vec();
    for _ in 0..choices.int_in_range(0..=3)? {
        let begin = choices.int_in_range(0..=text.len())?;
        let end = choices.int_in_range(begin..=text.len().min(begin + 48))?;
        text.splice(begin..end, bytes(choices, 64)?.iter().copied());
    }
    Ok(text)
}

fn mint(key: &dyn SigningKey, header: &[u8], claims: &[u8]) -> String {
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature = key.sign(signed.as_bytes()).expect("signed");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn compare(header: &[u8], claims: &[u8], now: u64) {
    let shown = || (String::from_utf8_lossy(header), String::from_utf8_lossy(claims));
    let [header, claims] = [header, claims].map(|text| {
        serde_json::from_slice::<Value>(text).unwrap_or_else(|error| panic!("{error} {:?}", shown()))
    });
    assert_eq!(
        (&header["alg"], &header["crit"]),
        (&Value::from("HS256"), &Value::Null),
        "{:?}",
        shown()
    );
    let audience = &claims["aud"];
    let is_for_us = audience == "hooks"
        || audience
            .as_array()
            .is_some_and(|all| all.contains(&Value::from("hooks")));
    assert!(
        is_for_us && claims["iss"] == "issuer" && claims["org"] == "acme",
        "{:?}",
        shown()
    );
    let number = |name: &str| {
        claims[name]
            .as_f64()
            .unwrap_or_else(|| panic!("{name} {:?}", shown()))
    };
    // A leeway of a minute at most, and a second for what is rounded.
    assert!(
        number("exp") + 61.0 > now as f64 && number("iat") < now as f64 + 61.0,
        "{now} {:?}",
        shown()
    );
    assert!(number("iat") + 661.0 >= now as f64, "{now} {:?}", shown());
    assert!(
        claims["nbf"].is_null() || number("nbf") < now as f64 + 61.0,
        "{now} {:?}",
        shown()
    );
    assert!(claims["jti"].is_string(), "{:?}", shown());
    let thumbprint = URL_SAFE_NO_PAD.encode([7; 32]);
    assert_eq!(claims["cnf"]["x5t#S256"], thumbprint, "{:?}", shown());
    let body = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert!(
        claims["body"]
            .as_str()
            .is_some_and(|hash| hash.eq_ignore_ascii_case(body)),
        "{:?}",
        shown()
    );
}

//! The same tokens given to us, to `jsonwebtoken` and to `jwt-simple`: where they disagree, the table says why.
//! None of the three accepts what we refuse without a reason that stands here, and the other way round.

use crate::jose_keys as jose;

use std::time::{Duration, SystemTime};

use countersign::payload::Message;
use countersign::payload::jose::{Algorithm, Jwk, JwtAt, JwtKeyring, JwtRules, JwtScheme, UnboundJwts};
use countersign::tenant::TenantId;
use http::{HeaderMap, Method, Uri};
use jose::{SECRET, algorithms, b64, jwk, mint, pem};
use jwt_simple::prelude::{
    ECDSAP256PublicKeyLike as _, ES256PublicKey, HS256Key, MACLike as _, VerificationOptions,
};
use rustls::pki_types::UnixTime;
use serde_json::Value;

const HS: Algorithm = Algorithm::Hs256;
const ES: Algorithm = Algorithm::Es256;

/// Who accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Verdict {
    ours: bool,
    jsonwebtoken: bool,
    jwt_simple: bool,
}

const ALL: Verdict = Verdict {
    ours: true,
    jsonwebtoken: true,
    jwt_simple: true,
};
const NONE: Verdict = Verdict {
    ours: false,
    jsonwebtoken: false,
    jwt_simple: false,
};
const BOTH_PEERS: Verdict = Verdict { ours: false, ..ALL };
const JSONWEBTOKEN: Verdict = Verdict {
    jsonwebtoken: true,
    ..NONE
};
const JWT_SIMPLE: Verdict = Verdict {
    jwt_simple: true,
    ..NONE
};

fn now() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "jsonwebtoken takes no other time")]
    let now = SystemTime::now();
    now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn ours(algorithm: Algorithm, token: &str) -> bool {
    let key = Jwk::parse(jwk(algorithm, "").as_bytes())
        .unwrap()
        .verifier(algorithm, algorithms());
    let keys = JwtKeyring::builder()
        .keys(TenantId::parse("acme").unwrap(), key)
        .build()
        .unwrap();
    let scheme = JwtScheme::new(
        "test",
        JwtAt::bearer(),
        JwtRules::issuer("good").audience("hooks"),
    );
    let (method, uri, headers) = (Method::POST, Uri::from_static("/"), HeaderMap::new());
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now()));
    let message = Message::new(&method, &uri, &headers, b"", now);
    UnboundJwts::new(scheme, keys)
        .recognize_token(token, &message)
        .is_ok()
}

fn jsonwebtoken(algorithm: Algorithm, token: &str) -> bool {
    use jsonwebtoken::{Algorithm as Theirs, DecodingKey, Validation};
    // The process's first test to come here installs it.
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let (theirs, key) = match algorithm {
        Algorithm::Hs256 => (Theirs::HS256, DecodingKey::from_secret(SECRET)),
        _ => (Theirs::ES256, DecodingKey::from_ec_pem(&pem("p256.pub")).unwrap()),
    };
    let mut validation = Validation::new(theirs);
    validation.set_issuer(&["good"]);
    validation.set_audience(&["hooks"]);
    validation.validate_nbf = true;
    jsonwebtoken::decode::<Value>(token, &key, &validation).is_ok()
}

fn jwt_simple(algorithm: Algorithm, token: &str) -> bool {
    let options = VerificationOptions {
        allowed_issuers: Some(["good".to_owned()].into()),
        allowed_audiences: Some(["hooks".to_owned()].into()),
        ..Default::default()
    };
    match algorithm {
        Algorithm::Hs256 => HS256Key::from_bytes(SECRET)
            .verify_token::<Value>(token, Some(options))
            .is_ok(),
        _ => {
            let key = ES256PublicKey::from_pem(std::str::from_utf8(&pem("p256.pub")).unwrap()).unwrap();
            key.verify_token::<Value>(token, Some(options)).is_ok()
        }
    }
}

fn claims(more: &str) -> String {
    format!(r#"{{"iss":"good","aud":"hooks","exp":{}{more}}}"#, now() + 300)
}

fn without(claim: &str, instead: &str) -> String {
    let mut claims: serde_json::Map<String, Value> = serde_json::from_str(&claims("")).unwrap();
    claims.remove(claim);
    let mut text = serde_json::to_string(&claims).unwrap();
    text.truncate(text.len() - 1);
    format!("{text}{instead}}}")
}

#[test]
fn every_disagreement_has_its_reason() {
    let hs = |header: &str, claims: &str| mint(HS, header, claims);
    let plain = |claims: &str| hs(r#"{"alg":"HS256"}"#, claims);
    let good = claims("");
    let ago = |seconds: u64| format!(r#","exp":{}"#, now() - seconds);
    let cases: Vec<(&str, String, Verdict)> = vec![
        ("agreed", plain(&good), ALL),
        (
            "agreed: typ JWT",
            hs(r#"{"alg":"HS256","typ":"JWT"}"#, &good),
            ALL,
        ),
        (
            "agreed: audience in a list",
            plain(&without("aud", r#","aud":["a","hooks"]"#)),
            ALL,
        ),
        (
            "agreed: one bit of the signature",
            plain(&good).replace(".ey", ".ez"),
            NONE,
        ),
        (
            "agreed: none",
            format!("{}.{}.", b64(r#"{"alg":"none"}"#), b64(&good)),
            NONE,
        ),
        (
            "agreed: other algorithm",
            mint(Algorithm::Hs512, r#"{"alg":"HS512"}"#, &good),
            NONE,
        ),
        (
            "agreed: other issuer",
            plain(&without("iss", r#","iss":"evil""#)),
            NONE,
        ),
        (
            "agreed: other audience",
            plain(&without("aud", r#","aud":"evil""#)),
            NONE,
        ),
        (
            "agreed: exp is text",
            plain(&without("exp", r#","exp":"9999999999""#)),
            NONE,
        ),
        (
            "agreed: expired an hour ago",
            plain(&without("exp", &ago(3600))),
            NONE,
        ),
        ("agreed: padded", format!("{}=", plain(&good)), NONE),
        ("agreed: four parts", format!("{}.", plain(&good)), NONE),
        (
            "agreed: alg twice",
            hs(r#"{"alg":"HS256","alg":"HS256"}"#, &good),
            NONE,
        ),
        // RFC 7515 §4.1.11: what is critical and not understood is refused. jsonwebtoken does not look.
        (
            "unknown crit",
            hs(r#"{"alg":"HS256","crit":["x"],"x":1}"#, &good),
            JSONWEBTOKEN,
        ),
        // The list must not be empty.
        (
            "empty crit",
            hs(r#"{"alg":"HS256","crit":[]}"#, &good),
            BOTH_PEERS,
        ),
        // RFC 7797 §7: never in a JWT. jsonwebtoken takes the payload as encoded.
        (
            "b64 false",
            hs(r#"{"alg":"HS256","crit":["b64"],"b64":false}"#, &good),
            JSONWEBTOKEN,
        ),
        // §6: and never outside crit.
        (
            "b64 false, not critical",
            hs(r#"{"alg":"HS256","b64":false}"#, &good),
            BOTH_PEERS,
        ),
        // RFC 7519 §4.1.1: a StringOrURI. jsonwebtoken takes a value that it cannot read for one that is not there,
        // and one that is not there for right, unless `required_spec_claims` says otherwise.
        ("iss number", plain(&without("iss", r#","iss":42"#)), JSONWEBTOKEN),
        ("iss absent", plain(&without("iss", "")), JSONWEBTOKEN),
        ("aud number", plain(&without("aud", r#","aud":7"#)), JSONWEBTOKEN),
        ("aud absent", plain(&without("aud", "")), JSONWEBTOKEN),
        ("sub number", plain(&claims(r#","sub":5"#)), JSONWEBTOKEN),
        // exp is not required by jwt-simple, and it is 15 minutes slack.
        ("exp absent", plain(&without("exp", "")), JWT_SIMPLE),
        (
            "expired ten minutes ago",
            plain(&without("exp", &ago(600))),
            JWT_SIMPLE,
        ),
        // RFC 7519 §4: members that stand twice are refused here, wherever they stand.
        (
            "role twice",
            plain(&claims(r#","role":"user","role":"admin""#)),
            BOTH_PEERS,
        ),
        // RFC 8725 §3.11: a token of another kind.
        (
            "typ at+jwt",
            hs(r#"{"alg":"HS256","typ":"at+jwt"}"#, &good),
            BOTH_PEERS,
        ),
        // RFC 7519 §5.2: a token inside a token.
        ("cty JWT", hs(r#"{"alg":"HS256","cty":"JWT"}"#, &good), BOTH_PEERS),
        // A claim that confirms possession, and that nobody can confirm here (RFC 7800 §3.1).
        ("cnf", plain(&claims(r#","cnf":{"jkt":"x"}"#)), BOTH_PEERS),
    ];
    for (name, token, expected) in cases {
        let verdict = Verdict {
            ours: ours(HS, &token),
            jsonwebtoken: jsonwebtoken(HS, &token),
            jwt_simple: jwt_simple(HS, &token),
        };
        assert_eq!(verdict, expected, "{name}");
    }
}

#[test]
fn nobody_takes_a_psychic_signature() {
    let header = b64(r#"{"alg":"ES256"}"#);
    let good = mint(ES, r#"{"alg":"ES256"}"#, claims(""));
    assert!(ours(ES, &good) && jsonwebtoken(ES, &good) && jwt_simple(ES, &good));
    let psychic = format!("{header}.{}.{}", b64(claims("")), "A".repeat(86));
    assert!(!ours(ES, &psychic) && !jsonwebtoken(ES, &psychic) && !jwt_simple(ES, &psychic));
}

/// What `jsonwebtoken` signs we accept; the other way is in `every_disagreement_has_its_reason`.
#[test]
fn jsonwebtoken_signs_and_we_verify() {
    use jsonwebtoken::{Algorithm as Theirs, EncodingKey, Header};
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let claims: Value = serde_json::from_str(&claims("")).unwrap();
    let cases = [
        (Theirs::HS256, HS, EncodingKey::from_secret(SECRET)),
        (
            Theirs::RS256,
            Algorithm::Rs256,
            EncodingKey::from_rsa_pem(&pem("rsa")).unwrap(),
        ),
        (
            Theirs::PS512,
            Algorithm::Ps512,
            EncodingKey::from_rsa_pem(&pem("rsa")).unwrap(),
        ),
        (Theirs::ES256, ES, EncodingKey::from_ec_pem(&pem("p256")).unwrap()),
        (
            Theirs::ES384,
            Algorithm::Es384,
            EncodingKey::from_ec_pem(&pem("p384")).unwrap(),
        ),
        (
            Theirs::EdDSA,
            Algorithm::EdDsa,
            EncodingKey::from_ed_pem(&pem("ed25519")).unwrap(),
        ),
    ];
    for (theirs, algorithm, key) in cases {
        let token = jsonwebtoken::encode(&Header::new(theirs), &claims, &key).unwrap();
        assert!(ours(algorithm, &token), "{theirs:?}");
    }
}

//! Keys of a verifier that are replaced, and what is known of their use.

use crate::jose_keys as jose;

use std::time::Duration;

use countersign::payload::KeyId;
use countersign::payload::VerifyPayload as _;
use countersign::payload::jose::{
    Algorithm, HmacSigningKey, InvalidJwt, JwsVerifier, JwtKeyring, JwtVerifier, VerifyingKey,
};
use countersign::usage::{NotRetired, Retirement};
use jose::{b64, sign};
use rustls::pki_types::UnixTime;

const HS: Algorithm = Algorithm::Hs256;
const NOW: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000));

fn key(id: &str, secret: u8) -> VerifyingKey {
    VerifyingKey::short_hmac(KeyId::new(id), HS, &[secret; 32]).unwrap()
}

/// Who has signed each of two tokens.
fn verdicts(verifier: &JwsVerifier) -> [Result<String, InvalidJwt>; 2] {
    [1, 2].map(|secret| {
        let key = HmacSigningKey::new(HS, &[secret; 32]).unwrap();
        let token = sign(&key, &b64(r#"{"alg":"HS256"}"#), &b64("payload"));
        let jws = verifier.verify_compact(&token)?;
        Ok(jws.key().to_string())
    })
}

#[test]
fn a_retired_key_verifies_nothing_and_the_other_goes_on() {
    let both = JwsVerifier::of_keys([key("old", 1), key("new", 2)]);
    assert_eq!(verdicts(&both), [Ok("old".to_owned()), Ok("new".to_owned())]);
    let retire = |verifier: &JwsVerifier, id, terms| verifier.retire(&KeyId::new(id), terms, NOW);
    let left = retire(&both, "old", Retirement::forced()).unwrap();
    assert_eq!(
        verdicts(&left),
        [Err(InvalidJwt::Signature), Ok("new".to_owned())]
    );
    let names: Vec<_> = left.usage().map(|(id, _)| id.as_str()).collect();
    assert_eq!(names, ["new"]);
    let refused = |verifier, id, terms| retire(verifier, id, terms).err();
    assert_eq!(
        refused(&left, "old", Retirement::forced()),
        Some(NotRetired::Unknown)
    );
    let an_hour = Retirement::unused_for(Duration::from_secs(3_600));
    assert_eq!(refused(&both, "old", an_hour), Some(NotRetired::NoSuccessor));
    assert!(!left.is_empty() && JwsVerifier::of_keys([]).is_empty());
}

/// Read anew, a key set goes on counting: of the same key under the same algorithm, and of no other.
#[test]
fn counts_go_on_for_the_same_keys() {
    use crate::claims::{BODY, Request, claims, rules, scheme, tenant, token};
    let of = |id: &str, algorithm| {
        VerifyingKey::hmac(KeyId::new(id), algorithm, crate::jose_keys::SECRET).unwrap()
    };
    let uses = |verifier: &JwsVerifier| {
        let usage = verifier.usage();
        usage
            .map(|(id, usage)| (id.to_string(), usage.uses))
            .collect::<Vec<_>>()
    };
    let before = JwsVerifier::of_keys([of("k", HS)]);
    let ring = JwtKeyring::builder()
        .keys(tenant("acme"), before.clone())
        .build()
        .unwrap();
    let request = Request::bearing(&token(&claims("")));
    JwtVerifier::new(scheme(rules()), ring)
        .verify_payload(&request.message(BODY))
        .unwrap();
    assert_eq!(uses(&before), [("k".to_owned(), 1)]);
    for (id, algorithm, counted) in [("k", HS, 1), ("l", HS, 0), ("k", Algorithm::Hs384, 0)] {
        let after = JwsVerifier::of_keys([of(id, algorithm)]).with_history_of(&before);
        assert_eq!(uses(&after), [(id.to_owned(), counted)], "{id} {algorithm}");
    }
}

/// A token stands in logs sooner than one would think: what it says is not shown beside its key.
#[test]
fn a_verified_token_shows_its_key_and_not_what_it_says() {
    let signing = HmacSigningKey::new(HS, &[1; 32]).unwrap();
    let token = sign(&signing, &b64(r#"{"alg":"HS256"}"#), &b64("payload"));
    let verifier = JwsVerifier::of_keys([key("old", 1)]);
    let shown = format!("{:?}", verifier.verify_compact(&token).unwrap());
    assert!(shown.starts_with("Jws { payload: 7, key: "), "{shown}");
    assert!(!shown.contains("payload\""), "{shown}");
}

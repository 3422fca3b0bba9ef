//! Verifiers of tokens and HTTP signatures over a published set of keys: new keys, forgeries, age.

use std::sync::Arc;
use std::time::Duration;

use countersign::codes::{Few, Seen};
use countersign::live::Live;
use countersign::payload::http_signature::{
    HttpSignatureKeyring, HttpSignaturePolicy, HttpSignatureVerifier, HttpSigner, InvalidHttpSignature,
};
use countersign::payload::jose::{
    Algorithm, BodyHash, HashForm, InvalidJwt, JwtAt, JwtKeyring, JwtRules, JwtScheme, JwtVerifier,
    NextFetch, RemoteJwks, SigningKey,
};
use countersign::payload::{
    KeyId, Message, NoKey, NotAuthentic, Origin, Outgoing, SignPayload as _, VerifyPayload as _,
};
use countersign::tenant::TenantId;
use http::{HeaderMap, Method, Uri};
use rustls::pki_types::UnixTime;
use sha2::{Digest as _, Sha256};

use super::{ES, Hand, other, remote, set};
use crate::jose_keys as jose;
use jose::{b64, jwk, jwks, mint};

/// A receiver that trusts what is published here.
fn receiver(keys: RemoteJwks) -> impl Fn(&str, &str, UnixTime) -> Result<(), NotAuthentic> {
    let keyring = JwtKeyring::builder()
        .remote(TenantId::parse("acme").unwrap(), keys)
        .build()
        .unwrap();
    let rules = JwtRules::issuer("issuer").audience("hooks");
    let scheme = JwtScheme::new("test", JwtAt::bearer(), rules);
    // In a `Live`, which is to pass on what the ring says of keys that are not known.
    let verifier = JwtVerifier::new(
        scheme.bound_to_body(BodyHash::in_claim("h", HashForm::Base64Url)),
        Live::new(keyring),
    );
    move |key: &str, header: &str, now: UnixTime| {
        let claims = format!(
            r#"{{"iss":"issuer","aud":"hooks","exp":9999999999,"h":"{}"}}"#,
            b64(Sha256::digest(b""))
        );
        let token = jose::sign(&*jose::named_key(ES, key), &b64(header), &b64(claims));
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        let (method, uri) = (Method::POST, Uri::from_static("/"));
        verifier
            .verify_payload(&Message::new(&method, &uri, &headers, b"", now))
            .map(drop)
    }
}

const TODAY: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000));

const UNAVAILABLE: Result<(), NotAuthentic> = Err(NotAuthentic::NoKey(NoKey::Unavailable));

/// An unknown key is an outage while the set is asked for again, and a refusal after.
#[test]
fn a_token_of_a_new_key() {
    let hand = Hand::default();
    let remote = remote(&hand);
    let receive = receiver(remote.clone());
    let verify = |kid: &str, now: u64| {
        hand.set(now);
        receive("p256", &format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#), TODAY)
    };
    assert_eq!(verify("a", 1_000), UNAVAILABLE);
    assert_eq!(remote.poll(), NextFetch::Fetch);
    remote.fetched(set("a").as_bytes()).unwrap();
    assert_eq!(verify("a", 1_001), Ok(()));
    let unknown = InvalidJwt::UnknownKey {
        kid: Some(Seen::of("b")),
        known: Few::of(["a"]),
    };
    assert_eq!(verify("b", 1_001), Err(NotAuthentic::Jwt(unknown)));
    assert_eq!(verify("b", 1_030), UNAVAILABLE);
    assert_eq!(remote.poll(), NextFetch::Fetch);
    remote.fetched(set("b").as_bytes()).unwrap();
    assert_eq!(verify("b", 1_031), Ok(()));
    assert_eq!(verify("b", 1_030 + 86_400), UNAVAILABLE, "too old");
}

/// The owner of a set changes its key and keeps the name, or gives none: the signature does not match, or nothing in the
/// set is for the algorithm. The set is asked for again, once in each cool-down.
#[test]
fn a_new_key_under_an_old_name() {
    let named = r#"{"alg":"ES256","kid":"a"}"#;
    let bare = r#"{"alg":"ES256"}"#;
    let rsa = |more: &str| jwk(Algorithm::Rs256, more);
    let of = |error| Err(NotAuthentic::Jwt(error));
    let other_algorithm = InvalidJwt::OtherAlgorithm { algorithm: ES };
    let cases = [
        (
            "a name used again",
            named,
            jwks(&[other(r#","kid":"a""#)]),
            InvalidJwt::Signature,
        ),
        ("no names", bare, jwks(&[other("")]), InvalidJwt::Signature),
        (
            "a name used again for another type",
            named,
            jwks(&[rsa(r#","kid":"a""#)]),
            other_algorithm,
        ),
        (
            "no names, another type",
            bare,
            jwks(&[rsa("")]),
            InvalidJwt::NoKey { algorithm: ES },
        ),
        (
            "two without names",
            bare,
            jwks(&[other(""), other("")]),
            InvalidJwt::AmbiguousKey,
        ),
        (
            "broken until now",
            named,
            jwks(&[other(""), r#"{"kty":"EC","kid":"a"}"#.into()]),
            InvalidJwt::UnusableKey,
        ),
    ];
    for (name, header, before, refused) in cases {
        let hand = Hand::default();
        let remote = remote(&hand);
        let receive = receiver(remote.clone());
        let verify = |now: u64| {
            hand.set(now);
            receive("p256", header, TODAY)
        };
        hand.set(1_000);
        assert_eq!(remote.poll(), NextFetch::Fetch, "{name}");
        remote.fetched(before.as_bytes()).unwrap();
        assert_eq!(verify(1_029), of(refused), "{name}: a moment ago");
        assert_eq!(verify(1_030), UNAVAILABLE, "{name}");
        assert_eq!(remote.poll(), NextFetch::Fetch, "{name}");
        remote
            .fetched(jwks(&[jwk(ES, r#","kid":"a""#)]).as_bytes())
            .unwrap();
        assert_eq!(verify(1_031), Ok(()), "{name}");
    }
}

/// A stranger's signatures make no more fetches than made-up names do.
#[test]
fn forgeries_cannot_make_us_flood() {
    let hand = Hand::default();
    let remote = remote(&hand);
    let receive = receiver(remote.clone());
    hand.set(1_000);
    assert_eq!(remote.poll(), NextFetch::Fetch);
    remote.fetched(set("a").as_bytes()).unwrap();
    let (mut fetches, mut refused) = (0, 0);
    for now in 1_001..2_001 {
        hand.set(now);
        let verdict = receive("other_p256", r#"{"alg":"ES256","kid":"a"}"#, TODAY);
        refused += u32::from(verdict == Err(NotAuthentic::Jwt(InvalidJwt::Signature)));
        if remote.poll() == NextFetch::Fetch {
            fetches += 1;
            remote.fetched(set("a").as_bytes()).unwrap();
        }
    }
    assert_eq!((fetches, refused), (33, 1_000 - 33));
}

/// The time of day is set back by a year: keys count for a day all the same, and forward: they are not thrown away.
#[test]
fn keys_age_whatever_the_time_of_day() {
    let hand = Hand::default();
    let remote = remote(&hand);
    let receive = receiver(remote.clone());
    let year = Duration::from_secs(365 * 86_400);
    let verify = |now: u64, day: UnixTime| {
        hand.set(now);
        receive("p256", r#"{"alg":"ES256","kid":"a"}"#, day)
    };
    let back = UnixTime::since_unix_epoch(Duration::from_secs(TODAY.as_secs()) - year);
    let ahead = UnixTime::since_unix_epoch(Duration::from_secs(TODAY.as_secs()) + year);
    hand.set(1_000);
    assert_eq!(remote.poll(), NextFetch::Fetch);
    remote.fetched(set("a").as_bytes()).unwrap();
    for day in [TODAY, back, ahead] {
        assert_eq!(verify(1_000 + 86_399, day), Ok(()));
        assert_eq!(verify(1_000 + 86_400, day), UNAVAILABLE);
    }
}

/// A set without names in which both keys stand while one is replaced, one name twice, and payloads beyond a token's.
#[test]
fn a_remote_set_reads_as_it_is_told() {
    let hand = Hand::default();
    let remote = remote(&hand);
    assert_eq!(remote.poll(), NextFetch::Fetch);
    let both = |more: &str| jwks(&[other(more), jwk(ES, more)]);
    let (bare, named) = (r#"{"alg":"ES256"}"#, r#"{"alg":"ES256","kid":"a"}"#);
    let ambiguous = Err(InvalidJwt::AmbiguousKey);
    for (header, set) in [(bare, both("")), (named, both(r#","kid":"a""#))] {
        remote.fetched(set.as_bytes()).unwrap();
        let token = mint(ES, header, "{}");
        let verdict = |keys: &RemoteJwks| keys.keys().unwrap().verify_compact(&token).map(drop);
        assert_eq!(verdict(&remote), ambiguous, "{header} {set:.40}");
        assert_eq!(
            verdict(&remote.clone().allow_trying_keys()),
            Ok(()),
            "{header} {set:.40}"
        );
    }
    let large = mint(ES, bare, vec![b'x'; 1 << 15]);
    remote.fetched(set("a").as_bytes()).unwrap();
    let verdict = |keys: RemoteJwks| keys.keys().unwrap().verify_compact(&large).map(drop);
    assert_eq!(
        verdict(remote.clone()),
        Err(InvalidJwt::TooLarge { limit: 16 * 1024 })
    );
    assert_eq!(verdict(remote.with_limit(1 << 16)), Ok(()));
}

/// An HTTP message signature is verified with what its sender publishes, by the same rules.
#[test]
fn http_signatures_of_published_keys() {
    let hand = Hand::default();
    let remote = remote(&hand);
    let acme = TenantId::parse("acme").unwrap();
    let origin = || Origin::parse("https://hooks.example").unwrap();
    let keys = HttpSignatureKeyring::builder()
        .remote(acme.clone(), remote.clone())
        .build()
        .unwrap();
    let verifier = HttpSignatureVerifier::new(HttpSignaturePolicy::new(origin()), keys);
    let verify = |key: &str, id: &str, now: u64| {
        hand.set(now);
        let (method, uri) = (Method::POST, Uri::from_static("/in"));
        let key: Arc<dyn SigningKey> = jose::named_key(ES, key).into();
        let signer = HttpSigner::new(origin()).with_key(acme.clone(), KeyId::new(id), key);
        let outgoing = Outgoing::new(&acme, "1", b"{}", TODAY).with_request(&method, &uri);
        let headers = signer.sign_payload(&outgoing).unwrap();
        verifier
            .verify_payload(&Message::new(&method, &uri, &headers, b"{}", TODAY))
            .map(drop)
    };
    let refused = |why| Err(NotAuthentic::HttpSignature(why));
    assert_eq!(verify("p256", "a", 1_000), UNAVAILABLE, "not there yet");
    assert_eq!(remote.poll(), NextFetch::Fetch);
    remote.fetched(set("a").as_bytes()).unwrap();
    assert_eq!(verify("p256", "a", 1_001), Ok(()));
    assert_eq!(
        verify("other_p256", "a", 1_001),
        refused(InvalidHttpSignature::Signature)
    );
    assert_eq!(
        verify("p256", "b", 1_001),
        refused(InvalidHttpSignature::NotFound {
            by: "keyid",
            seen: Few::of(["b"]),
            wanted: Few::of(["a"]),
        })
    );
    // Another key under the old name: asked for again, as for a new name.
    assert_eq!(verify("other_p256", "a", 1_030), UNAVAILABLE);
    assert_eq!(remote.poll(), NextFetch::Fetch);
    remote
        .fetched(jwks(&[other(r#","kid":"a""#)]).as_bytes())
        .unwrap();
    assert_eq!(verify("other_p256", "a", 1_031), Ok(()));
    assert_eq!(verify("p256", "b", 1_060), UNAVAILABLE);
    assert_eq!(verify("other_p256", "a", 1_030 + 86_400), UNAVAILABLE, "too old");
}

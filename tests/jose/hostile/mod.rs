//! Hostile tokens, keys and key sets, by class, each with the exact error. Claims are in `claims`.
//!
//! | class | published as | test |
//! |---|---|---|
//! | `none` in every spelling | CVE-2015-9235 | `algorithms.rs`: `algorithm` |
//! | public key as an HMAC secret | CVE-2016-10555, CVE-2022-29217, CVE-2024-33663, CVE-2026-34950 | `algorithms.rs`: `public_key_as_secret` |
//! | key of the token's own | CVE-2018-0114 | `algorithms.rs`: `embedded_keys_are_never_used` |
//! | URL in the token | the class of `jku` and `x5u` | `algorithms.rs`: `embedded_keys_are_never_used` |
//! | `kid` as path, SQL, a megabyte | the class | `choice.rs`: `choice_of_key` |
//! | `crit` passed over | CVE-2025-59420, CVE-2026-32597 | `tokens.rs`: `critical` |
//! | `b64` | RFC 7797 §6, §7 | `tokens.rs`: `unencoded_payload` |
//! | empty or short secret | CVE-2026-45363 | `choice.rs`: `short_secrets`, `keys.rs`: `keys` |
//! | psychic signatures | CVE-2022-21449 | `algorithms.rs`: `signatures` |
//! | partial comparison | RUSTSEC-2024-0010 | `algorithms.rs`: `signatures` |
//! | many dots | CVE-2025-30204, CVE-2025-27144 | `tokens.rs`: `form` |
//! | lenient base64 | RFC 7515 §2 | `tokens.rs`: `base64url` |
//! | members that stand twice | RFC 7515 §4, RFC 7519 §4 | `tokens.rs`: `header_json`, `claims/said.rs` |
//! | `use`, `key_ops`, `alg` of a key | RFC 7517 §4.2 to §4.4 | `keys.rs`: `keys`, `choice.rs`: `undecided_algorithms` |
//! | weak RSA, ROCA | CVE-2017-15361 | `keys.rs`: `keys`, `algorithms/modulus.rs` |
//! | point not on the curve | the class of invalid-curve attacks | `keys.rs`: `keys` |
//! | two keys of one name | RFC 7517 §4.5 | `choice.rs`: `choice_of_key` |
//! | claim of another type | CVE-2026-25537 | `claims/said.rs`: `every_claim_is_of_its_type_and_says_what_it_must` |
//! | token of another kind | RFC 8725 §3.11 | `claims/kinds.rs`: `types_of_tokens` |
//! | malleable signature as replay key | | `claims/bound.rs`: `a_rewritten_signature_is_the_same_delivery` |
//! | forged PKCS#1 encodings, other salts, numbers out of range | RFC 8017 §8, RFC 8032 §5.1.7 | `one_key.rs`: `forgeries_of_the_key_holder` |
//! | digest trusted | go-fed/httpsig #6 | `http_signature.rs`: `tampered_messages` |

mod algorithms;
mod choice;
mod key_sets;
mod keys;
mod tokens;

use countersign::codes::{Few, Seen};
use countersign::payload::jose::{Algorithm, InvalidJwt, InvalidJwt as No, Jwk, JwsVerifier, JwtPart};

use crate::jose_keys::{algorithms, jwk, mint};

const ES: Algorithm = Algorithm::Es256;

const HS: Algorithm = Algorithm::Hs256;

fn es256() -> JwsVerifier {
    Jwk::parse(jwk(ES, r#","alg":"ES256""#).as_bytes())
        .unwrap()
        .verifier(ES, algorithms())
}

/// A header that is rightly signed, with the payload `{}`.
fn es(header: &str) -> String {
    mint(ES, header, "{}")
}

fn json(problem: countersign::payload::jose::InvalidJson) -> InvalidJwt {
    No::Json {
        part: JwtPart::Header,
        problem,
    }
}

fn base64(part: JwtPart) -> InvalidJwt {
    No::Base64 { part }
}

fn unknown(kid: &str, known: &[&str]) -> InvalidJwt {
    No::UnknownKey {
        kid: Some(Seen::of(kid)),
        known: Few::of(known.iter().copied()),
    }
}

fn check(verifier: &JwsVerifier, cases: &[(&str, String, InvalidJwt)]) {
    for (name, token, expected) in cases {
        assert_eq!(
            verifier.verify_compact(token).err().as_ref(),
            Some(expected),
            "{name}: {token:.200}"
        );
    }
}
